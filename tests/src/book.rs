//! An order book as far as anybody can see it: levels of two sides. Prices are whole ticks, quantities whole lots.

use std::collections::BTreeMap;

/// Bids or asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Bid,
    Ask,
}

/// A price in ticks and what is there, in lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Price in ticks.
    pub price: u64,
    /// Quantity in lots; in an update 0 removes the level.
    pub quantity: u64,
}

/// Levels of both sides, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Highest first.
    pub bids: Vec<Level>,
    /// Lowest first.
    pub asks: Vec<Level>,
}

/// The book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    pub(crate) bids: BTreeMap<u64, u64>,
    pub(crate) asks: BTreeMap<u64, u64>,
}

impl Book {
    pub(crate) fn of(levels: &Levels) -> Self {
        let side = |levels: &[Level]| levels.iter().map(|one| (one.price, one.quantity)).collect();
        Self {
            bids: side(&levels.bids),
            asks: side(&levels.asks),
        }
    }

    pub(crate) fn side(&self, side: Side) -> &BTreeMap<u64, u64> {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<u64, u64> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    /// Sets the quantity at a price; 0 removes the level.
    pub(crate) fn set(&mut self, side: Side, Level { price, quantity }: Level) {
        let levels = self.side_mut(side);
        if quantity == 0 {
            levels.remove(&price);
        } else {
            levels.insert(price, quantity);
        }
    }

    /// Sets the quantity at a price where 0 is news and is kept: for collecting changes.
    pub(crate) fn note(&mut self, side: Side, Level { price, quantity }: Level) {
        self.side_mut(side).insert(price, quantity);
    }

    /// The level that many places behind the best one.
    pub(crate) fn nth(&self, side: Side, places: usize) -> Option<Level> {
        let found = match side {
            Side::Bid => self.bids.iter().nth_back(places),
            Side::Ask => self.asks.iter().nth(places),
        };
        found.map(level)
    }

    pub(crate) fn top(&self, levels: usize) -> Levels {
        Levels {
            bids: self.bids.iter().rev().take(levels).map(level).collect(),
            asks: self.asks.iter().take(levels).map(level).collect(),
        }
    }
}

pub(crate) fn level((&price, &quantity): (&u64, &u64)) -> Level {
    Level { price, quantity }
}
