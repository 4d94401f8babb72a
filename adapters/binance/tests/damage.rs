//! Damaged copies of the recordings: what is lost, doubled, swapped or spoiled on the way never makes a wrong book, and
//! costs nobody else anything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::{BTreeMap, BTreeSet};

use marketprism_binance::Binance;
use marketprism_kit::testing::recording::{Record, recording};
use marketprism_kit::testing::{self, random::Random};
use marketprism_kit::wit::{BookState, MarketEvent, Trade};

type Replay = testing::Replay<Binance>;

/// A recording with the settings and symbols that it was made with.
struct Case {
    name: &'static str,
    settings: &'static str,
    symbols: &'static [&'static str],
}

const CASES: [Case; 4] = [
    Case {
        name: "binance_spot.cf-2021-10",
        settings: r#"{"trade_stream":"aggTrade","orderbook":{"method":"websocket","deltas":true}}"#,
        symbols: &["NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"],
    },
    Case {
        name: "binance_spot.hft-btc-120s",
        settings: r#"{"orderbook":{"method":"websocket","nats_publish_depth":50}}"#,
        symbols: &["BTCUSDT"],
    },
    Case {
        name: "binance_usdm.cf-2021-07",
        settings: r#"{"exchange":"binance_derivatives","orderbook":{"method":"websocket","deltas":true}}"#,
        symbols: &["SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT"],
    },
    Case {
        name: "binance_usdm.hft-btc-120s",
        settings: r#"{"exchange":"binance_derivatives","trade_stream":"trade","orderbook":{"method":"websocket","nats_publish_depth":50}}"#,
        symbols: &["BTCUSDT"],
    },
];

/// What a replay published, by instrument.
#[derive(Default)]
struct Published {
    /// Bids and asks by update id.
    books: BTreeMap<(u32, u64), (Vec<i64>, Vec<i64>)>,
    trades: BTreeMap<(u32, u64), Trade>,
    refused: usize,
}

/// Runs a copy and holds what every replay must keep to.
fn run(case: &Case, records: &[Record]) -> Published {
    let replay = Replay::run(records, case.settings, case.symbols);
    let mut published = Published {
        refused: replay.refused.len(),
        ..Published::default()
    };
    let mut synced = BTreeSet::new();
    let mut ids = BTreeMap::new();
    for event in replay.events {
        match event {
            MarketEvent::BookStatus(it) if it.state == BookState::Synced => {
                synced.insert(it.instrument);
            }
            MarketEvent::BookStatus(it) => drop(synced.remove(&it.instrument)),
            MarketEvent::Book(it) => {
                let id = it.last_update_id.unwrap();
                assert!(synced.contains(&it.instrument), "a book that is not synced");
                let before = ids.insert(it.instrument, id).unwrap_or(0);
                assert!(before <= id, "{before} before {id}");
                published
                    .books
                    .insert((it.instrument, id), (it.bids, it.asks));
            }
            MarketEvent::BookChange(it) => assert!(synced.contains(&it.instrument)),
            MarketEvent::Trade(it) => {
                let key = (it.instrument, it.sequence);
                assert!(published.trades.insert(key, it).is_none(), "{key:?} twice");
            }
            _ => {}
        }
    }
    published
}

/// Whatever of a damaged copy was published is as it was in the whole recording.
fn is_true(found: &Published, truth: &Published, about: &str) {
    for (key, (bids, asks)) in &found.books {
        if let Some((true_bids, true_asks)) = truth.books.get(key) {
            for (side, true_side) in [(bids, true_bids), (asks, true_asks)] {
                let levels = side.len().min(true_side.len());
                assert_eq!(side[..levels], true_side[..levels], "{about}: {key:?}");
            }
        }
    }
    for (key, trade) in &found.trades {
        assert_eq!(truth.trades.get(key), Some(trade), "{about}: {key:?}");
    }
}

fn is_frame(record: &Record) -> bool {
    record.kind == "ws"
}

fn of(text: &str, like: &Record) -> Record {
    Record {
        data: text.to_owned(),
        ..like.clone()
    }
}

#[test]
fn doubled_frames_change_nothing() {
    for case in &CASES {
        let records = recording(case.name);
        let doubled = records.iter().flat_map(|record| {
            let times = if is_frame(record) { 2 } else { 1 };
            std::iter::repeat_n(record.clone(), times)
        });
        let whole = Replay::run(&records, case.settings, case.symbols);
        let found = Replay::run(&doubled.collect::<Vec<_>>(), case.settings, case.symbols);
        assert!(found.events == whole.events, "{}", case.name);
        assert!(found.refused.is_empty());
    }
}

