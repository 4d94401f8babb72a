//! What the connections of one dialer have done so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Attempts made.
    pub attempts: u64,
    /// Attempts that did not lead to an open connection.
    pub failures: u64,
    /// Connections that were opened.
    pub opened: u64,
    /// Messages received.
    pub frames: u64,
    /// Bytes of the messages received.
    pub bytes: u64,
    /// TCP connections open now, those still in their handshake included.
    pub tcp_open: u64,
}

/// The counters, shared by a dialer and its tasks.
#[derive(Debug, Default)]
pub(super) struct Counters {
    attempts: AtomicU64,
    failures: AtomicU64,
    opened: AtomicU64,
    frames: AtomicU64,
    bytes: AtomicU64,
    tcp_open: AtomicU64,
}

impl Counters {
    pub(super) fn attempt(&self) {
        self.attempts.fetch_add(1, Relaxed);
    }

    pub(super) fn failure(&self) {
        self.failures.fetch_add(1, Relaxed);
    }

    pub(super) fn opened(&self) {
        self.opened.fetch_add(1, Relaxed);
    }

    pub(super) fn frame(&self, bytes: usize) {
        self.frames.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            attempts: self.attempts.load(Relaxed),
            failures: self.failures.load(Relaxed),
            opened: self.opened.load(Relaxed),
            frames: self.frames.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            tcp_open: self.tcp_open.load(Relaxed),
        }
    }
}

/// Counts one TCP connection for as long as it lives.
#[derive(Debug)]
pub(super) struct TcpOpen(Arc<Counters>);

impl TcpOpen {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        counters.tcp_open.fetch_add(1, Relaxed);
        Self(counters)
    }
}

impl Drop for TcpOpen {
    fn drop(&mut self) {
        self.0.tcp_open.fetch_sub(1, Relaxed);
    }
}
