//! Damaged recordings: what is lost costs the book of one instrument until its next snapshot, and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeMap;

use marketprism_kit::testing;
use marketprism_kit::testing::recording::{Record, oracle, recording};
use marketprism_kit::wit::{BookState, InstrumentReport, MarketEvent};
use marketprism_okx::Okx;

type Replay = testing::Replay<Okx>;

const DERIVED: [&str; 4] = [
    "okx_spot.derived-seq-2021-07-c1",
    "okx_spot.derived-seq-2022-05",
    "okx_swap.derived-seq-2021-07-c1",
    "okx_swap.derived-seq-2022-05",
];
const CHECKED: [&str; 4] = [
    "okx_spot.cf-2021-07-c1",
    "okx_spot.cf-2022-05",
    "okx_swap.cf-2021-07-c1",
    "okx_swap.cf-2022-05",
];

/// The instrument of a recording with the most updates.
fn busiest(name: &str) -> String {
    let oracle = oracle(name);
    let count = |name: &&String| oracle[*name]["book_updates_applied"].as_u64();
    oracle.keys().max_by_key(count).unwrap().clone()
}

/// Places of the pushes of an instrument's book.
fn pushes(records: &[Record], instrument: &str) -> Vec<usize> {
    let places = records.iter().enumerate();
    places
        .filter(|(_, record)| is_book_of(record, instrument))
        .map(|(place, _)| place)
        .collect()
}

/// Whether it is a push of a book of this instrument.
fn is_book_of(record: &Record, name: &str) -> bool {
    let arg = format!("\"instId\":\"{name}\"}},\"action\"");
    record.kind == "ws" && record.data.contains(&arg)
}

struct Case {
    replay: Replay,
    symbols: Vec<String>,
}

