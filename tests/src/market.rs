//! A seeded market whose true book is known at every update id.
//!
//! Orders arrive, are cancelled and trade; the price moves. Prices are whole ticks and quantities whole lots, so
//! nothing is ever rounded. The same seed gives the same market, and a symbol's course does not depend on the other
//! symbols. How an exchange tells all this is not known here: see `binance_form` and `capture`.

use std::sync::Arc;

use crate::book::{Book, Side};
pub use crate::book::{Level, Levels};
use crate::history::History;
use crate::random::Random;

/// Between two depth updates of a symbol.
pub const DEPTH_INTERVAL_NS: u64 = 100 * NS_PER_MS;
/// Changes that can be looked back, if nothing else is asked for: some minutes.
pub const HISTORY_CHANGES_MAX: usize = 65_536;
/// Levels a side at the beginning.
const LEVELS_AT_START: u64 = 400;
/// A side with fewer levels is neither eaten nor cancelled away.
const LEVELS_MIN: usize = 50;
/// A side with more levels loses its worst.
const LEVELS_MAX: usize = 600;
/// Mean time between two orders of a symbol.
const ORDER_GAP_NS: u64 = 4 * NS_PER_MS;
/// Levels that one order may eat through.
const FILLS_MAX: usize = 4;
const NS_PER_MS: u64 = 1_000_000;

/// How lively a market is, and how much of its past is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// Mean time between two orders of a symbol.
    pub order_gap_ns: u64,
    /// Changes of each symbol's book that can be looked back.
    pub history_changes_max: usize,
    /// An order that takes from a level may meet several makers there: several trades at one price.
    pub several_makers: bool,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            order_gap_ns: ORDER_GAP_NS,
            history_changes_max: HISTORY_CHANGES_MAX,
            several_makers: false,
        }
    }
}

/// What is traded, and in which units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The exchange's name, for example "BTCUSDT".
    pub symbol: String,
    /// A tick is 10 to the power of minus this.
    pub price_decimals: u32,
    /// A lot is 10 to the power of minus this.
    pub quantity_decimals: u32,
    /// Where the price starts, in ticks.
    pub opening_price: u64,
}

impl Terms {
    /// The terms of a symbol; those of unknown ones are made up.
    #[must_use]
    pub fn of(symbol: &str) -> Self {
        let (price_decimals, quantity_decimals, opening_price) = match symbol {
            "BTCUSDT" => (2, 5, 9_734_512),
            "ETHUSDT" => (2, 4, 351_288),
            "SOLUSDT" => (2, 3, 18_734),
            "XRPUSDT" => (4, 1, 24_517),
            _ => (4, 2, Random::new(0, symbol).between(20_000, 5_000_000)),
        };
        Self {
            symbol: symbol.to_owned(),
            price_decimals,
            quantity_decimals,
            opening_price,
        }
    }

    /// The same under another name and in other units, at the same price.
    #[must_use]
    pub fn renamed(&self, symbol: &str, price_decimals: u32, quantity_decimals: u32) -> Self {
        let opening_price =
            self.opening_price * 10_u64.pow(price_decimals) / 10_u64.pow(self.price_decimals);
        Self {
            symbol: symbol.to_owned(),
            price_decimals,
            quantity_decimals,
            opening_price: opening_price.max(1),
        }
    }
}

/// One trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Rises by one with every trade of the symbol.
    pub id: u64,
    /// Where, and how much.
    pub level: Level,
    /// The taker sold.
    pub buyer_is_maker: bool,
}

/// What changed in a book since the update before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepthUpdate {
    /// Id of the first change in it.
    pub first_update_id: u64,
    /// Id of the last change in it; the book is true at this id once the update is applied.
    pub last_update_id: u64,
    /// The changed levels with their new quantity.
    pub levels: Levels,
}

/// A book at one update id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The id.
    pub last_update_id: u64,
    /// The best levels.
    pub levels: Levels,
}

/// What an exchange would tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A trade was made.
    Trade(Trade),
    /// The book changed.
    Depth(DepthUpdate),
}

/// Something told, of which symbol and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Nanoseconds since the epoch.
    pub time_ns: u64,
    /// The symbol's terms.
    pub terms: Arc<Terms>,
    /// What.
    pub news: News,
}

