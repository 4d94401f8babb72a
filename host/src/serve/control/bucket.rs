//! How often something may happen: a bucket that fills at a rate and is emptied by what happens.

use std::time::{Duration, Instant};

/// A rate, with a burst above it.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    per_second: f64,
    burst: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(per_second: f64, burst: u32, now: Instant) -> Self {
        Self {
            per_second,
            burst: f64::from(burst),
            left: f64::from(burst),
            at: now,
        }
    }

    /// Takes one; else how long until there is one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.look(now)?;
        self.left -= 1.0;
        Ok(())
    }

    /// Whether there is one to take; else how long until there is.
    pub(super) fn look(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.left = (self.left + passed * self.per_second).min(self.burst);
        if self.left >= 1.0 {
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.left) / self.per_second))
    }

    /// Whether nothing has happened lately.
    pub(super) fn is_full(&mut self, now: Instant) -> bool {
        let _ = self.look(now);
        self.left >= self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(10.0, 3, begin);
        for _ in 0..3 {
            assert_eq!(bucket.take(begin), Ok(()));
        }
        let wait = bucket.take(begin).err().unwrap_or_default();
        assert!((0.099..0.101).contains(&wait.as_secs_f64()), "{wait:?}");
        let later = begin + Duration::from_millis(101);
        assert_eq!(bucket.take(later), Ok(()));
        assert!(bucket.take(later).is_err());
        assert!(!bucket.is_full(later));
        assert!(bucket.is_full(later + Duration::from_secs(1)));
    }
}
