//! The weight budget of REST: per window, with 429 beyond it and a ban for who goes on.
//! <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits>

use std::time::Duration;

use super::limits::Limits;

/// What is used up in the window, and the ban.
#[derive(Debug, Default)]
pub(crate) struct Weight {
    window: u32,
    used: u64,
    refusals: u64,
    banned_until: Option<Duration>,
}

/// What the budget says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Granted,
    /// 429, come back after this.
    Refused(Duration),
    /// 418, come back after this.
    Banned(Duration),
}

impl Weight {
    /// Charges a request at a time since the start; also says how much is used.
    pub(crate) fn charge(&mut self, limits: &Limits, now: Duration, weight: u64) -> (Verdict, u64) {
        if let Some(until) = self.banned_until {
            if now < until {
                return (Verdict::Banned(until - now), self.used);
            }
            *self = Self::default();
        }
        let length = limits.weight_window.max(Duration::from_millis(1));
        let window = (now.as_nanos() / length.as_nanos()) as u32;
        if window != self.window {
            *self = Self {
                window,
                ..Self::default()
            };
        }
        self.used += weight;
        if self.used <= limits.weight_max {
            return (Verdict::Granted, self.used);
        }
        self.refusals += 1;
        if self.refusals > limits.refusals_max {
            self.banned_until = Some(now + limits.ban);
            return (Verdict::Banned(limits.ban), self.used);
        }
        let ends = length * (window + 1);
        (Verdict::Refused(ends.saturating_sub(now)), self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn beyond_the_budget_come_refusals_then_a_ban_then_peace() {
        let limits = Limits {
            weight_max: 10,
            refusals_max: 2,
            ..Limits::default()
        };
        let mut weight = Weight::default();
        let mut at = |seconds, charge| weight.charge(&limits, SECOND * seconds, charge);
        assert_eq!(at(1, 10), (Verdict::Granted, 10));
        assert_eq!(at(2, 1), (Verdict::Refused(SECOND * 58), 11));
        assert_eq!(at(60, 10), (Verdict::Granted, 10));
        assert_eq!(at(61, 1).0, Verdict::Refused(SECOND * 59));
        assert_eq!(at(62, 1).0, Verdict::Refused(SECOND * 58));
        assert_eq!(at(63, 1).0, Verdict::Banned(SECOND * 120));
        assert_eq!(at(130, 1).0, Verdict::Banned(SECOND * 53));
        assert_eq!(at(183, 5), (Verdict::Granted, 5));
    }
}
