//! Asking for depth snapshots: one request at a time for each book, never more than one a second, and after a failure
//! later and later.

use marketprism_kit::Output;

use crate::session::{Alarm, Context};

const SECOND: u64 = 1_000_000_000;
const DELAY_MAX_S: u64 = 60;

/// Requests of the whole session after which books wait for their turn. Hundreds of books may need a snapshot at one
/// moment; asked for all at once they would only wait in the host, and it lets an adapter have so many and no more.
const IN_FLIGHT_MAX: usize = 16;

/// How long a book waits at least for its turn, in nanoseconds.
const TURN: u64 = 100_000_000;

/// The snapshot request of one book.
#[derive(Debug, Default)]
pub struct Fetch {
    request: Option<u32>,
    asked_at: Option<u64>,
    /// An alarm is set, after which the book asks again.
    waiting: bool,
    failures: u32,
}

impl Fetch {
    /// Asks for a snapshot unless one is on its way or an alarm for it is set.
    pub fn want(&mut self, cx: &mut Context<'_>, instrument: u32, symbol: &str, out: &mut Output) {
        if self.request.is_some() || self.waiting {
            return;
        }
        if let Some(earliest) = self
            .asked_at
            .map(|at| at + SECOND)
            .filter(|at| *at > cx.now)
        {
            self.wait(instrument, earliest, out);
            return;
        }
        if cx.in_flight() >= IN_FLIGHT_MAX {
            let later = TURN + cx.random(instrument.into()) % TURN;
            self.wait(instrument, cx.now.saturating_add(later), out);
            return;
        }
        let limit = cx.settings.depth_limit;
        let address = format!(
            "{}/api/v3/depth?symbol={}&limit={limit}",
            cx.settings.base_url,
            crate::address::encoded(symbol)
        );
        let request = cx.next_request();
        self.request = Some(request);
        self.asked_at = Some(cx.now);
        out.request(
            request,
            &address,
            weight(limit),
            "orderbook",
            Some(instrument),
        );
    }

    /// Sets an alarm to ask again: after 1 s, 2 s, 4 s and so on up to 60 s, and at most a tenth more.
    pub fn retry(&mut self, cx: &Context<'_>, instrument: u32, out: &mut Output) {
        let delay = SECOND * (1_u64 << self.failures.min(6)).min(DELAY_MAX_S);
        self.failures = self.failures.saturating_add(1);
        let salt = (u64::from(instrument) << 32) | u64::from(self.failures);
        let delay = delay + cx.random(salt) % (delay / 10);
        self.wait(instrument, cx.now.saturating_add(delay), out);
    }

    fn wait(&mut self, instrument: u32, time: u64, out: &mut Output) {
        self.waiting = true;
        out.wake_at(Alarm::Snapshot(instrument).number(), time);
    }

    /// The alarm has come; false when it is one that is no longer waited for.
    pub fn woken(&mut self) -> bool {
        std::mem::take(&mut self.waiting)
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
    pub fn abandon(&mut self) {
        self.request = None;
    }

    /// A snapshot was used: the next failure is the first again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#order-book>
const fn weight(limit: usize) -> u32 {
    match limit {
        0..=100 => 5,
        101..=500 => 25,
        501..=1000 => 50,
        _ => 250,
    }
}
