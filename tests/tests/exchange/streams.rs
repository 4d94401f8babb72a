//! The rules of streams, each once.

use std::time::Duration;

use marketprism_tests::exchange::{End, Limits, Pace, Settings, Violation};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::client::{Client, LONG, start, stepped};

const SECOND: Duration = Duration::from_secs(1);

fn streams_of(frames: &[Value]) -> Vec<&str> {
    let mut names: Vec<_> = frames
        .iter()
        .filter_map(|frame| frame["stream"].as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn limited(limits: Limits) -> Settings {
    Settings {
        limits,
        ..stepped(&["BTCUSDT"])
    }
}

#[test]
fn a_combined_connection_gets_wrapped_frames_of_its_streams_only() {
    let exchange = start(stepped(&["BTCUSDT", "ETHUSDT"]));
    let names = [
        "btcusdt@aggTrade",
        "btcusdt@bookTicker",
        "btcusdt@depth",
        "btcusdt@depth@100ms",
        "ethusdt@trade",
    ];
    let mut client = Client::open(&exchange, &format!("/stream?streams={}", names.join("/")));
    exchange.advance(3 * SECOND);
    exchange.close_connections();
    let frames = client.rest_json();
    assert_eq!(streams_of(&frames), names);
    for frame in &frames {
        let keys: Vec<_> = frame.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["data", "stream"]);
    }
    let of = |stream: &str| {
        frames
            .iter()
            .filter(|frame| frame["stream"] == stream)
            .count()
    };
    assert!((2..=3).contains(&of("btcusdt@depth")));
    assert!((28..=30).contains(&of("btcusdt@depth@100ms")));
}

#[test]
fn a_raw_connection_gets_bare_payloads() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let mut client = Client::open(&exchange, "/ws/btcusdt@trade/btcusdt@depth@100ms");
    exchange.advance(SECOND);
    exchange.close_connections();
    let frames = client.rest_json();
    assert!(frames.iter().any(|frame| frame["e"] == "trade"));
    assert!(frames.iter().any(|frame| frame["e"] == "depthUpdate"));
    assert!(frames.iter().all(|frame| frame["s"] == "BTCUSDT"));
}

