//! What is being done to adapters, and what became of it; and the decision on a candidate that is compared.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Json, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::order::{COMMAND_LIMIT, Named, begun, named, within};
use super::trouble::Trouble;
use crate::serve::desk::{Context, Desk};
use crate::serve::pages::timestamp;
use crate::status::Operation;
use crate::supervisor::Decision;

/// What may stand behind the path of the list.
#[derive(Deserialize)]
pub(in crate::serve) struct ListQuery {
    session: Option<String>,
}

/// All of late, the newest first, without their reports: those may be long.
pub(in crate::serve) async fn operations(
    State(desk): State<Context>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Trouble> {
    let Query(query) = query.map_err(|_| {
        Trouble::bad(
            "what stands behind the path cannot be read",
            "ask for `?session=NAME` or for nothing",
        )
    })?;
    let is_asked = |it: &Operation| {
        query
            .session
            .as_ref()
            .is_none_or(|name| *name == it.session)
    };
    let mut operations = Vec::new();
    for operation in desk
        .board
        .operations()
        .all()
        .into_iter()
        .rev()
        .filter(is_asked)
    {
        let mut told = told(&operation)?;
        if let Some(fields) = told.as_object_mut() {
            fields.remove("report");
        }
        operations.push(told);
    }
    Ok(Json(
        json!({ "timestamp": timestamp(), "operations": operations }),
    ))
}

pub(in crate::serve) async fn operation(
    State(desk): State<Context>,
    id: Named,
) -> Result<Json<Value>, Trouble> {
    Ok(Json(told(&find(&desk, id)?)?))
}

pub(in crate::serve) async fn promote(
    State(desk): State<Context>,
    id: Named,
) -> Result<Response, Trouble> {
    decide(&desk, id, Decision::Promote, "promote").await
}

pub(in crate::serve) async fn drop_candidate(
    State(desk): State<Context>,
    id: Named,
) -> Result<Response, Trouble> {
    decide(&desk, id, Decision::Drop, "drop").await
}

async fn decide(
    desk: &Desk,
    id: Named,
    decision: Decision,
    word: &str,
) -> Result<Response, Trouble> {
    let Operation { id, session, .. } = find(desk, id)?;
    let work = async { Ok(desk.remote.decide(id, decision).await?) };
    within(COMMAND_LIMIT, work).await?;
    Ok(begun(
        id,
        format!("{word} the candidate of operation {id} for {session}"),
    ))
}

/// The operation whose number stands in the path.
fn find(desk: &Desk, id: Named) -> Result<Operation, Trouble> {
    let id = named(id)?;
    let operation = id
        .parse()
        .ok()
        .and_then(|id| desk.board.operations().get(id));
    operation.ok_or_else(|| {
        Trouble::new(
            StatusCode::NOT_FOUND,
            "there is no such operation",
            "GET /api/v1/operations lists those of late",
        )
    })
}

fn told(operation: &Operation) -> Result<Value, Trouble> {
    serde_json::to_value(operation).map_err(|error| {
        tracing::error!("an operation cannot be written: {error}");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Trouble::new(
            status,
            "the operation cannot be written",
            "the daemon's log tells why",
        )
    })
}
