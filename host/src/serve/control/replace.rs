//! Another version of a session's adapter, while it runs. The call only begins it; how it goes is told by its operation.

use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::body::Place;
use super::orchestrator::names;
use super::order::{COMMAND_LIMIT, Named, begun, is_name, named, within};
use super::trouble::Trouble;
use super::versions::candidate;
use crate::serve::desk::{Context, Desk};
use crate::supervisor::{CommandError, Wanted};

/// How long a shadow run compares where nobody says, and at most, in seconds.
const SHADOW_SECONDS: (u64, u64) = (60, 86_400);

/// What may stand behind the path of a shadow run.
#[derive(Deserialize)]
pub(in crate::serve) struct ShadowQuery {
    seconds: Option<u64>,
}

pub(in crate::serve) async fn swap(
    State(desk): State<Context>,
    name: Named,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Trouble> {
    let name = session(&desk, name)?;
    let mut more = Map::new();
    let candidate = candidate(&desk, &headers, body, &mut more).await?;
    are_known(&more)?;
    let outcome = format!("swap of {name}, {candidate:?}");
    begin(&desk, name, Wanted::Swap(candidate), Some(place), outcome).await
}

pub(in crate::serve) async fn rollback(
    State(desk): State<Context>,
    name: Named,
) -> Result<Response, Trouble> {
    let name = session(&desk, name)?;
    let outcome = format!("rollback of {name}");
    begin(&desk, name, Wanted::Rollback, None, outcome).await
}

pub(in crate::serve) async fn shadow(
    State(desk): State<Context>,
    name: Named,
    query: Result<Query<ShadowQuery>, QueryRejection>,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Trouble> {
    let name = session(&desk, name)?;
    let in_path = query
        .map(|Query(query)| query.seconds)
        .map_err(|_| odd_seconds())?;
    let mut more = Map::new();
    let candidate = candidate(&desk, &headers, body, &mut more).await?;
    let in_body = more.remove("seconds");
    are_known(&more)?;
    let seconds = seconds(in_path, in_body)?;
    let outcome = format!("shadow run of {name} for {seconds} s, {candidate:?}");
    let wanted = Wanted::Shadow(candidate, Duration::from_secs(seconds));
    begin(&desk, name, wanted, Some(place), outcome).await
}

/// The session of that name, if there is one.
fn session(desk: &Desk, name: Named) -> Result<String, Trouble> {
    let name = named(name)?;
    if is_name(&name) && desk.board.session(&name).is_some() {
        return Ok(name);
    }
    let shown: String = name.chars().take(64).collect();
    Err(Trouble::unknown(&shown, &names(&desk.board)))
}

fn are_known(more: &Map<String, Value>) -> Result<(), Trouble> {
    match more.keys().next() {
        None => Ok(()),
        Some(_) => {
            let keys: Vec<&str> = more.keys().map(String::as_str).collect();
            let error = format!("nobody reads {}", keys.join(", "));
            Err(Trouble::bad(
                error,
                "GET /api/v1/openapi.json describes every call",
            ))
        }
    }
}

/// How long a shadow run compares.
fn seconds(in_path: Option<u64>, in_body: Option<Value>) -> Result<u64, Trouble> {
    let (usual, most) = SHADOW_SECONDS;
    let seconds = match (in_path, in_body) {
        (None, None) => Some(usual),
        (Some(seconds), None) => Some(seconds),
        (None, Some(seconds)) => seconds.as_u64(),
        (Some(_), Some(_)) => None,
    };
    let seconds = seconds.filter(|seconds| (1..=most).contains(seconds));
    seconds.ok_or_else(odd_seconds)
}

fn odd_seconds() -> Trouble {
    Trouble::bad(
        format!("`seconds` must be a number from 1 to {}", SHADOW_SECONDS.1),
        "name it once, behind the path as `?seconds=60` or as a key of the body",
    )
}

/// Hands it to the supervisor. The place is held until that has it: an order that it has not yet looked at holds an adapter
/// too, also when the call is answered by then.
async fn begin(
    desk: &Desk,
    name: String,
    wanted: Wanted,
    place: Option<Place>,
    outcome: String,
) -> Result<Response, Trouble> {
    let remote = desk.remote.clone();
    let ordered = tokio::spawn(async move {
        let operation = remote.replace(&name, wanted).await;
        drop(place);
        operation
    });
    let work = async { Ok(ordered.await.unwrap_or(Err(CommandError::Busy))?) };
    let operation = within(COMMAND_LIMIT, work).await?;
    Ok(begun(
        operation,
        format!("{outcome}: operation {operation}"),
    ))
}
