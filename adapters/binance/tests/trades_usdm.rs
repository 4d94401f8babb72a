//! Trades of USD-M: aggregate ones are fetched where the stream left some out, single ones cannot be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use world::usdm::{self, agg_trade};
use world::{MS, World};

/// A single trade; `more` stands behind its id.
fn single(id: u64, more: &str) -> String {
    format!(
        r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":1001,"T":1000,"s":"BTCUSDT","t":{id},{more},"m":true}}}}"#
    )
}

const TRADED: &str = r#""p":"1.5","q":"0.5","X":"MARKET""#;

fn singles() -> World {
    usdm::world(r#""trade""#, r#","trade_stream":"trade""#)
}

/// The ids that were published, in their order.
fn published(told: &str) -> Vec<u64> {
    let trades = told
        .lines()
        .filter_map(|line| line.strip_prefix("trade 0 #"));
    trades
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn aggregate_trades_come_through_the_path_that_carries_them_and_single_ones_through_the_other() {
    for (stream, path) in [("aggTrade", "market"), ("trade", "public")] {
        let settings = format!(
            r#"{{"exchange":"binance_derivatives","data_types":["trade"],"trade_stream":"{stream}"}}"#
        );
        let told = marketprism_kit::testing::check::<marketprism_binance::Binance>(&[
            (1, marketprism_kit::testing::start(&settings, &["BTCUSDT"])),
            (2, marketprism_kit::wit::Event::Opened(0)),
        ]);
        assert!(
            told.contains(&format!(
                "connect 0 wss://fstream.binance.com/{path}/stream\n"
            )),
            "{told}"
        );
        assert!(
            told.contains(&format!(r#""params":["btcusdt@{stream}"]"#)),
            "{told}"
        );
    }
}

#[test]
fn books_and_aggregate_trades_need_two_connections() {
    let mut world = usdm::world(r#""orderbook","trade""#, "");
    let told = world::open(&mut world, 1);
    assert!(
        told.contains(r#"send 1 {"method":"SUBSCRIBE","params":["btcusdt@aggTrade"]"#),
        "{told}"
    );
}

#[test]
fn aggregate_trades_that_the_stream_left_out_are_fetched() {
    let mut world = usdm::world(r#""trade""#, "");
    assert_eq!(published(&world.frame(&agg_trade(10, "1"))), [10]);
    assert!(published(&world.frame(&agg_trade(13, "1"))).is_empty());
    world.now += 250 * MS;
    let told = world.alarm(4);
    assert!(
        told.contains("request 0 https://fapi.binance.com/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=11&limit=2 weight 20\n"),
        "{told}"
    );
    let rows = r#"[{"a":11,"p":"1.10","q":"2","f":1,"l":1,"T":5,"m":true},{"a":12,"p":"1.20","q":"3","f":2,"l":2,"T":6,"m":false}]"#;
    let told = world.answer(0, rows);
    assert_eq!(published(&told), [11, 12, 13]);
    assert!(
        told.starts_with("trade 0 #11 sell 1.10 x 2 at 5000000\n"),
        "{told}"
    );
    assert!(
        world
            .report()
            .contains("trades 4 duplicates 0 missing 0 fetched 2")
    );
}

#[test]
fn single_trades_that_the_stream_left_out_are_counted_and_hold_nobody_up() {
    let mut world = singles();
    assert_eq!(published(&world.frame(&single(10, TRADED))), [10]);
    assert!(published(&world.frame(&single(13, TRADED))).is_empty());
    world.now += 250 * MS;
    let told = world.alarm(4);
    assert_eq!(published(&told), [13]);
    assert!(!told.contains("request"), "{told}");
    assert!(world.report().contains("trades 2 duplicates 0 missing 2"));
    assert_eq!(published(&world.frame(&single(14, TRADED))), [14]);
    assert_eq!(
        published(&world.frame(&single(12, TRADED))),
        [12],
        "late is better than never"
    );
    assert!(world.report().contains("trades 4 duplicates 0 missing 1"));
}

#[test]
fn single_trades_that_were_only_swapped_come_out_in_order() {
    let mut world = singles();
    world.frame(&single(10, TRADED));
    assert!(published(&world.frame(&single(12, TRADED))).is_empty());
    assert_eq!(published(&world.frame(&single(11, TRADED))), [11, 12]);
}

#[test]
fn forced_and_insured_trades_are_trades_and_those_of_nothing_are_not() {
    let mut world = singles();
    world.frame(&single(10, TRADED));
    for (id, kind) in [(11, "INSURANCE_FUND"), (12, "ADL")] {
        let told = world.frame(&single(id, &TRADED.replace("MARKET", kind)));
        assert_eq!(published(&told), [id]);
    }
    assert_eq!(world.frame(&single(13, r#""p":"0","q":"0","X":"NA""#)), "");
    assert_eq!(published(&world.frame(&single(14, TRADED))), [14]);
    assert!(world.report().contains("trades 4 duplicates 0 missing 0"));
}

#[test]
fn fields_that_are_new_change_nothing() {
    let mut world = usdm::world(r#""trade""#, "");
    let new = agg_trade(10, "1")
        .replace(r#""f":1"#, r#""nq":"0.4","f":1"#)
        .replace("false}", r#"false,"st":1}"#);
    assert_eq!(world.frame(&new), "trade 0 #10 buy 1 x 0.5 at 1000000000\n");
}
