//! What one adapter may use: plain figures, read by `config`, enforced by `sandbox` and `session`.

use serde::{Deserialize, Serialize};

/// The caps of one adapter. Every figure has its unit in its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Limits {
    /// Guest memory and tables above which the adapter counts as degraded, in MiB.
    pub memory_soft_mb: u32,
    /// Guest memory and tables that the adapter may never exceed, in MiB.
    pub memory_hard_mb: u32,
    /// Fuel for one event; one unit is about one Wasm instruction.
    pub fuel_per_event_max: u64,
    /// Longest frame or answer handed to the adapter, in bytes.
    pub frame_bytes_max: usize,
    /// Most actions that one event may return.
    pub actions_per_event_max: usize,
    /// Most bytes that the actions of one event may hold, texts and levels together.
    pub output_bytes_max: usize,
    /// Most connections open or wanted at once.
    pub connections_max: usize,
    /// Most requests without an answer at once.
    pub requests_in_flight_max: usize,
    /// Most alarms waiting at once.
    pub alarms_max: usize,
    /// Most instruments declared.
    pub instruments_max: usize,
    /// Most log lines written per second; the rest is counted.
    pub log_lines_per_second_max: u32,
    /// Most bytes of events that are kept for the bundle of a fault.
    pub flight_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_soft_mb: 100,
            memory_hard_mb: 150,
            fuel_per_event_max: 200_000_000,
            frame_bytes_max: 8 << 20,
            actions_per_event_max: 10_000,
            output_bytes_max: 8 << 20,
            connections_max: 16,
            requests_in_flight_max: 64,
            alarms_max: 4_096,
            instruments_max: 4_096,
            log_lines_per_second_max: 50,
            flight_bytes_max: 8 << 20,
        }
    }
}
