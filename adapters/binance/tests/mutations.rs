//! Recorded frames and sample answers with a field added, removed or of another type: the same numbers come out, or a
//! refusal, never other numbers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fmt::Debug;

use marketprism_binance::parse::{self, Asked, Changes, Message, polled};
use marketprism_binance::{Forced, Instrument, Instruments, TradeStream, Venue};
use marketprism_kit::testing::recording::recording;
use serde_json::{Value, json};

/// Frames of each recording that are changed.
const FRAMES: usize = 60;

/// Every value with one thing changed somewhere in it.
fn mutations(value: &Value) -> Vec<Value> {
    let mut all = retyped(value);
    match value {
        Value::Object(map) => {
            let mut with_more = map.clone();
            with_more.insert("new".to_owned(), json!({"a": [1, null]}));
            all.push(Value::Object(with_more));
            for (key, inner) in map {
                let mut without = map.clone();
                without.remove(key);
                all.push(Value::Object(without));
                for mutated in mutations(inner) {
                    let mut other = map.clone();
                    other.insert(key.clone(), mutated);
                    all.push(Value::Object(other));
                }
            }
        }
        Value::Array(list) => {
            let with_more: Vec<_> = list.iter().cloned().chain([json!([])]).collect();
            all.push(Value::Array(with_more));
            // The first elements are like all others.
            for at in 0..list.len().min(2) {
                for mutated in mutations(&list[at]) {
                    let mut other = list.clone();
                    other[at] = mutated;
                    all.push(Value::Array(other));
                }
            }
        }
        _ => {}
    }
    all
}

fn retyped(value: &Value) -> Vec<Value> {
    let mut all = vec![
        json!(null),
        json!({}),
        json!([[]]),
        json!("x"),
        json!(-1),
        json!(1.5e300),
    ];
    match value {
        Value::String(text) => {
            all.push(json!([text]));
            // A number means the same whether it stands in a string or not.
            all.extend(
                serde_json::from_str::<Value>(text)
                    .ok()
                    .filter(Value::is_number),
            );
            all.push(json!(format!("{text}e40")));
            all.push(json!(format!("+{text}")));
        }
        Value::Number(number) => {
            all.push(json!(number.to_string()));
            all.push(json!([number]));
        }
        Value::Bool(truth) => {
            all.push(json!(truth.to_string()));
            all.push(json!(u8::from(*truth)));
        }
        _ => {}
    }
    all
}

/// Reads a value and every mutation of it; `same` says whether a mutation came to the same.
fn check<T: Debug>(
    original: &Value,
    read: impl Fn(&[u8]) -> Option<T>,
    same: impl Fn(&T, &T) -> bool,
) -> (usize, usize) {
    let expected = read(original.to_string().as_bytes()).expect("the original is read");
    let (mut equal, mut refused) = (0, 0);
    for mutated in mutations(original) {
        let text = mutated.to_string();
        match read(text.as_bytes()) {
            Some(found) => {
                assert!(same(&expected, &found), "{found:?} of {text}");
                equal += 1;
            }
            None => refused += 1,
        }
    }
    (equal, refused)
}

fn frame(
    instruments: &Instruments,
    venue: Venue,
    trades: TradeStream,
    text: &[u8],
) -> Option<(Message, Changes)> {
    let asked = Asked {
        venue,
        instruments,
        books: true,
        trades: Some(trades),
        forced: Some(Forced::OfNamed),
    };
    let mut changes = Changes::default();
    match parse::frame(text, asked, &mut changes) {
        Ok(Message::Ignored) | Err(_) => None,
        Ok(message) => {
            if !matches!(message, Message::Depth(_)) {
                changes.clear();
            }
            Some((message, changes))
        }
    }
}

#[test]
fn a_changed_frame_gives_the_same_numbers_or_none() {
    for (name, venue, trades, symbols) in [
        (
            "binance_spot.cf-2021-10",
            Venue::Spot,
            TradeStream::AggTrade,
            &["NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"][..],
        ),
        (
            "binance_spot.hft-btc-120s",
            Venue::Spot,
            TradeStream::Trade,
            &["BTCUSDT"],
        ),
        (
            "binance_usdm.cf-2021-07",
            Venue::UsdMargined,
            TradeStream::AggTrade,
            &["SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT"],
        ),
        (
            "binance_usdm.hft-btc-120s",
            Venue::UsdMargined,
            TradeStream::Trade,
            &["BTCUSDT"],
        ),
    ] {
        let mut instruments = Instruments::default();
        for symbol in symbols {
            let id = instruments.next_id();
            instruments.add(Instrument {
                active: true,
                ..Instrument::new(id, (*symbol).to_owned())
            });
        }
        let read = |text: &[u8]| frame(&instruments, venue, trades, text);
        let (mut frames, mut equal, mut refused) = (0, 0, 0);
        for kind in ["@depth", "rade\""] {
            let records = recording(name);
            let of_kind = records.iter().filter(|record| {
                record.kind == "ws"
                    && record.data.contains(kind)
                    && record.data.len() < 1_500
                    && read(record.data.as_bytes()).is_some()
            });
            for record in of_kind.take(FRAMES) {
                let original = serde_json::from_str(&record.data).unwrap();
                let (same, none) = check(&original, read, is_same);
                (frames, equal, refused) = (frames + 1, equal + same, refused + none);
            }
        }
        assert!(
            frames > 20 && equal > frames && refused > 10 * frames,
            "{name}: {frames} {equal} {refused}"
        );
    }
}

