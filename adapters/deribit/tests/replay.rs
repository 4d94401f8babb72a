//! The whole recording through the adapter, against an independent reference of the exchange's rules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use marketprism_deribit::Deribit;
use marketprism_kit::testing::{
    self,
    recording::{oracle, recording},
    reference,
};
use marketprism_kit::wit::MarketEvent;

type Replay = testing::Replay<Deribit>;

const RECORDING: &str = "deribit.cf-2021-07";

fn agrees_with_the_oracle(settings: &str) -> Replay {
    let oracle = oracle(RECORDING);
    let symbols: Vec<_> = oracle.keys().map(String::as_str).collect();
    let mut replay = Replay::run(&recording(RECORDING), settings, &symbols);
    assert_eq!(replay.refused, Vec::<String>::new());
    let reports = replay.report(20);
    assert_eq!(reports.len(), 10);
    for (report, symbol) in reports.iter().zip(&symbols) {
        reference::agrees(report, &oracle[*symbol], symbol);
        let counters = &report.counters;
        assert_eq!(
            (counters.resyncs, counters.missing_trades),
            (0, 0),
            "{symbol}"
        );
    }
    replay
}

fn books(replay: &Replay) -> usize {
    let is_book = |event: &&MarketEvent| matches!(event, MarketEvent::Book(_));
    replay.events.iter().filter(is_book).count()
}

#[test]
fn ten_options_agree_with_the_reference() {
    let replay = agrees_with_the_oracle(r#"{"data_types":["orderbook","trade"]}"#);
    // Tickers that nobody asked for.
    assert_eq!(replay.ignored, 89);
    // Two of the ten have no bids, and one side alone is no market: 8 books, each at 30 multiples of a second.
    assert_eq!(books(&replay) % 8, 0);
    assert!(books(&replay) / 8 >= 29);
}

#[test]
fn publishing_every_change_keeps_the_same_book() {
    let replay = agrees_with_the_oracle(
        r#"{"data_types":["orderbook"],"orderbook":{"method":"websocket","deltas":true}}"#,
    );
    assert_eq!(books(&replay), 8 + 36);
    let parts = replay
        .events
        .iter()
        .filter(|event| matches!(event, MarketEvent::BookChange(change) if !change.snapshot));
    assert_eq!(parts.count(), 36);
}

#[test]
fn the_changes_of_each_book_chain_from_a_whole_book_on() {
    let settings = r#"{"data_types":["orderbook"],"orderbook":{"deltas":true}}"#;
    let replay = agrees_with_the_oracle(settings);
    let mut last = [None; 10];
    for event in &replay.events {
        if let MarketEvent::BookChange(change) = event {
            let last = &mut last[change.instrument as usize];
            assert!(change.snapshot || *last == Some(change.previous_update_id));
            *last = Some(change.last_update_id);
        }
    }
    assert!(last.iter().all(Option::is_some));
}

#[test]
fn the_same_recording_gives_the_same_events() {
    let records = recording(RECORDING);
    let settings = r#"{"data_types":["orderbook","trade"]}"#;
    let symbols = ["BTC-24SEP21-34000-P", "ETH-23JUL21-2300-C"];
    let run = || Replay::run(&records, settings, &symbols).events;
    assert_eq!(run(), run());
}
