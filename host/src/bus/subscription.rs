//! The way in, for people who look at what is published: bounded, so that a reader who is too slow loses messages and
//! is told how many, and memory stays as it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::select_all;
use tokio::sync::mpsc;

use super::{BusError, Nats, Settings};

/// One message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Where it was published.
    pub subject: String,
    /// What it says.
    pub payload: Bytes,
    /// When it came, in nanoseconds since the epoch.
    pub time_ns: u64,
}

/// How much may wait for the reader.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Messages.
    pub messages_max: usize,
    /// Bytes of subjects and payloads.
    pub bytes_max: usize,
}

/// The side of the server: somebody must drive it.
pub struct Intake {
    nats: Nats,
    messages: futures_util::stream::SelectAll<async_nats::Subscriber>,
    queue: mpsc::Sender<Received>,
    waiting: Arc<Waiting>,
}

/// The side of the reader, who may sit on a thread of its own.
#[derive(Debug)]
pub struct Inbox {
    queue: mpsc::Receiver<Received>,
    waiting: Arc<Waiting>,
}

/// What both sides count.
#[derive(Debug)]
struct Waiting {
    bytes: AtomicUsize,
    bytes_max: usize,
    left_out: AtomicU64,
}

/// Connects and asks for these subjects, which may hold wildcards. One attempt at each server; once connected, a lost
/// connection is restored in the background, for ever, and the subjects are asked for again.
///
/// # Errors
/// Every variant of [`BusError`] that tells of settings or of a connection.
pub async fn subscribe(
    settings: &Settings,
    subjects: &[String],
    room: Room,
) -> Result<(Intake, Inbox), BusError> {
    if let Some(subject) = subjects.iter().find(|subject| !is_pattern(subject)) {
        return Err(BusError::Setting {
            key: "subject",
            why: format!(
                "{subject:?}: parts with a dot between, `*` for any part, `>` for the rest"
            ),
        });
    }
    let nats = Nats::connect(settings).await?;
    let mut subscribers = Vec::with_capacity(subjects.len());
    for subject in subjects {
        subscribers.push(nats.subscribe(subject).await?);
    }
    let (sender, receiver) = mpsc::channel(room.messages_max.max(1));
    let waiting = Arc::new(Waiting {
        bytes: AtomicUsize::new(0),
        bytes_max: room.bytes_max,
        left_out: AtomicU64::new(0),
    });
    let intake = Intake {
        nats,
        messages: select_all(subscribers),
        queue: sender,
        waiting: waiting.clone(),
    };
    let inbox = Inbox {
        queue: receiver,
        waiting,
    };
    Ok((intake, inbox))
}

impl Intake {
    /// Takes what comes until the reader is gone.
    pub async fn run(mut self) {
        let mut missed = 0;
        loop {
            let message = tokio::select! {
                message = self.messages.next() => message,
                () = self.queue.closed() => None,
            };
            let Some(message) = message else { return };
            // What the library had to leave out before it came here.
            let before = std::mem::replace(&mut missed, self.nats.missed());
            self.waiting.leave_out(missed.saturating_sub(before));
            let message = Received {
                subject: message.subject.to_string(),
                payload: message.payload,
                time_ns: now_ns(),
            };
            self.waiting.keep(&self.queue, message);
        }
    }
}

impl Inbox {
    /// The oldest message that waits; none when nothing waits.
    pub fn try_next(&mut self) -> Option<Received> {
        let message = self.queue.try_recv().ok()?;
        Some(self.taken(message))
    }

    /// Waits for the next message, on a thread without a runtime; none when no more will come.
    pub fn next_blocking(&mut self) -> Option<Received> {
        let message = self.queue.blocking_recv()?;
        Some(self.taken(message))
    }

    /// How many messages found no room so far.
    pub fn left_out(&self) -> u64 {
        self.waiting.left_out.load(Ordering::Acquire)
    }

    fn taken(&self, message: Received) -> Received {
        self.waiting
            .bytes
            .fetch_sub(message.bytes(), Ordering::AcqRel);
        message
    }
}

impl Waiting {
    /// Queues a message, or counts it.
    fn keep(&self, queue: &mpsc::Sender<Received>, message: Received) {
        let bytes = message.bytes();
        let before = self.bytes.fetch_add(bytes, Ordering::AcqRel);
        // One at least, however large.
        let fits = before == 0 || before.saturating_add(bytes) <= self.bytes_max;
        if !fits || queue.try_send(message).is_err() {
            self.bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.leave_out(1);
        }
    }

    fn leave_out(&self, messages: u64) {
        self.left_out.fetch_add(messages, Ordering::AcqRel);
    }
}

impl Received {
    fn bytes(&self) -> usize {
        self.subject.len() + self.payload.len()
    }
}

/// Whether a text is a subject, wildcards included.
fn is_pattern(text: &str) -> bool {
    let mut parts = text.split('.').rev();
    let last = parts.next().unwrap_or_default();
    let plain = |part: &str| {
        let blank = |c: char| c.is_whitespace() || c.is_control();
        !part.is_empty() && (part == "*" || !part.contains(['*', '>'])) && !part.contains(blank)
    };
    (last == ">" || plain(last)) && parts.all(plain)
}

fn now_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(
        messages_max: usize,
        bytes_max: usize,
    ) -> (mpsc::Sender<Received>, Arc<Waiting>, Inbox) {
        let (sender, queue) = mpsc::channel(messages_max);
        let waiting = Arc::new(Waiting {
            bytes: AtomicUsize::new(0),
            bytes_max,
            left_out: AtomicU64::new(0),
        });
        let inbox = Inbox {
            queue,
            waiting: waiting.clone(),
        };
        (sender, waiting, inbox)
    }

    fn message(bytes: usize) -> Received {
        Received {
            subject: String::new(),
            payload: Bytes::from(vec![b'x'; bytes]),
            time_ns: 0,
        }
    }

    #[test]
    fn what_finds_no_room_is_left_out_and_counted_and_room_comes_back() {
        let (queue, waiting, mut inbox) = sides(3, 100);
        for bytes in [1_000, 1, 60, 60] {
            waiting.keep(&queue, message(bytes));
        }
        // The first is larger than the room and taken all the same; nothing fits beside it.
        assert_eq!(inbox.left_out(), 3);
        assert_eq!(inbox.try_next().map(|m| m.payload.len()), Some(1_000));
        for bytes in [60, 60, 1, 1, 1] {
            waiting.keep(&queue, message(bytes));
        }
        assert_eq!(inbox.left_out(), 5);
        let left: Vec<usize> =
            std::iter::from_fn(|| inbox.try_next().map(|m| m.payload.len())).collect();
        assert_eq!(left, [60, 1, 1]);
        assert_eq!(waiting.bytes.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_pattern_is_a_subject_with_or_without_wildcards() {
        for good in [">", "*", "trade.>", "trade.*.spot.BTC-USDT", "a"] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in ["", ".", "a.", "a b", "a.>.b", "tr*", "a.b>", "a\n"] {
            assert!(!is_pattern(bad), "{bad}");
        }
    }
}
