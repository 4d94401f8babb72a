//! Other limits for one adapter, while it runs.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::orchestrator::names;
use super::order::{COMMAND_LIMIT, Named, done, named, object, within};
use super::trouble::Trouble;
use crate::config::changed_limits;
use crate::limits::Limits;
use crate::serve::desk::Context;
use crate::status::State as Life;
use crate::supervisor::Command;

/// What was ordered last for each session, and when: a board that is older does not tell it yet.
pub(in crate::serve) type Ordered = BTreeMap<String, (Limits, Instant)>;

pub(in crate::serve) async fn limits(
    State(desk): State<Context>,
    name: Named,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Trouble> {
    let name = named(name)?;
    let changes = object(&headers, &body)?;
    let (limits, state) = within(COMMAND_LIMIT, change(&desk, &name, &changes)).await?;
    let answer = json!({ "session": name, "state": state.name(), "limits": limits });
    let changes = Value::Object(changes);
    Ok(done(answer, format!("limits of {name}: {changes}")))
}

async fn change(
    desk: &Context,
    name: &str,
    changes: &Map<String, Value>,
) -> Result<(Limits, Life), Trouble> {
    // One at a time: each call names some of the limits, and the others must not be those of a moment ago.
    let mut ordered = desk.ordered.lock().await;
    let sessions = desk.board.sessions();
    let Some(session) = sessions.iter().find(|session| session.name == name) else {
        let shown: String = name.chars().take(64).collect();
        return Err(Trouble::unknown(&shown, &names(&desk.board)));
    };
    let before = match ordered.get(name) {
        Some((limits, at)) if *at > session.posted => limits,
        _ => &session.limits,
    };
    let refused = |reasons: &[String]| {
        Trouble::bad(
            reasons.join("; "),
            "send some of the keys of `limits`, as GET /api/v1/adapters shows them",
        )
    };
    let limits = changed_limits(before, changes).map_err(|problems| {
        let reasons: Vec<String> = problems.iter().map(ToString::to_string).collect();
        refused(&reasons)
    })?;
    let instruments = session.instruments.len();
    if instruments > limits.instruments_max {
        return Err(refused(&[format!(
            "limits.instruments_max: {instruments} instruments are collected"
        )]));
    }
    let command = Command::Limits(Box::new(limits.clone()));
    let state = desk.remote.command(name, command).await?;
    ordered.insert(name.to_owned(), (limits.clone(), Instant::now()));
    Ok((limits, state))
}
