//! Whose turn it is to send a request: few at once over all instruments, first come, first served, so that a
//! reconnect of hundreds of them does not become a storm.

use std::collections::VecDeque;

/// Requests under way and who waits for one.
#[derive(Debug)]
pub struct Turns {
    most: usize,
    /// Number of the request and of the instrument.
    busy: Vec<(u32, u32)>,
    waiting: VecDeque<u32>,
}

impl Turns {
    /// At most `most` requests at once.
    pub const fn new(most: usize) -> Self {
        Self {
            most,
            busy: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// This instrument wants to send a request.
    pub fn wait(&mut self, instrument: u32) {
        self.waiting.push_back(instrument);
    }

    /// The instrument that may send now. If it has nothing to ask any more, the next one may.
    pub fn next_turn(&mut self) -> Option<u32> {
        (self.busy.len() < self.most)
            .then(|| self.waiting.pop_front())
            .flatten()
    }

    /// A request is sent.
    pub fn begin(&mut self, request: u32, instrument: u32) {
        self.busy.push((request, instrument));
    }

    /// A request ended; gives the instrument that sent it, none when it is of another kind.
    pub fn end(&mut self, request: u32) -> Option<u32> {
        let at = self.busy.iter().position(|(busy, _)| *busy == request)?;
        Some(self.busy.swap_remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    #[test]
    fn who_came_first_is_served_first_and_never_more_than_may_be() {
        let mut turns = Turns::new(2);
        for instrument in 0..4 {
            turns.wait(instrument);
        }
        for request in [70, 71] {
            let instrument = turns.next_turn().unwrap();
            turns.begin(request, instrument);
        }
        assert_eq!(turns.next_turn(), None);
        assert_eq!(turns.end(5), None);
        assert_eq!(turns.end(71), Some(1));
        assert_eq!(turns.end(71), None);
        assert_eq!(turns.next_turn(), Some(2));
    }
}
