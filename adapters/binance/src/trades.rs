//! The trades of one instrument: each once, in the exchange's order, and those that the stream left out fetched.
//!
//! A trade whose id does not follow the last one waits: for a moment, because two frames may only have been swapped,
//! and then for the answer to a request. No consumer waits longer than [`HOLD_MAX`] for what may never come; what comes
//! later than that is published late.

mod answer;
mod backlog;

use marketprism_kit::trades::{Fetch, Line, Source, Taken};
use marketprism_kit::wit::{Counters, LogLevel, Response, Trade};
use marketprism_kit::{Output, Refusal};

use crate::address;
use crate::parse::TradeMade;
use crate::session::{Context, TRADES, alarm};
use answer::Unusable;
pub use backlog::Backlog;

const MS: u64 = 1_000_000;

/// So long the stream may take to bring what it seems to have left out.
const GRACE: u64 = 250 * MS;

/// So long a trade is held at most.
const HOLD_MAX: u64 = 3_000 * MS;

/// Most trades of one instrument that are held.
const HELD_MAX: usize = 2_000;

/// Most trades in one answer.
/// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#old-trade-lookup>
const PAGE_MAX: u64 = 1_000;

/// Most ids of one gap that are fetched: the newest.
const FETCHED_MAX: u64 = 10_000;

/// The trades of one instrument.
#[derive(Debug)]
pub struct Trades {
    instrument: u32,
    symbol: String,
    line: Line<TradeMade>,
    fetch: Fetch,
    /// When the alarm is set for.
    alarm: Option<u64>,
    /// Events of nothing: their ids count, but nobody traded.
    void: u64,
}

impl Trades {
    /// Nothing came yet.
    pub fn new(instrument: u32, symbol: &str) -> Self {
        Self {
            instrument,
            symbol: symbol.to_owned(),
            line: Line::default(),
            fetch: Fetch::default(),
            alarm: None,
            void: 0,
        }
    }

    /// Publishes a trade of the stream that follows the last one, the ordinary case. If not, nothing has happened.
    #[inline]
    pub fn follow(&mut self, trade: &TradeMade, out: &mut Output) -> bool {
        let follows = self.line.follow(trade.id);
        if follows {
            self.publish(trade, out);
        }
        follows
    }

    #[inline]
    fn publish(&mut self, trade: &TradeMade, out: &mut Output) {
        // USD-M sends such events, of type NA, with a price of 0 too.
        if trade.quantity.mantissa == 0 {
            self.void += 1;
            return;
        }
        out.trade(Trade {
            instrument: trade.instrument,
            sequence: trade.id,
            id: None,
            time: trade.time,
            price: trade.price,
            quantity: trade.quantity,
            quantity_base: None,
            side: trade.side,
        });
    }

    /// Takes in a trade of the stream that does not follow the last one.
    pub fn take(
        &mut self,
        cx: &Context<'_>,
        trade: &TradeMade,
        backlog: &mut Backlog,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        match self.put(cx, trade, Source::Stream, backlog, out) {
            Taken::Duplicate => {}
            Taken::Publish | Taken::Held => self.advance(cx, backlog, out),
            Taken::Doubtful => {
                let found = format!("{}: {}", self.symbol, trade.id);
                return Err(Refusal::new("trade id far from all others", found));
            }
        }
        Ok(())
    }

    fn put(
        &mut self,
        cx: &Context<'_>,
        trade: &TradeMade,
        source: Source,
        backlog: &mut Backlog,
        out: &mut Output,
    ) -> Taken {
        let taken = self.line.take(cx.now, trade.id, source, trade.clone());
        match taken {
            Taken::Publish => self.publish(trade, out),
            Taken::Held => backlog.held += 1,
            Taken::Duplicate | Taken::Doubtful => {}
        }
        taken
    }

    /// The alarm has come.
    pub fn woken(&mut self, cx: &Context<'_>, backlog: &mut Backlog, out: &mut Output) {
        self.alarm = None;
        self.advance(cx, backlog, out);
    }

    /// Does what is due.
    fn advance(&mut self, cx: &Context<'_>, backlog: &mut Backlog, out: &mut Output) {
        if can_be_fetched(cx) {
            self.pass_over_excess(out);
        } else {
            self.pass_over_all(cx);
        }
        self.release(cx, backlog, out);
        let mut due = self.line.waits_since().map(|since| since + HOLD_MAX);
        if let (Some(missing), Some(free)) = (self.line.missing(), self.fetch.free_at()) {
            let fetch_at = free.max(missing.since.saturating_add(GRACE));
            if fetch_at <= cx.now && can_be_fetched(cx) {
                self.fetch.queue();
                backlog.turns.wait(self.instrument);
            } else {
                due = Some(due.map_or(fetch_at, |due| due.min(fetch_at)));
            }
        }
        if let Some(due) = due.filter(|due| self.alarm.is_none_or(|set| *due < set)) {
            self.alarm = Some(due);
            out.wake_at(alarm(TRADES, self.instrument), due);
        }
    }

    fn release(&mut self, cx: &Context<'_>, backlog: &mut Backlog, out: &mut Output) {
        let since = cx.now.saturating_sub(HOLD_MAX);
        loop {
            let is_too_many = self.line.held() > HELD_MAX || backlog.is_full();
            let Some(trade) = self.line.release(since, is_too_many) else {
                return;
            };
            backlog.held -= 1;
            self.publish(&trade, out);
        }
    }

