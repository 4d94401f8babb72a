//! Trying until it is open.

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::*;
use crate::ws::SendError;

#[tokio::test(start_paused = true)]
async fn a_refused_port_that_opens_later_is_reached_within_the_backoff() {
    let (listener, address) = listen().await;
    let port = listener.local_addr().unwrap();
    drop(listener);
    let mut bench = Bench::new(Settings::default());
    let _handle = bench.open(&address);
    bench.until(|counts| counts.failures >= 12).await;
    let listener = TcpListener::bind(port).await.unwrap();
    let since = Instant::now();
    let _peer = accept(&listener).await;
    assert!(since.elapsed() <= Duration::from_secs(61));
    assert_eq!(bench.next().await, What::Opened);
    assert_eq!(bench.dialer.counts().opened, 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_costs_one_time_limit_and_is_tried_again() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let since = Instant::now();
    let handle = bench.open(&address);
    let mut mute = Vec::new();
    for _ in 0..3 {
        mute.push(listener.accept().await.unwrap());
    }
    assert!(
        since.elapsed() >= Duration::from_secs(20),
        "two time limits"
    );
    assert_eq!(bench.dialer.counts().failures, 2);
    handle.close();
    assert_eq!(bench.closed().await, End::Asked);
    assert_eq!(bench.dialer.counts().tcp_open, 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_handshake_is_a_failure() {
    let (listener, address) = listen().await;
    let bench = Bench::new(Settings::default());
    let _handle = bench.open(&address);
    for answer in [
        "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n",
        "SSH-2.0-nonsense\r\n",
        "",
    ] {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    bench.until(|counts| counts.failures == 3).await;
    assert_eq!(bench.dialer.counts().opened, 0);
}

#[tokio::test(start_paused = true)]
async fn asking_again_at_once_does_not_hammer_a_server_that_hangs_up() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let since = Instant::now();
    let mut openings = 0;
    while since.elapsed() < Duration::from_secs(600) {
        let (_handle, peer) = bench.opened(&listener, &address).await;
        openings += 1;
        drop(peer);
        assert!(matches!(bench.closed().await, End::Broken(_)));
    }
    assert!((10..60).contains(&openings), "{openings} in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_lived_is_replaced_at_once() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    for _ in 0..8 {
        let (_handle, peer) = bench.opened(&listener, &address).await;
        drop(peer);
        bench.closed().await;
    }
    let (_handle, mut peer) = bench.opened(&listener, &address).await;
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(70) {
        // Answers the pings.
        let _ = tokio::time::timeout(Duration::from_secs(5), peer.next()).await;
    }
    drop(peer);
    bench.closed().await;
    let since = Instant::now();
    let _open = bench.opened(&listener, &address).await;
    assert_eq!(since.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn nothing_can_be_sent_before_it_is_open() {
    let (_listener, address) = listen().await;
    let bench = Bench::new(Settings::default());
    let handle = bench.open(&address);
    assert_eq!(handle.send("early".to_owned()), Err(SendError::NotOpen));
}

#[tokio::test]
async fn openings_have_numbers_of_their_own() {
    let (_listener, address) = listen().await;
    let bench = Bench::new(Settings::default());
    let (first, second) = (bench.open(&address), bench.open(&address));
    assert!(first.opening() < second.opening());
}
