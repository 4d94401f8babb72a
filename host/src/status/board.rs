//! The board that all sessions pin their status to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::operations::Operations;
use super::session::SessionStatus;
use crate::rest::{Budgets, HostUsage};
use crate::ws::{Attempts, ConnectUsage};

/// The last status of every session.
#[derive(Debug)]
pub struct Board {
    began: Instant,
    began_at: SystemTime,
    budgets: Budgets,
    attempts: Attempts,
    sessions: Mutex<BTreeMap<String, Arc<SessionStatus>>>,
    operations: Operations,
}

impl Board {
    /// An empty board of a daemon that begins now.
    pub fn new(budgets: Budgets, attempts: Attempts) -> Self {
        Self {
            began: Instant::now(),
            began_at: SystemTime::now(),
            budgets,
            attempts,
            sessions: Mutex::default(),
            operations: Operations::default(),
        }
    }

    /// A board for tests that send no requests and open no connections.
    #[cfg(test)]
    pub(crate) fn without_requests() -> Self {
        let budgets = Budgets::new(crate::rest::Limit::per_minute(1));
        Self::new(budgets, Attempts::default())
    }

    /// Replaces what is known of the status's session.
    pub fn post(&self, status: SessionStatus) {
        let status = Arc::new(status);
        // What is replaced is dropped after the lock.
        let _before = self.lock().insert(status.name.clone(), status);
    }

    /// Forgets a session.
    pub fn remove(&self, name: &str) {
        let _before = self.lock().remove(name);
    }

    /// One session's last status.
    pub fn session(&self, name: &str) -> Option<Arc<SessionStatus>> {
        self.lock().get(name).cloned()
    }

    /// Every session's last status, by name.
    pub fn sessions(&self) -> Vec<Arc<SessionStatus>> {
        self.lock().values().cloned().collect()
    }

    /// How the request budgets stand.
    pub fn budgets(&self) -> Vec<HostUsage> {
        self.budgets.report()
    }

    /// How connecting stands, by host name.
    pub fn attempts(&self) -> BTreeMap<String, ConnectUsage> {
        self.attempts.report()
    }

    /// What is being done to adapters, and what became of it.
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// How long the daemon has been running.
    pub fn uptime(&self) -> Duration {
        self.began.elapsed()
    }

    /// When it began.
    pub fn began_at(&self) -> SystemTime {
        self.began_at
    }

    /// Only inserting and copying is done under it.
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<SessionStatus>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
