//! Deribit: JSON-RPC, heartbeats, chains of books, trades, volatility indices, and the cap on connections.

use std::collections::BTreeMap;
use std::time::Duration;

use marketprism_tests::exchange::{
    DatumKind, End, Faults, Item, Limits, RestFault, Settings, Simulator, Venue, Violation,
};
use serde_json::{Value, json};

use super::client::{Client, LONG, get, start, stepped_venue};

const SECOND: Duration = Duration::from_secs(1);
const SYMBOLS: [&str; 2] = ["BTC", "ETH-PERPETUAL"];

fn settings() -> Settings {
    stepped_venue(Venue::DeribitDerivatives, &SYMBOLS)
}

/// Calls a method and waits for its answer; what came before it is lost.
fn call(client: &mut Client, method: &str, params: &Value) -> Value {
    let id = 7;
    let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    client.say(&request.to_string());
    client.until(|message| message["id"] == id).pop().unwrap()
}

#[test]
fn channels_that_exist_are_taken_and_told_and_the_others_left_out() {
    let exchange = start(settings());
    let mut client = Client::open(&exchange, "");
    let channels = json!({"channels": ["trades.BTC-PERPETUAL.100ms", "book.NOPE.100ms"]});
    let answer = call(&mut client, "public/subscribe", &channels);
    assert_eq!(answer["result"], json!(["trades.BTC-PERPETUAL.100ms"]));
    assert!(answer["usIn"].is_u64() && answer["jsonrpc"] == "2.0");
    let raw = json!({"channels": ["book.BTC-PERPETUAL.raw", "trades.ETH-PERPETUAL.100ms"]});
    let refused = call(&mut client, "public/subscribe", &raw);
    assert_eq!(refused["error"]["code"], 13_778);
    assert_eq!(exchange.streams_now().len(), 1);
    let given_up = call(&mut client, "public/unsubscribe", &channels);
    assert_eq!(given_up["result"], json!(["trades.BTC-PERPETUAL.100ms"]));
    assert_eq!(exchange.streams_now(), []);
    let unknown = call(&mut client, "public/nothing", &json!({}));
    assert_eq!(unknown["error"]["code"], -32_601);
    let test = call(&mut client, "public/test", &json!({}));
    assert_eq!(test["result"]["version"], "1.2.26");
    client.say("x");
    assert_eq!(client.json()["error"]["code"], -32_700);
}

#[test]
fn the_chain_of_a_book_is_true_at_every_change_and_says_what_happened() {
    let exchange = start(settings());
    exchange.advance(SECOND);
    let mut client = Client::open(&exchange, "");
    let channel = "book.BTC-PERPETUAL.100ms";
    call(
        &mut client,
        "public/subscribe",
        &json!({"channels": [channel]}),
    );
    exchange.advance(5 * SECOND);
    exchange.close_connections();
    let mut sides: [BTreeMap<u64, (String, String)>; 2] = Default::default();
    let mut last = None;
    let mut applied = 0;
    for frame in client.rest_json() {
        assert_eq!(
            (&frame["method"], &frame["params"]["channel"]),
            (&json!("subscription"), &json!(channel))
        );
        let data = &frame["params"]["data"];
        assert_eq!(data["instrument_name"], "BTC-PERPETUAL");
        assert_eq!(data["prev_change_id"].as_u64(), last);
        assert_eq!(
            data["type"],
            if last.is_none() { "snapshot" } else { "change" }
        );
        last = data["change_id"].as_u64();
        for (side, name) in sides.iter_mut().zip(["bids", "asks"]) {
            for entry in data[name].as_array().unwrap() {
                let key = (entry[1].as_f64().unwrap() * 100.0).round() as u64;
                let was_there = match entry[0].as_str().unwrap() {
                    "delete" => side.remove(&key).is_some(),
                    _ => side
                        .insert(key, (entry[1].to_string(), entry[2].to_string()))
                        .is_some(),
                };
                assert_eq!(was_there, entry[0] != "new", "{entry}");
            }
        }
        let truth = exchange
            .truth()
            .top_text("BTC-PERPETUAL", last.unwrap(), 10_000);
        let bids = sides[0].values().rev().cloned().collect();
        let asks = sides[1].values().cloned().collect();
        assert_eq!(truth, Some((bids, asks)));
        applied += 1;
    }
    assert!(applied > 45, "{applied}");
    let answer = get(
        &exchange,
        "/api/v2/public/get_order_book?instrument_name=BTC-PERPETUAL&depth=3",
    );
    let book = &answer.json()["result"];
    assert_eq!(book["change_id"].as_u64(), last);
    let best = sides[0].last_key_value().unwrap().1;
    assert_eq!(book["bids"][0][0].to_string(), best.0);
}

