//! The market as channels of Deribit tell it: books as a chain of change ids, trades of 100 ms together, volatility
//! indices.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{currency, index_name, payload};
use crate::exchange::frame::{Frame, Item};
use crate::exchange::teller::{Now, Order, Pen, Scene, Teller};
use crate::exchange::view::View;
use crate::market::{DepthUpdate, Market, Snapshot, Terms, Trade};

/// Trades are told this often.
const TRADES_NS: u64 = 100_000_000;
/// Intervals of books; the second one is told as often as the first here.
const INTERVALS: [&str; 2] = ["100ms", "agg2"];

/// By instrument, and volatility indices by currency.
#[derive(Debug)]
pub(super) struct DeribitTeller {
    symbols: BTreeMap<String, Symbol>,
    indices: BTreeMap<Arc<str>, Index>,
    trades_told: u64,
}

#[derive(Debug)]
struct Symbol {
    terms: Arc<Terms>,
    books: Vec<Arc<str>>,
    trades: Vec<Arc<str>>,
    view: View,
    /// Not told yet.
    happened: Vec<(u64, Trade)>,
}

#[derive(Debug)]
struct Index {
    currency: String,
    told_ms: u64,
}

impl DeribitTeller {
    pub(super) fn new(market: &Market) -> Self {
        let symbols = market.listings().iter().map(|listing| {
            let terms = listing.terms().clone();
            let names = |kind: &str| -> Vec<Arc<str>> {
                let name = |interval: &&str| format!("{kind}.{}.{interval}", terms.symbol).into();
                INTERVALS.iter().map(name).collect()
            };
            let mut view = View::new(usize::MAX);
            view.begin(listing, listing.update_id());
            let opened = Symbol {
                books: names("book"),
                trades: names("trades"),
                view,
                happened: Vec::new(),
                terms: terms.clone(),
            };
            (terms.symbol.clone(), opened)
        });
        let symbols: BTreeMap<_, _> = symbols.collect();
        let indices = symbols.keys().map(|symbol| {
            let currency = currency(symbol);
            let name = format!("deribit_volatility_index.{}", index_name(currency));
            let index = Index {
                currency: currency.to_owned(),
                told_ms: 0,
            };
            (name.into(), index)
        });
        Self {
            indices: indices.collect(),
            symbols,
            trades_told: 0,
        }
    }
}

impl Teller for DeribitTeller {
    fn depth(&mut self, scene: &Scene<'_>, update: &DepthUpdate, pen: &mut Pen<'_>) {
        let Some(symbol) = self.symbols.get_mut(&scene.terms.symbol) else {
            return;
        };
        let id = scene.numbering.told(update.last_update_id);
        let Some((previous, changes)) = symbol.view.update(update, id) else {
            return;
        };
        let item = Item::Book {
            previous: Some(previous),
            id,
        };
        for stream in &symbol.books {
            pen.plain(stream, item, scene.time_ns, || {
                let ids = (previous, id);
                let data = payload::changed(scene.terms, scene.time_ms(), ids, &changes);
                payload::told(stream, &data)
            });
        }
    }

    fn order(&mut self, scene: &Scene<'_>, order: &Order<'_>, _pen: &mut Pen<'_>) {
        if let Some(symbol) = self.symbols.get_mut(&scene.terms.symbol) {
            let time_ms = scene.time_ms();
            let trades = order.trades.iter().map(|trade| (time_ms, *trade));
            symbol.happened.extend(trades);
        }
    }

    fn step(&mut self, now: &Now<'_>, pen: &mut Pen<'_>) {
        let interval = now.time_ns / TRADES_NS;
        if interval != self.trades_told {
            self.trades_told = interval;
            for symbol in self.symbols.values_mut() {
                let happened = std::mem::take(&mut symbol.happened);
                let ([(_, first), .., (_, last)] | [(_, first @ last)]) = happened.as_slice()
                else {
                    continue;
                };
                let item = Item::Trades {
                    first: first.id,
                    last: last.id,
                };
                for stream in &symbol.trades {
                    pen.plain(stream, item, now.time_ns, || {
                        let trade = |(time_ms, trade): &(u64, Trade)| {
                            payload::trade(&symbol.terms, *time_ms, trade)
                        };
                        let trades: Vec<_> = happened.iter().map(trade).collect();
                        payload::told(stream, &format!("[{}]", trades.join(",")))
                    });
                }
            }
        }
        for (stream, index) in &mut self.indices {
            if !(pen.wanted)(stream) {
                continue;
            }
            let (time_ms, value) = now.facts.volatility(&index.currency, now.time_ms());
            if time_ms != index.told_ms {
                index.told_ms = time_ms;
                pen.plain(stream, Item::Datum(time_ms), now.time_ns, || {
                    let data = payload::volatility(&index.currency, time_ms, value);
                    payload::told(stream, &data)
                });
            }
        }
    }

    fn first(&mut self, now: &Now<'_>, stream: &str) -> Option<Frame> {
        let (item, data) = if let Some(index) = self.indices.get_mut(stream) {
            let (time_ms, value) = now.facts.volatility(&index.currency, now.time_ms());
            index.told_ms = time_ms;
            let data = payload::volatility(&index.currency, time_ms, value);
            (Item::Datum(time_ms), data)
        } else {
            let mut symbols = self.symbols.values();
            let is_it = |symbol: &&Symbol| symbol.books.iter().any(|name| **name == *stream);
            let symbol = symbols.find(is_it)?;
            let id = symbol.view.id?;
            let levels = symbol.view.levels(usize::MAX);
            let data = payload::whole(&symbol.terms, now.time_ms(), id, &levels);
            (Item::Book { previous: None, id }, data)
        };
        let text = payload::told(stream, &data);
        Some(Frame::plain(stream.into(), item, now.time_ns, text).into_first())
    }

    fn told(&self, symbol: &str, levels_max: usize) -> Option<Snapshot> {
        self.symbols.get(symbol)?.view.snapshot(levels_max)
    }

    fn knows(&self, stream: &str) -> bool {
        let mut symbols = self.symbols.values();
        self.indices.contains_key(stream)
            || symbols.any(|symbol| {
                let mut names = symbol.books.iter().chain(&symbol.trades);
                names.any(|name| **name == *stream)
            })
    }
}