/// Whether both say the same, however their digits are written.
fn is_same(one: &(Message, Changes), other: &(Message, Changes)) -> bool {
    let same_levels = |one: &[marketprism_kit::wit::Level],
                       other: &[marketprism_kit::wit::Level]| {
        one.len() == other.len()
            && one.iter().zip(other).all(|(one, other)| {
                decimal(one.price, one.price_scale) == decimal(other.price, other.price_scale)
                    && decimal(one.quantity, one.quantity_scale)
                        == decimal(other.quantity, other.quantity_scale)
            })
    };
    let same_message = match (&one.0, &other.0) {
        (Message::Trade(one), Message::Trade(other)) => {
            let numbers = |it: &parse::TradeMade| {
                let (price, quantity) = (it.price, it.quantity);
                (
                    decimal(price.mantissa, price.scale),
                    decimal(quantity.mantissa, quantity.scale),
                )
            };
            (one.instrument, one.id, one.time, one.side, numbers(one))
                == (
                    other.instrument,
                    other.id,
                    other.time,
                    other.side,
                    numbers(other),
                )
        }
        (one, other) => one == other,
    };
    same_message
        && same_levels(&one.1.bids, &other.1.bids)
        && same_levels(&one.1.asks, &other.1.asks)
}

/// A decimal without zeros at its end.
fn decimal(mut mantissa: i64, mut scale: u8) -> (i64, u8) {
    while scale > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    (mantissa, scale)
}

#[test]
fn a_changed_forced_order_gives_the_same_numbers_or_none() {
    let mut instruments = Instruments::default();
    instruments.add(Instrument {
        active: true,
        is_forced_wanted: true,
        ..Instrument::new(0, "BTCUSDT".to_owned())
    });
    let original = json!({"stream": "btcusdt@forceOrder", "data": {"e": "forceOrder", "E": 7, "o": {"s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "2.5", "p": "18917.15", "ap": "18990.25", "X": "FILLED", "l": "2.5", "z": "2.5", "T": 1665523974217_u64}}});
    let read = |text: &[u8]| {
        let found = frame(
            &instruments,
            Venue::UsdMargined,
            TradeStream::AggTrade,
            text,
        )?;
        let Message::Forced(orders) = found.0 else {
            panic!("{found:?}")
        };
        Some(orders)
    };
    check(&original, read, |one, other| {
        // Without an average price, it is that of the order: this is told apart by what is published.
        let known = |it: &parse::ForcedOrder| parse::ForcedOrder {
            average_price: None,
            notional: String::new(),
            status: String::new(),
            ..it.clone()
        };
        let average = other[0].average_price.as_deref();
        known(&one[0]) == known(&other[0]) && average.is_none_or(|it| it == "18990.25")
    });
}

#[test]
fn a_changed_answer_gives_the_same_numbers_or_none() {
    let premium = json!({"symbol": "BTCUSDT", "markPrice": "121512.45", "indexPrice": "121570.125", "lastFundingRate": "0.00001234", "nextFundingTime": 1760025600000_u64, "time": 1760000000455_u64});
    check(
        &premium,
        |text| polled::premium(text, "BTCUSDT").ok(),
        |one, other| {
            // A rate may be negative: -1 in its place is a number of the exchange like any other.
            let mut other = other.clone();
            if other.rate.as_deref() == Some("-1") {
                other.rate.clone_from(&one.rate);
            }
            *one == other
        },
    );
    let interest =
        json!({"symbol": "BTCUSDT", "openInterest": "81234.567", "time": 1760000000455_u64});
    check(
        &interest,
        |text| polled::interest(text, "BTCUSDT").ok(),
        PartialEq::eq,
    );
    let ratios = json!([{"symbol": "BTCUSDT", "longShortRatio": "1.7871", "longAccount": "0.6412", "shortAccount": "0.3588", "timestamp": 1759999800000_u64}]);
    check(
        &ratios,
        |text| polled::ratios(text, "BTCUSDT").ok(),
        PartialEq::eq,
    );
    let depth = json!({"lastUpdateId": 7, "E": 1, "T": 2, "bids": [["9.5", "1.25"]], "asks": [["10.5", "3.75"]]});
    let read = |text: &[u8]| {
        let mut changes = Changes::default();
        let id = parse::snapshot(text, &mut changes).ok()?;
        Some((id, changes))
    };
    check(&depth, read, PartialEq::eq);
    for (stream, row) in [
        (
            TradeStream::Trade,
            json!([{"id": 7, "price": "1.5", "qty": "2.5", "quoteQty": "3.75", "time": 5, "isBuyerMaker": true}]),
        ),
        (
            TradeStream::AggTrade,
            json!([{"a": 7, "p": "1.5", "q": "2.5", "f": 1, "l": 2, "T": 5, "m": true}]),
        ),
    ] {
        check(
            &row,
            |text| parse::old_trades(text, stream, 0).ok(),
            PartialEq::eq,
        );
    }
    let time = json!({"serverTime": 1760000000455_u64});
    check(&time, |text| polled::server_time(text).ok(), PartialEq::eq);
}
