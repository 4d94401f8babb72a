//! A call on its way to the supervisor: what it asks for, read from its body, and how long it waits.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Map, Value, json};

use super::body::media_type;
use super::trouble::{Outcome, Trouble};

/// How long a call waits until a command is done.
pub(super) const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// Longest name of a session, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Longest name of a file, in bytes.
const FILE_NAME_BYTES_MAX: usize = 128;

/// The name in a path.
pub(super) type Named = Result<Path<String>, PathRejection>;

/// The name, unless it is no text.
pub(super) fn named(path: Named) -> Result<String, Trouble> {
    path.map(|Path(name)| name)
        .map_err(|_| Trouble::bad("the name in the path is no text", "write it in UTF-8"))
}

/// The keys and values of a body.
pub(super) fn object(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, Trouble> {
    if media_type(headers) != "application/json" {
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

/// Whether it can be the name of a file in a folder of the daemon's: no way to another folder, and nothing hidden.
pub(super) fn is_file_name(name: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_short = !name.is_empty() && name.len() <= FILE_NAME_BYTES_MAX;
    is_short && !name.starts_with('.') && name.bytes().all(is_sign)
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

/// The answer to a call whose work has begun and goes on as that operation, and what the log says of it.
pub(super) fn begun(operation: u64, outcome: String) -> Response {
    let location = format!("/api/v1/operations/{operation}");
    let answer = json!({ "operation": operation, "location": location });
    let headers = [(header::LOCATION, location)];
    let mut response = (StatusCode::ACCEPTED, headers, Json(answer)).into_response();
    response.extensions_mut().insert(Outcome(outcome));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_file_leads_out_of_its_folder() {
        assert!(is_file_name("alpha_spot-20260101T000000.123"));
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "a\0b", ".hidden", "ä"] {
            assert!(!is_file_name(name), "{name:?}");
        }
        assert!(!is_file_name(&"a".repeat(FILE_NAME_BYTES_MAX + 1)));
    }
}
