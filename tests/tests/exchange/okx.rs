//! OKX, spot and swaps: what a client says and is told, chains of books, forced orders, what is polled, and limits.

use std::collections::BTreeMap;
use std::time::Duration;

use marketprism_tests::exchange::{
    DatumKind, End, FrameFault, Item, Limits, MarketSource, Pace, Scales, Settings, Simulator,
    Source, Venue, Violation, Ways,
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::client::{Client, LONG, get, start, stepped_venue};

const SECOND: Duration = Duration::from_secs(1);
const SPOT: [&str; 2] = ["BTC-USDT", "ETH-USDT"];
const SWAP: [&str; 2] = ["BTC-USDT-SWAP", "ETH-USDT-SWAP"];

fn spot() -> Settings {
    stepped_venue(Venue::OkxSpot, &SPOT)
}

fn swap() -> Settings {
    stepped_venue(Venue::OkxDerivatives, &SWAP)
}

fn subscribe(client: &mut Client, channel: &str, instrument: &str) -> Value {
    client.say(
        &json!({"op": "subscribe", "args": [{"channel": channel, "instId": instrument}]})
            .to_string(),
    );
    client
        .until(|message| message.get("event").is_some())
        .pop()
        .unwrap()
}

#[test]
fn each_argument_is_acknowledged_or_refused_by_itself_with_the_clients_id() {
    let exchange = start(spot());
    let mut client = Client::open(&exchange, "");
    client.say(
        r#"{"id":"1512","op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},{"channel":"trades","instId":"NOPE-USDT"},{"channel":"candle1m","instId":"BTC-USDT"}]}"#,
    );
    let taken = client.next().unwrap();
    let expected = r#"{"id":"1512","event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"a4d30001"}"#;
    assert_eq!(taken, expected);
    let refused = client.json();
    assert_eq!(
        (&refused["event"], &refused["code"]),
        (&json!("error"), &json!("60018"))
    );
    assert_eq!(
        refused["msg"],
        "Wrong URL or channel:trades,instId:NOPE-USDT doesn't exist. Please use the correct URL, channel and parameters referring to API document."
    );
    assert_eq!(client.json()["code"], "60018");
    assert_eq!(exchange.streams_now(), [(1, "trades:BTC-USDT".to_owned())]);
    client.say(r#"{"op":"unsubscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}"#);
    let given_up = client.json();
    assert_eq!(given_up["event"], "unsubscribe");
    assert_eq!(given_up["arg"]["instId"], "BTC-USDT");
    assert_eq!(exchange.streams_now(), []);
}

#[test]
fn bad_requests_and_channels_that_need_a_login_are_refused() {
    let exchange = start(spot());
    let mut client = Client::open(&exchange, "");
    for text in ["x", r#"{"op":"join","args":[]}"#, r#"{"args":[]}"#] {
        client.say(text);
        let answer = client.json();
        assert_eq!(
            (&answer["event"], &answer["code"]),
            (&json!("error"), &json!("60012"))
        );
        assert_eq!(answer["msg"], format!("Invalid request: {text}"));
    }
    assert_eq!(
        subscribe(&mut client, "books-l2-tbt", "BTC-USDT")["code"],
        "60011"
    );
    client.say("ping");
    assert_eq!(client.next().as_deref(), Some("pong"));
    assert!(Client::try_open(&exchange, "/other").is_err());
}

#[test]
fn who_says_nothing_is_cut_and_who_pings_lives_even_while_data_flows() {
    let exchange = start(Settings {
        pace: Pace::Real,
        limits: Limits {
            idle_after: Some(Duration::from_millis(600)),
            ..Limits::of(Venue::OkxSpot)
        },
        ..spot()
    });
    let mut silent = Client::open(&exchange, "");
    let mut lively = Client::open(&exchange, "");
    assert_eq!(
        subscribe(&mut silent, "trades", "BTC-USDT")["event"],
        "subscribe"
    );
    let ended = |exchange: &Simulator| {
        exchange
            .connections()
            .first()
            .is_some_and(|it| it.ended.is_some())
    };
    std::thread::scope(|scope| {
        let listener = scope.spawn(move || silent.end());
        while !ended(&exchange) {
            lively.say("ping");
            assert_eq!(lively.next().as_deref(), Some("pong"));
        }
        let closed = listener.join().unwrap().unwrap();
        assert_eq!(closed.code, CloseCode::Library(4_004));
    });
    lively.say("ping");
    assert_eq!(lively.next().as_deref(), Some("pong"));
    let records = exchange.connections();
    assert!(
        matches!(records[0].ended, Some((_, End::Idle))),
        "{records:?}"
    );
    assert_eq!(records[1].ended, None);
}

#[test]
fn three_connections_a_second_are_allowed() {
    let exchange = start(spot());
    let clients: Vec<_> = (0..3).map(|_| Client::open(&exchange, "")).collect();
    assert!(Client::try_open(&exchange, "").is_err());
    assert_eq!(exchange.limit_violations(), [Violation::Connections]);
    assert!(exchange.eventually(LONG, |exchange| Client::try_open(exchange, "").is_ok()));
    drop(clients);
}

#[test]
fn requests_for_streams_have_a_budget() {
    let exchange = start(spot());
    let mut client = Client::open(&exchange, "");
    for _ in 0..480 {
        client.say(r#"{"op":"unsubscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}"#);
        assert_eq!(client.json()["event"], "unsubscribe");
    }
    client.say(r#"{"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}"#);
    assert_eq!(client.json()["code"], "60014");
    assert_eq!(exchange.violations()["subscriptions"], 1);
    assert_eq!(exchange.streams_now(), []);
}

/// What somebody knows who only applies frames.
#[derive(Default)]
struct Book {
    id: i64,
    sides: [BTreeMap<u64, (String, String)>; 2],
    keep_alives: u32,
    resets: u32,
}

impl Book {
    /// By the rules of the chain; false for a frame that is none of a book.
    fn apply(&mut self, frame: &Value) -> bool {
        if frame["arg"]["channel"] != "books" || frame["data"].is_null() {
            return false;
        }
        let data = &frame["data"][0];
        assert_eq!(data["checksum"], 0);
        let id = |key: &str| data[key].as_i64().unwrap();
        let (seq, previous) = (id("seqId"), id("prevSeqId"));
        if previous == -1 {
            assert_eq!(frame["action"], "snapshot");
            self.sides = Default::default();
        } else {
            assert_eq!(
                (frame["action"].as_str(), previous),
                (Some("update"), self.id)
            );
        }
        self.keep_alives += u32::from(seq == previous);
        self.resets += u32::from(seq < previous);
        for (side, name) in self.sides.iter_mut().zip(["bids", "asks"]) {
            for level in data[name].as_array().unwrap() {
                let [price, quantity] = [0, 1].map(|part| level[part].as_str().unwrap());
                assert!(level[2] == "0" && (level[3] == "0") == (quantity == "0"));
                let key = (price.parse::<f64>().unwrap() * 1e4).round() as u64;
                if quantity == "0" {
                    assert!(side.remove(&key).is_some(), "{price} was not there");
                } else {
                    side.insert(key, (price.to_owned(), quantity.to_owned()));
                }
            }
        }
        self.id = seq;
        true
    }

    fn check(&self, exchange: &Simulator, symbol: &str) {
        let truth = exchange.truth().top_text(symbol, self.id as u64, 400);
        let bids = self.sides[0].values().rev().cloned().collect();
        let asks = self.sides[1].values().cloned().collect();
        assert_eq!(truth, Some((bids, asks)), "{}", self.id);
    }
}

#[test]
fn a_book_of_400_levels_is_true_at_every_id_through_a_renewal_and_a_reset() {
    for (settings, symbol) in [(spot(), "BTC-USDT"), (swap(), "ETH-USDT-SWAP")] {
        let exchange = start(settings);
        exchange.advance(SECOND);
        let mut client = Client::open(&exchange, "");
        subscribe(&mut client, "books", symbol);
        exchange.advance(3 * SECOND);
        exchange.restart_update_ids(symbol);
        exchange.advance(3 * SECOND);
        client.say(&format!(
            r#"{{"op":"unsubscribe","args":[{{"channel":"books","instId":"{symbol}"}}]}}"#
        ));
        let mut frames = client.until(|frame| frame["event"] == "unsubscribe");
        subscribe(&mut client, "books", symbol);
        exchange.advance(2 * SECOND);
        exchange.close_connections();
        frames.extend(client.rest_json());
        let mut book = Book::default();
        let mut applied = 0;
        let mut snapshots = 0;
        for frame in &frames {
            snapshots += u32::from(frame["action"] == "snapshot");
            if book.apply(frame) {
                book.check(&exchange, symbol);
                applied += 1;
            }
        }
        assert!(applied > 70 && snapshots == 2, "{applied} {snapshots}");
        assert_eq!((book.resets, book.keep_alives), (1, 0));
        let chain = exchange.sent().into_iter();
        let ids = chain.filter_map(|entry| match entry.item {
            Item::Book { id, .. } => Some(id),
            _ => None,
        });
        assert_eq!(ids.count(), applied);
    }
}

#[test]
fn an_answer_with_a_book_joins_the_chain() {
    let exchange = start(Settings {
        ways: Ways {
            no_first_book: true,
        },
        ..spot()
    });
    let mut client = Client::open(&exchange, "");
    subscribe(&mut client, "books", "BTC-USDT");
    exchange.advance(SECOND);
    let answer = get(&exchange, "/api/v5/market/books?instId=BTC-USDT&sz=400").json();
    assert_eq!(answer["code"], "0");
    let row = &answer["data"][0];
    let begin = json!({"arg": {"channel": "books"}, "action": "snapshot", "data": [{
        "bids": row["bids"], "asks": row["asks"], "checksum": 0,
        "seqId": row["seqId"], "prevSeqId": -1,
    }]});
    let mut book = Book::default();
    assert!(book.apply(&begin));
    book.check(&exchange, "BTC-USDT");
    exchange.advance(SECOND);
    exchange.close_connections();
    let mut applied = 0;
    for frame in client.rest_json() {
        assert_ne!(frame["action"], "snapshot");
        if frame["data"][0]["seqId"].as_i64() > Some(book.id) {
            book.apply(&frame);
            book.check(&exchange, "BTC-USDT");
            applied += 1;
        }
    }
    assert!(applied >= 9, "{applied}");
}

#[test]
fn a_quiet_book_says_now_and_then_that_it_is_there() {
    let exchange = start(Settings {
        scales: Scales {
            keep_alive: SECOND,
            ..Scales::default()
        },
        source: Source::Market(MarketSource {
            symbols: Vec::new(),
            quiet_symbols: vec!["BTC-USDT".to_owned()],
            ..MarketSource::default()
        }),
        ..spot()
    });
    let mut client = Client::open(&exchange, "");
    subscribe(&mut client, "books", "BTC-USDT");
    exchange.advance(5 * SECOND);
    exchange.close_connections();
    let mut book = Book::default();
    for frame in client.rest_json() {
        assert!(book.apply(&frame));
    }
    assert!((4..=5).contains(&book.keep_alives), "{}", book.keep_alives);
    book.check(&exchange, "BTC-USDT");
}

#[test]
fn a_trade_is_what_one_order_traded_at_one_price_and_singles_come_by_rest() {
    let exchange = start(swap());
    let mut client = Client::open(&exchange, "");
    subscribe(&mut client, "trades", "BTC-USDT-SWAP");
    exchange.advance(5 * SECOND);
    exchange.close_connections();
    let mut last = None;
    let mut several = 0;
    let told = client.rest_json();
    for frame in &told {
        let trade = &frame["data"][0];
        let number = |key: &str| trade[key].as_str().unwrap().parse::<u64>().unwrap();
        let (id, count) = (number("tradeId"), number("count"));
        if let Some(last) = last {
            assert_eq!(id, last + count);
        }
        several += u32::from(count > 1);
        last = Some(id);
        let truth = exchange.truth().trade("BTC-USDT-SWAP", id).unwrap();
        assert_eq!(number("ts"), truth.time_ms);
        let side = if truth.trade.buyer_is_maker {
            "sell"
        } else {
            "buy"
        };
        assert_eq!(trade["side"], side);
        let terms = exchange.truth().terms("BTC-USDT-SWAP").unwrap();
        let price = exchange
            .truth()
            .number(truth.trade.level.price, terms.price_decimals);
        assert_eq!(trade["px"], price);
    }
    assert!(told.len() > 100 && several > 5, "{} {several}", told.len());
    let after = last.unwrap() - 3;
    let path = "/api/v5/market/history-trades?instId=BTC-USDT-SWAP";
    let answer = get(&exchange, &format!("{path}&after={after}&limit=5")).json();
    let ids: Vec<_> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["tradeId"].clone())
        .collect();
    let expected: Vec<_> = (1..=5)
        .map(|back| json!((after - back).to_string()))
        .collect();
    assert_eq!(ids, expected);
    let newest = get(&exchange, &format!("{path}&limit=1")).json();
    assert_eq!(newest["data"][0]["tradeId"], last.unwrap().to_string());
}

#[test]
fn forced_orders_of_all_instruments_come_together_with_every_detail() {
    let exchange = start(swap());
    let mut client = Client::open(&exchange, "");
    client.say(
        r#"{"op":"subscribe","args":[{"channel":"liquidation-orders","instId":"BTC-USDT-SWAP"}]}"#,
    );
    assert_eq!(client.json()["code"], "60018");
    client.say(r#"{"op":"subscribe","args":[{"channel":"liquidation-orders","instType":"SWAP","instId":"BTC-USDT-SWAP"}]}"#);
    let arg = json!({"channel": "liquidation-orders", "instType": "SWAP"});
    assert_eq!(client.json()["arg"], arg);
    exchange.advance(20 * SECOND);
    exchange.close_connections();
    let happened = exchange.truth().liquidations();
    let mut told = Vec::new();
    let mut most = 0;
    for frame in client.rest_json() {
        assert_eq!(frame["arg"], arg);
        for row in frame["data"].as_array().unwrap() {
            let details = row["details"].as_array().unwrap();
            most = most.max(details.len());
            for detail in details {
                told.push((row["instId"].clone(), detail.clone()));
            }
        }
    }
    assert!(told.len() == happened.len() && told.len() > 20 && most > 1);
    for one in &happened {
        let number = |count, decimals| exchange.truth().number(count, decimals);
        let side = if one.sold {
            ("long", "sell")
        } else {
            ("short", "buy")
        };
        let detail = json!({
            "bkLoss": "0", "ccy": "", "posSide": side.0, "side": side.1,
            "bkPx": number(one.price, one.terms.price_decimals),
            "sz": number(one.quantity, one.terms.quantity_decimals),
            "ts": one.time_ms.to_string(),
        });
        assert!(told.contains(&(json!(one.terms.symbol), detail)), "{one:?}");
    }
}

#[test]
fn what_is_polled_is_written_down_and_comes_on_its_channel_too() {
    let exchange = start(swap());
    let mut client = Client::open(&exchange, "");
    subscribe(&mut client, "funding-rate", "BTC-USDT-SWAP");
    let first = client.json();
    let by_rest = get(
        &exchange,
        "/api/v5/public/funding-rate?instId=BTC-USDT-SWAP",
    )
    .json();
    assert_eq!(first["data"], by_rest["data"]);
    let told = exchange.told_of(DatumKind::Funding);
    for (key, value) in &told[0].fields {
        assert_eq!(by_rest["data"][0][key], value.as_str(), "{key}");
    }
    exchange.advance(2 * SECOND);
    assert_ne!(client.json()["data"][0]["ts"], first["data"][0]["ts"]);
    let path = "/api/v5/public/open-interest?instType=SWAP&instId=BTC-USDT-SWAP";
    let interest = get(&exchange, path).json()["data"][0].clone();
    let number = |key: &str| interest[key].as_str().unwrap().parse::<f64>().unwrap();
    assert!((number("oiCcy") - number("oi") * 0.01).abs() < 1e-6);
    let mark = get(
        &exchange,
        "/api/v5/public/mark-price?instType=SWAP&instId=BTC-USDT-SWAP",
    );
    let mark: f64 = mark.json()["data"][0]["markPx"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((number("oiUsd") / (number("oiCcy") * mark) - 1.0).abs() < 1e-9);
    let all = get(&exchange, "/api/v5/public/instruments?instType=SWAP").json();
    let values: Vec<_> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["ctVal"].clone())
        .collect();
    assert_eq!(values, ["0.01", "0.1"]);
    assert_eq!(exchange.told_of(DatumKind::OpenInterest).len(), 1);
}

#[test]
fn ratios_come_newest_first_and_have_a_budget_for_each_instrument() {
    let exchange = start(swap());
    exchange.advance(SECOND);
    let rubik = "/api/v5/rubik/stat/contracts";
    let top = format!("{rubik}/long-short-position-ratio-contract-top-trader?period=5m&instId=");
    let answer = get(&exchange, &format!("{top}BTC-USDT-SWAP&limit=2")).json();
    let time =
        |place: usize| -> u64 { answer["data"][place][0].as_str().unwrap().parse().unwrap() };
    assert_eq!(time(0) - time(1), 2_000);
    let told = exchange.told_of(DatumKind::RatioTopPosition);
    let rows: Vec<_> = told
        .iter()
        .map(|row| json!([row.time_ms.to_string(), row.field("ratio")]))
        .collect();
    assert_eq!(answer["data"], json!(rows));
    let statuses: Vec<_> = (0..5)
        .map(|_| get(&exchange, &format!("{top}BTC-USDT-SWAP")).status)
        .collect();
    assert_eq!(statuses, [200, 200, 200, 200, 429]);
    assert_eq!(get(&exchange, &format!("{top}ETH-USDT-SWAP")).status, 200);
    let coin = get(
        &exchange,
        &format!("{rubik}/long-short-account-ratio?ccy=BTC&period=5m"),
    );
    assert_eq!(coin.json()["code"], "0");
    assert_eq!(exchange.limit_violations(), [Violation::Requests]);
    let limited = get(&exchange, &format!("{top}BTC-USDT-SWAP"));
    assert_eq!(limited.json()["code"], "50011");
}

#[test]
fn an_unknown_instrument_is_refused_with_a_code() {
    let exchange = start(spot());
    let unknown = get(&exchange, "/api/v5/market/books?instId=NOPE-USDT");
    assert_eq!(
        (unknown.status, &unknown.json()["code"]),
        (200, &json!("51001"))
    );
    let nothing = get(&exchange, "/api/v5/market/books");
    assert_eq!(
        (nothing.status, &nothing.json()["code"]),
        (400, &json!("50014"))
    );
    assert_eq!(get(&exchange, "/api/v5/nothing").status, 404);
    let time = get(&exchange, "/api/v5/public/time").json();
    let now = exchange.truth().now_ns() / 1_000_000;
    assert_eq!(time["data"][0]["ts"], now.to_string());
    let spot = get(
        &exchange,
        "/api/v5/public/instruments?instType=SPOT&instId=BTC-USDT",
    )
    .json();
    assert_eq!(spot["data"][0]["tickSz"], "0.1");
}

#[test]
fn a_silent_stream_speaks_again_when_it_is_asked_for_again() {
    let exchange = start(spot());
    exchange.inject("books:BTC-USDT", FrameFault::Silence, 1);
    let mut client = Client::open(&exchange, "");
    subscribe(&mut client, "books", "BTC-USDT");
    exchange.advance(2 * SECOND);
    assert_eq!(
        subscribe(&mut client, "books", "BTC-USDT")["event"],
        "subscribe"
    );
    assert_eq!(client.json()["action"], "snapshot");
    exchange.advance(SECOND);
    assert_eq!(client.json()["action"], "update");
}

#[test]
fn the_end_is_announced() {
    let exchange = start(spot());
    let mut client = Client::open(&exchange, "");
    assert!(exchange.eventually(LONG, |exchange| exchange.connections_now() == 1));
    exchange.shut_down(None, Duration::from_millis(50));
    assert_eq!(client.json()["code"], "64008");
    assert_eq!(client.end().unwrap().code, CloseCode::Away);
}
