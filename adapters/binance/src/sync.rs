//! Keeping one book true: a snapshot, and an unbroken chain of updates behind it (rules and pages: `chain`). A book is
//! synced, or it is not shown.
//!
//! A book follows one connection. While that one is being replaced, updates come through its successor too: those that
//! are ahead wait in `ahead` until the two join.

mod answer;
mod chain;
mod refresh;
mod successor;

use marketprism_kit::book::{Changes, LiveBook, SnapshotFetch, UpdateIds, Waiting};
use marketprism_kit::session::Context;
use marketprism_kit::wit::{BookState, InstrumentReport, LogLevel};
use marketprism_kit::{Output, Refusal};

use crate::address;
use crate::alarm;
use crate::settings::Settings;
use chain::{Chain, Link, link};
use refresh::{Progress, Refresh};

/// A stream that is silent for this long after it was asked for belongs to a quiet instrument.
const QUIET_AFTER: u64 = 5_000_000_000;

/// Two refreshes of one book are at least this far apart.
const REFRESH_EVERY: u64 = 60_000_000_000;

/// One instrument's book and where it stands.
#[derive(Debug)]
pub struct BookSync {
    symbol: String,
    live: LiveBook,
    chain: Chain,
    /// The open connections through which its stream comes.
    carriers: Vec<u32>,
    /// The connection that the book follows: one of those, once an update came through it.
    source: Option<u32>,
    /// Updates of another connection that are ahead of the book, and that connection.
    ahead: Waiting,
    ahead_on: Option<u32>,
    /// A snapshot is wanted although no update waits for it.
    may_start_empty: bool,
    waiting: Waiting,
    fetch: SnapshotFetch,
    refresh: Option<Refresh>,
    refresh_after: u64,
}

impl BookSync {
    /// A book of which nothing is known.
    pub fn new(instrument: u32, symbol: &str) -> Self {
        Self {
            symbol: symbol.to_owned(),
            live: LiveBook::new(instrument, alarm::WHOLE.of(instrument)),
            chain: Chain::Snapshot,
            carriers: Vec::new(),
            source: None,
            ahead: Waiting::default(),
            ahead_on: None,
            may_start_empty: false,
            waiting: Waiting::default(),
            fetch: SnapshotFetch::new(instrument, alarm::SNAPSHOT.of(instrument)),
            refresh: None,
            refresh_after: 0,
        }
    }

    /// Tells the state before anything came.
    pub fn start(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        self.live
            .enter(cx.now, BookState::Resyncing, "starting", out);
    }

    /// The exchange said that its stream comes through this connection.
    pub fn asked_for(&mut self, cx: &Context<'_, Settings>, connection: u32, out: &mut Output) {
        self.carried_by(connection);
        if self.source.is_none() {
            self.expect(cx, out);
        }
    }

    fn carried_by(&mut self, connection: u32) {
        if !self.carriers.contains(&connection) {
            self.carriers.push(connection);
        }
    }

    /// Sets the alarm by which a stream that is not quiet has said something.
    fn expect(&self, cx: &Context<'_, Settings>, out: &mut Output) {
        let instrument = self.live.instrument();
        out.wake_at(
            alarm::QUIET.of(instrument),
            cx.now.saturating_add(QUIET_AFTER),
        );
    }

    /// A connection is lost. A synced book's chain may yet go on when the stream is back; a book that waits for its
    /// snapshot begins again.
    pub fn lost(&mut self, cx: &mut Context<'_, Settings>, connection: u32, out: &mut Output) {
        let before = self.carriers.len();
        self.carriers.retain(|carrier| *carrier != connection);
        let was_carrier = self.carriers.len() < before;
        if self.ahead_on == Some(connection) {
            self.forget_ahead();
        }
        let is_followed = self.source == Some(connection);
        if !is_followed && (self.source.is_some() || !was_carrier) {
            return;
        }
        self.source = None;
        if self.chain == Chain::Update {
            self.chain = Chain::Before;
        }
        if self.live.state() != BookState::Synced {
            self.begin_again();
            if !self.carriers.is_empty() {
                self.expect(cx, out);
            }
        } else if !self.ahead.is_empty() {
            self.follow_what_is_ahead(cx, out);
        } else if self.carriers.is_empty() {
            self.begin_again();
            self.live
                .enter(cx.now, BookState::Stale, "connection lost", out);
        }
    }

