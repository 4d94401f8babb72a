//! How every session stands: each pins its last status to the board, and whoever looks reads it there. Nobody who looks
//! ever waits for an adapter.

mod board;
mod history;
mod operations;
mod outcomes;
#[cfg(test)]
pub(crate) mod samples;
mod session;
mod streams;

pub use board::Board;
pub use history::History;
pub use operations::{Operation, OperationKind, Operations, Stage, Version};
pub use outcomes::Outcomes;
pub use session::{InstrumentStatus, Outgoing, SessionStatus, State};
pub use streams::{STREAM_STATES, is_steady, stream_state_name};
