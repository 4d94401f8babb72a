//! The rules of REST, each once, and its faults.

use std::time::{Duration, Instant};

use marketprism_tests::exchange::{Limits, RestFault, Settings, Simulator, Violation};
use serde_json::{Value, json};

use super::client::{Client, get, start, stepped};

const SECOND: Duration = Duration::from_secs(1);

fn refusal(exchange: &Simulator, target: &str) -> (u16, i64) {
    let answer = get(exchange, target);
    (answer.status, answer.json()["code"].as_i64().unwrap())
}

#[test]
fn a_depth_answer_is_the_true_book_with_at_most_the_levels_asked_for() {
    let exchange = start(stepped(&["BTCUSDT", "ETHUSDT"]));
    exchange.advance(2 * SECOND);
    for (limit, levels) in [
        ("", 100),
        ("&limit=5", 5),
        ("&limit=100", 100),
        ("&limit=9999", 5_000),
    ] {
        let body = get(&exchange, &format!("/api/v3/depth?symbol=BTCUSDT{limit}")).json();
        let update_id = body["lastUpdateId"].as_u64().unwrap();
        assert_eq!(Some(update_id), exchange.truth().update_id("BTCUSDT"));
        let (bids, asks) = exchange
            .truth()
            .top_text("BTCUSDT", update_id, levels)
            .unwrap();
        assert_eq!((&body["bids"], &body["asks"]), (&json!(bids), &json!(asks)));
        assert!(bids.len() == levels || levels == 5_000);
    }
}

#[test]
fn weights_follow_the_limit_and_add_up_in_the_header() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let mut used = 0;
    for (target, weight) in [
        ("/api/v3/depth?symbol=BTCUSDT", 5),
        ("/api/v3/depth?symbol=BTCUSDT&limit=100", 5),
        ("/api/v3/depth?symbol=BTCUSDT&limit=101", 25),
        ("/api/v3/depth?symbol=BTCUSDT&limit=500", 25),
        ("/api/v3/depth?symbol=BTCUSDT&limit=1000", 50),
        ("/api/v3/depth?symbol=BTCUSDT&limit=1001", 250),
        ("/api/v3/depth?symbol=BTCUSDT&limit=5000", 250),
        ("/api/v3/aggTrades?symbol=BTCUSDT", 4),
        ("/api/v3/historicalTrades?symbol=BTCUSDT", 25),
        ("/api/v3/exchangeInfo", 20),
        ("/api/v3/ping", 1),
        ("/api/v3/time", 1),
    ] {
        let answer = get(&exchange, target);
        used += weight;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.number("x-mbx-used-weight-1m"), used, "{target}");
    }
    let noted: u64 = exchange
        .requests()
        .iter()
        .map(|request| request.weight)
        .sum();
    assert_eq!(noted, used);
}

#[test]
fn trades_are_told_from_an_id_on_and_are_those_of_the_streams() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let mut client = Client::open(&exchange, "/ws/btcusdt@trade/btcusdt@aggTrade");
    exchange.advance(3 * SECOND);
    exchange.close_connections();
    let frames = client.rest_json();
    for (kind, id, path, rest_id, rest_price) in [
        ("trade", "t", "historicalTrades", "id", "price"),
        ("aggTrade", "a", "aggTrades", "a", "p"),
    ] {
        let told: Vec<_> = frames.iter().filter(|frame| frame["e"] == kind).collect();
        assert!(told.len() > 50, "{}", told.len());
        let from = told[7][id].as_u64().unwrap();
        let target = format!("/api/v3/{path}?symbol=BTCUSDT&fromId={from}&limit=20");
        let answer = get(&exchange, &target).json();
        let key = |trade: &Value, id: &str, price: &str| (trade[id].clone(), trade[price].clone());
        let answered: Vec<_> = answer
            .as_array()
            .unwrap()
            .iter()
            .map(|one| key(one, rest_id, rest_price))
            .collect();
        let expected: Vec<_> = told[7..27].iter().map(|one| key(one, id, "p")).collect();
        assert_eq!(answered, expected);
        // Without an id: the last ones.
        let last = get(&exchange, &format!("/api/v3/{path}?symbol=BTCUSDT&limit=1")).json();
        assert_eq!(last[0][rest_id], told.last().unwrap()[id]);
    }
}

#[test]
fn aggregate_trades_hold_every_trade_once() {
    let exchange = start(stepped(&["BTCUSDT"]));
    exchange.advance(5 * SECOND);
    let trades = get(&exchange, "/api/v3/trades?symbol=BTCUSDT&limit=1000").json();
    let aggregates = get(&exchange, "/api/v3/aggTrades?symbol=BTCUSDT&limit=1000").json();
    let ids: Vec<_> = trades
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_u64().unwrap())
        .collect();
    let spans: Vec<_> = aggregates
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["f"].as_u64().unwrap(), one["l"].as_u64().unwrap()))
        .collect();
    assert!(
        spans.iter().any(|(first, last)| first < last),
        "some hold several"
    );
    let held: Vec<_> = spans
        .iter()
        .flat_map(|(first, last)| *first..=*last)
        .collect();
    let common = held.len().min(ids.len());
    assert!(common > 300);
    assert_eq!(held[held.len() - common..], ids[ids.len() - common..]);
}

