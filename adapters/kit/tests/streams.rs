//! Streams over connections: asked for, acknowledged, silent, renewed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use marketprism_kit::Output;
use marketprism_kit::book::empty_report;
use marketprism_kit::streams::{Expected, Limits, MessagePace, Protocol, Streams};
use marketprism_kit::testing::said;
use marketprism_kit::wit::StreamState;

const SECOND: u64 = 1_000_000_000;

struct Plain;

impl Protocol for Plain {
    fn address(&self, group: u8) -> String {
        format!("wss://x/{group}")
    }

    fn subscribe(&self, number: u32, names: &[&str]) -> String {
        format!("+{number} {}", names.join(","))
    }

    fn unsubscribe(&self, number: u32, names: &[&str]) -> String {
        format!("-{number} {}", names.join(","))
    }
}

const LIMITS: Limits = Limits {
    connections_max: 3,
    streams_per_connection: 2,
    names_per_message: 10,
    message_pace: MessagePace {
        at_once: 5,
        every: SECOND,
    },
    lifetime: 24 * 3600 * SECOND,
};

struct Case {
    streams: Streams,
    now: u64,
}

impl Case {
    fn new() -> Self {
        Self {
            streams: Streams::new(LIMITS, 9, 1),
            now: SECOND,
        }
    }

    /// What is said, without the alarm.
    fn does(&mut self, act: impl FnOnce(&mut Streams, u64, &mut Output)) -> String {
        let text = said(|out| act(&mut self.streams, self.now, out));
        let lines = text.lines().filter(|line| !line.starts_with("wake"));
        lines.collect::<Vec<_>>().join("; ")
    }

    fn settle(&mut self) -> String {
        self.does(|streams, now, out| streams.settle(now, &Plain, out))
    }

    fn opened(&mut self, connection: u32) -> String {
        self.does(|streams, now, out| streams.opened(connection, now, &Plain, out))
    }

    fn closed(&mut self, connection: u32) -> String {
        self.does(|streams, now, out| streams.closed(connection, now, &Plain, out))
    }

    /// Lets time go by in steps of a second; gives what was said.
    fn after(&mut self, seconds: u64) -> String {
        let mut said = Vec::new();
        for _ in 0..seconds {
            self.now += SECOND;
            let text = self.does(|streams, now, out| streams.wake(now, &Plain, out));
            if !text.is_empty() {
                said.push(text);
            }
        }
        said.join("; ")
    }

    /// As [`Case::after`], while these streams are heard every second.
    fn heard_for(&mut self, seconds: u64, heard: &[(u32, u32)]) -> String {
        let mut said = Vec::new();
        for _ in 0..seconds {
            for (id, connection) in heard {
                self.streams.heard(*id, *connection, self.now);
            }
            let text = self.after(1);
            if !text.is_empty() {
                said.push(text);
            }
        }
        said.join("; ")
    }

    fn state(&self, id: u32) -> StreamState {
        self.streams.report(id, "x").unwrap().state
    }
}

/// One connection with a book and a trade stream, both acknowledged.
fn running() -> Case {
    let mut case = Case::new();
    case.streams.add(0, "book", Expected::Steady);
    case.streams.add(0, "trade", Expected::Lively);
    assert_eq!(case.settle(), "connect 0 wss://x/0");
    assert_eq!(case.opened(0), "send 0 +0 book,trade");
    for id in [0, 1] {
        case.streams.acknowledged(id, 0, case.now);
        assert_eq!(case.state(id), StreamState::Live);
    }
    case
}

#[test]
fn streams_are_spread_over_connections_and_new_ones_join_those_with_room() {
    let mut case = Case::new();
    for name in ["a", "b", "c"] {
        case.streams.add(0, name, Expected::Lively);
    }
    assert_eq!(case.settle(), "connect 0 wss://x/0; connect 1 wss://x/0");
    assert_eq!(case.opened(0), "send 0 +0 a,b");
    assert_eq!(case.opened(1), "send 1 +1 c");
    case.streams.add(0, "d", Expected::Lively);
    case.streams.add(1, "other", Expected::Lively);
    assert_eq!(case.settle(), "connect 2 wss://x/1; send 1 +2 d");
    case.streams.add(1, "second", Expected::Lively);
    case.streams.add(1, "third", Expected::Lively);
    assert!(case.settle().contains("are full"));
    assert_eq!(case.settle(), "");
}

