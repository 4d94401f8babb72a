//! Whole recordings through the adapter, against an independent reference of the exchange's rules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use marketprism_kit::wit::{BookState, Decimal, MarketEvent, Trade, unpack};
use serde_json::Value;
use support::{Replay, oracle, recording, venue};

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

fn levels(side: &[i64]) -> Value {
    let text = |mantissa, scale| Value::from(Decimal::of(mantissa, scale).to_string());
    unpack(side)
        .iter()
        .map(|level| {
            vec![
                text(level.price, level.price_scale),
                text(level.quantity, level.quantity_scale),
            ]
        })
        .collect()
}

/// The exact sum of one figure of an instrument's trades, without zeros at its end.
fn sum(replay: &Replay, instrument: u32, figure: impl Fn(&Trade) -> Option<Decimal>) -> String {
    let trades = replay.events.iter().filter_map(|(_, event)| match event {
        MarketEvent::Trade(trade) if trade.instrument == instrument => figure(trade),
        _ => None,
    });
    let sum = trades.fold(Decimal::of(0, 0), |sum, figure| {
        sum.checked_add(figure).unwrap()
    });
    let sum = sum.to_string();
    if sum.contains('.') {
        sum.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        sum
    }
}

fn agrees_with_the_oracle(name: &str, more: &str) -> Replay {
    let records = recording(name);
    let oracle = oracle(name);
    let symbols: Vec<_> = oracle.keys().map(String::as_str).collect();
    let mut replay = Replay::run(&records, venue(name), more, &symbols);
    assert_eq!(replay.refused, Vec::<String>::new());
    let reports = replay.report(20);
    assert_eq!(reports.len(), symbols.len());
    for (report, symbol) in reports.iter().zip(&symbols) {
        let expected = &oracle[*symbol];
        let counters = &report.counters;
        assert_eq!(counters.trades, expected["trades"], "{symbol}");
        let missing = &expected["trade_id_missing"];
        assert_eq!(counters.missing_trades, *missing, "{symbol}");
        assert_eq!(
            sum(&replay, report.instrument, |trade| Some(trade.quantity)),
            expected["trade_qty_sum"],
            "{symbol}"
        );
        let coins = sum(&replay, report.instrument, |trade| {
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
        assert_eq!(
            counters.updates_applied, expected["book_updates_applied"],
            "{symbol}"
        );
        assert_eq!(counters.gaps, expected["gaps"], "{symbol}");
        assert_eq!(counters.resyncs, 0, "{symbol}");
        assert_eq!(report.book_state, Some(BookState::Synced), "{symbol}");
        assert_eq!(
            Value::from(report.last_update_id),
            expected["last_update_id"],
            "{symbol}"
        );
        let book = &expected["final_book"];
        assert_eq!(
            (levels(&report.bids), levels(&report.asks)),
            (book["bids"].clone(), book["asks"].clone()),
            "{symbol}"
        );
        let count = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        assert_eq!(
            (report.bid_levels, report.ask_levels),
            (count(&book["n_bids"]), count(&book["n_asks"])),
            "{symbol}"
        );
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
        for (_, event) in &replay.events {
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
    let records = recording("okx_swap.derived-seq-2022-05");
    let run = || {
        let more = r#","data_types":["orderbook","trade","liquidation","funding_rate"]"#;
        Replay::run(&records, "okx_derivatives", more, &["UNI-USD-SWAP"]).events
    };
    assert_eq!(run(), run());
}
