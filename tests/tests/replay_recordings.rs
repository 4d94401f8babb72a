//! Recorded traffic through the session and the shipped `.wasm`: what comes out is what the independent reference
//! replay of the same recording found.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use futures_util::StreamExt;
use marketprism_host::bus::{self, Bus};
use marketprism_tests::nats_server::NatsServer;
use marketprism_tests::replayed::{Kept, equals_the_oracle, prepare, replay};
use serde_json::Value;

fn block(symbols: &[&str], more: &str) -> String {
    format!(
        "exchanges:\n  binance_spot:\n    market_type: spot\n    symbols: [{}]\n    \
         data_types: [orderbook, trade]\n{more}",
        symbols.join(", ")
    )
}

#[test]
fn four_symbols_with_aggregated_trades_equal_the_oracle() {
    let name = "binance_spot.cf-2021-10";
    let config = block(
        &["NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"],
        "    trade_stream: aggTrade\n    orderbook: {method: websocket}\n",
    );
    let (messages, summary) = replay(&config, &marketprism_tests::capture(name));
    equals_the_oracle(name, &summary);
    assert_eq!(summary["frames"], 265);
    assert_eq!(
        summary["ignored_frames"], 86,
        "84 of bookTicker, 2 of kline"
    );
    assert_eq!(summary["published"]["trade"], 2);
    assert!(messages.contains("orderbook.binance.spot.RUNE-EUR"));
}

#[test]
fn two_minutes_of_the_busiest_symbol_equal_the_oracle() {
    let name = "binance_spot.hft-btc-120s";
    let (_, summary) = replay(&block(&["BTCUSDT"], ""), &marketprism_tests::capture(name));
    equals_the_oracle(name, &summary);
    assert_eq!(summary["published"]["trade"], 2570);
}

#[test]
fn a_replay_is_the_same_every_time() {
    let capture = marketprism_tests::capture("binance_spot.hft-btc-120s");
    let config = block(&["BTCUSDT"], "    orderbook: {method: snapshot}\n");
    let (first, mut first_summary) = replay(&config, &capture);
    let (second, mut second_summary) = replay(&config, &capture);
    assert!(first == second, "the messages of two replays differ");
    for summary in [&mut first_summary, &mut second_summary] {
        let summary = summary.as_object_mut().expect("an object");
        summary.remove("elapsed_s");
        summary.remove("frames_per_s");
    }
    assert_eq!(first_summary, second_summary);
}

#[test]
fn snapshots_fall_on_multiples_of_the_interval_and_carry_one_book_each() {
    let capture = marketprism_tests::capture("binance_spot.hft-btc-120s");
    let config = block(
        &["BTCUSDT"],
        "    orderbook: {method: snapshot, snapshot_interval: 1, snapshot_depth: 100}\n",
    );
    let (messages, _) = replay(&config, &capture);
    let mut times = Vec::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).expect("a message is JSON");
        if message["subject"] == "orderbook.binance.spot.BTC-USDT" {
            let payload = &message["payload"];
            times.push(payload["ts_ms"].as_u64().expect("ts_ms"));
            assert_eq!(payload["book_state"], "synced");
            assert_eq!(payload["bids"].as_array().expect("bids").len(), 100);
            assert!(payload["event_ts_ms"].is_u64());
            assert_eq!(message["headers"], serde_json::json!({}));
        }
    }
    assert!(times.len() >= 118, "{} snapshots in 120 s", times.len());
    assert!(times.iter().all(|time| time % 1000 == 0));
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] == 1000),
        "{times:?}"
    );
}

/// A copy of a recording, changed line by line.
fn changed(name: &str, change: impl Fn(usize, &str) -> Vec<String>) -> tempfile::NamedTempFile {
    let text = std::fs::read_to_string(marketprism_tests::capture(name)).expect("the recording");
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for (number, line) in text.lines().enumerate() {
        for line in change(number, line) {
            writeln!(file, "{line}").expect("written");
        }
    }
    file
}

fn is_depth(line: &str) -> bool {
    line.contains("btcusdt@depth")
}

#[test]
fn doubled_frames_change_nothing() {
    let name = "binance_spot.hft-btc-120s";
    let doubled = changed(name, |_, line| {
        let times = if line.contains("\"ws\"") { 2 } else { 1 };
        vec![line.to_string(); times]
    });
    let (_, summary) = replay(&block(&["BTCUSDT"], ""), doubled.path());
    equals_the_oracle(name, &summary);
    assert_eq!(summary["instruments"]["BTCUSDT"]["duplicate_trades"], 2570);
}

#[test]
fn after_a_dropped_update_nothing_of_that_book_is_published() {
    let name = "binance_spot.hft-btc-120s";
    let dropped = changed(name, |number, line| {
        if number > 6000 && number < 6020 && is_depth(line) {
            vec![]
        } else {
            vec![line.to_string()]
        }
    });
    let (messages, summary) = replay(&block(&["BTCUSDT"], ""), dropped.path());
    let found = &summary["instruments"]["BTCUSDT"];
    assert_eq!(found["gaps"], 1);
    assert_eq!(found["book_state"], "resyncing");
    assert_eq!(found["trades"], 2570, "trades do not suffer");
    let mut states = Vec::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).expect("JSON");
        let subject = message["subject"].as_str().expect("subject");
        if subject.starts_with("orderbook_status.") {
            states.push(
                message["payload"]["state"]
                    .as_str()
                    .expect("state")
                    .to_string(),
            );
        } else if subject.starts_with("orderbook.") {
            assert_eq!(
                states.last().map(String::as_str),
                Some("synced"),
                "published while not synced"
            );
        }
    }
    assert_eq!(states, ["resyncing", "synced", "resyncing"]);
}

