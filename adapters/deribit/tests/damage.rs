//! Damaged copies of the recording: after a gap nothing of that book is published until a new snapshot comes, what came
//! twice changes nothing, a bad frame is refused and counted, and nothing else suffers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use marketprism_deribit::Deribit;
use marketprism_kit::testing;
use marketprism_kit::testing::recording::{Record, oracle, recording};
use marketprism_kit::wit::{BookState, InstrumentReport, MarketEvent};

type Replay = testing::Replay<Deribit>;

const RECORDING: &str = "deribit.cf-2021-07";

const SETTINGS: &str =
    r#"{"data_types":["orderbook","trade"],"orderbook":{"method":"websocket","deltas":true}}"#;

/// The book with thirty changes.
const BUSY: &str = "BTC-24SEP21-8000-P";

fn run(records: &[Record]) -> Replay {
    let oracle = oracle(RECORDING);
    let symbols: Vec<_> = oracle.keys().map(String::as_str).collect();
    Replay::run(records, SETTINGS, &symbols)
}

/// Whether it is a frame of this instrument's book.
fn is_book_of(record: &Record, name: &str) -> bool {
    record.kind == "ws" && record.data.contains(&format!("\"channel\":\"book.{name}."))
}

/// Places of the frames of the busy book, the snapshot first.
fn places(records: &[Record]) -> Vec<usize> {
    let all = records.iter().enumerate();
    all.filter(|(_, record)| is_book_of(record, BUSY))
        .map(|(place, _)| place)
        .collect()
}

fn report_of(replay: &mut Replay, name: &str) -> InstrumentReport {
    let id = replay.id(name);
    let mut reports = replay.report(20).into_iter();
    reports.find(|report| report.instrument == id).unwrap()
}

/// Books and changes published of an instrument.
fn published(replay: &Replay, name: &str) -> Vec<MarketEvent> {
    let id = replay.id(name);
    let is_of = |event: &&MarketEvent| match event {
        MarketEvent::Book(book) => book.instrument == id,
        MarketEvent::BookChange(change) => change.instrument == id,
        _ => false,
    };
    replay.events.iter().filter(is_of).cloned().collect()
}

/// Every other instrument stands and was published as if nothing had happened.
fn others_do_not_suffer(damaged: &mut Replay, whole: &mut Replay) {
    for name in oracle(RECORDING).keys().filter(|name| *name != BUSY) {
        assert_eq!(published(damaged, name), published(whole, name), "{name}");
        let (a, b) = (report_of(damaged, name), report_of(whole, name));
        assert_eq!(
            (a.last_update_id, a.bids, a.asks),
            (b.last_update_id, b.bids, b.asks)
        );
        assert_eq!(
            (a.book_state, a.counters.gaps),
            (Some(BookState::Synced), 0)
        );
    }
}

/// After the frame at place 10 of the book is damaged so, the book has one gap and says nothing more.
fn is_a_gap(damage: impl Fn(&mut Vec<Record>, usize), refused: usize) {
    let records = recording(RECORDING);
    let at = places(&records)[10];
    let mut damaged = records.clone();
    damage(&mut damaged, at);
    let (mut damaged, mut whole) = (run(&damaged), run(&records));
    let report = report_of(&mut damaged, BUSY);
    assert_eq!(report.book_state, Some(BookState::Resyncing));
    assert_eq!((report.counters.gaps, report.counters.resyncs), (1, 1));
    assert_eq!(report.counters.updates_applied, 9);
    let (left, all) = (published(&damaged, BUSY), published(&whole, BUSY));
    // A whole book and a top with the snapshot, a part and a top with each change.
    assert_eq!((left.len(), all.len()), (20, 62));
    assert_eq!(left, all[..20]);
    assert_eq!(damaged.refused.len(), refused, "{:?}", damaged.refused);
    let again = format!("\"book.{BUSY}.100ms\"");
    let asked = |it: &&String| it.contains("public/subscribe") && it.contains(&again);
    let messages: Vec<_> = damaged.sent.iter().filter(asked).collect();
    assert!(messages.len() >= 2, "{messages:?}");
    // That one channel alone.
    assert!(
        messages[1..]
            .iter()
            .all(|it| it.matches("100ms").count() == 1)
    );
    others_do_not_suffer(&mut damaged, &mut whole);
}

#[test]
fn a_frame_dropped() {
    is_a_gap(|records, at| drop(records.remove(at)), 0);
}

#[test]
fn a_frame_swapped_with_the_next_of_its_book() {
    let next = places(&recording(RECORDING))[11];
    is_a_gap(
        |records, at| {
            let data = records[at].data.clone();
            records[at].data = std::mem::replace(&mut records[next].data, data);
        },
        0,
    );
}

