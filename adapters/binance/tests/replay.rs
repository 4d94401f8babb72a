//! Whole recordings through the adapter, against an independent reference of the exchange's rules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use marketprism_kit::wit::{Action, BookState, Decimal, Event, MarketEvent, unpack};
use serde_json::Value;
use support::{Replay, captures, recording};

fn oracle(venue: &str, session: &str) -> Value {
    let path = captures().join(format!("oracle/{venue}.{session}.json"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str::<Value>(&text).unwrap()["sessions"][session]["symbols"].clone()
}

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

fn quantity_sum(replay: &Replay, instrument: u32) -> String {
    let quantities = replay.events.iter().filter_map(|event| match event {
        MarketEvent::Trade(trade) if trade.instrument == instrument => Some(trade.quantity),
        _ => None,
    });
    let sum = quantities
        .fold(Decimal::of(0, 0), |sum, quantity| {
            sum.checked_add(quantity).unwrap()
        })
        .to_string();
    if sum.contains('.') {
        sum.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        sum
    }
}

fn agrees_with_the_oracle(name: &str, settings: &str, symbols: &[&str]) -> Replay {
    let records = recording(name);
    let (venue, session) = name.split_once('.').unwrap();
    let oracle = oracle(venue, session);
    let mut replay = Replay::run(&records, settings, symbols);
    assert_eq!(replay.refused, Vec::<String>::new());
    let now = replay.now;
    let actions = replay.driver.tell(now, &Event::ReportWanted(20));
    let [Action::Report(reports)] = actions.as_slice() else {
        panic!("no report")
    };
    assert_eq!(reports.len(), symbols.len());
    for (report, symbol) in reports.iter().zip(symbols) {
        let expected = &oracle[*symbol];
        assert_eq!(report.counters.trades, expected["trades"], "{symbol}");
        assert_eq!(
            quantity_sum(&replay, report.instrument),
            expected["trade_qty_sum"],
            "{symbol}"
        );
        assert_eq!(
            report.counters.updates_applied, expected["book_updates_applied"],
            "{symbol}"
        );
        assert_eq!(report.counters.gaps, expected["gaps"], "{symbol}");
        assert_eq!(report.counters.missing_trades, 0, "{symbol}");
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
        assert_eq!(
            (report.bid_levels, report.ask_levels),
            (count(&book["n_bids"]), count(&book["n_asks"])),
            "{symbol}"
        );
    }
    replay
}

fn count(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
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
    assert_eq!(replay.requests, 4);
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
    assert_eq!(replay.requests, 4);
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