/// One symbol's true state.
#[derive(Debug)]
pub struct Listing {
    terms: Arc<Terms>,
    random: Random,
    book: Book,
    /// Where the price is going.
    fair_price: u64,
    update_id: u64,
    trade_id: u64,
    history: History,
    order_gap_ns: u64,
    several_makers: bool,
    /// Changed levels since the last depth update.
    changed: Book,
    told_update_id: u64,
    next_order_ns: u64,
    next_depth_ns: u64,
}

impl Listing {
    fn open(seed: u64, terms: Terms, start_ns: u64, course: &Course) -> Self {
        let order_gap_ns = course.order_gap_ns.max(1);
        let mut random = Random::new(seed, &terms.symbol);
        let update_id = random.between(10_000_000_000, 90_000_000_000);
        let trade_id = random.between(100_000_000, 4_000_000_000);
        let next_order_ns = start_ns + random.between(1, 2 * order_gap_ns);
        let next_depth_ns = start_ns + DEPTH_INTERVAL_NS + random.below(DEPTH_INTERVAL_NS);
        let mut listing = Self {
            fair_price: terms.opening_price,
            terms: Arc::new(terms),
            random,
            book: Book::default(),
            update_id,
            trade_id,
            history: History::new(course.history_changes_max),
            order_gap_ns,
            several_makers: course.several_makers,
            changed: Book::default(),
            told_update_id: update_id,
            next_order_ns,
            next_depth_ns,
        };
        listing.fill_book();
        listing
    }

    fn fill_book(&mut self) {
        let spacing = (self.fair_price / 50_000).max(2);
        let (mut bid, mut ask) = (self.fair_price, self.fair_price);
        for _ in 0..LEVELS_AT_START {
            bid = bid.saturating_sub(self.random.between(1, spacing)).max(1);
            ask += self.random.between(1, spacing);
            let (bid_quantity, ask_quantity) = (self.order_quantity(), self.order_quantity());
            self.book.set(
                Side::Bid,
                Level {
                    price: bid,
                    quantity: bid_quantity,
                },
            );
            self.book.set(
                Side::Ask,
                Level {
                    price: ask,
                    quantity: ask_quantity,
                },
            );
        }
    }

    /// The symbol's terms.
    #[must_use]
    pub fn terms(&self) -> &Arc<Terms> {
        &self.terms
    }

    /// Id of the last change of the book.
    #[must_use]
    pub fn update_id(&self) -> u64 {
        self.update_id
    }

    /// The update id up to which the book was told.
    #[must_use]
    pub fn told_update_id(&self) -> u64 {
        self.told_update_id
    }

    /// The book now, with at most `levels_max` levels a side.
    #[must_use]
    pub fn snapshot(&self, levels_max: usize) -> Snapshot {
        Snapshot {
            last_update_id: self.update_id,
            levels: self.book.top(levels_max),
        }
    }

    /// The best levels as they were at an update id; none when it is to come or too long ago.
    #[must_use]
    pub fn top_at(&self, update_id: u64, levels_max: usize) -> Option<Levels> {
        if update_id == self.update_id {
            return Some(self.book.top(levels_max));
        }
        Some(self.history.book_at(update_id)?.top(levels_max))
    }

    /// The book now, at its update id.
    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    /// Brings a book of this symbol from one update id to a later one; see [`History::bring`].
    pub(crate) fn bring(&self, book: &mut Book, from: u64, to: u64) -> bool {
        self.history.bring(book, from, to)
    }

    fn change(&mut self, side: Side, level: Level) {
        self.history
            .begin(self.update_id, self.update_id + 1, &self.book);
        self.book.set(side, level);
        self.update_id += 1;
        self.history.push(self.update_id, side, level);
        self.changed.note(side, level);
    }

    fn next_ns(&self) -> u64 {
        self.next_order_ns.min(self.next_depth_ns)
    }

