//! The worlds in which a session can run: implementations of [`crate::session::World`].

mod alarms;
mod clock;
mod delivered;
mod fence;
mod flight;
mod live;
mod memory;
mod outbound;
mod replay;
mod tape;

pub use delivered::{Delivered, Subject};
pub use fence::Fence;
pub use flight::FlightWorld;
pub use live::{LiveParts, LiveWorld};
pub use memory::{Done, MemoryWorld};
pub use replay::{Pace, ReplayWorld};
