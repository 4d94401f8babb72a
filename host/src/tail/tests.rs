//! Lines for documents as they are published, and for what is none.

use bytes::Bytes;

use super::line::{Lines, raw};
use crate::bus::Received;

/// When every message came: 08:53:20.500 UTC.
const NOW_NS: u64 = 1_760_000_000_500_000_000;

fn received(subject: &str, payload: &[u8]) -> Received {
    Received {
        subject: subject.to_owned(),
        payload: Bytes::copy_from_slice(payload),
        time_ns: NOW_NS,
    }
}

/// What a line says behind time, age and subject.
fn said(subject: &str, payload: &str) -> String {
    let line = Lines::new().line(&received(subject, payload.as_bytes()));
    let behind = line.split_once(subject).map(|(_, said)| said.trim_start());
    behind.unwrap_or_default().to_owned()
}

#[test]
fn each_type_shows_what_a_person_looks_for() {
    for (payload, wanted) in [
        (
            r#"{"symbol":"BTC-USDT","data_type":"trade","price":"121550.01000000","quantity":"0.00123000","side":"sell",
                "trade_id":"5312345678","event_ts_ms":1760000000455}"#,
            "sell 121550.01000000 x 0.00123000  id 5312345678",
        ),
        (
            r#"{"data_type":"trade","price":"1.0","quantity":"10","side":"buy","trade_id":"7","quantity_base":0.1000}"#,
            "buy  1.0 x 10  base 0.1000  id 7",
        ),
        (
            r#"{"data_type":"orderbook","book_state":"synced","last_update_id":9,"bids":[["121550.00","1.000"],
                ["121549.99","1.001"]],"asks":[["121550.01","2.000"]]}"#,
            "bid 121550.00 x 1.000           ask 121550.01 x 2.000           levels 2/1  id 9  synced",
        ),
        (
            r#"{"data_type":"orderbook","update_type":"update","last_update_id":null,
                "bids":[{"price":"1.1","quantity":"2"}],"asks":[]}"#,
            "bid 1.1 x 2                     ask -                           levels 1/0  update",
        ),
        (
            r#"{"data_type":"orderbook_status","state":"resyncing","reason":"gap: 10 follows 7","gaps":1,"resyncs":2,
                "updates_applied":40,"last_update_id":null}"#,
            "resyncing gap: 10 follows 7  gaps 1  resyncs 2",
        ),
        (
            r#"{"data_type":"orderbook_delta","snapshot":false,"first_update_id":10,"last_update_id":12,
                "prev_update_id":9,"bids":[["1.00","0.000"]],"asks":[]}"#,
            "change   ids 10..12 levels 1/0  after 9",
        ),
        (
            r#"{"data_type":"orderbook_delta","snapshot":true,"first_update_id":1,"last_update_id":1,
                "prev_update_id":0,"bids":[],"asks":[]}"#,
            "snapshot ids 1..1 levels 0/0  after 0",
        ),
        (
            r#"{"data_type":"funding_rate","current_funding_rate":0.00010000,"estimated_funding_rate":null,
                "funding_interval":"8h","mark_price":121550.10,"index_price":121500.0,
                "next_funding_ts_ms":1760025600000}"#,
            "rate 0.00010000    next 16:00:00.000  every 8h  mark 121550.10  index 121500.0",
        ),
        (
            r#"{"data_type":"open_interest","open_interest_unit":"contracts","open_interest":80123.450,
                "open_interest_value":80123.450,"open_interest_usd":9.7e9,"mark_price":null}"#,
            "80123.450 contracts  usd 9.7e9",
        ),
        (
            r#"{"data_type":"liquidation","side":"buy","status":"FILLED","price":1.50,"quantity":3,
                "notional_value":4.50,"liquidation_id":"alpha_1_X_buy"}"#,
            "buy  1.50 x 3  worth 4.50  FILLED  id alpha_1_X_buy",
        ),
        (
            r#"{"data_type":"lsr_top_position","long_short_ratio":"1.7871","long_position_ratio":"0.6412",
                "short_position_ratio":"0.3588","period":"5m"}"#,
            "long/short 1.7871  long 0.6412  short 0.3588  period 5m",
        ),
        (
            r#"{"data_type":"lsr_all_account","long_short_ratio":"2","long_account_ratio":"0.6","short_account_ratio":"0.4"}"#,
            "long/short 2  long 0.6  short 0.4",
        ),
        (
            r#"{"data_type":"volatility_index","currency":"BTC","vol_index":"38.27","volatility_index":"38.27",
                "open":"38.1","high":"38.5","low":"38.0","resolution":"60"}"#,
            "index 38.27  open 38.1  high 38.5  low 38.0  resolution 60",
        ),
        // Half a document is shown as far as it goes.
        (r#"{"data_type":"trade"}"#, "-    - x -"),
        (
            r#"{"data_type":"orderbook","bids":[7],"asks":"none"}"#,
            "bid ?                           ask -                           levels 1/0",
        ),
        // Others publish too.
        (
            r#"{"data_type":"weather","rain":true}"#,
            r#"{"data_type":"weather","rain":true}"#,
        ),
        ("[1,2]", "[1,2]"),
        ("not json\u{7}\n", "not json"),
        ("", "(empty)"),
    ] {
        let payload = payload.replace("\n                ", "");
        assert_eq!(
            said("x.alpha.spot.BTC-USDT", &payload).trim_end(),
            wanted,
            "{payload}"
        );
    }
}

