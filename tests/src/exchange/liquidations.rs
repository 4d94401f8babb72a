//! Forced orders: they happen beside the market and change nothing in it. Now and then several at once, as they do.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::market::{Market, Terms};
use crate::random::Random;

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_MINUTE: u64 = 60_000_000_000;

/// A position that was closed by force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Liquidation {
    /// From 0, rising by one over all symbols.
    pub number: u64,
    /// What is traded, and in which units.
    pub terms: Arc<Terms>,
    /// Milliseconds since the epoch.
    pub time_ms: u64,
    /// A long position was closed.
    pub sold: bool,
    /// The price of the order (at which the position is bankrupt), in ticks.
    pub price: u64,
    /// The price that it got, in ticks.
    pub average_price: u64,
    /// How much, in lots.
    pub quantity: u64,
}

/// All of a market, oldest forgotten first.
#[derive(Debug)]
pub(crate) struct Liquidations {
    gap_ns: u64,
    most: usize,
    random: Random,
    next_ns: Vec<u64>,
    number: u64,
    past: VecDeque<Liquidation>,
}

impl Liquidations {
    pub(crate) fn new(
        seed: u64,
        per_minute: u64,
        symbols: usize,
        start_ns: u64,
        most: usize,
    ) -> Self {
        let mut random = Random::new(seed, "liquidations");
        let gap_ns = NS_PER_MINUTE
            .checked_div(per_minute)
            .unwrap_or(u64::MAX / 4);
        let next_ns = (0..symbols).map(|_| start_ns.saturating_add(random.between(1, 2 * gap_ns)));
        Self {
            next_ns: next_ns.collect(),
            gap_ns,
            most,
            random,
            number: 0,
            past: VecDeque::new(),
        }
    }

    /// Those that happen up to a time, that time included.
    pub(crate) fn advance(&mut self, market: &Market, until_ns: u64) -> Vec<Liquidation> {
        let mut happened = Vec::new();
        for (place, listing) in market.listings().iter().enumerate() {
            while let Some(next_ns) = self.next_ns.get_mut(place)
                && *next_ns <= until_ns
            {
                let time_ms = *next_ns / NS_PER_MS;
                *next_ns = next_ns.saturating_add(self.random.between(1, 2 * self.gap_ns));
                let best = listing.snapshot(1).levels;
                let sold = self.random.chance(50);
                let side = if sold { best.bids } else { best.asks };
                let Some(best) = side.first() else { continue };
                for _ in 0..=self.random.mostly_small(2) {
                    let distance = self.random.between(1, best.price / 1_000 + 2);
                    let (price, average_price) = if sold {
                        let price = best.price.saturating_sub(distance).max(1);
                        (price, price + distance / 2)
                    } else {
                        (best.price + distance, best.price + distance / 2)
                    };
                    happened.push(Liquidation {
                        number: self.number,
                        terms: listing.terms().clone(),
                        time_ms,
                        sold,
                        price,
                        average_price,
                        quantity: self.random.between(1, 20_000),
                    });
                    self.number += 1;
                }
            }
        }
        self.past.extend(happened.iter().cloned());
        while self.past.len() > self.most {
            self.past.pop_front();
        }
        happened
    }

    pub(crate) fn one(&self, number: u64) -> Option<&Liquidation> {
        let first = self.past.front()?.number;
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        self.past.get(place)
    }

    pub(crate) fn all(&self) -> Vec<Liquidation> {
        self.past.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn liquidations_come_at_their_rate_numbered_and_around_the_price() {
        let mut market = Market::open(1, &["BTCUSDT", "ETHUSDT"], 0);
        let mut liquidations = Liquidations::new(1, 60, 2, 0, 50);
        let mut told = Vec::new();
        for second in 1..=60 {
            market.advance(second * 1_000_000_000);
            told.extend(liquidations.advance(&market, second * 1_000_000_000));
        }
        assert!((100..300).contains(&told.len()), "{}", told.len());
        let mut numbers = (0..).zip(&told);
        assert!(numbers.all(|(number, one)| one.number == number && one.quantity > 0));
        for one in &told {
            let near = one.terms.opening_price / 2..one.terms.opening_price * 2;
            assert!(near.contains(&one.price), "{one:?}");
        }
        let last = told.last().unwrap();
        assert_eq!(liquidations.one(last.number), Some(last));
        assert_eq!(liquidations.one(0), None);
        let none = Liquidations::new(1, 0, 2, 0, 50).advance(&market, 60_000_000_000);
        assert_eq!(none, []);
    }
}
