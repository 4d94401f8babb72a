//! What a market keeps to, and that its past is true.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at its first surprise"
)]

use std::collections::BTreeMap;

use super::listing::{LEVELS_MAX, LEVELS_MIN};
use super::terms::{HISTORY_CHANGES_MAX, NS_PER_MS};
use super::*;
use crate::book::{Side, level};

const SECOND_NS: u64 = 1_000_000_000;

/// What somebody knows who only applies updates to a snapshot.
#[derive(Default)]
struct NaiveBook {
    last_update_id: u64,
    bids: BTreeMap<u64, u64>,
    asks: BTreeMap<u64, u64>,
}

impl NaiveBook {
    fn apply(&mut self, last_update_id: u64, levels: &Levels) {
        for (side, changes) in [
            (&mut self.bids, &levels.bids),
            (&mut self.asks, &levels.asks),
        ] {
            for change in changes {
                side.insert(change.price, change.quantity);
            }
            side.retain(|_, quantity| *quantity > 0);
        }
        self.last_update_id = last_update_id;
    }

    fn top(&self, levels: usize) -> Levels {
        Levels {
            bids: self.bids.iter().rev().take(levels).map(level).collect(),
            asks: self.asks.iter().take(levels).map(level).collect(),
        }
    }
}

#[test]
fn updates_on_a_snapshot_give_the_true_book_at_every_update() {
    for seed in 0..5 {
        let mut market = Market::open(seed, &["BTCUSDT", "ETHUSDT", "MADEUPUSDT"], SECOND_NS);
        let mut books: BTreeMap<String, NaiveBook> = BTreeMap::new();
        for listing in market.listings() {
            let Snapshot {
                last_update_id,
                levels,
            } = listing.snapshot(usize::MAX);
            books
                .entry(listing.terms().symbol.clone())
                .or_default()
                .apply(last_update_id, &levels);
        }
        let mut updates = 0;
        for second in 2..22 {
            for Occurrence { terms, news, .. } in market.advance(second * SECOND_NS) {
                let News::Depth(update) = news else { continue };
                let book = books.get_mut(&terms.symbol).unwrap();
                assert_eq!(update.first_update_id, book.last_update_id + 1);
                book.apply(update.last_update_id, &update.levels);
                let truth = market
                    .listing(&terms.symbol)
                    .unwrap()
                    .top_at(update.last_update_id, usize::MAX);
                assert_eq!(Some(book.top(usize::MAX)), truth);
                updates += 1;
            }
        }
        assert!(updates > 500, "{updates}");
    }
}

#[test]
fn the_best_bid_is_always_below_the_best_ask() {
    let mut market = Market::open(3, &["BTCUSDT", "XRPUSDT"], 0);
    let (mut lowest, mut highest) = (u64::MAX, 0);
    for millisecond in 0..60_000 {
        market.advance(millisecond * NS_PER_MS);
        for listing in market.listings() {
            let (bid, ask) = (listing.best(Side::Bid), listing.best(Side::Ask));
            assert!(bid < ask, "{bid} {ask}");
            assert!(listing.book.bids.len() >= LEVELS_MIN && listing.book.asks.len() >= LEVELS_MIN);
        }
        let price = market.listing("BTCUSDT").unwrap().best(Side::Bid);
        (lowest, highest) = (lowest.min(price), highest.max(price));
    }
    assert!(
        highest - lowest > 1_000,
        "the price moves: from {lowest} to {highest}"
    );
}

#[test]
fn trade_ids_rise_by_one_and_time_never_runs_back() {
    let mut market = Market::open(4, &["ETHUSDT"], 0);
    let mut last: Option<(u64, u64)> = None;
    let mut trades = 0;
    for Occurrence { time_ns, news, .. } in market.advance(10 * SECOND_NS) {
        let News::Trade(trade) = news else { continue };
        assert!(trade.level.quantity > 0);
        if let Some((last_id, last_ns)) = last {
            assert_eq!(trade.id, last_id + 1);
            assert!(time_ns >= last_ns);
        }
        last = Some((trade.id, time_ns));
        trades += 1;
    }
    assert!(trades > 300, "{trades}");
}

#[test]
fn how_far_a_market_is_advanced_at_once_changes_nothing() {
    let mut whole = Market::open(5, &["BTCUSDT", "ETHUSDT"], 0);
    let mut parts = Market::open(5, &["BTCUSDT", "ETHUSDT"], 0);
    let mut told = Vec::new();
    for step in 1..=700 {
        told.extend(parts.advance(step * 7 * NS_PER_MS));
    }
    assert_eq!(told, whole.advance(4_900 * NS_PER_MS));
}

#[test]
fn a_symbol_runs_the_same_course_beside_others() {
    let of_eth = |symbols: &[&str]| {
        let told = Market::open(6, symbols, 0).advance(3 * SECOND_NS);
        told.into_iter()
            .filter(|one| one.terms.symbol == "ETHUSDT")
            .collect::<Vec<_>>()
    };
    assert_eq!(of_eth(&["ETHUSDT"]), of_eth(&["BTCUSDT", "ETHUSDT"]));
}

#[test]
fn the_past_is_bounded_and_the_future_unknown() {
    let mut market = Market::open(8, &["BTCUSDT"], 0);
    market.advance(600 * SECOND_NS);
    let listing = market.listing("BTCUSDT").unwrap();
    let id = listing.update_id();
    let kept = listing.history.len() as u64;
    assert!((HISTORY_CHANGES_MAX..HISTORY_CHANGES_MAX + 4_096).contains(&listing.history.len()));
    assert!(
        listing.book.bids.len() <= LEVELS_MAX + LEVELS_MIN,
        "{}",
        listing.book.bids.len()
    );
    assert_eq!(
        listing.top_at(id, 5).as_ref(),
        Some(&listing.snapshot(5).levels)
    );
    assert!(listing.top_at(id - kept, 5).is_some());
    assert!(listing.top_at(id - kept - 1, 5).is_none());
    assert!(listing.top_at(id + 1, 5).is_none());
}
