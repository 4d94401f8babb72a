//! The messages of one data type of one instrument whose partners have not come yet, in the order of their arrival.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::Side;
use super::identity::Stood;

/// What one message costs besides its name and payload, in bytes; about what its places in the tables take.
const MESSAGE_BYTES: usize = 256;

/// A message that waits.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub side: Side,
    pub name: Arc<str>,
    pub event_ms: Option<u64>,
    /// Of a snapshot at a tick: where its book stood.
    pub stood: Option<Stood>,
    pub payload: Bytes,
    /// Its number among those of its side, from 1.
    pub place: u64,
    /// When it was published, in nanoseconds since the epoch.
    pub published_ns: u64,
    /// Its partner was found; it is kept to know a repetition.
    pub is_settled: bool,
}

impl Held {
    fn bytes(&self) -> usize {
        MESSAGE_BYTES + self.name.len() + self.payload.len()
    }
}

/// The messages that wait. All those of one name are of one side, for partners leave at once.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_arrival: BTreeMap<u64, Held>,
    by_name: HashMap<Arc<str>, VecDeque<u64>>,
    arrivals: u64,
    bytes: usize,
    settled: usize,
}

impl Waiting {
    /// The oldest message of that name.
    pub(super) fn find(&self, name: &str) -> Option<&Held> {
        let arrival = self.by_name.get(name)?.front()?;
        self.by_arrival.get(arrival)
    }

    /// Takes out the oldest message of that name.
    pub(super) fn take(&mut self, name: &str) -> Option<Held> {
        let arrival = *self.by_name.get(name)?.front()?;
        self.remove(arrival)
    }

    /// Keeps a message.
    pub(super) fn keep(&mut self, held: Held) {
        self.arrivals += 1;
        self.bytes += held.bytes();
        self.settled += usize::from(held.is_settled);
        let of_name = self.by_name.entry(held.name.clone()).or_default();
        of_name.push_back(self.arrivals);
        self.by_arrival.insert(self.arrivals, held);
    }

    /// Takes out the oldest message, if it was published before `time`.
    pub(super) fn take_older(&mut self, time: u64) -> Option<Held> {
        let (arrival, held) = self.by_arrival.first_key_value()?;
        let arrival = *arrival;
        (held.published_ns < time).then(|| self.remove(arrival))?
    }

    /// Takes out the oldest message.
    pub(super) fn take_oldest(&mut self) -> Option<Held> {
        let arrival = *self.by_arrival.first_key_value()?.0;
        self.remove(arrival)
    }

    /// What all of it costs, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages whose partners have not come.
    pub(super) fn count(&self) -> u64 {
        (self.by_arrival.len() - self.settled) as u64
    }

    fn remove(&mut self, arrival: u64) -> Option<Held> {
        let held = self.by_arrival.remove(&arrival)?;
        self.bytes -= held.bytes();
        self.settled -= usize::from(held.is_settled);
        if let Some(of_name) = self.by_name.get_mut(&held.name) {
            // Whatever is taken is the oldest of its name.
            of_name.pop_front();
            if of_name.is_empty() {
                self.by_name.remove(&held.name);
            }
        }
        Some(held)
    }
}
