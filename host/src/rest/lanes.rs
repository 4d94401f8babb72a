//! The few connections to one host name: a request takes a lane, busy or not there are never more connections.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connect::Connection;

/// The lanes to one host name.
#[derive(Debug)]
pub(super) struct Lanes {
    free: Arc<Semaphore>,
    /// One slot for each lane that is not taken: the connection it keeps, and the server that one leads to.
    slots: Mutex<Vec<Option<(String, Connection)>>>,
}

/// A lane, taken; dropping it gives it back, with the connection that [`Lane::keep`] left in it.
pub(super) struct Lane {
    lanes: Arc<Lanes>,
    kept: Option<(String, Connection)>,
    _permit: OwnedSemaphorePermit,
}

impl Lanes {
    pub(super) fn new(count: usize) -> Self {
        let count = count.max(1);
        Self {
            free: Arc::new(Semaphore::new(count)),
            slots: Mutex::new((0..count).map(|_| None).collect()),
        }
    }

    /// Waits for a lane, in the order of asking; the one that keeps a connection to `server`, if there is one.
    pub(super) async fn take(self: &Arc<Self>, server: &str) -> Option<Lane> {
        // Never closed, so never `None`.
        let permit = self.free.clone().acquire_owned().await.ok()?;
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let leads_there = |slot: &Option<(String, Connection)>| {
            slot.as_ref()
                .is_some_and(|(to, connection)| to == server && !connection.is_closed())
        };
        let index = slots
            .iter()
            .position(leads_there)
            .or_else(|| slots.iter().position(Option::is_none))
            .unwrap_or(0);
        let kept = (index < slots.len())
            .then(|| slots.swap_remove(index))
            .flatten();
        Some(Lane {
            lanes: self.clone(),
            kept,
            _permit: permit,
        })
    }
}

impl Lane {
    /// The connection that was kept, if it leads to `server` and is still open; another one is closed.
    pub(super) async fn kept(&mut self, server: &str) -> Option<Connection> {
        let (to, mut connection) = self.kept.take()?;
        let usable = to == server && connection.ready().await.is_ok();
        usable.then_some(connection)
    }

    /// Keeps a connection for the next request.
    pub(super) fn keep(&mut self, server: String, connection: Connection) {
        if !connection.is_closed() {
            self.kept = Some((server, connection));
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut slots = self
            .lanes
            .slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        slots.push(self.kept.take());
    }
}
