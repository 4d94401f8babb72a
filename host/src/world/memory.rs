//! A world in memory: a script of happenings goes in, and what the session did is kept for whoever looks.

use std::collections::VecDeque;

use crate::sandbox::contract::Event;
use crate::session::{Happening, World};
use crate::wire::Message;

/// Something that the session did.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// A connection was asked for.
    Connect(u32, String),
    /// A text was sent.
    Send(u32, String),
    /// A connection was closed.
    Close(u32),
    /// A request was sent.
    Request(u32, String),
    /// An alarm was set.
    WakeAt(u32, u64),
    /// A message was published.
    Publish(Message),
    /// The instance was dropped.
    Abandon,
}

/// A world whose happenings are written down beforehand. Connections open as soon as they are asked for; nothing
/// else happens by itself.
#[derive(Debug, Default)]
pub struct MemoryWorld {
    now: u64,
    opening: VecDeque<u32>,
    script: VecDeque<Happening>,
    done: Vec<Done>,
}

impl MemoryWorld {
    /// A world that begins at `now`, in nanoseconds since the epoch.
    pub fn new(now: u64) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// Adds a happening at the end of the script.
    pub fn then(&mut self, now: u64, event: Event) {
        self.script.push_back(Happening { now, event });
    }

    /// What the session did since this was last asked.
    pub fn take_done(&mut self) -> Vec<Done> {
        std::mem::take(&mut self.done)
    }
}

impl World for MemoryWorld {
    fn now(&self) -> u64 {
        self.now
    }

    fn seed(&self) -> u64 {
        0
    }

    async fn next(&mut self) -> Option<Happening> {
        if let Some(connection) = self.opening.pop_front() {
            return Some(Happening {
                now: self.now,
                event: Event::Opened(connection),
            });
        }
        let mut happening = self.script.pop_front()?;
        happening.now = happening.now.max(self.now);
        self.now = happening.now;
        Some(happening)
    }

    fn connect(&mut self, connection: u32, address: url::Url) {
        self.opening.push_back(connection);
        self.done.push(Done::Connect(connection, address.into()));
    }

    fn send(&mut self, connection: u32, text: String) {
        self.done.push(Done::Send(connection, text));
    }

    fn close(&mut self, connection: u32) {
        self.done.push(Done::Close(connection));
    }

    fn request(&mut self, request: u32, address: url::Url, _weight: u32) {
        self.done.push(Done::Request(request, address.into()));
    }

    fn wake_at(&mut self, alarm: u32, time: u64) {
        self.done.push(Done::WakeAt(alarm, time));
    }

    fn publish(&mut self, message: Message) {
        self.done.push(Done::Publish(message));
    }

    fn abandon(&mut self) {
        self.opening.clear();
        self.done.push(Done::Abandon);
    }
}
