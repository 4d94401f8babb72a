//! The pages of the health port. Paths and fields are those of the old collector.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::health;
use crate::status::Board;
use crate::wire::iso_text;

/// What every page of this port is made from.
#[derive(Clone)]
struct Context {
    board: Arc<Board>,
    /// Time after the start in which health answers 200 whatever it says.
    grace_s: u64,
}

/// All pages of the health port.
pub(super) fn router(board: Arc<Board>, grace_s: u64) -> Router {
    Router::new()
        .route("/", get(ping))
        .route("/ping", get(ping))
        .route("/health", get(health_page))
        .route("/status", get(status))
        .route("/version", get(version))
        .fallback(not_found)
        .with_state(Context { board, grace_s })
}

/// The answer to a path that is none.
pub(super) async fn not_found(uri: Uri) -> Response {
    let text = format!("404: there is no page {}\n", uri.path());
    (StatusCode::NOT_FOUND, text).into_response()
}

async fn ping() -> Json<Value> {
    Json(json!({ "pong": true, "timestamp": timestamp() }))
}

async fn health_page(State(context): State<Context>) -> Response {
    let mut health = health::document(&context.board);
    let uptime = context.board.uptime();
    let is_unhealthy = health.get("status").is_some_and(|it| it == "unhealthy");
    let is_grace = uptime.as_secs() < context.grace_s;
    if is_unhealthy
        && is_grace
        && let Some(fields) = health.as_object_mut()
    {
        let grace = json!({
            "applied": true,
            "uptime": uptime.as_secs_f64(),
            "grace_seconds": context.grace_s,
        });
        fields.insert("grace".to_owned(), grace);
    }
    let status = if is_unhealthy && !is_grace {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    (status, Json(health)).into_response()
}

#[derive(Deserialize)]
struct StatusQuery {
    #[serde(default)]
    detailed: String,
}

async fn status(State(context): State<Context>, Query(query): Query<StatusQuery>) -> Json<Value> {
    let board = &context.board;
    let mut status = json!({
        "service": "MarketPrism OrderBook Manager",
        "version": env!("CARGO_PKG_VERSION"),
        "timestamp": timestamp(),
        "uptime": board.uptime().as_secs_f64(),
        "status": "running",
    });
    let is_detailed = matches!(query.detailed.as_str(), "true" | "1" | "yes");
    if is_detailed && let Some(fields) = status.as_object_mut() {
        let sessions = board.sessions();
        let symbols: usize = sessions.iter().map(|it| it.instruments.len()).sum();
        let open: usize = sessions.iter().map(|it| it.connections_open).sum();
        let is_connected = health::is_bus_connected(&sessions);
        fields.insert("detailed_health".to_owned(), health::document(board));
        fields.insert("active_symbols".to_owned(), symbols.into());
        fields.insert("nats_connected".to_owned(), is_connected.into());
        fields.insert("websocket_connections".to_owned(), open.into());
    }
    Json(status)
}

async fn version() -> Json<Value> {
    Json(json!({
        "service": "MarketPrism OrderBook Manager",
        "version": env!("CARGO_PKG_VERSION"),
        "contract": crate::sandbox::CONTRACT_VERSION,
        "features": [
            "one sandboxed WebAssembly adapter per exchange",
            "order books from the exchange's own changes, checked",
            "NATS publishing",
            "Prometheus metrics",
            "deterministic replay",
        ],
    }))
}

/// The time now, as the old collector wrote it.
pub(super) fn timestamp() -> String {
    iso_text(health::now_ns())
}
