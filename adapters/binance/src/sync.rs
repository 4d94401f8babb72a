//! Keeping one book true, by the exchange's own rules:
//! <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#how-to-manage-a-local-order-book-correctly>
//!
//! The numbers in the comments are those of that page. A book is synced, or it is not shown.

mod buffer;
mod fetch;
mod publish;
mod refresh;

use marketprism_kit::book::Book;
use marketprism_kit::wit::{BookState, Counters, InstrumentReport, LogLevel, Response, pack};
use marketprism_kit::{Output, Refusal};

use crate::parse::{self, Changes, DepthUpdate};
use crate::session::{Alarm, Context, failure_text};
use buffer::Buffer;
use fetch::Fetch;
use refresh::{Progress, Refresh, Snapshot};

/// A stream that is silent for this long after it opened belongs to a quiet instrument.
const QUIET_AFTER: u64 = 5_000_000_000;

/// Two refreshes of one book are at least this far apart.
const REFRESH_EVERY: u64 = 60_000_000_000;

/// One instrument's book and where it stands.
#[derive(Debug)]
pub struct BookSync {
    instrument: u32,
    symbol: String,
    state: BookState,
    book: Book,
    /// Update id of the book.
    last: u64,
    /// `E` of the last update applied.
    time: Option<u64>,
    /// An update was applied on the present snapshot: from there on a hole is a gap.
    is_chained: bool,
    was_synced: bool,
    /// The connection is open.
    is_open: bool,
    /// An update came through the present connection.
    is_heard: bool,
    /// A snapshot is wanted although no update waits for it.
    may_start_empty: bool,
    waiting: Buffer,
    fetch: Fetch,
    refresh: Option<Refresh>,
    refresh_after: u64,
    gaps: u64,
    resyncs: u64,
    updates_applied: u64,
}

impl BookSync {
    /// A book of which nothing is known.
    pub fn new(instrument: u32, symbol: &str) -> Self {
        Self {
            instrument,
            symbol: symbol.to_owned(),
            state: BookState::Resyncing,
            book: Book::default(),
            last: 0,
            time: None,
            is_chained: false,
            was_synced: false,
            is_open: false,
            is_heard: false,
            may_start_empty: false,
            waiting: Buffer::default(),
            fetch: Fetch::default(),
            refresh: None,
            refresh_after: 0,
            gaps: 0,
            resyncs: 0,
            updates_applied: 0,
        }
    }

    /// Tells the state before anything came.
    pub fn start(&mut self, cx: &Context<'_>, out: &mut Output) {
        self.enter(cx, BookState::Resyncing, "starting", out);
    }

    /// The connection is open.
    pub fn opened(&mut self, cx: &Context<'_>, out: &mut Output) {
        self.is_open = true;
        out.wake_at(
            Alarm::Quiet(self.instrument).number(),
            cx.now.saturating_add(QUIET_AFTER),
        );
    }

    /// The connection is lost. A synced book's chain may yet go on when the stream is back; a book that waits for its
    /// snapshot begins again.
    pub fn lost(&mut self, cx: &Context<'_>, out: &mut Output) {
        self.is_open = false;
        self.is_heard = false;
        self.may_start_empty = false;
        self.waiting.clear();
        self.refresh = None;
        self.fetch.abandon();
        if self.state == BookState::Synced {
            self.enter(cx, BookState::Stale, "connection lost", out);
        }
    }

    /// Takes in an update. When a number does not fit, nothing of it is applied.
    pub fn update(
        &mut self,
        cx: &mut Context<'_>,
        update: &DepthUpdate,
        changes: &Changes,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        self.is_heard = true;
        let follows = update.first <= self.last.saturating_add(1);
        match self.state {
            // Rule 2: buffer the events and note the first `U`.
            BookState::Resyncing => self.hold(cx, update, changes, out),
            // Not a gap: the updates went by while nobody was there to receive them.
            BookState::Stale if !follows => {
                self.rebuild(cx, "updates missed while disconnected", out);
                self.hold(cx, update, changes, out);
            }
            // Rule 7: ignore what the book has, before any look at the chain; a doubled frame changes nothing.
            BookState::Synced if update.last <= self.last => {}
            BookState::Synced if !follows => {
                // A first update that does not fit its snapshot is no broken chain.
                self.gaps += u64::from(self.is_chained);
                let reason = format!("gap: {} follows {}", update.first, self.last);
                self.rebuild(cx, &reason, out);
                self.hold(cx, update, changes, out);
            }
            BookState::Synced | BookState::Stale => self.advance(cx, update, changes, out)?,
        }
        Ok(())
    }

