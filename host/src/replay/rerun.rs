//! The replay of a fault's bundle: the same events to a fresh instance, and whether the same fault comes of them.

use std::fmt;
use std::sync::Arc;

use crate::record::{Bundle, Facts, FaultText};
use crate::sandbox::contract::{Event, Start};
use crate::sandbox::{Adapter, Fault};
use crate::session::{Plan, Session};
use crate::world::FlightWorld;

/// What came of a bundle that was replayed.
#[derive(Debug)]
pub struct Rerun {
    /// The fault that came, if one did.
    pub fault: Option<Fault>,
    /// Events that were told until then.
    pub told: u64,
    recorded: FaultText,
    events: u64,
    lost: u64,
    adapter: Option<String>,
}

impl Rerun {
    /// Feeds the events of a bundle to a fresh instance of `adapter`, under the bundle's limits.
    pub async fn of(bundle: Bundle, adapter: Arc<Adapter>) -> Self {
        let Bundle { facts, mut events } = bundle;
        let mut rerun = Self {
            fault: None,
            told: 0,
            recorded: facts.fault.clone(),
            events: facts.events,
            lost: facts.events_lost,
            adapter: (adapter.sha256() != facts.adapter.sha256)
                .then(|| adapter.sha256().to_owned()),
        };
        if let Err(fault) = rerun.play(&facts, &mut events, adapter).await {
            rerun.fault = Some(fault);
        }
        rerun
    }

    async fn play(
        &mut self,
        facts: &Facts,
        events: &mut Vec<(u64, Event)>,
        adapter: Arc<Adapter>,
    ) -> Result<(), Fault> {
        let begin = events.first().map_or(facts.time_ns, |(now, _)| *now);
        let start = match events.first() {
            Some((_, Event::Start(start))) => Some(start.clone()),
            _ => None,
        };
        let is_first_missing = start.is_none();
        let start = start.unwrap_or_else(|| Start {
            settings: facts.settings.clone(),
            instruments: facts.symbols.clone(),
            seed: facts.seed,
            standby: false,
        });
        if !is_first_missing {
            events.remove(0);
        }
        let seed = start.seed;
        let plan = Plan::of_facts(facts, start, adapter);
        let world = FlightWorld::new(begin, seed, std::mem::take(events));
        let mut session = Session::new(plan, world)?;
        if self.events == 0 {
            // The instance was stopped before it was told anything.
            return Ok(());
        }
        self.told = u64::from(!is_first_missing);
        let before = self.told;
        session.start()?;
        loop {
            let stepped = session.step().await;
            self.told = before + session.world().told();
            if !stepped? {
                return Ok(());
            }
        }
    }

    /// Whether the fault of the bundle came again, at its last event.
    pub fn is_same(&self) -> bool {
        self.told == self.events
            && self.fault.as_ref().is_some_and(|fault| {
                fault.kind.name() == self.recorded.kind && fault.message == self.recorded.message
            })
    }
}

impl fmt::Display for Rerun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(hash) = &self.adapter {
            writeln!(
                f,
                "another adapter than the one that faulted: sha256 {hash}"
            )?;
        }
        if self.lost > 0 {
            writeln!(
                f,
                "the bundle is not complete: {} older events of the instance were not kept",
                self.lost
            )?;
        }
        let (told, events) = (self.told, self.events);
        let FaultText { kind, message, .. } = &self.recorded;
        match &self.fault {
            Some(_) if self.is_same() => {
                write!(
                    f,
                    "the same fault at event {told} of {events}: {kind}: {message}"
                )
            }
            Some(fault) => write!(
                f,
                "not the same fault at event {told} of {events}: {fault}\nthe bundle's, at event {events}: {kind}: {message}"
            ),
            None => write!(
                f,
                "no fault in {events} events; the bundle's, at the last of them: {kind}: {message}"
            ),
        }
    }
}
