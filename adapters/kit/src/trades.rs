//! The ledger of trade ids of one instrument: every trade is published exactly once, and what never came is counted.

use std::collections::VecDeque;

/// Missing ranges that are remembered; older ones stay counted as missing, but a trade of theirs that comes after all
/// is taken for a duplicate.
const RANGES_MAX: usize = 1024;

/// What a trade id is to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Above all before it: to be published.
    New,
    /// One that was missing: to be published.
    Late,
    /// Received before: to be left out.
    Duplicate,
}

/// Trade ids received from one instrument.
#[derive(Debug, Default)]
pub struct Ledger {
    last: Option<u64>,
    /// First and last id of each missing range, ascending.
    missing: VecDeque<(u64, u64)>,
    missing_count: u64,
    published: u64,
    duplicates: u64,
}

impl Ledger {
    /// Takes in one trade id. Ids follow each other without holes on the exchange.
    pub fn see(&mut self, id: u64) -> Seen {
        let seen = match self.last {
            Some(last) if id <= last => self.look_back(id),
            last => {
                if let Some(last) = last.filter(|last| id - last > 1) {
                    self.miss(last + 1, id - 1);
                }
                self.last = Some(id);
                Seen::New
            }
        };
        match seen {
            Seen::New | Seen::Late => self.published += 1,
            Seen::Duplicate => self.duplicates += 1,
        }
        seen
    }

    fn miss(&mut self, first: u64, last: u64) {
        self.missing_count = self
            .missing_count
            .saturating_add(last - first)
            .saturating_add(1);
        if self.missing.len() == RANGES_MAX {
            self.missing.pop_front();
        }
        self.missing.push_back((first, last));
    }

    #[cold]
    fn look_back(&mut self, id: u64) -> Seen {
        let at = self.missing.partition_point(|(_, last)| *last < id);
        let Some(&(first, last)) = self.missing.get(at).filter(|(first, _)| *first <= id) else {
            return Seen::Duplicate;
        };
        self.missing.remove(at);
        if id < last {
            self.missing.insert(at, (id + 1, last));
        }
        if first < id {
            self.missing.insert(at, (first, id - 1));
        }
        self.missing_count = self.missing_count.saturating_sub(1);
        Seen::Late
    }

    /// Highest id received.
    pub const fn last(&self) -> Option<u64> {
        self.last
    }

    /// Trades to be published so far.
    pub const fn published(&self) -> u64 {
        self.published
    }

    /// Trades received again so far.
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Ids that were skipped and have not come since.
    pub const fn missing(&self) -> u64 {
        self.missing_count
    }
}

#[cfg(test)]
mod tests {
    use super::{Ledger, RANGES_MAX, Seen};

    #[test]
    fn each_id_is_published_once() {
        let mut ledger = Ledger::default();
        let seen: Vec<_> = [5, 6, 6, 5].iter().map(|id| ledger.see(*id)).collect();
        assert_eq!(
            seen,
            [Seen::New, Seen::New, Seen::Duplicate, Seen::Duplicate]
        );
        assert_eq!(
            (ledger.published(), ledger.duplicates(), ledger.missing()),
            (2, 2, 0)
        );
    }

    #[test]
    fn a_skipped_id_is_missing_until_it_comes() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.see(1), Seen::New);
        assert_eq!(ledger.see(5), Seen::New);
        assert_eq!(ledger.missing(), 3);
        assert_eq!(ledger.see(3), Seen::Late);
        assert_eq!(ledger.see(3), Seen::Duplicate);
        assert_eq!(ledger.see(2), Seen::Late);
        assert_eq!(ledger.see(4), Seen::Late);
        assert_eq!(ledger.missing(), 0);
        assert!(ledger.missing.is_empty());
    }

    #[test]
    fn what_came_before_the_first_is_not_published_out_of_nowhere() {
        let mut ledger = Ledger::default();
        ledger.see(10);
        assert_eq!(ledger.see(9), Seen::Duplicate);
    }

    #[test]
    fn memory_is_bounded_and_nothing_is_forgotten_in_the_count() {
        let mut ledger = Ledger::default();
        for id in 0..5_000 {
            ledger.see(id * 2);
        }
        assert_eq!(ledger.missing(), 4_999);
        assert_eq!(ledger.missing.len(), RANGES_MAX);
        assert_eq!(ledger.see(1), Seen::Duplicate);
    }

    #[test]
    fn the_highest_ids_do_no_harm() {
        let mut ledger = Ledger::default();
        ledger.see(0);
        ledger.see(u64::MAX);
        assert_eq!(ledger.see(u64::MAX - 1), Seen::Late);
        assert_eq!(ledger.missing(), u64::MAX - 2);
    }
}
