//! What a book publishes, and when.

use marketprism_kit::book::Levels;
use marketprism_kit::wit::{BookOccasion, BookState, BookStatus, Level};
use marketprism_kit::{BookHead, ChangeHead, Output};

use super::BookSync;
use crate::parse::Changes;
use crate::session::{Alarm, Context};
use crate::settings::Method;

/// How often a consumer of changes gets the whole book again.
const WHOLE_EVERY: u64 = 60_000_000_000;

impl BookSync {
    /// Goes to a state and tells it.
    pub(super) fn enter(
        &mut self,
        cx: &Context<'_>,
        state: BookState,
        reason: &str,
        out: &mut Output,
    ) {
        self.state = state;
        out.book_status(BookStatus {
            instrument: self.instrument,
            sequence: self.last,
            state,
            reason: reason.to_owned(),
            time: cx.now,
            gaps: self.gaps,
            resyncs: self.resyncs,
            updates_applied: self.updates_applied,
        });
    }

    /// The time of an interval has come.
    pub fn tick(&self, cx: &Context<'_>, out: &mut Output) {
        if self.state == BookState::Synced {
            self.publish(cx, BookOccasion::Interval, out);
        }
    }

    /// A book that was not synced is.
    pub(super) fn publish_synced(&mut self, cx: &Context<'_>, out: &mut Output) {
        if cx.settings.method == Method::Change {
            self.publish(cx, BookOccasion::Snapshot, out);
        }
        self.publish_whole(cx, out);
    }

    /// A synced book was changed; `cut` says that levels were dropped beyond what the update says.
    pub(super) fn publish_update(
        &mut self,
        cx: &Context<'_>,
        ids: (u64, u64),
        changes: &Changes,
        cut: bool,
        out: &mut Output,
    ) {
        if cx.settings.method == Method::Change {
            self.publish(cx, BookOccasion::Update, out);
        }
        if cut {
            self.publish_whole(cx, out);
        } else if cx.settings.deltas {
            self.publish_part(ids, changes, out);
        }
    }

    fn publish(&self, cx: &Context<'_>, occasion: BookOccasion, out: &mut Output) {
        // What is proven may have run out on one side, until the refresh that is under way brings more.
        if !self.book.has_both_sides() {
            return;
        }
        let head = BookHead {
            instrument: self.instrument,
            sequence: self.last,
            last_update_id: Some(self.last),
            time: self.time,
            occasion,
            first_update_id: None,
            previous_update_id: None,
        };
        let depth = cx.settings.publish_depth;
        out.book(&head, self.book.top_bids(depth), self.book.top_asks(depth));
    }

    /// Publishes the whole book as a change, when changes are published, and sets the alarm for the next time.
    pub(super) fn publish_whole(&mut self, cx: &Context<'_>, out: &mut Output) {
        if !cx.settings.deltas {
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
        out.wake_at(
            Alarm::Whole(self.instrument).number(),
            cx.now.saturating_add(WHOLE_EVERY),
        );
    }

    /// The time for the whole book has come again.
    pub fn renew(&mut self, cx: &Context<'_>, out: &mut Output) {
        if self.state == BookState::Synced {
            self.publish_whole(cx, out);
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
