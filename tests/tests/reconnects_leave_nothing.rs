//! After a thousand ends of its connection the daemon's process is as it was, and the feed goes on. Alone in its file:
//! it looks at the whole process, and other tests would be seen in it.
//!
//! A session in its live world, as the daemon runs it, but with attempts that are spaced by milliseconds: the daemon
//! waits up to a minute between two when connections do not last, as an exchange may expect, and a thousand rounds
//! would take a day.

use std::thread::JoinHandle;
use std::time::Duration;

use marketprism_host::bus::{self, Outbox};
use marketprism_host::rest::{self, Budgets};
use marketprism_host::session::{Plan, Session};
use marketprism_host::world::{Fence, LiveParts, LiveWorld};
use marketprism_host::ws;
use marketprism_tests::daemon::{Block, Listener, PATIENCE};
use marketprism_tests::exchange::{
    Faults, FrameFault, Limits, MarketSource, Settings, Simulator, Source,
};
use marketprism_tests::nats_server::NatsServer;
use marketprism_tests::process;
use tokio::sync::watch;

/// How often the connection is ended.
const ROUNDS: u64 = 1_000;

/// Rounds after which everything that is kept on purpose is there: pools, allocator arenas, the engine's code.
const ROUNDS_BEFORE: u64 = 50;

/// Resident memory may differ by this much: allocators keep what they are given back.
const SLACK_BYTES: u64 = 24 << 20;

/// Descriptors may differ by this much: two idle connections for requests, both ends of which are in this process.
const SLACK_DESCRIPTORS: u64 = 4;

/// A session on a thread of its own, until it is dropped.
struct Running {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(plan: Plan, nats: String) -> Self {
        let (stop, stopping) = watch::channel(false);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("tokio");
            runtime.block_on(async {
                let mut session = Session::new(plan, world(nats, stopping)).expect("an instance");
                session.start().expect("the start");
                while session.step().await.expect("no fault") {}
            });
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails when the session has ended already; its thread says why.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the session's thread panicked");
        }
    }
}

fn world(nats: String, stop: watch::Receiver<bool>) -> LiveWorld {
    let settings = ws::Settings {
        spacing: ws::Spacing {
            first: Duration::from_millis(1),
            cap: Duration::from_millis(5),
            proven: Duration::from_secs(60),
        },
        ..ws::Settings::default()
    };
    let budgets = Budgets::new(rest::Limit::per_minute(6_000));
    LiveWorld::new(LiveParts {
        dialer: ws::Dialer::new(settings).expect("the dialer"),
        client: rest::Client::new(rest::Settings::default(), budgets).expect("the client"),
        bus: Some(bus::Settings {
            servers: vec![nats],
            ..bus::Settings::default()
        }),
        outbox: Outbox::new(20_000, 64 << 20),
        seed: 1,
        stop,
        fence: Fence::default(),
    })
}

/// An exchange that remembers little, so that its own memory does not grow, and that does not mind so many connections.
fn exchange() -> Simulator {
    let mut faults = Faults::none();
    faults.stall = Duration::from_millis(30);
    let settings = Settings {
        faults,
        source: Source::Market(MarketSource {
            history_changes_max: 10_000,
            ..MarketSource::default()
        }),
        limits: Limits {
            connections_max: usize::MAX,
            ..Limits::default()
        },
        ledger_entries_max: 10_000,
        trades_max: 10_000,
        ..Settings::default()
    };
    Simulator::start(settings).expect("the exchange")
}

/// Waits until a new connection brings frames, and ends it: with a close frame, without one, or silent before.
fn end_connection(exchange: &Simulator, round: u64) {
    let is_open = |exchange: &Simulator| exchange.connections_now() == 1;
    assert!(exchange.eventually(PATIENCE, is_open), "not open: {round}");
    let frames = exchange.figures().frames;
    let is_alive = |exchange: &Simulator| exchange.figures().frames > frames + 1;
    assert!(exchange.eventually(PATIENCE, is_alive), "dead: {round}");
    match round % 3 {
        0 => exchange.close_connections(),
        1 => exchange.abort_connections(),
        _ => {
            let stalls = exchange.faults().of(FrameFault::Stall);
            exchange.inject("btcusdt@trade", FrameFault::Stall, 1);
            let is_silent = |exchange: &Simulator| exchange.faults().of(FrameFault::Stall) > stalls;
            assert!(exchange.eventually(PATIENCE, is_silent), "loud: {round}");
            exchange.close_connections();
        }
    }
    let is_ended = |exchange: &Simulator| {
        let connections = exchange.connections();
        let ended = connections.iter().filter(|record| record.ended.is_some());
        ended.count() as u64 > round
    };
    assert!(exchange.eventually(PATIENCE, is_ended), "no end: {round}");
}

#[test]
fn after_a_thousand_ends_of_its_connection_the_process_is_as_it_was_and_the_feed_lives() {
    let exchange = exchange();
    let server = NatsServer::start("").expect("nats-server");
    let listener = Listener::start(server.address());
    let _running = Running::start(Block::USUAL.plan(&exchange), server.address());
    let rounds = |from: u64, to: u64| {
        for round in from..to {
            end_connection(&exchange, round);
            while listener.next(Duration::ZERO).is_some() {}
        }
        assert!(exchange.eventually(PATIENCE, |exchange| exchange.connections_now() == 1));
    };
    rounds(0, ROUNDS_BEFORE);
    let before = process::figures();
    rounds(ROUNDS_BEFORE, ROUNDS_BEFORE + ROUNDS);
    let is_as_before = |_: &Simulator| {
        let now = process::figures();
        now.threads == before.threads
            && now.descriptors <= before.descriptors + SLACK_DESCRIPTORS
            && now.resident_bytes <= before.resident_bytes + SLACK_BYTES
    };
    assert!(
        exchange.eventually(PATIENCE, is_as_before),
        "from {before:?} to {:?}",
        process::figures()
    );
    println!("from {before:?} to {:?}", process::figures());

    // Books from here on are of the last connection, and so are trades behind them.
    for symbol in ["BTC-USDT", "ETH-USDT"] {
        let exchange_symbol = symbol.replace('-', "");
        let now = exchange.truth().update_id(&exchange_symbol);
        let subject = format!("orderbook.binance.spot.{symbol}");
        listener.until(|published| {
            published.subject == subject && published.json()["last_update_id"].as_u64() > now
        });
        let subject = format!("trade.binance.spot.{symbol}");
        listener.until(|published| published.subject == subject);
    }
    let opened = exchange.figures().connections_total;
    assert_eq!(opened, ROUNDS_BEFORE + ROUNDS + 1, "connections");
    assert!(exchange.limit_violations().is_empty());
}
