//! The old collector's orchestrator: its sessions under the name of services, and the commands to them.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Map, Value, json};

use super::order::{COMMAND_LIMIT, done, is_name, object, within};
use super::trouble::Trouble;
use crate::serve::desk::Context;
use crate::serve::health::document;
use crate::serve::pages::{health_status, timestamp};
use crate::serve::verdict;
use crate::status::Board;
use crate::supervisor::Command;
use crate::wire::iso_time;

/// How long a reload may take: adapters that are new are compiled.
const RELOAD_LIMIT: Duration = Duration::from_secs(30);

/// The names of all sessions, for hints.
pub(super) fn names(board: &Board) -> String {
    let sessions = board.sessions();
    let names: Vec<&str> = sessions.iter().map(|it| it.name.as_str()).collect();
    names.join(", ")
}

pub(in crate::serve) async fn status(State(desk): State<Context>) -> Json<Value> {
    let sessions = desk.board.sessions();
    let mut by_state: BTreeMap<&str, u64> = BTreeMap::new();
    for session in &sessions {
        *by_state.entry(session.state.name()).or_default() += 1;
    }
    Json(json!({
        "status": "running",
        "timestamp": timestamp(),
        "version": env!("CARGO_PKG_VERSION"),
        "began": iso_time(desk.board.began_at()),
        "uptime": desk.board.uptime().as_secs_f64(),
        "services": { "total": sessions.len(), "by_state": by_state },
    }))
}

pub(in crate::serve) async fn services(State(desk): State<Context>) -> Json<Value> {
    let services = desk.board.sessions().into_iter().map(|session| {
        let (verdict, problems) = verdict::of_session(&session);
        json!({
            "service_name": session.name,
            "exchange": session.venue,
            "state": session.state.name(),
            "state_since": iso_time(session.since),
            "status": verdict.word(),
            "problems": problems,
            "restarts": session.history.restarts,
            "uptime": session.began.elapsed().as_secs_f64(),
        })
    });
    Json(json!({ "timestamp": timestamp(), "services": services.collect::<Vec<_>>() }))
}

pub(in crate::serve) async fn health(State(desk): State<Context>) -> Response {
    let document = document(&desk.board);
    let text = |value: &Value, key: &str| value.get(key).cloned().unwrap_or_default();
    let processes = document.get("processes").and_then(Value::as_object);
    let services: Map<String, Value> = processes
        .into_iter()
        .flatten()
        .map(|(name, process)| {
            let service = json!({
                "status": text(process, "status"),
                "state": text(process, "state"),
                "problems": text(process, "problems"),
            });
            (name.clone(), service)
        })
        .collect();
    let answer = json!({
        "status": text(&document, "status"),
        "timestamp": timestamp(),
        "uptime": desk.board.uptime().as_secs_f64(),
        "services": services,
    });
    (health_status(&desk, &document), Json(answer)).into_response()
}

pub(in crate::serve) async fn start(
    State(desk): State<Context>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Trouble> {
    order(&desk, &headers, &body, "start", Command::Start).await
}

pub(in crate::serve) async fn stop(
    State(desk): State<Context>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Trouble> {
    order(&desk, &headers, &body, "stop", Command::Stop).await
}

pub(in crate::serve) async fn restart(
    State(desk): State<Context>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Trouble> {
    order(&desk, &headers, &body, "restart", Command::Restart).await
}

async fn order(
    desk: &Context,
    headers: &HeaderMap,
    body: &Bytes,
    action: &str,
    command: Command,
) -> Result<Response, Trouble> {
    let asked = object(headers, body)?;
    let Some(Value::String(name)) = asked.get("service_name") else {
        return Err(Trouble::bad(
            "`service_name` must be the name of a session",
            format!("there are: {}", names(&desk.board)),
        ));
    };
    if !is_name(name) {
        let shown: String = name.chars().take(64).collect();
        return Err(Trouble::unknown(&shown, &names(&desk.board)));
    }
    let work = async { Ok(desk.remote.command(name, command).await?) };
    let state = within(COMMAND_LIMIT, work).await.map_err(|mut trouble| {
        trouble.error = match trouble.status {
            StatusCode::NOT_FOUND => trouble.error,
            _ => format!("{action} {name}: {}", trouble.error),
        };
        trouble
    })?;
    let answer = json!({ "service_name": name, "action": action, "state": state.name() });
    Ok(done(answer, format!("{action} {name}: {}", state.name())))
}

pub(in crate::serve) async fn reload(State(desk): State<Context>) -> Result<Response, Trouble> {
    within(RELOAD_LIMIT, async { Ok(desk.remote.reload().await?) }).await?;
    // What the configuration says holds again.
    desk.ordered.lock().await.clear();
    let sessions = desk.board.sessions();
    let services = sessions
        .iter()
        .map(|it| json!({ "service_name": it.name, "state": it.state.name() }));
    let answer = json!({ "reloaded": true, "services": services.collect::<Vec<_>>() });
    Ok(done(answer, "the configuration was read again".to_owned()))
}
