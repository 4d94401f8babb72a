//! What a test can ask about connections, requests and broken rules.

use std::time::Duration;

use super::faults::{FrameFault, RestFault};

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client closed it, or was gone.
    Client,
    /// It was as old as a connection may become.
    TooOld,
    /// A ping was not answered in time.
    NoPong,
    /// The client sent more messages than allowed.
    TooManyMessages,
    /// It asked for more streams than allowed.
    TooManyStreams,
    /// The client said nothing for too long.
    Idle,
    /// The client did not show that it is there when it was asked.
    NoTest,
    /// It did not take its frames as fast as they came.
    TooSlow,
    /// A fault.
    Fault(FrameFault),
    /// The simulator ended it on request.
    Ordered,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// Its number, from 1.
    pub number: u64,
    /// What it was opened with, for example "/stream?streams=btcusdt@trade".
    pub target: String,
    /// When, since the simulator's start.
    pub opened: Duration,
    /// Since the simulator's start, and why; none while it lives.
    pub ended: Option<(Duration, End)>,
    /// All that the ledger calls sent was handed over before the exchange ended it in order: the client could read it.
    pub complete: bool,
    /// The client has read everything of the ledger's entries before this number, counted from the first ever: it has
    /// answered a ping sent after them.
    pub confirmed: u64,
    /// Pongs that matched a ping.
    pub pongs: u64,
}

/// One REST request and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// When it came, since the simulator's start.
    pub at: Duration,
    /// Path and query.
    pub target: String,
    /// Its weight.
    pub weight: u64,
    /// The answer's status.
    pub status: u16,
    /// Of a depth answer.
    pub last_update_id: Option<u64>,
    /// What went wrong with it.
    pub fault: Option<RestFault>,
}

/// A rule of the exchange that a client broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Too many messages in a second, on this connection.
    Messages(u64),
    /// Too many streams, on this connection.
    Streams(u64),
    /// Too many messages that ask for streams or give some up, on this connection.
    Subscriptions(u64),
    /// A connection too many in its window.
    Connections,
    /// A connection too many at one time, a request under way counted as one.
    Sockets,
    /// A request of a kind of which there were too many: 429.
    Requests,
    /// A request beyond the budget: 429.
    Weight,
    /// A request during a ban: 418.
    Banned,
}

impl Violation {
    /// Its kind in a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages(_) => "messages",
            Self::Streams(_) => "streams",
            Self::Subscriptions(_) => "subscriptions",
            Self::Connections => "connections",
            Self::Sockets => "sockets",
            Self::Requests => "requests",
            Self::Weight => "weight",
            Self::Banned => "banned",
        }
    }
}

/// Everything counted, for one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Connections now.
    pub connections: usize,
    /// Connections so far.
    pub connections_total: u64,
    /// Frames sent, whole or not.
    pub frames: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// REST requests.
    pub requests: u64,
    /// Faults.
    pub faults: u64,
    /// Broken rules.
    pub violations: usize,
}
