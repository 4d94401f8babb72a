//! The documents that the old collector published, beside what this one makes of the same raw values.
//!
//! `NAME.in.json` holds the raw values and the frozen clock, `NAME.out.json` what was published. Every difference has
//! to be listed here with the decision of the contract (D1 to D22) that wants it and with the new value; a difference
//! that is not listed fails, and so does a listed one that does not occur. JSON knows one kind of number, so `13.0`
//! and `13` are equal where the old document has a float.
//!
//! The data is not part of this repository: it is read from the folder `golden` in MARKETPRISM_SHARED, or else in
//! `../shared/marketprism` beside the workspace.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use marketprism_host::sandbox::contract::*;
use marketprism_host::wire::{Message, Stamp, Subjects, Transport, Writer};
use serde_json::{Value, json};

/// How long before publishing a message was received, in these tests.
const RECEIVED_NS_BEFORE: u64 = 1_234_567;

#[test]
fn every_document_is_as_it_was_but_for_the_decisions() {
    for case in cases() {
        case.check();
    }
}

#[test]
fn every_golden_document_is_compared() {
    let mut published = BTreeSet::new();
    for entry in std::fs::read_dir(golden()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name
            .strip_suffix(".out.json")
            .filter(|name| *name != "normalizer_only")
        {
            let lines = lines(name).len();
            published.extend((0..lines).map(|line| (name.to_owned(), line)));
        }
    }
    let compared: BTreeSet<_> = cases()
        .into_iter()
        .filter_map(|case| Some((case.name.to_owned(), case.line?)))
        .collect();
    assert_eq!(compared, published);
}

/// The rules by which the storage service reads a trade and an orderbook, against what it made of the old documents.
#[test]
fn the_storage_service_reads_trades_and_books_as_before() {
    let text = std::fs::read_to_string(golden().join("hot_storage_view.jsonl")).unwrap();
    let mut views: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for view in text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
    {
        views
            .entry(view["case"].as_str().unwrap().to_owned())
            .or_default()
            .push(view["validated"].clone());
    }
    let mut read = 0;
    for case in cases() {
        let (Some(line), Some(views)) = (case.line, views.get(case.name)) else {
            continue;
        };
        let message = case.write();
        let payload: Value = serde_json::from_slice(&message.payload).unwrap();
        let seen = match case.event {
            MarketEvent::Trade(_) => consumed_trade(&payload),
            MarketEvent::Book(_) => consumed_book(&payload),
            _ => continue,
        };
        // D4: plain decimals. D19: an update id where there was none.
        let plain = views[line].to_string().replace("1E-8", "0.00000001");
        let mut expected: Value = serde_json::from_str(&plain).unwrap();
        if expected["last_update_id"] == 0 {
            expected["last_update_id"] = payload["last_update_id"].clone();
        }
        assert_eq!(seen, expected, "{} line {line}", case.name);
        read += 1;
    }
    assert_eq!(read, 19);
}

/// What every message gives: the time of publishing and the names.
fn consumed(payload: &Value) -> Value {
    assert!(payload["ts_ms"].is_u64());
    assert!(["binance", "okx", "deribit"].contains(&payload["exchange"].as_str().unwrap()));
    let market_type = payload["market_type"].as_str().unwrap().to_lowercase();
    assert!(["spot", "perpetual", "options"].contains(&market_type.as_str()));
    json!({
        "ts_ms": payload["ts_ms"], "exchange": payload["exchange"], "market_type": market_type,
        "symbol": payload["symbol"],
        "data_source": payload.get("data_source").cloned().unwrap_or_else(|| json!("simple_hot_storage")),
    })
}

fn consumed_trade(payload: &Value) -> Value {
    let mut seen = consumed(payload);
    seen["trade_id"] = payload["trade_id"].clone();
    seen["side"] = payload["side"].clone();
    seen["trade_ts_ms"] = payload["trade_ts_ms"].clone();
    seen["is_maker"] = payload
        .get("is_maker")
        .cloned()
        .unwrap_or_else(|| json!(false));
    for name in ["price", "quantity"] {
        // A text with a point is read as a float, one without as an integer: an exponent would become 0.
        let text = payload[name].as_str().unwrap();
        seen[name] = if text.contains('.') {
            json!(text.parse::<f64>().unwrap())
        } else {
            json!(text.parse::<i64>().unwrap())
        };
    }
    seen
}

