//! The events of a fault's bundle as a world: they come again in their order and at their times, and nothing else
//! does. What the adapter asks for goes nowhere, because what came of it is among the events.

use crate::sandbox::contract::Event;
use crate::session::{Happening, World};
use crate::wire::Message;

/// Recorded events.
pub struct FlightWorld {
    now: u64,
    seed: u64,
    events: std::vec::IntoIter<(u64, Event)>,
    told: u64,
}

impl FlightWorld {
    /// A world in which `events` happen, each at its time in nanoseconds since the epoch. It begins at `now`.
    pub fn new(now: u64, seed: u64, events: Vec<(u64, Event)>) -> Self {
        Self {
            now,
            seed,
            events: events.into_iter(),
            told: 0,
        }
    }

    /// Events that were told so far.
    pub fn told(&self) -> u64 {
        self.told
    }
}

impl World for FlightWorld {
    fn now(&self) -> u64 {
        self.now
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    async fn next(&mut self) -> Option<Happening> {
        let (now, event) = self.events.next()?;
        self.now = now;
        self.told += 1;
        Some(Happening { now, event })
    }

    fn connect(&mut self, _connection: u32, _address: url::Url) {}

    fn send(&mut self, _connection: u32, _text: String) {}

    fn close(&mut self, _connection: u32) {}

    fn request(&mut self, _request: u32, _address: url::Url, _weight: u32) {}

    fn wake_at(&mut self, _alarm: u32, _time: u64) {}

    fn publish(&mut self, _message: Message) {}

    fn abandon(&mut self) {}
}
