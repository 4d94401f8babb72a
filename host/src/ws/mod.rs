//! WebSocket connections: one at a time per [`Handle`], tried again for ever until it opens.
//!
//! Owns the way to an open socket (name, TCP, proxy, TLS, handshake), the spacing of the attempts, the limits on
//! connecting that all sessions of the process share, keep-alive, and a real end of every socket. It knows no exchange and no session: whoever opens a connection gets [`Event`]s through a
//! bounded channel, so a slow reader makes TCP wait and memory does not grow.

mod attempts;
mod backoff;
mod conversation;
mod counters;
mod dial;
mod dialer;
mod event;
mod proxy;
mod settings;
mod socket;
#[cfg(test)]
mod tests;
mod tls;
mod turns;

pub use attempts::Attempts;
pub use backoff::{Attempt, Backoff, Spacing};
pub use counters::Counts;
pub use dialer::{Dialer, Handle, SendError};
pub use event::{End, Event, Opening, What};
pub use proxy::Proxy;
pub use settings::{Settings, SetupError};
pub use turns::{ConnectLimit, ConnectUsage, Room};