#[test]
fn a_document_without_its_type_is_known_by_its_subject() {
    let line = said(
        "trade.alpha.spot.X-Y",
        r#"{"price":"1","quantity":"2","side":"buy"}"#,
    );
    assert_eq!(line, "buy  1 x 2");
}

#[test]
fn columns_stay_aligned_and_tell_time_and_age() {
    let mut lines = Lines::new();
    let mut line = |subject: &str, age_ms: i64| {
        let event_ms = 1_760_000_000_500 - age_ms;
        let payload = format!(
            r#"{{"data_type":"trade","side":"buy","price":"1","quantity":"2","event_ts_ms":{event_ms}}}"#
        );
        lines.line(&received(subject, payload.as_bytes()))
    };
    let short = "trade.alpha.spot.BTC-USDT";
    assert_eq!(
        line(short, 45),
        "08:53:20.500    45 ms trade.alpha.spot.BTC-USDT          buy  1 x 2"
    );
    for (age_ms, wanted) in [
        (-3, "   -3 ms"),
        (12_345, "  12.3 s"),
        (1_800_000, "30.0 min"),
        (36_000_000, "  10.0 h"),
        (864_000_000, "  10.0 d"),
    ] {
        assert_eq!(line(short, age_ms).get(13..21), Some(wanted));
    }
    let long = "orderbook_status.alpha.perpetual.BTC-USDT-WITH-A-LONG-NAME";
    let place = |line: &str| line.find("buy");
    let widened = line(long, 0);
    assert_eq!(place(&line(short, 0)), place(&widened));
    let endless = line(&"x".repeat(500), 0);
    assert!(endless.chars().count() < 120, "{endless}");
}

#[test]
fn no_message_is_too_strange_for_a_line() {
    for payload in [
        &b"\xff\xfe\x00"[..],
        &[b'{'; 100_000],
        &[b'['; 100_000],
        br#"{"data_type":"trade","price":"\ud800"}"#,
        br#"{"data_type":"trade","event_ts_ms":99999999999999999999}"#,
        br#"{"data_type":"trade","event_ts_ms":-9223372036854775808}"#,
        b"{\"data_type\":\"trade\",\"side\":\"\\u001b[2J\"}",
    ] {
        let line = Lines::new().line(&received("x.y", payload));
        assert!(!line.contains(char::is_control), "{line}");
        assert!(line.chars().count() < 300, "{line}");
    }
}

#[test]
fn a_raw_line_is_subject_and_payload_as_they_are() {
    let message = received("a.b", b"{\"x\": 1.50,\r\n \"y\":\xff}");
    assert_eq!(raw(&message), b"a.b {\"x\": 1.50,   \"y\":\xff}");
}
