//! Frames whose fields are taken out, added or of another type: they are read to the same numbers, or refused by name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::sync::LazyLock;

use marketprism_deribit::parse::{self, Asked, Message, Scratch, TradeMade};
use marketprism_deribit::{Deribit, Instrument, Instruments};
use marketprism_kit::Refusal;
use marketprism_kit::book::Changes;
use marketprism_kit::testing::recording::{oracle, recording};
use marketprism_kit::testing::{self, Driver};
use proptest::prelude::*;
use serde_json::{Value, json};

const RECORDING: &str = "deribit.cf-2021-07";

const TRADES: &str = r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.100ms","data":[{"timestamp":1765531356452,"price":92294.5,"amount":10.0,"direction":"sell","index_price":92276.75,"instrument_name":"BTC-PERPETUAL","trade_seq":271252854,"mark_price":92287.11,"tick_direction":2,"contracts":1.0,"combo_trade_id":"43","trade_id":"403691824","starbase_match_id":5,"starbase_timestamp":1},{"timestamp":1765531356452,"price":92288.5,"amount":750.0,"direction":"buy","instrument_name":"BTC-PERPETUAL","trade_seq":271252855,"trade_id":"403691825"}]}}"#;

type Read = (Message, Changes, Vec<TradeMade>);

struct Reader {
    instruments: Instruments,
}

impl Reader {
    fn new() -> Self {
        let mut instruments = Instruments::default();
        let names = oracle(RECORDING).keys().cloned().collect::<Vec<_>>();
        for name in names.into_iter().chain(["BTC-PERPETUAL".to_owned()]) {
            let mut instrument = Instrument::new(instruments.next_id(), name, false);
            instrument.active = true;
            instruments.add(instrument);
        }
        Self { instruments }
    }

    fn read(&self, frame: &Value) -> Result<Read, Refusal> {
        let asked = Asked {
            instruments: &self.instruments,
            books: true,
            trades: true,
        };
        let mut scratch = Scratch::default();
        let message = parse::frame(frame.to_string().as_bytes(), asked, &mut scratch)?;
        Ok((message, scratch.changes, scratch.trades))
    }
}

static FRAMES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let books = recording(RECORDING)
        .into_iter()
        .filter(|record| record.data.contains("\"channel\":\"book."))
        .map(|record| record.data);
    let frames = books.chain([TRADES.to_owned()]);
    frames
        .map(|text| serde_json::from_str(&text).unwrap())
        .collect()
});

/// Pointers to every value inside.
fn pointers(value: &Value, at: String, to: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                pointers(inner, format!("{at}/{name}"), to);
            }
        }
        Value::Array(all) => {
            for (place, inner) in all.iter().enumerate() {
                pointers(inner, format!("{at}/{place}"), to);
            }
        }
        _ => {}
    }
    to.push(at);
}

/// Other types for a value.
fn retyped(value: &Value) -> Vec<Value> {
    let mut all = vec![
        Value::Null,
        json!(true),
        json!({}),
        json!([]),
        json!({"a": value}),
        json!([value]),
    ];
    match value {
        Value::String(text) => {
            all.push(json!(7));
            all.extend(text.parse::<u64>().map(Value::from));
        }
        Value::Number(number) => {
            all.push(json!(number.to_string()));
            all.push(json!("x"));
            all.push(json!(format!("{number}e")));
        }
        _ => all.extend([json!("text"), json!(7)]),
    }
    all
}

/// The mutated frame says what the whole one says, or nothing.
fn agrees(reader: &Reader, whole: &Value, mutated: &Value, what: &str) -> bool {
    let expected = reader.read(whole).unwrap();
    match reader.read(mutated) {
        Err(refusal) => {
            assert!(!refusal.rule.is_empty());
            false
        }
        Ok((Message::Ignored | Message::Reply(_) | Message::Heartbeat, ..)) => false,
        Ok(read) => {
            assert_eq!(read, expected, "{what}");
            true
        }
    }
}

#[test]
fn a_field_of_another_type_gives_no_wrong_number() {
    let reader = Reader::new();
    let (mut read, mut all) = (0, 0);
    for whole in FRAMES.iter() {
        let mut places = Vec::new();
        pointers(whole, String::new(), &mut places);
        for at in places.iter().filter(|at| !at.is_empty()) {
            for value in retyped(whole.pointer(at).unwrap()) {
                let mut mutated = whole.clone();
                *mutated.pointer_mut(at).unwrap() = value.clone();
                // Without its levels a change is another change: an empty list is one that the exchange sends.
                let is_side = at.ends_with("/bids") || at.ends_with("/asks");
                let is_list = at.ends_with("/data");
                if (is_side || is_list) && value == json!([]) {
                    continue;
                }
                all += 1;
                let what = format!("{at} {value}");
                read += usize::from(agrees(&reader, whole, &mutated, &what));
            }
        }
    }
    assert!(all > 5_000 && read > 500, "{read} of {all}");
}

