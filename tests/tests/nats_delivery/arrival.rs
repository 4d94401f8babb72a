//! What is published arrives: whole, in order, and what was refused or not confirmed is told.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use marketprism_host::bus::{Bus, BusError, Settings};
use marketprism_host::wire::DataType;
use marketprism_tests::nats_server::NatsServer;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{message, settings, soon};

/// Who receives what the bus publishes, and tells of its own connections.
struct Consumer {
    client: async_nats::Client,
    messages: async_nats::Subscriber,
    connections: UnboundedReceiver<()>,
}

impl Consumer {
    async fn of(server: &NatsServer) -> Self {
        let (connected, connections) = unbounded_channel();
        let options = async_nats::ConnectOptions::new().event_callback(move |event| {
            if event == async_nats::Event::Connected {
                let _ = connected.send(());
            }
            std::future::ready(())
        });
        let client = options.connect(server.address()).await.unwrap();
        let messages = client.subscribe("*.alpha.>").await.unwrap();
        let mut consumer = Self {
            client,
            messages,
            connections,
        };
        consumer.connected().await;
        consumer
    }

    /// Waits for the next connection, and until the server has taken the subscription: it answers in order.
    async fn connected(&mut self) {
        soon("connection of the consumer", self.connections.recv())
            .await
            .unwrap();
        soon(
            "answer",
            self.client.request("nobody.listens", Bytes::new()),
        )
        .await
        .unwrap_err();
    }

    async fn next(&mut self) -> async_nats::Message {
        soon("message", self.messages.next()).await.unwrap()
    }
}

#[tokio::test]
async fn a_subscriber_receives_every_message_with_its_bytes_and_its_id() {
    let server = NatsServer::start("").unwrap();
    let mut consumer = Consumer::of(&server).await;
    let bus = Bus::connect(&settings(&server)).await.unwrap();
    let sent = [
        message(DataType::Trade, r#"{"price":"121550.01000000"}"#),
        message(
            DataType::FundingRate,
            r#"{"current_funding_rate":0.00001234}"#,
        ),
        message(DataType::Orderbook, &"x".repeat(200_000)),
    ];
    for message in &sent {
        bus.publish(message).await.unwrap();
    }
    bus.flush().await.unwrap();
    for message in &sent {
        let received = consumer.next().await;
        assert_eq!(received.subject.as_str(), &*message.subject);
        assert_eq!(received.payload, message.payload);
        let id = received
            .headers
            .as_ref()
            .and_then(|headers| headers.get("Nats-Msg-Id"))
            .map(|id| id.as_str());
        assert_eq!(id, message.msg_id.as_deref());
        assert_eq!(received.headers.is_some(), message.msg_id.is_some());
    }
}

#[tokio::test]
async fn ten_thousand_messages_arrive_in_order_through_a_small_buffer() {
    let server = NatsServer::start("").unwrap();
    let mut consumer = Consumer::of(&server).await;
    let bus = Bus::connect(&Settings {
        buffered_messages_max: 16,
        ..settings(&server)
    })
    .await
    .unwrap();
    for number in 0..10_000 {
        bus.publish(&message(DataType::Trade, &number.to_string()))
            .await
            .unwrap();
    }
    soon("confirmation", bus.close()).await.unwrap();
    for number in 0..10_000 {
        assert_eq!(consumer.next().await.payload, number.to_string());
    }
}

#[tokio::test]
async fn after_a_flush_another_connection_publishes_later() {
    let server = NatsServer::start("").unwrap();
    let mut consumer = Consumer::of(&server).await;
    let old = Bus::connect(&settings(&server)).await.unwrap();
    let new = Bus::connect(&settings(&server)).await.unwrap();
    let large = "x".repeat(500_000);
    for _ in 0..20 {
        old.publish(&message(DataType::Orderbook, &large))
            .await
            .unwrap();
    }
    old.flush().await.unwrap();
    new.publish(&message(DataType::Trade, "new")).await.unwrap();
    for _ in 0..20 {
        assert_eq!(consumer.next().await.payload.len(), large.len());
    }
    assert_eq!(consumer.next().await.payload, "new");
}

/// Greets one client as a server does and then takes nothing more.
fn greet_and_stand_still(listener: TcpListener) -> std::io::Result<TcpStream> {
    let (mut socket, _) = listener.accept()?;
    let info =
        json!({"server_id": "A", "version": "2.9.10", "max_payload": 1_048_576, "headers": true});
    socket.write_all(format!("INFO {info}\r\n").as_bytes())?;
    let mut lines = BufReader::new(socket.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|line| line != "PING") {}
    socket.write_all(b"PONG\r\n")?;
    Ok(socket)
}

#[tokio::test]
async fn a_flush_is_not_confirmed_by_a_server_that_stands_still() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let servers = vec![listener.local_addr().unwrap().to_string()];
    let server = std::thread::spawn(|| greet_and_stand_still(listener));
    let connect_timeout = Duration::from_millis(500);
    let bus = Bus::connect(&Settings {
        servers,
        connect_timeout,
        ..Settings::default()
    })
    .await
    .unwrap();
    let _socket = server.join().unwrap().unwrap();
    bus.publish(&message(DataType::Trade, "{}")).await.unwrap();
    let error = bus.flush().await.unwrap_err();
    assert!(matches!(&error, BusError::Unconfirmed { .. }), "{error}");
}

#[tokio::test]
async fn a_message_larger_than_the_server_takes_is_refused_and_the_next_one_goes_out() {
    let server = NatsServer::start("max_payload: 1000").unwrap();
    let mut consumer = Consumer::of(&server).await;
    let bus = Bus::connect(&settings(&server)).await.unwrap();
    let error = bus
        .publish(&message(DataType::Orderbook, &"x".repeat(1_001)))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            BusError::TooLarge {
                bytes: 1_001,
                bytes_max: 1_000,
                ..
            }
        ),
        "{error}"
    );
    bus.publish(&message(DataType::Trade, "next"))
        .await
        .unwrap();
    assert_eq!(consumer.next().await.payload, "next");
}

#[tokio::test]
async fn publishing_waits_while_the_server_is_away_and_goes_on_when_it_is_back() {
    let mut server = NatsServer::start("").unwrap();
    let mut consumer = Consumer::of(&server).await;
    let connect_timeout = Duration::from_millis(500);
    let settings = Settings {
        buffered_messages_max: 4,
        connect_timeout,
        ..settings(&server)
    };
    let bus = Bus::connect(&settings).await.unwrap();
    bus.publish(&message(DataType::Trade, "before"))
        .await
        .unwrap();
    bus.flush().await.unwrap();
    assert_eq!(consumer.next().await.payload, "before");

    server.kill();
    // Some messages find room; then publishing waits, because nobody takes them.
    let filling = async {
        loop {
            bus.publish(&message(DataType::Trade, "away"))
                .await
                .unwrap();
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(1), filling)
            .await
            .is_err()
    );
    assert!(!bus.is_connected());
    let error = bus.flush().await.unwrap_err();
    assert!(matches!(&error, BusError::Unconfirmed { .. }), "{error}");

    server.restart().unwrap();
    consumer.connected().await;
    soon(
        "room for a message",
        bus.publish(&message(DataType::Trade, "after")),
    )
    .await
    .unwrap();
    while consumer.next().await.payload != "after" {}
    assert!(bus.is_connected());
    bus.close().await.unwrap();
}
