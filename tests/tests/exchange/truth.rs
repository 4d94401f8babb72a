//! The truth: what a naive book makes of streams without faults is what the exchange says is true.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use marketprism_tests::capture::{Recording, START_NS};
use marketprism_tests::exchange::{Pace, Settings, Side, Simulator, Source};
use marketprism_tests::market::Market;
use serde_json::Value;

use super::client::{Client, LONG, get, start, stepped, stepped_at};

const SECOND: Duration = Duration::from_secs(1);

/// Applies what it is told, by the exchange's rules, and nothing more. Prices are compared as texts of one width.
struct NaiveBook {
    update_id: u64,
    bids: BTreeMap<String, String>,
    asks: BTreeMap<String, String>,
}

impl NaiveBook {
    fn of(answer: &Value) -> Self {
        let mut book = Self {
            update_id: answer["lastUpdateId"].as_u64().unwrap(),
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
        };
        book.set(&answer["bids"], &answer["asks"]);
        book
    }

    fn set(&mut self, bids: &Value, asks: &Value) {
        for (side, changes) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for change in changes.as_array().unwrap() {
                let (price, quantity) = (change[0].as_str().unwrap(), change[1].as_str().unwrap());
                let key = format!("{price:0>24}");
                if quantity.trim_matches(['0', '.']).is_empty() {
                    side.remove(&key);
                } else {
                    side.insert(key, quantity.to_owned());
                }
            }
        }
    }

    /// False for an update that it holds already.
    fn apply(&mut self, data: &Value) -> bool {
        let (first, last) = (data["U"].as_u64().unwrap(), data["u"].as_u64().unwrap());
        if last <= self.update_id {
            return false;
        }
        assert!(
            first <= self.update_id + 1,
            "a gap: {} {first}",
            self.update_id
        );
        self.set(&data["b"], &data["a"]);
        self.update_id = last;
        true
    }

    fn top(&self, levels: usize) -> (Side, Side) {
        let text = |(price, quantity): (&String, &String)| {
            let price = price.trim_start_matches('0');
            let zero = if price.starts_with('.') { "0" } else { "" };
            (format!("{zero}{price}"), quantity.clone())
        };
        (
            self.bids.iter().rev().take(levels).map(text).collect(),
            self.asks.iter().take(levels).map(text).collect(),
        )
    }
}

/// Follows one depth stream of a stepped exchange; how many updates it applied.
fn follow(exchange: &Simulator, symbol: &str, speed: &str, levels: usize) -> usize {
    let stream = format!("{}@depth{speed}", symbol.to_ascii_lowercase());
    let mut client = Client::open(exchange, &format!("/stream?streams={stream}"));
    exchange.advance(SECOND / 2);
    let answer = get(
        exchange,
        &format!("/api/v3/depth?symbol={symbol}&limit=5000"),
    );
    exchange.advance(19 * SECOND);
    exchange.close_connections();
    let mut book = NaiveBook::of(&answer.json());
    let mut applied = 0;
    for frame in client.rest_json() {
        if book.apply(&frame["data"]) {
            let truth = exchange.truth().top_text(symbol, book.update_id, levels);
            assert_eq!(Some(book.top(levels)), truth, "{symbol} {}", book.update_id);
            applied += 1;
        }
    }
    applied
}

#[test]
fn a_naive_book_is_the_true_one_at_every_update() {
    let exchange = start(stepped(&["BTCUSDT", "XRPUSDT"]));
    for symbol in ["BTCUSDT", "XRPUSDT"] {
        let applied = follow(&exchange, symbol, "@100ms", 1_000);
        assert!((185..=195).contains(&applied), "{applied}");
        let applied = follow(&exchange, symbol, "", 1_000);
        assert!((18..=20).contains(&applied), "{applied}");
    }
}

#[test]
fn a_livelier_market_is_as_true() {
    let exchange = start(stepped_at(&["ETHUSDT"], 20_000));
    let before = exchange.truth().update_id("ETHUSDT").unwrap();
    let applied = follow(&exchange, "ETHUSDT", "@100ms", 20);
    assert!(applied > 180);
    let changes = exchange.truth().update_id("ETHUSDT").unwrap() - before;
    assert!(changes > 200_000, "{changes}");
    assert!(exchange.truth().top("ETHUSDT", before, 20).is_some());
    assert!(
        exchange
            .truth()
            .top("ETHUSDT", before + changes / 2, 20)
            .is_some()
    );
    assert!(
        exchange
            .truth()
            .top("ETHUSDT", before + changes + 1, 20)
            .is_none()
    );
}

