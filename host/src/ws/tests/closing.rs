//! Ends: who wanted it, what is told, and that the socket is gone.

use tokio::io::AsyncReadExt;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::*;

fn close_frame(code: CloseCode, words: &'static str) -> Message {
    Message::Close(Some(CloseFrame {
        code,
        reason: words.into(),
    }))
}

#[tokio::test]
async fn a_close_is_said_to_the_peer_after_what_was_queued_and_told_once() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let (handle, mut peer) = bench.opened(&listener, &address).await;
    handle.send("unsubscribe".to_owned()).unwrap();
    handle.close();
    assert_eq!(read(&mut peer).await, Message::text("unsubscribe"));
    assert_eq!(read(&mut peer).await, close_frame(CloseCode::Normal, ""));
    assert!(peer.next().await.is_none(), "the end of TCP");
    assert_eq!(bench.closed().await, End::Asked);
    assert_eq!(bench.dialer.counts().tcp_open, 0);
    assert!(bench.events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_ignores_the_close_is_left_after_a_second() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let (handle, _peer) = bench.opened(&listener, &address).await;
    let since = Instant::now();
    handle.close();
    assert_eq!(bench.closed().await, End::Asked);
    assert!(since.elapsed() < Duration::from_millis(1_300));
    assert_eq!(bench.dialer.counts().tcp_open, 0);
}

#[tokio::test]
async fn the_peers_close_is_answered_and_told_with_its_words() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let (_handle, mut peer) = bench.opened(&listener, &address).await;
    write(&mut peer, close_frame(CloseCode::Away, "maintenance")).await;
    assert_eq!(
        read(&mut peer).await,
        close_frame(CloseCode::Away, "maintenance")
    );
    drop(peer);
    let end = bench.closed().await;
    let expected = End::Peer {
        code: 1001,
        words: "maintenance".to_owned(),
    };
    assert_eq!(end, expected);
    assert_eq!(
        end.to_string(),
        "closed by the peer with code 1001: \"maintenance\""
    );
    assert_eq!(bench.dialer.counts().tcp_open, 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_above_the_limit_ends_the_connection_and_says_so_to_the_peer() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings {
        message_bytes_max: 1_000,
        ..Settings::default()
    });
    let (_handle, mut peer) = bench.opened(&listener, &address).await;
    write(&mut peer, Message::text("x".repeat(1_000))).await;
    assert!(matches!(bench.next().await, What::Frame(frame) if frame.len() == 1_000));
    write(&mut peer, Message::text("x".repeat(1_001))).await;
    assert_eq!(read(&mut peer).await, close_frame(CloseCode::Size, ""));
    assert_eq!(bench.closed().await, End::TooLarge);
}

#[tokio::test]
async fn a_dropped_handle_ends_the_connection_without_a_word_to_the_caller() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let (handle, mut peer) = bench.opened(&listener, &address).await;
    drop(handle);
    assert_eq!(read(&mut peer).await, close_frame(CloseCode::Normal, ""));
    assert!(peer.next().await.is_none());
    while bench.dialer.counts().tcp_open > 0 {
        tokio::task::yield_now().await;
    }
    assert!(bench.events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_handle_ends_the_attempts_and_their_half_open_socket() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let handle = bench.open(&address);
    let (mut mute, _) = listener.accept().await.unwrap();
    let mut request = vec![mute.read_u8().await.unwrap()];
    drop(handle);
    mute.read_to_end(&mut request).await.unwrap();
    assert!(request.starts_with(b"GET /feed HTTP/1.1"));
    assert_eq!(bench.dialer.counts().tcp_open, 0);
    assert!(bench.events.try_recv().is_err());
}

#[tokio::test]
async fn a_connection_that_nobody_listens_to_is_closed() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let (_handle, mut peer) = bench.opened(&listener, &address).await;
    drop(bench.events);
    write(&mut peer, Message::text("for nobody")).await;
    assert_eq!(read(&mut peer).await, close_frame(CloseCode::Normal, ""));
}

#[tokio::test]
async fn texts_that_are_not_utf8_end_the_connection() {
    use tokio::io::AsyncWriteExt;
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    let (_handle, mut peer) = bench.opened(&listener, &address).await;
    peer.get_mut().write_all(&[0x81, 1, 0xff]).await.unwrap();
    drop(peer);
    assert!(matches!(bench.closed().await, End::Broken(_)));
}
