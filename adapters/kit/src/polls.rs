//! What is asked for again and again: each thing at its own interval, all of them spread evenly over it, never a second
//! request for one thing while the first is on its way, and after a failure sooner at first and then later and later.
//!
//! A session that stands by asks for what is essential only; the rest begins when it is promoted.

use crate::wit::{StreamReport, StreamState};

const SECOND: u64 = 1_000_000_000;

/// The first round is made within this time, however long the interval.
const FIRST_ROUND_MAX: u64 = 60 * SECOND;

/// The golden section of 2^32: multiples of it, cut to 32 bits, are spread evenly however many there are.
const GOLDEN: u32 = 0x9E37_79B9;

/// One thing that is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Which of the adapter's kinds.
    pub kind: u8,
    /// The instrument that it is for.
    pub instrument: u32,
}

#[derive(Debug)]
struct Poll {
    key: Key,
    interval: u64,
    /// Its place in the interval: after the first round it is due at multiples of the interval after this.
    grid: u64,
    due: u64,
    asked: Option<u32>,
    failures: u32,
    began: u64,
    heard: Option<u64>,
    /// Event time of the newest datum.
    newest: Option<u64>,
}

/// Everything that one session polls.
#[derive(Debug)]
pub struct Polls {
    in_flight_max: usize,
    all: Vec<Poll>,
    /// How many were ever added: the next one's place in the interval.
    added: u32,
    /// What begins when the session is promoted, with its intervals; none when it does not stand by.
    left: Option<Vec<(Key, u64)>>,
}

impl Polls {
    /// At most `in_flight_max` requests at once.
    pub const fn new(in_flight_max: usize) -> Self {
        Self {
            in_flight_max,
            all: Vec::new(),
            added: 0,
            left: None,
        }
    }

    /// The session stands by: what is added from now on begins when it is promoted.
    pub fn stand_by(&mut self) {
        self.left.get_or_insert_default();
    }

    /// Whether the session stands by.
    pub const fn is_standing_by(&self) -> bool {
        self.left.is_some()
    }

    /// The session stands by no more: what was left begins, as if it were added now.
    pub fn promoted(&mut self, now: u64) {
        for (key, interval) in self.left.take().into_iter().flatten() {
            self.begin(now, key, interval);
        }
    }

    /// Polls this from now on, every `interval` nanoseconds. What is polled already goes on as it is.
    pub fn add(&mut self, now: u64, key: Key, interval: u64) {
        match &mut self.left {
            None => self.begin(now, key, interval),
            Some(left) if left.iter().any(|(known, _)| *known == key) => {}
            Some(left) => left.push((key, interval)),
        }
    }

    /// Polls what the session cannot work without: as [`Polls::add`], but at once, each time that this is said, and
    /// while it stands by too.
    pub fn add_essential(&mut self, now: u64, key: Key, interval: u64) {
        self.begin(now, key, interval);
        if let Some(poll) = self.get(key) {
            poll.due = poll.due.min(now);
        }
    }

    fn begin(&mut self, now: u64, key: Key, interval: u64) {
        if self.all.iter().any(|poll| poll.key == key) {
            return;
        }
        let place = u64::from(self.added.wrapping_mul(GOLDEN));
        self.added = self.added.wrapping_add(1);
        let share = |time: u64| now.saturating_add(((time >> 8).saturating_mul(place)) >> 24);
        let due = share(interval.min(FIRST_ROUND_MAX));
        self.all.push(Poll {
            key,
            interval: interval.max(1),
            grid: share(interval),
            due,
            asked: None,
            failures: 0,
            began: now,
            heard: None,
            newest: None,
        });
    }

    /// Polls nothing of this instrument any more; an answer on its way will be nobody's.
    pub fn remove(&mut self, instrument: u32) {
        self.all.retain(|poll| poll.key.instrument != instrument);
        if let Some(left) = &mut self.left {
            left.retain(|(key, _)| key.instrument != instrument);
        }
    }

    /// What is to be asked for at `now`; [`Polls::asked`] must follow before the next call.
    pub fn next(&self, now: u64) -> Option<Key> {
        let due = self.waiting()?;
        (due.due <= now).then_some(due.key)
    }

    /// When the next thing is to be asked for; none while answers have to come first.
    pub fn next_at(&self) -> Option<u64> {
        self.waiting().map(|poll| poll.due)
    }

    fn waiting(&self) -> Option<&Poll> {
        let in_flight = self.all.iter().filter(|poll| poll.asked.is_some()).count();
        let idle = self.all.iter().filter(|poll| poll.asked.is_none());
        idle.min_by_key(|poll| poll.due)
            .filter(|_| in_flight < self.in_flight_max)
    }

