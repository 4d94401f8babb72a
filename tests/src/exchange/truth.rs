//! What is true, for a test to compare with what a client made of it.

use std::sync::Arc;

use super::facts::MARK_DECIMALS;
use super::liquidations::Liquidation;
use super::numbers;
use super::state::Shared;
use super::trades::{AggregateTrade, TimedTrade};
use crate::book::Book;
use crate::market::{Level, Levels, Terms};

/// A side of a book as the exchange writes it: price and quantity, best first.
pub type Side = Vec<(String, String)>;

/// A true book that goes from one update id to the next, at the cost of the changes between them: looking at every
/// one of many books with [`Truth::top`] would cost a whole book each.
pub struct Follower {
    shared: Arc<Shared>,
    symbol: String,
    book: Book,
    update_id: u64,
}

impl Follower {
    /// The best levels at an update id, which must not be before the last one asked for; none when it is, when it is
    /// to come, or when what lies between is forgotten. After that the follower is of no use.
    pub fn top(&mut self, update_id: u64, levels_max: usize) -> Option<Levels> {
        if update_id != self.update_id {
            let state = self.shared.lock();
            let feed = state.feed.market()?;
            let numbering = feed.numbering(&self.symbol)?;
            let (from, to) = (
                numbering.meant(self.update_id)?,
                numbering.meant(update_id)?,
            );
            let listing = feed.market.listing(&self.symbol)?;
            if !listing.bring(&mut self.book, from, to) {
                return None;
            }
            self.update_id = update_id;
        }
        Some(self.book.top(levels_max))
    }
}

/// The truth about the market; it knows nothing of faults.
pub struct Truth {
    pub(super) shared: Arc<Shared>,
}

impl Truth {
    /// Every symbol's terms.
    #[must_use]
    pub fn symbols(&self) -> Vec<Terms> {
        let state = self.shared.lock();
        state.feed.symbols().into_iter().cloned().collect()
    }

    /// A symbol's terms.
    #[must_use]
    pub fn terms(&self, symbol: &str) -> Option<Terms> {
        self.shared.lock().feed.terms(symbol).cloned()
    }

    /// The update id of a symbol's book now.
    #[must_use]
    pub fn update_id(&self, symbol: &str) -> Option<u64> {
        let snapshot = self.shared.lock().feed.snapshot(symbol, 0)?;
        Some(snapshot.last_update_id)
    }

    /// The best levels at an update id; none when it is forgotten, to come, or (in a recording) no update ended there.
    #[must_use]
    pub fn top(&self, symbol: &str, update_id: u64, levels_max: usize) -> Option<Levels> {
        self.shared.lock().feed.top(symbol, update_id, levels_max)
    }

    /// The same as the exchange writes it: bids and asks.
    #[must_use]
    pub fn top_text(
        &self,
        symbol: &str,
        update_id: u64,
        levels_max: usize,
    ) -> Option<(Side, Side)> {
        let terms = self.terms(symbol)?;
        let Levels { bids, asks } = self.top(symbol, update_id, levels_max)?;
        let dialect = &self.shared.dialect;
        let side = |levels: Vec<Level>| {
            let text = |level: Level| {
                (
                    dialect.number(level.price, terms.price_decimals),
                    dialect.number(level.quantity, terms.quantity_decimals),
                )
            };
            levels.into_iter().map(text).collect()
        };
        Some((side(bids), side(asks)))
    }

    /// Somebody who walks along a symbol's true book from now on; none in a recording.
    #[must_use]
    pub fn follow(&self, symbol: &str) -> Option<Follower> {
        let state = self.shared.lock();
        let feed = state.feed.market()?;
        let listing = feed.market.listing(symbol)?;
        let update_id = feed.numbering(symbol)?.told(listing.update_id());
        Some(Follower {
            shared: self.shared.clone(),
            symbol: symbol.to_owned(),
            book: listing.book().clone(),
            update_id,
        })
    }

    /// A trade by its id.
    #[must_use]
    pub fn trade(&self, symbol: &str, id: u64) -> Option<TimedTrade> {
        self.shared.lock().feed.trades(symbol)?.single(id)
    }

    /// An aggregate trade by its id.
    #[must_use]
    pub fn aggregate_trade(&self, symbol: &str, id: u64) -> Option<AggregateTrade> {
        self.shared.lock().feed.trades(symbol)?.aggregate(id)
    }

    /// A forced order by its number.
    #[must_use]
    pub fn liquidation(&self, number: u64) -> Option<Liquidation> {
        let state = self.shared.lock();
        state.feed.market()?.liquidations.one(number).cloned()
    }

    /// All forced orders that are not forgotten, those too that the exchange does not tell.
    #[must_use]
    pub fn liquidations(&self) -> Vec<Liquidation> {
        let state = self.shared.lock();
        state
            .feed
            .market()
            .map_or_else(Vec::new, |feed| feed.liquidations.all())
    }

    /// The mark price now, with eight decimals.
    #[must_use]
    pub fn mark_price(&self, symbol: &str) -> Option<String> {
        let state = self.shared.lock();
        let mark = state.feed.market()?.facts.mark(symbol)?;
        Some(numbers::fixed(mark.price, MARK_DECIMALS))
    }

    /// Ticks or lots as the exchange writes them.
    #[must_use]
    pub fn number(&self, count: u64, decimals: u32) -> String {
        self.shared.dialect.number(count, decimals)
    }

    /// The market's time, in nanoseconds since the epoch.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.shared.lock().feed.now_ns()
    }

    /// A recording has told everything.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.shared.lock().feed.ended()
    }
}
