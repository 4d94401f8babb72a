//! How long nothing was published.

use std::fmt;
use std::time::{Duration, Instant};

/// Around the moment at which one version takes over from another, in which the longest gap is looked for.
const AROUND: Duration = Duration::from_secs(1);

/// When messages were heard.
#[derive(Default)]
pub struct Gaps {
    heard: Vec<Instant>,
}

/// Durations by size.
pub struct Sizes(Vec<Duration>);

impl Sizes {
    pub fn of(durations: impl Iterator<Item = Duration>) -> Self {
        let mut all: Vec<_> = durations.collect();
        all.sort_unstable();
        Self(all)
    }

    /// The size that so many of a hundred do not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100);
        let size = self.0.get(rank.saturating_sub(1));
        size.copied().unwrap_or_default()
    }

    fn mean(&self) -> Duration {
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX).max(1);
        self.0.iter().sum::<Duration>() / count
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |size: Duration| size.as_secs_f64() * 1e3;
        write!(
            f,
            "mean {:.1}, p50 {:.1}, p99 {:.1}, max {:.1} ms (of {})",
            ms(self.mean()),
            ms(self.percentile(50)),
            ms(self.percentile(99)),
            ms(self.percentile(100)),
            self.0.len()
        )
    }
}

impl Gaps {
    pub fn hear(&mut self, at: Instant) {
        self.heard.push(at);
    }

    /// Every gap between two messages that ended in this time.
    pub fn all(&self, from: Instant, to: Instant) -> Sizes {
        let pairs = self.heard.iter().zip(self.heard.iter().skip(1));
        let within = pairs.filter(|(_, end)| (from..to).contains(*end));
        Sizes::of(within.map(|(begin, end)| end.duration_since(*begin)))
    }

    /// The longest gap around each of these moments.
    pub fn longest(&self, moments: impl Iterator<Item = Instant>) -> Sizes {
        Sizes::of(moments.map(|moment| self.all(moment - AROUND, moment + AROUND).percentile(100)))
    }

    /// The longest gap around moments of this time, as far apart as needs be.
    pub fn longest_within(&self, from: Instant, to: Instant) -> Sizes {
        let moments =
            std::iter::successors(Some(from + AROUND), |moment| Some(*moment + 2 * AROUND));
        self.longest(moments.take_while(|moment| *moment + AROUND <= to))
    }
}
