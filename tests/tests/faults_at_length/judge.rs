//! Judges every message when it comes: books against the truth, trades against the exchange's own. What can only be
//! judged when it is known what was really sent is kept: the changes of state and the ids of trades.

use std::collections::BTreeMap;

use marketprism_tests::daemon::Published;
use marketprism_tests::exchange::{Follower, Simulator, Truth};
use marketprism_tests::market::{Level, Terms};
use serde::Deserialize;

/// Levels a side that are published.
pub const LEVELS: usize = 20;

/// A change of a book's state as it was published.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Status {
    pub state: String,
    pub reason: String,
    pub gaps: u64,
    pub resyncs: u64,
    pub updates_applied: u64,
    pub last_update_id: Option<u64>,
}

#[derive(Deserialize)]
struct Book<'a> {
    last_update_id: u64,
    #[serde(borrow)]
    bids: Vec<Written<'a>>,
    #[serde(borrow)]
    asks: Vec<Written<'a>>,
}

#[derive(Deserialize)]
struct Written<'a> {
    price: &'a str,
    quantity: &'a str,
}

#[derive(Deserialize)]
struct Trade<'a> {
    trade_id: &'a str,
    price: &'a str,
    quantity: &'a str,
}

/// What was heard of one symbol.
pub struct Heard {
    terms: Terms,
    truth: Follower,
    pub statuses: Vec<Status>,
    /// Ids in the order in which they were published.
    pub trades: Vec<u64>,
    /// Of the last published book.
    pub book: u64,
    pub books: u64,
    /// Books with fewer levels than the true one has: a book shows only what it can prove.
    pub short_books: u64,
}

impl Heard {
    pub fn is_synced(&self) -> bool {
        let last = self.statuses.last();
        last.is_some_and(|status| status.state == "synced")
    }
}

/// All symbols.
pub struct Judge {
    truth: Truth,
    pub symbols: BTreeMap<String, Heard>,
}

impl Judge {
    /// To be made before anything is published.
    pub fn of(exchange: &Simulator) -> Self {
        let truth = exchange.truth();
        let symbols = truth.symbols().into_iter().map(|terms| {
            let heard = Heard {
                truth: truth.follow(&terms.symbol).expect("a market"),
                statuses: Vec::new(),
                trades: Vec::new(),
                book: 0,
                books: 0,
                short_books: 0,
                terms: terms.clone(),
            };
            (terms.symbol, heard)
        });
        Self {
            symbols: symbols.collect(),
            truth,
        }
    }

    pub fn hear(&mut self, published: &Published) {
        let (data_type, rest) = published.subject.split_once('.').expect("a subject");
        let symbol = rest.rsplit('.').next().unwrap_or_default().replace('-', "");
        let heard = self.symbols.get_mut(&symbol).expect("a known symbol");
        let payload = &published.payload[..];
        match data_type {
            "orderbook" => heard.book(&serde_json::from_slice(payload).expect("a book")),
            "trade" => heard.trade(
                &self.truth,
                &serde_json::from_slice(payload).expect("a trade"),
            ),
            "orderbook_status" => heard
                .statuses
                .push(serde_json::from_slice(payload).expect("a status")),
            _ => panic!("{}", published.subject),
        }
    }
}

impl Heard {
    fn book(&mut self, book: &Book<'_>) {
        let (symbol, id) = (&self.terms.symbol, book.last_update_id);
        assert!(
            self.is_synced(),
            "{symbol}: a book at {id} while not synced"
        );
        assert!(id >= self.book, "{symbol}: {id} after {}", self.book);
        let truth = self.truth.top(id, LEVELS);
        let truth = truth.unwrap_or_else(|| panic!("{symbol}: {id} is no update id"));
        let mut is_short = false;
        for (side, published, truth) in [
            ("bids", &book.bids, truth.bids),
            ("asks", &book.asks, truth.asks),
        ] {
            let published: Vec<_> = published
                .iter()
                .map(|one| level(&self.terms, one))
                .collect();
            is_short |= published.len() < truth.len();
            assert!(
                truth.starts_with(&published),
                "{symbol}: {side} at {id} are {published:?}, not {truth:?}"
            );
        }
        self.book = id;
        self.books += 1;
        self.short_books += u64::from(is_short);
    }

    fn trade(&mut self, truth: &Truth, trade: &Trade<'_>) {
        let id = trade.trade_id.parse().expect("a number");
        let symbol = &self.terms.symbol;
        let true_trade = truth.trade(symbol, id);
        let true_trade = true_trade.unwrap_or_else(|| panic!("{symbol}: trade {id} is invented"));
        let written = Written {
            price: trade.price,
            quantity: trade.quantity,
        };
        assert_eq!(
            level(&self.terms, &written),
            true_trade.trade.level,
            "{symbol}: trade {id}"
        );
        self.trades.push(id);
    }
}

fn level(terms: &Terms, written: &Written<'_>) -> Level {
    Level {
        price: units(written.price, terms.price_decimals),
        quantity: units(written.quantity, terms.quantity_decimals),
    }
}

/// Reads a decimal as the exchange writes it, with eight decimals of which only the first ones say something.
fn units(text: &str, decimals: u32) -> u64 {
    let (whole, part) = text.split_once('.').expect("a decimal");
    assert_eq!(part.len(), 8, "{text}");
    let digits = |text: &str| -> u64 { text.parse().expect("digits") };
    let all = digits(whole) * 100_000_000 + digits(part);
    let unit = 10_u64.pow(8 - decimals);
    assert_eq!(all % unit, 0, "{text}");
    all / unit
}
