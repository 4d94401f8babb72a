//! One instrument's book with its state: what of it is published, and when. A book is synced, or it is not shown.
//!
//! How a book comes to be synced is the adapter's business; this file only tells it.

use super::{Book, Changes, Levels, UpdateIds};
use crate::settings::{BookSettings, Method};
use crate::wit::{BookOccasion, BookState, BookStatus, Counters, InstrumentReport, Level, pack};
use crate::{BookHead, ChangeHead, Output};

/// How often a consumer of changes gets the whole book again, in nanoseconds.
const WHOLE_EVERY: u64 = 60_000_000_000;

/// One instrument's book and where it stands.
#[derive(Debug)]
pub struct LiveBook {
    instrument: u32,
    /// Number of the alarm at which the whole book is due again.
    whole_alarm: u32,
    state: BookState,
    /// The levels.
    pub book: Book,
    /// Update id of the book.
    pub last: u64,
    /// The exchange gives update ids; where it does not, `last` only numbers the updates.
    pub has_ids: bool,
    /// Exchange time of the last update in nanoseconds.
    pub time: Option<u64>,
    /// First update id, where the venue's payload carries it.
    pub shown_first: Option<i64>,
    /// Update id before the last update, where the venue's payload carries it (-1: none).
    pub shown_previous: Option<i64>,
    was_synced: bool,
    /// At the alarm its top is to be published too.
    anew: bool,
    /// Broken chains of the synced book.
    pub gaps: u64,
    /// Rebuilds of a book that had been synced.
    pub resyncs: u64,
    /// Updates applied.
    pub updates_applied: u64,
}

impl LiveBook {
    /// A book of which nothing is known. `whole_alarm` is the number of the alarm at which [`LiveBook::renew`] is to be
    /// called.
    pub fn new(instrument: u32, whole_alarm: u32) -> Self {
        Self {
            instrument,
            whole_alarm,
            state: BookState::Resyncing,
            book: Book::default(),
            last: 0,
            has_ids: true,
            time: None,
            shown_first: None,
            shown_previous: None,
            was_synced: false,
            anew: false,
            gaps: 0,
            resyncs: 0,
            updates_applied: 0,
        }
    }

    /// The instrument.
    pub const fn instrument(&self) -> u32 {
        self.instrument
    }

    /// How far it can be trusted.
    pub const fn state(&self) -> BookState {
        self.state
    }

    /// Goes to a state and tells it.
    pub fn enter(&mut self, now: u64, state: BookState, reason: &str, out: &mut Output) {
        self.state = state;
        self.was_synced |= state == BookState::Synced;
        out.book_status(BookStatus {
            instrument: self.instrument,
            sequence: self.last,
            state,
            reason: reason.to_owned(),
            time: now,
            gaps: self.gaps,
            resyncs: self.resyncs,
            updates_applied: self.updates_applied,
        });
    }

    /// Gives the book up until a new snapshot comes.
    pub fn give_up(&mut self, now: u64, reason: &str, out: &mut Output) {
        self.resyncs += u64::from(self.was_synced);
        self.enter(now, BookState::Resyncing, reason, out);
        self.book.clear();
    }

    /// The time of an interval has come.
    pub fn tick(&self, settings: &BookSettings, out: &mut Output) {
        if self.state == BookState::Synced {
            self.publish(settings, BookOccasion::Interval, out);
        }
    }

    /// Publishes a book that was not synced and is now, or that consumers are to take up anew.
    pub fn publish_synced(&self, now: u64, settings: &BookSettings, out: &mut Output) {
        if settings.method == Method::Change {
            self.publish(settings, BookOccasion::Snapshot, out);
        }
        self.publish_whole(now, settings, out);
    }

    /// What is published goes out from now on: a synced book is published anew. That comes at the alarm, which is set
    /// to `now`, so that each book has an event of its own: all of them could be more than one event may hold.
    pub fn promoted(&mut self, now: u64, settings: &BookSettings, out: &mut Output) {
        let is_shown = settings.method == Method::Change || settings.deltas;
        if self.state == BookState::Synced && is_shown {
            self.anew = true;
            out.wake_at(self.whole_alarm, now);
        }
    }

