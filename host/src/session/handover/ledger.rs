//! How far a session's publications have come, and how that is told to whoever follows.

use std::collections::{HashMap, HashSet, VecDeque};

use super::line::Place;
use crate::sandbox::contract::{BookOccasion, BookState, Instrument, MarketEvent};
use crate::wire::{DataType, PerType};

/// Liquidations whose ids are remembered: far more than come while two versions run side by side.
const LIQUIDATIONS_MAX: usize = 4_096;

/// What was published last of one instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// By data type the highest sequence; of books the last.
    pub(super) last: PerType<Option<u64>>,
    /// The tick whose snapshot of the book was published last, in nanoseconds since the epoch.
    pub(super) tick: Option<u64>,
    /// The state of the book that was told last.
    pub(super) state: Option<BookState>,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            last: PerType::new(|_| None),
            tick: None,
            state: None,
        }
    }
}

impl Row {
    fn note(&mut self, place: Place, event: &MarketEvent, tick: Option<u64>) {
        let last = self.last.get_mut(place.data_type);
        match event {
            // An exchange may begin its update ids again, lower.
            MarketEvent::Book(_) | MarketEvent::BookChange(_) => *last = Some(place.sequence),
            _ => *last = (*last).max(Some(place.sequence)),
        }
        match event {
            MarketEvent::Book(book) if book.occasion == BookOccasion::Interval => {
                self.tick = tick.max(self.tick);
            }
            MarketEvent::BookStatus(status) => self.state = Some(status.state),
            _ => {}
        }
    }

    /// Whether this is later than all that was published of its kind.
    pub(super) fn is_before(&self, place: Place) -> bool {
        Some(place.sequence) > *self.last.get(place.data_type)
    }

    /// Goes on to what a later instance published.
    fn follow(&mut self, later: &Self) {
        for data_type in DataType::ALL {
            let last = self.last.get_mut(data_type);
            let later = *later.last.get(data_type);
            *last = match data_type {
                DataType::Orderbook | DataType::OrderbookDelta => later.or(*last),
                _ => later.max(*last),
            };
        }
        self.tick = later.tick.max(self.tick);
        self.state = later.state.or(self.state);
    }
}

/// What a session has published, by the numbers that its adapter gives its instruments.
#[derive(Debug, Default)]
pub(in crate::session) struct Ledger {
    rows: Vec<Row>,
    /// Ids of liquidations, the oldest first.
    liquidations: VecDeque<String>,
    /// What earlier instances and versions published: they may have numbered the instruments otherwise.
    before: HashMap<String, Row>,
}

impl Ledger {
    /// Notes what is published; `tick` is the time of the alarm in whose handling it is.
    pub(super) fn note(&mut self, event: &MarketEvent, tick: Option<u64>) {
        let place = Place::of(event);
        let index = place.instrument as usize;
        if index >= self.rows.len() {
            // Numbers are dense and bounded: what is published was declared.
            self.rows.resize_with(index + 1, Row::default);
        }
        if let Some(row) = self.rows.get_mut(index) {
            row.note(place, event, tick);
        }
        if let MarketEvent::Liquidation(liquidation) = event {
            self.remember(liquidation.id.clone());
        }
    }

    fn remember(&mut self, liquidation: String) {
        if self.liquidations.len() >= LIQUIDATIONS_MAX {
            self.liquidations.pop_front();
        }
        self.liquidations.push_back(liquidation);
    }

    /// Begins after what another version published: of what this one publishes none of, that is still the last.
    pub(super) fn begin_after(&mut self, reach: &Reach) {
        self.before.clone_from(&reach.rows);
        for liquidation in &reach.liquidations {
            self.remember(liquidation.clone());
        }
    }

    /// What was published last of an instrument since the instance began.
    pub(super) fn row(&self, instrument: u32) -> Option<&Row> {
        self.rows.get(instrument as usize)
    }

    /// Another instance begins, after one that had these instruments.
    pub(in crate::session) fn begin_again<'a>(
        &mut self,
        instruments: impl Iterator<Item = &'a Instrument>,
    ) {
        self.before = self.reach(instruments).rows;
        self.rows.clear();
    }

    /// By the names that any version gives the instruments.
    pub(in crate::session) fn reach<'a>(
        &self,
        instruments: impl Iterator<Item = &'a Instrument>,
    ) -> Reach {
        let mut rows = self.before.clone();
        for (instrument, row) in instruments.zip(&self.rows) {
            let known = rows.entry(instrument.exchange_symbol.clone()).or_default();
            known.follow(row);
        }
        Reach {
            rows,
            liquidations: self.liquidations.iter().cloned().collect(),
        }
    }
}

/// How far a session has come: what it published last of each instrument, by the exchange's name of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    pub(super) rows: HashMap<String, Row>,
    pub(super) liquidations: HashSet<String>,
}

impl Reach {
    pub(super) fn row(&self, name: &Instrument) -> Option<&Row> {
        self.rows.get(&name.exchange_symbol)
    }

    /// Whether an event that is no book's was not published.
    pub(super) fn lacks(&self, event: &MarketEvent, name: &Instrument) -> bool {
        match event {
            MarketEvent::Liquidation(liquidation) => !self.liquidations.contains(&liquidation.id),
            event => {
                let row = self.row(name);
                row.is_none_or(|row| row.is_before(Place::of(event)))
            }
        }
    }
}
