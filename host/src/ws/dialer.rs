//! Opening connections, and the task behind each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};
use tokio_rustls::rustls::ClientConfig;
use url::Url;

use super::attempts::Attempts;
use super::backoff::{Attempt, Backoff};
use super::conversation::{Conversation, Turn};
use super::counters::{Counters, Counts};
use super::dial::{DialError, WebSocket, dial};
use super::event::{End, Event, Opening, What};
use super::settings::{Settings, SetupError};
use super::tls;

/// Opens WebSockets and keeps in mind how each origin fared. One for each session: its tasks run on the runtime of the
/// caller.
#[derive(Clone)]
pub struct Dialer {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    attempts: Attempts,
    tls: Arc<ClientConfig>,
    /// By origin; as many as the configuration grants addresses.
    backoffs: Mutex<HashMap<String, Backoff>>,
    counters: Arc<Counters>,
    openings: AtomicU64,
}

/// A text that cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The connection is not open, or not any more.
    #[error("the connection is not open")]
    NotOpen,
    /// Too many texts wait already: the peer does not read.
    #[error("too many texts wait to be sent")]
    Full,
}

/// The caller's end of one connection. Dropping it ends the connection without an event.
#[derive(Debug)]
pub struct Handle {
    opening: Opening,
    texts: mpsc::Sender<String>,
    open: Arc<AtomicBool>,
    ending: oneshot::Sender<()>,
}

impl Handle {
    /// Which opening this is; the events of it carry the same.
    pub fn opening(&self) -> Opening {
        self.opening
    }

    /// Queues a text. It never waits.
    pub fn send(&self, text: String) -> Result<(), SendError> {
        if !self.open.load(Ordering::Acquire) {
            return Err(SendError::NotOpen);
        }
        self.texts.try_send(text).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::NotOpen,
        })
    }

    /// Ends the connection, or the attempts at it: texts queued before are written first, then `Closed` follows, once
    /// the socket is closed. If it ended by itself meanwhile, that `Closed` is the only one.
    pub fn close(self) {
        // Fails only when the connection is gone already.
        let _ = self.ending.send(());
    }
}

impl Dialer {
    /// Reads the certificate authorities; connects nothing. `attempts` is shared by all sessions.
    pub fn new(settings: Settings, attempts: Attempts) -> Result<Self, SetupError> {
        let tls = tls::config(settings.ca_file.as_deref())?;
        Ok(Self {
            shared: Arc::new(Shared {
                settings,
                attempts,
                tls,
                backoffs: Mutex::default(),
                counters: Arc::default(),
                openings: AtomicU64::new(0),
            }),
        })
    }

    /// Opens a connection and keeps trying, however long it takes, until it is open or its handle is closed or dropped.
    /// An open connection that is lost ends in `Closed`; opening it again is the caller's decision, and may come at
    /// once: attempts at one origin are spaced here.
    ///
    /// Call it inside a tokio runtime.
    pub fn open(&self, connection: u32, address: Url, events: mpsc::Sender<Event>) -> Handle {
        let opening = Opening(self.shared.openings.fetch_add(1, Ordering::Relaxed));
        let (texts, queued) = mpsc::channel(self.shared.settings.send_queue_max.max(1));
        let (ending, ended) = oneshot::channel();
        let open = Arc::new(AtomicBool::new(false));
        let task = Task {
            shared: self.shared.clone(),
            teller: Teller {
                connection,
                opening,
                events,
            },
            address,
            open: open.clone(),
            texts: queued,
        };
        tokio::task::spawn(task.run(ended));
        Handle {
            opening,
            texts,
            open,
            ending,
        }
    }

    /// What the connections have done so far.
    pub fn counts(&self) -> Counts {
        self.shared.counters.counts()
    }
}

impl Shared {
    fn backoff<T>(&self, origin: &str, act: impl FnOnce(&mut Backoff) -> T) -> T {
        // Nothing in here can leave a backoff half changed.
        let mut backoffs = self.backoffs.lock().unwrap_or_else(PoisonError::into_inner);
        let seed = self.settings.seed.wrapping_add(backoffs.len() as u64);
        act(backoffs
            .entry(origin.to_owned())
            .or_insert_with(|| Backoff::new(self.settings.spacing, seed)))
    }
}

