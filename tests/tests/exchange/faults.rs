//! Faults really happen, are recorded, and never touch the truth.

use std::collections::BTreeMap;
use std::time::Duration;

use marketprism_tests::exchange::{
    End, Entry, Fate, Faults, FrameFault, Item, Pace, Settings, Simulator,
};
use serde_json::Value;

use super::client::{Client, LONG, start, stepped, stepped_at};

const SECOND: Duration = Duration::from_secs(1);
const STREAM: &str = "btcusdt@trade";

/// What a client gets of two seconds of trades and depth updates.
fn two_seconds(exchange: &Simulator) -> Vec<String> {
    let target = format!("/stream?streams={STREAM}/btcusdt@depth@100ms");
    let mut client = Client::open(exchange, &target);
    exchange.advance(2 * SECOND);
    exchange.close_connections();
    let texts = client.rest();
    let ended = |exchange: &Simulator| {
        let mut records = exchange.connections().into_iter();
        records.all(|record| record.ended.is_some())
    };
    assert!(exchange.eventually(LONG, ended));
    texts
}

/// The ids of the trades that came as they should.
fn trades(texts: &[String]) -> Vec<u64> {
    let read = texts
        .iter()
        .filter_map(|text| serde_json::from_str::<Value>(text).ok());
    read.filter(|frame| frame["stream"] == STREAM)
        .filter(|frame| frame["data"]["p"].is_string() && frame["data"]["q"].is_string())
        .filter_map(|frame| frame["data"]["t"].as_u64())
        .collect()
}

fn entries(exchange: &Simulator) -> Vec<(u64, Fate)> {
    let sent = exchange.sent().into_iter();
    sent.filter(|entry| *entry.stream == *STREAM)
        .map(|entry| match entry.item {
            Item::Trade(id) => (id, entry.fate),
            other => panic!("{other:?} on {STREAM}"),
        })
        .collect()
}

/// The exchange, what a client got, the trades in it, and the trades in the ledger.
type Outcome = (Simulator, Vec<String>, Vec<u64>, Vec<(u64, Fate)>);

/// Injects one fault into the trades.
fn with(fault: FrameFault) -> Outcome {
    let mut faults = Faults::none();
    (faults.mute, faults.stall) = (SECOND, SECOND);
    let exchange = start(Settings {
        faults,
        ..stepped(&["BTCUSDT"])
    });
    exchange.inject(STREAM, fault, 1);
    let texts = two_seconds(&exchange);
    assert_eq!(exchange.faults().of(fault), 1);
    assert_eq!(exchange.faults().total(), 1);
    let (trades, entries) = (trades(&texts), entries(&exchange));
    (exchange, texts, trades, entries)
}

fn rising(ids: &[u64]) -> bool {
    ids.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

#[test]
fn without_faults_everything_is_sent_whole_and_in_order() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let got = trades(&two_seconds(&exchange));
    let entries = entries(&exchange);
    assert!(rising(&got) && got.len() > 50);
    assert!(entries.iter().all(|(_, fate)| *fate == Fate::Whole));
    assert_eq!(
        entries.into_iter().map(|(id, _)| id).collect::<Vec<_>>(),
        got
    );
    assert_eq!(exchange.faults().total(), 0);
}

#[test]
fn a_dropped_frame_does_not_come() {
    let (_, _, got, entries) = with(FrameFault::Drop);
    assert_eq!(entries[0], (got[0] - 1, Fate::Dropped));
    assert!(rising(&got));
}

#[test]
fn a_doubled_frame_comes_twice() {
    let (_, _, got, entries) = with(FrameFault::Double);
    assert_eq!(entries[0], (got[0], Fate::Doubled));
    assert!(got[0] == got[1] && rising(&got[1..]));
}

#[test]
fn a_swapped_frame_comes_after_the_next_of_its_stream() {
    let (_, _, got, entries) = with(FrameFault::Swap);
    assert_eq!(
        entries[..2],
        [(got[1] + 1, Fate::Whole), (got[1], Fate::Swapped)]
    );
    assert_eq!(got[..3], [got[1] + 1, got[1], got[1] + 2]);
}

