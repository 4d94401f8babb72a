//! What a session counted. Counters only rise, and outlive the instances that they count.

use std::collections::BTreeMap;
use std::time::Duration;

use super::permits::Asked;
use crate::distribution::Distribution;
use crate::sandbox::contract::{Answer, Decimal, RequestFailure};
use crate::wire::DataType;

/// Rules that are counted apart: an adapter names them, so they are not believed to be few.
const RULES_MAX: usize = 32;

/// Longest name of a rule that is counted apart, in bytes.
const RULE_BYTES_MAX: usize = 64;

/// The name under which further rules are counted.
const OTHER_RULE: &str = "other";

/// Counters of a session.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Frames handed to the adapter.
    pub frames: u64,
    /// Bytes of those frames.
    pub bytes: u64,
    /// Frames of streams that nobody asked for.
    pub ignored_frames: u64,
    /// Frames that could not be used.
    pub refused_frames: u64,
    /// Answers that could not be used.
    pub refused_answers: u64,
    /// Frames and answers that could not be used, by the rule that they broke.
    pub refused_by_rule: BTreeMap<String, u64>,
    /// Instances stopped by a fault.
    pub faults: u64,
    /// Messages published, by data type.
    pub published: BTreeMap<DataType, u64>,
    /// Market events that could not be written: a text that is no number, a name that was not declared.
    pub unwritten: u64,
    /// Market events that the version before had published when this one took over.
    pub doubles: u64,
    /// Messages to connections that were not open.
    pub unsent: u64,
    /// Log lines left out.
    pub log_lines_dropped: u64,
    /// Fuel that the adapter used.
    pub fuel: u64,
    /// Of that, for frames.
    pub frame_fuel: u64,
    /// Events told to the adapter.
    pub events: u64,
    /// How long one event took, from told to all its actions done.
    pub event_time: Distribution,
    /// Connections that were opened in place of one that was lost.
    pub reconnections: u64,
    /// Requests that ended, by the data type and the instrument that they were for.
    pub requests: BTreeMap<(Option<DataType>, Option<u32>), Requests>,
    trades: BTreeMap<String, Trades>,
}

/// The requests for one data type of one instrument.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Requests {
    /// Those whose answer was of use.
    pub succeeded: u64,
    /// Those without an answer, or with one that was not.
    pub failed: u64,
    /// Those of the latter that were not answered in time.
    pub timed_out: u64,
    /// From asked for to answered, waiting for the budget included.
    pub took: Distribution,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Refused,
    TimedOut,
    Failed,
}

impl End {
    pub(super) fn of(outcome: &Result<Answer, RequestFailure>) -> Self {
        match outcome {
            Ok(answer) if answer.status == 200 => Self::Succeeded,
            Ok(_) => Self::Refused,
            Err(RequestFailure::TimedOut) => Self::TimedOut,
            Err(_) => Self::Failed,
        }
    }
}

/// The trades of one instrument.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Trades {
    /// How many were published.
    pub count: u64,
    /// The sum of their quantities.
    pub quantity: Total,
}

impl Tally {
    /// The trades published of an instrument, by the exchange's name of it.
    pub fn trades(&self, exchange_symbol: &str) -> Trades {
        self.trades
            .get(exchange_symbol)
            .copied()
            .unwrap_or_default()
    }

    /// Counts a request that ended at `now`, in nanoseconds since the epoch.
    pub(super) fn add_request(&mut self, asked: Asked, end: End, now: u64) {
        let key = (asked.data_type, asked.instrument);
        let requests = self.requests.entry(key).or_default();
        match end {
            End::Succeeded => requests.succeeded += 1,
            End::Refused | End::TimedOut | End::Failed => requests.failed += 1,
        }
        requests.timed_out += u64::from(end == End::TimedOut);
        let took = Duration::from_nanos(now.saturating_sub(asked.at));
        requests.took.add(took);
    }

    pub(super) fn add_refusal(&mut self, rule: &str) {
        match self.refused_by_rule.get_mut(rule) {
            Some(count) => *count += 1,
            None => {
                let is_room = self.refused_by_rule.len() < RULES_MAX;
                let name = if is_room && rule.len() <= RULE_BYTES_MAX {
                    rule
                } else {
                    OTHER_RULE
                };
                *self.refused_by_rule.entry(name.to_owned()).or_default() += 1;
            }
        }
    }

    pub(super) fn add_trade(&mut self, exchange_symbol: &str, quantity: Decimal) {
        if let Some(trades) = self.trades.get_mut(exchange_symbol) {
            trades.count += 1;
            trades.quantity.add(quantity);
        } else {
            let mut trades = Trades {
                count: 1,
                quantity: Total::default(),
            };
            trades.quantity.add(quantity);
            self.trades.insert(exchange_symbol.to_string(), trades);
        }
    }
}

/// An exact sum of decimals, or the knowledge that it no longer fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    mantissa: Option<i128>,
    scale: u8,
}

impl Default for Total {
    fn default() -> Self {
        Self {
            mantissa: Some(0),
            scale: 0,
        }
    }
}

impl Total {
    fn add(&mut self, value: Decimal) {
        let scale = self.scale.max(value.scale);
        self.mantissa = self.mantissa.and_then(|sum| {
            let sum = rescale(sum, scale - self.scale)?;
            sum.checked_add(rescale(value.mantissa.into(), scale - value.scale)?)
        });
        self.scale = scale;
    }
}

fn rescale(mantissa: i128, places: u8) -> Option<i128> {
    mantissa.checked_mul(10_i128.checked_pow(places.into())?)
}

impl std::fmt::Display for Total {
    /// Plain digits without trailing zeros; "overflow" when the sum no longer fits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(mantissa) = self.mantissa else {
            return f.write_str("overflow");
        };
        let mut digits = format!(
            "{:0>width$}",
            mantissa.unsigned_abs(),
            width = usize::from(self.scale) + 1
        );
        if self.scale > 0 {
            digits.insert(digits.len() - usize::from(self.scale), '.');
            let kept = digits.trim_end_matches('0').trim_end_matches('.').len();
            digits.truncate(kept);
        }
        let sign = if mantissa < 0 { "-" } else { "" };
        write!(f, "{sign}{digits}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(values: &[(i64, u8)]) -> String {
        let mut total = Total::default();
        for &(mantissa, scale) in values {
            total.add(Decimal { mantissa, scale });
        }
        total.to_string()
    }

    #[test]
    fn sums_are_exact_across_scales() {
        assert_eq!(total(&[]), "0");
        assert_eq!(total(&[(177, 0)]), "177");
        assert_eq!(total(&[(5, 1), (25, 2), (1, 8)]), "0.75000001");
        assert_eq!(total(&[(100_000_000, 8)]), "1");
        assert_eq!(total(&[(1000, 0)]), "1000");
        assert_eq!(total(&[(-5, 1)]), "-0.5");
    }

    #[test]
    fn a_sum_that_no_longer_fits_says_so() {
        assert_eq!(total(&[(1, 18); 2]), "0.000000000000000002");
        let mut total = Total {
            mantissa: Some(i128::MAX),
            scale: 0,
        };
        total.add(Decimal {
            mantissa: 1,
            scale: 0,
        });
        assert_eq!(total.to_string(), "overflow");
    }
}