    /// Lets happen what is next.
    fn step(&mut self, told: &mut Vec<Occurrence>) {
        if self.next_depth_ns < self.next_order_ns {
            let time_ns = self.next_depth_ns;
            self.next_depth_ns += DEPTH_INTERVAL_NS;
            if let Some(update) = self.take_update() {
                told.push(Occurrence {
                    time_ns,
                    terms: self.terms.clone(),
                    news: News::Depth(update),
                });
            }
            return;
        }
        let time_ns = self.next_order_ns;
        self.next_order_ns += self.random.between(1, 2 * self.order_gap_ns);
        self.drift();
        let side = if self.random.chance(50) {
            Side::Bid
        } else {
            Side::Ask
        };
        match self.random.below(100) {
            0..30 => {
                for trade in self.take_liquidity() {
                    told.push(Occurrence {
                        time_ns,
                        terms: self.terms.clone(),
                        news: News::Trade(trade),
                    });
                }
            }
            30..70 => self.place_order(side),
            _ => self.cancel_order(side),
        }
    }

    fn take_update(&mut self) -> Option<DepthUpdate> {
        if self.told_update_id == self.update_id {
            return None;
        }
        let first_update_id = self.told_update_id + 1;
        self.told_update_id = self.update_id;
        let levels = std::mem::take(&mut self.changed).top(usize::MAX);
        Some(DepthUpdate {
            first_update_id,
            last_update_id: self.update_id,
            levels,
        })
    }

    fn drift(&mut self) {
        if self.random.chance(5) {
            let step = self.random.below((self.fair_price / 10_000).max(3));
            let opening_price = self.terms.opening_price;
            // Kept between half and double, so that no price can run away.
            let up = self.fair_price < opening_price / 2
                || (self.fair_price < opening_price * 2 && self.random.chance(50));
            self.fair_price = if up {
                self.fair_price + step
            } else {
                self.fair_price - step
            };
        }
    }

    /// A taker takes what is best, mostly in the direction of the fair price.
    fn take_liquidity(&mut self) -> Vec<Trade> {
        let best_ask = self.best(Side::Ask);
        let buys = self
            .random
            .chance(if self.fair_price >= best_ask { 80 } else { 45 });
        let side = if buys { Side::Ask } else { Side::Bid };
        let mut wanted = self.order_quantity();
        let mut trades = Vec::new();
        let mut fills = 0;
        while wanted > 0 && fills < FILLS_MAX && self.book.side(side).len() > LEVELS_MIN {
            let Some(Level { price, quantity }) = self.book.nth(side, 0) else {
                break;
            };
            let filled = wanted.min(quantity);
            wanted -= filled;
            self.change(
                side,
                Level {
                    price,
                    quantity: quantity - filled,
                },
            );
            for quantity in self.makers(filled) {
                self.trade_id += 1;
                trades.push(Trade {
                    id: self.trade_id,
                    level: Level { price, quantity },
                    buyer_is_maker: !buys,
                });
            }
            fills += 1;
        }
        trades
    }

    /// How much each maker gave.
    fn makers(&mut self, filled: u64) -> Vec<u64> {
        let mut parts = Vec::with_capacity(1);
        let mut rest = filled;
        if self.several_makers {
            for _ in 0..self.random.mostly_small(2) {
                if rest > 1 {
                    let part = self.random.between(1, rest - 1);
                    parts.push(part);
                    rest -= part;
                }
            }
        }
        parts.push(rest);
        parts
    }

    /// A maker adds near the fair price, never through the other side.
    fn place_order(&mut self, side: Side) {
        // In proportion to the price, and some ticks more where ticks are coarse.
        let distance = self.random.mostly_small(12) * self.fair_price / 10_000_000
            + self.random.mostly_small(6);
        let price = match side {
            Side::Bid => self
                .fair_price
                .min(self.best(Side::Ask) - 1)
                .saturating_sub(distance)
                .max(1),
            Side::Ask => self.fair_price.max(self.best(Side::Bid) + 1) + distance,
        };
        let there = self.book.side(side).get(&price).copied().unwrap_or(0);
        let quantity = there + self.order_quantity();
        self.change(side, Level { price, quantity });
    }

    /// A maker takes back an order that the fair price has passed, one too far away, or any.
    fn cancel_order(&mut self, side: Side) {
        let levels = self.book.side(side).len();
        if levels <= LEVELS_MIN {
            return;
        }
        let passed = match side {
            Side::Bid => self.fair_price < self.best(Side::Bid),
            Side::Ask => self.fair_price > self.best(Side::Ask),
        };
        let places = if levels > LEVELS_MAX {
            levels - 1
        } else if passed {
            0
        } else {
            self.random.mostly_small(9) as usize
        };
        if let Some(Level { price, quantity }) = self.book.nth(side, places) {
            let rest = if passed || self.random.chance(60) {
                0
            } else {
                quantity / 2
            };
            self.change(
                side,
                Level {
                    price,
                    quantity: rest,
                },
            );
        }
    }

