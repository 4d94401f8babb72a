//! What a bundle says about the fault and about what it needs to happen again.

use serde::{Deserialize, Serialize};

use crate::limits::Limits;

/// What the first key of every bundle says.
pub(super) const MAGIC: &str = "fault bundle";

/// The form of the bundles that this host writes and reads.
pub(super) const FORMAT: u32 = 1;

/// The first line of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Says that this is a bundle; the writer sets it.
    pub(super) marketprism: String,
    /// The form of what follows; the writer sets it.
    pub(super) format: u32,
    /// The facts.
    #[serde(flatten)]
    pub facts: Facts,
}

/// Who was stopped, why, and under which circumstances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When, as ISO 8601 in UTC.
    pub time: String,
    /// The same in nanoseconds since the epoch.
    pub time_ns: u64,
    /// Name of the session.
    pub session: String,
    /// Its exchange.
    pub venue: String,
    /// Why the instance was stopped.
    pub fault: FaultText,
    /// Whether the events reach back to the start of the instance.
    pub complete: bool,
    /// How many events follow.
    pub events: u64,
    /// Older events of the instance that were kept no more.
    pub events_lost: u64,
    /// The adapter.
    pub adapter: AdapterText,
    /// Version of the host.
    pub host_version: String,
    /// Version of the contract between the two.
    pub contract_version: String,
    /// sha256 of `settings`.
    pub settings_sha256: String,
    /// Fuel that the last event took.
    pub fuel_last: u64,
    /// Fuel that the session used since it began.
    pub fuel_in_all: u64,
    /// Memory and tables of the guest, in bytes.
    pub memory_bytes: u64,
    /// The adapter's caps.
    pub limits: Limits,
    /// Seed of the adapter's jitter.
    pub seed: u64,
    /// The instruments that it was to collect.
    pub symbols: Vec<String>,
    /// Where it might connect to: `scheme://host:port`.
    pub grants: Vec<String>,
    /// What it was told at its start, a JSON text without secrets.
    pub settings: String,
}

/// A fault in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultText {
    /// Its kind, as logs and metrics write it.
    pub kind: String,
    /// The particulars.
    pub message: String,
    /// The guest's call stack, innermost first.
    pub backtrace: Vec<String>,
}

/// Which adapter it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterText {
    /// Its name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// sha256 of its file.
    pub sha256: String,
}
