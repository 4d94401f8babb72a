//! The market as streams of USD-M futures tell it. Depth events form a chain by `pu`; of forced orders only the latest
//! of each symbol and second is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::futures_payload::{self as payload, DepthIds};
use super::{futures_rest, stream_name};
use crate::exchange::facts::Facts;
use crate::exchange::frame::Item;
use crate::exchange::liquidations::Liquidation;
use crate::exchange::teller::{Now, Order, Pen, Scene, Teller};
use crate::market::{DepthUpdate, Levels, Market};

/// Streams with the same events at other names: the speed is the market's.
const DEPTH: [&str; 3] = ["depth@100ms", "depth", "depth@0ms"];
const MARK_PRICE: [&str; 2] = ["markPrice@1s", "markPrice"];

/// By symbol.
#[derive(Debug)]
pub(super) struct FuturesTeller {
    symbols: BTreeMap<String, Symbol>,
    all_liquidations: Arc<str>,
}

#[derive(Debug)]
struct Symbol {
    depth: Vec<Arc<str>>,
    mark_price: Vec<Arc<str>>,
    aggregate: Arc<str>,
    trade: Arc<str>,
    ticker: Arc<str>,
    liquidations: Arc<str>,
    best: Levels,
    marked_ms: u64,
    /// The latest of its second.
    liquidation: Option<Liquidation>,
}

impl FuturesTeller {
    pub(super) fn new(market: &Market) -> Self {
        let symbols = market.listings().iter().map(|listing| {
            let terms = listing.terms();
            let name = |kind: &str| stream_name(&terms.symbol, kind);
            let opened = Symbol {
                depth: DEPTH.map(name).to_vec(),
                mark_price: MARK_PRICE.map(name).to_vec(),
                aggregate: name("aggTrade"),
                trade: name("trade"),
                ticker: name("bookTicker"),
                liquidations: name("forceOrder"),
                best: Levels::default(),
                marked_ms: 0,
                liquidation: None,
            };
            (terms.symbol.clone(), opened)
        });
        Self {
            symbols: symbols.collect(),
            all_liquidations: "!forceOrder@arr".into(),
        }
    }
}

impl Teller for FuturesTeller {
    fn depth(&mut self, scene: &Scene<'_>, update: &DepthUpdate, pen: &mut Pen<'_>) {
        let Some(symbol) = self.symbols.get(&scene.terms.symbol) else {
            return;
        };
        let told = |id| scene.numbering.told(id);
        let ids = DepthIds {
            first: told(update.first_update_id),
            last: told(update.last_update_id),
            previous: told(update.first_update_id - 1),
        };
        let item = Item::Depth {
            first: ids.first,
            last: ids.last,
        };
        for stream in &symbol.depth {
            pen.wrapped(stream, item, scene.time_ns, || {
                payload::depth(scene.terms, scene.time_ms(), &ids, &update.levels)
            });
        }
    }

    fn order(&mut self, scene: &Scene<'_>, order: &Order<'_>, pen: &mut Pen<'_>) {
        let Some(symbol) = self.symbols.get(&scene.terms.symbol) else {
            return;
        };
        for trade in order.trades {
            pen.wrapped(&symbol.trade, Item::Trade(trade.id), scene.time_ns, || {
                payload::trade(scene.terms, scene.time_ms(), trade)
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

    fn liquidation(&mut self, scene: &Scene<'_>, one: &Liquidation, pen: &mut Pen<'_>) {
        let Some(symbol) = self.symbols.get_mut(&scene.terms.symbol) else {
            return;
        };
        let before = symbol.liquidation.replace(one.clone());
        if let Some(before) = before.filter(|before| before.time_ms / 1_000 < one.time_ms / 1_000) {
            tell(symbol, &self.all_liquidations, &before, scene.time_ns, pen);
        }
    }

    fn step(&mut self, now: &Now<'_>, pen: &mut Pen<'_>) {
        let time_ms = now.time_ms();
        for listing in now.market.listings() {
            let terms = listing.terms();
            let Some(symbol) = self.symbols.get_mut(&terms.symbol) else {
                continue;
            };
            let over = symbol
                .liquidation
                .take_if(|one| one.time_ms / 1_000 < time_ms / 1_000);
            if let Some(one) = over {
                tell(symbol, &self.all_liquidations, &one, now.time_ns, pen);
            }
            if (pen.wanted)(&symbol.ticker) {
                let best = listing.snapshot(1).levels;
                let numbering = now.numbering.get(&terms.symbol);
                let id = numbering.map_or(0, |ids| ids.told(listing.update_id()));
                if best != symbol.best
                    && let Some(data) = payload::ticker(terms, time_ms, id, &best)
                {
                    pen.wrapped(&symbol.ticker, Item::Ticker(id), now.time_ns, || data);
                }
                symbol.best = best;
            }
            let mark = now.facts.mark(&terms.symbol);
            if let Some(mark) = mark.filter(|mark| mark.time_ms != symbol.marked_ms) {
                symbol.marked_ms = mark.time_ms;
                let hours = futures_rest::funding_hours(&terms.symbol);
                let next_ms = Facts::next_funding_ms(time_ms, hours);
                for stream in &symbol.mark_price {
                    pen.wrapped(stream, Item::Datum(mark.time_ms), now.time_ns, || {
                        payload::mark_price(&terms.symbol, &mark, next_ms)
                    });
                }
            }
        }
    }
}

fn tell(symbol: &Symbol, all: &Arc<str>, one: &Liquidation, time_ns: u64, pen: &mut Pen<'_>) {
    let item = Item::Liquidations {
        first: one.number,
        last: one.number,
    };
    for stream in [&symbol.liquidations, all] {
        pen.wrapped(stream, item, time_ns, || {
            payload::force_order(time_ns / 1_000_000, one)
        });
    }
}
