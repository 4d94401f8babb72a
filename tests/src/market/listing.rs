//! One symbol: how orders arrive, are cancelled and trade, and what is known of it afterwards.

use std::sync::Arc;

use super::news::{DepthUpdate, News, Occurrence, Snapshot, Trade};
use super::terms::{Course, NS_PER_MS, Terms};
use crate::book::{Book, Level, Levels, Side};
use crate::history::History;
use crate::random::Random;

/// Between two depth updates of a symbol.
const DEPTH_INTERVAL_NS: u64 = 100 * NS_PER_MS;
/// Levels a side at the beginning.
const LEVELS_AT_START: u64 = 400;
/// A side with fewer levels is neither eaten nor cancelled away.
pub(super) const LEVELS_MIN: usize = 50;
/// A side with more levels loses its worst.
pub(super) const LEVELS_MAX: usize = 600;
/// Levels that one order may eat through.
const FILLS_MAX: usize = 4;

/// One symbol's true state.
#[derive(Debug)]
pub struct Listing {
    terms: Arc<Terms>,
    random: Random,
    pub(super) book: Book,
    /// Where the price is going.
    fair_price: u64,
    update_id: u64,
    trade_id: u64,
    pub(super) history: History,
    order_gap_ns: u64,
    several_makers: bool,
    /// Changed levels since the last depth update.
    changed: Book,
    told_update_id: u64,
    next_order_ns: u64,
    next_depth_ns: u64,
}

impl Listing {
    pub(super) fn open(seed: u64, terms: Terms, start_ns: u64, course: &Course) -> Self {
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

    pub(super) fn next_ns(&self) -> u64 {
        self.next_order_ns.min(self.next_depth_ns)
    }

    /// Lets happen what is next.
    pub(super) fn step(&mut self, told: &mut Vec<Occurrence>) {
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
    pub(super) fn best(&self, side: Side) -> u64 {
        self.book
            .nth(side, 0)
            .map_or(self.terms.opening_price, |best| best.price)
    }
}
