//! The daemon's own connection to NATS: what sessions leave to be stored by JetStream, and what the daemon says of
//! itself.
//!
//! One thread and one connection for all sessions. A session hands a message over and never waits; the thread writes
//! it into the session's spool, sends it, waits for the acknowledgement and takes it out of the spool.

mod answer;
mod courier;
mod link;
mod preparation;
mod queue;
mod streams;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Settings, SpoolBounds, Storing};
use crate::wire::Message;
use courier::Courier;
use queue::{Shared, lock};
pub use streams::StreamSettings;

/// Orders of all sessions that wait for the thread.
const ORDERS_MAX: usize = 8_192;

/// What `bus` must know to have messages stored; `config` fills it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JetStreamSettings {
    /// The streams.
    pub streams: Vec<StreamSettings>,
    /// How long an acknowledgement may take.
    pub ack_timeout: Duration,
    /// Folder of the spools.
    pub spool: PathBuf,
    /// How much the spool of one session may hold.
    pub bounds: SpoolBounds,
}

/// What the thread is asked to do.
#[derive(Debug)]
enum Order {
    /// See to it that a session's message is stored.
    Store(Arc<str>, Message),
    /// Publish something over Core NATS.
    Say(String, Bytes),
    /// End.
    End,
}

/// The figures of every session that has left something.
type Registry = Arc<Mutex<HashMap<Arc<str>, Shared>>>;

/// The figures of a session.
fn figures_of(registry: &Registry, session: &Arc<str>) -> Shared {
    let mut all = registry.lock().unwrap_or_else(PoisonError::into_inner);
    all.entry(session.clone()).or_default().clone()
}

/// The running thread.
#[derive(Debug)]
pub struct Trunk {
    remote: Remote,
    thread: JoinHandle<()>,
}

/// The way to the thread. Clones lead to the same one.
#[derive(Debug, Clone)]
pub struct Remote {
    orders: Sender<Order>,
    registry: Registry,
    streams: Arc<[StreamSettings]>,
}

/// Where one session leaves what a stream is to store.
#[derive(Debug, Clone)]
pub struct Deposit {
    session: Arc<str>,
    remote: Remote,
    figures: Shared,
}

impl Trunk {
    /// Begins. NATS is tried in the background, for as long as it takes; what spools hold from before is stored.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(settings: Settings) -> std::io::Result<Self> {
        let (orders, received): (_, Receiver<Order>) = channel(ORDERS_MAX);
        let registry = Registry::default();
        let streams = settings.jetstream.as_ref().map(|it| it.streams.clone());
        let remote = Remote {
            orders,
            registry: registry.clone(),
            streams: streams.unwrap_or_default().into(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("trunk".to_owned())
            .spawn(move || {
                runtime.block_on(Courier::work(settings, registry, received));
                runtime.shutdown_background();
            })?;
        Ok(Self { remote, thread })
    }

    /// The way to it.
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Stores what it can within some seconds and ends. What is left waits in the spool for the next start.
    pub async fn finish(self) {
        let _ = self.remote.orders.send(Order::End).await;
        let thread = self.thread;
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the thread of JetStream ended badly");
        }
    }
}

impl Remote {
    /// Where a session leaves its messages.
    pub fn deposit(&self, session: &str) -> Deposit {
        let session: Arc<str> = session.into();
        Deposit {
            figures: figures_of(&self.registry, &session),
            session,
            remote: self.clone(),
        }
    }

    /// Publishes over Core NATS. Without a connection the newest waits for one, and what was said before is forgotten.
    pub fn say(&self, subject: String, payload: Bytes) {
        let _ = self.orders.try_send(Order::Say(subject, payload));
    }
}

impl Deposit {
    /// Whether a configured stream keeps the message's subject. What none keeps goes out over Core NATS.
    pub fn takes(&self, message: &Message) -> bool {
        let keeps = |stream: &StreamSettings| stream.keeps(&message.subject);
        message.msg_id.is_some() && self.remote.streams.iter().any(keeps)
    }

    /// Leaves a message. It never waits.
    pub fn put(&self, message: Message) {
        let order = Order::Store(self.session.clone(), message);
        if self.remote.orders.try_send(order).is_err() {
            lock(&self.figures).drop_one("busy");
        }
    }

    /// What became of this session's messages.
    pub fn figures(&self) -> Storing {
        lock(&self.figures).clone()
    }
}
