//! Every session's adapter: what it is, how it is, what it may use and what it used.

use axum::extract::State;
use axum::response::Json;
use serde_json::{Value, json};

use crate::sandbox::CONTRACT_VERSION;
use crate::serve::desk::Context;
use crate::serve::health::{operation, to_ns};
use crate::serve::pages::timestamp;
use crate::status::{Board, SessionStatus};
use crate::wire::iso_text;

pub(in crate::serve) async fn adapters(State(desk): State<Context>) -> Json<Value> {
    let sessions = desk.board.sessions();
    let adapters: Vec<Value> = sessions.iter().map(|it| adapter(&desk.board, it)).collect();
    Json(json!({ "timestamp": timestamp(), "adapters": adapters }))
}

fn adapter(board: &Board, session: &SessionStatus) -> Value {
    let tally = &session.tally;
    let last_fault = session
        .history
        .last_fault
        .as_ref()
        .map(|(time, text)| json!({ "time": iso_text(to_ns(*time)), "text": text }));
    json!({
        "session": session.name,
        "exchange": session.venue,
        "adapter": session.adapter,
        "version": session.adapter_version,
        "sha256": session.adapter_sha256,
        "wit_version": CONTRACT_VERSION,
        "operation": operation(board, &session.name),
        "state": session.state.name(),
        "state_since": iso_text(to_ns(session.since)),
        "limits": session.limits,
        "memory": {
            "bytes": session.memory_bytes,
            "soft_limit_bytes": session.memory_soft_bytes(),
            "hard_limit_bytes": session.memory_hard_bytes(),
        },
        "fuel": {
            "used_total": tally.fuel,
            "events_total": tally.events,
            "average_per_event": tally.fuel.checked_div(tally.events),
        },
        "faults": session.history.faults,
        "last_fault": last_fault,
        "restarts": session.history.restarts,
    })
}
