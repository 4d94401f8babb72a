//! When the missing trades of one instrument are asked for: one request at a time, after a failure later and later,
//! and not for ever.

const SECOND: u64 = 1_000_000_000;

/// Requests in a row that may fail.
const FAILURES_MAX: u32 = 6;

/// Empty answers in a row after which there is nothing to be had. More than one, because a trade is told on the stream
/// before it can be looked up.
const EMPTY_MAX: u32 = 2;

/// The request for missing trades of one instrument.
#[derive(Debug, Default)]
pub struct Fetch {
    state: State,
    failures: u32,
    empty: u32,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Idle,
    /// Waits for its turn.
    Queued,
    /// Number of the request, first and last id asked for.
    Asked(u32, (u64, u64)),
    /// Not before this time.
    Later(u64),
}

impl Fetch {
    /// From when on a request may be queued again, when it is a matter of time.
    pub const fn free_at(&self) -> Option<u64> {
        match self.state {
            State::Idle => Some(0),
            State::Later(time) => Some(time),
            State::Queued | State::Asked(..) => None,
        }
    }

    /// A request waits for its turn.
    pub fn queue(&mut self) {
        self.state = State::Queued;
    }

    /// The turn has come; false when none is waited for any more.
    pub fn turn(&mut self) -> bool {
        let is_queued = matches!(self.state, State::Queued);
        if is_queued {
            self.state = State::Idle;
        }
        is_queued
    }

    /// The request is sent, for these first and last ids.
    pub fn ask(&mut self, request: u32, ids: (u64, u64)) {
        self.state = State::Asked(request, ids);
    }

    /// Takes an answer in; gives first and last id that were asked for, none when nobody waits for it any more.
    pub fn answered(&mut self, request: u32) -> Option<(u64, u64)> {
        match self.state {
            State::Asked(asked, ids) if asked == request => {
                self.state = State::Idle;
                Some(ids)
            }
            _ => None,
        }
    }

    /// The answer brought trades; what it should have brought besides is asked for in a second.
    pub fn progressed(&mut self, now: u64, is_short: bool) {
        (self.failures, self.empty) = (0, 0);
        if is_short {
            self.state = State::Later(now.saturating_add(SECOND));
        }
    }

    /// The answer brought nothing; false when asking again is of no use.
    pub fn came_empty(&mut self, now: u64) -> bool {
        self.failures = 0;
        self.empty += 1;
        self.state = State::Later(now.saturating_add(SECOND));
        self.empty < EMPTY_MAX
    }

    /// There is no answer that can be used: again after 1 s, 2 s, 4 s and so on, and at most a tenth more by `random`;
    /// false when asking again is of no use.
    pub fn failed(&mut self, now: u64, random: u64) -> bool {
        let delay = SECOND << self.failures.min(FAILURES_MAX);
        let delay = delay + random % (delay / 10);
        self.failures += 1;
        self.state = State::Later(now.saturating_add(delay));
        self.failures < FAILURES_MAX
    }

    /// Forgets all that is under way or failed.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::{Fetch, SECOND};

    #[test]
    fn a_request_that_fails_is_repeated_later_and_later_and_then_given_up() {
        let (mut fetch, mut delays) = (Fetch::default(), Vec::new());
        loop {
            fetch.ask(1, (5, 9));
            assert_eq!(fetch.free_at(), None);
            assert_eq!(fetch.answered(2), None);
            assert_eq!(fetch.answered(1), Some((5, 9)));
            let goes_on = fetch.failed(0, 3);
            delays.push(fetch.free_at().unwrap() / SECOND);
            if !goes_on {
                break;
            }
        }
        assert_eq!(delays, [1, 2, 4, 8, 16, 32]);
    }

    #[test]
    fn what_is_not_there_yet_is_asked_for_once_more() {
        let mut fetch = Fetch::default();
        assert!(fetch.came_empty(0));
        assert_eq!(fetch.free_at(), Some(SECOND));
        fetch.progressed(0, false);
        assert!(fetch.came_empty(0));
        assert!(!fetch.came_empty(0));
    }

    #[test]
    fn a_turn_that_nobody_waits_for_is_passed_on() {
        let mut fetch = Fetch::default();
        fetch.queue();
        fetch.reset();
        assert!(!fetch.turn());
        fetch.queue();
        assert!(fetch.turn());
        assert!(!fetch.turn());
    }
}
