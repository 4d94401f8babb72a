//! What waits to be published: bounded, because the session never waits for a publish.
//!
//! Of order books only the newest of a subject waits: an older one is of no use to anybody. Everything else waits in
//! its order; when there is no room the oldest goes, and is counted.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::wire::{DataType, Message};

/// Messages of one session on their way to the bus.
#[derive(Debug)]
pub struct Outbox {
    /// A superseded book leaves an empty place.
    waiting: VecDeque<Option<Message>>,
    /// Number of the first place.
    first: u64,
    /// Place of the waiting book of each subject.
    books: HashMap<Arc<str>, u64>,
    bytes: usize,
    messages_max: usize,
    bytes_max: usize,
    superseded: u64,
    dropped: BTreeMap<DataType, u64>,
}

impl Outbox {
    /// An empty outbox that holds at most so many messages and bytes of payload.
    pub fn new(messages_max: usize, bytes_max: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            first: 0,
            books: HashMap::new(),
            bytes: 0,
            messages_max: messages_max.max(1),
            bytes_max,
            superseded: 0,
            dropped: BTreeMap::new(),
        }
    }

    /// Adds a message; makes room for it first.
    pub fn push(&mut self, message: Message) {
        if message.data_type == DataType::Orderbook {
            let place = self.first + self.waiting.len() as u64;
            if let Some(older) = self.books.insert(message.subject.clone(), place)
                && let Some(superseded) = self.take(older)
            {
                self.bytes -= superseded.payload.len();
                self.superseded += 1;
            }
        }
        self.bytes += message.payload.len();
        self.waiting.push_back(Some(message));
        self.forget_empty();
        while self.waiting.len() > self.messages_max || self.bytes > self.bytes_max {
            match self.pop() {
                Some(oldest) => *self.dropped.entry(oldest.data_type).or_default() += 1,
                None => break,
            }
        }
    }

    /// The message that is to go next.
    pub fn next(&self) -> Option<&Message> {
        self.waiting.iter().find_map(Option::as_ref)
    }

    /// Takes that message out: it is gone.
    pub fn pop(&mut self) -> Option<Message> {
        self.forget_empty();
        let message = self.waiting.pop_front()??;
        if self.books.get(&message.subject) == Some(&self.first) {
            self.books.remove(&message.subject);
        }
        self.first += 1;
        self.bytes -= message.payload.len();
        self.forget_empty();
        Some(message)
    }

    /// Messages that wait.
    pub fn len(&self) -> usize {
        self.waiting.iter().flatten().count()
    }

    /// Bytes of their payloads.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.next().is_none()
    }

    /// Messages dropped for want of room, by type.
    pub fn dropped(&self) -> &BTreeMap<DataType, u64> {
        &self.dropped
    }

    /// Books that a newer one replaced before they were sent.
    pub fn superseded(&self) -> u64 {
        self.superseded
    }

    fn take(&mut self, place: u64) -> Option<Message> {
        let at = usize::try_from(place.checked_sub(self.first)?).ok()?;
        self.waiting.get_mut(at)?.take()
    }

    fn forget_empty(&mut self) {
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outbox;
    use crate::wire::{DataType, Message};

    fn message(data_type: DataType, subject: &str, text: &str) -> Message {
        Message {
            subject: subject.into(),
            msg_id: None,
            payload: text.to_owned().into(),
            data_type,
            transport: data_type.transport(),
            source: Default::default(),
            stamp: Default::default(),
        }
    }

    fn drain(outbox: &mut Outbox) -> String {
        let mut all = Vec::new();
        while let Some(message) = outbox.pop() {
            all.push(String::from_utf8(message.payload.to_vec()).unwrap());
        }
        all.join(" ")
    }

    #[test]
    fn only_the_newest_book_of_a_subject_waits_and_it_waits_behind_what_came_before_it() {
        let mut outbox = Outbox::new(10, 1000);
        outbox.push(message(DataType::Orderbook, "a", "a1"));
        outbox.push(message(DataType::Trade, "t", "t1"));
        outbox.push(message(DataType::Orderbook, "b", "b1"));
        outbox.push(message(DataType::Orderbook, "a", "a2"));
        outbox.push(message(DataType::Orderbook, "a", "a3"));
        assert_eq!(outbox.superseded(), 2);
        assert_eq!(drain(&mut outbox), "t1 b1 a3");
        outbox.push(message(DataType::Orderbook, "a", "a4"));
        assert_eq!(drain(&mut outbox), "a4");
        assert!(outbox.is_empty());
    }

    #[test]
    fn without_room_the_oldest_is_dropped_and_counted() {
        let mut outbox = Outbox::new(2, 1000);
        for text in ["t1", "t2", "t3"] {
            outbox.push(message(DataType::Trade, "t", text));
        }
        assert_eq!(outbox.dropped().get(&DataType::Trade), Some(&1));
        assert_eq!(drain(&mut outbox), "t2 t3");
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut outbox = Outbox::new(100, 5);
        for text in ["123", "456", "789"] {
            outbox.push(message(DataType::Trade, "t", text));
        }
        assert_eq!(drain(&mut outbox), "789");
    }

    #[test]
    fn superseded_books_take_no_room_for_ever() {
        let mut outbox = Outbox::new(5, 1000);
        for round in 0..1000 {
            outbox.push(message(DataType::Orderbook, "a", &round.to_string()));
            assert!(outbox.waiting.len() <= 2);
        }
        outbox.push(message(DataType::Trade, "t", "t"));
        for round in 0..1000 {
            outbox.push(message(DataType::Orderbook, "b", &round.to_string()));
        }
        assert!(outbox.waiting.len() <= 5);
    }
}