    /// The stream brings nothing although it should. A synced book's chain may yet go on; if the stream stays quiet once
    /// the exchange has acknowledged it again, a snapshot proves the book.
    pub fn silent(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) {
        if self.live.state() != BookState::Synced {
            return;
        }
        self.source = None;
        if self.chain == Chain::Update {
            self.chain = Chain::Before;
        }
        self.begin_again();
        self.live
            .enter(cx.now, BookState::Stale, "stream silent", out);
    }

    /// Forgets what is on its way.
    fn begin_again(&mut self) {
        self.may_start_empty = false;
        self.waiting.clear();
        self.refresh = None;
        self.fetch.abandon();
    }

    /// Takes in an update. When a number does not fit, nothing of it is applied. True when the book follows this
    /// connection from now on.
    #[inline]
    pub fn update(
        &mut self,
        cx: &mut Context<'_, Settings>,
        connection: u32,
        ids: UpdateIds,
        changes: &Changes,
        out: &mut Output,
    ) -> Result<bool, Refusal> {
        if self.source == Some(connection) {
            self.follow(cx, ids, changes, out)?;
            return Ok(self.join(cx, out));
        }
        if self.source.is_some() {
            return self.update_of_another(cx, connection, ids, changes, out);
        }
        self.source = Some(connection);
        self.carried_by(connection);
        self.follow(cx, ids, changes, out)?;
        Ok(true)
    }

    /// Takes in an update of the connection that is followed.
    fn follow(
        &mut self,
        cx: &mut Context<'_, Settings>,
        ids: UpdateIds,
        changes: &Changes,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let link = link(cx.settings.venue, self.chain, self.live.last, &ids);
        match (self.live.state(), link) {
            // The stream is buffered from its first update on.
            (BookState::Resyncing, _) => self.hold(cx, ids, changes, out),
            // Not a gap: the updates went by while nobody was there to receive them.
            (BookState::Stale, Link::Hole) => {
                self.rebuild(cx, "updates missed while disconnected", out);
                self.hold(cx, ids, changes, out);
            }
            (BookState::Stale, Link::Known) => self.continued(cx, out),
            (BookState::Stale | BookState::Synced, Link::Follows) => {
                self.advance(cx, ids, changes, out)?;
            }
            // Before any look at the chain: a doubled frame changes nothing.
            (BookState::Synced, Link::Known) => {}
            (BookState::Synced, Link::Hole) => {
                // A first update that does not fit its snapshot is no broken chain.
                self.live.gaps += u64::from(self.chain != Chain::Snapshot);
                let reason = format!("gap: {} follows {}", ids.first, self.live.last);
                self.rebuild(cx, &reason, out);
                self.hold(cx, ids, changes, out);
            }
        }
        Ok(())
    }

    fn continued(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        self.live
            .enter(cx.now, BookState::Synced, "stream continued", out);
        self.live.publish_synced(cx.now, &cx.settings.book, out);
    }

    /// Applies an update that follows the book.
    fn advance(
        &mut self,
        cx: &mut Context<'_, Settings>,
        ids: UpdateIds,
        changes: &Changes,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let previous = self.live.last;
        let cut = self.live.book.apply(&changes.bids, &changes.asks)?;
        self.live.last = ids.last;
        self.live.time = Some(ids.time);
        self.live.updates_applied += 1;
        self.chain = Chain::Update;
        if self.live.book.is_crossed() {
            self.live.gaps += 1;
            self.rebuild(cx, "best bid not below best ask", out);
            self.hold(cx, ids, changes, out);
            return Ok(());
        }
        if self.live.state() == BookState::Stale {
            self.continued(cx, out);
        } else if ids.last > previous {
            // A first update of USD-M that ends with the snapshot is the link to the next one, but no change.
            let which = (ids.first, previous);
            self.live
                .publish_update(cx.now, &cx.settings.book, which, changes, cut, out);
        }
        self.refresh_with(cx, ids, changes, out);
        Ok(())
    }

    /// Gives up the book and everything on its way.
    fn rebuild(&mut self, cx: &Context<'_, Settings>, reason: &str, out: &mut Output) {
        out.log(
            LogLevel::Warn,
            format_args!("{}: {reason}; fetching a new snapshot", self.symbol),
        );
        self.give_up(cx, reason, out);
    }

