//! The last trades of a symbol, single and aggregated, as REST tells them.

use std::collections::VecDeque;

use crate::market::{Level, Trade};

/// A trade and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedTrade {
    /// Milliseconds since the epoch.
    pub time_ms: u64,
    /// The trade.
    pub trade: Trade,
}

/// What one order traded at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregateTrade {
    /// Rises by one.
    pub id: u64,
    /// Id of its first trade.
    pub first_id: u64,
    /// Id of its last trade.
    pub last_id: u64,
    /// Milliseconds since the epoch.
    pub time_ms: u64,
    /// Where, and how much altogether.
    pub level: Level,
    /// The taker sold.
    pub buyer_is_maker: bool,
}

/// Both, oldest forgotten first.
#[derive(Debug)]
pub(crate) struct Trades {
    most: usize,
    single: VecDeque<TimedTrade>,
    aggregated: VecDeque<AggregateTrade>,
}

/// Which of them are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    pub(crate) from_id: Option<u64>,
    pub(crate) start_ms: Option<u64>,
    pub(crate) end_ms: Option<u64>,
    pub(crate) limit: usize,
}

impl Trades {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            single: VecDeque::new(),
            aggregated: VecDeque::new(),
        }
    }

    pub(crate) fn push(&mut self, trade: TimedTrade) {
        self.single.push_back(trade);
        if self.single.len() > self.most {
            self.single.pop_front();
        }
    }

    pub(crate) fn push_aggregate(&mut self, trade: AggregateTrade) {
        self.aggregated.push_back(trade);
        if self.aggregated.len() > self.most {
            self.aggregated.pop_front();
        }
    }

    pub(crate) fn single(&self, id: u64) -> Option<TimedTrade> {
        let place = self.single.partition_point(|one| one.trade.id < id);
        self.single
            .get(place)
            .filter(|one| one.trade.id == id)
            .copied()
    }

    pub(crate) fn aggregate(&self, id: u64) -> Option<AggregateTrade> {
        let place = self.aggregated.partition_point(|one| one.id < id);
        self.aggregated
            .get(place)
            .filter(|one| one.id == id)
            .copied()
    }

    pub(crate) fn singles(&self, query: Query) -> Vec<TimedTrade> {
        select(&self.single, query, |one| (one.trade.id, one.time_ms))
    }

    pub(crate) fn aggregates(&self, query: Query) -> Vec<AggregateTrade> {
        select(&self.aggregated, query, |one| (one.id, one.time_ms))
    }
}

impl Trades {
    /// Singles before an id, the last ones first.
    pub(crate) fn singles_before(&self, id: Option<u64>, limit: usize) -> Vec<TimedTrade> {
        let end = id.map_or(self.single.len(), |id| {
            self.single.partition_point(|one| one.trade.id < id)
        });
        let before = self.single.range(..end).rev();
        before.take(limit).copied().collect()
    }
}

/// From an id or a time on; the last ones when neither is asked for.
fn select<T: Copy>(all: &VecDeque<T>, query: Query, key: impl Fn(&T) -> (u64, u64)) -> Vec<T> {
    let start = match query {
        Query {
            from_id: Some(id), ..
        } => all.partition_point(|one| key(one).0 < id),
        Query {
            start_ms: Some(start_ms),
            ..
        } => all.partition_point(|one| key(one).1 < start_ms),
        _ => all.len().saturating_sub(query.limit),
    };
    all.range(start..)
        .take_while(|one| query.end_ms.is_none_or(|end_ms| key(one).1 <= end_ms))
        .take(query.limit)
        .copied()
        .collect()
}
