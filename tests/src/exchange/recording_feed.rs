//! A recording as streams tell it: its frames at their times, and books that its first depth answers and its frames
//! make. Numbers are kept with eight decimals, as the exchange writes them.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::feed::Wanted;
use super::frame::{Frame, Item};
use super::trades::{AggregateTrade, TimedTrade, Trades};
use crate::book::{Book, Side};
use crate::history::History;
use crate::market::{Level, Levels, Snapshot, Terms, Trade};

const DECIMALS: u32 = 8;
const HISTORY_CHANGES_MAX: usize = 1_000_000;

/// What is left of a recording, and what it came to so far.
#[derive(Debug)]
pub(crate) struct RecordingFeed {
    pub(crate) now_ns: u64,
    lines: VecDeque<Frame>,
    symbols: BTreeMap<String, Symbol>,
}

#[derive(Debug)]
struct Symbol {
    terms: Terms,
    /// None while the recording has no depth answer for it.
    last_update_id: Option<u64>,
    book: Book,
    history: History,
    trades: Trades,
}

#[derive(Deserialize)]
struct Line<'a> {
    t_ns: Option<u64>,
    kind: &'a str,
    #[serde(default)]
    url: Option<String>,
    data: Option<String>,
}

#[derive(Deserialize)]
struct Combined<'a> {
    stream: String,
    #[serde(borrow)]
    data: &'a RawValue,
}

type Pairs = Vec<(String, String)>;

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "lastUpdateId")]
    last_update_id: u64,
    bids: Pairs,
    asks: Pairs,
}

#[derive(Deserialize)]
#[serde(tag = "e")]
enum Payload {
    #[serde(rename = "depthUpdate")]
    Depth {
        s: String,
        #[serde(rename = "U")]
        first: u64,
        #[serde(rename = "u")]
        last: u64,
        b: Pairs,
        a: Pairs,
    },
    #[serde(rename = "trade")]
    Trade {
        s: String,
        t: u64,
        p: String,
        q: String,
        #[serde(rename = "T")]
        time_ms: u64,
        m: bool,
    },
    #[serde(rename = "aggTrade")]
    Aggregate {
        s: String,
        a: u64,
        p: String,
        q: String,
        f: u64,
        l: u64,
        #[serde(rename = "T")]
        time_ms: u64,
        m: bool,
    },
}

impl RecordingFeed {
    pub(crate) fn open(path: &Path, trades_max: usize) -> io::Result<Self> {
        let mut feed = Self {
            now_ns: 0,
            lines: VecDeque::new(),
            symbols: BTreeMap::new(),
        };
        let mut last_ns = 0;
        for (number, line) in (1..).zip(BufReader::new(File::open(path)?).lines()) {
            let text = line?;
            let bad = |error| {
                let text = format!("{}, line {number}: {error}", path.display());
                io::Error::new(io::ErrorKind::InvalidData, text)
            };
            let line: Line = serde_json::from_str(&text).map_err(bad)?;
            last_ns = line.t_ns.unwrap_or(last_ns);
            match (line.kind, &line.data, &line.url) {
                ("ws", Some(data), _) => {
                    if let Ok(Combined { stream, data }) = serde_json::from_str(data) {
                        feed.add_frame(stream.into(), last_ns, data.get(), trades_max);
                    }
                }
                ("http", Some(data), Some(url)) => {
                    if let Some(symbol) = depth_symbol(url)
                        && let Ok(answer) = serde_json::from_str(data)
                    {
                        feed.symbol(&symbol, trades_max).begin(&answer);
                    }
                }
                _ => {}
            }
        }
        feed.now_ns = feed.lines.front().map_or(0, |frame| frame.time_ns);
        Ok(feed)
    }

    fn symbol(&mut self, name: &str, trades_max: usize) -> &mut Symbol {
        let symbol = self.symbols.entry(name.to_owned());
        symbol.or_insert_with(|| Symbol {
            terms: Terms {
                symbol: name.to_owned(),
                price_decimals: DECIMALS,
                quantity_decimals: DECIMALS,
                opening_price: 0,
            },
            last_update_id: None,
            book: Book::default(),
            history: History::new(HISTORY_CHANGES_MAX),
            trades: Trades::new(trades_max),
        })
    }

    fn add_frame(&mut self, stream: Arc<str>, time_ns: u64, data: &str, trades_max: usize) {
        let (item, symbol) = match serde_json::from_str(data) {
            Ok(Payload::Depth { s, first, last, .. }) => (Item::Depth { first, last }, Some(s)),
            Ok(Payload::Trade { s, t, .. }) => (Item::Trade(t), Some(s)),
            Ok(Payload::Aggregate { s, a, f, l, .. }) => {
                let item = Item::AggregateTrade {
                    id: a,
                    first: f,
                    last: l,
                };
                (item, Some(s))
            }
            Err(_) => (Item::Other, None),
        };
        if let Some(symbol) = symbol {
            self.symbol(&symbol, trades_max);
        }
        self.lines
            .push_back(Frame::new(stream, item, time_ns, data));
    }

    pub(crate) fn ended(&self) -> bool {
        self.lines.is_empty()
    }

