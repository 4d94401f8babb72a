//! Replacing adapters while they run: how it ended, how long it took, and how long nobody published. A session is told
//! from the start, so that a rate never lacks its first figure.

use std::sync::Arc;

use super::family::Families;
use crate::status::{Board, OperationKind, Outcomes, SessionStatus, Stage};

pub(super) fn add(families: &mut Families, board: &Board, sessions: &[Arc<SessionStatus>]) {
    let of_session = |session: &Arc<SessionStatus>| {
        let name = session.name.clone();
        let outcomes = board.operations().outcomes(&name);
        (name, outcomes)
    };
    let all: Vec<(String, Outcomes)> = sessions.iter().map(of_session).collect();
    let mut ended = families.counter(
        "marketprism_adapter_swaps_total",
        "Replacements of a session's adapter while it ran, by what was done and how it ended.",
    );
    for (name, outcomes) in &all {
        for kind in OperationKind::ALL {
            for stage in Stage::ALL.into_iter().filter(|stage| stage.is_end()) {
                let labels = [
                    ("session", name.as_str()),
                    ("kind", kind.name()),
                    ("outcome", stage.name()),
                ];
                ended.add_count(&labels, outcomes.ended(kind, stage));
            }
        }
    }
    let mut took = families.histogram(
        "marketprism_adapter_swap_seconds",
        "Time from the start of a new version of an adapter to its first publication.",
    );
    for (name, outcomes) in &all {
        took.add_durations(&[("session", name)], outcomes.took());
    }
    let mut pause = families.histogram(
        "marketprism_adapter_swap_pause_seconds",
        "Time in which nobody published: from the old version's last event to the new one's first.",
    );
    for (name, outcomes) in &all {
        pause.add_durations(&[("session", name)], outcomes.pause());
    }
}
