//! How market events leave a session, and how one session takes over from another.

use std::collections::BTreeMap;

use super::handover::{Passage, Reach, Readiness, Waiting};
use super::{Happening, Session, Tap, World, bad};
use crate::sandbox::Fault;
use crate::sandbox::contract::{Decimal, Event, MarketEvent};
use crate::wire::{Message, Stamp};

impl<W: World> Session<W> {
    /// Holds whatever the adapter publishes until [`Session::release`]. Call it before [`Session::start`].
    pub fn stand_by(&mut self) {
        self.outlet.hold();
    }

    /// How far its publications have come.
    pub fn reach(&self) -> Reach {
        self.outlet.reach(self.wire.instruments())
    }

    /// How far a session that stands by is from being able to take over; see [`Readiness::of`]. None before the first
    /// report.
    pub fn readiness(
        &self,
        expected: &BTreeMap<String, bool>,
        is_patient: bool,
    ) -> Option<Readiness> {
        if self.reported_at == 0 {
            return None;
        }
        let named = self.reports.iter().filter_map(|(id, report)| {
            let name = self.wire.instrument(*id)?;
            Some((name.exchange_symbol.as_str(), report))
        });
        Some(Readiness::of(named, expected, is_patient))
    }

    /// Whether what is held goes on where the publications of the version at work end, so that nothing lies between.
    /// What it has published is given up.
    ///
    /// # Errors
    /// When too much had to be held, so that something is missing.
    pub fn joins(&mut self, reach: &Reach) -> Result<bool, HeldTooMuch> {
        let Some(held) = self.outlet.held() else {
            return Ok(true);
        };
        match held.dropped() {
            0 => Ok(held.joins(reach, &self.wire)),
            dropped => Err(HeldTooMuch { dropped }),
        }
    }

    /// Whether every synced book has come as far as the version before has published it.
    pub fn is_level_with(&mut self, reach: &Reach) -> bool {
        let held = self.outlet.held();
        held.is_none_or(|held| held.is_level_with(reach, &self.wire))
    }

    /// Tells the adapter that its turn has come. Nothing goes out before [`Session::release`].
    pub fn promote(&mut self) -> Result<(), Fault> {
        self.outlet.begin_opening();
        let now = self.world.now();
        let event = Event::Promoted;
        self.tell(Happening { now, event })
    }

    /// Publishes what was held and is later than `reach`, and lets go out what comes.
    pub fn release(&mut self, reach: Reach) -> Result<(), Fault> {
        let now = self.world.now();
        for waiting in self.outlet.open(reach, now) {
            self.publish(waiting)?;
        }
        Ok(())
    }

    /// Lets the adapter publish its books whole once more, where consumers could not go on with their changes.
    pub(super) fn repair_hand_over(&mut self) -> Result<(), Fault> {
        let now = self.world.now();
        if !self.outlet.wants_whole(now) {
            return Ok(());
        }
        let event = Event::Promoted;
        self.tell(Happening { now, event })
    }

    pub(super) fn publish(&mut self, mut waiting: Waiting) -> Result<(), Fault> {
        let stamp = Stamp {
            published_ns: self.world.now(),
            received_ns: waiting.received,
        };
        let Waiting { tick, event, .. } = &mut waiting;
        let passage = self
            .outlet
            .judge(stamp.published_ns, *tick, event, &self.wire);
        if passage == Passage::Double {
            self.tally.doubles += 1;
            return Ok(());
        }
        // What is held is written too: a version that breaks the contract must not get its turn.
        let written = self.wire.write(event, stamp);
        if let Ok(message) = &written {
            self.show_tap(message, *tick);
        }
        match written {
            Ok(_) if passage == Passage::Held => {
                self.outlet.keep(waiting);
                Ok(())
            }
            Ok(message) => {
                self.outlet.note(event, *tick);
                if let MarketEvent::Trade(trade) = event {
                    let (instrument, quantity) = (trade.instrument, trade.quantity);
                    self.count_trade(instrument, quantity);
                }
                *self.tally.published.entry(message.data_type).or_default() += 1;
                self.world.publish(message);
                Ok(())
            }
            Err(error) if error.is_contract_violation() => Err(bad(&error)),
            Err(error) => {
                self.tally.unwritten += 1;
                tracing::warn!(session = self.plan.name, "not published: {error}");
                Ok(())
            }
        }
    }

    /// Shows from now on what is published, and what would be if nothing were held; until it wants no more.
    pub fn begin_tap(&mut self, tap: Box<dyn Tap>) {
        self.tap = Some(tap);
        self.tell_tap();
    }

    /// Shows it no more.
    pub fn end_tap(&mut self) {
        self.tap = None;
    }

    /// Tells whoever looks on what was counted.
    pub(super) fn tell_tap(&mut self) {
        let tally = &self.tally;
        self.tap.take_if(|tap| !tap.counted(tally));
    }

    fn show_tap(&mut self, message: &Message, tick: Option<u64>) {
        self.tap.take_if(|tap| !tap.message(message, tick));
    }

    fn count_trade(&mut self, instrument: u32, quantity: Decimal) {
        if let Some(instrument) = self.wire.instrument(instrument) {
            self.tally.add_trade(&instrument.exchange_symbol, quantity);
        }
    }
}

/// More came while a version stood by than could be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{dropped} events that it would have published came while too many were held")]
pub struct HeldTooMuch {
    dropped: u64,
}
