//! Whole recordings through the adapter, against an independent reference of the exchange's rules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use marketprism_binance::Binance;
use marketprism_kit::testing::{
    self,
    recording::{oracle, recording},
    reference,
};
use marketprism_kit::wit::MarketEvent;

type Replay = testing::Replay<Binance>;

fn agrees_with_the_oracle(name: &str, settings: &str, symbols: &[&str]) -> Replay {
    let records = recording(name);
    let oracle = oracle(name);
    let mut replay = Replay::run(&records, settings, symbols);
    assert_eq!(replay.refused, Vec::<String>::new());
    let reports = replay.report(20);
    assert_eq!(reports.len(), symbols.len());
    for (report, symbol) in reports.iter().zip(symbols) {
        let expected = &oracle[*symbol];
        reference::agrees(report, expected, symbol);
        assert_eq!(
            reference::sum(&replay.events, report.instrument, |it| Some(it.quantity)),
            expected["trade_qty_sum"],
            "{symbol}"
        );
        assert_eq!(report.counters.missing_trades, 0, "{symbol}");
    }
    replay
}

/// Requests for anything but the exchange's clock, which is in no recording.
fn requests(replay: &Replay) -> usize {
    let is_time = |address: &&String| address.ends_with("/time");
    replay.requests.len() - replay.requests.iter().filter(is_time).count()
}

#[test]
fn four_symbols_of_2021_agree_with_the_reference() {
    let symbols = ["NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"];
    let replay = agrees_with_the_oracle(
        "binance_spot.cf-2021-10",
        r#"{"trade_stream":"aggTrade"}"#,
        &symbols,
    );
    assert_eq!(replay.ignored, 86);
    assert_eq!(requests(&replay), 4);
}

#[test]
fn two_minutes_of_bitcoin_agree_with_the_reference() {
    let replay = agrees_with_the_oracle("binance_spot.hft-btc-120s", "{}", &["BTCUSDT"]);
    assert_eq!(replay.ignored, 9_985);
    let books = replay
        .events
        .iter()
        .filter(|event| matches!(event, MarketEvent::Book(_)))
        .count();
    assert_eq!(books, 119);
}

#[test]
fn publishing_every_change_keeps_the_same_book() {
    let settings = r#"{"orderbook":{"method":"websocket","deltas":true}}"#;
    let replay = agrees_with_the_oracle("binance_spot.hft-btc-120s", settings, &["BTCUSDT"]);
    let books = replay
        .events
        .iter()
        .filter(|event| matches!(event, MarketEvent::Book(_)))
        .count();
    assert_eq!(books, 1_195);
}

#[test]
fn the_same_recording_gives_the_same_events() {
    let records = recording("binance_spot.cf-2021-10");
    let run = || Replay::run(&records, "{}", &["NKNUSDT", "BLZETH"]).events;
    assert_eq!(run(), run());
}

#[test]
fn four_swaps_of_2021_agree_with_the_reference() {
    let symbols = ["SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT"];
    let settings = r#"{"exchange":"binance_derivatives"}"#;
    let replay = agrees_with_the_oracle("binance_usdm.cf-2021-07", settings, &symbols);
    assert_eq!(replay.ignored, 613 + 67);
    assert_eq!(requests(&replay), 4);
}

#[test]
fn two_minutes_of_the_bitcoin_swap_agree_with_the_reference() {
    let settings = r#"{"exchange":"binance_derivatives","trade_stream":"trade"}"#;
    let replay = agrees_with_the_oracle("binance_usdm.hft-btc-120s", settings, &["BTCUSDT"]);
    assert_eq!(replay.ignored, 22_435);
}

#[test]
fn publishing_every_change_of_a_swap_keeps_the_same_book() {
    let settings = r#"{"exchange":"binance_derivatives","trade_stream":"trade","orderbook":{"method":"websocket","deltas":true}}"#;
    agrees_with_the_oracle("binance_usdm.hft-btc-120s", settings, &["BTCUSDT"]);
}
