//! What the trades of all instruments share while they wait.

use marketprism_kit::Output;
use marketprism_kit::trades::{Pace, Turns};

use crate::session::{TURN, alarm};

/// Requests for trades under way at once. Depth snapshots go on beside them, and every one counts among the host's.
const REQUESTS_MAX: usize = 4;

/// What requests for trades may cost: a third of what a session may spend, because no book shall wait for its snapshot
/// so that an old trade comes sooner.
const PACE: Pace = Pace {
    weight_per_minute: crate::REQUEST_WEIGHT_PER_MINUTE / 3,
    weight_at_once: 500,
};

/// Most trades held of all instruments together: all may have to be published in one event.
const HELD_MAX: usize = 6_000;

/// What the trades of all instruments share.
#[derive(Debug)]
pub struct Backlog {
    /// Whose turn it is to send a request.
    pub turns: Turns,
    /// How many trades are held.
    pub held: usize,
    /// When the alarm for the next turn is set for.
    alarm: Option<u64>,
}

impl Default for Backlog {
    fn default() -> Self {
        Self {
            turns: Turns::new(REQUESTS_MAX, PACE),
            held: 0,
            alarm: None,
        }
    }
}

impl Backlog {
    /// The alarm for the next turn has come.
    pub fn woken(&mut self) {
        self.alarm = None;
    }

    /// Sets the alarm for the next turn, if it comes by time alone.
    pub fn set_alarm(&mut self, out: &mut Output) {
        let next = self.turns.next_turn_at();
        if let Some(next) = next.filter(|next| self.alarm.is_none_or(|set| *next < set)) {
            self.alarm = Some(next);
            out.wake_at(alarm(TURN, 0), next);
        }
    }

    /// Whether no more trades may be held than are.
    pub const fn is_full(&self) -> bool {
        self.held > HELD_MAX
    }
}
