//! What was really sent on which connection: a test compares it with what a client made of it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::frame::Item;

/// What became of a frame on a connection that had asked for its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Sent whole, once, in its place.
    Whole,
    /// Sent whole, twice in a row.
    Doubled,
    /// Sent whole, after the next one of its stream.
    Swapped,
    /// Only its beginning was sent.
    Cut,
    /// Garbage was sent in its place.
    Garbage,
    /// Sent with a field missing, renamed or of another type.
    Misshapen,
    /// Not sent.
    Dropped,
    /// Not sent: the connection was silent.
    Stalled,
    /// Not sent: the stream was silent.
    Muted,
    /// Not sent: the connection ended before.
    Unsent,
}

impl Fate {
    /// It was sent as it should be, at least once.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Whole | Self::Doubled | Self::Swapped)
    }
}

/// One frame on one connection. Entries of a connection are in the order of their sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The connection's number.
    pub connection: u64,
    /// The stream's name.
    pub stream: Arc<str>,
    /// What it was about.
    pub item: Item,
    /// What became of it.
    pub fate: Fate,
}

/// The entries, oldest forgotten first.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: VecDeque<Entry>,
    entries_max: usize,
    forgotten: u64,
}

impl Ledger {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        if self.entries.len() > self.entries_max {
            self.entries.pop_front();
            self.forgotten += 1;
        }
    }

    /// The number that the next entry gets.
    pub(crate) fn next(&self) -> u64 {
        self.forgotten + self.entries.len() as u64
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) const fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
