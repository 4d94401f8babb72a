//! What an exchange would tell of a market.

use std::sync::Arc;

use super::terms::Terms;
use crate::book::{Level, Levels};

/// One trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Rises by one with every trade of the symbol.
    pub id: u64,
    /// Where, and how much.
    pub level: Level,
    /// The taker sold.
    pub buyer_is_maker: bool,
}

/// What changed in a book since the update before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepthUpdate {
    /// Id of the first change in it.
    pub first_update_id: u64,
    /// Id of the last change in it; the book is true at this id once the update is applied.
    pub last_update_id: u64,
    /// The changed levels with their new quantity.
    pub levels: Levels,
}

/// A book at one update id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The id.
    pub last_update_id: u64,
    /// The best levels.
    pub levels: Levels,
}

/// What an exchange would tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A trade was made.
    Trade(Trade),
    /// The book changed.
    Depth(DepthUpdate),
}

/// Something told, of which symbol and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Nanoseconds since the epoch.
    pub time_ns: u64,
    /// The symbol's terms.
    pub terms: Arc<Terms>,
    /// What.
    pub news: News,
}
