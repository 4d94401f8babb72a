//! What the adapter calls instruments, against what the exchange says of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeMap;

use marketprism_binance::Binance;
use marketprism_kit::testing::recording::{recording, text};
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{Action, MarketType};
use serde_json::Value;

/// The names that a session of the venue declares for these symbols.
fn declared(venue: &str, symbols: &[&str]) -> BTreeMap<String, (String, MarketType)> {
    let settings = format!(r#"{{"exchange":"{venue}","data_types":["trade"]}}"#);
    let mut driver = Driver::<Binance>::default();
    let actions = driver.tell(1, &testing::start(&settings, symbols));
    let declared = actions.into_iter().filter_map(|action| match action {
        Action::Declare(it) => {
            assert_eq!(it.exchange, "binance");
            Some((it.exchange_symbol, (it.symbol, it.market_type)))
        }
        _ => None,
    });
    declared.collect()
}

/// Compares every symbol of an `exchangeInfo` answer, which says what its base and quote currencies are.
fn agrees(venue: &str, market_type: MarketType, answer: &Value) -> usize {
    let all = answer["symbols"].as_array().unwrap();
    let symbols: Vec<_> = all
        .iter()
        .map(|it| it["symbol"].as_str().unwrap())
        .collect();
    let names = declared(venue, &symbols);
    assert_eq!(names.len(), symbols.len());
    for it in all {
        let part = |key: &str| it[key].as_str().unwrap();
        let mut expected = format!("{}-{}", part("baseAsset"), part("quoteAsset"));
        if let Some((_, delivery)) = part("symbol").split_once('_') {
            expected = format!("{expected}-{delivery}");
        }
        assert_eq!(names[part("symbol")], (expected, market_type));
    }
    symbols.len()
}

fn recorded(name: &str) -> Value {
    let records = recording(name);
    let answer = records
        .iter()
        .find(|record| record.url.ends_with("/exchangeInfo"));
    serde_json::from_str(&answer.unwrap().data).unwrap()
}

#[test]
fn every_symbol_of_spot_is_named_as_the_exchange_says() {
    let answer = recorded("binance_spot.cf-2021-10");
    assert_eq!(agrees("binance_spot", MarketType::Spot, &answer), 1_695);
    for name in [
        "nt_http_spot_market_exchange_info.json",
        "nt_spot_http_json_exchange_info_response.json",
    ] {
        let answer =
            serde_json::from_str(&text(&format!("captures/samples/binance_spot/{name}"))).unwrap();
        assert!(agrees("binance_spot", MarketType::Spot, &answer) > 0);
    }
}

#[test]
fn every_symbol_of_usd_m_is_named_as_the_exchange_says() {
    let answer = recorded("binance_usdm.cf-2021-07");
    let venue = "binance_derivatives";
    assert_eq!(agrees(venue, MarketType::Perpetual, &answer), 122);
    let answer = text("captures/samples/binance_usdm/nt_http_futures_market_exchange_info.json");
    let answer = serde_json::from_str(&answer).unwrap();
    assert!(agrees(venue, MarketType::Perpetual, &answer) > 0);
}

#[test]
fn what_is_delivered_on_a_day_carries_the_day_in_its_name() {
    let names = declared(
        "binance_derivatives",
        &["BTCUSDT_210924", "ETHBTC", "1000SHIBUSDC"],
    );
    assert_eq!(names["BTCUSDT_210924"].0, "BTC-USDT-210924");
    assert_eq!(names["ETHBTC"].0, "ETH-BTC");
    assert_eq!(names["1000SHIBUSDC"].0, "1000SHIB-USDC");
    assert_eq!(
        declared("binance_spot", &["BTCFDUSD"])["BTCFDUSD"].0,
        "BTC-FDUSD"
    );
}
