//! An open connection: messages both ways, keep-alive, back-pressure.

use tokio::time::Instant;

use super::*;
use crate::ws::SendError;

#[tokio::test]
async fn text_and_binary_arrive_in_order_and_texts_are_sent() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let (handle, mut peer) = bench.opened(&listener, &address).await;
    write(&mut peer, Message::text("one")).await;
    write(&mut peer, Message::binary(b"two".to_vec())).await;
    assert_eq!(bench.next().await, What::Frame("one".into()));
    assert_eq!(bench.next().await, What::Frame("two".into()));
    handle.send("subscribe".to_owned()).unwrap();
    handle.send("again".to_owned()).unwrap();
    assert_eq!(read(&mut peer).await, Message::text("subscribe"));
    assert_eq!(read(&mut peer).await, Message::text("again"));
    let counts = bench.dialer.counts();
    assert_eq!((counts.frames, counts.bytes, counts.tcp_open), (2, 6, 1));
}

#[tokio::test]
async fn a_ping_is_answered_with_its_own_payload_though_nothing_else_is_written() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let (_handle, mut peer) = bench.opened(&listener, &address).await;
    for payload in ["1700000000000", "", "again"] {
        write(&mut peer, Message::Ping(payload.into())).await;
        assert_eq!(read(&mut peer).await, Message::Pong(payload.into()));
    }
}

#[tokio::test]
async fn each_of_many_pings_at_once_is_answered() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let (_handle, mut peer) = bench.opened(&listener, &address).await;
    for number in 0..20_u8 {
        peer.feed(Message::Ping(vec![number].into())).await.unwrap();
    }
    peer.flush().await.unwrap();
    for number in 0..20_u8 {
        assert_eq!(read(&mut peer).await, Message::Pong(vec![number].into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_at_half_time_and_given_up_at_the_limit() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    // The peer is kept, and neither reads nor writes.
    let (_handle, _peer) = bench.opened(&listener, &address).await;
    let since = Instant::now();
    assert_eq!(bench.closed().await, End::Silent);
    let took = since.elapsed().as_secs_f64();
    assert!((60.0..62.0).contains(&took), "{took} s");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_peer_that_answers_pings_is_kept() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let (_handle, mut peer) = bench.opened(&listener, &address).await;
    for _ in 0..100 {
        let since = Instant::now();
        assert_eq!(read(&mut peer).await, Message::Ping(Vec::new().into()));
        assert!(since.elapsed() <= Duration::from_secs(31));
    }
    write(&mut peer, Message::text("still here")).await;
    assert_eq!(bench.next().await, What::Frame("still here".into()));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_noticed_by_what_cannot_be_written() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings {
        silence_limit: Duration::from_secs(3600),
        ..Settings::default()
    });
    let (handle, _peer) = bench.opened(&listener, &address).await;
    let mut full = false;
    for _ in 0..1000 {
        match handle.send("x".repeat(1 << 18)) {
            Ok(()) => {}
            Err(SendError::Full) => full = true,
            Err(SendError::NotOpen) => break,
        }
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert!(full, "the queue is bounded");
    assert_eq!(bench.closed().await, End::Stuck);
}

#[tokio::test]
async fn a_slow_reader_makes_the_peer_wait_and_loses_nothing() {
    const FRAMES: usize = 4_000;
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let (_handle, peer) = bench.opened(&listener, &address).await;
    let (mut peer, _reads) = peer.split();
    let flood = tokio::spawn(async move {
        for number in 0..FRAMES {
            let text = format!("{number:>16384}");
            peer.send(Message::text(text)).await.expect("written");
        }
    });
    // Whatever runs has run: the flood stands still because nobody reads.
    while bench.events.len() < 16 {
        tokio::task::yield_now().await;
    }
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
    assert!(!flood.is_finished());
    let before = bench.dialer.counts().frames;
    assert!(before <= 18, "{before} frames of 16 kB read for nobody");
    for number in 0..FRAMES {
        let What::Frame(frame) = bench.next().await else {
            panic!("no frame");
        };
        assert_eq!(frame, format!("{number:>16384}"));
    }
    flood.await.unwrap();
}
