//! What the trades of all instruments share while they wait.

use super::{Pace, Turns};
use crate::Output;
use crate::alarm::Kind;

/// Most trades held of all instruments together: all may have to be published in one event.
const HELD_MAX: usize = 6_000;

/// What the trades of all instruments share.
#[derive(Debug)]
pub struct Backlog {
    /// Whose turn it is to send a request.
    pub turns: Turns,
    /// How many trades are held.
    pub(super) held: usize,
    /// The alarm for the next turn.
    kind: Kind,
    /// When it is set for.
    alarm: Option<u64>,
}

impl Backlog {
    /// Nothing waits. At most `requests_max` requests are under way at once, and `alarm` tells that the next turn has
    /// come.
    pub const fn new(requests_max: usize, pace: Pace, alarm: Kind) -> Self {
        Self {
            turns: Turns::new(requests_max, pace),
            held: 0,
            kind: alarm,
            alarm: None,
        }
    }

    /// The alarm for the next turn has come.
    pub const fn woken(&mut self) {
        self.alarm = None;
    }

    /// Sets the alarm for the next turn, if it comes by time alone.
    pub fn set_alarm(&mut self, out: &mut Output) {
        let next = self.turns.next_turn_at();
        if let Some(next) = next.filter(|next| self.alarm.is_none_or(|set| *next < set)) {
            self.alarm = Some(next);
            out.wake_at(self.kind.number(), next);
        }
    }

    /// Whether no more trades may be held than are.
    pub(super) const fn is_full(&self) -> bool {
        self.held > HELD_MAX
    }
}
