//! The faults of the adapters, and what was kept of each.

use std::io;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use serde::Serialize;
use serde_json::{Value, json};

use super::order::{Named, is_file_name, named};
use super::trouble::Trouble;
use crate::serve::desk::Context;
use crate::serve::health::to_ns;
use crate::status::{Board, SessionStatus};
use crate::wire::iso_text;

/// Lists bundles.
pub type List = dyn Fn() -> io::Result<Vec<FaultEntry>> + Send + Sync;

/// Reads one bundle by its id.
pub type Read = dyn Fn(&str) -> io::Result<Option<Value>> + Send + Sync;

/// Where bundles of faults are found. Both may read files: they are called where nobody waits for it.
#[derive(Clone)]
pub struct Faults {
    /// All that are kept, the newest first.
    pub list: Arc<List>,
    /// One of them as a document, by its id; none when it is not kept. The id is letters, digits, `-`, `_` and `.`, and
    /// does not begin with the latter.
    pub read: Arc<Read>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultEntry {
    /// The id of its bundle; none when nothing more is kept.
    pub id: Option<String>,
    /// The session whose adapter was stopped.
    pub session: String,
    /// When, in UTC.
    pub time: String,
    /// What happened.
    pub text: String,
}

pub(in crate::serve) async fn faults(State(desk): State<Context>) -> Result<Json<Value>, Trouble> {
    let entries = match desk.faults.clone() {
        Some(faults) => read(move || (faults.list)()).await?,
        None => last_faults(&desk.board),
    };
    Ok(Json(json!({ "faults": entries })))
}

pub(in crate::serve) async fn fault(
    State(desk): State<Context>,
    id: Named,
) -> Result<Json<Value>, Trouble> {
    let id = named(id)?;
    let none = || {
        Trouble::new(
            StatusCode::NOT_FOUND,
            "there is no such bundle",
            "GET /api/v1/faults lists those that are kept",
        )
    };
    let Some(faults) = desk.faults.clone().filter(|_| is_file_name(&id)) else {
        return Err(none());
    };
    let bundle = read(move || (faults.read)(&id)).await?;
    bundle.map(Json).ok_or_else(none)
}

async fn read<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Trouble> {
    let outcome = tokio::task::spawn_blocking(work).await;
    let outcome = outcome.unwrap_or_else(|_| Err(io::Error::other("reading failed")));
    outcome.map_err(|error| {
        tracing::warn!("the bundles of faults cannot be read: {error}");
        Trouble::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the bundles cannot be read",
            "the daemon's log tells why",
        )
    })
}

/// The last fault of each session, the newest first.
fn last_faults(board: &Board) -> Vec<FaultEntry> {
    let sessions = board.sessions();
    let mut faults: Vec<_> = sessions
        .iter()
        .filter_map(|session| Some((session, session.history.last_fault.as_ref()?)))
        .collect();
    faults.sort_by_key(|(_, (time, _))| std::cmp::Reverse(*time));
    let entry = |(session, (time, text)): (&Arc<SessionStatus>, &(_, String))| FaultEntry {
        id: None,
        session: session.name.clone(),
        time: iso_text(to_ns(*time)),
        text: text.clone(),
    };
    faults.into_iter().map(entry).collect()
}
