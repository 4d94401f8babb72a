//! The trades of one instrument: each once, in the exchange's order, and those that the stream left out fetched.
//!
//! A trade whose id does not follow the last one waits: for a moment, because two frames may only have been swapped,
//! and then for the answer to a request. No consumer waits longer than [`HOLD_MAX`] for what may never come; what comes
//! later than that is published late.

use super::answer::{self, Unusable};
use super::{Backlog, Fetch, Line, Source, Taken};
use crate::alarm::Kind;
use crate::session::Context;
use crate::wit::{Answer, Counters, LogLevel, Response};
use crate::{Output, Refusal};

const MS: u64 = 1_000_000;

/// So long the stream may take to bring what it seems to have left out.
const GRACE: u64 = 250 * MS;

/// So long a trade is held at most.
const HOLD_MAX: u64 = 3_000 * MS;

/// Most trades of one instrument that are held.
const HELD_MAX: usize = 2_000;

/// Most ids of one gap that are fetched: the newest.
const FETCHED_MAX: u64 = 10_000;

/// One instrument as its exchange trades it.
pub trait Market {
    /// The adapter's settings.
    type Settings;

    /// A trade, as the stream and an answer bring it.
    type Trade: Clone;

    /// The kind of alarm that tells an instrument that its trades have waited.
    const ALARM: Kind;

    /// Most trades in one answer.
    const PAGE_MAX: u64;

    /// The exchange's name of it.
    fn name(&self) -> &str;

    /// The id of a trade: on the exchange, ids follow each other without holes.
    fn id(trade: &Self::Trade) -> u64;

    /// Publishes a trade; false when its id counts but nobody traded.
    fn publish(&self, trade: &Self::Trade, out: &mut Output) -> bool;

    /// Whether past trades can be had by their ids.
    fn can_fetch(&self, _settings: &Self::Settings) -> bool {
        true
    }

    /// The address that gives the trades of these first and last ids, and what it costs of the request budget; none
    /// where past trades cannot be had by their ids.
    fn address(&self, settings: &Self::Settings, ids: (u64, u64)) -> Option<(String, u32)>;

    /// The trades of an answer, their ids ascending.
    fn read(&self, settings: &Self::Settings, answer: &Answer)
    -> Result<Vec<Self::Trade>, Refusal>;
}

/// The trades of one instrument.
#[derive(Debug)]
pub struct TradeSync<M: Market> {
    /// What the exchange says of it.
    pub market: M,
    instrument: u32,
    line: Line<M::Trade>,
    fetch: Fetch,
    /// When the alarm is set for.
    alarm: Option<u64>,
    /// Ids under which nobody traded.
    void: u64,
}

impl<M: Market> TradeSync<M> {
    /// Nothing came yet.
    pub fn new(instrument: u32, market: M) -> Self {
        Self {
            market,
            instrument,
            line: Line::default(),
            fetch: Fetch::default(),
            alarm: None,
            void: 0,
        }
    }

    /// Publishes a trade of the stream that follows the last one, the ordinary case. If not, nothing has happened.
    #[inline]
    pub fn follow(&mut self, trade: &M::Trade, out: &mut Output) -> bool {
        let follows = self.line.follow(M::id(trade));
        if follows {
            self.publish(trade, out);
        }
        follows
    }

    #[inline]
    fn publish(&mut self, trade: &M::Trade, out: &mut Output) {
        if !self.market.publish(trade, out) {
            self.void += 1;
        }
    }

    /// Takes in a trade of the stream that does not follow the last one.
    pub fn take(
        &mut self,
        cx: &Context<'_, M::Settings>,
        trade: &M::Trade,
        backlog: &mut Backlog,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        match self.put(cx, trade, Source::Stream, backlog, out) {
            Taken::Duplicate => {}
            Taken::Publish | Taken::Held => self.advance(cx, backlog, out),
            Taken::Doubtful => {
                let found = format!("{}: {}", self.market.name(), M::id(trade));
                return Err(Refusal::new("trade id far from all others", found));
            }
        }
        Ok(())
    }