#[test]
fn cut_frames_and_garbage_are_no_json() {
    for (fault, fate) in [
        (FrameFault::Cut, Fate::Cut),
        (FrameFault::Garbage, Fate::Garbage),
    ] {
        let (_, texts, got, entries) = with(fault);
        assert_eq!(entries[0], (got[0] - 1, fate));
        let bad = texts
            .iter()
            .filter(|text| serde_json::from_str::<Value>(text).is_err());
        assert_eq!(bad.count(), 1);
    }
}

#[test]
fn a_misshapen_frame_is_json_without_meaning() {
    let (_, texts, got, entries) = with(FrameFault::Misshape);
    assert_eq!(entries[0], (got[0] - 1, Fate::Misshapen));
    assert!(
        texts
            .iter()
            .all(|text| serde_json::from_str::<Value>(text).is_ok())
    );
}

#[test]
fn a_close_an_abort_and_a_reset_end_the_connection() {
    for fault in [FrameFault::Close, FrameFault::Abort, FrameFault::Reset] {
        let exchange = start(stepped(&["BTCUSDT"]));
        exchange.inject(STREAM, fault, 1);
        let mut client = Client::open(&exchange, "/ws/btcusdt@trade");
        exchange.advance(SECOND);
        let frame = client.end();
        assert_eq!(frame.is_some(), fault == FrameFault::Close, "{fault:?}");
        drop(client);
        let ended = |exchange: &Simulator| {
            exchange
                .connections()
                .first()
                .is_some_and(|it| it.ended.is_some())
        };
        assert!(exchange.eventually(LONG, ended));
        let record = exchange.connections().remove(0);
        assert_eq!(record.ended.map(|(_, end)| end), Some(End::Fault(fault)));
        assert_eq!(record.complete, fault != FrameFault::Reset, "{fault:?}");
        let entries = entries(&exchange);
        assert_eq!(entries[0].1, Fate::Whole);
        assert!(entries[1..].iter().all(|(_, fate)| *fate == Fate::Unsent));
    }
}

#[test]
fn a_stall_silences_the_connection_and_a_mute_one_stream() {
    for (fault, fate) in [
        (FrameFault::Stall, Fate::Stalled),
        (FrameFault::Mute, Fate::Muted),
    ] {
        let (exchange, texts, got, entries) = with(fault);
        let silent: Vec<_> = entries.iter().take_while(|(_, one)| *one == fate).collect();
        assert!(
            silent.len() > 20 && got.len() > 20,
            "{} {}",
            silent.len(),
            got.len()
        );
        assert_eq!(got[0], silent.last().unwrap().0 + 1);
        let depth = texts
            .iter()
            .filter(|text| text.contains("depthUpdate"))
            .count();
        assert_eq!(depth < 15, fault == FrameFault::Stall, "{depth}");
        assert!(
            exchange
                .sent()
                .iter()
                .any(|entry| entry.fate == Fate::Whole)
        );
    }
}

