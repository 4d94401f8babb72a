//! What is settled when a symbol's market is opened.

use crate::random::Random;

pub(super) const NS_PER_MS: u64 = 1_000_000;
/// Mean time between two orders of a symbol.
const ORDER_GAP_NS: u64 = 4 * NS_PER_MS;
/// Changes that can be looked back, if nothing else is asked for: some minutes.
pub(super) const HISTORY_CHANGES_MAX: usize = 65_536;

/// How lively a market is, and how much of its past is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// Mean time between two orders of a symbol.
    pub order_gap_ns: u64,
    /// Changes of each symbol's book that can be looked back.
    pub history_changes_max: usize,
    /// An order that takes from a level may meet several makers there: several trades at one price.
    pub several_makers: bool,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            order_gap_ns: ORDER_GAP_NS,
            history_changes_max: HISTORY_CHANGES_MAX,
            several_makers: false,
        }
    }
}

/// What is traded, and in which units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The exchange's name, for example "BTCUSDT".
    pub symbol: String,
    /// A tick is 10 to the power of minus this.
    pub price_decimals: u32,
    /// A lot is 10 to the power of minus this.
    pub quantity_decimals: u32,
    /// Where the price starts, in ticks.
    pub opening_price: u64,
}

impl Terms {
    /// The terms of a symbol; those of unknown ones are made up.
    #[must_use]
    pub fn of(symbol: &str) -> Self {
        let (price_decimals, quantity_decimals, opening_price) = match symbol {
            "BTCUSDT" => (2, 5, 9_734_512),
            "ETHUSDT" => (2, 4, 351_288),
            "SOLUSDT" => (2, 3, 18_734),
            "XRPUSDT" => (4, 1, 24_517),
            _ => (4, 2, Random::new(0, symbol).between(20_000, 5_000_000)),
        };
        Self {
            symbol: symbol.to_owned(),
            price_decimals,
            quantity_decimals,
            opening_price,
        }
    }

    /// The same under another name and in other units, at the same price.
    #[must_use]
    pub fn renamed(&self, symbol: &str, price_decimals: u32, quantity_decimals: u32) -> Self {
        let opening_price =
            self.opening_price * 10_u64.pow(price_decimals) / 10_u64.pow(self.price_decimals);
        Self {
            symbol: symbol.to_owned(),
            price_decimals,
            quantity_decimals,
            opening_price: opening_price.max(1),
        }
    }
}
