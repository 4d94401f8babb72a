//! Every page of the health port in one table, which its description is held against.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::control::{self, Trouble};
use super::desk::Context;
use super::pages;

/// One page: its method and path as its description names them, and who answers.
type Route = (&'static str, &'static str, MethodRouter<Context>);

/// All of them.
fn table(desk: &Context) -> Vec<Route> {
    vec![
        reads("/", pages::ping),
        reads("/ping", pages::ping),
        reads("/health", pages::health),
        reads("/status", pages::status),
        reads("/version", pages::version),
        reads("/api/v1/openapi.json", control::description),
        reads("/api/v1/orchestrator/status", control::status),
        reads("/api/v1/orchestrator/services", control::services),
        reads("/api/v1/orchestrator/health", control::health),
        changes(desk, "/api/v1/orchestrator/services/start", control::start),
        changes(desk, "/api/v1/orchestrator/services/stop", control::stop),
        changes(
            desk,
            "/api/v1/orchestrator/services/restart",
            control::restart,
        ),
        reads("/api/v1/adapters", control::adapters),
        changes(desk, "/api/v1/adapters/{name}/limits", control::limits),
        takes_adapter(desk, "/api/v1/adapters/{name}/swap", control::swap),
        changes(desk, "/api/v1/adapters/{name}/rollback", control::rollback),
        takes_adapter(desk, "/api/v1/adapters/{name}/shadow", control::shadow),
        reads("/api/v1/operations", control::operations),
        reads("/api/v1/operations/{id}", control::operation),
        changes(desk, "/api/v1/operations/{id}/promote", control::promote),
        changes(
            desk,
            "/api/v1/operations/{id}/drop",
            control::drop_candidate,
        ),
        changes(desk, "/api/v1/reload", control::reload),
        reads("/api/v1/faults", control::faults),
        reads("/api/v1/faults/{id}", control::fault),
    ]
}

fn reads<H: Handler<T, Context>, T: 'static>(path: &'static str, handler: H) -> Route {
    ("get", path, get(handler))
}

/// A page that changes something: nobody gets to it but past the guard.
fn changes<H: Handler<T, Context>, T: 'static>(
    desk: &Context,
    path: &'static str,
    handler: H,
) -> Route {
    let guard = from_fn_with_state(desk.clone(), control::guarded);
    ("post", path, post(handler).route_layer(guard))
}

/// The same, for a page that an adapter's file may be sent to.
fn takes_adapter<H: Handler<T, Context>, T: 'static>(
    desk: &Context,
    path: &'static str,
    handler: H,
) -> Route {
    let guard = from_fn_with_state(desk.clone(), control::guarded_for_adapter);
    // The guard bounds the body, and axum's own bound is less than an adapter.
    let answer = post(handler).layer(DefaultBodyLimit::disable());
    ("post", path, answer.route_layer(guard))
}

/// All pages of the health port.
pub(super) fn router(desk: Context) -> Router {
    let mut router = Router::new();
    for (_, path, answer) in table(&desk) {
        router = router.route(path, answer);
    }
    router
        .method_not_allowed_fallback(wrong_method)
        .fallback(not_found)
        .with_state(desk)
}

/// Method and path of every page.
#[cfg(test)]
pub(super) fn listed(desk: &Context) -> Vec<(&'static str, &'static str)> {
    let routes = table(desk);
    routes.iter().map(|it| (it.0, it.1)).collect()
}

async fn wrong_method(method: Method, uri: Uri) -> Trouble {
    Trouble::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{method} is not for {}", uri.path()),
        "the header `Allow` tells what is; GET /api/v1/openapi.json describes every call",
    )
}

/// The answer to a path that is none: in JSON where programs ask.
async fn not_found(uri: Uri) -> Response {
    if !uri.path().starts_with("/api/") {
        return pages::not_found(uri).await;
    }
    Trouble::new(
        StatusCode::NOT_FOUND,
        format!("there is no {}", uri.path()),
        "GET /api/v1/openapi.json describes every call",
    )
    .into_response()
}