    fn give_up(&mut self, cx: &Context<'_, Settings>, reason: &str, out: &mut Output) {
        self.live.give_up(cx.now, reason, out);
        self.forget_ahead();
        self.begin_again();
    }

    /// The exchange does not know the instrument any more.
    pub fn unlisted(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        if self.live.state() != BookState::Resyncing {
            self.give_up(cx, "the exchange does not know the instrument", out);
        }
        self.begin_again();
    }

    fn hold(
        &mut self,
        cx: &mut Context<'_, Settings>,
        ids: UpdateIds,
        changes: &Changes,
        out: &mut Output,
    ) {
        let most = cx.settings.book.buffer_events_max;
        if !self.waiting.hold(ids, changes, most) {
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
            self.waiting.hold(ids, changes, most);
        }
        self.want_snapshot(cx, out);
    }

    fn want_snapshot(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) {
        let symbol = &self.symbol;
        self.fetch
            .want(cx, |settings| address::depth(settings, symbol), out);
    }

    /// The alarm for another snapshot has come.
    pub fn retry(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) {
        if !self.fetch.woken() {
            return;
        }
        match self.live.state() {
            BookState::Resyncing if !self.waiting.is_empty() || self.may_start_empty => {
                self.want_snapshot(cx, out);
            }
            BookState::Synced => self.refresh_if_short(cx, out),
            BookState::Resyncing | BookState::Stale => {}
        }
    }

    /// The time has come by which a stream that is not quiet has said something.
    pub fn quiet(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) {
        // The alarm of a connection that is lost again says nothing: a book without its stream must not become synced.
        let says_nothing = self.carriers.is_empty() || self.source.is_some();
        if says_nothing || self.live.state() == BookState::Synced {
            return;
        }
        if self.live.state() == BookState::Stale {
            self.rebuild(cx, "quiet since the connection is back", out);
        }
        self.may_start_empty = true;
        self.want_snapshot(cx, out);
    }

    /// The time of an interval has come.
    pub fn tick(&self, cx: &Context<'_, Settings>, out: &mut Output) {
        self.live.tick(&cx.settings.book, out);
    }

    /// What is published goes out from now on.
    pub fn promoted(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        self.live.promoted(cx.now, &cx.settings.book, out);
    }

    /// The time for the whole book has come again.
    pub fn renew(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        self.live.renew(cx.now, &cx.settings.book, out);
    }

    /// The state of the book; `levels` of each side.
    pub fn report(&self, report: &mut InstrumentReport, levels: usize) {
        self.live.report(report, levels);
    }
}

/// Refreshing a live book whose proven part has become short.
impl BookSync {
    fn refresh_if_short(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) {
        let is_due =
            self.refresh.is_none() && !self.fetch.is_pending() && cx.now >= self.refresh_after;
        let book = &cx.settings.book;
        let most = book.publish_depth.min(book.depth_limit);
        if is_due && self.live.book.is_short_of(most) {
            self.want_snapshot(cx, out);
            self.refresh = self
                .fetch
                .is_pending()
                .then(|| Refresh::new(self.live.last));
        }
    }

    fn refresh_with(
        &mut self,
        cx: &mut Context<'_, Settings>,
        ids: UpdateIds,
        changes: &Changes,
        out: &mut Output,
    ) {
        if let Some(refresh) = &mut self.refresh {
            let most = cx.settings.book.buffer_events_max;
            if refresh.held.hold(ids, changes, most) {
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

    fn complete_refresh(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        let Some(refresh) = &mut self.refresh else {
            return;
        };
        match refresh.progress(self.live.last, cx.settings.book.depth_limit) {
            Progress::Waiting => {}
            Progress::Done(book) => {
                self.live.book = book;
                self.fetch.succeeded();
                self.end_refresh(cx);
                self.live.publish_whole(cx.now, &cx.settings.book, out);
            }
            Progress::Failed => self.end_refresh(cx),
        }
    }

    fn end_refresh(&mut self, cx: &Context<'_, Settings>) {
        self.refresh = None;
        self.refresh_after = cx.now.saturating_add(REFRESH_EVERY);
    }
}
