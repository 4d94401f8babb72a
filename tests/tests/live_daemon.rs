//! The daemon against a simulated exchange whose truth is known, and a real NATS server.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use marketprism_tests::daemon::{Block, Daemon, Listener, PATIENCE};
use marketprism_tests::exchange::{Faults, FrameFault, Settings, Simulator};
use marketprism_tests::hot_storage;
use marketprism_tests::nats_server::NatsServer;
use serde_json::Value;

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
    let messages = Listener::start(server.address());
    let mut daemon = Daemon::start(&exchange, server.address(), &[Block::USUAL]);
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let (mut books, mut trades) = (0, 0);
    let end = Instant::now() + PATIENCE;
    while books < 60 || trades < 400 {
        let published = messages.before(end);
        let (subject, payload) = (&published.subject, published.json());
        if subject.starts_with("trade.") || subject.starts_with("orderbook.") {
            hot_storage::read(subject, &published.payload)
                .unwrap_or_else(|complaints| panic!("{subject}: {complaints:?}"));
        }
        if subject.starts_with("trade.") {
            let id: u64 = payload["trade_id"]
                .as_str()
                .expect("an id")
                .parse()
                .expect("a number");
            if let Some(before) = last.insert(subject.clone(), id) {
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
    let messages = Listener::start(server.address());
    let _daemon = Daemon::start(&exchange, server.address(), &[Block::USUAL]);
    let mut seen = HashSet::new();
    let mut state: BTreeMap<String, String> = BTreeMap::new();
    let (mut books, mut resyncs) = (0, 0);
    let end = Instant::now() + PATIENCE;
    while books < 60 || resyncs < 3 {
        let published = messages.before(end);
        let (subject, payload) = (&published.subject, published.json());
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
    let _daemon = Daemon::start(&exchange, address.clone(), &[Block::USUAL]);
    assert!(exchange.eventually(PATIENCE, |exchange| exchange.connections_now() == 1));
    for _ in 0..2 {
        server.restart().expect("nats-server");
        let messages = Listener::start(address.clone());
        let published = messages.until(|_| true);
        assert_eq!(published.json()["exchange"], "binance");
        server.kill();
    }
}

#[test]
fn connections_that_the_exchange_closes_come_back() {
    let exchange = Simulator::start(Settings::of_symbols(&["BTCUSDT", "ETHUSDT"])).expect("sim");
    let server = NatsServer::start("").expect("nats-server");
    let messages = Listener::start(server.address());
    let _daemon = Daemon::start(&exchange, server.address(), &[Block::USUAL]);
    for abort in [false, true] {
        assert!(exchange.eventually(PATIENCE, |exchange| exchange.connections_now() == 1));
        // A book is published, so the stream is alive.
        messages.until(|published| published.subject.starts_with("orderbook."));
        if abort {
            exchange.abort_connections();
        } else {
            exchange.close_connections();
        }
        messages.until(|published| {
            published.subject.starts_with("orderbook_status.")
                && published.json()["state"] == "stale"
        });
    }
    messages.until(|published| published.subject.starts_with("orderbook."));
    assert!(exchange.limit_violations().is_empty());
}
