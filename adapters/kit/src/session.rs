//! What every part of a running session may know: the time, the settings, the numbers of requests, chance.

use crate::wit::RequestFailure;

/// The session's own state; `S` are the adapter's settings.
#[derive(Debug)]
pub struct Session<S> {
    /// The settings.
    pub settings: S,
    seed: u64,
    requests: u32,
    in_flight: usize,
}

impl<S> Session<S> {
    /// A session that begins.
    pub const fn new(settings: S, seed: u64) -> Self {
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
    pub const fn at(&mut self, now: u64) -> Context<'_, S> {
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
pub struct Context<'a, S> {
    /// Nanoseconds since the epoch.
    pub now: u64,
    /// The settings.
    pub settings: &'a S,
    seed: u64,
    requests: &'a mut u32,
    in_flight: &'a mut usize,
}

impl<S> Context<'_, S> {
    /// Requests that have not ended.
    pub const fn in_flight(&self) -> usize {
        *self.in_flight
    }

    /// The number of a request that is sent now: one that no request has had.
    pub const fn next_request(&mut self) -> u32 {
        *self.in_flight += 1;
        let request = *self.requests;
        *self.requests = request.wrapping_add(1);
        request
    }

    /// A number that depends on the session's seed and `salt` only.
    pub const fn random(&self, salt: u64) -> u64 {
        random(self.seed, salt)
    }
}

/// A number that depends on these two only (splitmix64).
pub const fn random(seed: u64, salt: u64) -> u64 {
    let mixed = (seed ^ salt).wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
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