    /// Publishes a synced book that an update changed. `previous` is the book's update id before it; `cut` says that
    /// levels were dropped beyond what the update says.
    pub fn publish_update(
        &self,
        now: u64,
        settings: &BookSettings,
        (first, previous): (u64, u64),
        changes: &Changes,
        cut: bool,
        out: &mut Output,
    ) {
        if settings.method == Method::Change {
            self.publish(settings, BookOccasion::Update, out);
        }
        if cut {
            self.publish_whole(now, settings, out);
        } else if settings.deltas {
            self.publish_part((first, previous), changes, out);
        }
    }

    fn publish(&self, settings: &BookSettings, occasion: BookOccasion, out: &mut Output) {
        // What is proven may have run out on one side, until a refresh brings more.
        if !self.book.has_both_sides() {
            return;
        }
        let head = BookHead {
            instrument: self.instrument,
            sequence: self.last,
            last_update_id: self.has_ids.then_some(self.last),
            time: self.time,
            occasion,
            first_update_id: self.shown_first,
            previous_update_id: self.shown_previous,
        };
        let depth = settings.publish_depth;
        out.book(&head, self.book.top_bids(depth), self.book.top_asks(depth));
    }

    /// Publishes the whole book as a change, when changes are published, and sets the alarm for the next time.
    pub fn publish_whole(&self, now: u64, settings: &BookSettings, out: &mut Output) {
        if !settings.deltas {
            return;
        }
        let head = ChangeHead {
            instrument: self.instrument,
            time: self.time,
            snapshot: true,
            first_update_id: self.last,
            last_update_id: self.last,
            previous_update_id: self.last,
        };
        let (bids, asks) = (
            self.book.top_bids(usize::MAX),
            self.book.top_asks(usize::MAX),
        );
        out.book_change(&head, Levels::Top(bids), Levels::Top(asks));
        out.wake_at(self.whole_alarm, now.saturating_add(WHOLE_EVERY));
    }

    /// The time for the whole book has come again.
    pub fn renew(&mut self, now: u64, settings: &BookSettings, out: &mut Output) {
        // One that is not synced by now is published when it is.
        let anew = std::mem::take(&mut self.anew);
        if self.state != BookState::Synced {
            return;
        }
        if anew {
            self.publish_synced(now, settings, out);
        } else {
            self.publish_whole(now, settings, out);
        }
    }

    fn publish_part(&self, (first, previous): (u64, u64), changes: &Changes, out: &mut Output) {
        let head = ChangeHead {
            instrument: self.instrument,
            time: self.time,
            snapshot: false,
            first_update_id: first,
            last_update_id: self.last,
            previous_update_id: previous,
        };
        // What lies beyond the horizon was not in the whole book either, so a consumer's book stays proven.
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        let bids = proven(&changes.bids, &mut bids, |level| {
            self.book.proves_bid(level)
        });
        let asks = proven(&changes.asks, &mut asks, |level| {
            self.book.proves_ask(level)
        });
        out.book_change(&head, Levels::Changed(bids), Levels::Changed(asks));
    }

    /// Writes its state into a report, with `levels` of each side.
    pub fn report(&self, report: &mut InstrumentReport, levels: usize) {
        let is_known = self.state != BookState::Resyncing;
        report.book_state = Some(self.state);
        report.last_update_id = (is_known && self.has_ids).then_some(self.last);
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

    /// Takes over a book that was kept up to date beside it: its levels, ids and time.
    pub fn replace(&mut self, book: Book, ids: UpdateIds) {
        self.book = book;
        self.last = ids.last;
        self.time = Some(ids.time);
    }
}

/// A report of an instrument of which nothing is known yet.
pub const fn empty_report(instrument: u32) -> InstrumentReport {
    InstrumentReport {
        instrument,
        problem: None,
        book_state: None,
        last_update_id: None,
        counters: Counters {
            trades: 0,
            duplicate_trades: 0,
            missing_trades: 0,
            fetched_trades: 0,
            updates_applied: 0,
            gaps: 0,
            resyncs: 0,
        },
        streams: Vec::new(),
        bids: Vec::new(),
        asks: Vec::new(),
        bid_levels: 0,
        ask_levels: 0,
    }
}

fn proven<'a>(
    levels: &'a [Level],
    kept: &'a mut Vec<Level>,
    proves: impl Fn(&Level) -> bool,
) -> &'a [Level] {
    if levels.iter().all(&proves) {
        return levels;
    }
    kept.extend(levels.iter().filter(|level| proves(level)));
    kept
}
