//! The daemon for a test: sessions with a simulated exchange, published through a real NATS server, and an ear there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::SelectAll;
use marketprism_host::bus::Outbox;
use marketprism_host::limits::Limits;
use marketprism_host::rest::{self, Budgets};
use marketprism_host::run;
use marketprism_host::sandbox::{Adapter, Engine, Grant};
use marketprism_host::session::Plan;
use marketprism_host::wire::Subjects;
use marketprism_host::world::{Fence, LiveParts, LiveWorld};
use marketprism_host::ws;
use marketprism_host::{bus, config};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};

use crate::exchange::Simulator;
use crate::fleet::TIMES;
use crate::versions;

/// Longer than anything a test waits for takes on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Messages that may wait for the listener inside its NATS client: more than any test publishes. Beyond them the client
/// drops, which would look as if the daemon had lost them.
const WAITING_MAX: usize = 4_000_000;

/// One session of the daemon: a block of its configuration.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// The block's key.
    pub name: &'a str,
    /// What it collects.
    pub symbols: &'a [&'a str],
    /// What stands at `orderbook`.
    pub orderbook: &'a str,
}

impl Block<'_> {
    /// BTCUSDT and ETHUSDT, 50 levels on every change.
    pub const USUAL: Block<'static> = Block {
        name: "binance_spot",
        symbols: &["BTCUSDT", "ETHUSDT"],
        orderbook: "{method: websocket, nats_publish_depth: 50}",
    };

    /// The session with this exchange.
    ///
    /// # Panics
    /// When the configuration is refused or the adapter was not built.
    #[must_use]
    pub fn plan(&self, exchange: &Simulator) -> Plan {
        let Self {
            name,
            symbols,
            orderbook,
        } = self;
        let (http, ws) = (exchange.http_url(), exchange.ws_url());
        let text = format!(
            "exchanges:\n  {name}:\n    exchange: binance_spot\n    market_type: spot\n    symbols: [{}]\n    \
             data_types: [orderbook, trade]\n    api: {{base_url: '{http}', ws_url: '{ws}'}}\n    \
             orderbook: {orderbook}\n",
            symbols.join(", ")
        );
        let config = config::parse(&text, "test.yaml", &|_| None).expect("a configuration");
        let engine = Engine::new(None).expect("the engine");
        let wasm = std::fs::read(crate::adapter("binance")).expect("the adapter");
        let adapter = Adapter::load(&engine, &wasm, &Grant::default(), &Limits::default())
            .unwrap_or_else(|refusal| panic!("{refusal}"));
        Plan::new(&config.exchanges[0], Subjects::default(), adapter.into())
    }
}

/// A running daemon, ended when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Where the versions of adapters are kept.
    _data: TempDir,
}

