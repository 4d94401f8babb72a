//! What every part of a running session may know: the time, the settings, the numbers of requests and alarms.

use marketprism_kit::wit::RequestFailure;

use crate::settings::Settings;

/// The session's own state.
#[derive(Debug)]
pub struct Session {
    /// The settings.
    pub settings: Settings,
    seed: u64,
    requests: u32,
    in_flight: usize,
}

impl Session {
    /// A session that begins.
    pub const fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            seed,
            requests: 0,
            in_flight: 0,
        }
    }

    /// A request has ended.
    pub const fn request_ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// What is known while one event is handled.
    pub fn at(&mut self, now: u64) -> Context<'_> {
        Context {
            now,
            settings: &self.settings,
            seed: self.seed,
            requests: &mut self.requests,
            in_flight: &mut self.in_flight,
        }
    }
}

/// What is known while one event is handled.
#[derive(Debug)]
pub struct Context<'a> {
    /// Nanoseconds since the epoch.
    pub now: u64,
    /// The settings.
    pub settings: &'a Settings,
    seed: u64,
    requests: &'a mut u32,
    in_flight: &'a mut usize,
}

impl Context<'_> {
    /// Requests that have not ended.
    pub const fn in_flight(&self) -> usize {
        *self.in_flight
    }

    /// The number of a request that is sent now: one that no request has had.
    pub fn next_request(&mut self) -> u32 {
        *self.in_flight += 1;
        let request = *self.requests;
        *self.requests = request.wrapping_add(1);
        request
    }

    /// A number that depends on the session's seed and `salt` only (splitmix64).
    pub const fn random(&self, salt: u64) -> u64 {
        let mixed = (self.seed ^ salt).wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// What an alarm is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// Books are to be published.
    Interval,
    /// The next request for trades may be sent.
    Turn,
    /// A book may ask for its snapshot.
    Snapshot(u32),
    /// A stream that has said nothing since it opened is quiet.
    Quiet(u32),
    /// The whole book is to be published to consumers of changes.
    Whole(u32),
    /// Trades are to be fetched or released.
    Trades(u32),
}

impl Alarm {
    /// The number under which the host knows it.
    pub const fn number(self) -> u32 {
        match self {
            Self::Interval => 0,
            Self::Turn => u32::MAX,
            Self::Snapshot(instrument) => instrument.wrapping_mul(4).wrapping_add(1),
            Self::Quiet(instrument) => instrument.wrapping_mul(4).wrapping_add(2),
            Self::Whole(instrument) => instrument.wrapping_mul(4).wrapping_add(3),
            Self::Trades(instrument) => instrument.wrapping_mul(4).wrapping_add(4),
        }
    }

    /// The instrument that it is for, if it is for one.
    pub const fn instrument(self) -> Option<u32> {
        match self {
            Self::Interval | Self::Turn => None,
            Self::Snapshot(id) | Self::Quiet(id) | Self::Whole(id) | Self::Trades(id) => Some(id),
        }
    }

    /// The alarm of a number.
    pub const fn of(number: u32) -> Self {
        match number.checked_sub(1) {
            None => Self::Interval,
            Some(_) if number == u32::MAX => Self::Turn,
            Some(rest) => match rest % 4 {
                0 => Self::Snapshot(rest / 4),
                1 => Self::Quiet(rest / 4),
                2 => Self::Whole(rest / 4),
                _ => Self::Trades(rest / 4),
            },
        }
    }
}

/// Why a request has no answer, in words.
pub const fn failure_text(failure: RequestFailure) -> &'static str {
    match failure {
        RequestFailure::TimedOut => "no answer in time",
        RequestFailure::Unreachable => "the exchange cannot be reached",
        RequestFailure::TooLarge => "the answer is too large",
        RequestFailure::OverBudget => "the request budget is used up",
    }
}

#[cfg(test)]
mod tests {
    use super::Alarm;

    #[test]
    fn every_alarm_is_known_by_its_number() {
        for id in [0, 1, 77] {
            for alarm in [
                Alarm::Interval,
                Alarm::Turn,
                Alarm::Snapshot(id),
                Alarm::Quiet(id),
                Alarm::Whole(id),
                Alarm::Trades(id),
            ] {
                assert_eq!(Alarm::of(alarm.number()), alarm);
            }
        }
    }
}