    /// A gap of which more is missing than is fetched is told once, and its older part stays missing.
    fn pass_over_excess(&mut self, out: &mut Output) {
        while let Some(missing) = self.line.missing() {
            let Some(before) = missing.last.checked_sub(FETCHED_MAX) else {
                return;
            };
            if before < missing.first {
                return;
            }
            out.log(
                LogLevel::Warn,
                format_args!(
                    "{}: trades {} to {before} are missing and too many to fetch; fetching {FETCHED_MAX} newer ones",
                    self.symbol, missing.first
                ),
            );
            self.line.give_up(before);
        }
    }

    /// What the stream left out stays missing where it cannot be fetched: no trade waits for it longer than for frames
    /// that were only swapped.
    fn pass_over_all(&mut self, cx: &Context<'_>) {
        while let Some(missing) = self.line.missing() {
            if missing.since.saturating_add(GRACE) > cx.now {
                return;
            }
            self.line.give_up(missing.last);
        }
    }

    /// The turn to send a request has come.
    pub fn send(&mut self, cx: &mut Context<'_>, backlog: &mut Backlog, out: &mut Output) {
        let is_waited_for = self.fetch.turn();
        let Some(missing) = self.line.missing().filter(|_| is_waited_for) else {
            return;
        };
        let Some(stream) = cx.settings.trades else {
            return;
        };
        // One answer may close several small gaps.
        let first = missing.first;
        let last = self.line.last_missing().unwrap_or(missing.last);
        let last = last.min(first.saturating_add(PAGE_MAX - 1));
        let count = last - first + 1;
        let Some((address, weight)) =
            address::old_trades(cx.settings, stream, &self.symbol, first, count)
        else {
            return;
        };
        let request = cx.next_request();
        backlog
            .turns
            .begin(cx.now, request, self.instrument, weight);
        self.fetch.ask(request, (first, last));
        out.request(request, &address, weight, "trade", Some(self.instrument));
    }

    /// Takes in the end of a request.
    pub fn answered(
        &mut self,
        cx: &Context<'_>,
        response: &Response,
        backlog: &mut Backlog,
        out: &mut Output,
    ) {
        let Some((first, last)) = self.fetch.answered(response.request) else {
            return;
        };
        match answer::read(cx, self.instrument, response, last - first + 1) {
            Ok(trades) => self.fetched(cx, &trades, (first, last), backlog, out),
            Err(unusable) => {
                if let Unusable::Refused(refusal) = &unusable {
                    out.refused(refusal);
                }
                let salt = (u64::from(self.instrument) << 32) | (first & 0xFFFF_FFFF);
                if !self.fetch.failed(cx.now, cx.random(salt)) {
                    let last = self.line.last_missing().unwrap_or(last);
                    self.abandon(first, last, unusable.reason(), out);
                }
            }
        }
        self.advance(cx, backlog, out);
    }

    fn fetched(
        &mut self,
        cx: &Context<'_>,
        trades: &[TradeMade],
        (first, last): (u64, u64),
        backlog: &mut Backlog,
        out: &mut Output,
    ) {
        for trade in trades {
            if self.line.lacks(trade.id) {
                self.put(cx, trade, Source::Request, backlog, out);
            }
            // What an answer passes over, the exchange does not have.
            self.line.give_up(trade.id.min(last));
            self.release(cx, backlog, out);
        }
        match trades.last().filter(|trade| trade.id >= first) {
            Some(trade) => self.fetch.progressed(cx.now, trade.id < last),
            None if self.fetch.came_empty(cx.now) => {}
            None => self.abandon(first, last, "the exchange does not have them", out),
        }
    }

    fn abandon(&mut self, first: u64, last: u64, reason: &str, out: &mut Output) {
        out.log(
            LogLevel::Warn,
            format_args!(
                "{}: trades missing among {first} to {last} cannot be fetched: {reason}",
                self.symbol
            ),
        );
        self.line.give_up(last);
        self.fetch.reset();
    }

    /// Publishes what is held, whatever is missing before it.
    pub fn release_all(&mut self, backlog: &mut Backlog, out: &mut Output) {
        while let Some(trade) = self.line.release(u64::MAX, true) {
            backlog.held -= 1;
            self.publish(&trade, out);
        }
    }

    /// The instrument is collected no more: what goes by from here on is not missed.
    pub fn pause(&mut self, backlog: &mut Backlog, out: &mut Output) {
        self.release_all(backlog, out);
        self.line.pause();
        self.fetch.reset();
    }

    /// Writes the counters.
    pub fn report(&self, counters: &mut Counters) {
        *counters = Counters {
            trades: self.line.published().saturating_sub(self.void),
            duplicate_trades: self.line.duplicates(),
            missing_trades: self.line.missing_count(),
            fetched_trades: self.line.fetched(),
            ..*counters
        };
    }
}

/// Whether past trades of the stream can be had by their ids.
fn can_be_fetched(cx: &Context<'_>) -> bool {
    let stream = cx.settings.trades;
    stream.is_some_and(|stream| cx.settings.venue.old_trades(stream).is_some())
}
