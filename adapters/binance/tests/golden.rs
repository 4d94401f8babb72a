//! The raw messages behind the old collector's documents give the numbers that it published, where it was right.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_binance::Binance;
use marketprism_kit::testing::{self, Driver, recording};
use marketprism_kit::wit::{Action, Event, MarketEvent, Side};
use serde_json::Value;
use world::SECOND;

const START: u64 = 1_760_000_000 * SECOND;

fn read(name: &str, part: &str) -> String {
    recording::text(&format!("marketprism/golden/{name}.{part}.json"))
}

/// The raw input of a golden document.
fn raw(name: &str) -> Value {
    serde_json::from_str::<Value>(&read(name, "in")).unwrap()["raw"].clone()
}

/// The payloads that the old collector made of it.
fn old(name: &str) -> Vec<Value> {
    let text = read(name, "out");
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["payload"].clone())
        .collect()
}

fn session(venue: &str, more: &str) -> Driver<Binance> {
    let mut driver = Driver::default();
    let settings = format!(r#"{{"exchange":"{venue}"{more}}}"#);
    driver.tell(START, &testing::start(&settings, &["BTCUSDT", "ETHUSDT"]));
    driver.tell(START, &Event::Opened(0));
    driver
}

fn frame(driver: &mut Driver<Binance>, frame: &Value) -> Vec<MarketEvent> {
    events(driver.tell(START, &testing::frame(0, frame.to_string())))
}

fn events(actions: Vec<Action>) -> Vec<MarketEvent> {
    let of = actions.into_iter().filter_map(|action| match action {
        Action::Publish(event) => Some(event),
        _ => None,
    });
    of.collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[test]
fn trades() {
    for (name, venue) in [
        ("binance_spot_trade", "binance_spot"),
        ("binance_derivatives_trade", "binance_derivatives"),
    ] {
        let published = frame(&mut session(venue, ""), &raw(name));
        let [MarketEvent::Trade(it)] = published.as_slice() else {
            panic!("{name}: {published:?}")
        };
        let old = &old(name)[0];
        assert_eq!(it.sequence.to_string(), old["trade_id"].as_str().unwrap());
        assert_eq!(it.price.to_string(), old["price"].as_str().unwrap());
        assert_eq!(it.quantity.to_string(), old["quantity"].as_str().unwrap());
        assert_eq!(it.time / 1_000_000, old["trade_ts_ms"].as_u64().unwrap());
        assert_eq!(it.side == Side::Sell, old["side"] == "sell");
    }
}

#[test]
fn trades_that_the_old_collector_dropped_are_published() {
    let mut driver = session("binance_spot", "");
    let trades = raw("binance_spot_trade_dedup");
    let published: Vec<_> = trades
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|it| frame(&mut driver, it))
        .collect();
    assert_eq!(published.len(), 3);
}

#[test]
fn books() {
    for (name, venue) in [
        ("binance_spot_orderbook_incremental", "binance_spot"),
        (
            "binance_derivatives_orderbook_incremental",
            "binance_derivatives",
        ),
    ] {
        let raw = raw(name);
        let mut driver = session(venue, r#","orderbook":{"method":"websocket"}"#);
        let events_raw = raw["events"].as_array().unwrap();
        let mut published = Vec::new();
        for (at, event) in events_raw.iter().enumerate() {
            published.extend(frame(&mut driver, event));
            if at == 0 {
                let answer = testing::answer(0, 200, raw["snapshot"].to_string());
                published.extend(events(driver.tell(START, &answer)));
            }
        }
        let books = published.iter().filter_map(|event| match event {
            MarketEvent::Book(it) => Some(it),
            _ => None,
        });
        let books: Vec<_> = books
            .filter(|it| it.last_update_id != Some(1_000))
            .collect();
        let old = old(name);
        assert_eq!(books.len(), old.len(), "{name}");
        for (it, old) in books.iter().zip(&old) {
            assert_eq!(Value::from(it.last_update_id), old["last_update_id"]);
            for (side, key) in [(&it.bids, "bids"), (&it.asks, "asks")] {
                let levels: Vec<_> = marketprism_kit::wit::unpack(side)
                    .iter()
                    .map(testing::level)
                    .collect();
                let text = |level: &Value, key: &str| {
                    level[key].as_str().unwrap().replace("1E-8", "0.00000001")
                };
                let expected = old[key].as_array().unwrap().iter();
                let expected =
                    expected.map(|it| format!("{}x{}", text(it, "price"), text(it, "quantity")));
                assert_eq!(levels, expected.collect::<Vec<_>>(), "{name}");
            }
        }
    }
}

#[test]
fn depth_snapshots() {
    for (name, venue) in [
        ("binance_spot_orderbook_snapshot", "binance_spot"),
        (
            "binance_derivatives_orderbook_snapshot",
            "binance_derivatives",
        ),
    ] {
        let mut raw = raw(name);
        if let Some(result) = raw.get("result") {
            raw = result.clone();
        }
        let id = raw["lastUpdateId"].as_u64().unwrap();
        let mut driver = session(venue, "");
        let update = serde_json::json!({"e": "depthUpdate", "E": 1, "T": 1, "s": "BTCUSDT", "U": id, "u": id, "pu": id - 1, "b": [], "a": []});
        frame(&mut driver, &update);
        driver.tell(START, &testing::answer(0, 200, raw.to_string()));
        let published = events(driver.tell(START + SECOND, &Event::Alarm(0)));
        let [MarketEvent::Book(it)] = published.as_slice() else {
            panic!("{name}: {published:?}")
        };
        let old = &old(name)[0];
        assert_eq!(Value::from(it.last_update_id), old["last_update_id"]);
        for (side, key) in [(&it.bids, "bids"), (&it.asks, "asks")] {
            let levels: Vec<_> = marketprism_kit::wit::unpack(side)
                .iter()
                .map(testing::level)
                .collect();
            let expected = old[key].as_array().unwrap().iter();
            let text = |level: &Value, at: usize| {
                level[at].as_str().unwrap().replace("1E-8", "0.00000001")
            };
            let expected = expected.map(|it| format!("{}x{}", text(it, 0), text(it, 1)));
            assert_eq!(levels, expected.collect::<Vec<_>>(), "{name}");
        }
    }
}

/// The only event that an answer brings in a session of one data type.
fn answered(data_type: &str, answers: &[Value]) -> MarketEvent {
    let more = format!(r#","data_types":["{data_type}"]"#);
    let mut driver = Driver::<Binance>::default();
    let settings = format!(r#"{{"exchange":"binance_derivatives"{more}}}"#);
    let mut told = driver.tell(START, &testing::start(&settings, &["BTCUSDT"]));
    told.extend(driver.tell(START + 60 * SECOND, &Event::Alarm(7)));
    let mut answers = answers.iter();
    let mut published = Vec::new();
    while let Some(at) = told
        .iter()
        .position(|action| matches!(action, Action::Request(_)))
    {
        let Action::Request(request) = told.remove(at) else {
            unreachable!()
        };
        if request.address.contains("fundingInfo") {
            continue;
        }
        let Some(answer) = answers.next() else {
            break;
        };
        let answer = testing::answer(request.request, 200, answer.to_string());
        let more = driver.tell(START + 60 * SECOND, &answer);
        published.extend(events(more.clone()));
        told.extend(more);
    }
    assert_eq!(published.len(), 1, "{published:?}");
    published.remove(0)
}

#[test]
fn funding_rate() {
    let name = "binance_derivatives_funding_rate";
    let MarketEvent::FundingRate(it) = answered("funding_rate", &[raw(name)]) else {
        panic!()
    };
    let old = &old(name)[0];
    for (found, key) in [
        (Some(it.current), "current_funding_rate"),
        (it.mark_price, "mark_price"),
        (it.index_price, "index_price"),
        (it.premium_index, "premium_index"),
    ] {
        assert_eq!(number(&found.unwrap()), old[key].as_f64().unwrap(), "{key}");
    }
    assert_eq!(it.time, 1_760_000_000_455_000_000);
    assert_eq!(it.next_funding, Some(1_760_025_600_000_000_000));
}

#[test]
fn open_interest() {
    let name = "binance_derivatives_open_interest";
    let raw = raw(name);
    let answers = [
        raw["/fapi/v1/openInterest"].clone(),
        raw["premiumIndex"].clone(),
    ];
    let MarketEvent::OpenInterest(it) = answered("open_interest", &answers) else {
        panic!()
    };
    let old = &old(name)[0];
    assert_eq!(
        number(&it.value),
        old["open_interest_value"].as_f64().unwrap()
    );
    assert_eq!(
        number(&it.usd.unwrap()),
        old["open_interest_usd"].as_f64().unwrap()
    );
    assert_eq!(
        number(&it.mark_price.unwrap()),
        old["mark_price"].as_f64().unwrap()
    );
}

#[test]
fn ratios() {
    for (name, data_type, long, short) in [
        (
            "binance_derivatives_lsr_top_position",
            "lsr_top_position",
            "long_position_ratio",
            "short_position_ratio",
        ),
        (
            "binance_derivatives_lsr_all_account",
            "lsr_all_account",
            "long_account_ratio",
            "short_account_ratio",
        ),
    ] {
        let MarketEvent::LongShortRatio(it) = answered(data_type, &[raw(name)]) else {
            panic!()
        };
        let old = &old(name)[0];
        assert_eq!(it.ratio, old["long_short_ratio"].as_str().unwrap());
        assert_eq!(it.long, old[long].as_str().unwrap());
        assert_eq!(it.short, old[short].as_str().unwrap());
        assert_eq!((it.period.as_str(), it.sequence), ("5m", 1_759_999_800_000));
    }
}

#[test]
fn liquidation() {
    let name = "binance_derivatives_liquidation";
    let mut driver = session("binance_derivatives", r#","data_types":["liquidation"]"#);
    let published = frame(&mut driver, &raw(name));
    let [MarketEvent::Liquidation(it)] = published.as_slice() else {
        panic!("{published:?}")
    };
    let old = &old(name)[0];
    for (found, key) in [
        (&it.price, "price"),
        (&it.quantity, "quantity"),
        (it.filled_quantity.as_ref().unwrap(), "filled_quantity"),
        (it.notional_value.as_ref().unwrap(), "notional_value"),
    ] {
        assert_eq!(number(found), old[key].as_f64().unwrap(), "{key}");
    }
    assert_eq!(it.average_price.as_deref(), old["average_price"].as_str());
    assert_eq!(
        it.bankruptcy_price.as_deref(),
        old["bankruptcy_price"].as_str()
    );
    assert_eq!(it.status, old["status"].as_str().unwrap());
    assert_eq!(
        it.time / 1_000_000,
        old["liquidation_ts_ms"].as_u64().unwrap()
    );
}
