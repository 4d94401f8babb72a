//! Requests for depth snapshots, under the names that alerts read. An instrument whose book is collected is told from
//! the start, so that a rate of it never lacks its first figure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::SERIES_MAX;
use super::family::Families;
use crate::session::Requests;
use crate::status::SessionStatus;
use crate::wire::{DataType, market_type_name};

/// One instrument and its requests for snapshots.
struct Snapshots<'a> {
    venue: &'a str,
    market_type: &'static str,
    symbol: &'a str,
    requests: Requests,
}

pub(super) fn add(families: &mut Families, sessions: &[Arc<SessionStatus>]) {
    let all: Vec<Snapshots<'_>> = sessions
        .iter()
        .flat_map(|session| of_session(session))
        .take(SERIES_MAX)
        .collect();
    let mut counts = families.counter(
        "marketprism_snapshot_requests_total",
        "Requests for a depth snapshot that ended, by whether the answer was of use.",
    );
    for it in &all {
        for (status, count) in [
            ("success", it.requests.succeeded),
            ("error", it.requests.failed),
        ] {
            let labels = [
                ("exchange", it.venue),
                ("market_type", it.market_type),
                ("symbol", it.symbol),
                ("status", status),
            ];
            counts.add_count(&labels, count);
        }
    }
    let mut timeouts = families.counter(
        "marketprism_snapshot_timeouts_total",
        "Requests for a depth snapshot that were not answered in time.",
    );
    for it in &all {
        timeouts.add_count(&it.labels(), it.requests.timed_out);
    }
    let mut durations = families.histogram(
        "marketprism_snapshot_request_duration_seconds",
        "Time from asking for a depth snapshot to its answer, waiting for the request budget included.",
    );
    for it in &all {
        durations.add_durations(&it.labels(), &it.requests.took);
    }
    reconnections(families, sessions);
}

/// A session's connections carry the changes of its books; it has as many market types as its instruments.
fn reconnections(families: &mut Families, sessions: &[Arc<SessionStatus>]) {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for session in sessions {
        for instrument in &session.instruments {
            let key = (
                session.venue.as_str(),
                market_type_name(instrument.names.market_type),
            );
            counts.insert(key, session.tally.reconnections);
        }
    }
    let mut reconnections = families.counter(
        "marketprism_snapshot_reconnections_total",
        "Connections that were opened in place of one that was lost.",
    );
    for ((venue, market_type), count) in counts {
        let labels = [("exchange", venue), ("market_type", market_type)];
        reconnections.add_count(&labels, count);
    }
}

fn of_session(session: &SessionStatus) -> impl Iterator<Item = Snapshots<'_>> {
    session.instruments.iter().filter_map(|instrument| {
        let names = &instrument.names;
        let key = (Some(DataType::Orderbook), Some(names.id));
        let requests = session.tally.requests.get(&key).copied();
        let has_book = instrument
            .report
            .as_ref()
            .is_some_and(|report| report.book_state.is_some());
        (has_book || requests.is_some()).then(|| Snapshots {
            venue: &session.venue,
            market_type: market_type_name(names.market_type),
            symbol: &names.exchange_symbol,
            requests: requests.unwrap_or_default(),
        })
    })
}

impl<'a> Snapshots<'a> {
    fn labels(&self) -> [(&'static str, &'a str); 3] {
        [
            ("exchange", self.venue),
            ("market_type", self.market_type),
            ("symbol", self.symbol),
        ]
    }
}
