//! Trades and books: raw values as market events.

use marketprism_host::sandbox::contract::{Book, BookOccasion, MarketEvent, Side, Trade};
use serde_json::{Value, json};

use crate::case::Case;
use crate::raw::{decimal, levels, nanos, number, raw};

pub fn trades() -> Vec<Case> {
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
    // D3: each of them is published; the old collector dropped the first for its millisecond, the last for its age.
    for (raw, line) in raw("binance_spot_trade_dedup")
        .as_array()
        .unwrap()
        .iter()
        .zip([None, Some(0), None])
    {
        let case = Case::new(
            "binance_spot_trade_dedup",
            0,
            MarketEvent::Trade(diff_stream_trade(raw)),
        );
        let case = case.timed(raw["T"].as_u64()).at(line);
        cases.push(match raw["s"].as_str() {
            Some("ETHUSDT") => case.of("ETHUSDT", "ETH-USDT"),
            _ => case,
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

pub fn books_at_intervals() -> Vec<Case> {
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
            // The time of a book is that of its last update; of a snapshot alone none is told.
            taken(&derivatives, "lastUpdateId", None),
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

pub fn books_on_change() -> Vec<Case> {
    let mut cases = Vec::new();
    // The books that the events leave, kept by hand.
    let spot = raw("binance_spot_orderbook_incremental");
    let events = &spot["events"];
    // D5: the book that the changes begin from is published too.
    let first = &spot["snapshot"];
    let whole = book(
        BookOccasion::Snapshot,
        number(&first["lastUpdateId"]),
        None,
        first["bids"].clone(),
        first["asks"].clone(),
    );
    cases.push(book_case("binance_spot_orderbook_incremental", 0, whole).at(None));
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
            event["E"].as_u64(),
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
