//! The market whose truth is known, as streams tell it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::feed::{Wanted, stream_name};
use super::frame::{Frame, Item};
use super::payload;
use super::settings::MarketSource;
use super::trades::{AggregateTrade, TimedTrade, Trades};
use crate::binance_form::{depth_data, trade_data};
use crate::book::{Book, Side};
use crate::market::{Course, DepthUpdate, Level, Levels, Market, News, Occurrence, Terms, Trade};

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// A market and what its streams have told.
#[derive(Debug)]
pub(crate) struct MarketFeed {
    pub(crate) market: Market,
    pub(crate) now_ns: u64,
    symbols: BTreeMap<String, Symbol>,
}

#[derive(Debug)]
struct Symbol {
    trade: Arc<str>,
    aggregate: Arc<str>,
    depth_fast: Arc<str>,
    depth: Arc<str>,
    ticker: Arc<str>,
    trades: Trades,
    last_aggregate_id: u64,
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

impl MarketFeed {
    pub(crate) fn open(seed: u64, source: &MarketSource, trades_max: usize) -> Self {
        let course = Course {
            order_gap_ns: NS_PER_SECOND / source.orders_per_second.max(1),
            history_changes_max: source.history_changes_max,
            several_makers: true,
        };
        let market = Market::open_as(seed, &source.symbols, source.start_ns, &course);
        let symbols = source.symbols.iter().map(|symbol| {
            let opened = Symbol {
                trade: stream_name(symbol, "trade"),
                aggregate: stream_name(symbol, "aggTrade"),
                depth_fast: stream_name(symbol, "depth@100ms"),
                depth: stream_name(symbol, "depth"),
                ticker: stream_name(symbol, "bookTicker"),
                trades: Trades::new(trades_max),
                last_aggregate_id: 1_000_000,
                second: None,
                second_ends_ns: source.start_ns + NS_PER_SECOND,
                best: Levels::default(),
            };
            (symbol.clone(), opened)
        });
        Self {
            symbols: symbols.collect(),
            market,
            now_ns: source.start_ns,
        }
    }

    pub(crate) fn trades(&self, symbol: &str) -> Option<&Trades> {
        self.symbols.get(symbol).map(|symbol| &symbol.trades)
    }

    pub(crate) fn advance(&mut self, until_ns: u64, wanted: &Wanted<'_>, out: &mut Vec<Frame>) {
        self.now_ns = until_ns;
        let told = self.market.advance(until_ns);
        for same_order in told.chunk_by(of_one_order) {
            let Some(Occurrence { terms, .. }) = same_order.first() else {
                continue;
            };
            let Some(symbol) = self.symbols.get_mut(&terms.symbol) else {
                continue;
            };
            symbol.tell(same_order, wanted, out);
        }
        for listing in self.market.listings() {
            let terms = listing.terms();
            let Some(symbol) = self.symbols.get_mut(&terms.symbol) else {
                continue;
            };
            if wanted(&symbol.ticker) {
                let best = listing.snapshot(1).levels;
                let id = listing.update_id();
                if best != symbol.best
                    && let Some(data) = payload::ticker(terms, id, &best)
                {
                    let stream = symbol.ticker.clone();
                    out.push(Frame::new(stream, Item::Ticker(id), until_ns, &data));
                }
                symbol.best = best;
            }
        }
    }
}

/// Two trades of one symbol at one time are of one order: orders have times of their own.
fn of_one_order(one: &Occurrence, other: &Occurrence) -> bool {
    let trades = matches!((&one.news, &other.news), (News::Trade(_), News::Trade(_)));
    trades && one.time_ns == other.time_ns && Arc::ptr_eq(&one.terms, &other.terms)
}

impl Symbol {
    fn tell(&mut self, told: &[Occurrence], wanted: &Wanted<'_>, out: &mut Vec<Frame>) {
        let mut order = Vec::new();
        for Occurrence {
            time_ns,
            terms,
            news,
        } in told
        {
            let time_ms = time_ns / NS_PER_MS;
            match news {
                News::Depth(update) => self.tell_depth(terms, *time_ns, update, wanted, out),
                News::Trade(trade) => {
                    order.push((*time_ns, terms, *trade));
                    self.trades.push(TimedTrade {
                        time_ms,
                        trade: *trade,
                    });
                    if wanted(&self.trade) {
                        let data = trade_data(terms, time_ms, trade);
                        let item = Item::Trade(trade.id);
                        out.push(Frame::new(self.trade.clone(), item, *time_ns, &data));
                    }
                }
            }
        }
        let at_one_price = |one: &(u64, &Arc<Terms>, Trade), other: &(u64, &Arc<Terms>, Trade)| {
            one.2.level.price == other.2.level.price
                && one.2.buyer_is_maker == other.2.buyer_is_maker
        };
        for trades in order.chunk_by(at_one_price) {
            if let [(time_ns, terms, first), ..] = trades {
                self.last_aggregate_id += 1;
                let quantity = trades
                    .iter()
                    .map(|(_, _, trade)| trade.level.quantity)
                    .sum();
                let aggregate = AggregateTrade {
                    id: self.last_aggregate_id,
                    first_id: first.id,
                    last_id: first.id + trades.len() as u64 - 1,
                    time_ms: time_ns / NS_PER_MS,
                    level: Level {
                        price: first.level.price,
                        quantity,
                    },
                    buyer_is_maker: first.buyer_is_maker,
                };
                self.tell_aggregate(terms, *time_ns, aggregate, wanted, out);
            }
        }
    }

    fn tell_aggregate(
        &mut self,
        terms: &Terms,
        time_ns: u64,
        trade: AggregateTrade,
        wanted: &Wanted<'_>,
        out: &mut Vec<Frame>,
    ) {
        self.trades.push_aggregate(trade);
        if wanted(&self.aggregate) {
            let data = payload::aggregate(terms, &trade);
            let item = Item::AggregateTrade {
                id: trade.id,
                first: trade.first_id,
                last: trade.last_id,
            };
            out.push(Frame::new(self.aggregate.clone(), item, time_ns, &data));
        }
    }

    fn tell_depth(
        &mut self,
        terms: &Terms,
        time_ns: u64,
        update: &DepthUpdate,
        wanted: &Wanted<'_>,
        out: &mut Vec<Frame>,
    ) {
        let time_ms = time_ns / NS_PER_MS;
        let frame = |stream: &Arc<str>, update: &DepthUpdate| {
            let item = Item::Depth {
                first: update.first_update_id,
                last: update.last_update_id,
            };
            let data = depth_data(terms, time_ms, update);
            Frame::new(stream.clone(), item, time_ns, &data)
        };
        if wanted(&self.depth_fast) {
            out.push(frame(&self.depth_fast, update));
        }
        let second = self.second.get_or_insert_with(|| DepthUpdateOfSecond {
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
        if time_ns >= self.second_ends_ns {
            self.second_ends_ns += NS_PER_SECOND;
            if let Some(second) = self.second.take()
                && wanted(&self.depth)
            {
                let update = DepthUpdate {
                    first_update_id: second.first_update_id,
                    last_update_id: update.last_update_id,
                    levels: second.changed.top(usize::MAX),
                };
                out.push(frame(&self.depth, &update));
            }
        }
    }
}
