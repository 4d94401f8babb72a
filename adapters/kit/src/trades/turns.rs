//! Whose turn it is to send a request: few at once over all instruments and not too much in a minute, first come, first
//! served, so that a reconnect of hundreds of instruments does not become a storm.

use std::collections::VecDeque;

const MINUTE: u64 = 60_000_000_000;

/// How much requests may cost, in the exchange's unit.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Sustained.
    pub weight_per_minute: u32,
    /// At once, after a rest.
    pub weight_at_once: u32,
}

impl Pace {
    /// How long it takes until so much may be spent again.
    fn time(self, weight: u32) -> u64 {
        (u64::from(weight) * MINUTE)
            .checked_div(u64::from(self.weight_per_minute))
            .unwrap_or(MINUTE)
    }
}

/// Requests under way and who waits for one.
#[derive(Debug)]
pub struct Turns {
    most: usize,
    pace: Pace,
    /// When all that was spent may be spent again.
    rested_at: u64,
    /// Number of the request and of the instrument.
    busy: Vec<(u32, u32)>,
    waiting: VecDeque<u32>,
}

impl Turns {
    /// At most `most` requests at once.
    pub const fn new(most: usize, pace: Pace) -> Self {
        Self {
            most,
            pace,
            rested_at: 0,
            busy: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// This instrument wants to send a request.
    pub fn wait(&mut self, instrument: u32) {
        self.waiting.push_back(instrument);
    }

    /// The instrument that may send at `now`. If it has nothing to ask any more, the next one may.
    pub fn next_turn(&mut self, now: u64) -> Option<u32> {
        let may = self.busy.len() < self.most && self.paced_until() <= now;
        may.then(|| self.waiting.pop_front()).flatten()
    }

    /// When the next turn comes, when it is a matter of time alone.
    pub fn next_turn_at(&self) -> Option<u64> {
        let waits = !self.waiting.is_empty() && self.busy.len() < self.most;
        waits.then(|| self.paced_until())
    }

    fn paced_until(&self) -> u64 {
        let ahead = self.pace.time(self.pace.weight_at_once);
        self.rested_at.saturating_sub(ahead)
    }

    /// A request that costs `weight` is sent at `now`.
    pub fn begin(&mut self, now: u64, request: u32, instrument: u32, weight: u32) {
        self.busy.push((request, instrument));
        let from = self.rested_at.max(now);
        self.rested_at = from.saturating_add(self.pace.time(weight));
    }

    /// A request ended; gives the instrument that sent it, none when it is of another kind.
    pub fn end(&mut self, request: u32) -> Option<u32> {
        let at = self.busy.iter().position(|(busy, _)| *busy == request)?;
        Some(self.busy.swap_remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use super::{MINUTE, Pace, Turns};

    const PACE: Pace = Pace {
        weight_per_minute: 60,
        weight_at_once: 10,
    };

    #[test]
    fn who_came_first_is_served_first_and_never_more_than_may_be() {
        let mut turns = Turns::new(2, PACE);
        for instrument in 0..4 {
            turns.wait(instrument);
        }
        for request in [70, 71] {
            let instrument = turns.next_turn(5).unwrap();
            turns.begin(5, request, instrument, 1);
        }
        assert_eq!((turns.next_turn(5), turns.next_turn_at()), (None, None));
        assert_eq!(turns.end(5), None);
        assert_eq!(turns.end(71), Some(1));
        assert_eq!(turns.end(71), None);
        assert_eq!(turns.next_turn(5), Some(2));
    }

    #[test]
    fn in_no_minute_is_more_spent_than_the_pace_allows() {
        let mut turns = Turns::new(9, PACE);
        let (mut now, mut sent) = (MINUTE, Vec::new());
        for request in 0..200 {
            turns.wait(0);
            while turns.next_turn(now).is_none() {
                now = turns.next_turn_at().unwrap();
            }
            turns.begin(now, request, 0, 3);
            turns.end(request);
            sent.push(now);
        }
        assert_eq!(sent.iter().filter(|time| **time == MINUTE).count(), 4);
        for from in &sent {
            let within = sent
                .iter()
                .filter(|time| (*from..from + MINUTE).contains(time));
            // What may be spent at once, and the last request, which begins before it is paid.
            assert!(within.count() * 3 <= 60 + 10 + 3);
        }
    }
}
