//! What a caller learns about its connections.

use std::fmt;

use bytes::Bytes;

/// Which call of [`super::Dialer::open`]: numbers grow, none comes twice from one dialer. A connection number may be
/// used again at once, so an event of an earlier opening can still be under way; this tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opening(pub u64);

/// Something that happened to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The caller's number of the connection.
    pub connection: u32,
    /// The opening it belongs to.
    pub opening: Opening,
    /// The wall clock when it was noticed, in nanoseconds since the epoch; for a frame, when it was read.
    pub noticed_ns: u64,
    /// What happened.
    pub what: What,
}

/// What happened to a connection. The order is always: `Opened` once, frames, `Closed` once and last; a connection that
/// is closed before it was open has only `Closed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is open.
    Opened,
    /// A message, text or binary.
    Frame(Bytes),
    /// It is gone, its socket closed.
    Closed(End),
}

/// Why a connection is gone; `Display` is the reason for logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The caller asked for it.
    Asked,
    /// The peer closed it, properly.
    Peer {
        /// Its close code; 1005 when it gave none.
        code: u16,
        /// Its words, at most 123 bytes.
        words: String,
    },
    /// Nothing came for too long, not even the answer to a ping.
    Silent,
    /// A message could not be written in time.
    Stuck,
    /// A message was larger than allowed.
    TooLarge,
    /// The peer broke the protocol, or the network broke.
    Broken(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked for"),
            Self::Peer { code, words } if words.is_empty() => {
                write!(f, "closed by the peer with code {code}")
            }
            Self::Peer { code, words } => {
                write!(f, "closed by the peer with code {code}: {words:?}")
            }
            Self::Silent => f.write_str("silent for too long"),
            Self::Stuck => f.write_str("a message could not be written in time"),
            Self::TooLarge => f.write_str("a message was too large"),
            Self::Broken(why) => write!(f, "broken: {why}"),
        }
    }
}