#[test]
fn best_prices_and_trades_on_the_streams_are_the_true_ones() {
    let exchange = start(stepped(&["BTCUSDT"]));
    let mut client = Client::open(&exchange, "/ws/btcusdt@bookTicker/btcusdt@trade");
    exchange.advance(5 * SECOND);
    exchange.close_connections();
    let (mut tickers, mut trades) = (0, 0);
    for data in client.rest_json() {
        let text = |key: &str| data[key].as_str().unwrap().to_owned();
        if let Some(update_id) = data["u"].as_u64() {
            let top = exchange.truth().top_text("BTCUSDT", update_id, 1).unwrap();
            let told = (vec![(text("b"), text("B"))], vec![(text("a"), text("A"))]);
            assert_eq!(told, top);
            tickers += 1;
        } else {
            let truth = exchange
                .truth()
                .trade("BTCUSDT", data["t"].as_u64().unwrap())
                .unwrap();
            assert_eq!(data["T"], truth.time_ms);
            assert_eq!(data["m"], truth.trade.buyer_is_maker);
            trades += 1;
        }
    }
    assert!(tickers > 100 && trades > 200, "{tickers} {trades}");
}

#[test]
fn the_same_seed_tells_the_same_whatever_the_steps() {
    let told = |seed, steps: u32| {
        let exchange = start(Settings {
            seed,
            ..stepped(&["BTCUSDT", "ETHUSDT"])
        });
        let streams = "btcusdt@trade/btcusdt@depth@100ms/ethusdt@aggTrade/ethusdt@bookTicker";
        let mut client = Client::open(&exchange, &format!("/stream?streams={streams}"));
        for _ in 0..steps {
            exchange.advance(2 * SECOND / steps);
        }
        exchange.close_connections();
        client.rest()
    };
    let once = told(5, 1);
    assert!(once.len() > 300, "{}", once.len());
    assert_eq!(once, told(5, 4));
    assert_ne!(once, told(6, 1));
}

/// A recording whose truth is known: that of the market it was made of.
fn recorded() -> (tempfile::NamedTempFile, Recording) {
    let recording = Recording {
        seed: 3,
        seconds: 20,
        symbols: vec!["BTCUSDT".to_owned(), "SOLUSDT".to_owned()],
    };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    recording.write(&mut file).unwrap();
    file.flush().unwrap();
    (file, recording)
}

#[test]
fn a_recording_is_told_as_it_was_and_its_books_are_true() {
    let (file, recording) = recorded();
    let exchange = start(Settings {
        source: Source::Recording(file.path().to_owned()),
        pace: Pace::Stepped,
        ..Settings::default()
    });
    let applied = follow(&exchange, "SOLUSDT", "@100ms", 100);
    assert!(applied > 180, "{applied}");
    let update_id = exchange.truth().update_id("SOLUSDT").unwrap();
    let mut market = Market::open(recording.seed, &recording.symbols, START_NS);
    market.advance(START_NS + 20_000_000_000);
    let listing = market.listing("SOLUSDT").unwrap();
    let expected = listing.top_at(update_id, 100).unwrap();
    let price = |count: u64, decimals| marketprism_tests::binance_form::decimal(count, decimals);
    let best = &exchange
        .truth()
        .top_text("SOLUSDT", update_id, 1)
        .unwrap()
        .0[0];
    let bid = expected.bids[0];
    assert_eq!(*best, (price(bid.price, 2), price(bid.quantity, 3)));
}

#[test]
fn a_recording_at_full_speed_comes_whole_and_ends() {
    let (file, _) = recorded();
    let frames = std::fs::read_to_string(file.path()).unwrap();
    let expected = frames.matches("btcusdt@trade").count();
    let exchange = start(Settings {
        source: Source::Recording(file.path().to_owned()),
        pace: Pace::Fastest,
        ..Settings::default()
    });
    let mut client = Client::open(&exchange, "/stream?streams=btcusdt@trade");
    assert!(exchange.eventually(LONG, |exchange| exchange.truth().ended()));
    exchange.close_connections();
    assert_eq!(client.rest().len(), expected);
    let trades = get(&exchange, "/api/v3/historicalTrades?symbol=BTCUSDT&limit=5").json();
    assert_eq!(trades.as_array().unwrap().len(), 5);
}

#[test]
fn the_truth_of_a_real_recording_is_what_an_independent_replay_found() {
    let name = "binance_spot.hft-btc-120s";
    let exchange = start(Settings {
        source: Source::Recording(marketprism_tests::capture(name)),
        pace: Pace::Stepped,
        ..Settings::default()
    });
    exchange.advance(130 * SECOND);
    assert!(exchange.truth().ended());
    let text = std::fs::read_to_string(marketprism_tests::oracle(name)).unwrap();
    let oracle: Value = serde_json::from_str(&text).unwrap();
    let wanted = &oracle["sessions"]["hft-btc-120s"]["symbols"]["BTCUSDT"];
    let update_id = exchange.truth().update_id("BTCUSDT").unwrap();
    assert_eq!(wanted["last_update_id"], update_id);
    let (bids, asks) = exchange.truth().top_text("BTCUSDT", update_id, 20).unwrap();
    assert_eq!(wanted["final_book"]["bids"], serde_json::json!(bids));
    assert_eq!(wanted["final_book"]["asks"], serde_json::json!(asks));
    let last = wanted["trade_id_last"].as_u64().unwrap();
    assert!(exchange.truth().trade("BTCUSDT", last).is_some());
}
