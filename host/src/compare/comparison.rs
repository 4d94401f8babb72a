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
    /// What was published before may have no partner; none before the first message.
    judged_from: Option<u64>,
}

impl Comparison {
    /// A comparison in which nothing came yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            subjects: BTreeMap::new(),
            bytes: 0,
            now: 0,
            judged_from: None,
        }
    }

    /// Takes a message of one side. Its time is the one at which it was published; both sides are on one clock.
    pub fn add(&mut self, side: Side, message: &Message) {
        self.add_at_tick(side, message, None);
    }

    /// The same of a message that was made at a tick of the clock, in nanoseconds since the epoch: both sides have one
    /// snapshot of a book for each tick.
    pub fn add_at_tick(&mut self, side: Side, message: &Message, tick: Option<u64>) {
        self.now = self.now.max(message.stamp.published_ns);
        let judged_from = self.judged_from(message.stamp.published_ns);
        let oldest = self.oldest();
        let key = (message.data_type, Arc::clone(&message.subject));
        let subject = self.subjects.entry(key).or_default();
        self.bytes -= subject.bytes();
        subject.give_up_older(oldest, judged_from);
        subject.add(&self.settings, side, message, tick);
        // Whoever grows pays: one subject without partners costs the others nothing.
        while (subject.bytes() > self.settings.subject_bytes_max
            || self.bytes + subject.bytes() > self.settings.bytes_max)
            && subject.give_up_for_room(judged_from)
        {}
        self.bytes += subject.bytes();
    }

    /// Time has come to `now`, in nanoseconds since the epoch, whether or not a message came: what waited for too long
    /// is given up.
    pub fn pass(&mut self, now: u64) {
        self.now = self.now.max(now);
        let (oldest, judged_from) = (self.oldest(), self.judged_from.unwrap_or(0));
        for subject in self.subjects.values_mut() {
            self.bytes -= subject.bytes();
            subject.give_up_older(oldest, judged_from);
            self.bytes += subject.bytes();
        }
    }

    /// Nothing more comes: what waits has no partner.
    pub fn finish(&mut self) {
        let judged_from = self.judged_from.unwrap_or(0);
        for subject in self.subjects.values_mut() {
            subject.give_up_all(judged_from);
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
            left_out: Vec::new(),
            lost: 0,
        }
    }

    /// What waits, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The time before which what still waits is given up.
    fn oldest(&self) -> u64 {
        self.now.saturating_sub(self.window())
    }

    /// The time before which what has no partner is not counted; `first` is that of the first message, if this is it.
    fn judged_from(&mut self, first: u64) -> u64 {
        let margin = match self.settings.began_together {
            true => 0,
            false => first.saturating_add(self.window()),
        };
        *self.judged_from.get_or_insert(margin)
    }

    fn window(&self) -> u64 {
        u64::try_from(self.settings.window.as_nanos()).unwrap_or(u64::MAX)
    }
}