fn consumed_book(payload: &Value) -> Value {
    let mut seen = consumed(payload);
    seen["last_update_id"] = payload["last_update_id"].clone();
    for (side, name) in [("bids", "bid"), ("asks", "ask")] {
        let levels = payload[side].as_array().unwrap();
        let part = |key: &str, position: usize| {
            let part = levels[0].get(key).unwrap_or_else(|| &levels[0][position]);
            json!(part.as_str().unwrap().parse::<f64>().unwrap())
        };
        let text = payload[side].to_string();
        assert!(
            !text.contains('\''),
            "the service puts this into SQL as it is"
        );
        seen[side] = json!(text);
        seen[format!("{side}_count")] = json!(levels.len());
        seen[format!("best_{name}_price")] = part("price", 0);
        seen[format!("best_{name}_quantity")] = part("quantity", 1);
    }
    seen
}

/// One raw datum, what it should become, and how that differs from what it became.
struct Case {
    name: &'static str,
    /// The line of the old output, from 0; none for what the old collector did not publish.
    line: Option<usize>,
    venue: Venue,
    event: MarketEvent,
    /// Decision, place in the document, new value.
    differences: Vec<(&'static str, String, Value)>,
}

impl Case {
    fn new(name: &'static str, line: usize, event: MarketEvent) -> Self {
        Self {
            name,
            line: Some(line),
            venue: Venue::of(name),
            event,
            differences: Vec::new(),
        }
    }

    /// Lists a difference in the payload.
    fn differs(mut self, decision: &'static str, field: &str, value: Value) -> Self {
        self.differences
            .push((decision, format!("/payload/{field}"), value));
        self
    }

    /// Lists the fields that D1 adds to every message; `event_ms` is the exchange's time.
    fn timed(self, event_ms: Option<u64>) -> Self {
        let received_ns = stamp(self.name).received_ns;
        self.differs("D1", "event_ts_ms", json!(event_ms)).differs(
            "D1",
            "received_ts_ns",
            json!(received_ns),
        )
    }

    /// Lists the message id, which D2 makes from the datum alone.
    fn identified(mut self, id: &str) -> Self {
        self.differences
            .push(("D2", "/headers/Nats-Msg-Id".to_owned(), json!(id)));
        self
    }

    fn write(&self) -> Message {
        let mut writer = Writer::new(self.venue.name, Subjects::default(), 1).unwrap();
        writer.declare(self.venue.instrument.clone()).unwrap();
        writer.write(&self.event, stamp(self.name)).unwrap()
    }

    fn check(&self) {
        let message = self.write();
        let Some(line) = self.line else { return };
        let new = json!({
            "transport": match message.transport { Transport::Core => "core", Transport::Stream => "jetstream" },
            "subject": &*message.subject,
            "headers": message.msg_id.as_ref().map(|id| json!({ "Nats-Msg-Id": id })),
            "payload": serde_json::from_slice::<Value>(&message.payload).unwrap(),
        });
        let mut old_leaves = BTreeMap::new();
        leaves("", &lines(self.name)[line], &mut old_leaves);
        let mut new_leaves = BTreeMap::new();
        leaves("", &new, &mut new_leaves);

        let mut listed = BTreeMap::new();
        for (decision, place, value) in &self.differences {
            let number: u8 = decision
                .strip_prefix('D')
                .and_then(|number| number.parse().ok())
                .unwrap();
            assert!(
                (1..=22).contains(&number),
                "{decision} is no decision of the contract"
            );
            assert!(
                listed.insert(place.clone(), value).is_none(),
                "{place} is listed twice"
            );
        }
        let mut wrong = Vec::new();
        for place in old_leaves
            .keys()
            .chain(new_leaves.keys())
            .collect::<BTreeSet<_>>()
        {
            let (old, new) = (old_leaves.get(place), new_leaves.get(place));
            match (listed.remove(place), same(old, new)) {
                (None, true) => {}
                (None, false) => {
                    wrong.push(format!("{place}: was {old:?}, is {new:?}, not listed"))
                }
                (Some(_), true) => wrong.push(format!("{place}: is listed and does not differ")),
                (Some(wanted), false) if new == Some(wanted) => {}
                (Some(wanted), false) => {
                    wrong.push(format!("{place}: should be {wanted}, is {new:?}"))
                }
            }
        }
        wrong.extend(
            listed
                .into_keys()
                .map(|place| format!("{place}: is listed and does not occur")),
        );
        assert!(
            wrong.is_empty(),
            "{} line {line}:\n{}",
            self.name,
            wrong.join("\n")
        );
    }
}

/// Every value of a document by its place.
fn leaves(place: &str, value: &Value, out: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, value)| leaves(&format!("{place}/{name}"), value, out));
        }
        Value::Array(items) => {
            out.insert(format!("{place}/length"), json!(items.len()));
            items
                .iter()
                .enumerate()
                .for_each(|(at, value)| leaves(&format!("{place}/{at}"), value, out));
        }
        _ => {
            out.insert(place.to_owned(), value.clone());
        }
    }
}