#[test]
fn trades_of_a_tenth_of_a_second_come_together_and_again_by_their_sequence() {
    let exchange = start(settings());
    let mut client = Client::open(&exchange, "");
    let channels = json!({"channels": ["trades.ETH-PERPETUAL.100ms"]});
    call(&mut client, "public/subscribe", &channels);
    exchange.advance(5 * SECOND);
    exchange.close_connections();
    let frames = client.rest_json();
    let told = frames
        .iter()
        .flat_map(|frame| frame["params"]["data"].as_array().unwrap().clone());
    let told: Vec<_> = told.collect();
    assert!(
        told.len() > 100 && frames.len() < 55,
        "{} {}",
        told.len(),
        frames.len()
    );
    let seq = |trade: &Value| trade["trade_seq"].as_u64().unwrap();
    assert!(
        told.windows(2)
            .all(|pair| seq(&pair[1]) == seq(&pair[0]) + 1)
    );
    for trade in &told {
        let truth = exchange.truth().trade("ETH-PERPETUAL", seq(trade)).unwrap();
        assert_eq!(trade["timestamp"], truth.time_ms);
        let terms = exchange.truth().terms("ETH-PERPETUAL").unwrap();
        let number = |count, decimals| exchange.truth().number(count, decimals);
        assert_eq!(
            trade["price"].to_string(),
            number(truth.trade.level.price, terms.price_decimals)
        );
        assert_eq!(
            trade["amount"].to_string(),
            number(truth.trade.level.quantity, 0)
        );
        assert!(trade["trade_id"].as_str().unwrap().starts_with("ETH-"));
    }
    let first = exchange.sent().remove(0);
    let Item::Trades { first, .. } = first.item else {
        panic!("{first:?}");
    };
    assert_eq!(first, seq(&told[0]));
    let path = "/api/v2/public/get_last_trades_by_instrument?instrument_name=ETH-PERPETUAL";
    let target = format!(
        "{path}&start_seq={}&end_seq={}&sorting=asc&count=5",
        first + 2,
        first + 20
    );
    let answer = get(&exchange, &target).json();
    assert_eq!(
        answer["result"]["trades"].as_array().unwrap()[..],
        told[2..7]
    );
    assert_eq!(answer["result"]["has_more"], true);
}

fn beating(interval: u64) -> (Simulator, Client) {
    let exchange = start(Settings {
        limits: Limits {
            heartbeat_second: Duration::from_millis(20),
            ..Limits::of(Venue::DeribitDerivatives)
        },
        ..settings()
    });
    let mut client = Client::open(&exchange, "");
    let answer = call(
        &mut client,
        "public/set_heartbeat",
        &json!({"interval": interval}),
    );
    assert_eq!(answer["result"], "ok");
    (exchange, client)
}

#[test]
fn who_answers_test_requests_lives() {
    let (exchange, mut client) = beating(10);
    for _ in 0..5 {
        let beats = client.until(|message| message["params"]["type"] == "test_request");
        assert!(beats.iter().all(|beat| beat["method"] == "heartbeat"));
        call(&mut client, "public/test", &json!({}));
    }
    assert_eq!(exchange.connections()[0].ended, None);
    let short = call(&mut client, "public/set_heartbeat", &json!({"interval": 9}));
    assert_eq!(short["error"]["code"], -32_602);
}

#[test]
fn who_does_not_answer_a_test_request_in_time_is_cut() {
    let (exchange, mut client) = beating(10);
    // Whatever else it says does not count.
    call(&mut client, "public/get_time", &json!({}));
    client.until(|message| message["params"]["type"] == "test_request");
    call(&mut client, "public/get_time", &json!({}));
    client.end();
    let ended = |exchange: &Simulator| matches!(exchange.connections().first(), Some(it) if matches!(it.ended, Some((_, End::NoTest))));
    assert!(exchange.eventually(LONG, ended));
}

