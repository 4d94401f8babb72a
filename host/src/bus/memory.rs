//! A bus without a server: keeps the newest messages, up to a limit, for whoever wants to read them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::wire::Message;

/// Messages in memory. Clones share them.
#[derive(Debug, Clone)]
pub struct Memory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    kept: Mutex<Kept>,
    arrived: Notify,
    messages_max: usize,
}

#[derive(Debug, Default)]
struct Kept {
    messages: VecDeque<Message>,
    dropped: u64,
}

impl Memory {
    /// A bus that keeps at most `messages_max` messages.
    pub fn new(messages_max: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                kept: Mutex::default(),
                arrived: Notify::new(),
                messages_max,
            }),
        }
    }

    /// Keeps a message; the oldest one makes room.
    pub fn publish(&self, message: &Message) {
        {
            let mut kept = self.kept();
            kept.messages.push_back(message.clone());
            if kept.messages.len() > self.shared.messages_max {
                kept.messages.pop_front();
                kept.dropped += 1;
            }
        }
        self.shared.arrived.notify_one();
    }

    /// Takes the oldest message, if there is one.
    pub fn try_next(&self) -> Option<Message> {
        self.kept().messages.pop_front()
    }

    /// Takes the oldest message; waits for one where there is none. One reader at a time.
    pub async fn next(&self) -> Message {
        loop {
            if let Some(message) = self.try_next() {
                return message;
            }
            self.shared.arrived.notified().await;
        }
    }

    /// How many messages had to make room.
    pub fn dropped(&self) -> u64 {
        self.kept().dropped
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A thread that panicked while it held the lock left a queue that is still a queue.
        self.shared
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::wire::{DataType, Transport};

    fn message(text: &'static str) -> Message {
        Message {
            subject: "trade.alpha.spot.BTC-USDT".into(),
            msg_id: None,
            payload: Bytes::from_static(text.as_bytes()),
            data_type: DataType::Trade,
            transport: Transport::Core,
            source: Default::default(),
            stamp: Default::default(),
        }
    }

    #[test]
    fn the_oldest_message_makes_room_and_is_counted() {
        let memory = Memory::new(2);
        for text in ["1", "2", "3"] {
            memory.publish(&message(text));
        }
        assert_eq!(memory.dropped(), 1);
        assert_eq!(memory.try_next(), Some(message("2")));
        assert_eq!(memory.try_next(), Some(message("3")));
        assert_eq!(memory.try_next(), None);
    }

    #[tokio::test]
    async fn a_reader_waits_for_the_next_message() {
        let memory = Memory::new(8);
        let reader = memory.clone();
        let (read, ()) = tokio::join!(reader.next(), async { memory.publish(&message("1")) });
        assert_eq!(read, message("1"));
    }
}
