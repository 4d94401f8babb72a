//! The body of a call that changes something: read whole before the call is looked at, bounded in size and time; and how
//! many adapters may be on their way at once, so that memory is bounded too.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::trouble::Trouble;
use crate::sandbox::ADAPTER_BYTES_MAX;

/// Media type of an adapter's file.
pub(super) const ADAPTER_MEDIA_TYPE: &str = "application/wasm";

/// Adapters that may be on their way at once.
const PLACES: usize = 1;

/// How long a call waits for its place.
const PLACE_LIMIT: Duration = Duration::from_secs(10);

/// How much a call may send, and for how long.
pub(super) struct Bounds {
    bytes_max: usize,
    limit: Duration,
    hint: &'static str,
}

/// Of a call that sends a few keys.
pub(super) const KEYS: Bounds = Bounds {
    bytes_max: 16 * 1024,
    limit: Duration::from_secs(5),
    hint: "send the few keys that the call reads",
};

/// Of a call that sends an adapter.
const ADAPTER: Bounds = Bounds {
    bytes_max: ADAPTER_BYTES_MAX,
    limit: Duration::from_secs(60),
    hint: "no longer adapter is accepted",
};

/// Where adapters on their way take their places.
pub(in crate::serve) struct Places(Arc<Semaphore>);

/// A place of one adapter, from the call that brings it until the supervisor has it; clones are the same place.
#[derive(Clone)]
pub(in crate::serve) struct Place {
    _held: Arc<OwnedSemaphorePermit>,
}

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Places {
    async fn take(&self) -> Result<Place, Trouble> {
        let place = self.0.clone().acquire_owned();
        match tokio::time::timeout(PLACE_LIMIT, place).await {
            Ok(Ok(place)) => Ok(Place {
                _held: Arc::new(place),
            }),
            _ => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let error = "another adapter is on its way to the daemon";
                Err(Trouble::new(status, error, "try again").after(Duration::from_secs(1)))
            }
        }
    }
}

/// The request of a call that may bring or name an adapter, with its body read and its place taken.
pub(super) async fn with_adapter(request: Request, places: &Places) -> Result<Request, Trouble> {
    let place = places.take().await?;
    let bounds = match media_type(request.headers()) {
        ADAPTER_MEDIA_TYPE => &ADAPTER,
        _ => &KEYS,
    };
    let mut request = bounded(request, bounds).await?;
    request.extensions_mut().insert(place);
    Ok(request)
}

/// The request with its body read, if that is short enough and comes in time.
pub(super) async fn bounded(request: Request, bounds: &Bounds) -> Result<Request, Trouble> {
    let too_long = || {
        Trouble::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is longer than {} bytes", bounds.bytes_max),
            bounds.hint,
        )
    };
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > bounds.bytes_max as u64) {
        return Err(too_long());
    }
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(bounds.limit, to_bytes(body, bounds.bytes_max)).await;
    match read {
        Ok(Ok(body)) => Ok(Request::from_parts(head, Body::from(body))),
        Ok(Err(error)) if is_too_long(&error) => Err(too_long()),
        Ok(Err(_)) => Err(Trouble::bad("the body broke off", "send it again")),
        Err(_) => Err(Trouble::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not come in time",
            "send it at once",
        )),
    }
}

/// What a body is, as its sender says; nothing where it says nothing. Without what may follow the type, in small letters
/// where it is one of those that are looked for.
pub(super) fn media_type(headers: &HeaderMap) -> &str {
    let given = headers.get(header::CONTENT_TYPE);
    let given = given.and_then(|value| value.to_str().ok()).unwrap_or("");
    let given = given.split(';').next().unwrap_or("").trim();
    let known = [ADAPTER_MEDIA_TYPE, "application/json"];
    let known = known.into_iter().find(|it| it.eq_ignore_ascii_case(given));
    known.unwrap_or(given)
}

fn is_too_long(error: &axum::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
