//! The control API: what is asked of the running daemon, and by whom. Whatever changes something needs the token, is
//! bounded in size, number and time, and is logged with who asked.

mod adapters;
mod body;
mod bucket;
mod faults;
mod guard;
mod limits;
mod operations;
mod orchestrator;
mod order;
mod replace;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may end by a panic
mod tests;
mod trouble;
mod versions;

pub use faults::{FaultEntry, Faults};
pub use versions::AdapterFiles;

pub(super) use adapters::adapters;
pub(super) use body::Places;
pub(super) use faults::{fault, faults};
pub(super) use guard::{Asker, Guard, guarded, guarded_for_adapter};
pub(super) use limits::{Ordered, limits};
pub(super) use operations::{drop_candidate, operation, operations, promote};
pub(super) use orchestrator::{health, reload, restart, services, start, status, stop};
pub(super) use replace::{rollback, shadow, swap};
pub(super) use trouble::Trouble;

use axum::http::header;
use axum::response::IntoResponse;

use crate::supervisor::Remote;

/// The description of the health port, in OpenAPI 3.1.
const DESCRIPTION: &str = include_str!("../../../../docs/openapi.json");

/// What the control API leads to.
pub struct Control {
    /// The way to the supervisor of the sessions.
    pub remote: Remote,
    /// The bundles of faults; without them only the last fault of each session is told.
    pub faults: Option<Faults>,
    /// Versions of adapters that are there already; without them each is to be sent with the call.
    pub adapters: Option<AdapterFiles>,
}

pub(super) async fn description() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DESCRIPTION)
}
