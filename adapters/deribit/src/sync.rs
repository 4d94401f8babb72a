//! Keeping one book true: the first message of a subscription is the whole book, each other one names the message
//! before it. <https://docs.deribit.com/subscriptions/orderbook/bookinstrument_nameinterval>
//!
//! A book follows one connection. While that connection is being renewed, the messages of its successor build a second
//! book beside it, which takes over once it is as new.

mod beside;

use marketprism_kit::book::{Changes, LiveBook, UpdateIds};
use marketprism_kit::session::Context;
use marketprism_kit::wit::{BookState, InstrumentReport, LogLevel};
use marketprism_kit::{Output, Refusal};

use crate::alarm;
use crate::parse::BookUpdate;
use crate::settings::Settings;
use beside::Beside;

/// A message that comes again within so many later ones is known.
const RECENT_MAX: usize = 16;

/// A snapshot that has not come by then is asked for again, and then later and later, in nanoseconds.
const SNAPSHOT_WITHIN: u64 = 15_000_000_000;

/// Each time that is of no use makes the next one wait twice as long, so often at most.
const DOUBLINGS_MAX: u32 = 5;

/// What is to be done about the book's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing.
    Nothing,
    /// A new snapshot: the channel is to be asked for again.
    Snapshot,
    /// The book follows this connection from now on.
    TakenOver(u32),
}

/// One instrument's book and where it stands.
#[derive(Debug)]
pub struct BookSync {
    name: String,
    live: LiveBook,
    /// The connection whose messages the book follows.
    source: Option<u32>,
    beside: Option<Box<Beside>>,
    /// The messages that the book consists of, newest at `recent_at`.
    recent: [Option<(Option<u64>, u64)>; RECENT_MAX],
    recent_at: usize,
    /// Since when a snapshot is waited for, while the channel is there to bring one.
    waits_since: Option<u64>,
    /// Snapshots asked for in vain.
    tries: u32,
}

