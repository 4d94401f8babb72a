//! When a faulted adapter is started again: at once, then after 5 s twice, then after 30 s each; more than ten
//! restarts within ten minutes and it stays down.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::sandbox::FaultKind;

/// How long to wait before each restart, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Restarts are counted over this long.
    pub window: Duration,
    /// Restarts within the window after which the adapter stays down.
    pub restarts_max: usize,
    /// Before the second and the third; and before any after too much memory was used.
    pub short: Duration,
    /// Before all later ones.
    pub long: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(600),
            restarts_max: 10,
            short: Duration::from_secs(5),
            long: Duration::from_secs(30),
        }
    }
}

/// The restarts of one session.
#[derive(Debug)]
pub(super) struct Restarts {
    policy: RestartPolicy,
    recent: VecDeque<Instant>,
}

impl Restarts {
    pub(super) fn new(policy: RestartPolicy) -> Self {
        Self {
            policy,
            recent: VecDeque::new(),
        }
    }

    /// How long to wait before the restart after a fault at `now`; `None` when there is to be none.
    pub(super) fn pause(&mut self, now: Instant, kind: FaultKind) -> Option<Duration> {
        let policy = self.policy;
        while self
            .recent
            .front()
            .is_some_and(|first| now.duration_since(*first) > policy.window)
        {
            self.recent.pop_front();
        }
        if self.recent.len() >= policy.restarts_max {
            return None;
        }
        self.recent.push_back(now);
        Some(match self.recent.len() {
            1 if kind == FaultKind::OutOfMemory => policy.short,
            1 => Duration::ZERO,
            2 | 3 => policy.short,
            _ => policy.long,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_and_the_eleventh_restart_in_ten_minutes_is_none() {
        let (mut restarts, now) = (Restarts::new(RestartPolicy::default()), Instant::now());
        let pauses: Vec<u64> = (0..10)
            .map(|_| restarts.pause(now, FaultKind::Trap).unwrap().as_secs())
            .collect();
        assert_eq!(pauses, [0, 5, 5, 30, 30, 30, 30, 30, 30, 30]);
        assert_eq!(restarts.pause(now, FaultKind::Trap), None);
    }

    #[test]
    fn what_lies_ten_minutes_back_is_forgotten() {
        let (mut restarts, now) = (Restarts::new(RestartPolicy::default()), Instant::now());
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
        let pause =
            Restarts::new(RestartPolicy::default()).pause(Instant::now(), FaultKind::OutOfMemory);
        assert_eq!(pause, Some(Duration::from_secs(5)));
    }
}
