//! Names and markets of every instrument in the recorded lists.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use marketprism_deribit::Deribit;
use marketprism_deribit::names::{Symbol, listed_under, market_type, symbol};
use marketprism_kit::testing::{self, Driver, recording};
use marketprism_kit::wit::{Action, MarketType};
use serde_json::Value;

/// Each list: the currency that it was asked for, and its instruments.
fn lists() -> Vec<(String, Vec<Value>)> {
    let answers = recording::recording("deribit.cf-2021-07")
        .into_iter()
        .filter(|it| it.kind == "http");
    let lists: Vec<_> = answers
        .map(|record| {
            let (_, query) = record.url.split_once("currency=").unwrap();
            let currency = query.split('&').next().unwrap().to_owned();
            let answer: Value = serde_json::from_str(&record.data).unwrap();
            (currency, answer["result"].as_array().unwrap().clone())
        })
        .collect();
    assert_eq!(lists.len(), 2);
    lists
}

#[test]
fn every_listed_instrument_has_the_market_that_the_list_says() {
    let mut counts = [0; 2];
    for (currency, list) in lists() {
        for instrument in list {
            let name = instrument["instrument_name"].as_str().unwrap();
            let (market, at) = match instrument["kind"].as_str().unwrap() {
                "option" => (MarketType::Options, 0),
                "future" => (MarketType::Perpetual, 1),
                other => panic!("{other}"),
            };
            counts[at] += 1;
            assert_eq!(market_type(name), market, "{name}");
            assert_eq!(listed_under(name), currency, "{name}");
            assert_eq!(symbol(name), Some((name.to_owned(), Symbol::Instrument)));
        }
    }
    assert_eq!(counts, [808, 16]);
}

#[test]
fn every_listed_instrument_is_declared_under_its_own_name() {
    let lists = lists();
    let all = lists.iter().flat_map(|(_, list)| list);
    let names: Vec<_> = all
        .map(|it| it["instrument_name"].as_str().unwrap())
        .collect();
    let mut driver = Driver::<Deribit>::default();
    let start = testing::start(r#"{"data_types":["trade"]}"#, &names);
    let mut declared = 0;
    for action in driver.tell(1, &start) {
        if let Action::Declare(it) = action {
            assert_eq!(
                (it.exchange_symbol.as_str(), it.symbol.as_str()),
                (names[declared], names[declared])
            );
            assert_eq!(it.exchange, "deribit");
            declared += 1;
        }
    }
    assert_eq!(declared, names.len());
}