fn same(old: Option<&Value>, new: Option<&Value>) -> bool {
    match (old, new) {
        (Some(Value::Number(old)), Some(Value::Number(new))) if old.is_f64() => {
            old.as_f64() == new.as_f64()
        }
        _ => old == new,
    }
}

/// The venue of a golden file: the beginning of its name.
struct Venue {
    name: &'static str,
    instrument: Instrument,
}

impl Venue {
    fn of(file: &str) -> Self {
        let instrument =
            |exchange_symbol: &str, exchange: &str, market_type, symbol: &str| Instrument {
                id: 0,
                exchange_symbol: exchange_symbol.to_owned(),
                exchange: exchange.to_owned(),
                market_type,
                symbol: symbol.to_owned(),
            };
        for (name, instrument) in [
            (
                "binance_spot",
                instrument("BTCUSDT", "binance", MarketType::Spot, "BTC-USDT"),
            ),
            (
                "binance_derivatives",
                instrument("BTCUSDT", "binance", MarketType::Perpetual, "BTC-USDT"),
            ),
            (
                "okx_spot",
                instrument("BTC-USDT", "okx", MarketType::Spot, "BTC-USDT"),
            ),
            (
                "okx_derivatives",
                instrument("BTC-USDT-SWAP", "okx", MarketType::Perpetual, "BTC-USDT"),
            ),
            (
                "deribit_derivatives",
                instrument("BTC", "deribit", MarketType::Options, "BTC"),
            ),
        ] {
            if file.starts_with(name) {
                return Self { name, instrument };
            }
        }
        panic!("{file} belongs to no venue");
    }
}

// ---------------------------------------------------------------- the raw values as market events

