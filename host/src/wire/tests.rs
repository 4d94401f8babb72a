//! The documents that this daemon adds to the contract, what is refused, and digits that survive.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::samples::*;
use super::*;
use crate::sandbox::contract::*;

fn document(event: MarketEvent) -> Value {
    serde_json::from_slice(&writer().write(&event, STAMP).unwrap().payload).unwrap()
}

/// The fields of a payload as they are written.
fn written(message: &Message) -> HashMap<String, Box<RawValue>> {
    serde_json::from_slice(&message.payload).unwrap()
}

#[test]
fn a_change_of_state_has_its_reason_and_counters() {
    assert_eq!(
        document(MarketEvent::BookStatus(status())),
        json!({
            "exchange": "alpha", "market_type": "spot", "symbol": "BTC-USDT", "normalized_symbol": "BTC-USDT",
            "data_type": "orderbook_status", "data_source": "marketprism",
            "state": "resyncing", "reason": "gap: 10 follows 7", "gaps": 1, "resyncs": 1, "updates_applied": 40,
            "last_update_id": 7,
            "ts_ms": 1_760_000_000_500_u64, "collected_ts_ms": 1_760_000_000_500_u64,
            "event_ts_ms": 1_760_000_000_455_u64, "received_ts_ns": 1_760_000_000_499_123_456_u64,
            "publisher": "unified-collector",
        })
    );
}

#[test]
fn a_reason_is_escaped_and_cut() {
    let reason = format!("said \"no\\\" \n{}", "ü".repeat(300));
    let status = BookStatus {
        reason: reason.clone(),
        sequence: 0,
        ..status()
    };
    let document = document(MarketEvent::BookStatus(status));
    assert_eq!(
        document["reason"],
        reason.chars().take(256).collect::<String>()
    );
    assert_eq!(document["last_update_id"], Value::Null);
}

#[test]
fn a_change_of_a_book_carries_its_chain_and_its_levels() {
    let change = BookChange {
        instrument: 0,
        sequence: 12,
        time: None,
        snapshot: false,
        first_update_id: 10,
        last_update_id: 12,
        previous_update_id: 9,
        bids: pack(&[level(100, 0)]),
        asks: vec![],
    };
    let message = writer()
        .write(&MarketEvent::BookChange(change), STAMP)
        .unwrap();
    assert_eq!(&*message.subject, "orderbook_delta.alpha.spot.BTC-USDT");
    assert_eq!(message.transport, Transport::Core);
    let document: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!(document["snapshot"], false);
    assert_eq!(
        (
            &document["first_update_id"],
            &document["last_update_id"],
            &document["prev_update_id"]
        ),
        (&json!(10), &json!(12), &json!(9))
    );
    assert_eq!(document["bids"], json!([["1.00", "0.000"]]));
    assert_eq!(document["asks"], json!([]));
    assert_eq!(document["event_ts_ms"], Value::Null);
}

#[test]
fn update_ids_are_written_only_where_they_are_given() {
    let mut update = book(BookOccasion::Update, 1);
    let without = document(MarketEvent::Book(update.clone()));
    assert!(without.get("first_update_id").is_none() && without.get("prev_update_id").is_none());
    update.first_update_id = Some(9);
    update.previous_update_id = Some(-1);
    update.last_update_id = None;
    let with = document(MarketEvent::Book(update));
    assert_eq!(
        (&with["first_update_id"], &with["prev_update_id"]),
        (&json!(9), &json!(-1))
    );
    assert_eq!(with["last_update_id"], Value::Null);
}

#[test]
fn a_snapshot_with_an_empty_side_is_refused_and_an_update_is_not() {
    let one_sided = |occasion| Book {
        asks: vec![],
        ..book(occasion, 2)
    };
    let refused = writer().write(&MarketEvent::Book(one_sided(BookOccasion::Interval)), STAMP);
    assert_eq!(refused, Err(WireError::EmptySide { bids: 2, asks: 0 }));
    let update = document(MarketEvent::Book(one_sided(BookOccasion::Update)));
    assert_eq!(
        (&update["asks"], &update["depth_levels"]),
        (&json!([]), &json!(2))
    );
}

