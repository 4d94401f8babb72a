//! Binance USD-M futures: paths, chain, forced orders, what is polled, and limits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use marketprism_tests::exchange::{
    DatumKind, End, Fate, Item, Limits, Settings, Simulator, Venue, Violation,
};
use serde_json::{Value, json};

use super::client::{Client, LONG, get, start, stepped_venue};

const SECOND: Duration = Duration::from_secs(1);
const SYMBOLS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];

fn settings() -> Settings {
    stepped_venue(Venue::BinanceDerivatives, &SYMBOLS)
}

fn frames(exchange: &Simulator, target: &str) -> Vec<Value> {
    let mut client = Client::open(exchange, target);
    exchange.advance(3 * SECOND);
    exchange.close_connections();
    client.rest_json()
}

#[test]
fn a_stream_tells_on_its_own_path_only() {
    let exchange = start(settings());
    let public = ["btcusdt@bookTicker", "btcusdt@depth@100ms", "btcusdt@trade"];
    let market = ["!forceOrder@arr", "btcusdt@aggTrade", "btcusdt@markPrice"];
    let all = public.iter().chain(&market).copied().collect::<Vec<_>>();
    for (path, expected) in [
        ("/public", &public[..]),
        ("/market", &market[..]),
        ("", &[]),
        ("/private", &[]),
    ] {
        let told = frames(
            &exchange,
            &format!("{path}/stream?streams={}", all.join("/")),
        );
        let names = told.iter().map(|frame| frame["stream"].as_str().unwrap());
        let names: BTreeSet<_> = names.collect();
        assert_eq!(names, expected.iter().copied().collect(), "{path}");
    }
}

