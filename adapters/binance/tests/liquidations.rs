//! Forced orders, of named symbols and of all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_binance::Binance;
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{Action, Event, Liquidation, MarketEvent, Side};
use world::MS;

/// A forced order with what follows the symbol.
fn order(symbol: &str, more: &str) -> String {
    format!(
        r#"{{"e":"forceOrder","E":1760000000455,"o":{{"s":"{symbol}","S":"SELL","o":"LIMIT","f":"IOC",{more},"X":"FILLED","l":"0.014","z":"0.014","T":1760000000452}}}}"#
    )
}

const NUMBERS: &str = r#""q":"0.014","p":"120910.10","ap":"121000.50""#;

/// A started session; `symbols` are those whose forced orders are wanted.
fn session(symbols: &str) -> Driver<Binance> {
    let settings = format!(
        r#"{{"exchange":"binance_derivatives","data_types":["liquidation"],"data_type_settings":{{"liquidation":{{"symbols":{symbols}}}}}}}"#
    );
    let mut driver = Driver::default();
    driver.tell(1, &testing::start(&settings, &["BTCUSDT", "ETHUSDT"]));
    driver
}

fn frame(driver: &mut Driver<Binance>, connection: u32, frame: &str) -> Vec<Action> {
    driver.tell(2, &testing::frame(connection, frame))
}