    /// Applies an update that follows the book (rules 7 to 9), unless the book has it already.
    fn advance(
        &mut self,
        cx: &mut Context<'_>,
        update: &DepthUpdate,
        changes: &Changes,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let previous = self.last;
        let is_new = update.last > previous;
        let cut = is_new && self.book.apply(&changes.bids, &changes.asks)?;
        if is_new {
            self.last = update.last;
            self.time = Some(update.time);
            self.is_chained = true;
            self.updates_applied += 1;
            if self.book.is_crossed() {
                self.gaps += 1;
                self.rebuild(cx, "best bid not below best ask", out);
                self.hold(cx, update, changes, out);
                return Ok(());
            }
        }
        if self.state == BookState::Stale {
            self.enter(cx, BookState::Synced, "stream continued", out);
            self.publish_synced(cx, out);
        } else {
            self.publish_update(cx, (update.first, previous), changes, cut, out);
        }
        self.refresh_with(cx, update, changes, out);
        Ok(())
    }

    /// Gives up the book and everything on its way.
    fn rebuild(&mut self, cx: &Context<'_>, reason: &str, out: &mut Output) {
        self.resyncs += u64::from(self.was_synced);
        out.log(
            LogLevel::Warn,
            format_args!("{}: {reason}; fetching a new snapshot", self.symbol),
        );
        self.enter(cx, BookState::Resyncing, reason, out);
        self.book.clear();
        self.waiting.clear();
        self.refresh = None;
        self.fetch.abandon();
    }

    fn hold(
        &mut self,
        cx: &mut Context<'_>,
        update: &DepthUpdate,
        changes: &Changes,
        out: &mut Output,
    ) {
        if !self
            .waiting
            .hold(update, changes, cx.settings.buffer_events_max)
        {
            let count = self.waiting.len();
            out.log(
                LogLevel::Warn,
                format_args!(
                    "{}: {count} updates waited too long for a snapshot and are dropped",
                    self.symbol
                ),
            );
            // The snapshot on its way may be older than what is held from here on.
            self.waiting.clear();
            self.fetch.abandon();
            self.waiting
                .hold(update, changes, cx.settings.buffer_events_max);
        }
        // Rule 3: get a depth snapshot.
        self.fetch.want(cx, self.instrument, &self.symbol, out);
    }

    /// The alarm for another snapshot has come.
    pub fn retry(&mut self, cx: &mut Context<'_>, out: &mut Output) {
        if !self.fetch.woken() {
            return;
        }
        match self.state {
            BookState::Resyncing if !self.waiting.is_empty() || self.may_start_empty => {
                self.fetch.want(cx, self.instrument, &self.symbol, out);
            }
            BookState::Synced => self.refresh_if_short(cx, out),
            BookState::Resyncing | BookState::Stale => {}
        }
    }

    /// The time has come by which a stream that is not quiet has said something.
    pub fn quiet(&mut self, cx: &mut Context<'_>, out: &mut Output) {
        // The alarm of a connection that is lost again says nothing: a book without its stream must not become synced.
        if !self.is_open || self.is_heard || self.state == BookState::Synced {
            return;
        }
        if self.state == BookState::Stale {
            self.rebuild(cx, "quiet since the connection is back", out);
        }
        self.may_start_empty = true;
        self.fetch.want(cx, self.instrument, &self.symbol, out);
    }

    /// Takes in the end of a request; false when it is not this book's.
    pub fn answered(
        &mut self,
        cx: &mut Context<'_>,
        response: &Response,
        scratch: &mut Changes,
        out: &mut Output,
    ) -> bool {
        if !self.fetch.answered(response.request) {
            return false;
        }
        let snapshot = match &response.outcome {
            Err(failure) => {
                let why = failure_text(*failure);
                out.log(
                    LogLevel::Warn,
                    format_args!("{}: depth snapshot: {why}", self.symbol),
                );
                Err(None)
            }
            Ok(answer) if answer.status != 200 => {
                let body = String::from_utf8_lossy(&answer.body);
                let found = format!("{}: status {}: {body}", self.symbol, answer.status);
                Err(Some(Refusal::new("depth snapshot refused", found)))
            }
            Ok(answer) => parse::snapshot(&answer.body, scratch).map_err(Some),
        };
        let result = snapshot.and_then(|last| match self.state {
            BookState::Resyncing => self.build(cx, last, scratch, out).map_err(Some),
            BookState::Synced => self.refreshed(cx, last, scratch, out).map_err(Some),
            BookState::Stale => Ok(()),
        });
        if let Err(refusal) = result {
            if let Some(refusal) = refusal {
                out.refused(&refusal);
            }
            self.refresh = None;
            self.fetch.retry(cx, self.instrument, out);
        }
        true
    }