fn cases() -> Vec<Case> {
    [
        trades(),
        books_at_intervals(),
        books_on_change(),
        rates(),
        liquidations(),
        ratios(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn trades() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, raw) in [
        (
            "binance_spot_trade",
            raw("binance_spot_trade")["data"].clone(),
        ),
        (
            "binance_derivatives_trade",
            raw("binance_derivatives_trade"),
        ),
    ] {
        let trade = diff_stream_trade(&raw);
        cases.push(Case::new(name, 0, MarketEvent::Trade(trade)).timed(raw["T"].as_u64()));
    }
    // D3: each of the first two is published; the old collector dropped the first, for its millisecond.
    for (raw, line) in raw("binance_spot_trade_dedup")
        .as_array()
        .unwrap()
        .iter()
        .zip([None, Some(0)])
    {
        let case = Case::new(
            "binance_spot_trade_dedup",
            0,
            MarketEvent::Trade(diff_stream_trade(raw)),
        );
        cases.push(Case {
            line,
            ..case.timed(raw["T"].as_u64())
        });
    }
    for (name, quantity_base) in [
        ("okx_spot_trade", None),
        ("okx_derivatives_trade", Some("0.0125")),
    ] {
        let raw = raw(name)["data"][0].clone();
        let trade = Trade {
            instrument: 0,
            sequence: number(&raw["tradeId"]),
            id: None,
            time: nanos(&raw["ts"]),
            price: decimal(&raw["px"]),
            quantity: decimal(&raw["sz"]),
            quantity_base: quantity_base.map(|text| decimal(&json!(text))),
            side: if raw["side"] == "buy" {
                Side::Buy
            } else {
                Side::Sell
            },
        };
        let mut case =
            Case::new(name, 0, MarketEvent::Trade(trade)).timed(Some(number(&raw["ts"])));
        if let Some(quantity_base) = quantity_base {
            case = case.differs("D18", "quantity_base", json!(quantity_base));
        }
        cases.push(case);
    }
    cases
}

fn diff_stream_trade(raw: &Value) -> Trade {
    Trade {
        instrument: 0,
        sequence: number(raw.get("t").unwrap_or_else(|| &raw["a"])),
        id: None,
        time: nanos(&raw["T"]),
        price: decimal(&raw["p"]),
        quantity: decimal(&raw["q"]),
        quantity_base: None,
        side: if raw["m"] == true {
            Side::Sell
        } else {
            Side::Buy
        },
    }
}

fn book(occasion: BookOccasion, id: u64, time_ms: Option<u64>, bids: Value, asks: Value) -> Book {
    Book {
        instrument: 0,
        sequence: id,
        last_update_id: Some(id),
        time: time_ms.map(|ms| ms * 1_000_000),
        occasion,
        first_update_id: None,
        previous_update_id: None,
        bids: levels(&bids),
        asks: levels(&asks),
    }
}

fn book_case(name: &'static str, line: usize, book: Book) -> Case {
    let event_ms = book.time.map(|time| time / 1_000_000);
    Case::new(name, line, MarketEvent::Book(book))
        .timed(event_ms)
        .differs("D6", "book_state", json!("synced"))
}

fn books_at_intervals() -> Vec<Case> {
    let spot = raw("binance_spot_orderbook_snapshot");
    let derivatives = raw("binance_derivatives_orderbook_snapshot")["result"].clone();
    let taken = |raw: &Value, id: &str, ms: Option<u64>| {
        book(
            BookOccasion::Interval,
            number(&raw[id]),
            ms,
            raw["bids"].clone(),
            raw["asks"].clone(),
        )
    };
    let mut cases = vec![
        book_case(
            "binance_spot_orderbook_snapshot",
            0,
            taken(&spot, "lastUpdateId", None),
        )
        .differs("D4", "asks/1/1", json!("0.00000001")),
        book_case(
            "binance_derivatives_orderbook_snapshot",
            0,
            taken(&derivatives, "lastUpdateId", derivatives["T"].as_u64()),
        ),
    ];
    for name in [
        "okx_spot_orderbook_snapshot",
        "okx_derivatives_orderbook_snapshot",
    ] {
        let raw = raw(name)["data"][0].clone();
        let book = taken(&raw, "seqId", Some(number(&raw["ts"])));
        cases.push(book_case(name, 0, book).differs("D19", "last_update_id", raw["seqId"].clone()));
    }
    cases
}

fn books_on_change() -> Vec<Case> {
    let mut cases = Vec::new();
    // The books that the events leave, kept by hand.
    let spot = raw("binance_spot_orderbook_incremental");
    let events = &spot["events"];
    for (line, event, asks) in [
        (
            0,
            &events[1],
            json!([["101.00", "0.00000001"], ["102.00", "3"]]),
        ),
        (
            1,
            &events[2],
            json!([["101.00", "0.00000001"], ["103.5", "7"]]),
        ),
    ] {
        let bids = json!([["100.00", "1.50000000"]]);
        let book = book(
            BookOccasion::Update,
            number(&event["u"]),
            event["E"].as_u64(),
            bids,
            asks,
        );
        cases.push(
            book_case("binance_spot_orderbook_incremental", line, book).differs(
                "D4",
                "asks/0/quantity",
                json!("0.00000001"),
            ),
        );
    }
    let derivatives = raw("binance_derivatives_orderbook_incremental");
    let events = &derivatives["events"];
    for (line, event, bids) in [
        (0, &events[0], json!([["100.00", "1.5"], ["99.00", "2"]])),
        (
            1,
            &events[1],
            json!([["100.00", "1.5"], ["99.00", "2"], ["98.5", "4"]]),
        ),
    ] {
        let asks = json!([["102.00", "3"]]);
        let book = book(
            BookOccasion::Update,
            number(&event["u"]),
            event["T"].as_u64(),
            bids,
            asks,
        );
        cases.push(book_case(
            "binance_derivatives_orderbook_incremental",
            line,
            book,
        ));
    }
    for name in [
        "okx_spot_orderbook_incremental",
        "okx_derivatives_orderbook_incremental",
    ] {
        let raw = raw(name);
        let changed = (
            json!([["121548.1", "1.5"], ["121547.3", "0.02"]]),
            json!([["121548.2", "0.31"], ["121550", "2"]]),
        );
        let whole = (raw[0]["bids"].clone(), raw[0]["asks"].clone());
        // The old collector published the snapshot twice.
        for (line, event, occasion, (bids, asks)) in [
            (0, &raw[0], BookOccasion::Snapshot, whole.clone()),
            (1, &raw[0], BookOccasion::Snapshot, whole),
            (2, &raw[1], BookOccasion::Update, changed),
        ] {
            let mut book = book(
                occasion,
                number(&event["seqId"]),
                Some(number(&event["ts"])),
                bids,
                asks,
            );
            book.first_update_id = event["seqId"].as_i64();
            book.previous_update_id = event["prevSeqId"].as_i64();
            cases.push(book_case(name, line, book));
        }
    }
    cases
}

fn rates() -> Vec<Case> {
    let funding = raw("binance_derivatives_funding_rate");
    let swap_funding = raw("okx_derivatives_funding_rate")["data"][0].clone();
    let interest = raw("binance_derivatives_open_interest");
    let swap_interest =
        raw("okx_derivatives_open_interest")["public/open-interest"]["data"][0].clone();
    let volatility = raw("deribit_derivatives_volatility_index")["result"]["data"][1].clone();
    vec![
        Case::new(
            "binance_derivatives_funding_rate",
            0,
            MarketEvent::FundingRate(FundingRate {
                instrument: 0,
                sequence: number(&funding["time"]),
                time: nanos(&funding["time"]),
                current: text(&funding["lastFundingRate"]),
                estimated: None,
                interval: Some("8h".to_owned()),
                mark_price: Some(text(&funding["markPrice"])),
                index_price: Some(text(&funding["indexPrice"])),
                premium_index: Some("-57.72345678".to_owned()),
                next_funding: Some(nanos(&funding["nextFundingTime"])),
            }),
        )
        .timed(Some(1_760_000_000_455))
        .identified("funding_rate:binance_derivatives:BTC-USDT:1760000000455")
        .differs("D7", "estimated_funding_rate", Value::Null)
        .differs("D7", "next_funding_ts_ms", json!(1_760_025_600_000_u64)),
        Case::new(
            "okx_derivatives_funding_rate",
            0,
            MarketEvent::FundingRate(FundingRate {
                instrument: 0,
                sequence: number(&swap_funding["ts"]),
                time: nanos(&swap_funding["ts"]),
                current: text(&swap_funding["fundingRate"]),
                estimated: None,
                interval: Some("8h".to_owned()),
                mark_price: None,
                index_price: None,
                premium_index: None,
                next_funding: Some(nanos(&swap_funding["fundingTime"])),
            }),
        )
        .timed(Some(1_760_000_000_455))
        .identified("funding_rate:okx_derivatives:BTC-USDT:1760000000455"),
        Case::new(
            "binance_derivatives_open_interest",
            0,
            MarketEvent::OpenInterest(OpenInterest {
                instrument: 0,
                sequence: number(&interest["/fapi/v1/openInterest"]["time"]),
                time: nanos(&interest["/fapi/v1/openInterest"]["time"]),
                value: text(&interest["/fapi/v1/openInterest"]["openInterest"]),
                usd: Some("9871007199.13080000000".to_owned()),
                mark_price: Some(text(&interest["premiumIndex"]["markPrice"])),
            }),
        )
        .timed(Some(1_760_000_000_455))
        .identified("open_interest:binance_derivatives:BTC-USDT:1760000000455")
        .differs("D8", "open_interest", json!(81234.567)),
        Case::new(
            "okx_derivatives_open_interest",
            0,
            MarketEvent::OpenInterest(OpenInterest {
                instrument: 0,
                sequence: number(&swap_interest["ts"]),
                time: nanos(&swap_interest["ts"]),
                value: text(&swap_interest["oi"]),
                usd: Some(text(&swap_interest["oiUsd"])),
                mark_price: None,
            }),
        )
        .timed(Some(1_760_000_000_455))
        .identified("open_interest:okx_derivatives:BTC-USDT:1760000000455")
        .differs("D8", "open_interest", json!(2612345.67))
        .differs("D8", "open_interest_usd", json!(3_174_000_000_u64)),
        Case::new(
            "deribit_derivatives_volatility_index",
            0,
            MarketEvent::VolatilityIndex(VolatilityIndex {
                instrument: 0,
                sequence: number(&volatility[0]),
                time: nanos(&volatility[0]),
                open: text(&volatility[1]),
                high: text(&volatility[2]),
                low: text(&volatility[3]),
                close: text(&volatility[4]),
                resolution: "60".to_owned(),
            }),
        )
        .timed(Some(1_759_999_980_000))
        .identified("volatility_index:deribit_derivatives:BTC:1759999980000")
        .differs("D11", "open", json!("38.15"))
        .differs("D11", "high", json!("38.3"))
        .differs("D11", "low", json!("38.1"))
        .differs("D11", "resolution", json!("60")),
    ]
}

fn liquidations() -> Vec<Case> {
    let order = raw("binance_derivatives_liquidation")["o"].clone();
    let id = "binance_1760000000452_BTCUSDT_sell_120910.10_0.014_0";
    let forced = Case::new(
        "binance_derivatives_liquidation",
        0,
        MarketEvent::Liquidation(Liquidation {
            instrument: 0,
            sequence: number(&order["T"]),
            time: nanos(&order["T"]),
            id: id.to_owned(),
            side: Side::Sell,
            status: "filled".to_owned(),
            price: text(&order["ap"]),
            quantity: text(&order["q"]),
            filled_quantity: Some(text(&order["z"])),
            notional_value: Some("1694.00700".to_owned()),
            average_price: Some(text(&order["ap"])),
            bankruptcy_price: Some(text(&order["ap"])),
            quantity_base: None,
            all_instruments: false,
        }),
    )
    .timed(Some(1_760_000_000_452))
    .identified(&format!("liquidation:binance_derivatives:BTC-USDT:{id}"))
    .differs("D2", "liquidation_id", json!(id));

    let mut cases = vec![forced];
    // D10: every detail is published, with its own time; the old collector published the first only.
    for (detail, line, notional) in [(0, Some(0), "1566501.3"), (1, None, "240800.2")] {
        let detail = raw("okx_derivatives_liquidation")["data"][0]["details"][detail].clone();
        let (ms, price, size) = (
            number(&detail["ts"]),
            text(&detail["bkPx"]),
            text(&detail["sz"]),
        );
        let id = format!("okx_{ms}_BTC-USDT-SWAP_sell_{price}_{size}_0");
        let case = Case::new(
            "okx_derivatives_liquidation",
            0,
            MarketEvent::Liquidation(Liquidation {
                instrument: 0,
                sequence: ms,
                time: ms * 1_000_000,
                id: id.clone(),
                side: Side::Sell,
                status: "filled".to_owned(),
                price,
                quantity: size,
                filled_quantity: None,
                notional_value: Some(notional.to_owned()),
                average_price: None,
                bankruptcy_price: None,
                quantity_base: Some("0.13".to_owned()),
                all_instruments: false,
            }),
        )
        .timed(Some(ms))
        .identified(&format!("liquidation:okx_derivatives:BTC-USDT:{id}"))
        .differs("D2", "liquidation_id", json!(id))
        .differs(
            "D10",
            "liquidation_time",
            json!("2025-10-09T08:53:20.455000+00:00"),
        )
        .differs("D10", "liquidation_ts_ms", json!(ms))
        .differs("D18", "quantity_base", json!(0.13));
        cases.push(Case { line, ..case });
    }
    cases
}

fn ratios() -> Vec<Case> {
    let ratio = |kind, time: &Value, ratio: &str, long: &str, short: &str| {
        MarketEvent::LongShortRatio(LongShortRatio {
            instrument: 0,
            sequence: number(time),
            time: nanos(time),
            kind,
            ratio: ratio.to_owned(),
            long: long.to_owned(),
            short: short.to_owned(),
            period: "5m".to_owned(),
        })
    };
    let shared = |name, kind| {
        let row = raw(name)[0].clone();
        let part = |key: &str| text(&row[key]);
        ratio(
            kind,
            &row["timestamp"],
            &part("longShortRatio"),
            &part("longAccount"),
            &part("shortAccount"),
        )
    };
    let divided = |name, kind, long, short| {
        let row = raw(name)["data"][0].clone();
        ratio(kind, &row[0], row[1].as_str().unwrap(), long, short)
    };
    let (long, short) = (
        "0.6183206106870229007633587786",
        "0.3816793893129770992366412214",
    );
    let (low_long, low_short) = (
        "0.4444444444444444444444444444",
        "0.5555555555555555555555555556",
    );
    let (top, all) = (RatioKind::TopPosition, RatioKind::AllAccount);
    let case = |name: &'static str, event, id: &str| {
        Case::new(name, 0, event)
            .timed(Some(1_759_999_800_000))
            .identified(id)
    };
    let (top_id, all_id) = (
        |venue: &str| format!("lsr_top_position:{venue}:BTC-USDT:1759999800000:5m"),
        |venue: &str| format!("lsr_all_account:{venue}:BTC-USDT:1759999800000:5m"),
    );
    let name = "binance_derivatives_lsr_top_position";
    let first = case(name, shared(name, top), &top_id("binance_derivatives")).differs(
        "D9",
        "period",
        json!("5m"),
    );
    let name = "binance_derivatives_lsr_all_account";
    let second = case(name, shared(name, all), &all_id("binance_derivatives"));
    let name = "okx_derivatives_lsr_top_position";
    let third = case(
        name,
        divided(name, top, long, short),
        &top_id("okx_derivatives"),
    )
    .differs("D9", "period", json!("5m"));
    let name = "okx_derivatives_lsr_all_account";
    let fourth = case(
        name,
        divided(name, all, long, short),
        &all_id("okx_derivatives"),
    );
    let name = "okx_derivatives_lsr_all_account_below1";
    let fifth = case(
        name,
        divided(name, all, low_long, low_short),
        &all_id("okx_derivatives"),
    )
    .differs("D9", "long_short_ratio", json!("0.8"))
    .differs("D9", "long_account_ratio", json!(low_long))
    .differs("D9", "short_account_ratio", json!(low_short));
    vec![first, second, third, fourth, fifth]
}

