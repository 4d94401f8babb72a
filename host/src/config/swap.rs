//! The `swap` section: how long a new version of an adapter may take to be live, how long a candidate waits for a
//! decision, and how long a new version is on probation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::problem::Problems;

/// Longest time that a version may take to be live, in seconds: it holds connections beside those of the old one.
const LIVE_WITHIN_SECONDS_MAX: u64 = 3_600;

/// Longest time for a decision, in seconds: a candidate holds connections too.
const DECISION_WITHIN_SECONDS_MAX: u64 = 86_400;

/// Longest probation, in seconds.
const PROBATION_SECONDS_MAX: u64 = 86_400;

/// How an adapter is replaced while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap {
    /// A new version that is not live after so long is dropped; the old one never stopped.
    pub live_within: Duration,
    /// A candidate that was compared for its time is dropped when nobody has decided after so long.
    pub decision_within: Duration,
    /// A new version that faults within so long of taking over makes way for the last good one.
    pub probation: Duration,
}

/// The section as it is written.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub(super) struct Section {
    live_within_seconds: u64,
    decision_within_seconds: u64,
    probation_seconds: u64,
}

impl Section {
    /// What it means; notes what cannot be used.
    pub(super) fn finish(self, problems: &mut Problems) -> Swap {
        let at = Key::of(["swap"]);
        let live_within = at.then("live_within_seconds");
        if !(1..=LIVE_WITHIN_SECONDS_MAX).contains(&self.live_within_seconds)
            && !problems.about(&live_within)
        {
            problems.add(
                &live_within,
                format!("must be 1 to {LIVE_WITHIN_SECONDS_MAX} (seconds)"),
            );
        }
        if self.decision_within_seconds > DECISION_WITHIN_SECONDS_MAX {
            problems.add(
                &at.then("decision_within_seconds"),
                format!("must be 0 to {DECISION_WITHIN_SECONDS_MAX} (seconds)"),
            );
        }
        if self.probation_seconds > PROBATION_SECONDS_MAX {
            problems.add(
                &at.then("probation_seconds"),
                format!("must be 0 to {PROBATION_SECONDS_MAX} (seconds)"),
            );
        }
        Swap {
            live_within: Duration::from_secs(self.live_within_seconds),
            decision_within: Duration::from_secs(self.decision_within_seconds),
            probation: Duration::from_secs(self.probation_seconds),
        }
    }
}
