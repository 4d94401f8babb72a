//! The worlds in which a session can run: implementations of [`crate::session::World`].

mod alarms;
mod live;
mod memory;
mod replay;

pub use live::{LiveParts, LiveWorld};
pub use memory::{Done, MemoryWorld};
pub use replay::{Pace, ReplayWorld};
