//! How long to wait before the next attempt at one origin: a pure type, without a clock.
//!
//! The first attempt is immediate; each failure doubles the ceiling of the next wait up to a cap; the wait itself is
//! drawn evenly between nothing and the ceiling ("full jitter"), so that many connections which broke together do not
//! come back together. It never gives up.

use std::time::Duration;

/// The figures of a [`Backoff`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spacing {
    /// Ceiling of the wait after the first failure.
    pub first: Duration,
    /// The ceiling never grows past this.
    pub cap: Duration,
    /// A connection that lived this long was a success: the next attempt is immediate again.
    pub proven: Duration,
}

impl Default for Spacing {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            proven: Duration::from_secs(60),
        }
    }
}

/// One attempt: how long it must wait, and after how many failures it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Time to wait before it.
    pub wait: Duration,
    failures: u32,
}

/// The spacing of the attempts at one origin.
#[derive(Debug, Clone)]
pub struct Backoff {
    spacing: Spacing,
    failures: u32,
    random: u64,
}

impl Backoff {
    /// Nothing has failed yet.
    pub fn new(spacing: Spacing, seed: u64) -> Self {
        Self {
            spacing,
            failures: 0,
            random: seed,
        }
    }

    /// The next attempt.
    pub fn attempt(&mut self) -> Attempt {
        let ceiling = self.ceiling();
        Attempt {
            wait: ceiling.mul_f64(self.draw()).min(ceiling),
            failures: self.failures,
        }
    }

    /// The attempt failed, or what it opened did not live long enough to be proven. Attempts that were under way
    /// together count as one failure: five connections to a dead origin do not wait five times as long.
    pub fn failed(&mut self, attempt: Attempt) {
        self.failures = self.failures.max(attempt.failures.saturating_add(1));
    }

    /// A connection has lived for [`Spacing::proven`].
    pub fn proven(&mut self) {
        self.failures = 0;
    }

    /// The longest that the next attempt may have to wait.
    pub fn ceiling(&self) -> Duration {
        let Some(doublings) = self.failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.spacing
            .first
            .saturating_mul(factor)
            .min(self.spacing.cap)
    }

    /// Evenly between 0 and 1 (splitmix64: small, seeded, good enough to spread attempts).
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // 53 bits: what an f64 holds exactly.
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_attempt_does_not_wait() {
        assert_eq!(
            Backoff::new(Spacing::default(), 7).attempt().wait,
            Duration::ZERO
        );
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let mut backoff = Backoff::new(Spacing::default(), 7);
        let mut ceilings = Vec::new();
        for _ in 0..9 {
            let attempt = backoff.attempt();
            backoff.failed(attempt);
            ceilings.push(backoff.ceiling().as_secs());
        }
        assert_eq!(ceilings, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn attempts_under_way_together_count_as_one_failure() {
        let mut backoff = Backoff::new(Spacing::default(), 7);
        let together = [backoff.attempt(), backoff.attempt(), backoff.attempt()];
        for attempt in together {
            backoff.failed(attempt);
        }
        assert_eq!(backoff.ceiling(), Duration::from_secs(1));
    }

    #[test]
    fn another_seed_gives_other_waits() {
        let waits = |seed| {
            let mut backoff = Backoff::new(Spacing::default(), seed);
            let attempt = backoff.attempt();
            backoff.failed(attempt);
            backoff.attempt().wait
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_above_its_ceiling_nor_the_cap(
            seed: u64,
            first_ms in 1_u64..100_000,
            cap_ms in 1_u64..10_000_000,
            steps in proptest::collection::vec(any::<bool>(), 0..200),
        ) {
            let spacing = Spacing {
                first: Duration::from_millis(first_ms),
                cap: Duration::from_millis(cap_ms),
                proven: Duration::from_secs(60),
            };
            let mut backoff = Backoff::new(spacing, seed);
            for fails in steps {
                let (before, ceiling) = (backoff.failures, backoff.ceiling());
                let attempt = backoff.attempt();
                prop_assert!(attempt.wait <= ceiling);
                prop_assert!(ceiling <= spacing.cap);
                if fails {
                    backoff.failed(attempt);
                    prop_assert_eq!(backoff.failures, before + 1);
                    prop_assert!(backoff.ceiling() >= ceiling);
                } else {
                    backoff.proven();
                    prop_assert_eq!(backoff.attempt().wait, Duration::ZERO);
                }
            }
        }

        #[test]
        fn waits_are_spread_over_the_whole_range(seed: u64) {
            let mut backoff = Backoff::new(Spacing::default(), seed);
            for _ in 0..10 {
                let attempt = backoff.attempt();
                backoff.failed(attempt);
            }
            let waits: Vec<f64> = (0..400).map(|_| backoff.attempt().wait.as_secs_f64()).collect();
            prop_assert!(waits.iter().any(|wait| *wait < 15.0));
            prop_assert!(waits.iter().any(|wait| *wait > 45.0));
        }
    }
}
