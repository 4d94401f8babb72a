//! A call on its way to the supervisor: what it asks for, read from its body, and how long it waits.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Map, Value};

use super::trouble::{Outcome, Trouble};

/// How long a call waits until a command is done.
pub(super) const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// Longest name of a session, in characters.
const NAME_CHARS_MAX: usize = 64;

/// The name in a path.
pub(super) type Named = Result<Path<String>, PathRejection>;

/// The name, unless it is no text.
pub(super) fn named(path: Named) -> Result<String, Trouble> {
    path.map(|Path(name)| name)
        .map_err(|_| Trouble::bad("the name in the path is no text", "write it in UTF-8"))
}

/// The keys and values of a body.
pub(super) fn object(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, Trouble> {
    let given = headers.get(header::CONTENT_TYPE);
    let given = given.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = given.split(';').next().unwrap_or("").trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Trouble::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be JSON and say so",
            "send `Content-Type: application/json`",
        ));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Trouble::bad(
            "the body must be a JSON object",
            "send {\"KEY\": VALUE}",
        )),
        Err(error) => Err(Trouble::bad(
            format!("the body is no JSON: {error}"),
            "send {\"KEY\": VALUE}",
        )),
    }
}

/// A name that can be one of a session; what cannot is not passed on.
pub(super) fn is_name(name: &str) -> bool {
    let is_sign = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_');
    !name.is_empty() && name.len() <= NAME_CHARS_MAX && name.chars().all(is_sign)
}

/// What `work` comes to, unless it takes longer than `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    let done = tokio::time::timeout(limit, work).await;
    done.unwrap_or_else(|_| Err(Trouble::late(limit)))
}

/// The answer to a call that was done, and what the log says of it.
pub(super) fn done(answer: Value, outcome: String) -> Response {
    let mut response = Json(answer).into_response();
    response.extensions_mut().insert(Outcome(outcome));
    response
}
