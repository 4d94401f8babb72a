//! The way out of a session: open, held while it stands by, or open for what the version before did not publish.

use super::filter::Filter;
use super::held::{Held, Waiting};
use super::ledger::{Ledger, Reach};
use super::line::Place;
use crate::sandbox::contract::{Instrument, MarketEvent};
use crate::wire::Writer;

/// The way out, and the ledger of what went out.
#[derive(Debug)]
pub(in crate::session) struct Outlet {
    gate: Gate,
    ledger: Ledger,
}

#[derive(Debug)]
enum Gate {
    Open,
    Held(Held),
    /// Its turn has come: what its adapter publishes of that goes out after what was held.
    Opening(Vec<Waiting>),
    Filtered(Filter),
}

/// What becomes of a market event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Passage {
    /// It goes out.
    Out,
    /// Perhaps later.
    Held,
    /// The version before published it.
    Double,
}

impl Outlet {
    /// One that is open.
    pub(in crate::session) fn new() -> Self {
        Self {
            gate: Gate::Open,
            ledger: Ledger::default(),
        }
    }

    /// From now on everything is held.
    pub(in crate::session) fn hold(&mut self) {
        self.gate = Gate::Held(Held::default());
    }

    /// Whether everything is held.
    pub(in crate::session) const fn is_held(&self) -> bool {
        matches!(self.gate, Gate::Held(_))
    }

    /// Whether an event goes out now. It may pass as another kind of book than it came.
    pub(in crate::session) fn judge(
        &mut self,
        now: u64,
        tick: Option<u64>,
        event: &mut MarketEvent,
        wire: &Writer,
    ) -> Passage {
        match &mut self.gate {
            Gate::Open => Passage::Out,
            Gate::Held(_) | Gate::Opening(_) => Passage::Held,
            Gate::Filtered(filter) => match wire.instrument(Place::of(event).instrument) {
                Some(name) if !filter.passes(now, tick, event, name) => Passage::Double,
                // What was not declared is refused where it is written.
                _ => Passage::Out,
            },
        }
    }

    /// Keeps what is held.
    pub(in crate::session) fn keep(&mut self, waiting: Waiting) {
        match &mut self.gate {
            Gate::Held(held) => held.keep(waiting),
            Gate::Opening(events) => events.push(waiting),
            Gate::Open | Gate::Filtered(_) => {}
        }
    }

    /// Notes what went out.
    pub(in crate::session) fn note(&mut self, event: &MarketEvent, tick: Option<u64>) {
        self.ledger.note(event, tick);
    }

    /// Another instance begins, after one that had these instruments.
    pub(in crate::session) fn begin_again<'a>(
        &mut self,
        instruments: impl Iterator<Item = &'a Instrument>,
    ) {
        self.ledger.begin_again(instruments);
        if let Gate::Filtered(filter) = &mut self.gate {
            filter.begin_again();
        }
    }

    /// How far it has come, by the names of these instruments.
    pub(in crate::session) fn reach<'a>(
        &self,
        instruments: impl Iterator<Item = &'a Instrument>,
    ) -> Reach {
        self.ledger.reach(instruments)
    }

    /// What is held.
    pub(in crate::session) fn held(&mut self) -> Option<&mut Held> {
        match &mut self.gate {
            Gate::Held(held) => Some(held),
            _ => None,
        }
    }

    /// Its turn has come: what was held is about to go out, and what comes until [`Outlet::open`] after it.
    pub(in crate::session) fn begin_opening(&mut self) {
        let held = self.held().map(Held::take);
        self.gate = Gate::Opening(held.unwrap_or_default());
    }

    /// Opens after `reach`. The answer is what is to be published now, as far as it passes.
    pub(in crate::session) fn open(&mut self, reach: Reach, now: u64) -> Vec<Waiting> {
        self.ledger.begin_after(&reach);
        let filtered = Gate::Filtered(Filter::new(reach, now));
        match std::mem::replace(&mut self.gate, filtered) {
            Gate::Opening(waiting) => waiting,
            _ => Vec::new(),
        }
    }

    /// Whether books are to be published whole once more.
    pub(in crate::session) fn wants_whole(&mut self, now: u64) -> bool {
        match &mut self.gate {
            Gate::Filtered(filter) => filter.wants_whole(now),
            _ => false,
        }
    }
}