    /// Small orders and large ones, each order of magnitude as often as the others.
    fn order_quantity(&mut self) -> u64 {
        let doublings = self.random.between(4, 16);
        self.random.between(1 << doublings, (2 << doublings) - 1)
    }

    /// The best price of a side. Sides are never empty; one that were would be where the price started.
    fn best(&self, side: Side) -> u64 {
        self.book
            .nth(side, 0)
            .map_or(self.terms.opening_price, |best| best.price)
    }
}

/// Several symbols on one clock.
#[derive(Debug)]
pub struct Market {
    listings: Vec<Listing>,
}

impl Market {
    /// Opens a market.
    #[must_use]
    pub fn open<S: AsRef<str>>(seed: u64, symbols: &[S], start_ns: u64) -> Self {
        Self::open_as(seed, symbols, start_ns, &Course::default())
    }

    /// Opens a market that runs another course.
    #[must_use]
    pub fn open_as<S: AsRef<str>>(
        seed: u64,
        symbols: &[S],
        start_ns: u64,
        course: &Course,
    ) -> Self {
        let listings = symbols.iter();
        let listings = listings.map(|symbol| (Terms::of(symbol.as_ref()), course.clone()));
        Self::open_each(seed, listings.collect(), start_ns)
    }

    /// Opens a market in which each symbol has its own terms and runs its own course.
    #[must_use]
    pub fn open_each(seed: u64, listings: Vec<(Terms, Course)>, start_ns: u64) -> Self {
        let listings = listings
            .into_iter()
            .map(|(terms, course)| Listing::open(seed, terms, start_ns, &course))
            .collect();
        Self { listings }
    }

    /// The symbols' true states, in the order of their opening.
    #[must_use]
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// A symbol's true state.
    #[must_use]
    pub fn listing(&self, symbol: &str) -> Option<&Listing> {
        self.listings
            .iter()
            .find(|listing| listing.terms.symbol == symbol)
    }

    /// Lets everything happen up to a time, that time included, and returns what an exchange would have told, in the
    /// order of its happening.
    pub fn advance(&mut self, until_ns: u64) -> Vec<Occurrence> {
        let mut told = Vec::new();
        while let Some(next) = self
            .listings
            .iter_mut()
            .min_by_key(|listing| listing.next_ns())
        {
            if next.next_ns() > until_ns {
                break;
            }
            next.step(&mut told);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test ends at its first surprise"
    )]

    use std::collections::BTreeMap;

    use super::*;
    use crate::book::level;

    const SECOND_NS: u64 = 1_000_000_000;

    /// What somebody knows who only applies updates to a snapshot.
    #[derive(Default)]
    struct NaiveBook {
        last_update_id: u64,
        bids: BTreeMap<u64, u64>,
        asks: BTreeMap<u64, u64>,
    }

    impl NaiveBook {
        fn apply(&mut self, last_update_id: u64, levels: &Levels) {
            for (side, changes) in [
                (&mut self.bids, &levels.bids),
                (&mut self.asks, &levels.asks),
            ] {
                for change in changes {
                    side.insert(change.price, change.quantity);
                }
                side.retain(|_, quantity| *quantity > 0);
            }
            self.last_update_id = last_update_id;
        }

        fn top(&self, levels: usize) -> Levels {
            Levels {
                bids: self.bids.iter().rev().take(levels).map(level).collect(),
                asks: self.asks.iter().take(levels).map(level).collect(),
            }
        }
    }