/// Tells the caller.
struct Teller {
    connection: u32,
    opening: Opening,
    events: mpsc::Sender<Event>,
}

/// The caller has stopped listening.
struct NobodyListens;

impl Teller {
    /// Waits while the caller is slow.
    async fn tell(&self, what: What) -> Result<(), NobodyListens> {
        let event = Event {
            connection: self.connection,
            opening: self.opening,
            noticed_ns: now_ns(),
            what,
        };
        self.events.send(event).await.map_err(|_| NobodyListens)
    }
}

fn now_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// One connection, from its first attempt to its end.
struct Task {
    shared: Arc<Shared>,
    teller: Teller,
    address: Url,
    open: Arc<AtomicBool>,
    texts: mpsc::Receiver<String>,
}

impl Task {
    async fn run(mut self, mut ended: oneshot::Receiver<()>) {
        let origin = self.address.origin().ascii_serialization();
        let opened = tokio::select! {
            biased;
            asked = &mut ended => {
                if asked.is_ok() {
                    let _ = self.teller.tell(What::Closed(End::Asked)).await;
                }
                return;
            }
            opened = self.open(&origin) => opened,
        };
        let (attempt, socket) = opened;
        let mut conversation = Conversation::new(socket, &self.shared.settings);
        let mut proven = false;
        self.open.store(true, Ordering::Release);
        let (end, tell) = tokio::select! {
            biased;
            asked = &mut ended => (End::Asked, asked.is_ok()),
            end = self.converse(&origin, &mut conversation, &mut proven) => match end {
                Ok(end) => (end, true),
                Err(NobodyListens) => (End::Asked, false),
            },
        };
        self.open.store(false, Ordering::Release);
        if !proven && end != End::Asked {
            self.shared
                .backoff(&origin, |backoff| backoff.failed(attempt));
        }
        conversation.close(&mut self.texts, &end).await;
        if !tell {
            return;
        }
        tracing::info!(%origin, connection = self.teller.connection, %end, "connection closed");
        if end == End::Asked {
            let _ = self.teller.tell(What::Closed(end)).await;
        } else {
            // Still not told when the handle is dropped: then nobody wants to know.
            tokio::select! {
                biased;
                _ = self.teller.tell(What::Closed(end)) => {}
                Err(_) = &mut ended => {}
            }
        }
    }

    /// Tries until it is open.
    async fn open(&self, origin: &str) -> (Attempt, WebSocket) {
        loop {
            let attempt = self.shared.backoff(origin, Backoff::attempt);
            tokio::time::sleep(attempt.wait).await;
            match self.dial().await {
                Ok(socket) => {
                    self.shared.counters.opened();
                    return (attempt, socket);
                }
                Err(error) => {
                    self.shared.counters.failure();
                    let ceiling = self.shared.backoff(origin, |backoff| {
                        backoff.failed(attempt);
                        backoff.ceiling()
                    });
                    tracing::warn!(
                        origin,
                        connection = self.teller.connection,
                        %error,
                        "no connection; trying again within {ceiling:?}"
                    );
                }
            }
        }
    }

    /// One attempt, when its turn has come.
    async fn dial(&self) -> Result<WebSocket, DialError> {
        let shared = &self.shared;
        let host = self.address.host_str().ok_or(DialError::Address)?;
        let limit = shared.settings.open_limit;
        let (_ticket, permit) = shared.attempts.turn(host, limit).await;
        shared.counters.attempt();
        dial(
            &self.address,
            &shared.settings,
            &shared.tls,
            &shared.counters,
            permit,
        )
        .await
    }

    async fn converse(
        &mut self,
        origin: &str,
        conversation: &mut Conversation,
        proven: &mut bool,
    ) -> Result<End, NobodyListens> {
        self.teller.tell(What::Opened).await?;
        conversation.alive();
        loop {
            match conversation.turn(&mut self.texts).await {
                Turn::Frame(bytes) => {
                    self.shared.counters.frame(bytes.len());
                    self.teller.tell(What::Frame(bytes)).await?;
                    conversation.alive();
                }
                Turn::Proven => {
                    *proven = true;
                    self.shared.backoff(origin, Backoff::proven);
                }
                Turn::Over(end) => return Ok(end),
            }
        }
    }
}
