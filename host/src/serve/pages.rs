//! The pages of the health port. Paths and fields are those of the old collector.

use std::time::SystemTime;

use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::desk::{Context, Desk};
use super::health;
use crate::wire::iso_time;

/// The answer to a path that is none.
pub(super) async fn not_found(uri: Uri) -> Response {
    let text = format!("404: there is no page {}\n", uri.path());
    (StatusCode::NOT_FOUND, text).into_response()
}

pub(super) async fn ping() -> Json<Value> {
    Json(json!({ "pong": true, "timestamp": timestamp() }))
}

/// The status that tells a document of health.
pub(super) fn health_status(desk: &Desk, document: &Value) -> StatusCode {
    if is_unhealthy(document) && !is_grace(desk) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    }
}

fn is_unhealthy(document: &Value) -> bool {
    document.get("status").is_some_and(|it| it == "unhealthy")
}

fn is_grace(desk: &Desk) -> bool {
    desk.board.uptime().as_secs() < desk.grace_s
}

pub(super) async fn health(State(context): State<Context>) -> Response {
    let mut health = health::document(&context.board);
    let uptime = context.board.uptime();
    let status = health_status(&context, &health);
    if is_unhealthy(&health)
        && status == StatusCode::OK
        && let Some(fields) = health.as_object_mut()
    {
        let grace = json!({
            "applied": true,
            "uptime": uptime.as_secs_f64(),
            "grace_seconds": context.grace_s,
        });
        fields.insert("grace".to_owned(), grace);
    }
    (status, Json(health)).into_response()
}

#[derive(Deserialize)]
pub(super) struct StatusQuery {
    #[serde(default)]
    detailed: String,
}

pub(super) async fn status(
    State(context): State<Context>,
    Query(query): Query<StatusQuery>,
) -> Json<Value> {
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

pub(super) async fn version() -> Json<Value> {
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
    iso_time(SystemTime::now())
}
