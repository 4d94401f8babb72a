//! How long a stream is silent as a rule, learned from what came: beyond a multiple of that something is wrong, before
//! it the instrument is only quiet.

const SECOND: u64 = 1_000_000_000;

/// Nothing counts as silent before this.
const FLOOR: u64 = 60 * SECOND;

/// Nor is anything waited for longer than this, once something is learned.
const CEILING: u64 = 6 * 3600 * SECOND;

/// Gaps between messages after which what was learned can be relied on.
const GAPS_MIN: u32 = 16;

/// The silences of one stream.
#[derive(Debug, Default)]
pub struct Silence {
    last: Option<u64>,
    gaps: u32,
    /// Mean gap, each new one counting for a sixteenth.
    mean: u64,
    /// Longest gap, slowly forgotten.
    longest: u64,
}

impl Silence {
    /// A message came.
    #[inline]
    pub fn heard(&mut self, now: u64) {
        if let Some(last) = self.last {
            let gap = now.saturating_sub(last);
            self.gaps = self.gaps.saturating_add(1);
            self.mean = self.mean - self.mean / 16 + gap / 16;
            self.longest = gap.max(self.longest - self.longest / 512);
        }
        self.last = Some(now);
    }

    /// The stream begins anew: the time that it was away is no silence.
    pub const fn interrupt(&mut self) {
        self.last = None;
    }

    /// How long it may be silent, in nanoseconds; none while too little is known.
    pub fn usual_max(&self) -> Option<u64> {
        let usual = self.mean.saturating_mul(30);
        let usual = usual.max(self.longest.saturating_mul(4));
        (self.gaps >= GAPS_MIN).then(|| usual.clamp(FLOOR, CEILING))
    }
}

#[cfg(test)]
mod tests {
    use super::{FLOOR, SECOND, Silence};

    fn after(gaps: impl IntoIterator<Item = u64>) -> Silence {
        let (mut silence, mut now) = (Silence::default(), 1);
        silence.heard(now);
        for gap in gaps {
            now += gap;
            silence.heard(now);
        }
        silence
    }

    #[test]
    fn a_busy_stream_is_silent_after_the_floor() {
        assert_eq!(after([SECOND / 10; 15]).usual_max(), None);
        assert_eq!(after([SECOND / 10; 16]).usual_max(), Some(FLOOR));
    }

    #[test]
    fn a_quiet_stream_may_be_silent_for_a_multiple_of_its_usual_gap() {
        let max = after([120 * SECOND; 40]).usual_max().unwrap();
        assert!((30 * 100 * SECOND..=30 * 120 * SECOND).contains(&max));
    }

    #[test]
    fn one_long_gap_is_remembered_and_slowly_forgotten() {
        let busy = [SECOND; 40];
        let with_gap = busy.iter().copied().chain([100 * SECOND]).chain(busy);
        let max = after(with_gap).usual_max().unwrap();
        assert!((300 * SECOND..=400 * SECOND).contains(&max), "{max}");
        let long_after = [100 * SECOND].into_iter().chain([SECOND; 2000]);
        assert_eq!(after(long_after).usual_max(), Some(FLOOR));
    }

    #[test]
    fn time_that_the_stream_was_away_is_no_silence() {
        let mut silence = after([SECOND; 40]);
        silence.interrupt();
        silence.heard(10_000 * SECOND);
        assert_eq!(silence.usual_max(), Some(FLOOR));
    }
}
