//! The flight recorder: the last events that an instance was told, in a ring of bytes.
//!
//! Telling it an event costs one copy of the event's bytes into a buffer that is reused; nothing is allocated once the
//! buffer has its size. What does not fit pushes out the oldest events, and the recorder knows that they are gone.

mod event;
mod masked;

use std::collections::VecDeque;

use crate::sandbox::contract::Event;
pub use event::decode;
pub use masked::masked;

/// Bytes of the length before each entry.
const LENGTH_BYTES: usize = size_of::<u32>();

/// The last events of one instance, oldest first.
#[derive(Debug)]
pub struct Flight {
    ring: VecDeque<u8>,
    bytes_max: usize,
    events: u64,
    lost: u64,
}

impl Flight {
    /// A recorder that keeps at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            ring: VecDeque::new(),
            bytes_max,
            events: 0,
            lost: 0,
        }
    }

    /// A new instance begins, of which at most `bytes_max` bytes are kept: what the one before was told is forgotten.
    pub fn begin(&mut self, bytes_max: usize) {
        self.ring.clear();
        self.ring.shrink_to(bytes_max);
        self.bytes_max = bytes_max;
        self.events = 0;
        self.lost = 0;
    }

    /// Keeps an event that the instance is about to be told at `now`, in nanoseconds since the epoch. Passwords in the
    /// settings of a start are not kept.
    pub fn keep(&mut self, now: u64, event: &Event) {
        event::parts(event, |tag, parts| self.push(now, tag, parts));
    }

    /// Events that are kept.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Events of this instance that are kept no more.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether every event since the start of the instance is kept.
    pub fn is_complete(&self) -> bool {
        self.lost == 0
    }

    /// The kept events as they are written to a file: each its length in four bytes, little end first, and so many
    /// bytes.
    pub fn bytes(&self) -> [&[u8]; 2] {
        let (front, back) = self.ring.as_slices();
        [front, back]
    }

    fn push(&mut self, now: u64, tag: u8, parts: &[&[u8]]) {
        let body = size_of_val(&now) + size_of_val(&tag);
        let body = body + parts.iter().map(|part| part.len()).sum::<usize>();
        let bytes = LENGTH_BYTES + body;
        let length = match u32::try_from(body) {
            Ok(length) if bytes <= self.bytes_max => length,
            // What follows an event that is missing would replay to something else.
            _ => {
                self.ring.clear();
                self.lost += self.events + 1;
                self.events = 0;
                return;
            }
        };
        while self.ring.len() + bytes > self.bytes_max {
            self.drop_oldest();
        }
        self.make_room(bytes);
        self.ring.extend(&length.to_le_bytes());
        self.ring.extend(&now.to_le_bytes());
        self.ring.push_back(tag);
        for part in parts {
            self.ring.extend(*part);
        }
        self.events += 1;
    }

    fn drop_oldest(&mut self) {
        let mut length = [0; LENGTH_BYTES];
        for (place, byte) in length.iter_mut().zip(&self.ring) {
            *place = *byte;
        }
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let end = length.saturating_add(LENGTH_BYTES).min(self.ring.len());
        self.ring.drain(..end);
        self.events = self.events.saturating_sub(1);
        self.lost += 1;
    }

    /// Grows the buffer as it is needed, and never beyond the bound: a quiet session costs little memory.
    fn make_room(&mut self, bytes: usize) {
        let wanted = self.ring.len() + bytes;
        if wanted > self.ring.capacity() {
            let capacity = (2 * self.ring.capacity()).clamp(wanted, self.bytes_max);
            self.ring.reserve_exact(capacity - self.ring.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::contract::{Answer, Closed, Frame, RequestFailure, Response, Start};

    /// What a recorder holds, decoded.
    fn kept(flight: &Flight) -> Vec<(u64, Event)> {
        let bytes = flight.bytes().concat();
        let mut rest = &bytes[..];
        let mut events = Vec::new();
        while !rest.is_empty() {
            let (length, behind) = rest.split_at(LENGTH_BYTES);
            let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
            events.push(decode(&behind[..length]).unwrap());
            rest = &behind[length..];
        }
        assert_eq!(events.len() as u64, flight.events());
        events
    }

    fn frame(size: usize) -> Event {
        Event::Frame(Frame {
            connection: 3,
            data: vec![0xff; size],
        })
    }

    #[test]
    fn every_kind_of_event_comes_back_as_it_was() {
        let answer = |outcome| {
            Event::Response(Response {
                request: 9,
                outcome,
            })
        };
        let mut events = vec![
            Event::Start(Start {
                settings: r#"{"a": 1}"#.into(),
                instruments: vec!["ABC".into(), String::new()],
                seed: u64::MAX,
                standby: false,
            }),
            Event::Start(Start {
                settings: "{}".into(),
                instruments: vec![],
                seed: 0,
                standby: true,
            }),
            Event::Promoted,
            Event::Opened(7),
            frame(0),
            frame(300),
            Event::Closed(Closed {
                connection: 7,
                reason: "grün".into(),
            }),
            answer(Ok(Answer {
                status: 429,
                body: vec![0, 1, 255],
            })),
            Event::Alarm(5),
            Event::SymbolsChanged(vec![]),
            Event::SymbolsChanged(vec!["X".into()]),
            Event::ReportWanted(20),
            Event::Stop,
        ];
        for failure in [
            RequestFailure::TimedOut,
            RequestFailure::Unreachable,
            RequestFailure::TooLarge,
            RequestFailure::OverBudget,
        ] {
            events.push(answer(Err(failure)));
        }
        let mut flight = Flight::new(1 << 20);
        for (now, event) in (1_000..).zip(&events) {
            flight.keep(now, event);
        }
        let back = kept(&flight);
        assert_eq!(back.len(), events.len());
        for ((now, event), (wanted_now, wanted)) in back.iter().zip((1_000..).zip(&events)) {
            assert_eq!((*now, event), (wanted_now, wanted));
        }
        assert!(flight.is_complete());
    }

    #[test]
    fn the_oldest_make_room_and_the_bytes_stay_within_the_bound() {
        let mut flight = Flight::new(1_000);
        for now in 0..10_000 {
            flight.keep(now, &frame(now as usize % 97));
            assert!(flight.ring.len() <= 1_000 && flight.ring.capacity() <= 1_000);
        }
        let back = kept(&flight);
        assert!(!flight.is_complete());
        assert_eq!(flight.events() + flight.lost(), 10_000);
        let times: Vec<u64> = back.iter().map(|(now, _)| *now).collect();
        assert_eq!(
            times,
            (10_000 - flight.events()..10_000).collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_event_that_is_larger_than_everything_leaves_nothing_that_would_mislead() {
        let mut flight = Flight::new(1_000);
        flight.keep(1, &frame(10));
        flight.keep(2, &frame(1_000));
        assert_eq!((flight.events(), flight.lost()), (0, 2));
        flight.keep(3, &frame(10));
        assert_eq!(kept(&flight).len(), 1);
        assert!(!flight.is_complete());
    }

    #[test]
    fn a_new_instance_begins_with_nothing() {
        let mut flight = Flight::new(100);
        for now in 0..100 {
            flight.keep(now, &frame(10));
        }
        flight.begin(100);
        assert!(flight.is_complete() && kept(&flight).is_empty());
    }

    #[test]
    fn entries_written_before_there_was_a_standby_are_read() {
        let mut entry = 5_u64.to_le_bytes().to_vec();
        entry.push(1);
        entry.extend(7_u64.to_le_bytes());
        entry.extend([1_u32, 3].map(u32::to_le_bytes).concat());
        entry.extend(b"ABC{}");
        let start = Start {
            settings: "{}".into(),
            instruments: vec!["ABC".into()],
            seed: 7,
            standby: false,
        };
        assert_eq!(decode(&entry), Some((5, Event::Start(start))));
    }

    #[test]
    fn damaged_entries_are_no_events() {
        let mut flight = Flight::new(1_000);
        flight.keep(1, &Event::SymbolsChanged(vec!["ABC".into(), "D".into()]));
        let whole = flight.bytes().concat().split_off(LENGTH_BYTES);
        assert!(decode(&whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(decode(&whole[..end]), None, "{end}");
        }
        assert_eq!(decode(&[whole, vec![0]].concat()), None);
    }
}
