//! The ledger of trade ids of one instrument: every id is new once, and what never came is counted.

use std::collections::VecDeque;

/// Missing ranges that are remembered; older ones stay counted as missing, but a trade of theirs that comes after all
/// is taken for a duplicate.
const RANGES_MAX: usize = 1024;

/// No exchange makes so many trades of one instrument while nobody looks: an id further away than this is doubted.
const LEAP_MAX: u64 = 1_000_000_000;

/// A doubted id is believed once another one follows it this closely.
const CONFIRMED_WITHIN: u64 = 1_000;

/// How far an id lies from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leap {
    /// No further than it may.
    None,
    /// So far that it is more likely wrong than right.
    Doubtful,
    /// As far, and the one before agrees: the exchange counts from elsewhere now, and the ledger is to
    /// [begin anew](Ledger::begin_anew).
    Confirmed,
}

/// What a trade id is to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Above all before it: to be published.
    New,
    /// One that was missing: to be published.
    Late,
    /// Received before, or older than all that is collected: to be left out.
    Duplicate,
}

/// Trade ids received from one instrument.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Highest id received since the collection began or went on.
    last: Option<u64>,
    /// Highest id received before the collection paused.
    paused_at: Option<u64>,
    /// First and last id of each missing range, ascending.
    missing: VecDeque<(u64, u64)>,
    missing_count: u64,
    received: u64,
    duplicates: u64,
    /// The last id that was doubted.
    doubted: Option<u64>,
}

impl Ledger {
    /// Takes in one trade id. Ids follow each other without holes on the exchange.
    pub fn see(&mut self, id: u64) -> Seen {
        if self.follow(id) {
            return Seen::New;
        }
        let seen = match self.last {
            Some(last) if id <= last => self.look_back(id),
            Some(last) => {
                if id - last > 1 {
                    self.miss(last + 1, id - 1);
                }
                Seen::New
            }
            None if self.paused_at.is_some_and(|paused_at| id <= paused_at) => Seen::Duplicate,
            None => Seen::New,
        };
        match seen {
            Seen::New => {
                self.last = Some(id);
                self.received += 1;
            }
            Seen::Late => self.received += 1,
            Seen::Duplicate => self.duplicates += 1,
        }
        seen
    }

    /// Takes in one trade id if it is the one after the last; the ordinary case, and cheap.
    #[inline]
    pub fn follow(&mut self, id: u64) -> bool {
        let follows = self.last.is_some_and(|last| last.wrapping_add(1) == id) && id != 0;
        if follows {
            self.last = Some(id);
            self.received += 1;
        }
        follows
    }

    /// The collection pauses: what is missing stays so, and the next trade may have any higher id.
    pub fn pause(&mut self) {
        self.missing.clear();
        if let Some(last) = self.last.take() {
            self.paused_at = Some(last);
        }
    }

    /// Whether an id, which is not taken in yet, is to be believed. One wrong number must not make all later trades look
    /// old; two that agree are right.
    pub fn leap(&mut self, id: u64) -> Leap {
        let leaps = self.last.is_some_and(|last| last.abs_diff(id) > LEAP_MAX);
        if !leaps {
            return Leap::None;
        }
        match self.doubted.replace(id) {
            Some(before) if id > before && id - before <= CONFIRMED_WITHIN => Leap::Confirmed,
            _ => Leap::Doubtful,
        }
    }

    /// The exchange counts from elsewhere now: the next trade may have any id at all.
    pub fn begin_anew(&mut self) {
        self.doubted = None;
        self.missing.clear();
        self.last = None;
        self.paused_at = None;
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

    /// The place of the first missing range that ends at `id` or above it.
    fn place(&self, id: u64) -> usize {
        self.missing.partition_point(|(_, last)| *last < id)
    }

    #[cold]
    fn look_back(&mut self, id: u64) -> Seen {
        let at = self.place(id);
        let Some(range) = self.missing.get_mut(at).filter(|range| range.0 <= id) else {
            return Seen::Duplicate;
        };
        let (first, last) = *range;
        if first == last {
            self.missing.remove(at);
        } else if id == first {
            range.0 = id + 1;
        } else {
            range.1 = id - 1;
            if id < last {
                self.missing.insert(at + 1, (id + 1, last));
            }
        }
        self.missing_count = self.missing_count.saturating_sub(1);
        Seen::Late
    }

    /// Whether this id was skipped and has not come since.
    pub fn lacks(&self, id: u64) -> bool {
        let range = self.missing.get(self.place(id));
        range.is_some_and(|(first, _)| *first <= id)
    }

    /// First and last of the next missing ids above `id`.
    pub fn missing_after(&self, id: u64) -> Option<(u64, u64)> {
        let next = id.checked_add(1)?;
        let (first, last) = self.missing.get(self.place(next))?;
        Some((next.max(*first), *last))
    }

    /// The highest missing id.
    pub fn last_missing(&self) -> Option<u64> {
        self.missing.back().map(|(_, last)| *last)
    }

    /// Highest id received since the collection began or went on.
    pub const fn last(&self) -> Option<u64> {
        self.last
    }

    /// Trades received so far, each counted once.
    pub const fn received(&self) -> u64 {
        self.received
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
    fn each_id_is_new_once() {
        let mut ledger = Ledger::default();
        let seen: Vec<_> = [5, 6, 6, 5].iter().map(|id| ledger.see(*id)).collect();
        assert_eq!(
            seen,
            [Seen::New, Seen::New, Seen::Duplicate, Seen::Duplicate]
        );
        assert_eq!(
            (ledger.received(), ledger.duplicates(), ledger.missing()),
            (2, 2, 0)
        );
    }

    #[test]
    fn a_skipped_id_is_missing_until_it_comes() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.see(1), Seen::New);
        assert_eq!(ledger.see(5), Seen::New);
        assert_eq!(ledger.missing(), 3);
        assert_eq!(ledger.missing_after(0), Some((2, 4)));
        assert_eq!(ledger.see(3), Seen::Late);
        assert_eq!(ledger.see(3), Seen::Duplicate);
        assert_eq!(ledger.missing_after(2), Some((4, 4)));
        assert!(ledger.lacks(2) && !ledger.lacks(3) && ledger.lacks(4) && !ledger.lacks(6));
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
    fn what_went_by_in_a_pause_is_not_missing() {
        let mut ledger = Ledger::default();
        ledger.see(1);
        ledger.see(3);
        ledger.pause();
        assert_eq!(ledger.see(2), Seen::Duplicate);
        assert_eq!(ledger.see(3), Seen::Duplicate);
        assert_eq!(ledger.see(90), Seen::New);
        assert_eq!(ledger.see(50), Seen::Duplicate);
        assert_eq!(ledger.missing(), 1);
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
        assert_eq!(ledger.see(0), Seen::Duplicate);
        assert_eq!(ledger.see(u64::MAX - 1), Seen::Late);
        assert_eq!(ledger.missing(), u64::MAX - 2);
        assert_eq!(ledger.missing_after(u64::MAX), None);
    }
}
