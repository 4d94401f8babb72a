//! `tail` against a real nats-server: what is published is shown, and nothing ends it but its end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use marketprism_host::bus::{self, Bus, Room, Settings};
use marketprism_host::tail::{Tail, TailError};
use marketprism_host::wire::{DataType, Message, Subjects, Transport};
use marketprism_tests::nats_server::NatsServer;
use tokio::net::TcpListener;

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn tail(server: &NatsServer, count: Option<u64>) -> Tail {
    Tail {
        settings: settings(server),
        subjects: Subjects::default().patterns(),
        raw: false,
        count,
    }
}

fn settings(server: &NatsServer) -> Settings {
    Settings {
        servers: vec![server.address()],
        connect_timeout: Duration::from_secs(2),
        ..Settings::default()
    }
}

fn message(payload: &'static [u8]) -> Message {
    Message {
        subject: "trade.alpha.spot.BTC-USDT".into(),
        msg_id: None,
        payload: Bytes::from_static(payload),
        data_type: DataType::Trade,
        transport: Transport::Core,
        source: Default::default(),
        stamp: Default::default(),
    }
}

const TRADE: &[u8] =
    br#"{"data_type":"trade","side":"buy","price":"1.50","quantity":"2","trade_id":"7"}"#;

/// Publishes until `done`, each time as soon as the server has taken the last: nobody knows when a reader is there.
async fn publish_until(
    server: &NatsServer,
    payloads: &[&'static [u8]],
    mut done: impl FnMut() -> bool,
) {
    let bus = Bus::connect(&settings(server)).await.unwrap();
    while !done() {
        for payload in payloads {
            bus.publish(&message(payload)).await.unwrap();
        }
        bus.flush().await.unwrap();
    }
}

async fn publish(server: &NatsServer, payloads: &[&'static [u8]]) {
    publish_until(server, payloads, || false).await;
}

/// Hands every line over.
struct Lines {
    begun: Vec<u8>,
    lines: Sender<String>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.begun);
                let _ = self.lines.send(String::from_utf8(line).unwrap());
            } else {
                self.begun.push(*byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines() -> (Box<Lines>, Receiver<String>) {
    let (lines, receiver) = channel();
    let begun = Vec::new();
    (Box::new(Lines { begun, lines }), receiver)
}

/// Runs a tail beside `meanwhile` until the tail ends.
async fn ends(
    tail: Tail,
    output: Box<dyn Write + Send>,
    stopped: impl Future<Output = ()>,
    meanwhile: impl Future<Output = ()>,
) -> Result<(), TailError> {
    let both = async {
        tokio::select! {
            ended = tail.run(output, stopped) => ended,
            () = meanwhile => panic!("the other side ended first"),
        }
    };
    tokio::time::timeout(PATIENCE, both).await.expect("an end")
}

#[tokio::test]
async fn what_is_published_is_shown_and_a_bad_message_ends_nothing() {
    let server = NatsServer::start("").unwrap();
    let (output, lines) = lines();
    let published = publish(&server, &[TRADE, b"\xffnot json", b""]);
    ends(
        tail(&server, Some(6)),
        output,
        std::future::pending(),
        published,
    )
    .await
    .unwrap();
    let lines: Vec<String> = lines.try_iter().collect();
    assert_eq!(lines.len(), 6);
    for wanted in [
        "trade.alpha.spot.BTC-USDT          buy  1.50 x 2  id 7",
        "not json",
        "(empty)",
    ] {
        assert_eq!(
            lines.iter().filter(|line| line.ends_with(wanted)).count(),
            2
        );
    }
}

#[tokio::test]
async fn a_server_that_comes_later_is_found() {
    let mut server = NatsServer::start("").unwrap();
    server.kill();
    let (output, lines) = lines();
    let tail = tail(&server, Some(1));
    let late = async {
        // Whoever answers the first attempt is no server, and hangs up.
        let other = TcpListener::bind(("127.0.0.1", server.port())).await;
        drop(other.unwrap().accept().await.unwrap());
        server.restart().unwrap();
        publish(&server, &[TRADE]).await;
    };
    ends(tail, output, std::future::pending(), late)
        .await
        .unwrap();
    assert_eq!(lines.try_iter().count(), 1);
}

#[tokio::test]
async fn a_connection_that_is_lost_comes_back_with_its_subjects() {
    let mut server = NatsServer::start("").unwrap();
    let (output, lines) = lines();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let tail = tail(&server, None);
    let twice = async {
        publish_until(&server, &[TRADE], || lines.try_recv().is_ok()).await;
        server.restart().unwrap();
        lines.try_iter().for_each(drop);
        publish_until(&server, &[TRADE], || lines.try_recv().is_ok()).await;
        stop.send(()).unwrap();
        std::future::pending().await
    };
    let stopped = async { stopped.await.unwrap() };
    ends(tail, output, stopped, twice).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_is_too_slow_loses_messages_and_is_told_how_many() {
    let server = NatsServer::start("").unwrap();
    let room = Room {
        messages_max: 2,
        bytes_max: 1 << 20,
    };
    let subscribed = bus::subscribe(&settings(&server), &["trade.>".to_owned()], room).await;
    let (intake, mut inbox) = subscribed.unwrap();
    let both = async {
        tokio::select! {
            () = intake.run() => panic!("the intake ended first"),
            () = publish_until(&server, &[TRADE], || inbox.left_out() >= 3) => {}
        }
    };
    tokio::time::timeout(PATIENCE, both).await.expect("losses");
    assert_eq!(std::iter::from_fn(|| inbox.try_next()).count(), 2);
}

#[tokio::test]
async fn it_ends_when_it_is_asked_to_with_and_without_a_server() {
    let mut server = NatsServer::start("").unwrap();
    for away in [false, true] {
        if away {
            server.kill();
        }
        let (output, _lines) = lines();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let asks = async {
            stop.send(()).unwrap();
            std::future::pending().await
        };
        let stopped = async { stopped.await.unwrap() };
        ends(tail(&server, None), output, stopped, asks)
            .await
            .unwrap();
    }
}

/// An output that nobody reads any more.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_closed_pipe_ends_it_quietly() {
    let server = NatsServer::start("").unwrap();
    let published = publish(&server, &[TRADE]);
    let ended = ends(
        tail(&server, None),
        Box::new(Closed),
        std::future::pending(),
        published,
    );
    ended.await.unwrap();
}

#[tokio::test]
async fn a_subject_that_is_none_is_refused_before_anything_is_connected() {
    let mut server = NatsServer::start("").unwrap();
    server.kill();
    let tail = Tail {
        subjects: vec!["trade .>".to_owned()],
        ..tail(&server, None)
    };
    let ended = ends(
        tail,
        Box::new(Closed),
        std::future::pending(),
        std::future::pending(),
    );
    let refused = ended.await.unwrap_err().to_string();
    assert!(refused.contains("trade .>"), "{refused}");
}