#[test]
fn a_volatility_index_has_candles_that_close_and_values_on_a_channel() {
    let exchange = start(settings());
    exchange.advance(5 * SECOND);
    let now = exchange.truth().now_ns() / 1_000_000;
    let path = |end: u64| {
        let start = now - 4_000;
        format!(
            "/api/v2/public/get_volatility_index_data?currency=BTC&start_timestamp={start}&end_timestamp={end}&resolution=60"
        )
    };
    let before = get(&exchange, &path(now)).json()["result"]["data"].clone();
    let told = exchange.told_of(DatumKind::Volatility);
    assert_eq!(told.len(), before.as_array().unwrap().len());
    for (row, datum) in before.as_array().unwrap().iter().zip(&told) {
        assert_eq!(row[0], datum.time_ms);
        for (place, key) in [(1, "open"), (2, "high"), (3, "low"), (4, "close")] {
            assert_eq!(row[place].to_string(), datum.field(key));
        }
    }
    exchange.advance(3 * SECOND);
    let after = get(&exchange, &path(now)).json()["result"]["data"].clone();
    // Only the last one was not closed.
    assert_eq!(
        (before.as_array().unwrap().len(), &before[0]),
        (2, &after[0])
    );
    assert_eq!(before[1][1], after[1][1]);
    let mut client = Client::open(&exchange, "");
    let channel = "deribit_volatility_index.btc_usd";
    call(
        &mut client,
        "public/subscribe",
        &json!({"channels": [channel]}),
    );
    let first = client.json();
    exchange.advance(SECOND);
    let second = client.json();
    let data = |frame: &Value| frame["params"]["data"].clone();
    assert_eq!(data(&first)["index_name"], "btc_usd");
    assert!(data(&second)["timestamp"].as_u64() > data(&first)["timestamp"].as_u64());
    let wrong = get(&exchange, &path(now).replace("BTC", "XYZ"));
    assert_eq!(
        (wrong.status, &wrong.json()["error"]["code"]),
        (400, &json!(-32_602))
    );
}

#[test]
fn connections_and_requests_under_way_share_a_cap() {
    let mut faults = Faults::none();
    faults.late = Duration::from_millis(700);
    let exchange = start(Settings {
        limits: Limits {
            sockets_max: 4,
            ..Limits::of(Venue::DeribitDerivatives)
        },
        faults,
        ..settings()
    });
    let _clients: Vec<_> = (0..3).map(|_| Client::open(&exchange, "")).collect();
    assert!(exchange.eventually(LONG, |exchange| exchange.connections_now() == 3));
    assert_eq!(get(&exchange, "/api/v2/public/get_time").status, 200);
    exchange.inject_rest(RestFault::Late, 1);
    std::thread::scope(|scope| {
        let late = scope.spawn(|| get(&exchange, "/api/v2/public/get_time").status);
        assert!(exchange.eventually(LONG, |exchange| exchange.requests().len() == 2));
        let refused = get(&exchange, "/api/v2/public/get_time");
        assert_eq!(
            (refused.status, &refused.json()["error"]["code"]),
            (429, &json!(10_028))
        );
        assert!(Client::try_open(&exchange, "").is_err());
        assert_eq!(late.join().unwrap(), 200);
    });
    assert_eq!(
        exchange.limit_violations(),
        [Violation::Sockets, Violation::Sockets]
    );
    assert_eq!(Limits::of(Venue::DeribitDerivatives).sockets_max, 32);
}

#[test]
fn instruments_are_listed_by_currency() {
    let exchange = start(settings());
    let path = "/api/v2/public/get_instruments?currency=BTC&kind=future&expired=false";
    let rows = get(&exchange, path).json()["result"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["instrument_name"], "BTC-PERPETUAL");
    assert_eq!(get(&exchange, "/api/v2/public/nothing").status, 400);
    let path = "/api/v2/public/get_order_book?instrument_name=NOPE";
    assert_eq!(get(&exchange, path).json()["error"]["code"], 13_020);
}
