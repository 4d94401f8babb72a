//! What of a version's publications is later than what the version before it published.

use super::ledger::{Reach, Row};
use super::line::Place;
use crate::sandbox::contract::{Book, BookChange, BookOccasion, Instrument, MarketEvent};
use crate::wire::DataType;

/// How long a book is waited for that is not as far as the one before, in nanoseconds. An exchange may have begun its
/// update ids again, lower.
const BOOKS_WAIT: u64 = 10_000_000_000;

/// Between two times that books are wanted whole, in nanoseconds.
const WHOLE_EVERY: u64 = 1_000_000_000;

/// Lets pass what the version before did not publish.
#[derive(Debug)]
pub(super) struct Filter {
    reach: Reach,
    began: u64,
    /// By the numbers of this version's instruments.
    lines: Vec<Option<Line>>,
    /// Since when a book's changes do not fit what its consumers have, so that it is wanted whole.
    misfit: Option<u64>,
}

/// Where one instrument goes on.
#[derive(Debug)]
struct Line {
    after: Row,
    /// No top of its book has passed yet.
    awaits_top: bool,
    /// No change of its book has passed yet.
    awaits_change: bool,
    /// Where its book stands was not compared yet.
    awaits_status: bool,
}

impl Filter {
    /// Goes on after `reach`, at `now` in nanoseconds since the epoch.
    pub(super) const fn new(reach: Reach, now: u64) -> Self {
        Self {
            reach,
            began: now,
            lines: Vec::new(),
            misfit: None,
        }
    }

    /// Whether it is to be published; `name` is its instrument. A book's first top passes as a snapshot.
    pub(super) fn passes(
        &mut self,
        now: u64,
        tick: Option<u64>,
        event: &mut MarketEvent,
        name: &Instrument,
    ) -> bool {
        let place = Place::of(event);
        let is_over = now.saturating_sub(self.began) > BOOKS_WAIT;
        let index = place.instrument as usize;
        if index >= self.lines.len() {
            self.lines.resize_with(index + 1, || None);
        }
        let Some(line) = self.lines.get_mut(index) else {
            return true;
        };
        let line = line.get_or_insert_with(|| Line::after(&self.reach, name));
        match event {
            MarketEvent::Book(book) => line.passes_top(book, tick, is_over),
            MarketEvent::BookChange(change) => {
                let passes = line.passes_change(change, is_over);
                if !passes && change.last_update_id > line.last(DataType::OrderbookDelta) {
                    self.misfit.get_or_insert(now);
                }
                passes
            }
            MarketEvent::BookStatus(status) => {
                let is_known = line.awaits_status && line.after.state == Some(status.state);
                line.awaits_status = false;
                !is_known
            }
            MarketEvent::Liquidation(liquidation) => {
                !self.reach.liquidations.contains(&liquidation.id)
            }
            _ => line.after.is_before(place),
        }
    }

    /// Another instance begins: it may number the instruments otherwise.
    pub(super) fn begin_again(&mut self) {
        self.lines.clear();
    }

    /// Whether the adapter is to publish its books whole once more; at most once a second.
    pub(super) fn wants_whole(&mut self, now: u64) -> bool {
        let is_due = |since: &mut u64| now.saturating_sub(*since) >= WHOLE_EVERY;
        self.misfit.take_if(is_due).is_some()
    }
}

impl Line {
    fn after(reach: &Reach, name: &Instrument) -> Self {
        let after = reach.row(name).cloned().unwrap_or_default();
        Self {
            awaits_top: after.last.get(DataType::Orderbook).is_some(),
            awaits_change: after.last.get(DataType::OrderbookDelta).is_some(),
            awaits_status: true,
            after,
        }
    }

    fn last(&self, data_type: DataType) -> u64 {
        self.after.last.get(data_type).unwrap_or(0)
    }

    fn passes_top(&mut self, book: &mut Book, tick: Option<u64>, is_over: bool) -> bool {
        // A tick has one snapshot, whoever sends it.
        if book.occasion == BookOccasion::Interval && tick.is_some() && tick <= self.after.tick {
            return false;
        }
        if self.awaits_top {
            if book.sequence < self.last(DataType::Orderbook) && !is_over {
                return false;
            }
            self.awaits_top = false;
            if book.occasion == BookOccasion::Update {
                book.occasion = BookOccasion::Snapshot;
            }
        }
        true
    }

    fn passes_change(&mut self, change: &BookChange, is_over: bool) -> bool {
        if self.awaits_change {
            let last = self.last(DataType::OrderbookDelta);
            let is_whole = change.snapshot && (change.last_update_id >= last || is_over);
            let goes_on = change.previous_update_id == last && change.last_update_id > last;
            self.awaits_change = !(is_whole || goes_on);
        }
        !self.awaits_change
    }
}