#[test]
fn a_stream_that_is_wanted_no_more_is_unsubscribed_and_an_empty_connection_closed() {
    let mut case = running();
    case.streams.remove(1);
    assert_eq!(case.settle(), "send 0 -1 trade");
    case.streams.remove(0);
    assert_eq!(case.settle(), "close 0");
    assert_eq!(case.closed(0), "");
    assert_eq!(case.streams.add(0, "trade", Expected::Lively), 1);
    assert_eq!(case.settle(), "connect 1 wss://x/0");
}

#[test]
fn a_lost_connection_comes_back_with_its_streams() {
    let mut case = running();
    assert_eq!(case.closed(0), "connect 0 wss://x/0");
    assert_eq!(case.state(0), StreamState::Asked);
    assert_eq!(case.opened(0), "send 0 +1 book,trade");
}

#[test]
fn a_refused_stream_is_named_and_asked_for_again_much_later() {
    let mut case = running();
    let text = case.does(|streams, now, out| streams.refused(1, 0, now, "no such thing", out));
    assert_eq!(
        text,
        "log error trade: the exchange refuses it: no such thing"
    );
    assert_eq!(case.state(1), StreamState::Refused);
    let mut report = empty_report(0);
    case.streams.tell([("trade", Some(1))], &mut report);
    assert_eq!(report.problem.as_deref(), Some("no such thing"));
    assert_eq!(case.heard_for(599, &[(0, 0)]), "");
    assert_eq!(case.heard_for(3, &[(0, 0)]), "send 0 +1 trade");
}

#[test]
fn what_is_not_acknowledged_is_asked_for_again() {
    let mut case = Case::new();
    case.streams.add(0, "a", Expected::Rare);
    case.settle();
    assert_eq!(case.opened(0), "send 0 +0 a");
    assert_eq!(
        case.after(12),
        "log warn a: silent for 11 s; asking for it again; send 0 -1 a; send 0 +2 a"
    );
    let asked: Vec<_> = case.streams.unacknowledged(0).collect();
    assert_eq!(asked, [(0, "a")]);
    assert_eq!(case.streams.asked_in(0, 2), [0]);
    assert_eq!(case.streams.asked_in(0, 0), Vec::<u32>::new());
}

#[test]
fn an_acknowledged_book_that_is_silent_is_asked_for_again_and_then_gets_a_new_connection() {
    let mut case = running();
    case.streams.heard(0, 0, case.now);
    assert_eq!(case.heard_for(90, &[(1, 0)]), "");
    assert!(case.streams.fell_silent().is_empty());
    assert_eq!(
        case.heard_for(2, &[(1, 0)]),
        "log warn book: silent for 91 s; asking for it again; send 0 -1 book; send 0 +2 book"
    );
    assert_eq!(case.state(0), StreamState::Silent);
    assert_eq!(case.streams.fell_silent(), [0]);
    assert!(case.streams.fell_silent().is_empty());
    assert_eq!(case.state(1), StreamState::Live);
    case.streams.acknowledged(0, 0, case.now);
    assert_eq!(
        case.heard_for(182, &[(1, 0)]),
        "log warn book: still silent after 181 s; renewing its connection; connect 1 wss://x/0"
    );
    assert_eq!(case.opened(1), "send 1 +3 book,trade");
    case.streams.acknowledged(1, 1, case.now);
    case.streams.heard(0, 1, case.now);
    case.streams.took_over(0, 1);
    assert_eq!(case.state(0), StreamState::Live);
    assert_eq!(case.heard_for(4, &[(1, 1)]), "close 0");
    assert_eq!(case.closed(0), "");
    assert_eq!(case.streams.report(0, "x").unwrap().resubscribed, 1);
}

#[test]
fn a_book_that_never_changed_is_asked_for_again_and_moves_no_other_stream() {
    let mut case = running();
    let mut said = String::new();
    for _ in 0..3_600 {
        let text = case.heard_for(1, &[(1, 0)]);
        if text.contains('+') {
            case.streams.acknowledged(0, 0, case.now);
        }
        said += &text;
    }
    assert!(!said.contains("connect"), "{said}");
    assert!((1..=40).contains(&said.matches('+').count()), "{said}");
}

#[test]
fn a_quiet_instrument_is_no_fault() {
    let mut case = running();
    for _ in 0..40 {
        case.streams.heard(1, 0, case.now);
        assert_eq!(case.heard_for(100, &[(0, 0)]), "");
    }
    assert_eq!(case.heard_for(1_000, &[(0, 0)]), "");
    assert_eq!(case.state(1), StreamState::Live);
}

