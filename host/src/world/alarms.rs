//! Alarms by due time, then by order of asking.

use std::collections::{BTreeMap, HashMap};

/// The alarms of one instance.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    waiting: BTreeMap<(u64, u64), u32>,
    places: HashMap<u32, (u64, u64)>,
    asked: u64,
}

impl Alarms {
    /// Sets an alarm for `time`; it replaces a waiting one of the same number.
    pub(super) fn set(&mut self, alarm: u32, time: u64) {
        if let Some(place) = self.places.remove(&alarm) {
            self.waiting.remove(&place);
        }
        self.asked += 1;
        let place = (time, self.asked);
        self.waiting.insert(place, alarm);
        self.places.insert(alarm, place);
    }

    /// When the next one is due.
    pub(super) fn due(&self) -> Option<u64> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }

    /// Takes the next one out.
    pub(super) fn take(&mut self) -> Option<u32> {
        let (_, alarm) = self.waiting.pop_first()?;
        self.places.remove(&alarm);
        Some(alarm)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.places.clear();
    }
}
