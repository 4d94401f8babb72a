//! The adapter of Deribit.

use marketprism_kit::wit::{Description, Event};
use marketprism_kit::{Adapter, Output};

/// The adapter; nothing runs before its `start` event.
#[derive(Debug, Default)]
pub struct Deribit;

impl Adapter for Deribit {
    fn describe() -> Description {
        Description {
            name: "deribit".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            venues: ["deribit_derivatives", ""]
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
