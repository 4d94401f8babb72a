//! The streams that JetStream keeps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::problem::Problems;

/// JetStream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub struct JetStream {
    /// False: the low-rate types go out over Core NATS.
    pub enabled: bool,
    /// The streams by their key in the file.
    pub streams: BTreeMap<String, Stream>,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub struct Stream {
    /// Its name; empty: its key in the file.
    pub name: String,
    /// Subjects that it keeps.
    pub subjects: Vec<String>,
    /// When messages go.
    pub retention: Retention,
    /// Most messages; -1 is no limit.
    pub max_msgs: i64,
    /// Most bytes; -1 is no limit.
    pub max_bytes: i64,
    /// Longest time that a message is kept, in seconds; 0 is no limit.
    #[serde(rename = "max_age")]
    pub max_age_s: u64,
    /// Most consumers; -1 is no limit.
    pub max_consumers: i32,
    /// Copies in a cluster, 1 to 5.
    pub replicas: usize,
    /// Where messages are kept.
    pub storage: Storage,
    /// What goes when the stream is full.
    pub discard: Discard,
    /// Time in which a known Msg-Id is a double, in seconds.
    #[serde(rename = "duplicate_window")]
    pub duplicate_window_s: u64,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            name: String::new(),
            subjects: Vec::new(),
            retention: Retention::Limits,
            max_msgs: 5_000_000,
            max_bytes: 2 << 30,
            max_age_s: 172_800,
            max_consumers: 50,
            replicas: 1,
            storage: Storage::File,
            discard: Discard::Old,
            duplicate_window_s: 120,
        }
    }
}

/// When a stream lets messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Retention {
    /// At its limits.
    Limits,
    /// When every consumer has it.
    Interest,
    /// When one consumer has it.
    Workqueue,
}

/// Where a stream keeps messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// On disk.
    File,
    /// In memory.
    Memory,
}

/// What goes when a stream is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Discard {
    /// The oldest message.
    Old,
    /// The message that comes.
    New,
}

impl JetStream {
    /// Fills in names and notes what cannot be used.
    pub(super) fn check(&mut self, at: &Key, problems: &mut Problems) {
        let streams = at.then("streams");
        let mut names: BTreeMap<String, &String> = BTreeMap::new();
        for (key, stream) in &mut self.streams {
            let at = streams.then(key);
            if stream.name.is_empty() {
                stream.name.clone_from(key);
            }
            if stream.name.contains(|c: char| {
                matches!(c, '.' | '*' | '>' | '/' | '\\') || !c.is_ascii_graphic()
            }) {
                problems.add(
                    &at.then("name"),
                    format!("not a stream name: {:?}", stream.name),
                );
            }
            if let Some(other) = names.insert(stream.name.clone(), key) {
                problems.add(&at.then("name"), format!("is the name of {other} too"));
            }
            if stream.subjects.is_empty() && !problems.about(&at.then("subjects")) {
                problems.add(&at.then("subjects"), "no subject is given");
            }
            for subject in &stream.subjects {
                let empty = subject.split('.').any(str::is_empty);
                if empty || !subject.chars().all(|c| c.is_ascii_graphic()) {
                    problems.add(&at.then("subjects"), format!("not a subject: {subject:?}"));
                }
            }
            if !(1..=5).contains(&stream.replicas) {
                problems.add(&at.then("replicas"), "must be 1 to 5");
            }
            for (name, value) in [
                ("max_msgs", stream.max_msgs),
                ("max_bytes", stream.max_bytes),
                ("max_consumers", i64::from(stream.max_consumers)),
            ] {
                if value == 0 || value < -1 {
                    problems.add(&at.then(name), "must be positive, or -1 for no limit");
                }
            }
            if stream.max_age_s > 0 && stream.duplicate_window_s > stream.max_age_s {
                problems.add(&at.then("duplicate_window"), "must not exceed max_age");
            }
        }
    }
}
