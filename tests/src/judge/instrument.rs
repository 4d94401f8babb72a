//! One instrument: its books judged as they come, its trades kept until it is known what was really sent.

use std::collections::BTreeMap;

use crate::delta_book::DeltaBook;
use crate::exchange::{Entry, Item, Simulator, Venue};
use crate::market::Terms;
use serde_json::Value;

use super::number::{Exact, exact, field, level};
use super::readable::Readable;

/// Levels a side that are compared at every change.
const LEVELS_OF_CHANGES: usize = 10;

/// A trade as it was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trade {
    price: Exact,
    quantity: Exact,
    is_sale: bool,
}

/// What was heard of it.
pub struct Instrument {
    venue: Venue,
    terms: Terms,
    /// Levels a side of its published tops.
    levels: usize,
    kept: DeltaBook,
    trades: BTreeMap<u64, Trade>,
    /// Its book's state.
    pub state: String,
    /// Tops.
    pub books: u64,
    /// Changes of it.
    pub changes: u64,
    /// Times that its book became synced.
    pub synced: u64,
    /// Books with fewer levels than there are: a book shows only what it can prove.
    pub short: u64,
    /// Of the last published top.
    pub last: u64,
}

impl Instrument {
    pub(super) fn new(venue: Venue, terms: Terms, levels: usize) -> Self {
        Self {
            venue,
            terms,
            levels,
            kept: DeltaBook::new(levels),
            trades: BTreeMap::new(),
            state: String::new(),
            books: 0,
            changes: 0,
            synced: 0,
            short: 0,
            last: 0,
        }
    }

    /// Trades.
    #[must_use]
    pub fn trades(&self) -> usize {
        self.trades.len()
    }

    pub(super) fn status(&mut self, payload: &Value) {
        let state = payload["state"].as_str().unwrap_or_default();
        self.synced += u64::from(state == "synced");
        state.clone_into(&mut self.state);
    }

    /// A top: the exchange's own at its update id.
    pub(super) fn book(&mut self, exchange: &Simulator, payload: &Value) -> Result<(), String> {
        let id = payload["last_update_id"].as_u64().ok_or("no update id")?;
        if self.state != "synced" {
            return Err(format!("a book at {id} while {}", self.state));
        }
        let pair = |one: &Value| -> Result<(Exact, Exact), String> {
            let text = |name: &str, place: usize| {
                let value = one.get(name).unwrap_or_else(|| &one[place]);
                value.as_str().ok_or_else(|| format!("a level {one}"))
            };
            Ok((exact(text("price", 0)?)?, exact(text("quantity", 1)?)?))
        };
        let side = |name: &str| -> Result<Vec<_>, String> {
            let levels = payload[name].as_array().ok_or("no levels")?;
            levels.iter().map(pair).collect()
        };
        let short = self.compare(exchange, id, self.levels, [side("bids")?, side("asks")?])?;
        self.short += u64::from(short);
        self.kept.published(payload)?;
        self.books += 1;
        self.last = id;
        Ok(())
    }

    /// A change: it follows the one before, and the book that it leads to is the exchange's own at its update id.
    pub(super) fn change(&mut self, exchange: &Simulator, payload: &Value) -> Result<(), String> {
        self.kept.change(payload)?;
        self.changes += 1;
        let id = self.kept.id().ok_or("no update id")?;
        let (bids, asks) = self.kept.top(LEVELS_OF_CHANGES);
        let numbers = |side: Vec<(String, String)>| -> Result<Vec<_>, String> {
            let pair = |(price, quantity): &(String, String)| -> Result<_, String> {
                Ok((exact(price)?, exact(quantity)?))
            };
            side.iter().map(pair).collect()
        };
        let sides = [numbers(bids)?, numbers(asks)?];
        self.compare(exchange, id, LEVELS_OF_CHANGES, sides)?;
        Ok(())
    }

