//! However a connection ends, its descriptor is closed. Alone in its file: it counts the descriptors of the process.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use marketprism_host::{rest, ws};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Runs the tasks until so many descriptors are open.
async fn back_to(expected: usize) {
    let settled = async {
        while descriptors() != expected {
            tokio::task::yield_now().await;
        }
    };
    let settled = tokio::time::timeout(Duration::from_secs(10), settled).await;
    assert!(settled.is_ok(), "{} instead of {expected}", descriptors());
}

#[tokio::test]
async fn no_descriptor_is_left_however_a_connection_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let web_socket: url::Url = format!("ws://{address}/").parse().unwrap();
    let http: url::Url = format!("http://{address}/").parse().unwrap();
    let (tell, mut events) = mpsc::channel(16);
    let (tell_done, mut done) = mpsc::channel(16);
    let no_wait = ws::Spacing {
        cap: Duration::ZERO,
        ..ws::Spacing::default()
    };
    let settings = ws::Settings {
        spacing: no_wait,
        ..ws::Settings::default()
    };
    let attempts = ws::Attempts::default();
    let dialer = ws::Dialer::new(settings, attempts.clone()).unwrap();
    let budgets = rest::Budgets::new(rest::Limit::per_minute(10_000));
    let before = descriptors();

    for round in 0..40 {
        let handle = dialer.open(round, web_socket.clone(), tell.clone());
        let (stream, _) = listener.accept().await.unwrap();
        if round % 4 == 0 {
            // Ended while it waits for the handshake.
            drop(handle);
            drop(stream);
            back_to(before).await;
            continue;
        }
        let mut peer = accept_async(stream).await.unwrap();
        assert_eq!(events.recv().await.unwrap().what, ws::What::Opened);
        match round % 4 {
            1 => {
                handle.close();
                while peer.next().await.is_some() {}
                let end = events.recv().await.unwrap().what;
                assert_eq!(end, ws::What::Closed(ws::End::Asked));
            }
            2 => {
                drop(handle);
                while peer.next().await.is_some() {}
            }
            _ => {
                peer.send(Message::Close(None)).await.unwrap();
                while peer.next().await.is_some() {}
                drop(peer);
                let end = events.recv().await.unwrap().what;
                assert!(matches!(end, ws::What::Closed(ws::End::Peer { .. })));
                // The handle of a connection that is gone costs nothing.
                back_to(before).await;
                drop(handle);
                continue;
            }
        }
        drop(peer);
        back_to(before).await;
    }
    assert_eq!(dialer.counts().tcp_open, 0);
    assert_eq!(attempts.report()["127.0.0.1"].open, 0);

    for round in 0..20 {
        let client = rest::Client::new(rest::Settings::default(), budgets.clone()).unwrap();
        client.get(round, http.clone(), 1, tell_done.clone());
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.read_u8().await.unwrap() != b'\r' {}
        if round % 2 == 0 {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            assert!(done.recv().await.unwrap().outcome.is_ok());
        }
        drop(client);
        drop(stream);
        back_to(before).await;
    }
}
