//! What the trades of all instruments share while they wait.

use marketprism_kit::trades::Turns;

/// Requests for trades under way at once. Depth snapshots go on beside them, and every one counts among the host's.
const REQUESTS_MAX: usize = 4;

/// Most trades held of all instruments together: all may have to be published in one event.
const HELD_MAX: usize = 6_000;

/// What the trades of all instruments share.
#[derive(Debug)]
pub struct Backlog {
    /// Whose turn it is to send a request.
    pub turns: Turns,
    /// How many trades are held.
    pub held: usize,
}

impl Default for Backlog {
    fn default() -> Self {
        Self {
            turns: Turns::new(REQUESTS_MAX),
            held: 0,
        }
    }
}

impl Backlog {
    /// Whether no more trades may be held than are.
    pub const fn is_full(&self) -> bool {
        self.held > HELD_MAX
    }
}
