//! The market whose truth is known, and what a venue's streams make of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::dialect::Dialect;
use super::facts::Facts;
use super::feed::Wanted;
use super::frame::Frame;
use super::liquidations::Liquidations;
use super::numbering::Numbering;
use super::settings::{MarketSource, Settings};
use super::teller::{Now, Order, Pen, Scene, Teller};
use super::trades::{AggregateTrade, TimedTrade, Trades};
use crate::market::{Course, Level, Market, News, Occurrence, Snapshot, Trade};

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_SECOND: u64 = 1_000_000_000;
const NS_PER_HOUR: u64 = 3_600 * NS_PER_SECOND;

/// A market and what its streams have told.
#[derive(Debug)]
pub(crate) struct MarketFeed {
    pub(crate) market: Market,
    pub(crate) now_ns: u64,
    pub(crate) facts: Facts,
    pub(crate) liquidations: Liquidations,
    symbols: BTreeMap<String, Symbol>,
    numbering: BTreeMap<String, Numbering>,
    teller: Box<dyn Teller>,
}

#[derive(Debug)]
struct Symbol {
    trades: Trades,
    last_aggregate_id: u64,
}

impl MarketFeed {
    pub(crate) fn open(dialect: &dyn Dialect, settings: &Settings, source: &MarketSource) -> Self {
        let course = Course {
            order_gap_ns: NS_PER_SECOND / source.orders_per_second.max(1),
            history_changes_max: source.history_changes_max,
            several_makers: true,
        };
        let quiet = Course {
            order_gap_ns: NS_PER_HOUR,
            ..course.clone()
        };
        let lively = source.symbols.iter().map(|name| (name, &course));
        let listings = lively.chain(source.quiet_symbols.iter().map(|name| (name, &quiet)));
        let listings = listings.map(|(name, course)| (dialect.terms(name), course.clone()));
        let market = Market::open_each(settings.seed, listings.collect(), source.start_ns);
        let listed = market.listings().iter();
        let terms: Vec<_> = listed.map(|listing| listing.terms().clone()).collect();
        let names = terms.iter().map(|terms| terms.symbol.clone());
        let numbering = Numbering::new(dialect.update_id_factor());
        let symbol = |name| {
            let opened = Symbol {
                trades: Trades::new(settings.trades_max),
                last_aggregate_id: 1_000_000,
            };
            (name, opened)
        };
        let mut feed = Self {
            now_ns: source.start_ns,
            facts: Facts::new(settings.seed, settings.scales),
            liquidations: Liquidations::new(
                settings.seed,
                source.liquidations_per_minute,
                terms.len(),
                source.start_ns,
                settings.trades_max,
            ),
            numbering: names
                .clone()
                .map(|name| (name, numbering.clone()))
                .collect(),
            symbols: names.map(symbol).collect(),
            teller: dialect.teller(&market, settings),
            market,
        };
        feed.facts.advance(&feed.market, feed.now_ns / NS_PER_MS);
        feed
    }

    pub(crate) fn trades(&self, symbol: &str) -> Option<&Trades> {
        self.symbols.get(symbol).map(|symbol| &symbol.trades)
    }

    pub(crate) fn numbering(&self, symbol: &str) -> Option<&Numbering> {
        self.numbering.get(symbol)
    }

    /// The book now, with the venue's id.
    pub(crate) fn snapshot(&self, symbol: &str, levels_max: usize) -> Option<Snapshot> {
        let mut snapshot = self.market.listing(symbol)?.snapshot(levels_max);
        snapshot.last_update_id = self.numbering(symbol)?.told(snapshot.last_update_id);
        Some(snapshot)
    }

    /// The book as the streams told it last, with the venue's id.
    pub(crate) fn told(&self, symbol: &str, levels_max: usize) -> Option<Snapshot> {
        self.teller.told(symbol, levels_max)
    }

    pub(crate) fn knows(&self, stream: &str) -> bool {
        self.teller.knows(stream)
    }

    /// What a stream begins with.
    pub(crate) fn first(&mut self, stream: &str) -> Option<Frame> {
        let now = Now {
            market: &self.market,
            facts: &self.facts,
            time_ns: self.now_ns,
            numbering: &self.numbering,
        };
        self.teller.first(&now, stream)
    }

