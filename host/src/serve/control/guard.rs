//! Who may change something, how often, and with how much: checked before a call is looked at, and told in the log after.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::body::{KEYS, bounded, with_adapter};
use super::bucket::Bucket;
use super::trouble::{Outcome, Trouble};
use crate::secret::Secret;
use crate::serve::desk::Context;

/// Calls with the right token: a second, and at once.
const CHANGES: (f64, u32) = (10.0, 20);

/// Calls without it, of one address: a second, and at once.
const WRONG: (f64, u32) = (0.5, 5);

/// Refused calls that are logged: a second, and at once.
const TOLD: (f64, u32) = (1.0, 20);

/// Addresses that are remembered for their wrong tokens; all others share one bucket.
const STRANGERS_MAX: usize = 1_024;

/// Whom all addresses that are not remembered count as.
const ANYBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The other end of the connection that a request came by.
#[derive(Debug, Clone, Copy)]
pub(in crate::serve) struct Asker(pub(in crate::serve) SocketAddr);

/// The token, and how often it was asked for.
pub(in crate::serve) struct Guard {
    token: Option<Secret>,
    state: Mutex<Buckets>,
}

struct Buckets {
    changes: Bucket,
    told: Bucket,
    strangers: BTreeMap<IpAddr, Bucket>,
}

impl Guard {
    /// Lets in who knows `token`; nobody where there is none.
    pub(in crate::serve) fn new(token: Option<Secret>) -> Self {
        let now = Instant::now();
        Self {
            token,
            state: Mutex::new(Buckets {
                changes: Bucket::new(CHANGES.0, CHANGES.1, now),
                told: Bucket::new(TOLD.0, TOLD.1, now),
                strangers: BTreeMap::new(),
            }),
        }
    }

    /// Whether a call with these headers may be looked at.
    fn admit(&self, asker: IpAddr, headers: &HeaderMap, now: Instant) -> Result<(), Trouble> {
        let Some(token) = &self.token else {
            return Err(Trouble::new(
                StatusCode::FORBIDDEN,
                "nothing can be changed: the daemon has no control token",
                "set monitoring.health_check.token or MARKETPRISM_CONTROL_TOKEN and start the daemon again",
            ));
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the token is looked at: a guess too many tells nothing, not even when it is right.
        let stranger = state.stranger(asker, now);
        if let Some(Err(pause)) = stranger.map(|bucket| bucket.look(now)) {
            return Err(too_many("too many calls without the right token", pause));
        }
        let given = bearer(headers);
        let is_right = given
            .is_some_and(|given| bool::from(given.as_bytes().ct_eq(token.expose().as_bytes())));
        if !is_right {
            state.note_stranger(asker, now);
            let error = match given {
                Some(_) => "the token is wrong",
                None => "a token is needed",
            };
            return Err(Trouble::new(
                StatusCode::UNAUTHORIZED,
                error,
                "send the daemon's control token: `Authorization: Bearer TOKEN`",
            ));
        }
        let taken = state.changes.take(now);
        taken.map_err(|pause| too_many("too many changes in a short time", pause))
    }

    /// Whether one more refused call is worth a line in the log.
    fn is_told(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.told.take(now).is_ok()
    }
}

impl Buckets {
    /// The bucket that an address has, or shares when too many have one.
    fn stranger(&mut self, asker: IpAddr, now: Instant) -> Option<&mut Bucket> {
        let is_full = self.strangers.len() >= STRANGERS_MAX;
        if is_full && !self.strangers.contains_key(&asker) {
            self.strangers.retain(|_, bucket| !bucket.is_full(now));
            if self.strangers.len() >= STRANGERS_MAX {
                return self.strangers.get_mut(&ANYBODY);
            }
        }
        self.strangers.get_mut(&asker)
    }

