//! The request budget of one host name: a pure type, the time is passed in.
//!
//! Never more than the limit is spent in any window of its length, and nothing while it is paused. What the other side
//! says of the weight used (other programs behind the same address spend too) and its "slow down" and "banned" answers
//! are taken at their word.

use std::collections::VecDeque;
use std::time::Duration;

/// A pause is never longer than this, whatever an answer asks for.
const PAUSE_MAX: Duration = Duration::from_secs(3 * 24 * 3600);
/// The first pause after "too many requests" without a time; it doubles each time.
const SLOW_DOWN_FIRST: Duration = Duration::from_secs(5);
/// The longest of those.
const SLOW_DOWN_MAX: Duration = Duration::from_secs(300);
/// The shortest pause after a ban.
const BAN_MIN: Duration = Duration::from_secs(120);

/// How much may be spent in any window of a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Most weight in one window.
    pub weight: u32,
    /// Length of the window.
    pub window: Duration,
}

impl Limit {
    /// So much per minute.
    pub fn per_minute(weight: u32) -> Self {
        Self {
            weight,
            window: Duration::from_secs(60),
        }
    }
}

/// Why a budget is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// The other side asked to slow down (429).
    SlowDown,
    /// The other side banned us (418).
    Banned,
}

impl Pause {
    /// Why, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::SlowDown => "asked by the other side to slow down",
            Self::Banned => "banned by the other side",
        }
    }
}

/// May a request be sent?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, now; its weight is spent.
    Send,
    /// Not before this time, and perhaps not then.
    Wait(Duration),
    /// Never: it weighs more than the whole limit.
    Never,
}

/// A budget at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Weight spent in the window that ends now.
    pub used: u64,
    /// What may be spent.
    pub limit: Limit,
    /// For how much longer nothing is sent, and why.
    pub paused: Option<(Duration, Pause)>,
}

/// The budget of one host name. All times are on one clock of the caller that never goes back.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: Limit,
    /// When and how much, oldest first; as long as requests fit into the limit, and each weighs at least 1.
    spent: VecDeque<(Duration, u32)>,
    /// The sum of `spent`.
    own: u64,
    /// What others spent by the other side's account, and when it said so.
    foreign: Option<(Duration, u64)>,
    paused: Option<(Duration, Pause)>,
    slow_downs: u32,
}

impl Budget {
    /// Nothing spent yet.
    pub fn new(limit: Limit) -> Self {
        Self {
            limit,
            spent: VecDeque::new(),
            own: 0,
            foreign: None,
            paused: None,
            slow_downs: 0,
        }
    }

    /// Replaces the limit; what is spent stays spent.
    pub fn set_limit(&mut self, limit: Limit) {
        self.limit = limit;
    }

    /// Asks to send a request; a weight of 0 counts as 1.
    pub fn ask(&mut self, weight: u32, now: Duration) -> Verdict {
        let weight = weight.max(1);
        if weight > self.limit.weight {
            return Verdict::Never;
        }
        self.forget(now);
        if let Some((until, _)) = self.paused {
            return Verdict::Wait(until);
        }
        let mut excess =
            (self.used() + u64::from(weight)).saturating_sub(u64::from(self.limit.weight));
        if excess == 0 {
            self.spent.push_back((now, weight));
            self.own += u64::from(weight);
            return Verdict::Send;
        }
        // When enough of what was spent has left the window.
        let mut leaving: Vec<(Duration, u64)> = self
            .spent
            .iter()
            .map(|(at, weight)| (*at, u64::from(*weight)))
            .chain(self.foreign)
            .collect();
        leaving.sort_unstable();
        for (at, weight) in leaving {
            excess = excess.saturating_sub(weight);
            if excess == 0 {
                return Verdict::Wait(at + self.limit.window);
            }
        }
        Verdict::Wait(now + self.limit.window)
    }

    /// The other side says how much was spent in its running window: what we did not spend ourselves, others did.
    pub fn told_used(&mut self, used: u64, now: Duration) {
        self.forget(now);
        let others = used.saturating_sub(self.own);
        self.foreign = (others > 0).then_some((now, others));
    }

    /// An answer came. 429 pauses for the time that it asks for, or 5 s doubling up to 5 min; 418 for the time that it
    /// asks for and at least 2 min. A pause is never shortened.
    pub fn answered(&mut self, status: u16, retry_after: Option<Duration>, now: Duration) {
        let (pause, why) = match status {
            429 => {
                let doubled = 1_u32.checked_shl(self.slow_downs).unwrap_or(u32::MAX);
                self.slow_downs = self.slow_downs.saturating_add(1);
                let default = SLOW_DOWN_FIRST.saturating_mul(doubled).min(SLOW_DOWN_MAX);
                (retry_after.unwrap_or(default), Pause::SlowDown)
            }
            418 => (retry_after.unwrap_or(BAN_MIN).max(BAN_MIN), Pause::Banned),
            _ => {
                // An answer that was under way when the pause began says nothing about it.
                self.forget(now);
                if self.paused.is_none() {
                    self.slow_downs = 0;
                }
                return;
            }
        };
        let until = now + pause.min(PAUSE_MAX);
        if self.paused.is_none_or(|(paused, _)| paused < until) {
            self.paused = Some((until, why));
        }
    }

    /// How it stands.
    pub fn usage(&mut self, now: Duration) -> Usage {
        self.forget(now);
        Usage {
            used: self.used(),
            limit: self.limit,
            paused: self
                .paused
                .map(|(until, why)| (until.saturating_sub(now), why)),
        }
    }

    fn used(&self) -> u64 {
        self.own
            .saturating_add(self.foreign.map_or(0, |(_, weight)| weight))
    }

    /// Drops what has left the window. A window ends just before what is one window old.
    fn forget(&mut self, now: Duration) {
        let window = self.limit.window;
        while let Some((at, weight)) = self.spent.front().copied() {
            if at + window > now {
                break;
            }
            self.spent.pop_front();
            self.own -= u64::from(weight);
        }
        if self.foreign.is_some_and(|(at, _)| at + window <= now) {
            self.foreign = None;
        }
        if self.paused.is_some_and(|(until, _)| until <= now) {
            self.paused = None;
        }
    }
}
