//! When a faulted adapter is started again: at once, then after 5 s twice, then after 30 s each; more than ten
//! restarts within ten minutes and it stays down.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Restarts are counted over this long.
const WINDOW: Duration = Duration::from_secs(600);

/// Restarts within the window after which the adapter stays down.
const RESTARTS_MAX: usize = 10;

/// The restarts of one session.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    recent: VecDeque<Instant>,
}

impl Restarts {
    /// How long to wait before the restart that is due at `now`; `None` when there is to be none.
    pub(super) fn pause(&mut self, now: Instant) -> Option<Duration> {
        while self
            .recent
            .front()
            .is_some_and(|first| now.duration_since(*first) > WINDOW)
        {
            self.recent.pop_front();
        }
        if self.recent.len() >= RESTARTS_MAX {
            return None;
        }
        self.recent.push_back(now);
        Some(match self.recent.len() {
            1 => Duration::ZERO,
            2 | 3 => Duration::from_secs(5),
            _ => Duration::from_secs(30),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_and_the_eleventh_restart_in_ten_minutes_is_none() {
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        let pauses: Vec<u64> = (0..10)
            .map(|_| restarts.pause(now).unwrap().as_secs())
            .collect();
        assert_eq!(pauses, [0, 5, 5, 30, 30, 30, 30, 30, 30, 30]);
        assert_eq!(restarts.pause(now), None);
    }

    #[test]
    fn what_lies_ten_minutes_back_is_forgotten() {
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        for _ in 0..10 {
            restarts.pause(now);
        }
        assert_eq!(
            restarts.pause(now + Duration::from_secs(601)),
            Some(Duration::ZERO)
        );
    }
}
