//! The market as streams of OKX tell it: books of 400 levels as a chain of ids, trades by order and price, forced
//! orders of all instruments together, and what is polled elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::payload::{self, BookIds};
use super::{Okx, polled};
use crate::exchange::frame::{Frame, Item};
use crate::exchange::liquidations::Liquidation;
use crate::exchange::settings::Settings;
use crate::exchange::teller::{Now, Order, Pen, Scene, Teller};
use crate::exchange::view::View;
use crate::market::{DepthUpdate, Market, Snapshot, Terms};

const BOOK_LEVELS: usize = 400;
/// Types of instruments whose forced orders can be asked for.
const LIQUIDATED: [&str; 4] = ["SWAP", "FUTURES", "MARGIN", "OPTION"];

/// By instrument.
#[derive(Debug)]
pub(super) struct OkxTeller {
    okx: Okx,
    no_first_book: bool,
    keep_alive_ns: u64,
    symbols: BTreeMap<String, Symbol>,
    liquidations: Arc<str>,
    /// Those of this step.
    happened: Vec<Liquidation>,
}

#[derive(Debug)]
struct Symbol {
    terms: Arc<Terms>,
    books: Arc<str>,
    trades: Arc<str>,
    polled: BTreeMap<&'static str, (Arc<str>, u64)>,
    view: View,
    /// When the book was told last.
    told_ns: u64,
}

impl OkxTeller {
    pub(super) fn new(okx: Okx, market: &Market, settings: &Settings) -> Self {
        let polled: &[&str] = if okx.swap {
            &["funding-rate", "open-interest", "mark-price"]
        } else {
            &[]
        };
        let symbols = market.listings().iter().map(|listing| {
            let terms = listing.terms().clone();
            let name = |channel: &str| -> Arc<str> { format!("{channel}:{}", terms.symbol).into() };
            let mut view = View::new(BOOK_LEVELS);
            view.begin(listing, listing.update_id());
            let opened = Symbol {
                books: name("books"),
                trades: name("trades"),
                polled: polled
                    .iter()
                    .map(|channel| (*channel, (name(channel), 0)))
                    .collect(),
                view,
                told_ns: 0,
                terms: terms.clone(),
            };
            (terms.symbol.clone(), opened)
        });
        Self {
            okx,
            no_first_book: settings.ways.no_first_book,
            keep_alive_ns: settings.scales.keep_alive.as_nanos() as u64,
            symbols: symbols.collect(),
            liquidations: "liquidation-orders:SWAP".into(),
            happened: Vec::new(),
        }
    }

    fn row(&self, now: &Now<'_>, channel: &str, symbol: &str) -> Option<polled::Row> {
        match channel {
            "funding-rate" => self.okx.funding_rate(now.facts, symbol),
            "open-interest" => self.okx.open_interest(now.facts, symbol, now.time_ms()),
            "mark-price" => self.okx.mark_price(now.facts, symbol),
            _ => None,
        }
    }
}

impl Teller for OkxTeller {
    fn depth(&mut self, scene: &Scene<'_>, update: &DepthUpdate, pen: &mut Pen<'_>) {
        let Some(symbol) = self.symbols.get_mut(&scene.terms.symbol) else {
            return;
        };
        let id = scene.numbering.told(update.last_update_id);
        let Some((previous, changes)) = symbol.view.update(update, id) else {
            return;
        };
        symbol.told_ns = scene.time_ns;
        let previous = Some(previous);
        let item = Item::Book { previous, id };
        pen.plain(&symbol.books, item, scene.time_ns, || {
            let (bids, asks) = payload::changes(scene.terms, &changes);
            let ids = BookIds { previous, id };
            payload::book(&scene.terms.symbol, scene.time_ms(), &ids, (&bids, &asks))
        });
    }