impl Case {
    fn run(name: &str, records: &[Record]) -> Self {
        let symbols: Vec<_> = oracle(name).keys().cloned().collect();
        let names: Vec<_> = symbols.iter().map(String::as_str).collect();
        let more = r#","orderbook":{"method":"websocket","deltas":true}"#;
        let venue = if name.starts_with("okx_spot") {
            "okx_spot"
        } else {
            "okx_derivatives"
        };
        let settings = format!(r#"{{"exchange":"{venue}"{more}}}"#);
        let replay = Replay::run(records, &settings, &names);
        let case = Self { replay, symbols };
        case.nothing_is_published_of_a_book_that_is_not_synced();
        case
    }

    fn nothing_is_published_of_a_book_that_is_not_synced(&self) {
        let mut synced = BTreeMap::new();
        for event in &self.replay.events {
            match event {
                MarketEvent::BookStatus(it) => {
                    synced.insert(it.instrument, it.state == BookState::Synced);
                }
                MarketEvent::Book(it) => assert_eq!(synced.get(&it.instrument), Some(&true)),
                MarketEvent::BookChange(it) => assert_eq!(synced.get(&it.instrument), Some(&true)),
                _ => {}
            }
        }
    }

    fn id(&self, instrument: &str) -> u32 {
        let place = self.symbols.iter().position(|name| name == instrument);
        u32::try_from(place.unwrap()).unwrap()
    }

    fn report(&mut self, instrument: &str) -> InstrumentReport {
        let id = self.id(instrument);
        let reports = self.replay.report(400);
        reports.into_iter().find(|it| it.instrument == id).unwrap()
    }

    /// The place of the last record at which something of this book was published.
    fn last_published(&self, instrument: &str) -> usize {
        let id = self.id(instrument);
        let events = self.replay.places.iter().zip(&self.replay.events);
        let books = events.filter_map(|(at, event)| match event {
            MarketEvent::Book(it) if it.instrument == id => Some(*at),
            MarketEvent::BookChange(it) if it.instrument == id => Some(*at),
            _ => None,
        });
        books.max().unwrap()
    }
}

fn resubscriptions(case: &Case) -> usize {
    let asked = |sent: &&String| sent.contains("unsubscribe") && sent.contains("books");
    case.replay.sent.iter().filter(asked).count()
}

/// All but the damaged instrument are as without the damage.
fn the_others_are_unharmed(name: &str, case: &mut Case, whole: &mut Case, damaged: &str) {
    let mine = case.id(damaged);
    let without = |mut reports: Vec<InstrumentReport>| {
        reports.retain(|it| it.instrument != mine);
        reports
    };
    assert_eq!(
        without(case.replay.report(400)),
        without(whole.replay.report(400)),
        "{name}"
    );
}

#[test]
fn after_a_lost_push_nothing_is_published_until_the_next_snapshot() {
    for name in DERIVED.into_iter().chain(CHECKED) {
        let instrument = busiest(name);
        let mut records = recording(name);
        let places = pushes(&records, &instrument);
        let snapshot = records[places[0]].clone();
        let lost = places[places.len() / 2];
        records.remove(lost);
        let mut case = Case::run(name, &records);
        let report = case.report(&instrument);
        if name.contains("derived") {
            // The last published is that before the lost one.
            assert_eq!(report.book_state, Some(BookState::Resyncing), "{name}");
            assert_eq!(
                (report.counters.gaps, report.counters.resyncs),
                (1, 1),
                "{name}"
            );
            assert!(case.last_published(&instrument) < lost, "{name}");
            assert_eq!((report.bid_levels, report.ask_levels), (0, 0));
        } else if report.book_state == Some(BookState::Resyncing) {
            // A checksum shows the loss when it touches the best 25 levels.
            assert_eq!(
                (report.counters.gaps, report.counters.resyncs),
                (1, 1),
                "{name}"
            );
        }
        let mut whole = Case::run(name, &recording(name));
        let again = resubscriptions(&case) - resubscriptions(&whole);
        // Once for the gap, and once more when neither the stream nor a request brought a snapshot for a while.
        assert!(again <= 2, "{name}: {again} for one gap");
        the_others_are_unharmed(name, &mut case, &mut whole, &instrument);
        // With a snapshot behind the gap the book is whole again.
        let mut snapshot = snapshot;
        snapshot.t_ns = records.last().unwrap().t_ns;
        records.push(snapshot);
        let mut case = Case::run(name, &records);
        let report = case.report(&instrument);
        assert_eq!(report.book_state, Some(BookState::Synced), "{name}");
    }
}

#[test]
fn a_doubled_push_changes_nothing() {
    for name in DERIVED.into_iter().chain(CHECKED) {
        let whole = Case::run(name, &recording(name)).replay.report(400);
        let mut records = Vec::new();
        for record in recording(name) {
            records.push(record.clone());
            records.push(record);
        }
        let mut case = Case::run(name, &records);
        for (doubled, single) in case.replay.report(400).iter().zip(&whole) {
            let mut expected = single.clone();
            expected.counters.duplicate_trades = single.counters.trades;
            assert_eq!(doubled.counters, expected.counters, "{name}");
            assert_eq!(doubled.bids, expected.bids, "{name}");
            assert_eq!(doubled.asks, expected.asks, "{name}");
            assert_eq!(doubled.book_state, expected.book_state, "{name}");
        }
    }
}

#[test]
fn two_swapped_pushes_are_a_gap() {
    for name in DERIVED {
        let mut whole = Case::run(name, &recording(name));
        let instrument = busiest(name);
        let mut records = recording(name);
        let places = pushes(&records, &instrument);
        let (a, b) = (places[10], places[11]);
        let first = records[a].data.clone();
        records[a].data = std::mem::replace(&mut records[b].data, first);
        let mut case = Case::run(name, &records);
        let report = case.report(&instrument);
        assert_eq!(report.counters.gaps, 1, "{name}");
        assert_eq!(report.book_state, Some(BookState::Resyncing), "{name}");
        the_others_are_unharmed(name, &mut case, &mut whole, &instrument);
    }
}

#[test]
fn what_is_cut_garbage_or_blank_is_refused_and_counted() {
    for name in DERIVED {
        let mut whole = Case::run(name, &recording(name));
        let instrument = busiest(name);
        for spoil in [
            |data: &str| data[..data.len() / 2].to_owned(),
            |data: &str| data[..data.len() - 1].to_owned(),
            |_: &str| "{\u{1}]".to_owned(),
            |_: &str| String::new(),
            |_: &str| "null".to_owned(),
        ] {
            let mut records = recording(name);
            let place = pushes(&records, &instrument)[20];
            records[place].data = spoil(&records[place].data);
            let mut case = Case::run(name, &records);
            assert_eq!(case.replay.refused.len(), 1, "{:?}", case.replay.refused);
            assert_eq!(case.report(&instrument).counters.gaps, 1, "{name}");
            the_others_are_unharmed(name, &mut case, &mut whole, &instrument);
            // A push of trades that is lost costs its trades alone.
            let mut records = recording(name);
            let is_trade = |record: &Record| record.data.contains("tradeId");
            let place = records.iter().position(is_trade).unwrap();
            records[place].data = spoil(&records[place].data);
            let case = Case::run(name, &records);
            assert_eq!(case.replay.refused.len(), 1);
        }
    }
}

#[test]
fn a_lost_connection_makes_books_stale_and_a_snapshot_makes_them_whole() {
    for name in DERIVED.into_iter().chain(CHECKED) {
        let instrument = busiest(name);
        let mut records = recording(name);
        let places = pushes(&records, &instrument);
        let (from, to) = (places[15], places[18]);
        let time = records[from].t_ns;
        let event = |kind: &str| Record {
            kind: kind.to_owned(),
            t_ns: time,
            ..records[from].clone()
        };
        let (closed, opened) = (event("ws_close"), event("ws_open"));
        let lost: Vec<_> = (from..to).map(|place| records[place].clone()).collect();
        records.splice(from..to, [closed.clone(), opened.clone()]);
        let mut case = Case::run(name, &records);
        let report = case.report(&instrument);
        assert_eq!(report.counters.gaps, 0, "{name}");
        if name.contains("derived") {
            assert_eq!(report.book_state, Some(BookState::Resyncing), "{name}");
            assert_eq!(report.counters.resyncs, 1, "{name}");
        }
        // The chain of a book that missed nothing goes on.
        let mut records = recording(name);
        assert_eq!(lost[0].data, records[from].data);
        records.splice(from..from, [closed, opened]);
        let mut case = Case::run(name, &records);
        let report = case.report(&instrument);
        let found = (report.counters.gaps, report.counters.resyncs);
        assert_eq!(found, (0, 0), "{name}");
        assert_eq!(report.book_state, Some(BookState::Synced), "{name}");
        let expected = &oracle(name)[&instrument]["book_updates_applied"];
        assert_eq!(report.counters.updates_applied, *expected, "{name}");
    }
}

#[test]
fn a_trade_that_is_lost_is_counted_and_one_that_comes_late_is_published() {
    let name = "okx_spot.cf-2022-05";
    let is_trade = |record: &Record| record.data.contains("tradeId");
    let mut records = recording(name);
    let place = records.iter().rposition(is_trade).unwrap();
    let trades: Vec<_> = (0..place)
        .filter(|place| is_trade(&records[*place]))
        .collect();
    let lost = records.remove(trades[30]);
    let mut case = Case::run(name, &records);
    let counters = case.report("BTC-USDT").counters;
    assert_eq!((counters.trades, counters.missing_trades), (68, 1));
    records.insert(trades[60], lost);
    let mut case = Case::run(name, &records);
    let counters = case.report("BTC-USDT").counters;
    assert_eq!((counters.trades, counters.missing_trades), (69, 0));
}

/// What is published of the best levels of a book, by instrument and what identifies the update: its id, else its time.
type Books = BTreeMap<(u32, u64), Vec<(Vec<i64>, Vec<i64>)>>;

fn best(case: &Case) -> Books {
    let mut books = Books::new();
    for event in &case.replay.events {
        if let MarketEvent::Book(it) = event {
            // A checksum proves no more than 25 levels.
            let cut = |levels: &[i64]| levels[..levels.len().min(75)].to_vec();
            let key = (it.instrument, it.last_update_id.or(it.time).unwrap());
            let book = (cut(&it.bids), cut(&it.asks));
            books.entry(key).or_default().push(book);
        }
    }
    books
}

fn trades(case: &Case) -> Vec<(u32, u64)> {
    let trades = case.replay.events.iter().filter_map(|event| match event {
        MarketEvent::Trade(it) => Some((it.instrument, it.sequence)),
        _ => None,
    });
    trades.collect()
}

/// Damages one frame in forty: lost, doubled, swapped with the next, cut short, garbage, or the connection gone for a few
/// frames. Also tells how many trades were lost.
fn damaged(records: Vec<Record>, mut seed: u64) -> (Vec<Record>, usize) {
    let mut random = |limit: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) % limit
    };
    let (mut copy, mut held, mut away, mut lost) = (Vec::new(), None, 0, 0);
    for mut record in records {
        let trades = record.data.matches("tradeId").count();
        if away > 0 && record.kind == "ws" {
            (away, lost) = (away - 1, lost + trades);
            if away == 0 {
                record.kind = "ws_open".to_owned();
                copy.push(record);
            }
            continue;
        }
        if record.kind != "ws" || random(40) != 0 {
            copy.push(record);
        } else {
            match random(6) {
                0 => lost += trades,
                1 => copy.extend([record.clone(), record]),
                2 if held.is_none() => {
                    held = Some(record);
                    continue;
                }
                3 => {
                    lost += trades;
                    record
                        .data
                        .truncate(random(record.data.len() as u64) as usize);
                    copy.push(record);
                }
                4 => {
                    lost += trades;
                    record.data = "{\u{1}]".to_owned();
                    copy.push(record);
                }
                _ => {
                    (away, lost) = (1 + random(9), lost + trades);
                    record.kind = "ws_close".to_owned();
                    copy.push(record);
                }
            }
        }
        copy.extend(held.take());
    }
    copy.extend(held);
    (copy, lost)
}

#[test]
fn whatever_is_damaged_no_wrong_book_is_published_and_no_trade_is_lost_or_doubled() {
    for name in DERIVED.into_iter().chain(CHECKED) {
        let whole = Case::run(name, &recording(name));
        let (truth, all_trades) = (best(&whole), trades(&whole));
        let mut compared = 0;
        for seed in 1..7_u64 {
            let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let (copy, lost) = damaged(recording(name), seed);
            let case = Case::run(name, &copy);
            for (key, books) in best(&case) {
                let of_truth = truth.get(&key);
                compared += usize::from(of_truth.is_some());
                for book in &books {
                    let is_true = of_truth.is_none_or(|all| all.contains(book));
                    assert!(is_true, "{name}, seed {seed}: {key:?}");
                }
            }
            let found = trades(&case);
            let mut unique = found.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), found.len(), "{name}, seed {seed}: doubled");
            assert!(unique.iter().all(|trade| all_trades.contains(trade)));
            assert_eq!(
                all_trades.len() - found.len(),
                lost,
                "{name}, seed {seed}: lost"
            );
        }
        // Otherwise the comparison says little.
        assert!(
            compared > truth.len() / 8,
            "{name}: {compared} of {}",
            truth.len()
        );
    }
}
