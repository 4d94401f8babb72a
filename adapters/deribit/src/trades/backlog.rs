//! What the trades of all instruments share while they wait.

use marketprism_kit::Output;
use marketprism_kit::alarm::Alarm;
use marketprism_kit::trades::{Pace, Turns};

use crate::alarms;

/// Requests for trades under way at once. Each is a connection while it lasts, and one address may have 32.
const REQUESTS_MAX: usize = 2;

/// What requests for trades may cost, in credits: two requests a second, ten after a rest, a tenth of what the exchange
/// allows.
const PACE: Pace = Pace {
    weight_per_minute: 60_000,
    weight_at_once: 5_000,
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
            out.wake_at(Alarm::one(alarms::TURN).number(), next);
        }
    }

    /// Whether no more trades may be held than are.
    pub const fn is_full(&self) -> bool {
        self.held > HELD_MAX
    }
}