    fn order(&mut self, scene: &Scene<'_>, order: &Order<'_>, pen: &mut Pen<'_>) {
        let Some(symbol) = self.symbols.get(&scene.terms.symbol) else {
            return;
        };
        for trade in order.aggregates {
            let item = Item::AggregateTrade {
                id: trade.last_id,
                first: trade.first_id,
                last: trade.last_id,
            };
            let id = symbol.view.id.unwrap_or_default();
            pen.plain(&symbol.trades, item, scene.time_ns, || {
                payload::trade(scene.terms, trade, id)
            });
        }
    }

    fn liquidation(&mut self, _scene: &Scene<'_>, one: &Liquidation, _pen: &mut Pen<'_>) {
        if self.okx.swap {
            self.happened.push(one.clone());
        }
    }

    fn step(&mut self, now: &Now<'_>, pen: &mut Pen<'_>) {
        let happened = std::mem::take(&mut self.happened);
        if let [first, .., last] | [first @ last] = happened.as_slice() {
            let item = Item::Liquidations {
                first: first.number,
                last: last.number,
            };
            pen.plain(&self.liquidations, item, now.time_ns, || {
                payload::liquidations(&happened)
            });
        }
        let mut due = Vec::new();
        for (name, symbol) in &mut self.symbols {
            if symbol.told_ns == 0 {
                symbol.told_ns = now.time_ns;
            }
            if now.time_ns - symbol.told_ns >= self.keep_alive_ns
                && let Some(id) = symbol.view.id
            {
                symbol.told_ns = now.time_ns;
                let previous = Some(id);
                let item = Item::Book { previous, id };
                pen.plain(&symbol.books, item, now.time_ns, || {
                    let ids = BookIds { previous, id };
                    payload::book(name, now.time_ms(), &ids, ("[]", "[]"))
                });
            }
            for (channel, (stream, _)) in &symbol.polled {
                if (pen.wanted)(stream) {
                    due.push((name.clone(), *channel));
                }
            }
        }
        for (name, channel) in due {
            let Some((row, datum)) = self.row(now, channel, &name) else {
                continue;
            };
            let polled = self.symbols.get_mut(&name);
            if let Some((stream, told_ms)) = polled.and_then(|one| one.polled.get_mut(channel))
                && *told_ms != datum.time_ms
            {
                *told_ms = datum.time_ms;
                pen.plain(stream, Item::Datum(datum.time_ms), now.time_ns, || {
                    payload::row(channel, &name, &row)
                });
            }
        }
    }

    fn first(&mut self, now: &Now<'_>, stream: &str) -> Option<Frame> {
        let (channel, name) = stream.split_once(':')?;
        let symbol = self.symbols.get(name)?;
        let (item, text) = if channel == "books" {
            let id = symbol.view.id.filter(|_| !self.no_first_book)?;
            let (bids, asks) = payload::whole(&symbol.terms, &symbol.view.levels(BOOK_LEVELS));
            let ids = BookIds { previous: None, id };
            let text = payload::book(name, now.time_ms(), &ids, (&bids, &asks));
            (Item::Book { previous: None, id }, text)
        } else {
            let (row, datum) = self.row(now, channel, name)?;
            let polled = self.symbols.get_mut(name)?.polled.get_mut(channel)?;
            polled.1 = datum.time_ms;
            (
                Item::Datum(datum.time_ms),
                payload::row(channel, name, &row),
            )
        };
        Some(Frame::plain(stream.into(), item, now.time_ns, text).into_first())
    }

    fn told(&self, symbol: &str, levels_max: usize) -> Option<Snapshot> {
        self.symbols.get(symbol)?.view.snapshot(levels_max)
    }

    fn knows(&self, stream: &str) -> bool {
        let Some((channel, name)) = stream.split_once(':') else {
            return false;
        };
        if channel == "liquidation-orders" {
            return LIQUIDATED.contains(&name);
        }
        self.symbols.get(name).is_some_and(|symbol| {
            matches!(channel, "books" | "trades") || symbol.polled.contains_key(channel)
        })
    }
}
