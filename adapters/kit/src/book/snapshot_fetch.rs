//! Asking for a book's snapshot: one request at a time for each book, never more than one a second, and after a failure
//! later and later.

use crate::Output;
use crate::session::Context;

const SECOND: u64 = 1_000_000_000;
const DELAY_MAX_S: u64 = 60;

/// Requests of the whole session after which books wait for their turn. Hundreds of books may need a snapshot at one
/// moment; asked for all at once they would only wait in the host, and it lets an adapter have so many and no more.
const IN_FLIGHT_MAX: usize = 16;

/// How long a book waits at least for its turn, in nanoseconds.
const TURN: u64 = 100_000_000;

/// The snapshot request of one book.
#[derive(Debug)]
pub struct SnapshotFetch {
    instrument: u32,
    /// Number of the alarm at which the book asks again.
    alarm: u32,
    request: Option<u32>,
    asked_at: Option<u64>,
    /// The alarm is set.
    waiting: bool,
    failures: u32,
}

impl SnapshotFetch {
    /// For the book of an instrument; `alarm` is the number of the alarm at which it asks again.
    pub const fn new(instrument: u32, alarm: u32) -> Self {
        Self {
            instrument,
            alarm,
            request: None,
            asked_at: None,
            waiting: false,
            failures: 0,
        }
    }

    /// Asks for a snapshot unless a request is on its way or an alarm for one is set. `request` gives its address and
    /// what it costs of the exchange's budget.
    pub fn want<S>(
        &mut self,
        cx: &mut Context<'_, S>,
        request: impl FnOnce(&S) -> (String, u32),
        out: &mut Output,
    ) {
        if self.request.is_some() || self.waiting {
            return;
        }
        let earliest = self.asked_at.map(|at| at.saturating_add(SECOND));
        if let Some(earliest) = earliest.filter(|at| *at > cx.now) {
            self.wait(earliest, out);
            return;
        }
        if cx.in_flight() >= IN_FLIGHT_MAX {
            let later = TURN + cx.random(self.instrument.into()) % TURN;
            self.wait(cx.now.saturating_add(later), out);
            return;
        }
        let (address, weight) = request(cx.settings);
        let number = cx.next_request();
        self.request = Some(number);
        self.asked_at = Some(cx.now);
        out.request(number, &address, weight, "orderbook", Some(self.instrument));
    }

    /// Sets the alarm to ask again: after 1 s, 2 s, 4 s and so on up to 60 s, and at most a tenth more.
    pub fn retry<S>(&mut self, cx: &Context<'_, S>, out: &mut Output) {
        let delay = SECOND * (1_u64 << self.failures.min(6)).min(DELAY_MAX_S);
        self.failures = self.failures.saturating_add(1);
        let salt = (u64::from(self.instrument) << 32) | u64::from(self.failures);
        let delay = delay + cx.random(salt) % (delay / 10);
        self.wait(cx.now.saturating_add(delay), out);
    }

    fn wait(&mut self, time: u64, out: &mut Output) {
        self.waiting = true;
        out.wake_at(self.alarm, time);
    }

    /// The alarm has come; false when it is one that is no longer waited for.
    pub const fn woken(&mut self) -> bool {
        std::mem::replace(&mut self.waiting, false)
    }

    /// Takes an answer in; false when it is not the one that is waited for.
    pub fn answered(&mut self, request: u32) -> bool {
        let is_mine = self.request == Some(request);
        if is_mine {
            self.request = None;
        }
        is_mine
    }

    /// Whether a request is on its way.
    pub const fn is_pending(&self) -> bool {
        self.request.is_some()
    }

    /// Forgets the request on its way: its answer will be nobody's.
    pub const fn abandon(&mut self) {
        self.request = None;
    }

    /// A snapshot was used: the next failure is the first again.
    pub const fn succeeded(&mut self) {
        self.failures = 0;
    }
}