fn published(actions: &[Action]) -> Vec<Liquidation> {
    let of = actions.iter().filter_map(|action| match action {
        Action::Publish(MarketEvent::Liquidation(it)) => Some(it.clone()),
        _ => None,
    });
    of.collect()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn golden(all_instruments: bool) -> Liquidation {
    Liquidation {
        instrument: 0,
        sequence: 1_760_000_000_452,
        time: 1_760_000_000_452 * MS,
        id: "binance_1760000000452_BTCUSDT_sell_120910.10_0.014_0".to_owned(),
        side: Side::Sell,
        status: "filled".to_owned(),
        price: "121000.50".to_owned(),
        quantity: "0.014".to_owned(),
        filled_quantity: text("0.014"),
        notional_value: text("1694.00700"),
        average_price: text("121000.50"),
        bankruptcy_price: text("121000.50"),
        quantity_base: None,
        all_instruments,
    }
}

#[test]
fn named_symbols_have_a_stream_each_on_the_path_that_carries_it() {
    let mut driver = session(r#"["BTC-USDT","BTC-USDT-SWAP","SOLUSDT"]"#);
    let told = driver.told(2, &Event::Opened(0));
    assert_eq!(
        told,
        "send 0 {\"method\":\"SUBSCRIBE\",\"params\":[\"btcusdt@forceOrder\"],\"id\":0}\n"
    );
    let start = testing::start(
        r#"{"exchange":"binance_derivatives","data_types":["liquidation"]}"#,
        &["BTCUSDT"],
    );
    let mut driver = Driver::<Binance>::default();
    let told = driver.told(1, &start);
    assert!(
        told.contains("connect 0 wss://fstream.binance.com/market/stream\n"),
        "{told}"
    );
    let told = driver.told(2, &Event::Opened(0));
    assert!(told.contains("\"params\":[\"!forceOrder@arr\"]"), "{told}");
}

#[test]
fn a_forced_order_is_published_with_its_numbers() {
    let event = order("BTCUSDT", NUMBERS);
    for wrapped in [
        event.clone(),
        format!(r#"{{"stream":"btcusdt@forceOrder","data":{event}}}"#),
        format!(r#"{{"stream":"!forceOrder@arr","data":{event}}}"#),
        format!(r#"{{"stream":"!forceOrder@arr","data":[{event}]}}"#),
    ] {
        for (symbols, all) in [("[]", true), ("null", true), (r#"["BTCUSDT"]"#, false)] {
            let actions = frame(&mut session(symbols), 0, &wrapped);
            assert_eq!(published(&actions), [golden(all)], "{wrapped}");
        }
    }
}

#[test]
fn a_price_of_nothing_is_no_average_price() {
    for average in [r#""""#, r#""0""#, r#""0.00""#, "0", "null"] {
        let numbers = format!(r#""q":"2","p":"10.5","ap":{average}"#);
        let actions = frame(&mut session("[]"), 0, &order("BTCUSDT", &numbers));
        let all = published(&actions);
        assert_eq!(
            (all[0].price.as_str(), &all[0].average_price),
            ("10.5", &None)
        );
        assert_eq!(all[0].notional_value, text("21.0"));
    }
}

#[test]
fn symbols_that_are_not_named_are_left_out_and_those_of_all_are_named_when_they_come() {
    let event = order("ETHUSDT", NUMBERS);
    let told = session(r#"["BTCUSDT"]"#).told(2, &testing::frame(0, event.as_str()));
    assert_eq!(told, "ignored\n");
    let mut driver = session("[]");
    let told = driver.told(2, &testing::frame(0, order("1000SHIBUSDC", NUMBERS)));
    assert!(
        told.starts_with("declare 2 1000SHIBUSDC binance MarketType::Perpetual 1000SHIB-USDC\n"),
        "{told}"
    );
    let told = driver.told(
        2,
        &testing::frame(0, order("1000SHIBUSDC", r#""q":"1","p":"1""#)),
    );
    assert!(
        !told.contains("declare") && told.contains("instrument: 2"),
        "{told}"
    );
    // A symbol that is configured later keeps its number.
    let told = driver.told(3, &Event::SymbolsChanged(vec!["1000SHIBUSDC".to_owned()]));
    assert!(!told.contains("declare"), "{told}");
    assert!(
        driver
            .told(4, &Event::ReportWanted(1))
            .starts_with("report 2 ")
    );
}

#[test]
fn what_comes_through_two_connections_is_published_once_and_equal_ones_of_one_frame_each() {
    let mut driver = session("[]");
    let event = order("BTCUSDT", NUMBERS);
    let twice = format!(r#"{{"stream":"!forceOrder@arr","data":[{event},{event}]}}"#);
    let all = published(&frame(&mut driver, 0, &twice));
    let ids: Vec<_> = all
        .iter()
        .map(|it| it.id.rsplit_once('_').unwrap().1)
        .collect();
    assert_eq!(ids, ["0", "1"]);
    assert!(frame(&mut driver, 1, &twice).is_empty());
    assert!(frame(&mut driver, 1, &event).is_empty());
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let event = order("BTCUSDT", NUMBERS);
    let streamed = format!(r#"{{"stream":"ethusdt@forceOrder","data":{event}}}"#);
    for (bad, rule) in [
        (event.replace("SELL", "HOLD"), "wrong shape"),
        (event.replace("FILLED", "<b>"), "wrong shape"),
        (event.replace(r#""q":"0.014","#, ""), "wrong shape"),
        (event.replace("0.014", "x"), "not a number"),
        (event.replace("0.014", "-0.014"), "negative number"),
        (event.replace("121000.50", "[]"), "not a number"),
        (
            event.replace("1760000000452", "99999999999999999"),
            "number out of range",
        ),
        (event.replace("BTCUSDT", "A B"), "wrong symbol"),
        (streamed, "wrong symbol"),
        (r#"{"stream":"!forceOrder@arr"}"#.to_owned(), "wrong shape"),
        (
            r#"{"stream":"!forceOrder@arr","data":7}"#.to_owned(),
            "wrong shape",
        ),
        (
            r#"{"stream":"!forceOrder@arr","data":[7]}"#.to_owned(),
            "wrong shape",
        ),
    ] {
        let told = session("[]").told(2, &testing::frame(0, bad.as_str()));
        assert_eq!(told, format!("refused {rule}\n"), "{bad}");
    }
}

#[test]
fn more_symbols_than_can_be_are_not_kept() {
    let mut driver = session("[]");
    let mut refused = 0;
    for n in 0..4_000 {
        let told = driver.told(2, &testing::frame(0, order(&format!("X{n}USDT"), NUMBERS)));
        refused += told.matches("refused too many instruments").count();
    }
    assert_eq!(refused, 4_000 - 2_998);
}