#[test]
fn a_busy_stream_that_falls_silent_is_a_fault() {
    let mut case = running();
    assert_eq!(case.heard_for(40, &[(0, 0), (1, 0)]), "");
    assert!(case.heard_for(63, &[(0, 0)]).contains("trade: silent for"));
    assert_eq!(case.state(1), StreamState::Silent);
}

#[test]
fn a_connection_that_acknowledges_everything_and_brings_nothing_is_renewed() {
    let mut case = Case::new();
    case.streams.add(0, "trade", Expected::Lively);
    case.settle();
    case.opened(0);
    case.streams.acknowledged(0, 0, case.now);
    assert_eq!(case.after(300), "");
    assert_eq!(case.after(1), "connect 1 wss://x/0");
    assert_eq!(case.state(0), StreamState::Silent);
}

#[test]
fn a_connection_is_renewed_before_the_exchange_cuts_it_and_no_stream_is_ever_without_one() {
    let mut case = running();
    let both = [(0, 0), (1, 0)];
    assert_eq!(case.heard_for(23 * 3600 - 10, &both), "");
    assert_eq!(case.heard_for(3600 + 10, &both), "connect 1 wss://x/0");
    assert_eq!(case.opened(1), "send 1 +1 book,trade");
    let all = [(0, 0), (1, 0), (0, 1), (1, 1)];
    assert_eq!(case.heard_for(5, &all), "");
    case.streams.took_over(0, 1);
    assert_eq!(case.heard_for(2, &all), "close 0");
    assert_eq!(case.closed(0), "");
    assert_eq!(case.heard_for(3600, &[(0, 1), (1, 1)]), "");
}

#[test]
fn when_the_old_connection_is_cut_first_its_streams_go_over_to_the_new_one() {
    let mut case = running();
    let text = case.does(|streams, _, out| streams.renew(0, &Plain, out));
    assert_eq!(text, "connect 1 wss://x/0");
    assert_eq!(
        case.does(|streams, _, out| streams.renew(0, &Plain, out)),
        ""
    );
    assert_eq!(case.closed(0), "");
    assert_eq!(case.opened(1), "send 1 +1 book,trade");
}

#[test]
fn a_successor_that_is_lost_leaves_the_old_connection_as_it_is() {
    let mut case = running();
    case.does(|streams, _, out| streams.renew(0, &Plain, out));
    assert_eq!(case.closed(1), "");
    assert_eq!(
        case.heard_for(700, &[(0, 0), (1, 0)]),
        "connect 2 wss://x/0"
    );
}

#[test]
fn a_successor_that_took_over_everything_is_followed_even_when_it_is_lost_at_once() {
    let mut case = running();
    case.does(|streams, _, out| streams.renew(0, &Plain, out));
    case.opened(1);
    for id in [0, 1] {
        case.streams.took_over(id, 1);
    }
    assert_eq!(case.closed(1), "connect 1 wss://x/0; close 0");
    assert_eq!(case.closed(0), "");
    assert_eq!(case.opened(1), "send 1 +2 book,trade");
}

#[test]
fn a_book_asks_for_a_new_beginning_at_once_and_then_less_and_less_often() {
    let mut case = running();
    case.heard_for(100, &[(0, 0)]);
    let again = |case: &mut Case| {
        let text = case.does(|streams, now, out| streams.resubscribe(0, now, &Plain, out));
        case.streams.acknowledged(0, 0, case.now);
        text
    };
    assert_eq!(again(&mut case), "send 0 -1 book; send 0 +2 book");
    let mut sent = 0;
    for _ in 0..60 {
        again(&mut case);
        let text = case.heard_for(1, &[(0, 0)]);
        sent += text.matches('+').count();
    }
    assert!((4..=6).contains(&sent), "{sent}");
}

#[test]
fn a_stream_that_is_well_for_a_while_in_between_is_asked_for_again_soon_however_often() {
    let mut case = running();
    for _ in 0..30 {
        case.heard_for(16, &[(0, 0)]);
        let asked = case.does(|streams, now, out| streams.resubscribe(0, now, &Plain, out));
        let soon = case.heard_for(2, &[(0, 0)]);
        assert!(format!("{asked}{soon}").contains('+'), "{asked:?} {soon:?}");
        case.streams.acknowledged(0, 0, case.now);
    }
}
