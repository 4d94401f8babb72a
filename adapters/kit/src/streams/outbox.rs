//! Messages to the exchange through one connection: few at once, so that it is never taken for a flood.

use std::collections::VecDeque;

/// How fast messages may go out.
#[derive(Debug, Clone, Copy)]
pub struct MessagePace {
    /// After a rest.
    pub at_once: u32,
    /// One more after each of these, in nanoseconds.
    pub every: u64,
}

/// What is to be said about a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Send it.
    Subscribe,
    /// Send it no more.
    Unsubscribe,
}

/// What waits to be said, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<(Word, u32)>,
    /// When all that may be sent at once may be sent again.
    rested_at: u64,
}

impl Outbox {
    /// Queues a word about a stream.
    pub fn say(&mut self, word: Word, stream: u32) {
        if self.waiting.back() != Some(&(word, stream)) {
            self.waiting.push_back((word, stream));
        }
    }

    /// Forgets what waits: the connection is gone. The exchange counts anew with the next one.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Drops what is to be said about a stream.
    pub fn forget(&mut self, stream: u32) {
        self.waiting.retain(|(_, waiting)| *waiting != stream);
    }

    /// The next message that may go out at `now`: one word about at most `most` streams.
    pub fn next(&mut self, now: u64, most: usize, pace: MessagePace) -> Option<(Word, Vec<u32>)> {
        let (word, _) = *self.waiting.front()?;
        let ahead = pace.every.saturating_mul(pace.at_once.into());
        let from = self.rested_at.max(now);
        if from.saturating_add(pace.every) > now.saturating_add(ahead) {
            return None;
        }
        self.rested_at = from.saturating_add(pace.every);
        let mut streams = Vec::new();
        while let Some((_, stream)) = self
            .waiting
            .pop_front_if(|(next, _)| *next == word && streams.len() < most)
        {
            streams.push(stream);
        }
        Some((word, streams))
    }
}

#[cfg(test)]
mod tests {
    use super::{MessagePace, Outbox, Word};

    #[test]
    fn no_more_messages_go_out_than_the_pace_allows() {
        let pace = MessagePace {
            at_once: 2,
            every: 500,
        };
        let mut outbox = Outbox::default();
        for stream in 0..100 {
            outbox.say(Word::Subscribe, stream);
        }
        let mut sent = Vec::new();
        for now in 10_000..20_000 {
            while outbox.next(now, 5, pace).is_some() {
                sent.push(now);
            }
        }
        assert_eq!(sent.len(), 20);
        assert_eq!(sent[..4], [10_000, 10_000, 10_500, 11_000]);
    }

    #[test]
    fn words_keep_their_order() {
        let pace = MessagePace {
            at_once: 9,
            every: 1,
        };
        let mut outbox = Outbox::default();
        outbox.say(Word::Unsubscribe, 1);
        outbox.say(Word::Subscribe, 1);
        outbox.say(Word::Subscribe, 2);
        assert_eq!(outbox.next(5, 9, pace), Some((Word::Unsubscribe, vec![1])));
        assert_eq!(outbox.next(5, 9, pace), Some((Word::Subscribe, vec![1, 2])));
        assert_eq!(outbox.next(5, 9, pace), None);
    }
}
