//! The daemon against a simulated exchange whose truth is known, and a real NATS server.

use std::collections::{BTreeMap, HashSet};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use marketprism_host::limits::Limits;
use marketprism_host::run::{self, Neighbours};
use marketprism_host::sandbox::{Adapter, Engine, Grant};
use marketprism_host::session::Plan;
use marketprism_host::wire::Subjects;
use marketprism_host::{bus, config};
use marketprism_tests::exchange::{Faults, FrameFault, Settings, Simulator};
use marketprism_tests::nats_server::NatsServer;
use serde_json::Value;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon with one session, on a thread of its own; ends with this value.
struct Daemon {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    fn start(exchange: &Simulator, nats: String) -> Self {
        let text = format!(
            "exchanges:\n  binance_spot:\n    market_type: spot\n    symbols: [BTCUSDT, ETHUSDT]\n    \
             data_types: [orderbook, trade]\n    api: {{base_url: '{}', ws_url: '{}'}}\n    \
             orderbook: {{method: websocket, nats_publish_depth: 50}}\n",
            exchange.http_url(),
            exchange.ws_url()
        );
        let config = config::parse(&text, "test.yaml", &|_| None).expect("a configuration");
        let engine = Engine::new(None).expect("the engine");
        let wasm = std::fs::read(marketprism_tests::adapter("binance")).expect("the adapter");
        let adapter = Adapter::load(&engine, &wasm, &Grant::default(), &Limits::default())
            .unwrap_or_else(|refusal| panic!("{refusal}"));
        let plan = Plan::new(&config.exchanges[0], Subjects::default(), adapter.into());
        let settings = bus::Settings {
            servers: vec![nats],
            ..bus::Settings::default()
        };
        let neighbours = Neighbours {
            bus: Some(settings),
            proxy: None,
        };
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let stopped = async { stopped.await.unwrap_or_default() };
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("tokio");
            runtime
                .block_on(run::run(vec![plan], &neighbours, stopped))
                .expect("the daemon");
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the daemon's thread");
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Everything that is published, from now on.
fn listen(nats: String) -> mpsc::Receiver<(String, Value)> {
    let (sender, messages) = mpsc::channel();
    let (ready, is_ready) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("tokio");
        runtime.block_on(async {
            let client = async_nats::connect(nats).await.expect("a client");
            let mut subscription = client
                .subscribe("*.binance.>")
                .await
                .expect("a subscription");
            client.flush().await.expect("the subscription is known");
            ready.send(()).expect("the test waits");
            while let Some(message) = subscription.next().await {
                let payload = serde_json::from_slice(&message.payload).expect("JSON");
                if sender.send((message.subject.to_string(), payload)).is_err() {
                    return;
                }
            }
        });
    });
    is_ready.recv_timeout(PATIENCE).expect("subscribed");
    messages
}

fn symbol(payload: &Value) -> String {
    payload["symbol"]
        .as_str()
        .expect("a symbol")
        .replace('-', "")
}

/// Compares a published book with the exchange's own at its update id.
fn is_true(exchange: &Simulator, payload: &Value) {
    let id = payload["last_update_id"].as_u64().expect("an id");
    let side = |name: &str| -> Vec<(String, String)> {
        let levels = payload[name].as_array().expect("levels");
        let text = |value: &Value| value.as_str().expect("text").to_string();
        levels
            .iter()
            .map(|level| (text(&level["price"]), text(&level["quantity"])))
            .collect()
    };
    let (bids, asks) = (side("bids"), side("asks"));
    let symbol = symbol(payload);
    let truth = exchange.truth();
    let (true_bids, true_asks) = truth.top_text(&symbol, id, 50).expect("a known update id");
    assert_eq!(bids, true_bids, "{symbol} bids at {id}");
    assert_eq!(asks, true_asks, "{symbol} asks at {id}");
    assert_eq!(payload["book_state"], "synced");
}

#[test]
fn every_trade_is_published_once_and_in_order_and_every_book_is_true() {
    let exchange = Simulator::start(Settings::of_symbols(&["BTCUSDT", "ETHUSDT"])).expect("sim");
    let server = NatsServer::start("").expect("nats-server");
    let messages = listen(server.address());
    let mut daemon = Daemon::start(&exchange, server.address());
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let (mut books, mut trades) = (0, 0);
    let end = Instant::now() + PATIENCE;
    while books < 60 || trades < 400 {
        let (subject, payload) = messages
            .recv_timeout(end.saturating_duration_since(Instant::now()))
            .expect("books and trades in time");
        if subject.starts_with("trade.") {
            let id: u64 = payload["trade_id"]
                .as_str()
                .expect("an id")
                .parse()
                .expect("a number");
            if let Some(before) = last.insert(subject, id) {
                assert_eq!(id, before + 1, "after {before}");
            }
            trades += 1;
        } else if subject.starts_with("orderbook.") {
            is_true(&exchange, &payload);
            books += 1;
        }
    }
    daemon.stop();
    assert!(
        exchange.eventually(PATIENCE, |exchange| exchange.connections_now() == 0),
        "connections are left"
    );
    assert!(exchange.limit_violations().is_empty());
}