impl BookSync {
    /// A book of which nothing is known.
    pub fn new(instrument: u32, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            live: LiveBook::new(instrument, alarm::WHOLE.of(instrument)),
            source: None,
            beside: None,
            recent: [None; RECENT_MAX],
            recent_at: 0,
            waits_since: None,
            tries: 0,
        }
    }

    /// Tells the state before anything came.
    pub fn start(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        self.live
            .enter(cx.now, BookState::Resyncing, "starting", out);
        self.waits_since = Some(cx.now);
    }

    /// A connection is lost. The chain of a synced book may yet go on when the channel is back.
    pub fn lost(&mut self, cx: &Context<'_, Settings>, connection: u32, out: &mut Output) {
        if self
            .beside
            .as_ref()
            .is_some_and(|it| it.connection == connection)
        {
            self.beside = None;
        }
        if self.source != Some(connection) {
            return;
        }
        self.source = None;
        self.waits_since = Some(cx.now);
        self.tries = 0;
        if self.live.state() == BookState::Synced {
            self.live
                .enter(cx.now, BookState::Stale, "connection lost", out);
        }
    }

    /// The stream brings nothing although it should: it is asked for again, and begins anew with a snapshot.
    pub fn silent(&mut self, now: u64, out: &mut Output) {
        if self.live.state() == BookState::Synced {
            self.waits_since = Some(now);
            self.live.enter(now, BookState::Stale, "stream silent", out);
        }
    }

    /// Takes in a message. When a number does not fit, nothing of it is applied.
    pub fn update(
        &mut self,
        cx: &Context<'_, Settings>,
        connection: u32,
        update: &BookUpdate,
        changes: &Changes,
        out: &mut Output,
    ) -> Result<Wanted, Refusal> {
        let is_synced = self.live.state() == BookState::Synced;
        let is_beside = self
            .beside
            .as_ref()
            .is_some_and(|beside| beside.connection == connection);
        if self.source != Some(connection) && (is_synced || is_beside) {
            return self.build_beside(cx, connection, update, changes, out);
        }
        let Some(previous) = update.previous else {
            if is_synced && self.is_recent(update) {
                return Ok(Wanted::Nothing);
            }
            return self.load(cx, connection, update, changes, out);
        };
        match self.live.state() {
            // Until the snapshot comes there is nothing to be changed.
            BookState::Resyncing => Ok(Wanted::Nothing),
            _ if previous == self.live.last => {
                self.advance(cx, connection, previous, update, changes, out)
            }
            // What came twice changes nothing.
            _ if self.is_recent(update) => Ok(Wanted::Nothing),
            BookState::Synced => {
                self.live.gaps += 1;
                let reason = format!("gap: {previous} follows {}", self.live.last);
                Ok(self.rebuild(cx, &reason, out))
            }
            // Not a gap: the messages went by while nobody was there to receive them.
            BookState::Stale => Ok(self.rebuild(cx, "updates missed while disconnected", out)),
        }
    }

    /// The message is the whole book.
    fn load(
        &mut self,
        cx: &Context<'_, Settings>,
        connection: u32,
        update: &BookUpdate,
        changes: &Changes,
        out: &mut Output,
    ) -> Result<Wanted, Refusal> {
        let was = self.live.state();
        self.live
            .book
            .load(&changes.bids, &changes.asks, usize::MAX)?;
        if self.live.book.is_crossed() {
            self.live.gaps += u64::from(was == BookState::Synced);
            return Ok(self.rebuild(cx, "best bid not below best ask in a snapshot", out));
        }
        let before = self.source.replace(connection);
        self.live.last = update.id;
        self.live.time = Some(update.time);
        self.recent = [None; RECENT_MAX];
        self.remember(update);
        self.synced(cx, "snapshot applied", out);
        Ok(if before == Some(connection) {
            Wanted::Nothing
        } else {
            Wanted::TakenOver(connection)
        })
    }

    /// Applies a message that follows the book.
    fn advance(
        &mut self,
        cx: &Context<'_, Settings>,
        connection: u32,
        previous: u64,
        update: &BookUpdate,
        changes: &Changes,
        out: &mut Output,
    ) -> Result<Wanted, Refusal> {
        let cut = self.live.book.apply(&changes.bids, &changes.asks)?;
        self.live.last = update.id;
        self.live.time = Some(update.time);
        self.live.updates_applied += 1;
        self.remember(update);
        if self.live.book.is_crossed() {
            self.live.gaps += 1;
            return Ok(self.rebuild(cx, "best bid not below best ask", out));
        }
        if self.live.state() == BookState::Stale {
            self.source = Some(connection);
            self.synced(cx, "stream continued", out);
            return Ok(Wanted::TakenOver(connection));
        }
        if let Some(books) = &cx.settings.books {
            let first = previous.saturating_add(1).min(update.id);
            self.live
                .publish_update(cx.now, books, (first, previous), changes, cut, out);
        }
        Ok(Wanted::Nothing)
    }

    fn synced(&mut self, cx: &Context<'_, Settings>, reason: &str, out: &mut Output) {
        self.waits_since = None;
        self.tries = 0;
        if self.live.state() != BookState::Synced {
            self.live.enter(cx.now, BookState::Synced, reason, out);
        }
        if let Some(books) = &cx.settings.books {
            self.live.publish_synced(cx.now, books, out);
        }
    }

    /// Gives up the book until a new snapshot comes.
    fn rebuild(&mut self, cx: &Context<'_, Settings>, reason: &str, out: &mut Output) -> Wanted {
        out.log(
            LogLevel::Warn,
            format_args!("{}: {reason}; waiting for a new snapshot", self.name),
        );
        self.live.give_up(cx.now, reason, out);
        self.beside = None;
        self.waits_since = Some(cx.now);
        Wanted::Snapshot
    }

    /// Messages of the connection that is about to take over.
    fn build_beside(
        &mut self,
        cx: &Context<'_, Settings>,
        connection: u32,
        update: &BookUpdate,
        changes: &Changes,
        out: &mut Output,
    ) -> Result<Wanted, Refusal> {
        match &mut self.beside {
            Some(beside) if beside.connection == connection => {
                if !beside.take(update, changes)? {
                    self.beside = None;
                }
            }
            _ if update.previous.is_some() => return Ok(Wanted::Nothing),
            _ => self.beside = Beside::begin(connection, update, changes)?,
        }
        let live = self.live.last;
        let Some(beside) = self.beside.take_if(|beside| beside.last >= live) else {
            return Ok(Wanted::Nothing);
        };
        let is_newer = beside.last > live;
        let ids = UpdateIds {
            last: beside.last,
            time: beside.time,
            ..UpdateIds::default()
        };
        self.live.replace(beside.book, ids);
        self.source = Some(connection);
        self.recent = [None; RECENT_MAX];
        self.remember(update);
        self.live.updates_applied += u64::from(is_newer);
        if self.live.state() == BookState::Stale {
            self.synced(cx, "stream continued", out);
        } else if let Some(books) = &cx.settings.books
            && is_newer
        {
            self.live
                .publish_update(cx.now, books, (live, live), changes, true, out);
        }
        Ok(Wanted::TakenOver(connection))
    }

    fn remember(&mut self, update: &BookUpdate) {
        self.recent_at = (self.recent_at + 1) % RECENT_MAX;
        if let Some(place) = self.recent.get_mut(self.recent_at) {
            *place = Some((update.previous, update.id));
        }
    }

    fn is_recent(&self, update: &BookUpdate) -> bool {
        self.recent.contains(&Some((update.previous, update.id)))
    }

    /// Whether a snapshot that should be here is to be asked for again.
    pub fn is_overdue(&mut self, now: u64) -> bool {
        let within = SNAPSHOT_WITHIN << self.tries.min(DOUBLINGS_MAX);
        let is_overdue = self
            .waits_since
            .is_some_and(|since| now.saturating_sub(since) > within);
        if is_overdue {
            self.waits_since = Some(now);
            self.tries = self.tries.saturating_add(1);
        }
        is_overdue
    }

    /// The time of an interval has come.
    pub fn tick(&self, cx: &Context<'_, Settings>, out: &mut Output) {
        if let Some(books) = &cx.settings.books {
            self.live.tick(books, out);
        }
    }

    /// What is published goes out from now on.
    pub fn promoted(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        if let Some(books) = &cx.settings.books {
            self.live.promoted(cx.now, books, out);
        }
    }

    /// The time for the whole book has come again.
    pub fn renew(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        if let Some(books) = &cx.settings.books {
            self.live.renew(cx.now, books, out);
        }
    }

    /// The state of the book; `levels` of each side.
    pub fn report(&self, report: &mut InstrumentReport, levels: usize) {
        self.live.report(report, levels);
    }
}
