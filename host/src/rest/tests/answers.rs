//! What becomes of one request.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::Instant;

use super::*;
use crate::rest::Failure;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn limited(body_bytes_max: usize) -> Settings {
    Settings {
        body_bytes_max,
        ..Settings::default()
    }
}

#[tokio::test]
async fn the_request_says_what_it_must_and_the_answer_comes_whatever_its_status() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    for (request, status) in [(1, "200 OK"), (2, "400 Bad Request"), (3, "503 Later")] {
        bench.get(request, &address, 5);
        let mut stream = accept(&listener).await;
        let head = head(&mut stream).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(
            head.starts_with("GET /depth?limit=5 HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(
            head.contains(&format!("host: 127.0.0.1:{port}\r\n")),
            "{head}"
        );
        assert!(head.contains("user-agent: marketprism/"), "{head}");
        assert!(head.contains("accept-encoding: gzip\r\n"), "{head}");
        assert!(!head.contains("cookie"), "{head}");
        answer(
            &mut stream,
            status,
            "set-cookie: a=b\r\nconnection: close\r\n",
            b"{}",
        )
        .await;
        let done = bench.done().await;
        assert_eq!(done.request, request);
        let answer = done.outcome.unwrap();
        assert_eq!(answer.status.to_string(), status[..3]);
        assert_eq!(answer.body, "{}");
    }
    assert_eq!(bench.client.counts().requests, 3);
    assert_eq!(bench.client.counts().bytes, 6);
}

#[tokio::test]
async fn a_redirect_is_delivered_not_followed() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    bench.get(1, &address, 1);
    serve(
        &listener,
        "302 Found",
        "location: http://127.0.0.1:9/\r\n",
        b"",
    )
    .await;
    assert_eq!(bench.done().await.outcome.unwrap().status, 302);
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(limited(1_000));
    bench.get(1, &address, 1);
    serve(&listener, "200 OK", "connection: close\r\n", &[b'x'; 1_000]).await;
    assert_eq!(bench.done().await.outcome.unwrap().body.len(), 1_000);
    bench.get(2, &address, 1);
    serve(&listener, "200 OK", "connection: close\r\n", &[b'x'; 1_001]).await;
    assert_eq!(bench.done().await.outcome, Err(Failure::TooLarge));
}

#[tokio::test]
async fn gzip_is_read() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    bench.get(1, &address, 1);
    let body = gzip(b"{\"bids\":[]}");
    serve(&listener, "200 OK", "content-encoding: gzip\r\n", &body).await;
    assert_eq!(bench.done().await.outcome.unwrap().body, "{\"bids\":[]}");
}

#[tokio::test]
async fn a_gzip_bomb_is_too_large() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(limited(1 << 20));
    let bomb = gzip(&vec![0; 64 << 20]);
    assert!(bomb.len() < 1 << 20);
    bench.get(1, &address, 1);
    serve(&listener, "200 OK", "content-encoding: gzip\r\n", &bomb).await;
    assert_eq!(bench.done().await.outcome, Err(Failure::TooLarge));
}

#[tokio::test]
async fn what_is_no_gzip_or_no_http_is_unreachable() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    bench.get(1, &address, 1);
    serve(
        &listener,
        "200 OK",
        "content-encoding: gzip\r\nconnection: close\r\n",
        b"no",
    )
    .await;
    let outcome = bench.done().await.outcome;
    assert!(
        matches!(outcome, Err(Failure::Unreachable(_))),
        "{outcome:?}"
    );
    bench.get(2, &address, 1);
    let mut stream = accept(&listener).await;
    stream.write_all(b"SSH-2.0-nonsense\r\n\r\n").await.unwrap();
    let outcome = bench.done().await.outcome;
    assert!(
        matches!(outcome, Err(Failure::Unreachable(_))),
        "{outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_costs_the_time_limit() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let since = Instant::now();
    bench.get(1, &address, 1);
    let _mute = accept(&listener).await;
    let done = bench.done().await;
    assert_eq!(done.outcome, Err(Failure::TimedOut));
    assert!(since.elapsed() < Duration::from_secs(11));
    assert!(done.took >= Duration::from_secs(10));
    assert_eq!(done.waited, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_costs_the_time_limit_too() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    bench.get(1, &address, 1);
    let mut stream = accept(&listener).await;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx")
        .await
        .unwrap();
    assert_eq!(bench.done().await.outcome, Err(Failure::TimedOut));
}

#[tokio::test]
async fn a_refused_port_and_a_foreign_scheme_are_unreachable() {
    let (listener, address) = listen().await;
    drop(listener);
    let mut bench = Bench::new(Settings::default());
    for address in [address, "ftp://127.0.0.1/".parse().unwrap()] {
        bench.get(1, &address, 1);
        let outcome = bench.done().await.outcome;
        assert!(
            matches!(outcome, Err(Failure::Unreachable(_))),
            "{outcome:?}"
        );
    }
    assert_eq!(bench.client.counts().failures, 2);
}
