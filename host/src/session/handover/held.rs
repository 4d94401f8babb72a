//! What a session that stands by would have published.

use std::collections::VecDeque;

use super::ledger::{Ledger, Reach};
use super::line::Place;
use crate::sandbox::contract::{BookOccasion, BookState, MarketEvent};
use crate::wire::{DataType, Writer};

/// Events that are held, at most: what the version at work has published is given up as it tells.
const EVENTS_MAX: usize = 200_000;

/// A market event that waits.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::session) struct Waiting {
    /// When that of which it is made came in, in nanoseconds since the epoch.
    pub(in crate::session) received: u64,
    /// The time of the alarm in whose handling it was made.
    pub(in crate::session) tick: Option<u64>,
    pub(in crate::session) event: MarketEvent,
}

/// What is known of one instrument beside the events that wait.
#[derive(Debug, Default, Clone)]
struct Latest {
    /// The first trade that came.
    first_trade: Option<u64>,
    /// The last snapshot at a tick.
    ticked: Option<Waiting>,
    /// The last state of the book.
    status: Option<Waiting>,
}

/// Market events that are not published yet. Of books only what a consumer could still need is kept: they are published
/// anew when the session's turn comes.
#[derive(Debug, Default)]
pub(in crate::session) struct Held {
    events: VecDeque<Waiting>,
    latest: Vec<Latest>,
    /// How far they have come.
    seen: Ledger,
    dropped: u64,
}

impl Held {
    /// Keeps an event, if it may be needed.
    pub(super) fn keep(&mut self, waiting: Waiting) {
        let place = Place::of(&waiting.event);
        self.seen.note(&waiting.event, waiting.tick);
        let index = place.instrument as usize;
        if index >= self.latest.len() {
            // Numbers are dense and bounded: only what is declared gets here.
            self.latest.resize_with(index + 1, Latest::default);
        }
        let Some(latest) = self.latest.get_mut(index) else {
            return;
        };
        match &waiting.event {
            MarketEvent::Book(book) => {
                if book.occasion == BookOccasion::Interval {
                    latest.ticked = Some(waiting);
                }
            }
            MarketEvent::BookChange(_) => {}
            MarketEvent::BookStatus(_) => latest.status = Some(waiting),
            MarketEvent::Trade(_) => {
                latest.first_trade.get_or_insert(place.sequence);
                self.push(waiting);
            }
            _ => self.push(waiting),
        }
    }

    fn push(&mut self, waiting: Waiting) {
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
            self.dropped += 1;
        }
        self.events.push_back(waiting);
    }

    /// Events that were given up for want of room: with any, this version must not follow the other.
    pub(in crate::session) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether the trades of every instrument go on where those of the version at work end: a trade before this version's
    /// first one is still to come there. Gives up what is published there already.
    pub(in crate::session) fn joins(&mut self, reach: &Reach, wire: &Writer) -> bool {
        self.events.retain(|waiting| {
            let name = wire.instrument(Place::of(&waiting.event).instrument);
            name.is_some_and(|name| reach.lacks(&waiting.event, name))
        });
        let mut all = wire.instruments().zip(&self.latest);
        all.all(|(name, latest)| {
            let row = reach.row(name);
            let reached = row.and_then(|row| *row.last.get(DataType::Trade));
            match (latest.first_trade, reached) {
                (Some(first), Some(reached)) => first <= reached.saturating_add(1),
                _ => true,
            }
        })
    }

    /// Whether every synced book is at least where the version before left it.
    pub(in crate::session) fn is_level_with(&self, reach: &Reach, wire: &Writer) -> bool {
        wire.instruments().zip(0..).all(|(name, id)| {
            let (Some(here), Some(there)) = (self.seen.row(id), reach.row(name)) else {
                return true;
            };
            // Tops may come at ticks only, and changes may not be published at all.
            let changes = here.last.get(DataType::OrderbookDelta);
            let came_to = changes.or(*here.last.get(DataType::Orderbook));
            let left = [DataType::OrderbookDelta, DataType::Orderbook]
                .map(|data_type| *there.last.get(data_type));
            here.state != Some(BookState::Synced) || left.into_iter().all(|it| came_to >= it)
        })
    }

    /// Takes everything out, in the order in which it is to be published: what was held in its order, then where the
    /// books stand, then the snapshots of their last ticks.
    pub(super) fn take(&mut self) -> Vec<Waiting> {
        let mut taken: Vec<Waiting> = self.events.drain(..).collect();
        let latest = std::mem::take(&mut self.latest);
        let (statuses, ticked): (Vec<_>, Vec<_>) =
            latest.into_iter().map(|it| (it.status, it.ticked)).unzip();
        taken.extend(statuses.into_iter().flatten());
        taken.extend(ticked.into_iter().flatten());
        taken
    }
}
