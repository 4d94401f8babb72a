//! How long something took, counted by size: fixed bounds, so that it never grows and adding costs some nanoseconds.

use std::time::Duration;

/// Upper bounds of the classes in nanoseconds, the figure itself included; what is above the last falls into one more
/// class. From a microsecond to ten seconds, with the bounds that the old collector's histograms had.
pub const BOUNDS_NS: [u64; 24] = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    75_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    750_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// The last bound.
const LAST_NS: u64 = 10_000_000_000;

/// Durations, counted by size. Counts only rise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Distribution {
    classes: [u64; BOUNDS_NS.len()],
    count: u64,
    sum_ns: u64,
}

impl Distribution {
    /// Counts one.
    pub fn add(&mut self, took: Duration) {
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let class = BOUNDS_NS.partition_point(|bound| *bound < took_ns);
        // Above the last bound only the count of all tells of it.
        if let Some(class) = self.classes.get_mut(class) {
            *class += 1;
        }
        self.count += 1;
        self.sum_ns = self.sum_ns.saturating_add(took_ns);
    }

    /// Counts everything of another one too.
    pub fn merge(&mut self, other: &Self) {
        for (class, count) in self.classes.iter_mut().zip(other.classes) {
            *class += count;
        }
        self.count += other.count;
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
    }

    /// How many were counted.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// How long `percent` of a hundred took at most: the bound of their class. What is above the last bound counts as
    /// that one.
    pub fn at_most_ns(&self, percent: u64) -> u64 {
        let wanted = u128::from(self.count) * u128::from(percent);
        let mut below = 0;
        let mut classes = BOUNDS_NS.into_iter().zip(self.classes);
        let found = classes.find(|(_, count)| {
            below += u128::from(*count);
            below * 100 >= wanted
        });
        found.map_or(LAST_NS, |(bound, _)| bound)
    }

    /// What one took on average, in nanoseconds.
    pub fn mean_ns(&self) -> u64 {
        self.sum_ns.checked_div(self.count).unwrap_or(0)
    }

    /// All of them together, in seconds.
    pub fn sum_seconds(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }

    /// Each bound in seconds, and how many took at most that long.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut below = 0;
        BOUNDS_NS
            .iter()
            .zip(self.classes)
            .map(move |(bound, count)| {
                below += count;
                (*bound as f64 / 1e9, below)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_lie_below_the_bound_of_their_class() {
        let mut distribution = Distribution::default();
        assert_eq!(distribution.mean_ns(), 0);
        for ns in std::iter::repeat_n(1_500, 98).chain([4_000, 30_000_000_000]) {
            distribution.add(Duration::from_nanos(ns));
        }
        let shares = [50, 98, 99, 100].map(|percent| distribution.at_most_ns(percent));
        assert_eq!(shares, [2_000, 2_000, 5_000, LAST_NS]);
        assert_eq!(BOUNDS_NS.last(), Some(&LAST_NS));
        assert_eq!(distribution.mean_ns(), 300_001_510);
    }

    #[test]
    fn a_duration_counts_in_every_class_at_or_above_it() {
        let mut distribution = Distribution::default();
        for ns in [0, 1_000, 1_001, 30_000_000_000] {
            distribution.add(Duration::from_nanos(ns));
        }
        let classes: Vec<u64> = distribution.cumulative().map(|(_, count)| count).collect();
        assert_eq!(classes.first(), Some(&2));
        assert_eq!(classes.get(1), Some(&3));
        assert_eq!(
            classes.last(),
            Some(&3),
            "thirty seconds are above the last bound"
        );
        assert_eq!(distribution.count(), 4);
        assert!((distribution.sum_seconds() - 30.000_002_001).abs() < 1e-9);
    }
}
