//! Whose turn it is to connect to one host name: a pure type, the time is passed in.
//!
//! When an exchange counts an attempt cannot be seen from here; it is some time between its start and its outcome. So
//! an attempt counts from its start until one window after its outcome, and whatever the network does, no window of the
//! exchange holds more attempts than it allows.

use std::collections::VecDeque;
use std::time::Duration;

/// Whoever does not take its turn for so long is passed over, and keeps its place: a session that hangs holds up nobody
/// but itself.
const PASSED_OVER_AFTER: Duration = Duration::from_secs(1);

/// What an exchange allows one address. The default is an exchange that allows everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectLimit {
    /// Most attempts to connect in any window; 0 where no limit is known.
    pub attempts: u32,
    /// Length of the window.
    pub within: Duration,
    /// Most connections that are open at once; 0 where no limit is known.
    pub connections_max: u32,
}

/// How connecting to a host name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectUsage {
    /// What is allowed.
    pub limit: ConnectLimit,
    /// How many wait for their turn.
    pub waiting: usize,
    /// Attempts that count in the window; none are remembered where they have no limit.
    pub attempts: usize,
    /// Connections that are open or being opened.
    pub open: usize,
}

/// Whether, and when, some more connections can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Whether they may all be open beside those that are open or wait for their turn.
    pub fits: bool,
    /// How long until the last of them has its turn, when nobody else asks for one before.
    pub after: Duration,
}

/// Who asks: growing numbers, none comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(u64);

/// May an attempt be made?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Yes, now; it counts.
    Now,
    /// Not before this time, nor before something has changed; without a time, not before something has changed.
    Wait(Option<Duration>),
}

/// The turns at one host name. All times are on one clock of the caller that never goes back.
#[derive(Debug, Default)]
pub(super) struct Turns {
    limit: ConnectLimit,
    next: u64,
    /// Who waits, in the order of asking.
    queue: VecDeque<Waiting>,
    attempts: Vec<Attempt>,
    open: usize,
}

#[derive(Debug)]
struct Waiting {
    number: Number,
    /// Since when it could have had its turn, as others saw.
    free_since: Option<Duration>,
}

/// An attempt that counts.
#[derive(Debug)]
struct Attempt {
    number: Number,
    /// The exchange has counted it by then: its outcome, or when it is given up at the latest.
    counted_by: Duration,
}

impl Turns {
    /// Replaces the limit; attempts that count, and what is open, stay.
    pub(super) fn set_limit(&mut self, limit: ConnectLimit) {
        self.limit = limit;
    }

    /// Takes a place at the end of the queue.
    pub(super) fn queue(&mut self) -> Number {
        let number = Number(self.next);
        self.next += 1;
        self.queue.push_back(Waiting {
            number,
            free_since: None,
        });
        number
    }

    /// Asks for the turn of one that waits, whose attempt would take `open_limit` at most. When it has it, it waits no
    /// longer, and its connection counts as open until [`Self::closed`].
    pub(super) fn ask(&mut self, asking: Number, open_limit: Duration, now: Duration) -> Turn {
        self.forget(now);
        let is_asking = |waiting: &Waiting| waiting.number == asking;
        // It lives.
        if let Some(waiting) = self.queue.iter_mut().find(|it| is_asking(it)) {
            waiting.free_since = None;
        }
        if !self.has_room_for(1) {
            return Turn::Wait(None);
        }
        if self.limits_attempts() && self.attempts.len() >= self.limit.attempts as usize {
            let first = self.attempts.iter().map(|attempt| attempt.counted_by).min();
            return Turn::Wait(first.map(|first| first + self.limit.within));
        }
        for before in self.queue.iter_mut().take_while(|it| !is_asking(it)) {
            let passed_over_at = *before.free_since.get_or_insert(now) + PASSED_OVER_AFTER;
            if now < passed_over_at {
                return Turn::Wait(Some(passed_over_at));
            }
        }
        self.queue.retain(|it| !is_asking(it));
        self.open += 1;
        if self.limits_attempts() {
            self.attempts.push(Attempt {
                number: asking,
                counted_by: now + open_limit,
            });
        }
        Turn::Now
    }

    /// One that waited gives up its place, or the outcome of its attempt is known.
    pub(super) fn done(&mut self, number: Number, now: Duration) {
        self.queue.retain(|it| it.number != number);
        if let Some(attempt) = self.attempts.iter_mut().find(|it| it.number == number) {
            attempt.counted_by = attempt.counted_by.min(now);
        }
    }

    /// A connection that counted as open is closed.
    pub(super) fn closed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// Whether and when so many more connections can be opened.
    pub(super) fn room(&mut self, connections: u32, now: Duration) -> Room {
        self.forget(now);
        let ahead = self.queue.len() + connections as usize;
        Room {
            fits: self.has_room_for(ahead),
            after: self.wait_for(ahead, now),
        }
    }

    /// How it stands.
    pub(super) fn usage(&mut self, now: Duration) -> ConnectUsage {
        self.forget(now);
        ConnectUsage {
            limit: self.limit,
            waiting: self.queue.len(),
            attempts: self.attempts.len(),
            open: self.open,
        }
    }

    fn limits_attempts(&self) -> bool {
        self.limit.attempts > 0 && !self.limit.within.is_zero()
    }

    fn has_room_for(&self, connections: usize) -> bool {
        let most = self.limit.connections_max as usize;
        most == 0 || self.open + connections <= most
    }

    /// How long until the last of so many attempts, one after the other, has its turn. What is under way is taken to
    /// end now.
    fn wait_for(&self, attempts: usize, now: Duration) -> Duration {
        let most = self.limit.attempts as usize;
        let Some(last) = attempts.checked_sub(1).filter(|_| self.limits_attempts()) else {
            return Duration::ZERO;
        };
        let mut ends: Vec<Duration> = self
            .attempts
            .iter()
            .map(|attempt| attempt.counted_by.min(now) + self.limit.within)
            .collect();
        ends.sort_unstable();
        // A turn of each window is had when one of the window before leaves it.
        let windows = u32::try_from(last / most).unwrap_or(u32::MAX);
        let free = most.saturating_sub(ends.len());
        let place = (last % most).checked_sub(free);
        // A limit that was lowered meanwhile: so many more must leave.
        let excess = ends.len().saturating_sub(most);
        let first = place.and_then(|place| ends.get(place + excess));
        let first = first.map_or(Duration::ZERO, |end| end.saturating_sub(now));
        first.saturating_add(self.limit.within.saturating_mul(windows))
    }

    /// Drops the attempts that count no longer.
    fn forget(&mut self, now: Duration) {
        let within = self.limit.within;
        self.attempts.retain(|it| it.counted_by + within > now);
    }
}
