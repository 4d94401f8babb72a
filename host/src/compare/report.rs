//! What a comparison found.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::example::Example;
use super::words;
use crate::wire::DataType;

/// What a comparison found, and how both sides did.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Report {
    /// The version that is there.
    pub old: Figures,
    /// The one that shall replace it.
    pub new: Figures,
    /// What was published, by data type and subject.
    pub subjects: Vec<SubjectReport>,
    /// What was not compared, because the new version does not collect it while it stands by.
    pub left_out: Vec<LeftOut>,
    /// Messages that were not compared, because too many came at once: their partners look missing or extra.
    pub lost: u64,
}

/// A data type that was not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct LeftOut {
    /// The data type.
    #[serde(deserialize_with = "data_type")]
    pub data_type: DataType,
    /// Messages of it that the old version published.
    pub messages: u64,
}

/// How one side did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Figures {
    /// The adapter's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The hash of its file.
    pub sha256: String,
    /// Frames that it was told.
    pub frames: u64,
    /// Frames of streams that nobody asked for.
    pub ignored_frames: u64,
    /// Frames that could not be used.
    pub refused_frames: u64,
    /// Answers that could not be used.
    pub refused_answers: u64,
    /// Market events that could not be written.
    pub unwritten: u64,
    /// Instances stopped by a fault.
    pub faults: u64,
    /// Why it did not go on to the end, if it did not.
    pub given_up: Option<String>,
    /// Events that it was told.
    pub events: u64,
    /// Fuel that it used.
    pub fuel: u64,
    /// Fuel that it used for frames: what two versions that are asked for reports and polls unequally have in common.
    pub frame_fuel: u64,
    /// From an event's coming in to a message of it written; none where time is not the machine's.
    pub latency: Option<Latency>,
}

/// How long something took, in nanoseconds. Shares are told by the bounds below which they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// On average.
    pub mean_ns: u64,
    /// One half took at most that long.
    pub half_ns: u64,
    /// 99 of 100 took at most that long.
    pub p99_ns: u64,
}

/// What became of the messages of both sides; a pair counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Counts {
    /// Both have it, and it is the same.
    pub same: u64,
    /// Both have it, and it differs.
    pub different: u64,
    /// Only the old version has it.
    pub missing: u64,
    /// Only the new version has it.
    pub extra: u64,
    /// Not yet seen by the other side.
    pub waiting: u64,
    /// Came again under an id that a stream takes once.
    pub repeated: u64,
    /// Of the missing and extra: given up before their time, because too much waited.
    pub cut_short: u64,
    /// Snapshots of a book at one tick, of which one side's book was an update further, so that they say nothing.
    pub apart: u64,
}

/// One data type of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SubjectReport {
    /// The data type.
    #[serde(deserialize_with = "data_type")]
    pub data_type: DataType,
    /// The subject, which names the instrument.
    pub subject: String,
    /// How many.
    #[serde(flatten)]
    pub counts: Counts,
    /// How often each field differs.
    pub fields: BTreeMap<String, u64>,
    /// A few examples of each kind, the first that came.
    pub examples: Vec<Example>,
}

impl Counts {
    /// Data that differ, or that only one side has.
    pub fn differing(&self) -> u64 {
        self.different + self.missing + self.extra
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "same": self.same,
            "different": self.different,
            "missing": self.missing,
            "extra": self.extra,
            "waiting": self.waiting,
            "repeated": self.repeated,
            "cut_short": self.cut_short,
            "apart": self.apart,
        })
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.same += other.same;
        self.different += other.different;
        self.missing += other.missing;
        self.extra += other.extra;
        self.waiting += other.waiting;
        self.repeated += other.repeated;
        self.cut_short += other.cut_short;
        self.apart += other.apart;
    }
}

impl Figures {
    /// Fuel that one event took on average.
    pub fn fuel_per_event(&self) -> u64 {
        self.fuel.checked_div(self.events).unwrap_or(0)
    }

    /// Fuel that one frame took on average.
    pub fn fuel_per_frame(&self) -> u64 {
        self.frame_fuel.checked_div(self.frames).unwrap_or(0)
    }

    fn json(&self) -> Value {
        json!({
            "adapter": { "name": self.name, "version": self.version, "sha256": self.sha256 },
            "frames": self.frames,
            "ignored_frames": self.ignored_frames,
            "refused_frames": self.refused_frames,
            "refused_answers": self.refused_answers,
            "unwritten": self.unwritten,
            "faults": self.faults,
            "given_up": self.given_up,
            "events": self.events,
            "fuel": self.fuel,
            "fuel_per_event": self.fuel_per_event(),
            "frame_fuel": self.frame_fuel,
            "fuel_per_frame": self.fuel_per_frame(),
            "latency": self.latency,
        })
    }
}

impl LeftOut {
    fn json(&self) -> Value {
        json!({ "data_type": self.data_type.name(), "messages": self.messages })
    }
}

impl Report {
    /// The sum over all subjects.
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        for subject in &self.subjects {
            totals += subject.counts;
        }
        totals
    }

    /// Whether both sides published the same and were stopped as often. What they used, ignored and refused to come
    /// there may differ.
    pub fn is_same(&self) -> bool {
        self.totals().differing() == 0
            && self.old.faults == self.new.faults
            && self.old.given_up.is_some() == self.new.given_up.is_some()
    }

    /// One JSON object.
    pub fn json(&self) -> Value {
        let subject = |it: &SubjectReport| {
            let mut object = it.counts.json();
            if let Value::Object(object) = &mut object {
                object.insert("data_type".to_owned(), json!(it.data_type.name()));
                object.insert("subject".to_owned(), json!(it.subject));
                object.insert("fields".to_owned(), json!(it.fields));
                let examples = it.examples.iter().map(Example::json).collect();
                object.insert("examples".to_owned(), Value::Array(examples));
            }
            object
        };
        json!({
            "is_same": self.is_same(),
            "old": self.old.json(),
            "new": self.new.json(),
            "totals": self.totals().json(),
            "subjects": self.subjects.iter().map(subject).collect::<Vec<_>>(),
            "left_out": self.left_out.iter().map(LeftOut::json).collect::<Vec<_>>(),
            "lost": self.lost,
        })
    }

    /// The report whose [`Report::json`] this is, as another process told it.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_json(mut told: Value) -> serde_json::Result<Self> {
        // Which version a side is stands apart there.
        for side in ["old", "new"] {
            let figures = told.get_mut(side).and_then(Value::as_object_mut);
            if let Some(figures) = figures
                && let Some(Value::Object(adapter)) = figures.remove("adapter")
            {
                figures.extend(adapter);
            }
        }
        serde_json::from_value(told)
    }

    /// Lines for people: a table of both sides, one of what they published, and the examples.
    pub fn text(&self) -> String {
        words::report(self)
    }

    /// What it comes to, in one line.
    pub fn verdict(&self) -> String {
        words::verdict(self)
    }
}

fn data_type<'de, D: Deserializer<'de>>(told: D) -> Result<DataType, D::Error> {
    let name = String::deserialize(told)?;
    let odd = || serde::de::Error::custom(format!("{name:?} is no data type"));
    DataType::from_name(&name).ok_or_else(odd)
}