    fn get(&mut self, key: Key) -> Option<&mut Poll> {
        self.all.iter_mut().find(|poll| poll.key == key)
    }

    /// The request of this number asks for it.
    pub fn asked(&mut self, key: Key, request: u32) {
        if let Some(poll) = self.get(key) {
            poll.asked = Some(request);
        }
    }

    /// A request ended: what it asked for, if it was polled. [`Polls::succeeded`] or [`Polls::failed`] must follow.
    pub fn answered(&mut self, request: u32) -> Option<Key> {
        let mut all = self.all.iter_mut();
        let poll = all.find(|poll| poll.asked == Some(request))?;
        poll.asked = None;
        Some(poll.key)
    }

    /// The answer was of use.
    pub fn succeeded(&mut self, key: Key, now: u64) {
        if let Some(poll) = self.get(key) {
            poll.failures = 0;
            poll.heard = Some(now);
            let rounds = match now.checked_sub(poll.grid) {
                Some(since) => since / poll.interval + 1,
                None => 0,
            };
            poll.due = poll
                .grid
                .saturating_add(rounds.saturating_mul(poll.interval));
        }
    }

    /// There was no answer, or none of use: asks again after 1 s, 2 s, 4 s and so on up to the interval or a minute,
    /// whichever is longer, and at most a tenth more by `random`.
    pub fn failed(&mut self, key: Key, now: u64, random: u64) {
        if let Some(poll) = self.get(key) {
            let delay = (SECOND << poll.failures.min(20)).min(poll.interval.max(60 * SECOND));
            poll.failures = poll.failures.saturating_add(1);
            poll.due = now.saturating_add(delay + random % (delay / 10));
        }
    }

    /// Whether a datum of this event time is newer than all before: each datum is published once.
    pub fn is_fresh(&mut self, key: Key, event_time: u64) -> bool {
        self.get(key).is_some_and(|poll| {
            let fresh = poll.newest.is_none_or(|newest| event_time > newest);
            if fresh {
                poll.newest = Some(event_time);
            }
            fresh
        })
    }

    /// Event time of the newest datum.
    pub fn newest(&self, key: Key) -> Option<u64> {
        let mut all = self.all.iter();
        all.find(|poll| poll.key == key)
            .and_then(|poll| poll.newest)
    }

