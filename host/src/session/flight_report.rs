//! The facts of a fault, for its bundle, and the plan under which it comes again.

use std::sync::Arc;

use super::{Plan, Session, World};
use crate::config::Origin;
use crate::record::{AdapterText, Facts, FaultText, masked};
use crate::sandbox::contract::Start;
use crate::sandbox::{Adapter, CONTRACT_VERSION, Fault, sha256};
use crate::wire::{Subjects, iso_text};

pub(super) fn facts<W: World>(session: &Session<W>, fault: &Fault) -> Facts {
    let plan = &session.plan;
    let now = session.world.now();
    let description = plan.adapter.description();
    let settings = masked(&plan.settings).into_owned();
    Facts {
        time: iso_text(now),
        time_ns: now,
        session: plan.name.clone(),
        venue: plan.venue.clone(),
        fault: FaultText {
            kind: fault.kind.name().to_owned(),
            message: fault.message.clone(),
            backtrace: fault.backtrace.clone(),
        },
        complete: session.flight.is_complete(),
        events: session.flight.events(),
        events_lost: session.flight.lost(),
        adapter: AdapterText {
            name: description.name.clone(),
            version: description.version.clone(),
            sha256: plan.adapter.sha256().to_owned(),
        },
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        contract_version: CONTRACT_VERSION.to_owned(),
        settings_sha256: sha256(settings.as_bytes()),
        fuel_last: session.instance.fuel_used_last(),
        fuel_in_all: session.tally.fuel,
        memory_bytes: session.instance.memory_bytes() as u64,
        limits: plan.limits.clone(),
        seed: session.world.seed(),
        symbols: plan.symbols.clone(),
        grants: plan.grants.iter().map(ToString::to_string).collect(),
        settings,
    }
}

impl Plan {
    /// The plan under which a fault is to come again: what its bundle tells, and what the instance was told at its
    /// start.
    pub fn of_facts(facts: &Facts, start: Start, adapter: Arc<Adapter>) -> Self {
        Self {
            name: facts.session.clone(),
            venue: facts.venue.clone(),
            adapter,
            limits: facts.limits.clone(),
            settings: start.settings,
            symbols: start.instruments,
            grants: facts
                .grants
                .iter()
                .filter_map(|grant| Origin::of(grant).ok())
                .collect(),
            subjects: Subjects::default(),
            enabled: true,
            file: None,
            folder_sha256: None,
            pinned: None,
        }
    }
}
