//! The attempts to connect of all sessions of the process: exchanges count them, and the open connections, of one
//! address together. Whoever would break a limit waits its turn, in the order of asking.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::turns::{ConnectLimit, ConnectUsage, Number, Room, Turn, Turns};

/// Whoever waits for longer says so.
const LONG_WAIT: Duration = Duration::from_secs(1);

/// The attempts, by host name. Clones are the same attempts.
#[derive(Debug, Clone)]
pub struct Attempts {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    origin: Instant,
    /// As many as the configuration grants.
    hosts: Mutex<BTreeMap<String, Arc<Host>>>,
}

#[derive(Debug)]
struct Host {
    origin: Instant,
    turns: Mutex<Turns>,
    /// Somebody's turn may have come.
    changed: Notify,
}

/// A place in the queue, then an attempt under way. Dropping it gives up the place, or tells that the outcome of the
/// attempt is known.
#[derive(Debug)]
pub(super) struct Ticket {
    host: Arc<Host>,
    number: Number,
}

/// One of the connections that may be open; dropped when its socket is closed. An exchange may notice an end later than
/// we do, and refuse the next attempt: then the back-off has its say.
#[derive(Debug)]
pub(super) struct Permit {
    host: Arc<Host>,
}

impl Default for Attempts {
    /// Without any limit.
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                origin: Instant::now(),
                hosts: Mutex::default(),
            }),
        }
    }
}

impl Attempts {
    /// Sets what the exchange behind a host name allows. It counts for those who wait already.
    pub fn set_limit(&self, host: &str, limit: ConnectLimit) {
        self.host(host).change(|turns, _| turns.set_limit(limit));
    }

    /// Whether and when so many more connections to a host name can be opened, by all sessions together.
    pub fn room(&self, host: &str, connections: u32) -> Room {
        let host = self.host(host);
        host.with(|turns, now| turns.room(connections, now))
    }

    /// How it stands at every host name.
    pub fn report(&self) -> BTreeMap<String, ConnectUsage> {
        let hosts = lock(&self.shared.hosts);
        let report = hosts
            .iter()
            .map(|(name, host)| (name.clone(), host.with(Turns::usage)));
        report.collect()
    }

    /// Waits for the turn of an attempt that takes `open_limit` at most. Its ticket is to be dropped as soon as its
    /// outcome is known. Dropping the future gives up the place.
    pub(super) async fn turn(&self, name: &str, open_limit: Duration) -> (Ticket, Permit) {
        let host = self.host(name);
        let ticket = Ticket {
            number: host.with(|turns, _| turns.queue()),
            host: host.clone(),
        };
        let mut long_wait = std::pin::pin!(sleep(LONG_WAIT));
        let mut is_told = false;
        loop {
            // Before asking, so that a change after the question is not missed.
            let changed = host.changed.notified();
            let until = match host.with(|turns, now| turns.ask(ticket.number, open_limit, now)) {
                Turn::Now => {
                    // Somebody else is the first in the queue.
                    host.changed.notify_waiters();
                    return (ticket, Permit { host: host.clone() });
                }
                Turn::Wait(until) => until,
            };
            tokio::select! {
                () = host.clock_is(until) => {}
                () = changed => {}
                () = &mut long_wait, if !is_told => {
                    is_told = true;
                    let usage = host.with(Turns::usage);
                    tracing::info!(
                        host = name,
                        "a connection waits its turn: {} attempts count in {:?}, {} connections are open, {} wait",
                        usage.attempts,
                        usage.limit.within,
                        usage.open,
                        usage.waiting
                    );
                }
            }
        }
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = lock(&self.shared.hosts);
        let host = hosts.entry(name.to_owned()).or_insert_with(|| {
            Arc::new(Host {
                origin: self.shared.origin,
                turns: Mutex::default(),
                changed: Notify::new(),
            })
        });
        host.clone()
    }
}

impl Host {
    fn with<T>(&self, act: impl FnOnce(&mut Turns, Duration) -> T) -> T {
        act(&mut lock(&self.turns), self.origin.elapsed())
    }

    fn change(&self, act: impl FnOnce(&mut Turns, Duration)) {
        self.with(act);
        self.changed.notify_waiters();
    }

    /// Ends at that time; without one, never.
    async fn clock_is(&self, time: Option<Duration>) {
        match time {
            Some(time) => sleep_until(self.origin + time).await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.host.change(|turns, now| turns.done(self.number, now));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.host.change(|turns, _| turns.closed());
    }
}

/// Nothing that is done under these locks can leave a host half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