#[test]
fn message_ids_depend_on_the_datum_and_never_on_the_time_of_publishing() {
    let later = Stamp {
        published_ns: STAMP.published_ns + 5_000_000_000,
        received_ns: STAMP.received_ns + 1,
    };
    for (event, id) in [
        (
            MarketEvent::LongShortRatio(ratio(RatioKind::AllAccount)),
            Some("lsr_all_account:alpha_spot:BTC-USDT:1760000000455:5m"),
        ),
        (
            MarketEvent::LongShortRatio(ratio(RatioKind::TopPosition)),
            Some("lsr_top_position:alpha_spot:BTC-USDT:1760000000455:5m"),
        ),
        (
            MarketEvent::OpenInterest(open_interest("1")),
            Some("open_interest:alpha_spot:BTC-USDT:1760000000455"),
        ),
        (MarketEvent::Trade(trade()), None),
        (MarketEvent::Book(book(BookOccasion::Update, 1)), None),
        (MarketEvent::BookStatus(status()), None),
    ] {
        let first = writer().write(&event, STAMP).unwrap();
        assert_eq!(first.msg_id.as_deref(), id);
        assert_eq!(first.msg_id.is_some(), first.transport == Transport::Stream);
        assert_eq!(writer().write(&event, later).unwrap().msg_id, first.msg_id);
    }
}

#[test]
fn a_text_that_consumers_could_not_take_is_refused() {
    for bad in ["", "it's", "a\"b", "a\\b", "a\r\nb", &"x".repeat(257)] {
        let event = MarketEvent::Trade(Trade {
            id: Some(bad.to_owned()),
            ..trade()
        });
        let error = writer().write(&event, STAMP).unwrap_err();
        assert_eq!(error.reason(), "bad name", "{bad:?}: {error}");
        let event = MarketEvent::LongShortRatio(LongShortRatio {
            period: bad.to_owned(),
            ..ratio(RatioKind::AllAccount)
        });
        assert!(writer().write(&event, STAMP).is_err(), "{bad:?}");
    }
}

#[test]
fn a_text_that_is_no_number_is_refused_by_the_name_of_its_field() {
    let error = writer()
        .write(&MarketEvent::OpenInterest(open_interest("1e5")), STAMP)
        .unwrap_err();
    assert_eq!(
        error,
        WireError::Number {
            field: "open_interest",
            text: "1e5".to_owned()
        }
    );
    let bad = LongShortRatio {
        long: "half".to_owned(),
        ..ratio(RatioKind::TopPosition)
    };
    let error = writer()
        .write(&MarketEvent::LongShortRatio(bad), STAMP)
        .unwrap_err();
    assert_eq!(
        error,
        WireError::Number {
            field: "long_position_ratio",
            text: "half".to_owned()
        }
    );
}

#[test]
fn an_event_that_was_refused_leaves_no_trace_in_the_next_one() {
    let mut writer = writer();
    let good = MarketEvent::Trade(trade());
    let before = writer.write(&good, STAMP).unwrap();
    let bad = Trade {
        quantity: Decimal {
            mantissa: 1,
            scale: 19,
        },
        ..trade()
    };
    assert_eq!(
        writer.write(&MarketEvent::Trade(bad), STAMP),
        Err(WireError::Scale { scale: 19 })
    );
    assert_eq!(writer.write(&good, STAMP).unwrap(), before);
}

#[test]
fn instruments_are_dense_bounded_and_never_renamed() {
    let mut writer = writer();
    assert_eq!(writer.declare(instrument()), Ok(()));
    let renamed = Instrument {
        symbol: "ETH-USDT".to_owned(),
        ..instrument()
    };
    assert!(matches!(
        writer.declare(renamed),
        Err(WireError::Redeclared { id: 0, .. })
    ));
    let with_id = |id| Instrument { id, ..instrument() };
    assert_eq!(
        writer.declare(with_id(2)),
        Err(WireError::IdNotDense { id: 2, expected: 1 })
    );
    let bad_name = Instrument {
        symbol: "A.B".to_owned(),
        ..with_id(1)
    };
    assert_eq!(writer.declare(bad_name).unwrap_err().reason(), "bad name");
    assert_eq!(writer.declare(with_id(1)), Ok(()));
    assert_eq!(
        writer.declare(with_id(2)),
        Err(WireError::TooManyInstruments { id: 2, limit: 2 })
    );
    assert_eq!(writer.instrument(1), Some(&with_id(1)));
    assert_eq!(writer.instrument(2), None);
    let event = MarketEvent::Trade(Trade {
        instrument: 2,
        ..trade()
    });
    assert_eq!(
        writer.write(&event, STAMP),
        Err(WireError::UnknownInstrument {
            id: 2,
            data_type: DataType::Trade
        })
    );
}

fn decimal() -> impl Strategy<Value = Decimal> {
    (any::<i64>(), 0u8..=18).prop_map(|(mantissa, scale)| Decimal { mantissa, scale })
}

