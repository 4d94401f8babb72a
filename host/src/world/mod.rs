//! The worlds in which a session can run: implementations of [`crate::session::World`].

mod alarms;
mod clock;
mod fence;
mod flight;
mod live;
mod memory;
mod old_names;
mod outbound;
mod replay;
mod tape;

pub use fence::Fence;
pub use flight::FlightWorld;
pub use live::{LiveParts, LiveWorld};
pub use memory::{Done, MemoryWorld};
pub use replay::{Pace, ReplayWorld};
