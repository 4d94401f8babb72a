//! What could not be done, as the control API tells it: the status, the reason, and what to do.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use crate::supervisor::CommandError;

/// Something that could not be done.
#[derive(Debug)]
pub(in crate::serve) struct Trouble {
    pub(super) status: StatusCode,
    pub(super) error: String,
    hint: String,
    retry_after: Option<Duration>,
}

/// The outcome of a call, for the log; rides on its answer.
#[derive(Debug, Clone)]
pub(super) struct Outcome(pub(super) String);

impl Trouble {
    pub(in crate::serve) fn new(
        status: StatusCode,
        error: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            status,
            error: error.into(),
            hint: hint.into(),
            retry_after: None,
        }
    }

    /// The same, with the time after which another try is of use.
    pub(super) fn after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// A request that makes no sense as it is.
    pub(super) fn bad(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, hint)
    }

    /// There is no session of that name.
    pub(super) fn unknown(wanted: &str, present: &str) -> Self {
        let present = if present.is_empty() { "none" } else { present };
        Self::new(
            StatusCode::NOT_FOUND,
            format!("there is no session {wanted:?}"),
            format!("there are: {present}"),
        )
    }

    /// The supervisor did not answer in time.
    pub(super) fn late(limit: Duration) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not done within {} s", limit.as_secs()),
            "it may still be done: GET /api/v1/adapters tells the state",
        )
        .after(Duration::from_secs(1))
    }
}

impl From<CommandError> for Trouble {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Unknown { wanted, present } => Self::unknown(&wanted, &present),
            CommandError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                error.to_string(),
                "it is about to end, or too many commands wait: try again",
            )
            .after(Duration::from_secs(1)),
            CommandError::Failed(reason) => Self::new(
                StatusCode::CONFLICT,
                reason,
                "put right what is named and ask again; the daemon's log tells more",
            ),
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let outcome = Outcome(format!("{} {}", self.status.as_u16(), self.error));
        let body = Json(json!({ "error": self.error, "hint": self.hint }));
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        if let Some(pause) = self.retry_after {
            let seconds = pause.as_secs_f64().ceil().max(1.0) as u64;
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(outcome);
        response
    }
}