// ---------------------------------------------------------------- reading

fn golden() -> PathBuf {
    let shared = std::env::var_os("MARKETPRISM_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/marketprism"),
        PathBuf::from,
    );
    let folder = shared.join("golden");
    assert!(
        folder.is_dir(),
        "{} is missing: set MARKETPRISM_SHARED to the folder that holds `golden`",
        folder.display()
    );
    folder
}

fn input(name: &str) -> Value {
    let file = golden().join(format!("{name}.in.json"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn raw(name: &str) -> Value {
    input(name)["raw"].clone()
}

fn stamp(name: &str) -> Stamp {
    let published_ns = input(name)["frozen_now_ms"].as_u64().unwrap() * 1_000_000;
    Stamp {
        published_ns,
        received_ns: published_ns - RECEIVED_NS_BEFORE,
    }
}

/// The published documents of a file, without the line that holds the old collector's counters.
fn lines(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(golden().join(format!("{name}.out.json"))).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line.get("_manager_stats").is_none())
        .collect()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn number(value: &Value) -> u64 {
    text(value).parse().unwrap()
}

/// Milliseconds of a raw value as nanoseconds.
fn nanos(value: &Value) -> u64 {
    number(value) * 1_000_000
}

fn decimal(value: &Value) -> Decimal {
    let text = text(value);
    let scale = text
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    Decimal {
        mantissa: text.replace('.', "").parse().unwrap(),
        scale: u8::try_from(scale).unwrap(),
    }
}

fn levels(raw: &Value) -> Vec<Level> {
    let rows = raw.as_array().unwrap().iter();
    rows.map(|row| {
        let (price, quantity) = (decimal(&row[0]), decimal(&row[1]));
        Level {
            price: price.mantissa,
            quantity: quantity.mantissa,
            price_scale: price.scale,
            quantity_scale: quantity.scale,
        }
    })
    .collect()
}