    fn put(
        &mut self,
        cx: &Context<'_, M::Settings>,
        trade: &M::Trade,
        source: Source,
        backlog: &mut Backlog,
        out: &mut Output,
    ) -> Taken {
        let taken = self.line.take(cx.now, M::id(trade), source, trade.clone());
        match taken {
            Taken::Publish => self.publish(trade, out),
            Taken::Held => backlog.held += 1,
            Taken::Duplicate | Taken::Doubtful => {}
        }
        taken
    }

    /// The alarm has come.
    pub fn woken(
        &mut self,
        cx: &Context<'_, M::Settings>,
        backlog: &mut Backlog,
        out: &mut Output,
    ) {
        self.alarm = None;
        self.advance(cx, backlog, out);
    }

    /// Does what is due.
    fn advance(&mut self, cx: &Context<'_, M::Settings>, backlog: &mut Backlog, out: &mut Output) {
        if self.market.can_fetch(cx.settings) {
            self.pass_over_excess(out);
        } else {
            self.pass_over_all(cx);
        }
        self.release(cx, backlog, out);
        let mut due = self.line.waits_since().map(|since| since + HOLD_MAX);
        if let (Some(missing), Some(free)) = (self.line.missing(), self.fetch.free_at()) {
            let fetch_at = free.max(missing.since.saturating_add(GRACE));
            if fetch_at <= cx.now && self.market.can_fetch(cx.settings) {
                self.fetch.queue();
                backlog.turns.wait(self.instrument);
            } else {
                due = Some(due.map_or(fetch_at, |due| due.min(fetch_at)));
            }
        }
        if let Some(due) = due.filter(|due| self.alarm.is_none_or(|set| *due < set)) {
            self.alarm = Some(due);
            out.wake_at(M::ALARM.of(self.instrument), due);
        }
    }

    fn release(&mut self, cx: &Context<'_, M::Settings>, backlog: &mut Backlog, out: &mut Output) {
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
                    self.market.name(), missing.first
                ),
            );
            self.line.give_up(before);
        }
    }

    /// What the stream left out stays missing where it cannot be fetched: no trade waits for it longer than for frames
    /// that were only swapped.
    fn pass_over_all(&mut self, cx: &Context<'_, M::Settings>) {
        while let Some(missing) = self.line.missing() {
            if missing.since.saturating_add(GRACE) > cx.now {
                return;
            }
            self.line.give_up(missing.last);
        }
    }

    /// The turn to send a request has come.
    pub fn send(
        &mut self,
        cx: &mut Context<'_, M::Settings>,
        backlog: &mut Backlog,
        out: &mut Output,
    ) {
        let is_waited_for = self.fetch.turn();
        let Some(missing) = self.line.missing().filter(|_| is_waited_for) else {
            return;
        };
        // One answer may close several small gaps.
        let first = missing.first;
        let last = self.line.last_missing().unwrap_or(missing.last);
        let last = last.min(first.saturating_add(M::PAGE_MAX - 1));
        let Some((address, weight)) = self.market.address(cx.settings, (first, last)) else {
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
        cx: &Context<'_, M::Settings>,
        response: &Response,
        backlog: &mut Backlog,
        out: &mut Output,
    ) {
        let Some((first, last)) = self.fetch.answered(response.request) else {
            return;
        };
        match answer::read(&self.market, cx.settings, response, last - first + 1) {
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
        cx: &Context<'_, M::Settings>,
        trades: &[M::Trade],
        (first, last): (u64, u64),
        backlog: &mut Backlog,
        out: &mut Output,
    ) {
        for trade in trades {
            if self.line.lacks(M::id(trade)) {
                self.put(cx, trade, Source::Request, backlog, out);
            }
            // What an answer passes over, the exchange does not have.
            self.line.give_up(M::id(trade).min(last));
            self.release(cx, backlog, out);
        }
        match trades.last().filter(|trade| M::id(trade) >= first) {
            Some(trade) => self.fetch.progressed(cx.now, M::id(trade) < last),
            None if self.fetch.came_empty(cx.now) => {}
            None => self.abandon(first, last, "the exchange does not have them", out),
        }
    }

    fn abandon(&mut self, first: u64, last: u64, reason: &str, out: &mut Output) {
        out.log(
            LogLevel::Warn,
            format_args!(
                "{}: trades missing among {first} to {last} cannot be fetched: {reason}",
                self.market.name()
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
