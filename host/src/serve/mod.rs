//! The two HTTP ports: health and control on one, metrics on the other. Whatever is asked is answered from the board, so
//! no answer waits for an adapter; what is ordered waits some seconds at most. A port that is taken is tried again for
//! ever: collecting goes on without it.

mod control;
mod coverage;
mod desk;
mod health;
mod pages;
mod routes;
mod server;
mod verdict;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::task::JoinSet;

pub use control::{AdapterFiles, Control, FaultEntry, Faults};

use crate::config::Monitoring;
use crate::metrics::{self, Kept};
use crate::status::Board;
use desk::Desk;

/// Serves both ports, as far as they are enabled, until the answer is dropped. Call it inside a tokio runtime.
pub fn start(
    monitoring: &Monitoring,
    board: &Arc<Board>,
    control: Control,
    kept: Kept,
) -> JoinSet<Infallible> {
    let mut serving = JoinSet::new();
    let at = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    if monitoring.health_check.enabled {
        let port = &monitoring.health_check;
        let pages = routes::router(Desk::new(port, board.clone(), control));
        let address = at(port.port);
        serving.spawn(server::keep("health", "/health", address, pages));
    }
    if monitoring.metrics.enabled {
        let page = metrics_page(board.clone(), kept);
        let address = at(monitoring.metrics.port);
        serving.spawn(server::keep("metrics", "/metrics", address, page));
    }
    serving
}

fn metrics_page(board: Arc<Board>, kept: Kept) -> Router {
    async fn page(State((board, kept)): State<(Arc<Board>, Kept)>) -> Response {
        match metrics::text(&board, &kept) {
            Ok(text) => ([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], text).into_response(),
            Err(error) => {
                tracing::error!("the metrics cannot be written: {error}");
                (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
            }
        }
    }
    Router::new()
        .route("/", get(page))
        .route("/metrics", get(page))
        .fallback(pages::not_found)
        .with_state((board, kept))
}
