//! Trades in line: a trade whose predecessors are missing waits a while, so that what comes late is still published in
//! order.

use std::collections::VecDeque;

use super::{Leap, Ledger, Seen};

/// Where a trade came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The stream.
    Stream,
    /// An answer to a request.
    Request,
}

/// What becomes of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// To be published at once.
    Publish,
    /// Held in line; it comes out of [`Line::release`].
    Held,
    /// Received before, or older than all that is collected: to be left out.
    Duplicate,
    /// Its id is so far from all others that it is more likely wrong than right: to be refused.
    Doubtful,
}

/// The next ids to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The first of them.
    pub first: u64,
    /// The last before the next trade received.
    pub last: u64,
    /// When the line noticed; 0 when that is long past.
    pub since: u64,
}

#[derive(Debug)]
struct Held<T> {
    id: u64,
    /// Since when it, or one behind it, waits.
    since: u64,
    source: Source,
    trade: T,
}

/// The trades of one instrument.
#[derive(Debug)]
pub struct Line<T> {
    ledger: Ledger,
    /// Ascending. Its memory is kept for the next time.
    held: VecDeque<Held<T>>,
    /// While trades are held: all up to this id are published, or come late.
    released: u64,
    /// Ids up to this one are asked for no more, and no trade waits for them.
    given_up: u64,
    fetched: u64,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            ledger: Ledger::default(),
            held: VecDeque::new(),
            released: 0,
            given_up: 0,
            fetched: 0,
        }
    }
}

impl<T> Line<T> {
    /// Takes in the id of a trade of the stream if it is to be published at once because it is the next one and none
    /// is held: the ordinary case. If not, nothing has happened, and the trade belongs to [`Line::take`].
    #[inline]
    pub fn follow(&mut self, id: u64) -> bool {
        self.held.is_empty() && self.ledger.follow(id)
    }

    /// Takes in a trade.
    pub fn take(&mut self, now: u64, id: u64, source: Source, trade: T) -> Taken {
        if self.is_doubtful(id) {
            return Taken::Doubtful;
        }
        let before = self.ledger.last();
        let taken = match self.ledger.see(id) {
            Seen::Duplicate => Taken::Duplicate,
            Seen::New if self.held.is_empty() => match before {
                Some(before) if id - before > 1 => {
                    self.released = before;
                    Taken::Held
                }
                _ => Taken::Publish,
            },
            Seen::Late if self.held.is_empty() || id < self.released => Taken::Publish,
            Seen::New | Seen::Late => Taken::Held,
        };
        match taken {
            Taken::Held => {
                let at = self.held.partition_point(|held| held.id < id);
                let since = self.held.get(at).map_or(now, |next| next.since);
                let held = Held {
                    id,
                    since,
                    source,
                    trade,
                };
                self.held.insert(at, held);
            }
            Taken::Publish => self.fetched += u64::from(source == Source::Request),
            Taken::Duplicate | Taken::Doubtful => {}
        }
        taken
    }

    /// Whether an id is not to be believed yet.
    fn is_doubtful(&mut self, id: u64) -> bool {
        match self.ledger.leap(id) {
            Leap::None => false,
            Leap::Confirmed if self.held.is_empty() => {
                self.ledger.begin_anew();
                (self.released, self.given_up) = (0, 0);
                false
            }
            Leap::Confirmed | Leap::Doubtful => true,
        }
    }

    /// The next trade to be published: one before which nothing is missing any more, or one that waits since `since`
    /// or longer. Forced, any.
    pub fn release(&mut self, since: u64, force: bool) -> Option<T> {
        let front = self.held.front()?;
        let is_next = match self.ledger.missing_after(self.released.max(self.given_up)) {
            Some((first, _)) => front.id < first,
            None => true,
        };
        if !is_next && !force && front.since > since {
            return None;
        }
        let front = self.held.pop_front()?;
        self.released = front.id;
        self.fetched += u64::from(front.source == Source::Request);
        Some(front.trade)
    }

    /// The next ids to be asked for.
    pub fn missing(&self) -> Option<Missing> {
        let (first, last) = self.ledger.missing_after(self.given_up)?;
        let next = self.held.partition_point(|held| held.id <= last);
        let since = self.held.get(next).map_or(0, |held| held.since);
        Some(Missing { first, last, since })
    }

    /// Highest id that is missing.
    pub fn last_missing(&self) -> Option<u64> {
        self.ledger.last_missing()
    }

    /// Whether this id was skipped and has not come since.
    pub fn lacks(&self, id: u64) -> bool {
        self.ledger.lacks(id)
    }

    /// What is missing up to and including `id` is asked for no more, and no trade waits for it. It is published all
    /// the same if it comes.
    pub fn give_up(&mut self, id: u64) {
        self.given_up = self.given_up.max(id);
    }

    /// The collection pauses: what is missing stays so, and the next trade may have any higher id. What is held is to
    /// be released before.
    pub fn pause(&mut self) {
        self.ledger.pause();
    }

    /// Since when the first trade in line waits.
    pub fn waits_since(&self) -> Option<u64> {
        self.held.front().map(|held| held.since)
    }

    /// How many trades are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Trades published so far.
    pub fn published(&self) -> u64 {
        self.ledger
            .received()
            .saturating_sub(self.held.len() as u64)
    }

    /// Trades received again so far.
    pub const fn duplicates(&self) -> u64 {
        self.ledger.duplicates()
    }

    /// Ids that were skipped and have not come since.
    pub const fn missing_count(&self) -> u64 {
        self.ledger.missing()
    }

    /// Trades published so far that a request brought.
    pub const fn fetched(&self) -> u64 {
        self.fetched
    }
}