#[test]
fn symbols_are_described_and_the_time_is_the_markets() {
    let exchange = start(stepped(&["BTCUSDT", "ETHUSDT", "XRPUSDT"]));
    let names = |target: &str| -> Vec<Value> {
        let info = get(&exchange, target).json();
        info["symbols"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["symbol"].clone())
            .collect()
    };
    assert_eq!(
        names("/api/v3/exchangeInfo"),
        ["BTCUSDT", "ETHUSDT", "XRPUSDT"]
    );
    assert_eq!(names("/api/v3/exchangeInfo?symbol=ETHUSDT"), ["ETHUSDT"]);
    let two = "/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22,%22XRPUSDT%22%5D";
    assert_eq!(names(two), ["BTCUSDT", "XRPUSDT"]);
    let info = get(&exchange, "/api/v3/exchangeInfo?symbol=XRPUSDT").json();
    assert_eq!(info["symbols"][0]["baseAsset"], "XRP");
    assert_eq!(info["symbols"][0]["filters"][0]["tickSize"], "0.00010000");
    assert_eq!(get(&exchange, "/api/v3/ping").json(), json!({}));
    let time = get(&exchange, "/api/v3/time").json();
    assert_eq!(time["serverTime"], exchange.truth().now_ns() / 1_000_000);
}

#[test]
fn the_average_price_is_that_of_the_last_trades() {
    let exchange = start(stepped(&["BTCUSDT"]));
    exchange.advance(3 * SECOND);
    let answer = get(&exchange, "/api/v3/avgPrice?symbol=BTCUSDT").json();
    assert_eq!(answer["mins"], 5);
    let trades = get(&exchange, "/api/v3/trades?symbol=BTCUSDT&limit=1000").json();
    let number = |value: &Value| -> f64 { value.as_str().unwrap().parse().unwrap() };
    let (mut paid, mut amount) = (0.0, 0.0);
    for trade in trades.as_array().unwrap() {
        paid += number(&trade["price"]) * number(&trade["qty"]);
        amount += number(&trade["qty"]);
    }
    assert!((number(&answer["price"]) - paid / amount).abs() < 0.02);
    assert_eq!(
        answer["closeTime"],
        trades.as_array().unwrap().last().unwrap()["time"]
    );
}

#[test]
fn bad_requests_are_refused_by_code() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let unknown = get(&exchange, "/api/v3/depth?symbol=NOSUCH");
    assert_eq!(unknown.status, 400);
    assert_eq!(unknown.body, r#"{"code":-1121,"msg":"Invalid symbol."}"#);
    for path in ["aggTrades", "historicalTrades", "exchangeInfo"] {
        let target = format!("/api/v3/{path}?symbol=NOSUCH");
        assert_eq!(refusal(&exchange, &target), (400, -1121), "{path}");
    }
    assert_eq!(refusal(&exchange, "/api/v3/depth"), (400, -1102));
    assert_eq!(
        refusal(&exchange, "/api/v3/depth?symbol=BTCUSDT&limit=x"),
        (400, -1100)
    );
    assert_eq!(get(&exchange, "/api/v3/nothing").status, 404);
}

#[test]
fn beyond_the_budget_come_429_and_then_418_both_with_retry_after() {
    let exchange = start(Settings {
        limits: Limits {
            weight_max: 10,
            // A window that began long before the test and ends long after it.
            weight_window: Duration::from_secs(86_400),
            refusals_max: 2,
            ..Limits::default()
        },
        ..stepped(&["BTCUSDT"])
    });
    let statuses: Vec<_> = (0..6)
        .map(|_| {
            let answer = get(&exchange, "/api/v3/depth?symbol=BTCUSDT");
            let limited = answer.status == 429 || answer.status == 418;
            assert!(!limited || answer.number("retry-after") > 0);
            assert!(!limited || answer.json()["code"] == -1003);
            answer.status
        })
        .collect();
    assert_eq!(statuses, [200, 200, 429, 429, 418, 418]);
    let broken = [
        Violation::Weight,
        Violation::Weight,
        Violation::Banned,
        Violation::Banned,
    ];
    assert_eq!(exchange.limit_violations(), broken);
    let counted = exchange.violations().into_iter().collect::<Vec<_>>();
    assert_eq!(counted, [("banned", 2), ("weight", 2)]);
}

#[test]
fn faults_of_answers_happen_once_each_and_are_counted() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let ask = || get(&exchange, "/api/v3/depth?symbol=BTCUSDT");
    for &fault in RestFault::ALL {
        exchange.inject_rest(fault, 1);
        let asked = Instant::now();
        let answer = ask();
        match fault {
            RestFault::Late => {
                assert!(answer.status == 200 && asked.elapsed() >= Duration::from_millis(900));
            }
            RestFault::Failing => assert_eq!(answer.status, 500),
            RestFault::Refused => {
                assert_eq!((answer.status, answer.number("retry-after")), (429, 1));
            }
            RestFault::Truncated => assert!(answer.status == 200 && !answer.is_whole()),
        }
        assert_eq!(exchange.requests().last().unwrap().fault, Some(fault));
        assert_eq!(exchange.faults().of_rest(fault), 1);
        let after = ask();
        assert!(after.status == 200 && after.is_whole());
    }
    assert_eq!(exchange.limit_violations(), []);
}
