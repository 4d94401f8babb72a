//! The order book: each side sorted, best first.
//!
//! Promises: an update is checked whole before any of it is applied; a level keeps the digits last sent; levels that a
//! snapshot could not prove (beyond its horizon) are kept but never shown.

mod changes;
mod chunk;
mod ladder;
mod live;
mod side;
mod snapshot_fetch;
mod waiting;

pub use changes::{Changes, UpdateIds};
pub use live::{LiveBook, empty_report};
pub use side::{Levels, Top};
pub use snapshot_fetch::SnapshotFetch;
pub use waiting::{Held, Waiting};

use crate::decimal::DecimalError;
use crate::wit::Level;
use side::BookSide;

/// Levels kept on one side unless an adapter says otherwise.
pub const LEVELS_MAX: usize = 20_000;

/// Both sides of one instrument's book.
#[derive(Debug, Clone)]
pub struct Book {
    bids: BookSide,
    asks: BookSide,
}

impl Default for Book {
    fn default() -> Self {
        Self::new(LEVELS_MAX)
    }
}

impl Book {
    /// An empty book that keeps at most `levels_max` levels a side.
    pub const fn new(levels_max: usize) -> Self {
        Self {
            bids: BookSide::bids(levels_max),
            asks: BookSide::asks(levels_max),
        }
    }

    /// Replaces the book by a snapshot. `asked` is how many levels a side were asked for: a side that has as many may
    /// go on beyond them, and nothing is known there.
    pub fn load(
        &mut self,
        bids: &[Level],
        asks: &[Level],
        asked: usize,
    ) -> Result<(), DecimalError> {
        let (bid_scale, ask_scale) = (
            BookSide::scale_to_load(bids)?,
            BookSide::scale_to_load(asks)?,
        );
        self.bids.load(bids, bid_scale, asked);
        self.asks.load(asks, ask_scale, asked);
        Ok(())
    }

    /// Applies one update: each level takes its new quantity, 0 removes it, removing what is not there is fine.
    /// Fastest when both lists are sorted best first. When a number does not fit nothing is applied.
    /// True when a side had to be cut to its most levels.
    pub fn apply(&mut self, bids: &[Level], asks: &[Level]) -> Result<bool, DecimalError> {
        let (bid_scale, ask_scale) = (
            self.bids.scale_to_apply(bids)?,
            self.asks.scale_to_apply(asks)?,
        );
        self.bids.rescale(bid_scale);
        self.asks.rescale(ask_scale);
        let bids_cut = self.bids.apply(bids);
        let asks_cut = self.asks.apply(asks);
        Ok(bids_cut || asks_cut)
    }

    /// Forgets every level.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// The best `count` bids that are proven, best first.
    pub fn top_bids(&self, count: usize) -> Top<'_> {
        self.bids.top(count)
    }

    /// The best `count` asks that are proven, best first.
    pub fn top_asks(&self, count: usize) -> Top<'_> {
        self.asks.top(count)
    }

    /// Whether both sides have at least one level that is proven: one side alone is no market.
    pub fn has_both_sides(&self) -> bool {
        self.bids.has_proven() && self.asks.has_proven()
    }

    /// Whether the best bid is at or above the best ask, which no true book is.
    pub fn is_crossed(&self) -> bool {
        match (self.bids.best_price(), self.asks.best_price()) {
            (Some(bid), Some(ask)) => bid.compare(ask).is_ge(),
            _ => false,
        }
    }

    /// Whether a side has fewer than `count` proven levels and may have more on the exchange.
    pub fn is_short_of(&self, count: usize) -> bool {
        self.bids.is_short_of(count) || self.asks.is_short_of(count)
    }

    /// Whether a bid's price lies where the book is known.
    pub fn proves_bid(&self, level: &Level) -> bool {
        self.bids.proves(level)
    }

    /// Whether an ask's price lies where the book is known.
    pub fn proves_ask(&self, level: &Level) -> bool {
        self.asks.proves(level)
    }

    /// How many bid levels are held.
    pub const fn bid_count(&self) -> usize {
        self.bids.len()
    }

    /// How many ask levels are held.
    pub const fn ask_count(&self) -> usize {
        self.asks.len()
    }
}
