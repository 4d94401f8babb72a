//! The levels of one message, both sides.

use super::Level;

/// Levels of both sides as a message says them: a snapshot, or what an update changes (quantity 0 removes).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Bids, as they came.
    pub bids: Vec<Level>,
    /// Asks, as they came.
    pub asks: Vec<Level>,
}

impl Changes {
    /// Forgets the levels.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }
}

/// Which update of a book a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpdateIds {
    /// First update id in it.
    pub first: u64,
    /// Last update id in it.
    pub last: u64,
    /// Last update id of the update before, where the exchange says so.
    pub previous: Option<u64>,
    /// Exchange time in nanoseconds.
    pub time: u64,
}
