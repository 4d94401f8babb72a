//! What was handed to NATS, by subject. Counters only rise; there are as many subjects as instruments and types.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::distribution::Distribution;
use crate::wire::{DataType, Message, Source};

/// The messages of one subject.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Whose data it is.
    pub source: Arc<Source>,
    /// What it tells.
    pub data_type: DataType,
    /// Messages that NATS took.
    pub messages: u64,
    /// When the last of them was handed over, in nanoseconds since the epoch.
    pub last_ns: u64,
    /// From written to handed over.
    pub waited: Distribution,
}

/// What one session has handed to NATS.
#[derive(Debug, Clone, Default)]
pub struct Delivered {
    /// By subject.
    pub subjects: HashMap<Arc<str>, Subject>,
    /// From received to handed over, of all messages.
    pub latency: Distribution,
    /// Messages that NATS did not take, by subject and reason.
    pub failed: BTreeMap<(Arc<str>, &'static str), u64>,
    /// Messages that went nowhere because no NATS server is configured.
    pub discarded: u64,
}

impl Delivered {
    /// Counts a message that was handed over at `now`, in nanoseconds since the epoch.
    pub(crate) fn sent(&mut self, message: &Message, now: u64) {
        let stamp = message.stamp;
        let since = |then: u64| Duration::from_nanos(now.saturating_sub(then));
        self.latency.add(since(stamp.received_ns));
        let subject = match self.subjects.get_mut(&message.subject) {
            Some(subject) => subject,
            None => self
                .subjects
                .entry(message.subject.clone())
                .or_insert_with(|| Subject {
                    source: message.source.clone(),
                    data_type: message.data_type,
                    messages: 0,
                    last_ns: 0,
                    waited: Distribution::default(),
                }),
        };
        subject.messages += 1;
        subject.last_ns = now;
        subject.waited.add(since(stamp.published_ns));
    }

    /// Counts a message that NATS did not take.
    pub(crate) fn failed(&mut self, message: &Message, reason: &'static str) {
        let key = (message.subject.clone(), reason);
        *self.failed.entry(key).or_default() += 1;
    }

    /// Adds what another has counted.
    pub(crate) fn merge(&mut self, other: Self) {
        for (name, theirs) in other.subjects {
            match self.subjects.get_mut(&name) {
                Some(ours) => {
                    ours.messages += theirs.messages;
                    ours.last_ns = ours.last_ns.max(theirs.last_ns);
                    ours.waited.merge(&theirs.waited);
                }
                None => drop(self.subjects.insert(name, theirs)),
            }
        }
        self.latency.merge(&other.latency);
        for (key, count) in other.failed {
            *self.failed.entry(key).or_default() += count;
        }
        self.discarded += other.discarded;
    }
}
