//! What became of the messages that one session left to be stored: figures for health and metrics.

use std::collections::BTreeMap;

use super::Delivered;

/// The figures of one session. They outlive its lives; counters only rise.
#[derive(Debug, Clone, Default)]
pub struct Storing {
    /// Messages that are not known to be stored.
    pub waiting: u64,
    /// How many of them were sent and wait for their acknowledgement.
    pub unacknowledged: u64,
    /// Bytes of the spool's files.
    pub spool_bytes: u64,
    /// How many of the waiting stand in memory only, because the disk took no more.
    pub unspooled: u64,
    /// Messages that a stream holds now.
    pub stored: u64,
    /// How many of them a stream or this process had already, by their id.
    pub known: u64,
    /// Messages that were sent again.
    pub resent: u64,
    /// Messages that will never be stored, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Stored messages by subject.
    pub delivered: Delivered,
    /// Attempts to make or to bring up to date a stream that failed; the same figure for all sessions.
    pub stream_failures: u64,
    /// Why messages wait, while they do and something is wrong.
    pub problem: Option<String>,
}

impl Storing {
    /// Why a message can be dropped.
    pub const REASONS: [&'static str; 7] = [
        // The spool is full, and older ones go first.
        "no_room",
        // It waited longer than it may.
        "too_old",
        // The server takes none of its size.
        "too_large",
        // The disk did not give back what it was given.
        "unreadable",
        // Nobody took it from the session in time.
        "busy",
        // The end of a file of the spool was torn; at least one.
        "torn",
        // The process ends, and the disk had not taken it.
        "ended",
    ];

    pub(super) fn drop_one(&mut self, reason: &'static str) {
        *self.dropped.entry(reason).or_default() += 1;
    }
}