    pub(crate) fn symbols(&self) -> Vec<&Terms> {
        self.symbols.values().map(|symbol| &symbol.terms).collect()
    }

    pub(crate) fn trades(&self, symbol: &str) -> Option<&Trades> {
        self.symbols.get(symbol).map(|symbol| &symbol.trades)
    }

    pub(crate) fn snapshot(&self, symbol: &str, levels_max: usize) -> Option<Snapshot> {
        let symbol = self.symbols.get(symbol)?;
        Some(Snapshot {
            last_update_id: symbol.last_update_id?,
            levels: symbol.book.top(levels_max),
        })
    }

    pub(crate) fn top(&self, symbol: &str, update_id: u64, levels_max: usize) -> Option<Levels> {
        let symbol = self.symbols.get(symbol)?;
        if symbol.last_update_id == Some(update_id) {
            return Some(symbol.book.top(levels_max));
        }
        Some(symbol.history.book_at(update_id)?.top(levels_max))
    }

    pub(crate) fn advance(&mut self, until_ns: u64, wanted: &Wanted<'_>, out: &mut Vec<Frame>) {
        self.now_ns = until_ns;
        while let Some(frame) = self.lines.pop_front_if(|frame| frame.time_ns <= until_ns) {
            if let Ok(payload) = serde_json::from_str(frame.text(false)) {
                self.note(payload);
            }
            if wanted(&frame.stream) {
                out.push(frame);
            }
        }
    }

    fn note(&mut self, payload: Payload) {
        let level = |p: &str, q: &str| {
            Some(Level {
                price: fixed(p)?,
                quantity: fixed(q)?,
            })
        };
        let (Payload::Depth { s, .. } | Payload::Trade { s, .. } | Payload::Aggregate { s, .. }) =
            &payload;
        let Some(symbol) = self.symbols.get_mut(s) else {
            return;
        };
        match payload {
            Payload::Depth { last, b, a, .. } => symbol.apply(last, &b, &a),
            Payload::Trade {
                t,
                p,
                q,
                time_ms,
                m: buyer_is_maker,
                ..
            } => {
                if let Some(level) = level(&p, &q) {
                    let trade = Trade {
                        id: t,
                        level,
                        buyer_is_maker,
                    };
                    symbol.trades.push(TimedTrade { time_ms, trade });
                }
            }
            Payload::Aggregate {
                a: id,
                p,
                q,
                f: first_id,
                l: last_id,
                time_ms,
                m: buyer_is_maker,
                ..
            } => {
                if let Some(level) = level(&p, &q) {
                    symbol.trades.push_aggregate(AggregateTrade {
                        id,
                        first_id,
                        last_id,
                        time_ms,
                        level,
                        buyer_is_maker,
                    });
                }
            }
        }
    }
}

impl Symbol {
    /// The first depth answer; later ones say what the frames say.
    fn begin(&mut self, answer: &Answer) {
        if self.last_update_id.is_none() {
            self.last_update_id = Some(answer.last_update_id);
            for (side, pairs) in [(Side::Bid, &answer.bids), (Side::Ask, &answer.asks)] {
                for level in levels(pairs) {
                    self.book.set(side, level);
                }
            }
        }
    }

    fn apply(&mut self, last: u64, bids: &Pairs, asks: &Pairs) {
        let Some(at) = self.last_update_id.filter(|at| *at < last) else {
            return;
        };
        self.history.begin(at, last, &self.book);
        for (side, pairs) in [(Side::Bid, bids), (Side::Ask, asks)] {
            for level in levels(pairs) {
                self.book.set(side, level);
                self.history.push(last, side, level);
            }
        }
        self.last_update_id = Some(last);
    }
}

fn levels(pairs: &Pairs) -> impl Iterator<Item = Level> {
    pairs.iter().filter_map(|(price, quantity)| {
        Some(Level {
            price: fixed(price)?,
            quantity: fixed(quantity)?,
        })
    })
}

/// A decimal number in units of its eighth decimal.
fn fixed(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = DECIMALS as usize;
    let part = part.get(..digits.min(part.len()))?;
    format!("{whole}{part:0<digits$}").parse().ok()
}

fn depth_symbol(url: &str) -> Option<String> {
    let (path, query) = url.split_once('?')?;
    path.ends_with("/api/v3/depth").then_some(())?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, symbol) = pairs.find(|(name, _)| *name == "symbol")?;
    Some(symbol.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_kept_exactly() {
        assert_eq!(fixed("61737.63000000"), Some(6_173_763_000_000));
        assert_eq!(fixed("0.00000001"), Some(1));
        assert_eq!(fixed("7"), Some(700_000_000));
        assert_eq!(fixed("1.5"), Some(150_000_000));
        assert_eq!(fixed("x"), None);
    }

    #[test]
    fn the_symbol_of_a_depth_answer_is_in_its_address() {
        let url = "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000";
        assert_eq!(depth_symbol(url), Some("BTCUSDT".to_owned()));
        assert_eq!(
            depth_symbol("https://api.binance.com/api/v3/exchangeInfo"),
            None
        );
    }
}