    fn note_stranger(&mut self, asker: IpAddr, now: Instant) {
        let is_known = self.strangers.contains_key(&asker);
        let asker = if is_known || self.strangers.len() < STRANGERS_MAX {
            asker
        } else {
            ANYBODY
        };
        let full = || Bucket::new(WRONG.0, WRONG.1, now);
        let _ = self.strangers.entry(asker).or_insert_with(full).take(now);
    }
}

fn too_many(error: &str, pause: Duration) -> Trouble {
    let hint = format!("try again in {:.1} s", pause.as_secs_f64().max(0.1));
    Trouble::new(StatusCode::TOO_MANY_REQUESTS, error, hint).after(pause)
}

/// The token of `Authorization: Bearer TOKEN`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

/// Around every call that changes something.
pub(in crate::serve) async fn guarded(
    State(desk): State<Context>,
    request: Request,
    next: Next,
) -> Response {
    pass(&desk, request, next, |request| bounded(request, &KEYS)).await
}

/// Around a call that may bring an adapter as well.
pub(in crate::serve) async fn guarded_for_adapter(
    State(desk): State<Context>,
    request: Request,
    next: Next,
) -> Response {
    let at = desk.clone();
    let read = |request| async move { with_adapter(request, &at.places).await };
    pass(&desk, request, next, read).await
}

/// Does a call whose asker may ask it, once its body was read.
async fn pass<R: Future<Output = Result<Request, Trouble>> + Send>(
    desk: &Context,
    request: Request,
    next: Next,
    read: impl FnOnce(Request) -> R + Send + 'static,
) -> Response {
    let asker = request.extensions().get::<Asker>().map(|asker| asker.0);
    let asker = asker.unwrap_or_else(|| (ANYBODY, 0).into());
    let call = format!("{} {}", request.method(), request.uri().path());
    let now = Instant::now();
    if let Err(trouble) = desk.guard.admit(asker.ip(), request.headers(), now) {
        if desk.guard.is_told(now) {
            let status = trouble.status.as_u16();
            tracing::info!("control: {asker} {call}: {status} {}", trouble.error);
        }
        return trouble.into_response();
    }
    // On its own, so that what is done is told even when whoever asked has hung up.
    let done = tokio::spawn(async move {
        let response = match read(request).await {
            Ok(request) => next.run(request).await,
            Err(trouble) => trouble.into_response(),
        };
        let outcome = response.extensions().get::<Outcome>();
        let outcome = outcome.map_or("done", |outcome| outcome.0.as_str());
        tracing::info!("control: {asker} {call}: {outcome}");
        response
    });
    done.await.unwrap_or_else(|_| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Trouble::new(status, "the call failed", "look at the daemon's log").into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(guard: &Guard, asker: u8, token: &str, now: Instant) -> Option<u16> {
        let mut headers = HeaderMap::new();
        let text = format!("Bearer {token}");
        if let Ok(value) = text.parse() {
            headers.insert(header::AUTHORIZATION, value);
        }
        let asker = IpAddr::from([10, 0, 0, asker]);
        let admitted = guard.admit(asker, &headers, now);
        admitted.err().map(|trouble| trouble.status.as_u16())
    }

    #[test]
    fn who_guesses_is_held_up_and_nobody_else() {
        let guard = Guard::new(Some(Secret::new("right")));
        let now = Instant::now();
        for _ in 0..WRONG.1 {
            assert_eq!(status(&guard, 1, "wrong", now), Some(401));
        }
        assert_eq!(status(&guard, 1, "right", now), Some(429));
        assert_eq!(status(&guard, 2, "right", now), None);
        let later = now + Duration::from_secs(3);
        assert_eq!(status(&guard, 1, "right", later), None);
    }

    #[test]
    fn what_is_remembered_of_guesses_is_bounded() {
        let guard = Guard::new(Some(Secret::new("right")));
        let (now, headers) = (Instant::now(), HeaderMap::new());
        let ask = |number: u32, now| guard.admit(IpAddr::from(number.to_be_bytes()), &headers, now);
        for number in 1..3_000 {
            assert!(ask(number, now).is_err());
        }
        let kept = || guard.state.lock().map_or(0, |state| state.strangers.len());
        assert!(kept() <= STRANGERS_MAX + 1);
        let status = |refused: Result<(), Trouble>| refused.err().map(|it| it.status.as_u16());
        assert_eq!(
            status(ask(3_000, now)),
            Some(429),
            "they share what is left"
        );
        let later = now + Duration::from_secs(60);
        assert_eq!(status(ask(3_000, later)), Some(401));
        assert!(kept() < 3);
    }

    #[test]
    fn changes_are_bounded_whoever_asks() {
        let guard = Guard::new(Some(Secret::new("right")));
        let now = Instant::now();
        for _ in 0..CHANGES.1 {
            assert_eq!(status(&guard, 1, "right", now), None);
        }
        assert_eq!(status(&guard, 2, "right", now), Some(429));
        let later = now + Duration::from_millis(150);
        assert_eq!(status(&guard, 2, "right", later), None);
    }
}