#[test]
fn streams_can_be_asked_for_and_given_up() {
    let exchange = start(stepped(&["BTCUSDT", "ETHUSDT"]));
    let mut client = Client::open(&exchange, "/ws");
    client.say(r#"{"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@trade"],"id":1}"#);
    assert_eq!(client.json(), json!({"result": null, "id": 1}));
    exchange.advance(SECOND);
    assert_eq!(client.json()["e"], "trade");
    client.say(r#"{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":2}"#);
    client.say(r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#);
    let mut answers = Vec::new();
    while answers.len() < 2 {
        let message = client.json();
        if message.get("id").is_some() {
            answers.push(message);
        }
    }
    let expected = [
        json!({"result": null, "id": 2}),
        json!({"result": ["ethusdt@trade"], "id": 3}),
    ];
    assert_eq!(answers, expected);
    assert_eq!(exchange.streams_now(), [(1, "ethusdt@trade".to_owned())]);
    let before = exchange.truth().now_ns() / 1_000_000;
    exchange.advance(SECOND);
    exchange.close_connections();
    let late = client
        .rest_json()
        .into_iter()
        .filter(|frame| frame["E"].as_u64().unwrap() > before);
    let symbols: Vec<_> = late.map(|frame| frame["s"].clone()).collect();
    assert!(!symbols.is_empty() && symbols.iter().all(|symbol| symbol == "ETHUSDT"));
}

#[test]
fn a_bad_request_gets_an_error_object_and_the_connection_lives() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let mut client = Client::open(&exchange, "/ws");
    client.say("SUBSCRIBE btcusdt@trade");
    assert_eq!(client.json()["error"]["code"], 3);
    client.say(r#"{"method":"JOIN","id":1}"#);
    assert_eq!(client.json()["error"]["code"], 2);
    client.say(r#"{"method":"GET_PROPERTY","params":["combined"],"id":2}"#);
    assert_eq!(client.json(), json!({"result": false, "id": 2}));
}

#[test]
fn an_unknown_stream_is_accepted_and_stays_silent() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let mut client = Client::open(&exchange, "/ws/BTCUSDT@trade/nosuch@trade");
    client.say(r#"{"method":"SUBSCRIBE","params":["btcusdt@nothing"],"id":9}"#);
    assert_eq!(client.json(), json!({"result": null, "id": 9}));
    exchange.advance(SECOND);
    exchange.close_connections();
    assert_eq!(client.rest(), Vec::<String>::new());
}

#[test]
fn who_answers_pings_lives_and_what_it_has_read_is_confirmed() {
    let exchange = start(limited(Limits {
        ping_every: Duration::from_millis(300),
        pong_within: Duration::from_millis(900),
        ..Limits::default()
    }));
    let mut client = Client::open(&exchange, "/ws/btcusdt@trade");
    exchange.advance(SECOND);
    for _ in 0..5 {
        client.ping();
    }
    assert!(exchange.eventually(LONG, |exchange| {
        exchange
            .connections()
            .first()
            .is_some_and(|it| it.pongs == 5)
    }));
    let record = exchange.connections().remove(0);
    assert_eq!(record.ended, None);
    assert_eq!(record.confirmed, exchange.sent().len() as u64);
    assert!(record.confirmed > 50);
}

#[test]
fn who_answers_no_ping_is_cut_and_an_unasked_pong_does_not_help() {
    let exchange = start(limited(Limits {
        ping_every: Duration::from_millis(50),
        pong_within: Duration::from_millis(200),
        ..Limits::default()
    }));
    let mut client = Client::open(&exchange, "/ws");
    client.send(Message::Pong(Bytes::from_static(b"here I am")));
    // The library would answer pings if it read them.
    // The client may know of its connection before the exchange has written it down.
    assert!(exchange.eventually(LONG, |exchange| {
        exchange
            .connections()
            .first()
            .is_some_and(|it| it.ended.is_some())
    }));
    let ended = exchange.connections()[0].ended.map(|(_, end)| end);
    assert_eq!(ended, Some(End::NoPong));
    assert_eq!(client.end(), None);
}

#[test]
fn more_than_five_messages_in_a_second_end_the_connection() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let mut client = Client::open(&exchange, "/ws");
    for id in 1..=6 {
        client.say(&format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#));
    }
    assert_eq!(client.end().unwrap().code, CloseCode::Policy);
    assert_eq!(exchange.limit_violations(), [Violation::Messages(1)]);
}

#[test]
fn pings_and_pongs_count_as_messages() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let mut client = Client::open(&exchange, "/ws");
    for _ in 0..3 {
        client.send(Message::Ping(Bytes::new()));
        client.send(Message::Pong(Bytes::new()));
    }
    assert_eq!(client.end().unwrap().code, CloseCode::Policy);
    assert_eq!(exchange.limit_violations(), [Violation::Messages(1)]);
}

#[test]
fn a_connection_has_at_most_1024_streams() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let names = |count| {
        let names: Vec<_> = (0..count)
            .map(|number| format!("made{number}usdt@depth@100ms"))
            .collect();
        format!("/stream?streams={}", names.join("/"))
    };
    let mut full = Client::open(&exchange, &names(1_024));
    let mut over = Client::open(&exchange, &names(1_025));
    assert_eq!(over.end().unwrap().code, CloseCode::Policy);
    assert_eq!(exchange.limit_violations(), [Violation::Streams(2)]);
    full.say(r#"{"method":"SUBSCRIBE","params":["onemore@trade"],"id":1}"#);
    assert_eq!(full.end().unwrap().code, CloseCode::Policy);
    assert_eq!(
        exchange.limit_violations(),
        [Violation::Streams(2), Violation::Streams(1)]
    );
}

#[test]
fn connections_are_refused_beyond_their_number_until_the_window_has_passed() {
    let exchange = start(limited(Limits {
        connections_max: 3,
        connections_window: Duration::from_millis(1_500),
        ..Limits::default()
    }));
    let clients: Vec<_> = (0..3).map(|_| Client::open(&exchange, "/ws")).collect();
    drop(clients);
    assert!(Client::try_open(&exchange, "/ws").is_err());
    assert_eq!(exchange.limit_violations(), [Violation::Connections]);
    assert!(exchange.eventually(LONG, |exchange| Client::try_open(exchange, "/ws").is_ok()));
}

#[test]
fn a_connection_is_cut_at_its_age_after_a_notice() {
    let exchange = start(limited(Limits {
        cut_after: Duration::from_millis(600),
        shutdown_notice: Some(Duration::from_millis(300)),
        ..Limits::default()
    }));
    let mut combined = Client::open(&exchange, "/stream");
    let mut raw = Client::open(&exchange, "/ws");
    let notice = combined.json();
    assert_eq!(notice["stream"], "!serverShutdown");
    assert_eq!(notice["data"]["e"], "serverShutdown");
    assert_eq!(raw.json()["e"], "serverShutdown");
    assert_eq!(combined.end().unwrap().code, CloseCode::Away);
    assert_eq!(raw.end().unwrap().code, CloseCode::Away);
    assert!(exchange.eventually(LONG, |exchange| {
        let mut records = exchange.connections().into_iter();
        records.all(|record| matches!(record.ended, Some((_, End::TooOld))) && record.complete)
    }));
    for record in exchange.connections() {
        let age = record.ended.unwrap().0 - record.opened;
        assert!((0.55..2.0).contains(&age.as_secs_f64()), "{age:?}");
    }
}

#[test]
fn one_connection_can_be_told_of_its_end_and_ended_while_another_lives() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let mut first = Client::open(&exchange, "/stream?streams=btcusdt@trade");
    let mut second = Client::open(&exchange, "/ws/btcusdt@trade");
    assert!(exchange.eventually(LONG, |exchange| exchange.connections_now() == 2));
    exchange.shut_down(Some(1), Duration::from_millis(100));
    assert_eq!(first.json()["data"]["e"], "serverShutdown");
    assert_eq!(first.end().unwrap().code, CloseCode::Away);
    exchange.advance(SECOND);
    assert_eq!(second.json()["e"], "trade");
    exchange.shut_down(None, Duration::ZERO);
    let rest = second.rest_json();
    assert_eq!(rest.last().unwrap()["e"], "serverShutdown");
}

#[test]
fn who_does_not_take_its_frames_at_real_pace_is_cut() {
    let exchange = start(Settings {
        pace: Pace::Real,
        queue_frames_max: 8,
        ..super::client::stepped_at(&["BTCUSDT", "ETHUSDT"], 200_000)
    });
    let _client = Client::open(&exchange, "/stream?streams=btcusdt@trade/ethusdt@trade");
    assert!(exchange.eventually(LONG, |exchange| {
        let first = exchange.connections().into_iter().next();
        matches!(first.and_then(|it| it.ended), Some((_, End::TooSlow)))
    }));
}

#[test]
fn an_address_that_is_none_of_streams_is_not_found() {
    let exchange = start(stepped(&["BTCUSDT"]));
    assert!(Client::try_open(&exchange, "/streams?streams=btcusdt@trade").is_err());
    assert!(Client::try_open(&exchange, "/wsx").is_err());
}