#[test]
fn with_faults_on_no_book_is_ever_wrong_and_no_trade_comes_twice() {
    let faults = Faults::none()
        .with(FrameFault::Drop, 0.01)
        .with(FrameFault::Double, 0.02)
        .with(FrameFault::Swap, 0.01)
        .with(FrameFault::Cut, 0.005)
        .with(FrameFault::Garbage, 0.005)
        .with(FrameFault::Close, 0.000_5);
    let settings = Settings {
        faults,
        ..Settings::of_symbols(&["BTCUSDT", "ETHUSDT"])
    };
    let exchange = Simulator::start(settings).expect("sim");
    let server = NatsServer::start("").expect("nats-server");
    let messages = listen(server.address());
    let _daemon = Daemon::start(&exchange, server.address());
    let mut seen = HashSet::new();
    let mut state: BTreeMap<String, String> = BTreeMap::new();
    let (mut books, mut resyncs) = (0, 0);
    let end = Instant::now() + PATIENCE;
    while books < 60 || resyncs < 3 {
        let (subject, payload) = messages
            .recv_timeout(end.saturating_duration_since(Instant::now()))
            .expect("books and resyncs in time");
        let symbol = symbol(&payload);
        if subject.starts_with("trade.") {
            let id: u64 = payload["trade_id"]
                .as_str()
                .expect("an id")
                .parse()
                .expect("a number");
            assert!(seen.insert((symbol, id)), "trade {id} came twice");
        } else if subject.starts_with("orderbook_status.") {
            let new = payload["state"].as_str().expect("a state").to_string();
            resyncs += u64::from(new == "synced");
            state.insert(symbol, new);
        } else if subject.starts_with("orderbook.") {
            assert_eq!(
                state.get(&symbol).map(String::as_str),
                Some("synced"),
                "{symbol}"
            );
            is_true(&exchange, &payload);
            books += 1;
        }
    }
    assert!(exchange.faults().of(FrameFault::Drop) > 0);
}

#[test]
fn a_nats_server_that_is_away_at_the_start_and_in_between_is_reached_when_it_comes() {
    let exchange = Simulator::start(Settings::of_symbols(&["BTCUSDT", "ETHUSDT"])).expect("sim");
    let mut server = NatsServer::start("").expect("nats-server");
    let address = server.address();
    server.kill();
    let _daemon = Daemon::start(&exchange, address.clone());
    assert!(exchange.eventually(PATIENCE, |exchange| exchange.connections_now() == 1));
    for _ in 0..2 {
        server.restart().expect("nats-server");
        let messages = listen(address.clone());
        let (_, payload) = messages.recv_timeout(PATIENCE).expect("a message");
        assert_eq!(payload["exchange"], "binance");
        server.kill();
    }
}

#[test]
fn connections_that_the_exchange_closes_come_back() {
    let exchange = Simulator::start(Settings::of_symbols(&["BTCUSDT", "ETHUSDT"])).expect("sim");
    let server = NatsServer::start("").expect("nats-server");
    let messages = listen(server.address());
    let _daemon = Daemon::start(&exchange, server.address());
    for abort in [false, true] {
        assert!(exchange.eventually(PATIENCE, |exchange| exchange.connections_now() == 1));
        // A book is published, so the stream is alive.
        while !messages
            .recv_timeout(PATIENCE)
            .expect("a message")
            .0
            .starts_with("orderbook.")
        {}
        if abort {
            exchange.abort_connections();
        } else {
            exchange.close_connections();
        }
        let is_stale = |(subject, payload): &(String, Value)| {
            subject.starts_with("orderbook_status.") && payload["state"] == "stale"
        };
        while !is_stale(&messages.recv_timeout(PATIENCE).expect("a message")) {}
    }
    while !messages
        .recv_timeout(PATIENCE)
        .expect("a message")
        .0
        .starts_with("orderbook.")
    {}
    assert!(exchange.limit_violations().is_empty());
}