#[test]
fn garbage_is_counted_and_nothing_else_suffers() {
    let name = "binance_spot.hft-btc-120s";
    let bad = [
        r#""#,
        r#"{\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\""#,
        r#"\u0000\u0001"#,
        r#"[1,2"#,
    ];
    let spoiled = changed(name, |number, line| {
        let mut lines = vec![line.to_string()];
        if number % 1000 == 500 {
            let garbage = bad[number / 1000 % bad.len()];
            lines.push(format!(
                r#"{{"t_ns":null,"conn":"wss://stream.binance.com:9443/stream","kind":"ws","data":"{garbage}"}}"#
            ));
        }
        lines
    });
    let (_, mut summary) = replay(&block(&["BTCUSDT"], ""), spoiled.path());
    assert_eq!(summary["refused_frames"], 14);
    summary["refused_frames"] = 0.into();
    equals_the_oracle(name, &summary);
}

#[test]
fn a_connection_lost_and_found_without_loss_is_no_gap() {
    let name = "binance_spot.hft-btc-120s";
    let lost = changed(name, |number, line| {
        let mut lines = vec![line.to_string()];
        if number == 7000 {
            for kind in ["ws_close", "ws_open"] {
                lines.push(format!(
                    r#"{{"t_ns":null,"conn":"","kind":"{kind}","data":""}}"#
                ));
            }
        }
        lines
    });
    let (messages, summary) = replay(&block(&["BTCUSDT"], ""), lost.path());
    equals_the_oracle(name, &summary);
    let states: BTreeMap<&str, usize> = ["stale", "synced"]
        .map(|state| {
            (
                state,
                messages.matches(&format!("\"state\":\"{state}\"")).count(),
            )
        })
        .into();
    assert_eq!(states, BTreeMap::from([("stale", 1), ("synced", 2)]));
}

#[tokio::test]
async fn a_real_client_receives_every_message_of_a_replay_from_a_real_server() {
    let capture = marketprism_tests::capture("binance_spot.hft-btc-120s");
    let server = NatsServer::start("").expect("nats-server");
    let client = async_nats::connect(server.address())
        .await
        .expect("a client");
    let mut subscription = client.subscribe(">").await.expect("a subscription");
    client.flush().await.expect("the subscription is known");
    let settings = bus::Settings {
        servers: vec![server.address()],
        ..bus::Settings::default()
    };
    let bus = Bus::connect(&settings).await.expect("the bus");
    let output = Kept::default();
    let replay = prepare(&block(&["BTCUSDT"], ""), &capture, Some(bus));
    replay
        .run(Box::new(output.clone()), std::future::pending())
        .await
        .expect("the replay");
    let printed = output.text();
    assert!(printed.lines().count() > 2570, "all trades and some books");
    let mut received = subscription
        .by_ref()
        .filter(|message| std::future::ready(!message.subject.starts_with("_INBOX.")));
    for line in printed.lines() {
        let next = tokio::time::timeout(Duration::from_secs(10), received.next());
        let message = next
            .await
            .expect("within 10 s")
            .expect("the subscription lives");
        let payload = String::from_utf8_lossy(&message.payload);
        let subject = &message.subject;
        assert_eq!(
            line,
            format!(r#"{{"subject":"{subject}","headers":{{}},"payload":{payload}}}"#)
        );
    }
}

#[test]
fn frames_with_damaged_bytes_never_fault_the_adapter_nor_cross_a_published_book() {
    let name = "binance_spot.hft-btc-120s";
    let state = std::cell::Cell::new(0x2545_F491_4F6C_DD1D_u64);
    let random = || {
        let mut next = state.get();
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        state.set(next);
        next as usize
    };
    let damaged = changed(name, |_, line| {
        let Some(start) = line.find("\"data\":").filter(|_| random() % 50 == 0) else {
            return vec![line.to_string()];
        };
        let mut record: Value = serde_json::from_str(line).expect("JSON");
        let mut data = record["data"].as_str().expect("data").as_bytes().to_vec();
        for _ in 0..=random() % 3 {
            let at = random() % data.len();
            data[at] = b" 0123456789.,:[]{}\"-eEx"[random() % 23];
        }
        assert!(start > 0);
        record["data"] = String::from_utf8(data).expect("ASCII").into();
        vec![record.to_string()]
    });
    let config = block(
        &["BTCUSDT"],
        "    orderbook: {method: websocket, nats_publish_depth: 5}\n",
    );
    let (messages, summary) = replay(&config, damaged.path());
    assert_eq!(summary["faults"], 0);
    assert!(
        summary["refused_frames"].as_u64().expect("a count") > 100,
        "{summary:#}"
    );
    for line in messages
        .lines()
        .filter(|line| line.starts_with("{\"subject\":\"orderbook."))
    {
        let message: Value = serde_json::from_str(line).expect("JSON");
        let best = |side: &str| -> f64 {
            let price = &message["payload"][side][0]["price"];
            price.as_str().expect("a price").parse().expect("a number")
        };
        assert!(best("bids") < best("asks"), "{line}");
    }
}
