//! Connections: how many, how long, which way.

use super::*;
use crate::rest::{Failure, Proxy};

#[tokio::test]
async fn a_connection_is_used_again() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    bench.get(1, &address, 1);
    let mut stream = serve(&listener, "200 OK", "", b"one").await;
    assert_eq!(bench.done().await.outcome.unwrap().body, "one");
    bench.get(2, &address, 1);
    head(&mut stream).await.expect("on the same connection");
    answer(&mut stream, "200 OK", "", b"two").await;
    assert_eq!(bench.done().await.outcome.unwrap().body, "two");
    assert_eq!(bench.client.counts().tcp_open, 1);
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_and_the_request_sent_again() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    bench.get(1, &address, 1);
    let mut stream = serve(&listener, "200 OK", "", b"one").await;
    bench.done().await.outcome.unwrap();
    bench.get(2, &address, 1);
    // The server hangs up just as the request arrives.
    head(&mut stream).await.unwrap();
    drop(stream);
    serve(&listener, "200 OK", "", b"two").await;
    assert_eq!(bench.done().await.outcome.unwrap().body, "two");
    let report = bench.budgets.report();
    assert_eq!(report[0].usage.used, 3, "the second sending is paid for");
}

#[tokio::test]
async fn a_new_connection_that_is_hung_up_is_not_tried_again() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    bench.get(1, &address, 1);
    let mut stream = accept(&listener).await;
    head(&mut stream).await.unwrap();
    drop(stream);
    let outcome = bench.done().await.outcome;
    assert!(
        matches!(outcome, Err(Failure::Unreachable(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn no_more_than_two_connections_to_a_host_name_whatever_is_asked() {
    let (first, one) = listen().await;
    let (second, other) = listen().await;
    serve_all(first);
    serve_all(second);
    let mut bench = Bench::new(Settings::default());
    for request in 0..20 {
        // Two servers of one host name share its two connections.
        let address = if request % 3 == 0 { &one } else { &other };
        bench.get(request, address, 1);
    }
    for _ in 0..20 {
        assert_eq!(bench.done().await.outcome.unwrap().status, 200);
        assert!(bench.client.counts().tcp_open <= 2);
    }
}

#[tokio::test]
async fn abandoned_requests_end_without_a_word_and_their_connections_close() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    for request in 0..5 {
        bench.get(request, &address, 1);
    }
    let (mut one, mut other) = (accept(&listener).await, accept(&listener).await);
    head(&mut one).await.unwrap();
    head(&mut other).await.unwrap();
    bench.client.abandon();
    assert!(head(&mut one).await.is_none());
    assert!(head(&mut other).await.is_none());
    assert!(bench.done.try_recv().is_err());
    bench.get(9, &address, 1);
    serve(&listener, "200 OK", "", b"").await;
    assert_eq!(bench.done().await.request, 9);
}

#[tokio::test]
async fn a_dropped_client_closes_what_it_kept() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    bench.get(1, &address, 1);
    let mut stream = serve(&listener, "200 OK", "", b"").await;
    bench.done().await.outcome.unwrap();
    drop(bench);
    assert!(head(&mut stream).await.is_none());
}

#[tokio::test]
async fn too_many_requests_at_once_fail_and_each_is_told() {
    let (_listener, address) = listen().await;
    let mut bench = Bench::new(Settings {
        requests_max: 3,
        ..Settings::default()
    });
    for request in 0..5 {
        bench.get(request, &address, 1);
    }
    for request in [3, 4] {
        let done = bench.done().await;
        assert_eq!(done.request, request);
        assert!(matches!(done.outcome, Err(Failure::OverBudget(_))));
    }
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_with_the_login() {
    let (proxy, _) = listen().await;
    let login = format!("http://me:geheim@{}", proxy.local_addr().unwrap());
    let mut bench = Bench::new(Settings {
        proxy: Proxy::of(&login.parse().unwrap()),
        ..Settings::default()
    });
    bench.get(1, &"http://api.example/time".parse().unwrap(), 1);
    let mut stream = accept(&proxy).await;
    let asked = head(&mut stream).await.unwrap();
    assert!(
        asked.starts_with("CONNECT api.example:80 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(asked.contains("Basic bWU6Z2VoZWlt\r\n"), "{asked}");
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let inside = head(&mut stream).await.unwrap();
    assert!(
        inside.starts_with("GET /time HTTP/1.1\r\nhost: api.example\r\n"),
        "{inside}"
    );
    assert!(!inside.contains("Basic"), "{inside}");
    answer(&mut stream, "200 OK", "", b"12").await;
    assert_eq!(bench.done().await.outcome.unwrap().body, "12");

    bench.get(2, &"http://other.example/".parse().unwrap(), 1);
    let mut stream = accept(&proxy).await;
    head(&mut stream).await.unwrap();
    stream.write_all(b"HTTP/1.1 407 No\r\n\r\n").await.unwrap();
    let Err(Failure::Unreachable(why)) = bench.done().await.outcome else {
        panic!("reached");
    };
    assert!(why.contains("proxy") && !why.contains("geheim"), "{why}");
}