fn digits(mantissa: i64, scale: u8) -> String {
    let mut text = Vec::new();
    number::decimal(&mut text, mantissa, scale).unwrap();
    String::from_utf8(text).unwrap()
}

fn levels() -> impl Strategy<Value = Vec<Level>> {
    let level = (decimal(), decimal()).prop_map(|(price, quantity)| Level {
        price: price.mantissa,
        quantity: quantity.mantissa,
        price_scale: price.scale,
        quantity_scale: quantity.scale,
    });
    proptest::collection::vec(level, 0..20)
}

proptest! {
    #[test]
    fn every_trade_reads_back_digit_for_digit(
        price in decimal(), quantity in decimal(), base in proptest::option::of(decimal()), sequence: u64, time: u64,
        published_ns: u64, received_ns: u64,
    ) {
        let trade = Trade { price, quantity, quantity_base: base, sequence, time, ..trade() };
        let message = writer().write(&MarketEvent::Trade(trade), Stamp { published_ns, received_ns }).unwrap();
        let fields = written(&message);
        let quoted = |decimal: Decimal| format!("\"{}\"", digits(decimal.mantissa, decimal.scale));
        prop_assert_eq!(fields["price"].get(), quoted(price));
        prop_assert_eq!(fields["quantity"].get(), quoted(quantity));
        prop_assert_eq!(fields.get("quantity_base").map(|f| f.get().to_owned()), base.map(quoted));
        prop_assert_eq!(fields["trade_id"].get(), format!("\"{sequence}\""));
        prop_assert_eq!(fields["ts_ms"].get(), (published_ns / 1_000_000).to_string());
        prop_assert_eq!(fields["collected_ts_ms"].get(), fields["ts_ms"].get());
        prop_assert_eq!(fields["event_ts_ms"].get(), (time / 1_000_000).to_string());
        prop_assert_eq!(fields["received_ts_ns"].get(), received_ns.to_string());
    }

    #[test]
    fn every_book_reads_back_digit_for_digit(bids in levels(), asks in levels(), update: bool) {
        let occasion = if update { BookOccasion::Update } else { BookOccasion::Interval };
        let event = MarketEvent::Book(Book { bids: pack(&bids), asks: pack(&asks), ..book(occasion, 0) });
        let result = writer().write(&event, STAMP);
        if !update && (bids.is_empty() || asks.is_empty()) {
            prop_assert_eq!(result.unwrap_err().reason(), "empty side");
            return Ok(());
        }
        let document: Value = serde_json::from_slice(&result.unwrap().payload).unwrap();
        for (side, levels) in [("bids", &bids), ("asks", &asks)] {
            let expected: Vec<Value> = levels.iter().map(|level| {
                let price = digits(level.price, level.price_scale);
                let quantity = digits(level.quantity, level.quantity_scale);
                if update { json!({"price": price, "quantity": quantity}) } else { json!([price, quantity]) }
            }).collect();
            prop_assert_eq!(&document[side], &Value::Array(expected));
        }
    }

    #[test]
    fn every_decimal_text_is_written_with_its_digits_or_refused(text in "-?[0-9]{1,30}(\\.[0-9]{1,12})?|.{0,12}") {
        let Ok(message) = writer().write(&MarketEvent::OpenInterest(open_interest(&text)), STAMP) else {
            return Ok(());
        };
        let fields = written(&message);
        let (sign, unsigned) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
        let trimmed = unsigned.trim_start_matches('0');
        let zero = if trimmed.is_empty() || trimmed.starts_with('.') { "0" } else { "" };
        prop_assert_eq!(fields["open_interest"].get(), format!("{sign}{zero}{trimmed}"));
        prop_assert_eq!(fields["open_interest_value"].get(), fields["open_interest"].get());
    }

    #[test]
    fn names_of_any_kind_are_refused_or_written_so_that_they_read_back(symbol: String, exchange_symbol: String) {
        let mut writer = Writer::new("alpha_spot", Subjects::default(), 1).unwrap();
        let named = Instrument { symbol: symbol.clone(), exchange_symbol: exchange_symbol.clone(), ..instrument() };
        if writer.declare(named).is_ok() {
            let message = writer.write(&MarketEvent::OpenInterest(open_interest("1")), STAMP).unwrap();
            let document: Value = serde_json::from_slice(&message.payload).unwrap();
            prop_assert_eq!(&document["symbol"], &symbol);
            prop_assert_eq!(&document["instrument_id"], &exchange_symbol);
            prop_assert_eq!(message.subject.split('.').count(), 4);
            prop_assert!(!message.subject.contains(char::is_whitespace));
        }
    }
}
