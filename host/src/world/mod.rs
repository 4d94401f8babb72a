//! The worlds in which a session can run: implementations of [`crate::session::World`].

mod memory;
mod replay;

pub use memory::{Done, MemoryWorld};
pub use replay::{Pace, ReplayWorld};
