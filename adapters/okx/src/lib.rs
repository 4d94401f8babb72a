//! The adapter of OKX.

use marketprism_kit::wit::{Description, Event};
use marketprism_kit::{Adapter, Output};

/// The adapter; nothing runs before its `start` event.
#[derive(Debug, Default)]
pub struct Okx;

impl Adapter for Okx {
    fn describe() -> Description {
        Description {
            name: "okx".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            venues: ["okx_spot", "okx_derivatives"]
                .iter()
                .filter(|name| !name.is_empty())
                .map(|name| (*name).to_owned())
                .collect(),
            data_types: Vec::new(),
            settings: Vec::new(),
            connections_max: 0,
            request_weight_per_minute: 0,
            used_weight_header: None,
        }
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _now: u64, _event: &Event, _out: &mut Output) {}
}