    #[test]
    fn updates_on_a_snapshot_give_the_true_book_at_every_update() {
        for seed in 0..5 {
            let mut market = Market::open(seed, &["BTCUSDT", "ETHUSDT", "MADEUPUSDT"], SECOND_NS);
            let mut books: BTreeMap<String, NaiveBook> = BTreeMap::new();
            for listing in market.listings() {
                let Snapshot {
                    last_update_id,
                    levels,
                } = listing.snapshot(usize::MAX);
                books
                    .entry(listing.terms().symbol.clone())
                    .or_default()
                    .apply(last_update_id, &levels);
            }
            let mut updates = 0;
            for second in 2..22 {
                for Occurrence { terms, news, .. } in market.advance(second * SECOND_NS) {
                    let News::Depth(update) = news else { continue };
                    let book = books.get_mut(&terms.symbol).unwrap();
                    assert_eq!(update.first_update_id, book.last_update_id + 1);
                    book.apply(update.last_update_id, &update.levels);
                    let truth = market
                        .listing(&terms.symbol)
                        .unwrap()
                        .top_at(update.last_update_id, usize::MAX);
                    assert_eq!(Some(book.top(usize::MAX)), truth);
                    updates += 1;
                }
            }
            assert!(updates > 500, "{updates}");
        }
    }

    #[test]
    fn the_best_bid_is_always_below_the_best_ask() {
        let mut market = Market::open(3, &["BTCUSDT", "XRPUSDT"], 0);
        let (mut lowest, mut highest) = (u64::MAX, 0);
        for millisecond in 0..60_000 {
            market.advance(millisecond * NS_PER_MS);
            for listing in market.listings() {
                let (bid, ask) = (listing.best(Side::Bid), listing.best(Side::Ask));
                assert!(bid < ask, "{bid} {ask}");
                assert!(
                    listing.book.bids.len() >= LEVELS_MIN && listing.book.asks.len() >= LEVELS_MIN
                );
            }
            let price = market.listing("BTCUSDT").unwrap().best(Side::Bid);
            (lowest, highest) = (lowest.min(price), highest.max(price));
        }
        assert!(
            highest - lowest > 1_000,
            "the price moves: from {lowest} to {highest}"
        );
    }

    #[test]
    fn trade_ids_rise_by_one_and_time_never_runs_back() {
        let mut market = Market::open(4, &["ETHUSDT"], 0);
        let mut last: Option<(u64, u64)> = None;
        let mut trades = 0;
        for Occurrence { time_ns, news, .. } in market.advance(10 * SECOND_NS) {
            let News::Trade(trade) = news else { continue };
            assert!(trade.level.quantity > 0);
            if let Some((last_id, last_ns)) = last {
                assert_eq!(trade.id, last_id + 1);
                assert!(time_ns >= last_ns);
            }
            last = Some((trade.id, time_ns));
            trades += 1;
        }
        assert!(trades > 300, "{trades}");
    }

    #[test]
    fn how_far_a_market_is_advanced_at_once_changes_nothing() {
        let mut whole = Market::open(5, &["BTCUSDT", "ETHUSDT"], 0);
        let mut parts = Market::open(5, &["BTCUSDT", "ETHUSDT"], 0);
        let mut told = Vec::new();
        for step in 1..=700 {
            told.extend(parts.advance(step * 7 * NS_PER_MS));
        }
        assert_eq!(told, whole.advance(4_900 * NS_PER_MS));
    }

    #[test]
    fn a_symbol_runs_the_same_course_beside_others() {
        let of_eth = |symbols: &[&str]| {
            let told = Market::open(6, symbols, 0).advance(3 * SECOND_NS);
            told.into_iter()
                .filter(|one| one.terms.symbol == "ETHUSDT")
                .collect::<Vec<_>>()
        };
        assert_eq!(of_eth(&["ETHUSDT"]), of_eth(&["BTCUSDT", "ETHUSDT"]));
    }

    #[test]
    fn the_past_is_bounded_and_the_future_unknown() {
        let mut market = Market::open(8, &["BTCUSDT"], 0);
        market.advance(600 * SECOND_NS);
        let listing = market.listing("BTCUSDT").unwrap();
        let id = listing.update_id();
        let kept = listing.history.len() as u64;
        assert!(
            (HISTORY_CHANGES_MAX..HISTORY_CHANGES_MAX + 4_096).contains(&listing.history.len())
        );
        assert!(
            listing.book.bids.len() <= LEVELS_MAX + LEVELS_MIN,
            "{}",
            listing.book.bids.len()
        );
        assert_eq!(
            listing.top_at(id, 5).as_ref(),
            Some(&listing.snapshot(5).levels)
        );
        assert!(listing.top_at(id - kept, 5).is_some());
        assert!(listing.top_at(id - kept - 1, 5).is_none());
        assert!(listing.top_at(id + 1, 5).is_none());
    }
}