    /// Whether it is right but short.
    fn compare(
        &self,
        exchange: &Simulator,
        id: u64,
        levels: usize,
        sides: [Vec<(Exact, Exact)>; 2],
    ) -> Result<bool, String> {
        let truth = exchange.truth().top(&self.terms.symbol, id, levels);
        let truth = truth.ok_or_else(|| format!("{id} is no update id"))?;
        let mut is_short = false;
        for (published, truth) in sides.iter().zip([truth.bids, truth.asks]) {
            let truth: Vec<_> = truth.iter().map(|one| level(&self.terms, *one)).collect();
            is_short |= published.len() < truth.len();
            if published.is_empty() || !truth.starts_with(published) {
                return Err(format!("at {id} {published:?}, not {truth:?}"));
            }
        }
        Ok(is_short)
    }

    pub(super) fn trade(&mut self, payload: &Value) -> Result<(), String> {
        let written = payload["trade_id"].as_str().unwrap_or_default();
        let number = |text: &str| text.parse().map_err(|_| format!("trade {written:?}"));
        let id: u64 = match self.venue {
            // Ids of other currencies than BTC have it in front; trades are counted in half the ids' steps.
            Venue::DeribitDerivatives => {
                number(written.rsplit('-').next().unwrap_or_default())? / 2
            }
            _ => number(written)?,
        };
        let trade = Trade {
            price: field(payload, "price")?,
            quantity: field(payload, "quantity")?,
            is_sale: payload["side"] == "sell",
        };
        match self.trades.insert(id, trade) {
            None => Ok(()),
            Some(_) => Err(format!("trade {id} came twice")),
        }
    }

    /// What is wrong with its trades: every one that was sent whole is published as it was, no other one but what the
    /// exchange had left out and tells by REST, and of those none is missing either.
    pub(super) fn check_trades(&self, exchange: &Simulator, readable: &Readable) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut sent = BTreeMap::new();
        let name = self.terms.symbol.to_lowercase();
        let of_it = |entry: &&(bool, Entry)| entry.1.stream.to_lowercase().contains(&name);
        for (is_read, entry) in readable.entries.iter().filter(of_it) {
            let ids = match entry.item {
                Item::Trade(id) | Item::AggregateTrade { id, .. } => id..=id,
                Item::Trades { first, last } => first..=last,
                _ => continue,
            };
            for id in ids {
                let all = sent.entry(id).or_insert((false, entry.item));
                all.0 |= *is_read && entry.fate.is_whole();
            }
        }
        let fetches = !matches!(self.venue, Venue::OkxSpot | Venue::OkxDerivatives);
        let from = self.trades.keys().next().copied().unwrap_or(u64::MAX);
        for (id, (is_whole, _)) in &sent {
            let is_due = *is_whole || (fetches && *id > from);
            if is_due && !self.trades.contains_key(id) {
                let what = if *is_whole { "sent" } else { "left out" };
                wrong.push(format!("trade {id} is missing: it was {what}"));
            }
        }
        for (id, trade) in &self.trades {
            let item = sent.get(id).map(|(_, item)| *item);
            match self.truth(exchange, *id, item) {
                None => wrong.push(format!("trade {id} is invented")),
                Some(truth) if truth != *trade => {
                    wrong.push(format!("trade {id} is {trade:?}, not {truth:?}"));
                }
                Some(_) => {}
            }
        }
        wrong
    }

    /// The trade that an id stands for.
    fn truth(&self, exchange: &Simulator, id: u64, item: Option<Item>) -> Option<Trade> {
        let truth = exchange.truth();
        let symbol = &self.terms.symbol;
        let (found, is_sale) = match self.venue {
            Venue::BinanceDerivatives => {
                let trade = truth.aggregate_trade(symbol, id)?;
                (trade.level, trade.buyer_is_maker)
            }
            Venue::OkxSpot | Venue::OkxDerivatives => {
                let Some(Item::AggregateTrade { first, last, .. }) = item else {
                    return None;
                };
                let trade = truth.trade(symbol, id)?.trade;
                let mut all = trade.level;
                let singles = (first..last).filter_map(|id| truth.trade(symbol, id));
                all.quantity += singles.map(|one| one.trade.level.quantity).sum::<u64>();
                (all, trade.buyer_is_maker)
            }
            _ => {
                let trade = truth.trade(symbol, id)?.trade;
                (trade.level, trade.buyer_is_maker)
            }
        };
        let (price, quantity) = level(&self.terms, found);
        Some(Trade {
            price,
            quantity,
            is_sale,
        })
    }
}