#[test]
fn a_silent_stream_speaks_again_when_it_is_asked_for_again() {
    let exchange = start(stepped(&["BTCUSDT"]));
    exchange.inject(STREAM, FrameFault::Silence, 1);
    let mut client = Client::open(&exchange, "/ws/btcusdt@trade/btcusdt@depth@100ms");
    exchange.advance(2 * SECOND);
    client.say(r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#);
    let before = client.until(|message| message["id"] == 1);
    assert!(before.iter().all(|message| message["e"] != "trade") && before.len() > 10);
    exchange.advance(SECOND);
    exchange.close_connections();
    let after = client.rest_json();
    assert!(after.iter().any(|message| message["e"] == "trade"));
    let muted = entries(&exchange).into_iter();
    let muted = muted.filter(|(_, fate)| *fate == Fate::Muted).count();
    assert!(muted > 50, "{muted}");
}

#[test]
fn a_dumb_connection_says_nothing_more_and_the_next_one_does() {
    let exchange = start(stepped(&["BTCUSDT"]));
    exchange.inject(STREAM, FrameFault::Dumb, 1);
    let target = "/ws/btcusdt@trade/btcusdt@bookTicker";
    let mut first = Client::open(&exchange, target);
    exchange.advance(SECOND);
    first.say(r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#);
    first.until(|message| message["id"] == 1);
    exchange.advance(SECOND);
    exchange.close_connections();
    assert_eq!(first.rest(), Vec::<String>::new());
    let mut second = Client::open(&exchange, target);
    exchange.advance(SECOND);
    assert!(second.next().is_some());
}

#[test]
fn a_slow_frame_comes_late_but_whole() {
    let (_, _, got, entries) = with(FrameFault::Slow);
    assert!(rising(&got));
    assert!(entries.iter().all(|(_, fate)| *fate == Fate::Whole));
}

#[test]
fn the_same_seed_hits_the_same_frames() {
    let hits = |seed| {
        let exchange = start(Settings {
            seed,
            faults: Faults::none()
                .with(FrameFault::Drop, 0.05)
                .with(FrameFault::Double, 0.05)
                .with(FrameFault::Swap, 0.05)
                .with(FrameFault::Cut, 0.05),
            ..stepped(&["BTCUSDT"])
        });
        let texts = two_seconds(&exchange);
        (texts, entries(&exchange), exchange.faults())
    };
    let first = hits(1);
    assert!(first.2.total() > 10);
    assert_eq!(first, hits(1));
    assert_ne!(first, hits(2));
}

#[test]
fn on_the_worst_day_the_ledger_tells_exactly_what_came() {
    let exchange = start(Settings {
        pace: Pace::Fastest,
        faults: Faults::heavy(),
        ..stepped_at(&["BTCUSDT", "ETHUSDT"], 1_000)
    });
    let mut came: Vec<Vec<String>> = Vec::new();
    let mut frames = 0;
    while frames < 60_000 {
        let target = "/stream?streams=btcusdt@trade/btcusdt@depth@100ms/ethusdt@aggTrade";
        let mut client = Client::open(&exchange, target);
        let texts = client.rest();
        frames += texts.len();
        came.push(texts);
    }
    assert!(exchange.eventually(LONG, |exchange| {
        exchange
            .connections()
            .iter()
            .all(|record| record.ended.is_some())
    }));
    let mut sent: BTreeMap<u64, Vec<Entry>> = BTreeMap::new();
    for entry in exchange.sent() {
        sent.entry(entry.connection).or_default().push(entry);
    }
    let mut compared = 0;
    for (record, texts) in exchange.connections().iter().zip(&came) {
        let sent = sent.remove(&record.number).unwrap_or_default();
        let expected: Vec<_> = sent
            .iter()
            .filter(|entry| entry.fate.is_whole())
            .flat_map(|entry| {
                let times = if entry.fate == Fate::Doubled { 2 } else { 1 };
                std::iter::repeat_n(entry.item, times)
            })
            .collect();
        let got: Vec<_> = texts.iter().filter_map(|text| item(text)).collect();
        if record.complete {
            assert_eq!(got, expected, "connection {}", record.number);
            compared += got.len();
        } else {
            // What a reset destroyed is unknown; what came was sent.
            assert_eq!(got, expected[..got.len()], "connection {}", record.number);
        }
    }
    assert!(compared > 20_000, "{compared}");
    for &fault in FrameFault::ALL {
        // These two are asked for by name.
        let is_named = matches!(fault, FrameFault::Silence | FrameFault::Dumb);
        let times = exchange.faults().of(fault);
        assert_eq!(times == 0, is_named, "{fault:?} happened {times} times");
    }
}

/// What a text that came is about, if it came as it should.
fn item(text: &str) -> Option<Item> {
    let frame: Value = serde_json::from_str(text).ok()?;
    let data = &frame["data"];
    let number = |key: &str| data[key].as_u64();
    match data["e"].as_str()? {
        "depthUpdate" => {
            let sides = data["b"].is_array() && data["a"].is_array();
            let (first, last) = (number("U")?, number("u")?);
            sides.then_some(Item::Depth { first, last })
        }
        kind => {
            (data["p"].is_string() && data["q"].is_string()).then_some(())?;
            match kind {
                "trade" => Some(Item::Trade(number("t")?)),
                _ => Some(Item::AggregateTrade {
                    id: number("a")?,
                    first: number("f")?,
                    last: number("l")?,
                }),
            }
        }
    }
}
