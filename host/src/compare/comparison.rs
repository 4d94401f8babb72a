//! The comparison while it runs: messages of both sides in, a report out at any time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::subject::Subject;
use super::{Figures, Report, Settings, Side};
use crate::wire::{DataType, Message};

/// Two sides being compared. What it holds is bounded by its settings, however long it runs: there are as many
/// subjects as declared instruments and data types, and what waits is bounded in time and bytes.
#[derive(Debug)]
pub struct Comparison {
    settings: Settings,
    subjects: BTreeMap<(DataType, Arc<str>), Subject>,
    /// Bytes that wait in all subjects.
    bytes: usize,
    /// The latest time of a message, in nanoseconds since the epoch.
    now: u64,
}

impl Comparison {
    /// A comparison in which nothing came yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            subjects: BTreeMap::new(),
            bytes: 0,
            now: 0,
        }
    }

    /// Takes a message of one side. Its time is the one at which it was published; both sides are on one clock.
    pub fn add(&mut self, side: Side, message: &Message) {
        self.now = self.now.max(message.stamp.published_ns);
        let oldest = self.oldest();
        let key = (message.data_type, Arc::clone(&message.subject));
        let subject = self.subjects.entry(key).or_default();
        self.bytes -= subject.bytes();
        subject.give_up_older(oldest);
        subject.add(&self.settings, side, message);
        // Whoever grows pays: one subject without partners costs the others nothing.
        while (subject.bytes() > self.settings.subject_bytes_max
            || self.bytes + subject.bytes() > self.settings.bytes_max)
            && subject.give_up_for_room()
        {}
        self.bytes += subject.bytes();
    }

    /// Time has come to `now`, in nanoseconds since the epoch, whether or not a message came: what waited for too long
    /// is given up.
    pub fn pass(&mut self, now: u64) {
        self.now = self.now.max(now);
        let oldest = self.oldest();
        for subject in self.subjects.values_mut() {
            self.bytes -= subject.bytes();
            subject.give_up_older(oldest);
            self.bytes += subject.bytes();
        }
    }

    /// Nothing more comes: what waits has no partner.
    pub fn finish(&mut self) {
        for subject in self.subjects.values_mut() {
            subject.give_up_all();
        }
        self.bytes = 0;
    }

    /// How it stands, with what is known of both sides.
    pub fn report(&self, old: Figures, new: Figures) -> Report {
        let subjects = self.subjects.iter();
        Report {
            old,
            new,
            subjects: subjects
                .map(|((data_type, name), subject)| subject.report(*data_type, name))
                .collect(),
        }
    }

    /// What waits, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The time before which what still waits is given up.
    fn oldest(&self) -> u64 {
        let window = u64::try_from(self.settings.window.as_nanos()).unwrap_or(u64::MAX);
        self.now.saturating_sub(window)
    }
}