    /// From the next change on the update ids of a symbol are lower.
    pub(crate) fn renumber(&mut self, symbol: &str) {
        if let Some(listing) = self.market.listing(symbol)
            && let Some(numbering) = self.numbering.get_mut(symbol)
        {
            numbering.reset(listing.told_update_id());
        }
    }

    pub(crate) fn advance(&mut self, until_ns: u64, wanted: &Wanted<'_>, out: &mut Vec<Frame>) {
        self.now_ns = until_ns;
        let mut pen = Pen { wanted, out };
        let told = self.market.advance(until_ns);
        for same_order in told.chunk_by(of_one_order) {
            let [
                Occurrence {
                    time_ns,
                    terms,
                    news,
                },
                ..,
            ] = same_order
            else {
                continue;
            };
            let (Some(symbol), Some(numbering)) = (
                self.symbols.get_mut(&terms.symbol),
                self.numbering.get(&terms.symbol),
            ) else {
                continue;
            };
            let scene = Scene {
                terms,
                time_ns: *time_ns,
                numbering,
            };
            match news {
                News::Depth(update) => self.teller.depth(&scene, update, &mut pen),
                News::Trade(_) => {
                    let (trades, aggregates) = symbol.take_order(same_order);
                    let order = Order {
                        trades: &trades,
                        aggregates: &aggregates,
                    };
                    self.teller.order(&scene, &order, &mut pen);
                }
            }
        }
        for one in self.liquidations.advance(&self.market, until_ns) {
            if let Some(numbering) = self.numbering.get(&one.terms.symbol) {
                let scene = Scene {
                    terms: &one.terms,
                    time_ns: until_ns,
                    numbering,
                };
                self.teller.liquidation(&scene, &one, &mut pen);
            }
        }
        self.facts.advance(&self.market, until_ns / NS_PER_MS);
        let now = Now {
            market: &self.market,
            facts: &self.facts,
            time_ns: until_ns,
            numbering: &self.numbering,
        };
        self.teller.step(&now, &mut pen);
    }
}

/// Two trades of one symbol at one time are of one order: orders have times of their own.
fn of_one_order(one: &Occurrence, other: &Occurrence) -> bool {
    let trades = matches!((&one.news, &other.news), (News::Trade(_), News::Trade(_)));
    trades && one.time_ns == other.time_ns && Arc::ptr_eq(&one.terms, &other.terms)
}

impl Symbol {
    /// Notes the trades of one order; they, and the same by price.
    fn take_order(&mut self, told: &[Occurrence]) -> (Vec<Trade>, Vec<AggregateTrade>) {
        let trade = |one: &Occurrence| match one.news {
            News::Trade(trade) => Some((one.time_ns / NS_PER_MS, trade)),
            News::Depth(_) => None,
        };
        let timed: Vec<(u64, Trade)> = told.iter().filter_map(trade).collect();
        for &(time_ms, trade) in &timed {
            self.trades.push(TimedTrade { time_ms, trade });
        }
        let at_one_price = |one: &(u64, Trade), other: &(u64, Trade)| {
            one.1.level.price == other.1.level.price
                && one.1.buyer_is_maker == other.1.buyer_is_maker
        };
        let mut aggregates = Vec::new();
        for trades in timed.chunk_by(at_one_price) {
            let [(time_ms, first), ..] = trades else {
                continue;
            };
            self.last_aggregate_id += 1;
            let aggregate = AggregateTrade {
                id: self.last_aggregate_id,
                first_id: first.id,
                last_id: first.id + trades.len() as u64 - 1,
                time_ms: *time_ms,
                level: Level {
                    price: first.level.price,
                    quantity: trades.iter().map(|(_, trade)| trade.level.quantity).sum(),
                },
                buyer_is_maker: first.buyer_is_maker,
            };
            self.trades.push_aggregate(aggregate);
            aggregates.push(aggregate);
        }
        (
            timed.into_iter().map(|(_, trade)| trade).collect(),
            aggregates,
        )
    }
}