#[test]
fn a_frame_cut_short() {
    is_a_gap(
        |records, at| {
            let half = records[at].data.len() / 2;
            records[at].data.truncate(half);
        },
        1,
    );
}

#[test]
fn a_frame_of_garbage_and_a_blank_one() {
    is_a_gap(
        |records, at| records[at].data = "\u{1}garbage{]".to_owned(),
        1,
    );
    is_a_gap(|records, at| records[at].data = String::new(), 1);
}

#[test]
fn a_frame_doubled_changes_nothing() {
    let records = recording(RECORDING);
    for place in 0..places(&records).len() {
        let at = places(&records)[place];
        let mut doubled = records.clone();
        doubled.insert(at + 1, records[at].clone());
        let (mut doubled, mut whole) = (run(&doubled), run(&records));
        assert_eq!(doubled.events, whole.events);
        assert_eq!(doubled.report(20), whole.report(20));
    }
}

#[test]
fn garbage_between_the_frames_changes_nothing_but_the_count() {
    let records = recording(RECORDING);
    let mut damaged = records.clone();
    for at in [100, 60, 30, 5] {
        let mut bad = records[at].clone();
        bad.data = "{\"jsonrpc\":\"2.0\",".to_owned();
        damaged.insert(at, bad);
    }
    let (mut damaged, mut whole) = (run(&damaged), run(&records));
    assert_eq!(damaged.refused.len(), 4);
    assert_eq!(damaged.events, whole.events);
    assert_eq!(damaged.report(20), whole.report(20));
}

#[test]
fn a_new_snapshot_brings_the_book_back() {
    let records = recording(RECORDING);
    let all = places(&records);
    let mut damaged = records.clone();
    // The snapshot as the exchange sends it when the channel is asked for again: the book as it was at place 20.
    let until: Vec<_> = records[..=all[20]].to_vec();
    let mut then = run(&until);
    let report = report_of(&mut then, BUSY);
    let side = |levels: &[i64]| {
        let all = marketprism_kit::wit::unpack(levels);
        let all: Vec<_> = all
            .iter()
            .map(|level| {
                let text = marketprism_kit::testing::level(level);
                let (price, amount) = text.split_once('x').unwrap();
                format!("[\"new\",{price},{amount}]")
            })
            .collect();
        all.join(",")
    };
    let id = report.last_update_id.unwrap();
    let mut snapshot = records[all[20]].clone();
    snapshot.data = format!(
        r#"{{"method":"subscription","params":{{"channel":"book.{BUSY}.raw","data":{{"type":"snapshot","timestamp":1626993740000,"instrument_name":"{BUSY}","change_id":{id},"bids":[{}],"asks":[{}]}}}}}}"#,
        side(&report.bids),
        side(&report.asks)
    );
    damaged[all[20]] = snapshot;
    damaged.remove(all[10]);
    let (mut damaged, mut whole) = (run(&damaged), run(&records));
    let (a, b) = (report_of(&mut damaged, BUSY), report_of(&mut whole, BUSY));
    assert_eq!(a.book_state, Some(BookState::Synced));
    assert_eq!(
        (a.last_update_id, a.bids, a.asks),
        (b.last_update_id, b.bids, b.asks)
    );
    assert_eq!((a.counters.gaps, a.counters.resyncs), (1, 1));
    others_do_not_suffer(&mut damaged, &mut whole);
}

#[test]
fn a_connection_lost_in_the_middle_leaves_no_book_synced_that_missed_something() {
    let records = recording(RECORDING);
    let all = places(&records);
    let mark = |kind: &str, at: usize| Record {
        kind: kind.to_owned(),
        data: String::new(),
        ..records[at].clone()
    };
    let mut damaged = records.clone();
    damaged.insert(all[20], mark("ws_open", all[20]));
    damaged.insert(all[10], mark("ws_close", all[10]));
    let mut damaged = run(&damaged);
    for report in damaged.report(20) {
        let name = damaged.names[report.instrument as usize].clone();
        assert_eq!(report.counters.gaps, 0, "{name}");
        // The recording has no new snapshots: what was missed stays missed.
        let missed = records[all[10]..all[20]]
            .iter()
            .any(|it| is_book_of(it, &name));
        let expected = if missed && records[all[20]..].iter().any(|it| is_book_of(it, &name)) {
            vec![BookState::Resyncing]
        } else {
            vec![BookState::Stale, BookState::Synced]
        };
        let state = report.book_state.unwrap();
        assert!(expected.contains(&state), "{name}: {state:?}");
    }
    let busy = published(&damaged, BUSY).len();
    assert_eq!(busy, 20);
}
