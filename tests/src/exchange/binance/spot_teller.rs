//! The market as streams of spot tell it: trades, aggregate trades, depth at two speeds, best prices.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{payload, stream_name};
use crate::binance_form::{depth_data, trade_data};
use crate::book::{Book, Side};
use crate::exchange::frame::Item;
use crate::exchange::teller::{Now, Order, Pen, Scene, Teller};
use crate::market::{DepthUpdate, Levels, Market};

const NS_PER_SECOND: u64 = 1_000_000_000;

/// By symbol.
#[derive(Debug)]
pub(super) struct SpotTeller(BTreeMap<String, Symbol>);

#[derive(Debug)]
struct Symbol {
    trade: Arc<str>,
    aggregate: Arc<str>,
    depth_fast: Arc<str>,
    depth: Arc<str>,
    ticker: Arc<str>,
    /// What the slow depth stream has to tell next.
    second: Option<DepthUpdateOfSecond>,
    second_ends_ns: u64,
    best: Levels,
}

#[derive(Debug)]
struct DepthUpdateOfSecond {
    first_update_id: u64,
    changed: Book,
}

impl SpotTeller {
    pub(super) fn new(market: &Market) -> Self {
        let symbols = market.listings().iter().map(|listing| {
            let terms = listing.terms();
            let name = |kind| stream_name(&terms.symbol, kind);
            let opened = Symbol {
                trade: name("trade"),
                aggregate: name("aggTrade"),
                depth_fast: name("depth@100ms"),
                depth: name("depth"),
                ticker: name("bookTicker"),
                second: None,
                second_ends_ns: 0,
                best: Levels::default(),
            };
            (terms.symbol.clone(), opened)
        });
        Self(symbols.collect())
    }
}

impl Teller for SpotTeller {
    fn depth(&mut self, scene: &Scene<'_>, update: &DepthUpdate, pen: &mut Pen<'_>) {
        let Some(symbol) = self.0.get_mut(&scene.terms.symbol) else {
            return;
        };
        let mut frame = |stream: &Arc<str>, update: &DepthUpdate| {
            let item = Item::Depth {
                first: update.first_update_id,
                last: update.last_update_id,
            };
            pen.wrapped(stream, item, scene.time_ns, || {
                depth_data(scene.terms, scene.time_ms(), update)
            });
        };
        frame(&symbol.depth_fast, update);
        if symbol.second_ends_ns == 0 {
            symbol.second_ends_ns = scene.time_ns + NS_PER_SECOND;
        }
        let second = symbol.second.get_or_insert_with(|| DepthUpdateOfSecond {
            first_update_id: update.first_update_id,
            changed: Book::default(),
        });
        for (side, levels) in [
            (Side::Bid, &update.levels.bids),
            (Side::Ask, &update.levels.asks),
        ] {
            for &level in levels {
                second.changed.note(side, level);
            }
        }
        if scene.time_ns >= symbol.second_ends_ns {
            symbol.second_ends_ns += NS_PER_SECOND;
            if let Some(second) = symbol.second.take() {
                let update = DepthUpdate {
                    first_update_id: second.first_update_id,
                    last_update_id: update.last_update_id,
                    levels: second.changed.top(usize::MAX),
                };
                frame(&symbol.depth, &update);
            }
        }
    }

    fn order(&mut self, scene: &Scene<'_>, order: &Order<'_>, pen: &mut Pen<'_>) {
        let Some(symbol) = self.0.get(&scene.terms.symbol) else {
            return;
        };
        for trade in order.trades {
            pen.wrapped(&symbol.trade, Item::Trade(trade.id), scene.time_ns, || {
                trade_data(scene.terms, scene.time_ms(), trade)
            });
        }
        for trade in order.aggregates {
            let item = Item::AggregateTrade {
                id: trade.id,
                first: trade.first_id,
                last: trade.last_id,
            };
            pen.wrapped(&symbol.aggregate, item, scene.time_ns, || {
                payload::aggregate(scene.terms, trade)
            });
        }
    }

    fn step(&mut self, now: &Now<'_>, pen: &mut Pen<'_>) {
        for listing in now.market.listings() {
            let terms = listing.terms();
            let Some(symbol) = self.0.get_mut(&terms.symbol) else {
                continue;
            };
            if (pen.wanted)(&symbol.ticker) {
                let best = listing.snapshot(1).levels;
                let id = listing.update_id();
                if best != symbol.best
                    && let Some(data) = payload::ticker(terms, id, &best)
                {
                    pen.wrapped(&symbol.ticker, Item::Ticker(id), now.time_ns, || data);
                }
                symbol.best = best;
            }
        }
    }
}
