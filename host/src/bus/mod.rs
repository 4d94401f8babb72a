//! The way out: messages to a NATS server, or into memory for `replay`, for tests and for a first look without NATS.
//! And a bounded way in, for people who look at what is published. The only room that names async-nats. What a message
//! says, and where it goes, is `wire`'s; queueing what nobody stores while a server is away is the caller's, in an
//! `Outbox`. What a stream is to store goes through the `trunk`, and waits in the `spool`.

mod delivered;
mod error;
mod memory;
mod nats;
mod outbox;
mod reach;
mod server;
mod settings;
mod spool;
mod storing;
mod subscription;
mod tls;
mod trunk;

pub use delivered::{Delivered, Subject};
pub use error::BusError;
pub use memory::Memory;
pub use nats::Nats;
pub use outbox::Outbox;
pub use settings::{OldSubjects, Settings, Tls};
pub use spool::SpoolBounds;
pub use storing::Storing;
pub use subscription::{Inbox, Intake, Received, Room, subscribe};
pub use trunk::{Deposit, JetStreamSettings, Remote, StreamSettings, Trunk};

use crate::wire::Message;

/// Where messages go.
#[derive(Debug)]
pub enum Bus {
    /// A NATS server.
    Nats(Box<Nats>),
    /// Memory, bounded.
    Memory(Memory),
}

impl Bus {
    /// Connects to a NATS server. One attempt at each server: whoever wants more asks again. Once connected, a lost
    /// connection is restored in the background, for ever.
    ///
    /// # Errors
    /// Every variant of [`BusError`] that tells of settings or of a connection.
    pub async fn connect(settings: &Settings) -> Result<Self, BusError> {
        Nats::connect(settings)
            .await
            .map(|nats| Self::Nats(Box::new(nats)))
    }

    /// As [`Bus::connect`], again and again until it is there.
    pub async fn reach(settings: &Settings) -> Self {
        Self::Nats(Box::new(reach::reach(settings).await))
    }

    /// Hands one message over. While the server is away this waits as soon as `buffered_messages_max` messages are
    /// waiting; the caller must not stand still meanwhile. Delivery is at most once: what was on its way when a
    /// connection broke is lost. Dropping the future before it ends leaves the message unsent.
    ///
    /// # Errors
    /// [`BusError::TooLarge`]: never sent, to be counted. [`BusError::Closed`].
    pub async fn publish(&self, message: &Message) -> Result<(), BusError> {
        match self {
            Self::Nats(nats) => nats.publish(message).await,
            Self::Memory(memory) => {
                memory.publish(message);
                Ok(())
            }
        }
    }

    /// Waits until the server has taken everything published before: what is published on another connection after
    /// this reaches every consumer later.
    ///
    /// # Errors
    /// [`BusError::Unconfirmed`] when no confirmation came in time. [`BusError::Closed`].
    pub async fn flush(&self) -> Result<(), BusError> {
        match self {
            Self::Nats(nats) => nats.flush().await,
            Self::Memory(_) => Ok(()),
        }
    }

    /// Flushes, then ends the connection, whatever came of it.
    ///
    /// # Errors
    /// As [`Bus::flush`].
    pub async fn close(self) -> Result<(), BusError> {
        self.flush().await
    }

    /// Whether a connection stands now. Memory is always connected.
    pub fn is_connected(&self) -> bool {
        match self {
            Self::Nats(nats) => nats.is_connected(),
            Self::Memory(_) => true,
        }
    }
}
