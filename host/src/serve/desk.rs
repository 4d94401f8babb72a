//! What the pages of the health port are made from, and what they lead to.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::control::{AdapterFiles, Control, Faults, Guard, Ordered, Places};
use crate::config::HealthPort;
use crate::status::Board;
use crate::supervisor::Remote;

/// What every page gets.
pub(super) type Context = Arc<Desk>;

/// See the module.
pub(super) struct Desk {
    pub(super) board: Arc<Board>,
    /// Time after the start in which health answers 200 whatever it says.
    pub(super) grace_s: u64,
    pub(super) guard: Guard,
    pub(super) remote: Remote,
    pub(super) faults: Option<Faults>,
    pub(super) adapters: Option<AdapterFiles>,
    pub(super) places: Places,
    pub(super) ordered: Mutex<Ordered>,
}

impl Desk {
    pub(super) fn new(port: &HealthPort, board: Arc<Board>, control: Control) -> Context {
        Arc::new(Self {
            board,
            grace_s: port.grace_s,
            guard: Guard::new(port.token.clone()),
            remote: control.remote,
            faults: control.faults,
            adapters: control.adapters,
            places: Places::default(),
            ordered: Mutex::default(),
        })
    }
}
