//! What an adapter is to the kit: one state machine.

use crate::output::Output;
use crate::wit::{Description, Event};

/// One exchange's state machine: it is told what happened and says what it wants done.
///
/// The same events at the same times must give the same actions. An event is only lent, so an adapter keeps what it
/// copies and nothing else; that is what lets the arena be emptied between two calls.
pub trait Adapter: Sized + 'static {
    /// What this adapter is. Called in an instance of its own, before anything else.
    fn describe() -> Description;

    /// The state before the first event.
    fn new() -> Self;

    /// Takes in what happened at `now` (nanoseconds since the epoch) and tells `out` what is to be done.
    fn handle(&mut self, now: u64, event: &Event, out: &mut Output);
}