impl Daemon {
    /// Starts it with these sessions.
    ///
    /// # Panics
    /// As [`Block::plan`].
    #[must_use]
    pub fn start(exchange: &Simulator, nats: String, blocks: &[Block<'_>]) -> Self {
        Self::start_watched(exchange, nats, blocks, config::Monitoring::default())
    }

    /// The same with HTTP ports.
    ///
    /// # Panics
    /// As [`Block::plan`].
    #[must_use]
    pub fn start_watched(
        exchange: &Simulator,
        nats: String,
        blocks: &[Block<'_>],
        monitoring: config::Monitoring,
    ) -> Self {
        let plans: Vec<_> = blocks.iter().map(|block| block.plan(exchange)).collect();
        let settings = bus::Settings {
            servers: vec![nats],
            ..bus::Settings::default()
        };
        let (stop, stopped) = oneshot::channel();
        let data = tempfile::tempdir().expect("a folder");
        let replacements = versions::replacements(data.path(), TIMES);
        let thread = std::thread::spawn(move || {
            let stopped = async { stopped.await.unwrap_or_default() };
            let daemon = run::Daemon {
                plans,
                again: None,
                bus: Some(settings),
                proxy: None,
                monitoring,
                replacements,
                adapters: None,
                bundles: None,
                recording: None,
                view: None,
            };
            runtime().block_on(daemon.run(stopped));
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
            _data: data,
        }
    }

    /// Ends it in order.
    ///
    /// # Panics
    /// When it ended badly.
    pub fn stop(&mut self) {
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

/// The live world of one session, with attempts that are hardly spaced at all.
///
/// # Panics
/// When it cannot be set up.
#[must_use]
pub fn impatient_world(nats: Option<String>, stop: watch::Receiver<bool>) -> LiveWorld {
    let settings = ws::Settings {
        spacing: ws::Spacing {
            first: Duration::from_micros(100),
            cap: Duration::from_millis(1),
            proven: Duration::from_secs(60),
        },
        ..ws::Settings::default()
    };
    let budgets = Budgets::new(rest::Limit::per_minute(6_000));
    LiveWorld::new(LiveParts {
        dialer: ws::Dialer::new(settings, ws::Attempts::default()).expect("the dialer"),
        client: rest::Client::new(rest::Settings::default(), budgets).expect("the client"),
        bus: nats.map(|nats| bus::Settings {
            servers: vec![nats],
            ..bus::Settings::default()
        }),
        deposit: None,
        venue: "binance_spot".into(),
        outbox: Outbox::new(20_000, 64 << 20),
        seed: 1,
        recorder: None,
        stop,
        fence: Fence::default(),
        standby: false,
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("tokio")
}

/// One message.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its subject.
    pub subject: String,
    /// Its `Nats-Msg-Id`, where it has one.
    pub id: Option<String>,
    /// Its payload.
    pub payload: Bytes,
    /// When it was heard.
    pub at: Instant,
}

impl Published {
    /// The payload as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).expect("JSON")
    }
}

/// Hears everything that is published, from its start on.
#[derive(Debug)]
pub struct Listener {
    messages: mpsc::Receiver<Published>,
    disturbances: Arc<AtomicU64>,
    _ends_with_it: oneshot::Sender<()>,
}

impl Listener {
    /// Listens at a server to everything of Binance.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn start(nats: String) -> Self {
        Self::hearing(nats, &["*.binance.>"])
    }

    /// Listens at a server to these subjects; messages of one of them come in their order.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn hearing(nats: String, subjects: &'static [&'static str]) -> Self {
        let (sender, messages) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let (end, mut ended) = oneshot::channel::<()>();
        let disturbances = Arc::new(AtomicU64::new(0));
        let disturbed = disturbances.clone();
        std::thread::spawn(move || {
            runtime().block_on(async {
                let options = async_nats::ConnectOptions::new()
                    .subscription_capacity(WAITING_MAX)
                    .event_callback(move |event| {
                        if !matches!(event, async_nats::Event::Connected) {
                            disturbed.fetch_add(1, Ordering::Relaxed);
                        }
                        std::future::ready(())
                    });
                let client = options.connect(nats).await.expect("a client");
                let mut subscriptions = SelectAll::new();
                for subject in subjects {
                    let subscription = client.subscribe(*subject).await;
                    subscriptions.push(subscription.expect("a subscription"));
                }
                client.flush().await.expect("the subscription is known");
                ready.send(()).expect("the test waits");
                loop {
                    tokio::select! {
                        biased;
                        message = subscriptions.next() => {
                            let Some(message) = message else { return };
                            let headers = message.headers.as_ref();
                            let id = headers.and_then(|all| all.get("Nats-Msg-Id"));
                            let published = Published {
                                subject: message.subject.into_string(),
                                id: id.map(ToString::to_string),
                                payload: message.payload,
                                at: Instant::now(),
                            };
                            if sender.send(published).is_err() {
                                return;
                            }
                        }
                        _ = &mut ended => return,
                    }
                }
            });
        });
        is_ready.recv_timeout(PATIENCE).expect("subscribed");
        Self {
            messages,
            disturbances,
            _ends_with_it: end,
        }
    }

    /// The next message; none when there is none in time.
    #[must_use]
    pub fn next(&self, within: Duration) -> Option<Published> {
        self.messages.recv_timeout(within).ok()
    }

    /// The next message before a moment.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn before(&self, end: Instant) -> Published {
        self.next(end.saturating_duration_since(Instant::now()))
            .expect("a message in time")
    }

    /// Reads on to a message.
    ///
    /// # Panics
    /// When it does not come within [`PATIENCE`].
    pub fn until(&self, is_it: impl Fn(&Published) -> bool) -> Published {
        let end = Instant::now() + PATIENCE;
        loop {
            let published = self.before(end);
            if is_it(&published) {
                return published;
            }
        }
    }

    /// How often the listener's own connection was disturbed: lost, or slow so that messages were dropped for it. What
    /// is missing after that says nothing about the daemon.
    #[must_use]
    pub fn disturbances(&self) -> u64 {
        self.disturbances.load(Ordering::Relaxed)
    }
}