#[test]
fn bad_frames_are_refused_and_counted_and_harm_nothing() {
    const BAD: [&str; 6] = [
        "",
        "\u{0}\u{1}\u{2}garbage",
        "{}",
        "[1,2,3]",
        r#"{"stream":"#,
        r#"{"e":"#,
    ];
    for case in &CASES {
        let records = recording(case.name);
        let mut with_bad = Vec::new();
        for (at, record) in records.iter().enumerate() {
            if at % 50 == 7 {
                let bad = Record {
                    kind: "ws".to_owned(),
                    ..of(BAD[at / 50 % BAD.len()], record)
                };
                with_bad.push(bad);
            }
            with_bad.push(record.clone());
        }
        let whole = Replay::run(&records, case.settings, case.symbols);
        let found = Replay::run(&with_bad, case.settings, case.symbols);
        assert!(found.events == whole.events, "{}", case.name);
        assert_eq!(found.refused.len(), with_bad.len() - records.len());
    }
}

#[test]
fn frames_lost_swapped_cut_short_and_spoiled_never_make_a_wrong_book() {
    for case in &CASES {
        let records = recording(case.name);
        let truth = run(case, &records);
        for seed in 1..=6_u64 {
            let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let one_in = [2_000, 500, 200, 100, 50, 20][seed as usize - 1];
            let (mut copy, mut spoiled): (Vec<Record>, usize) = (Vec::new(), 0);
            let mut lost = BTreeSet::new();
            for record in &records {
                if !is_frame(record) || random.below(one_in) != 0 {
                    copy.push(record.clone());
                    continue;
                }
                match random.below(6) {
                    0 => drop(lost.insert(record.data.clone())),
                    1 => copy.extend([record.clone(), record.clone()]),
                    2 => {
                        let at = copy.len().saturating_sub(1);
                        copy.insert(at, record.clone());
                    }
                    3 => {
                        let cut = 1 + random.below(record.data.len() - 1);
                        copy.push(of(&record.data[..cut], record));
                        spoiled += 1;
                        lost.insert(record.data.clone());
                    }
                    4 => {
                        copy.push(of("", record));
                        spoiled += 1;
                        lost.insert(record.data.clone());
                    }
                    _ => {
                        copy.extend(["ws_close", "ws_open"].map(|kind| Record {
                            kind: kind.to_owned(),
                            ..record.clone()
                        }));
                        lost.insert(record.data.clone());
                    }
                }
            }
            let about = format!("{}, copy {seed}", case.name);
            let found = run(case, &copy);
            is_true(&found, &truth, &about);
            assert_eq!(found.refused, spoiled, "{about}");
            let missing = truth.trades.len() - found.trades.len();
            let lost_trades = lost.iter().filter(|data| data.contains("rade\","));
            assert!(missing <= lost_trades.count(), "{about}: {missing}");
        }
    }
}

#[test]
fn damage_to_one_symbol_is_no_other_symbols_business() {
    for case in CASES.iter().filter(|case| case.symbols.len() > 1) {
        let records = recording(case.name);
        let truth = run(case, &records);
        let stream = format!("{}@", case.symbols[0].to_lowercase());
        let mut frames = 0;
        let without = records.iter().filter(|record| {
            frames += usize::from(is_frame(record) && record.data.contains(&stream));
            !(is_frame(record) && record.data.contains(&stream) && frames % 7 == 0)
        });
        let found = run(case, &without.cloned().collect::<Vec<_>>());
        is_true(&found, &truth, case.name);
        let others = |all: &Published| {
            let books = all
                .books
                .iter()
                .filter(|((instrument, _), _)| *instrument != 0);
            let trades = all
                .trades
                .iter()
                .filter(|((instrument, _), _)| *instrument != 0);
            (
                books
                    .map(|(key, book)| (*key, book.clone()))
                    .collect::<Vec<_>>(),
                trades.map(|(key, _)| *key).collect::<Vec<_>>(),
            )
        };
        assert!(others(&found) == others(&truth), "{}", case.name);
        assert!(found.books.len() < truth.books.len());
    }
}
