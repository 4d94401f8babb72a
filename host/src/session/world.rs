//! The seam between a session and everything outside it.
//!
//! The live world has sockets and a clock, the replay world a recording and virtual time, the memory world a script.
//! A session cannot tell them apart, so what was recorded replays as it ran.

use std::future::Future;

use crate::sandbox::contract::Event;
use crate::wire::Message;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// When, in nanoseconds since the epoch; never earlier than the happening before.
    pub now: u64,
    /// What.
    pub event: Event,
}

/// What a session can see and do. Nothing here waits but [`World::next`]: a session must never stand still because
/// a neighbour is slow.
pub trait World {
    /// The time, in nanoseconds since the epoch.
    fn now(&self) -> u64;

    /// A seed for the adapter's jitter; the same in every replay.
    fn seed(&self) -> u64;

    /// What happens next; `None` when the world has ended.
    fn next(&mut self) -> impl Future<Output = Option<Happening>>;

    /// Opens a connection and keeps trying; [`Event::Opened`] tells when it is open.
    fn connect(&mut self, connection: u32, address: url::Url);

    /// Sends a text message on an open connection.
    fn send(&mut self, connection: u32, text: String);

    /// Closes a connection; [`Event::Closed`] follows.
    fn close(&mut self, connection: u32);

    /// Sends a GET request; exactly one [`Event::Response`] follows.
    fn request(&mut self, request: u32, address: url::Url, weight: u32);

    /// Sets an alarm; it replaces a waiting one of the same number.
    fn wake_at(&mut self, alarm: u32, time: u64);

    /// Hands a message to the bus. What cannot be sent in time is dropped and counted there.
    fn publish(&mut self, message: Message);

    /// The instance is gone: connections, requests and alarms are dropped, and no event of them follows.
    fn abandon(&mut self);
}