#[test]
fn a_field_taken_out_gives_no_wrong_number() {
    let reader = Reader::new();
    let (mut read, mut all) = (0, 0);
    for whole in FRAMES.iter() {
        let mut places = Vec::new();
        pointers(whole, String::new(), &mut places);
        for at in places.iter().filter(|at| !at.is_empty()) {
            let (outer, name) = at.rsplit_once('/').unwrap();
            let mut mutated = whole.clone();
            match mutated.pointer_mut(outer).unwrap() {
                Value::Object(fields) => drop(fields.remove(name)),
                // Of a level; a whole level less is another message.
                Value::Array(level) if level[0].is_string() => {
                    drop(level.remove(name.parse().unwrap()));
                }
                _ => continue,
            }
            all += 1;
            read += usize::from(agrees(&reader, whole, &mutated, at));
        }
    }
    assert!(all > 1_000 && read > 40, "{read} of {all}");
}

#[test]
fn new_fields_anywhere_change_nothing() {
    let reader = Reader::new();
    for whole in FRAMES.iter() {
        let mut places = Vec::new();
        pointers(whole, String::new(), &mut places);
        for at in places {
            let mut mutated = whole.clone();
            match mutated.pointer_mut(&at).unwrap() {
                Value::Object(fields) => {
                    fields.insert("starbase_new".to_owned(), json!({"a": [1, "x"]}));
                }
                Value::Array(level) if level.first().is_some_and(Value::is_string) => {
                    level.push(json!({"new": 1}));
                }
                _ => continue,
            }
            assert!(agrees(&reader, whole, &mutated, &at), "{at}");
        }
    }
}

#[test]
fn a_snapshot_and_a_change_are_never_taken_for_each_other() {
    let reader = Reader::new();
    let is_change = |frame: &&Value| frame["params"]["data"]["type"] == "change";
    let change = FRAMES.iter().find(is_change).unwrap();
    for kind in [json!("new"), json!(""), json!("Change")] {
        let mut mutated = change.clone();
        mutated["params"]["data"]["type"] = kind;
        assert_eq!(reader.read(&mutated).unwrap_err().rule, "wrong shape");
    }
    for frame in FRAMES.iter().filter(is_change) {
        let mut mutated = frame.clone();
        mutated["params"]["data"]["type"] = json!("snapshot");
        let changes = frame["params"]["data"].to_string();
        if changes.contains("\"delete\"") || changes.contains("\"change\",") {
            assert_eq!(reader.read(&mutated).unwrap_err().rule, "wrong shape");
        }
    }
}

#[test]
fn numbers_keep_the_digits_that_were_sent_and_odd_ones_are_refused() {
    let reader = Reader::new();
    let frame = |price: &str, amount: &str| {
        let text = format!(
            r#"{{"method":"subscription","params":{{"channel":"book.BTC-PERPETUAL.raw","data":{{"type":"snapshot","timestamp":1,"instrument_name":"BTC-PERPETUAL","change_id":1,"bids":[["new",{price},{amount}]],"asks":[]}}}}}}"#
        );
        let asked = Asked {
            instruments: &reader.instruments,
            books: true,
            trades: true,
        };
        let mut scratch = Scratch::default();
        parse::frame(text.as_bytes(), asked, &mut scratch)
            .map(|_| testing::level(&scratch.changes.bids[0]))
            .map_err(|refusal| refusal.rule)
    };
    for (price, amount, expected) in [
        ("0.0001", "4714.0", Ok("0.0001x4714.0")),
        ("37317.50", "1e-8", Ok("37317.50x0.00000001")),
        ("9007199254740993", "0.1", Ok("9007199254740993x0.1")),
        ("1.0E2", "1", Ok("100x1")),
        ("-1", "1", Err("negative number")),
        ("1", "-0.1", Err("negative number")),
        ("1", "0", Err("wrong shape")),
        ("99999999999999999999", "1", Err("number out of range")),
        ("1", "0.0000000000000000001", Err("number out of range")),
        ("null", "1", Err("not a number")),
        ("1", "", Err("not json")),
    ] {
        assert_eq!(
            frame(price, amount),
            expected.map(str::to_owned),
            "{price} {amount}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Bytes changed anywhere, in frames and in answers.
    #[test]
    fn damaged_bytes_never_stop_the_adapter(
        which in 0_usize..38,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let frame = FRAMES[which % FRAMES.len()].to_string();
        let mut bytes = frame.clone().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut driver = Driver::<Deribit>::default();
        let settings = r#"{"data_types":["orderbook","trade","volatility_index"],"orderbook":{"method":"websocket","deltas":true}}"#;
        driver.tell(1, &testing::start(settings, &["BTC-24SEP21-8000-P", "BTC"]));
        driver.tell(2, &testing::frame(0, frame));
        driver.tell(3, &testing::frame(0, bytes.clone()));
        for request in 0..4 {
            driver.tell(4, &testing::answer(request, 200, bytes.clone()));
        }
    }
}
