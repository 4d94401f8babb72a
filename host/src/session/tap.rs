//! Who looks on at what a session publishes.

use super::Tally;
use crate::wire::Message;

/// Looks on at what a session publishes, or would publish if it did not stand by. The session goes on only when a call
/// returns, so none of them may wait.
pub trait Tap: Send {
    /// Sees a message; `tick` is the time of the alarm in whose handling it was made, in nanoseconds since the epoch.
    /// False: it wants no more.
    fn message(&mut self, message: &Message, tick: Option<u64>) -> bool;

    /// Sees what the session counted: at first, and whenever its adapter has reported. False: it wants no more.
    fn counted(&mut self, tally: &Tally) -> bool;
}
