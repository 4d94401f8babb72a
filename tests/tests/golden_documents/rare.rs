//! The rarely published types: raw values as market events.

use marketprism_host::sandbox::contract::{
    FundingRate, Liquidation, LongShortRatio, MarketEvent, OpenInterest, RatioKind, Side,
    VolatilityIndex,
};
use serde_json::{Value, json};

use crate::case::Case;
use crate::raw::{nanos, number, raw, text};

pub fn rates() -> Vec<Case> {
    let funding = raw("binance_derivatives_funding_rate");
    let swap_funding = raw("okx_derivatives_funding_rate")["data"][0].clone();
    let interest = raw("binance_derivatives_open_interest");
    let swap_interest =
        raw("okx_derivatives_open_interest")["public/open-interest"]["data"][0].clone();
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
        // Every candle is published once it has ended; the old collector published the last one, ended or not.
        candle(0).at(None),
        candle(1)
            .identified("volatility_index:deribit_derivatives:BTC:1759999980000")
            .differs("D11", "open", json!("38.15"))
            .differs("D11", "high", json!("38.3"))
            .differs("D11", "low", json!("38.1"))
            .differs("D11", "resolution", json!("60")),
    ]
}

fn candle(row: usize) -> Case {
    let candles = raw("deribit_derivatives_volatility_index");
    let candle = &candles["result"]["data"][row];
    let event = VolatilityIndex {
        instrument: 0,
        sequence: number(&candle[0]),
        time: nanos(&candle[0]),
        open: text(&candle[1]),
        high: text(&candle[2]),
        low: text(&candle[3]),
        close: text(&candle[4]),
        resolution: "60".to_owned(),
    };
    Case::new(
        "deribit_derivatives_volatility_index",
        0,
        MarketEvent::VolatilityIndex(event),
    )
    .timed(Some(number(&candle[0])))
}

pub fn liquidations() -> Vec<Case> {
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
    for (detail, line, notional, coins) in [
        (0, Some(0), "1566501.3", "0.13"),
        (1, None, "240800.2", "0.02"),
    ] {
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
                quantity_base: Some(coins.to_owned()),
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
        .differs("D18", "quantity_base", json!(coins.parse::<f64>().unwrap()));
        cases.push(case.at(line));
    }
    cases
}

pub fn ratios() -> Vec<Case> {
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