    /// How it stands; silent when three intervals and a minute have gone by without an answer of use. None when it is
    /// not polled, or not yet.
    pub fn report(&self, key: Key, data_type: &str, now: u64) -> Option<StreamReport> {
        let poll = self.all.iter().find(|poll| poll.key == key)?;
        let silence_max = poll.interval.saturating_mul(3).saturating_add(60 * SECOND);
        let is_silent = now.saturating_sub(poll.heard.unwrap_or(poll.began)) > silence_max;
        let state = match poll.heard {
            _ if is_silent => StreamState::Silent,
            Some(_) => StreamState::Live,
            None => StreamState::Asked,
        };
        Some(StreamReport {
            data_type: data_type.to_owned(),
            state,
            heard: poll.heard,
            silence_max: Some(silence_max),
            resubscribed: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Polls, SECOND};
    use crate::wit::StreamState;

    fn key(instrument: u32) -> Key {
        Key {
            kind: 1,
            instrument,
        }
    }

    /// When each of `count` things is asked for within `time`, every request answered at once.
    fn times(count: u32, interval: u64, time: u64) -> Vec<(u64, u32)> {
        let mut polls = Polls::new(4);
        for instrument in 0..count {
            polls.add(0, key(instrument), interval);
        }
        let mut asked = Vec::new();
        while let Some(now) = polls.next_at().filter(|at| *at < time) {
            let due = polls.next(now).unwrap();
            polls.asked(due, 1);
            assert_eq!(polls.answered(1), Some(due));
            polls.succeeded(due, now);
            asked.push((now, due.instrument));
        }
        asked
    }

    #[test]
    fn each_is_asked_for_once_an_interval_and_all_are_spread_over_it() {
        for count in [1, 2, 7, 60] {
            let asked = times(count, 30 * SECOND, 300 * SECOND);
            for instrument in 0..count {
                let of: Vec<_> = asked.iter().filter(|(_, it)| *it == instrument).collect();
                assert_eq!(of.len(), 10);
                assert!(of.windows(2).all(|two| two[1].0 - two[0].0 == 30 * SECOND));
            }
            let in_a_second = |from: u64| {
                let within = asked
                    .iter()
                    .filter(|(at, _)| (from..from + SECOND).contains(at));
                within.count()
            };
            let most = (0..300).map(|second| in_a_second(second * SECOND)).max();
            assert!(
                most <= Some(count as usize / 30 + 2),
                "{count}: {most:?} in one second"
            );
        }
    }

    #[test]
    fn no_more_are_under_way_than_may_be_and_never_two_for_one() {
        let mut polls = Polls::new(2);
        for instrument in 0..3 {
            polls.add(0, key(instrument), SECOND);
        }
        let late = 10 * SECOND;
        let first = polls.next(late).unwrap();
        polls.asked(first, 1);
        let second = polls.next(late).unwrap();
        assert_ne!(first, second);
        polls.asked(second, 2);
        assert_eq!((polls.next(late), polls.next_at()), (None, None));
        assert_eq!(polls.answered(3), None);
        assert_eq!(polls.answered(1), Some(first));
        polls.succeeded(first, late);
        assert!(polls.next(late).is_some_and(|next| next != first));
    }

    #[test]
    fn after_a_failure_it_is_asked_again_sooner_and_then_later_and_later() {
        let mut polls = Polls::new(2);
        polls.add(0, key(0), 3600 * SECOND);
        let mut now = 100 * SECOND;
        let mut delays = Vec::new();
        for _ in 0..14 {
            polls.failed(key(0), now, 0);
            let due = polls.next_at().unwrap();
            delays.push((due - now) / SECOND);
            now = due;
        }
        assert_eq!(delays[..4], [1, 2, 4, 8]);
        assert_eq!(delays.last(), Some(&3600));
        assert_eq!(
            polls.report(key(0), "x", now).unwrap().state,
            StreamState::Silent
        );
        polls.succeeded(key(0), now);
        assert_eq!(
            polls.report(key(0), "x", now).unwrap().state,
            StreamState::Live
        );
    }

    #[test]
    fn what_is_not_essential_begins_when_the_session_is_promoted() {
        let clock = Key {
            kind: 0,
            instrument: u32::MAX,
        };
        let mut polls = Polls::new(8);
        polls.stand_by();
        assert!(polls.is_standing_by());
        for instrument in [0, 1, 1, 2, 3] {
            polls.add(0, key(instrument), 30 * SECOND);
        }
        assert_eq!((polls.next(u64::MAX), polls.next_at()), (None, None));
        polls.add_essential(7, clock, 30 * SECOND);
        assert_eq!(polls.next(7), Some(clock));
        polls.asked(clock, 1);
        assert_eq!(polls.next(u64::MAX), None);
        polls.remove(3);
        assert_eq!(polls.report(key(0), "x", 1_000 * SECOND), None);

        let promoted = 1_000 * SECOND;
        polls.promoted(promoted);
        assert!(!polls.is_standing_by());
        // Not yet asked for is not silent: it begins now.
        let report = polls.report(key(0), "x", promoted).unwrap();
        assert_eq!(report.state, StreamState::Asked);
        let mut due = Vec::new();
        while let Some(at) = polls.next_at() {
            let key = polls.next(at).unwrap();
            polls.asked(key, key.instrument + 10);
            due.push((at, key.instrument));
        }
        let mut asked: Vec<_> = due.iter().map(|(_, instrument)| *instrument).collect();
        asked.sort_unstable();
        assert_eq!(asked, [0, 1, 2]);
        assert!(due.windows(2).all(|two| two[1].0 - two[0].0 > 5 * SECOND));
        assert!(due[0].0 >= promoted && due[2].0 < promoted + 30 * SECOND);
        polls.promoted(2 * promoted);
        assert_eq!(polls.next_at(), None, "nothing begins twice");
    }

    #[test]
    fn what_is_essential_is_asked_for_at_once_each_time_that_it_is_said() {
        let mut polls = Polls::new(1);
        polls.add(0, key(0), SECOND);
        polls.add_essential(0, key(1), 3_600 * SECOND);
        let ask = |polls: &mut Polls, now| {
            polls.asked(key(1), 1);
            polls.answered(1);
            polls.succeeded(key(1), now);
        };
        ask(&mut polls, 5);
        polls.remove(0);
        assert!(polls.next_at() > Some(60 * SECOND));
        polls.add_essential(50, key(1), 3_600 * SECOND);
        assert_eq!(polls.next(50), Some(key(1)));
    }

    #[test]
    fn a_datum_is_fresh_once() {
        let mut polls = Polls::new(2);
        polls.add(0, key(0), SECOND);
        assert!(polls.is_fresh(key(0), 5));
        assert!(!polls.is_fresh(key(0), 5));
        assert!(!polls.is_fresh(key(0), 4));
        assert!(polls.is_fresh(key(0), 6));
        assert!(!polls.is_fresh(key(1), 6));
    }
}
