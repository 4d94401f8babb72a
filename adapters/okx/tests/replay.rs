//! Whole recordings through the adapter, against an independent reference of the exchange's rules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use marketprism_kit::testing::{
    self,
    recording::{Record, oracle, recording},
    reference,
};
use marketprism_kit::wit::{Decimal, MarketEvent, Trade};
use marketprism_okx::Okx;

type Replay = testing::Replay<Okx>;

const RECORDINGS: [&str; 8] = [
    "okx_spot.cf-2021-07-c1",
    "okx_spot.cf-2022-05",
    "okx_spot.derived-seq-2021-07-c1",
    "okx_spot.derived-seq-2022-05",
    "okx_swap.cf-2021-07-c1",
    "okx_swap.cf-2022-05",
    "okx_swap.derived-seq-2021-07-c1",
    "okx_swap.derived-seq-2022-05",
];

/// Runs a recording with the usual settings and more (`,"key":value` ...).
fn run(records: &[Record], name: &str, more: &str, symbols: &[&str]) -> Replay {
    let venue = if name.starts_with("okx_spot") {
        "okx_spot"
    } else {
        "okx_derivatives"
    };
    let settings = format!(r#"{{"exchange":"{venue}"{more}}}"#);
    Replay::run(records, &settings, symbols)
}

fn agrees_with_the_oracle(name: &str, more: &str) -> Replay {
    let records = recording(name);
    let oracle = oracle(name);
    let symbols: Vec<_> = oracle.keys().map(String::as_str).collect();
    let mut replay = run(&records, name, more, &symbols);
    assert_eq!(replay.refused, Vec::<String>::new());
    let reports = replay.report(20);
    assert_eq!(reports.len(), symbols.len());
    for (report, symbol) in reports.iter().zip(&symbols) {
        let expected = &oracle[*symbol];
        reference::agrees(report, expected, symbol);
        let counters = &report.counters;
        assert_eq!(counters.resyncs, 0, "{symbol}");
        let missing = &expected["trade_id_missing"];
        assert_eq!(counters.missing_trades, *missing, "{symbol}");
        let sum = |figure: &dyn Fn(&Trade) -> Option<Decimal>| {
            reference::sum(&replay.events, report.instrument, figure)
        };
        assert_eq!(
            sum(&|trade| Some(trade.quantity)),
            expected["trade_qty_sum"],
            "{symbol}"
        );
        let coins = sum(&|trade| {
            let is_swap = symbol.ends_with("-SWAP");
            assert_eq!(trade.quantity_base.is_some(), is_swap);
            trade.quantity_base.or(Some(trade.quantity))
        });
        // The reference has two digits more of the one inverse trade than a decimal holds.
        let expected_coins = expected["trade_base_qty_sum"].as_str().unwrap();
        if *symbol == "UNI-USD-SWAP" {
            assert_eq!(
                (coins.as_str(), expected_coins),
                ("195.1981260979894593", "195.198126097989459301")
            );
        } else {
            assert_eq!(coins, expected_coins, "{symbol}");
        }
    }
    replay
}

#[test]
fn every_recording_agrees_with_the_reference() {
    for name in RECORDINGS {
        agrees_with_the_oracle(name, "");
    }
}

#[test]
fn publishing_every_change_keeps_the_same_books() {
    for name in RECORDINGS {
        let more = r#","orderbook":{"method":"websocket","deltas":true,"depth_limit":1000}"#;
        let replay = agrees_with_the_oracle(name, more);
        let (mut books, mut changes) = (0, 0);
        for event in &replay.events {
            books += usize::from(matches!(event, MarketEvent::Book(_)));
            changes += usize::from(matches!(event, MarketEvent::BookChange(_)));
        }
        assert_eq!(books, changes);
    }
}

#[test]
fn tickers_are_ignored_and_contracts_are_asked_for_once() {
    let replay = agrees_with_the_oracle("okx_spot.cf-2022-05", "");
    assert_eq!(replay.ignored, 25);
    let replay = agrees_with_the_oracle("okx_swap.cf-2022-05", "");
    let contracts = |address: &&String| address.contains("instruments?instType=SWAP");
    assert_eq!(replay.requests.iter().filter(contracts).count(), 1);
}

#[test]
fn the_same_recording_gives_the_same_events() {
    let name = "okx_swap.derived-seq-2022-05";
    let records = recording(name);
    let events = || {
        let more = r#","data_types":["orderbook","trade","liquidation","funding_rate"]"#;
        run(&records, name, more, &["UNI-USD-SWAP"]).events
    };
    assert_eq!(events(), events());
}