#[test]
fn a_stream_asked_for_on_the_wrong_path_is_acknowledged_and_silent() {
    let exchange = start(settings());
    for path in ["/ws", "/market/ws"] {
        let mut client = Client::open(&exchange, path);
        client.say(r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}"#);
        assert_eq!(client.json(), json!({"result": null, "id": 1}));
        client.say(r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#);
        let held = json!({"result": ["btcusdt@depth@100ms"], "id": 2});
        assert_eq!(client.json(), held);
        exchange.advance(2 * SECOND);
        exchange.close_connections();
        assert_eq!(client.rest(), Vec::<String>::new(), "{path}");
    }
    assert_eq!(exchange.sent(), []);
}

/// The exchange's rules for a local book, and nothing more.
fn apply(book: &mut [BTreeMap<String, String>; 2], sides: [&Value; 2]) {
    for (side, changes) in book.iter_mut().zip(sides) {
        for change in changes.as_array().unwrap() {
            let (price, quantity) = (change[0].as_str().unwrap(), change[1].as_str().unwrap());
            if quantity.trim_matches(['0', '.']).is_empty() {
                side.remove(&format!("{price:0>24}"));
            } else {
                side.insert(format!("{price:0>24}"), quantity.to_owned());
            }
        }
    }
}

#[test]
fn the_chain_of_depth_events_on_an_answer_gives_the_true_book() {
    let exchange = start(settings());
    let mut client = Client::open(&exchange, "/public/ws/btcusdt@depth@100ms");
    exchange.advance(SECOND / 2);
    let answer = get(&exchange, "/fapi/v1/depth?symbol=BTCUSDT&limit=1000").json();
    exchange.advance(9 * SECOND);
    exchange.close_connections();
    let last = answer["lastUpdateId"].as_u64().unwrap();
    let mut book = [BTreeMap::new(), BTreeMap::new()];
    apply(&mut book, [&answer["bids"], &answer["asks"]]);
    let (mut applied, mut gaps, mut previous) = (0, 0, None);
    for event in client.rest_json() {
        let id = |key: &str| event[key].as_u64().unwrap();
        if id("u") < last {
            continue;
        }
        match previous {
            None => assert!(id("U") <= last && last <= id("u")),
            Some(previous) => assert_eq!(id("pu"), previous),
        }
        gaps += u64::from(id("U") > id("pu") + 1);
        assert!(id("E") >= id("T"));
        previous = Some(id("u"));
        apply(&mut book, [&event["b"], &event["a"]]);
        applied += 1;
        let (bids, asks) = exchange
            .truth()
            .top_text("BTCUSDT", id("u"), 5_000)
            .unwrap();
        let text = |(price, quantity): (&String, &String)| {
            (price.trim_start_matches('0').to_owned(), quantity.clone())
        };
        assert_eq!(book[0].iter().rev().map(text).collect::<Vec<_>>(), bids);
        assert_eq!(book[1].iter().map(text).collect::<Vec<_>>(), asks);
    }
    assert!(applied > 80 && gaps == applied, "{applied} {gaps}");
}

#[test]
fn of_forced_orders_the_latest_of_each_symbol_and_second_is_told() {
    let exchange = start(settings());
    let mut client = Client::open(&exchange, "/market/ws/!forceOrder@arr");
    exchange.advance(30 * SECOND);
    exchange.close_connections();
    let told = client.rest_json();
    let happened = exchange.truth().liquidations();
    let mut latest = BTreeMap::new();
    for one in &happened {
        latest.insert((one.terms.symbol.clone(), one.time_ms / 1_000), one.clone());
    }
    assert!(told.len() > 20 && happened.len() > told.len());
    for (frame, entry) in told.iter().zip(exchange.sent()) {
        assert_eq!(frame["e"], "forceOrder");
        let order = &frame["o"];
        let Item::Liquidations { first, last } = entry.item else {
            panic!("{entry:?}");
        };
        assert!(first == last && entry.fate == Fate::Whole);
        let truth = exchange.truth().liquidation(first).unwrap();
        let key = (truth.terms.symbol.clone(), truth.time_ms / 1_000);
        assert_eq!(latest[&key], truth);
        assert_eq!(order["s"], truth.terms.symbol.as_str());
        assert_eq!(order["S"], if truth.sold { "SELL" } else { "BUY" });
        assert_eq!(order["T"], truth.time_ms);
        let number = |count, decimals| exchange.truth().number(count, decimals);
        assert_eq!(order["p"], number(truth.price, truth.terms.price_decimals));
        let average = number(truth.average_price, truth.terms.price_decimals);
        assert_eq!(order["ap"], average);
        let quantity = number(truth.quantity, truth.terms.quantity_decimals);
        assert!(["q", "l", "z"].iter().all(|key| order[*key] == quantity));
    }
}

#[test]
fn aggregate_trades_have_their_span_and_come_again_by_rest() {
    let exchange = start(settings());
    let told = frames(&exchange, "/market/ws/btcusdt@aggTrade");
    let keys: Vec<_> = told[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["E", "T", "a", "e", "f", "l", "m", "p", "q", "s"]);
    let from = &told[3]["a"];
    let target = format!("/fapi/v1/aggTrades?symbol=BTCUSDT&fromId={from}&limit=5");
    let answer = get(&exchange, &target).json();
    for (row, frame) in answer.as_array().unwrap().iter().zip(&told[3..8]) {
        for key in ["a", "p", "q", "f", "l", "T", "m"] {
            assert_eq!(row[key], frame[key], "{key}");
        }
    }
    let trades = get(
        &exchange,
        "/fapi/v1/historicalTrades?symbol=BTCUSDT&limit=1",
    )
    .json();
    assert_eq!(trades[0]["id"], told.last().unwrap()["l"]);
}

#[test]
fn what_is_polled_is_written_down_as_it_was_answered() {
    let exchange = start(settings());
    exchange.advance(SECOND);
    let funding = get(&exchange, "/fapi/v1/premiumIndex?symbol=BTCUSDT").json();
    let again = get(&exchange, "/fapi/v1/premiumIndex?symbol=BTCUSDT").json();
    assert_eq!(funding, again);
    let told = exchange.told_of(DatumKind::Funding);
    assert_eq!(told.len(), 2);
    for key in ["markPrice", "indexPrice", "lastFundingRate", "interestRate"] {
        assert_eq!(funding[key], told[0].field(key), "{key}");
    }
    assert_eq!(funding["time"], told[0].time_ms);
    assert_eq!(
        funding["markPrice"],
        exchange.truth().mark_price("BTCUSDT").unwrap()
    );
    let hours = funding["nextFundingTime"].as_u64().unwrap() % (8 * 3_600_000);
    assert_eq!(hours, 0);
    let all = get(&exchange, "/fapi/v1/premiumIndex").json();
    assert_eq!(all.as_array().unwrap().len(), SYMBOLS.len());
    let info = get(&exchange, "/fapi/v1/fundingInfo").json();
    assert_eq!(info.as_array().unwrap().len(), 1);
    let of_sol = (&info[0]["symbol"], &info[0]["fundingIntervalHours"]);
    assert_eq!(of_sol, (&json!("SOLUSDT"), &json!(4)));
    let interest = get(&exchange, "/fapi/v1/openInterest?symbol=ETHUSDT").json();
    let told = exchange.told_of(DatumKind::OpenInterest);
    assert_eq!(interest["openInterest"], told[0].field("openInterest"));
    assert_eq!(interest["time"], told[0].time_ms);
}

#[test]
fn ratios_have_rows_that_follow_in_their_period() {
    let exchange = start(settings());
    let path = "/futures/data/topLongShortPositionRatio?symbol=BTCUSDT&period=5m";
    exchange.advance(SECOND);
    let before = get(&exchange, &format!("{path}&limit=2")).json();
    exchange.advance(2 * SECOND);
    let after = get(&exchange, &format!("{path}&limit=2")).json();
    assert_eq!(before[1], after[0]);
    let time = |row: &Value| row["timestamp"].as_u64().unwrap();
    assert_eq!(time(&after[1]) - time(&after[0]), 2_000);
    let share = |key: &str| after[1][key].as_str().unwrap().parse::<f64>().unwrap();
    let (long, short) = (share("longAccount"), share("shortAccount"));
    assert!((long + short - 1.0).abs() < 1e-9);
    assert!((share("longShortRatio") - long / short).abs() < 1e-3);
    let told = exchange.told_of(DatumKind::RatioTopPosition);
    let times: Vec<_> = told.iter().map(|row| row.time_ms).collect();
    let expected = [&before[0], &before[1], &after[0], &after[1]].map(time);
    assert_eq!(times, expected);
    let all = "/futures/data/globalLongShortAccountRatio?symbol=BTCUSDT&period=5m&limit=1";
    assert_ne!(get(&exchange, all).json()[0], after[1]);
    assert_eq!(get(&exchange, &format!("{path}x")).status, 400);
}

#[test]
fn weights_are_those_of_futures_and_ratios_have_a_budget_of_their_own() {
    let exchange = start(Settings {
        limits: Limits {
            ratios_max: 3,
            ..Limits::of(Venue::BinanceDerivatives)
        },
        ..settings()
    });
    let mut used = 0;
    for (target, weight) in [
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=50", 2),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=100", 5),
        ("/fapi/v1/depth?symbol=BTCUSDT", 10),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=1000", 20),
        ("/fapi/v1/aggTrades?symbol=BTCUSDT", 20),
        ("/fapi/v1/historicalTrades?symbol=BTCUSDT", 20),
        ("/fapi/v1/premiumIndex?symbol=BTCUSDT", 1),
        ("/fapi/v1/premiumIndex", 10),
        ("/fapi/v1/openInterest?symbol=BTCUSDT", 1),
        ("/fapi/v1/exchangeInfo", 1),
        ("/fapi/v1/time", 1),
    ] {
        let answer = get(&exchange, target);
        used += weight;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.number("x-mbx-used-weight-1m"), used, "{target}");
    }
    let ratio = "/futures/data/globalLongShortAccountRatio?symbol=BTCUSDT&period=5m";
    let statuses: Vec<_> = (0..4).map(|_| get(&exchange, ratio).status).collect();
    assert_eq!(statuses, [200, 200, 200, 429]);
    assert_eq!(exchange.limit_violations(), [Violation::Requests]);
    let unknown = get(&exchange, "/fapi/v1/openInterest?symbol=NOSUCH");
    assert_eq!(unknown.body, r#"{"code":-1121,"msg":"Invalid symbol."}"#);
}

#[test]
fn ten_messages_in_a_second_are_allowed_and_an_eleventh_is_not() {
    let exchange = start(settings());
    let mut client = Client::open(&exchange, "/public/ws");
    for id in 1..=11 {
        client.say(&format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#));
    }
    client.end();
    let ended = |exchange: &Simulator| {
        let record = exchange.connections().remove(0);
        matches!(record.ended, Some((_, End::TooManyMessages)))
    };
    assert!(exchange.eventually(LONG, ended));
    assert_eq!(exchange.violations()["messages"], 1);
}
