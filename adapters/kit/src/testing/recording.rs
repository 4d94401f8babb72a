//! Recordings of exchanges and what an independent reading of them found; they are no part of the project.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it, and they fail by a panic"
)]

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value};

/// One line of a recording.
#[derive(Debug, Clone, Deserialize)]
pub struct Record {
    /// When, in nanoseconds since the epoch.
    pub t_ns: Option<u64>,
    /// "ws", "http", "ws_open" or "ws_close".
    pub kind: String,
    /// The address of a request.
    #[serde(default)]
    pub url: String,
    /// The HTTP status of its answer.
    #[serde(default)]
    pub status: u16,
    /// The frame, or the body of the answer.
    #[serde(default)]
    pub data: String,
}

/// A path inside the folder MARKETPRISM_SHARED, else inside `shared` beside the project.
///
/// # Panics
/// When it is not there; says where it was looked for.
pub fn shared(path: &str) -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let folder =
        std::env::var_os("MARKETPRISM_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let path = folder.join(path);
    assert!(
        path.exists(),
        "{} is missing: set MARKETPRISM_SHARED to the folder that holds captures/ and marketprism/",
        path.display()
    );
    path
}

/// What a file there says.
///
/// # Panics
/// As [`shared`].
pub fn text(path: &str) -> String {
    let path = shared(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// As [`text`], as JSON.
///
/// # Panics
/// As [`shared`], and when it is no JSON.
pub fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A recording by its file name without `.jsonl`.
///
/// # Panics
/// As [`shared`].
pub fn recording(name: &str) -> Vec<Record> {
    text(&format!("captures/{name}.jsonl"))
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap())
        .filter(|record| record.kind != "meta")
        .collect()
}

/// What the independent reference replay of a recording found, by symbol.
///
/// # Panics
/// As [`shared`].
pub fn oracle(name: &str) -> Map<String, Value> {
    let oracle = json(&format!("captures/oracle/{name}.json"));
    let (_, session) = name.split_once('.').unwrap();
    let symbols = &oracle["sessions"][session]["symbols"];
    symbols.as_object().unwrap().clone()
}