    /// Builds the book from a snapshot and the updates held; asks again when they do not fit together.
    fn build(
        &mut self,
        cx: &mut Context<'_>,
        last: u64,
        snapshot: &Changes,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        // Rule 4: a snapshot older than the first update held is of no use.
        if self.waiting.first().is_some_and(|first| last < first) {
            self.fetch.retry(cx, self.instrument, out);
            return Ok(());
        }
        // Rule 6: the book is the snapshot.
        self.book
            .load(&snapshot.bids, &snapshot.asks, cx.settings.depth_limit)?;
        // Rule 5: drop what the snapshot has.
        self.waiting.drop_through(last);
        let (mut id, mut time, mut applied, mut taken) = (last, None, 0, 0);
        for held in self.waiting.iter() {
            // Rule 7 holds here too: what came twice would bring old levels back.
            if held.last > id {
                let fits = held.first <= id.saturating_add(1)
                    && self.book.apply(&held.bids, &held.asks).is_ok();
                if !fits {
                    break;
                }
                (id, time, applied) = (held.last, Some(held.time), applied + 1);
            }
            taken += 1;
        }
        let is_whole = taken == self.waiting.len();
        if !is_whole || self.book.is_crossed() {
            // Not a gap, because the book was not synced; what is held from the hole on is still of use.
            self.book.clear();
            if is_whole {
                self.may_start_empty = true;
            } else {
                self.waiting.drop_count(taken);
            }
            out.log(
                LogLevel::Warn,
                format_args!("{}: snapshot {last} does not fit the stream", self.symbol),
            );
            self.fetch.retry(cx, self.instrument, out);
            return Ok(());
        }
        self.waiting.clear();
        self.fetch.succeeded();
        (self.last, self.time) = (id, time);
        self.updates_applied += applied;
        self.is_chained = applied > 0;
        self.was_synced = true;
        self.may_start_empty = false;
        self.refresh_after = cx.now;
        self.enter(cx, BookState::Synced, "snapshot applied", out);
        self.publish_synced(cx, out);
        Ok(())
    }

    /// The state of the book; `levels` of each side.
    pub fn report(&self, report: &mut InstrumentReport, levels: usize) {
        let is_known = self.state != BookState::Resyncing;
        report.book_state = Some(self.state);
        report.last_update_id = is_known.then_some(self.last);
        report.counters = Counters {
            updates_applied: self.updates_applied,
            gaps: self.gaps,
            resyncs: self.resyncs,
            ..report.counters
        };
        report.bids = pack(&self.book.top_bids(levels).to_vec());
        report.asks = pack(&self.book.top_asks(levels).to_vec());
        report.bid_levels = u32::try_from(self.book.bid_count()).unwrap_or(u32::MAX);
        report.ask_levels = u32::try_from(self.book.ask_count()).unwrap_or(u32::MAX);
    }
}

/// Refreshing a live book whose proven part has become short.
impl BookSync {
    fn refresh_if_short(&mut self, cx: &mut Context<'_>, out: &mut Output) {
        let is_due =
            self.refresh.is_none() && !self.fetch.is_pending() && cx.now >= self.refresh_after;
        let most = cx.settings.publish_depth.min(cx.settings.depth_limit);
        if is_due && self.book.is_short_of(most) {
            self.fetch.want(cx, self.instrument, &self.symbol, out);
            self.refresh = self.fetch.is_pending().then(|| Refresh::new(self.last));
        }
    }

    fn refresh_with(
        &mut self,
        cx: &mut Context<'_>,
        update: &DepthUpdate,
        changes: &Changes,
        out: &mut Output,
    ) {
        if let Some(refresh) = &mut self.refresh {
            if refresh
                .held
                .hold(update, changes, cx.settings.buffer_events_max)
            {
                self.complete_refresh(cx, out);
            } else {
                out.log(
                    LogLevel::Warn,
                    format_args!("{}: the refresh took too long", self.symbol),
                );
                self.end_refresh(cx);
                self.fetch.abandon();
            }
        } else {
            self.refresh_if_short(cx, out);
        }
    }

    fn refreshed(
        &mut self,
        cx: &mut Context<'_>,
        last: u64,
        snapshot: &Changes,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let Some(refresh) = &mut self.refresh else {
            return Ok(());
        };
        if last < refresh.from {
            self.refresh = None;
            self.fetch.retry(cx, self.instrument, out);
            return Ok(());
        }
        refresh.snapshot = Some(Snapshot {
            last,
            levels: snapshot.clone(),
        });
        self.complete_refresh(cx, out);
        Ok(())
    }

    fn complete_refresh(&mut self, cx: &Context<'_>, out: &mut Output) {
        let Some(refresh) = &mut self.refresh else {
            return;
        };
        match refresh.progress(self.last, cx.settings.depth_limit) {
            Progress::Waiting => {}
            Progress::Done(book) => {
                self.book = book;
                self.fetch.succeeded();
                self.end_refresh(cx);
                self.publish_whole(cx, out);
            }
            Progress::Failed => self.end_refresh(cx),
        }
    }

    fn end_refresh(&mut self, cx: &Context<'_>) {
        self.refresh = None;
        self.refresh_after = cx.now.saturating_add(REFRESH_EVERY);
    }
}
