//! A book as a venue's streams show it: so many levels a side, and at each update the levels that differ.

use std::collections::BTreeMap;

use crate::book::{Book, Side};
use crate::market::{DepthUpdate, Level, Levels, Listing, Snapshot};

/// What happened to a shown level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    New,
    Changed,
    Gone,
}

/// A shown level that differs; its quantity is 0 when it is gone.
pub(crate) type Change = (Happened, Level);

/// Both sides' differing levels, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) bids: Vec<Change>,
    pub(crate) asks: Vec<Change>,
}

impl Changes {
    pub(crate) const fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }
}

/// One instrument's book.
#[derive(Debug)]
pub(crate) struct View {
    levels_max: usize,
    whole: Book,
    shown: Book,
    /// The venue's id of what is shown.
    pub(crate) id: Option<u64>,
}

impl View {
    pub(crate) fn new(levels_max: usize) -> Self {
        Self {
            levels_max,
            whole: Book::default(),
            shown: Book::default(),
            id: None,
        }
    }

    /// Begins with the book as it is, if it has not begun.
    pub(crate) fn begin(&mut self, listing: &Listing, id: u64) {
        if self.id.is_none() {
            self.whole = Book::of(&listing.snapshot(usize::MAX).levels);
            self.shown = Book::of(&self.whole.top(self.levels_max));
            self.id = Some(id);
        }
    }

    /// Goes on to the next state, which has this id if anything shown differs; that, and the id before.
    pub(crate) fn update(&mut self, update: &DepthUpdate, id: u64) -> Option<(u64, Changes)> {
        let previous = self.id?;
        for (side, levels) in [
            (Side::Bid, &update.levels.bids),
            (Side::Ask, &update.levels.asks),
        ] {
            for &level in levels {
                self.whole.set(side, level);
            }
        }
        let shown = Book::of(&self.whole.top(self.levels_max));
        let mut bids = differing(&self.shown.bids, &shown.bids);
        bids.reverse();
        let asks = differing(&self.shown.asks, &shown.asks);
        let changes = Changes { bids, asks };
        if changes.is_empty() {
            return None;
        }
        self.shown = shown;
        self.id = Some(id);
        Some((previous, changes))
    }

    /// What is shown.
    pub(crate) fn levels(&self, levels_max: usize) -> Levels {
        self.shown.top(levels_max)
    }

    pub(crate) fn snapshot(&self, levels_max: usize) -> Option<Snapshot> {
        Some(Snapshot {
            last_update_id: self.id?,
            levels: self.levels(levels_max),
        })
    }
}

/// Cheapest first.
fn differing(before: &BTreeMap<u64, u64>, after: &BTreeMap<u64, u64>) -> Vec<Change> {
    let gone = before.keys().filter(|price| !after.contains_key(price));
    let gone = gone.map(|&price| (Happened::Gone, Level { price, quantity: 0 }));
    let other = after
        .iter()
        .filter_map(|(&price, &quantity)| match before.get(&price) {
            None => Some((Happened::New, Level { price, quantity })),
            Some(old) if *old != quantity => Some((Happened::Changed, Level { price, quantity })),
            Some(_) => None,
        });
    let mut changes: Vec<_> = gone.chain(other).collect();
    changes.sort_unstable_by_key(|(_, level)| level.price);
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Market, News};

    #[test]
    fn changes_on_what_was_shown_give_what_is_shown() {
        let mut market = Market::open(1, &["BTCUSDT"], 0);
        let mut view = View::new(50);
        let listing = &market.listings()[0];
        view.begin(listing, listing.update_id());
        let mut copy = Book::of(&view.levels(usize::MAX));
        let mut applied = 0;
        for one in market.advance(20_000_000_000) {
            let News::Depth(update) = one.news else {
                continue;
            };
            let Some((_, changes)) = view.update(&update, update.last_update_id) else {
                continue;
            };
            for (side, changes) in [(Side::Bid, changes.bids), (Side::Ask, changes.asks)] {
                for (happened, level) in changes {
                    let was_there = copy.side(side).contains_key(&level.price);
                    assert_eq!(was_there, happened != Happened::New);
                    copy.set(side, level);
                }
            }
            let listing = &market.listings()[0];
            let truth = listing.top_at(update.last_update_id, 50);
            assert_eq!(Some(copy.top(usize::MAX)), truth);
            applied += 1;
        }
        assert!(applied > 150, "{applied}");
    }
}
