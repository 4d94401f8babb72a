//! When a faulted adapter is started again: at once, then after 5 s twice, then after 30 s each; more than ten
//! restarts within ten minutes and it stays down.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::sandbox::FaultKind;

/// Restarts are counted over this long.
const WINDOW: Duration = Duration::from_secs(600);

/// Restarts within the window after which the adapter stays down.
const RESTARTS_MAX: usize = 10;

/// What used too much memory does not get it again at once; and the pause after the second and third fault.
const COOL_DOWN: Duration = Duration::from_secs(5);

/// The restarts of one session.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    recent: VecDeque<Instant>,
}

impl Restarts {
    /// How long to wait before the restart after a fault at `now`; `None` when there is to be none.
    pub(super) fn pause(&mut self, now: Instant, kind: FaultKind) -> Option<Duration> {
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
            1 if kind == FaultKind::OutOfMemory => COOL_DOWN,
            1 => Duration::ZERO,
            2 | 3 => COOL_DOWN,
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
            .map(|_| restarts.pause(now, FaultKind::Trap).unwrap().as_secs())
            .collect();
        assert_eq!(pauses, [0, 5, 5, 30, 30, 30, 30, 30, 30, 30]);
        assert_eq!(restarts.pause(now, FaultKind::Trap), None);
    }

    #[test]
    fn what_lies_ten_minutes_back_is_forgotten() {
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        for _ in 0..10 {
            restarts.pause(now, FaultKind::Trap);
        }
        assert_eq!(
            restarts.pause(now + Duration::from_secs(601), FaultKind::Trap),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn what_used_too_much_memory_cools_down_first() {
        let pause = Restarts::default().pause(Instant::now(), FaultKind::OutOfMemory);
        assert_eq!(pause, Some(Duration::from_secs(5)));
    }
}
