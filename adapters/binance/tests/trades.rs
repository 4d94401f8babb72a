//! Trades that come late, twice or not at all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use std::ops::RangeInclusive;

use marketprism_kit::testing;
use marketprism_kit::wit::{Event, RequestFailure, Response};
use world::{MS, SECOND, World, trade};

/// The alarm for the next request for trades.
const TURN: u32 = 5;

/// The answer to a request for single trades: these ids, priced as their id.
fn old(ids: impl IntoIterator<Item = u64>) -> String {
    let row = |id: u64| {
        format!(
            r#"{{"id":{id},"price":"{id}.50","qty":"0.5","quoteQty":"1","time":1000,"isBuyerMaker":true,"isBestMatch":true}}"#
        )
    };
    let rows: Vec<_> = ids.into_iter().map(row).collect();
    format!("[{}]", rows.join(","))
}

/// A trade of the instrument `X{n}USDT`.
fn of(n: u32, id: u64) -> String {
    trade(id, "1")
        .replace("BTCUSDT", &format!("X{n}USDT"))
        .replace("btcusdt", &format!("x{n}usdt"))
}

/// The ids that were published, in their order.
fn published(told: &str) -> Vec<u64> {
    let trades = told
        .lines()
        .filter_map(|line| line.strip_prefix("trade 0 #"));
    let ids = trades.map(|line| line.split(' ').next().unwrap().parse().unwrap());
    ids.collect()
}

fn ids(range: RangeInclusive<u64>) -> Vec<u64> {
    range.collect()
}

/// A session of trades only, which has seen trade 10.
fn begun() -> World {
    let mut world = world::with(r#"{"data_types":["trade"]}"#, &["BTCUSDT"]);
    assert_eq!(published(&world.frame(&trade(10, "1"))), [10]);
    world
}

/// A session that has asked for the trades 11 to `last` under request 0 and holds the next one.
fn asking(last: u64) -> World {
    let mut world = begun();
    world.frame(&trade(last + 1, "1"));
    world.now += 250 * MS;
    let told = world.alarm(4);
    assert!(told.contains("request 0 https://"), "{told}");
    world
}

#[test]
fn swapped_frames_come_out_in_order() {
    let mut world = begun();
    let told = world.frame(&trade(12, "1"));
    assert_eq!(told, format!("wake 4 at {}\n", world.now + 250 * MS));
    assert_eq!(world.frame(&trade(13, "1")), "");
    assert!(
        world
            .report()
            .contains("trades 1 duplicates 0 missing 1 fetched 0")
    );
    assert_eq!(published(&world.frame(&trade(11, "1"))), [11, 12, 13]);
    assert_eq!(published(&world.frame(&trade(14, "1"))), [14]);
    world.now += 250 * MS;
    assert_eq!(world.alarm(4), "");
    assert!(
        world
            .report()
            .contains("trades 5 duplicates 0 missing 0 fetched 0")
    );
}

#[test]
fn a_held_trade_that_comes_again_is_ignored() {
    let mut world = begun();
    world.frame(&trade(12, "1"));
    assert_eq!(world.frame(&trade(12, "1")), "");
    assert_eq!(published(&world.frame(&trade(11, "1"))), [11, 12]);
    assert_eq!(world.frame(&trade(11, "1")), "");
    assert!(world.report().contains("trades 3 duplicates 2 missing 0"));
}

#[test]
fn what_is_missing_is_fetched_and_published_in_order() {
    let mut world = begun();
    world.frame(&trade(14, "1"));
    world.now += 250 * MS;
    assert_eq!(
        world.alarm(4),
        format!(
            "wake 4 at {}\n\
             request 0 https://api.binance.com/api/v3/historicalTrades?symbol=BTCUSDT&fromId=11&limit=3 weight 25\n",
            world.start + 3 * SECOND
        )
    );
    assert_eq!(world.frame(&trade(15, "1")), "");
    assert!(world.report().contains("trades 1 duplicates 0 missing 3"));
    let told = world.answer(0, &old(11..=13));
    assert_eq!(published(&told), [11, 12, 13, 14, 15]);
    assert!(
        told.starts_with("trade 0 #11 sell 11.50 x 0.5 at 1000000000\n"),
        "{told}"
    );
    assert!(
        world
            .report()
            .contains("trades 6 duplicates 0 missing 0 fetched 3")
    );
}

#[test]
fn aggregate_trades_have_their_own_request_and_shape() {
    let settings = r#"{"data_types":["trade"],"trade_stream":"aggTrade"}"#;
    let mut world = world::with(settings, &["BTCUSDT"]);
    let agg = |id: u64| {
        format!(
            r#"{{"stream":"btcusdt@aggTrade","data":{{"e":"aggTrade","E":1,"s":"BTCUSDT","a":{id},"p":"1","q":"2","f":5,"l":6,"T":5,"m":false,"M":true}}}}"#
        )
    };
    world.frame(&agg(10));
    world.frame(&agg(12));
    world.now += 250 * MS;
    assert!(world.alarm(4).ends_with(
        "request 0 https://api.binance.com/api/v3/aggTrades?symbol=BTCUSDT&fromId=11&limit=1 weight 4\n"
    ));
    assert_eq!(
        world.answer(
            0,
            r#"[{"a":11,"p":"0.010","q":"2.0","f":3,"l":4,"T":7,"m":true,"M":true}]"#
        ),
        "trade 0 #11 sell 0.010 x 2.0 at 7000000\ntrade 0 #12 buy 1 x 2 at 5000000\n"
    );
}

#[test]
fn more_than_a_page_is_fetched_page_by_page() {
    let mut world = asking(2_510);
    let told = world.answer(0, &old(11..=1_010));
    assert_eq!(published(&told), ids(11..=1_010));
    assert!(told.contains("request 1 ") && told.contains("fromId=1011&limit=1000"));
    let told = world.answer(1, &old(1_011..=2_010));
    assert!(told.contains("request 2 ") && told.contains("fromId=2011&limit=500"));
    let told = world.answer(2, &old(2_011..=2_510));
    assert_eq!(published(&told), ids(2_011..=2_511));
    assert!(world.report().contains("missing 0 fetched 2500"));
}

#[test]
fn of_a_gap_that_is_too_long_the_newest_are_fetched_and_the_others_counted() {
    let mut world = begun();
    let told = world.frame(&trade(50_011, "1"));
    assert!(
        told.starts_with("log warn BTCUSDT: trades 11 to 40010 are missing"),
        "{told}"
    );
    world.now += 250 * MS;
    let told = world.alarm(4);
    assert!(told.contains("fromId=40011&limit=1000"), "{told}");
    let mut told = String::new();
    for request in 0..10_u64 {
        let first = 40_011 + request * 1_000;
        told += &world.answer(request as u32, &old(first..=first + 999));
    }
    assert_eq!(published(&told), ids(40_011..=50_011));
    assert!(!told.contains("request 10 ") && !told.contains("log"));
    assert!(world.report().contains("missing 40000 fetched 10000"));
    assert_eq!(published(&world.frame(&trade(500, "1"))), [500]);
    assert!(world.report().contains("missing 39999 fetched 10000"));
}

#[test]
fn a_request_that_fails_is_repeated_and_then_given_up() {
    let mut world = asking(12);
    world.frame(&trade(14, "1"));
    let mut told = String::new();
    for request in 0..6 {
        let failed = match request {
            0 => Event::Response(Response {
                request,
                outcome: Err(RequestFailure::OverBudget),
            }),
            1 => testing::answer(request, 500, "{}"),
            2 => testing::answer(request, 200, "{}"),
            3 => testing::answer(request, 200, r#"[{"id":11}]"#),
            4 => testing::answer(request, 200, old([12, 11])),
            _ => testing::answer(request, 200, old([11, 12, 13])),
        };
        told += &world.tell(&failed);
        world.now += 40 * SECOND;
        told += &world.alarm(4);
    }
    let refused: Vec<_> = told
        .lines()
        .filter_map(|line| line.strip_prefix("refused "))
        .collect();
    assert_eq!(
        refused,
        [
            "trades refused",
            "wrong shape",
            "wrong shape",
            "trade ids out of order",
            "too many trades"
        ]
    );
    assert_eq!(published(&told), [13, 14], "released in order");
    assert!(
        told.contains(
            "log warn BTCUSDT: trades missing among 11 to 12 cannot be fetched: too many trades\n"
        ),
        "{told}"
    );
    assert!(!told.contains("request 6 "));
    assert!(
        world
            .report()
            .contains("trades 3 duplicates 0 missing 2 fetched 0")
    );
    world.frame(&trade(16, "1"));
    world.now += 250 * MS;
    assert!(
        world.alarm(4).contains("fromId=15&limit=1 "),
        "the next gap is another matter"
    );
}

#[test]
fn what_comes_after_the_longest_wait_is_published_late_but_once() {
    let mut world = asking(12);
    world.now = world.start + 3 * SECOND;
    assert_eq!(published(&world.alarm(4)), [13]);
    assert_eq!(published(&world.frame(&trade(14, "1"))), [14]);
    assert_eq!(published(&world.frame(&trade(12, "1"))), [12]);
    assert_eq!(published(&world.answer(0, &old([11, 12]))), [11]);
    assert!(
        world
            .report()
            .contains("trades 5 duplicates 0 missing 0 fetched 1")
    );
}

#[test]
fn no_more_than_some_thousand_trades_are_held() {
    let mut world = asking(11);
    let mut told = String::new();
    for id in 13..=2_011 {
        told += &world.frame(&trade(id, "1"));
    }
    assert_eq!(told, "");
    assert_eq!(published(&world.frame(&trade(2_012, "1"))), ids(12..=2_012));
    assert_eq!(published(&world.frame(&trade(2_013, "1"))), [2_013]);
}

#[test]
fn what_all_instruments_hold_together_fits_into_one_event() {
    let names: Vec<_> = (0..9).map(|n| format!("X{n}USDT")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut world = world::with(r#"{"data_types":["trade"]}"#, &names);
    let mut at_once = 0;
    for n in 0..9 {
        for id in (10..11).chain(12..1_700) {
            let told = world.frame(&of(n, id));
            at_once = at_once.max(told.matches("trade ").count());
        }
    }
    assert!((1..=1_700).contains(&at_once), "{at_once}");
    let told = world.tell(&Event::Stop);
    assert!((4_000..=6_000).contains(&told.matches("trade ").count()));
}

#[test]
fn what_the_exchange_does_not_have_is_asked_for_twice() {
    let mut world = asking(11);
    let told = world.answer(0, "[]");
    assert_eq!(told, format!("wake 4 at {}\n", world.now + SECOND));
    world.now += SECOND;
    assert!(world.alarm(4).contains("request 1 "));
    let told = world.answer(1, "[]");
    assert!(told.contains("the exchange does not have them"), "{told}");
    assert_eq!(published(&told), [12]);
    assert!(world.report().contains("missing 1 fetched 0"));
}

#[test]
fn ids_that_an_answer_passes_over_are_not_waited_for() {
    let mut world = asking(14);
    let told = world.answer(0, &old([9, 10, 12, 14]));
    assert_eq!(published(&told), [12, 14, 15]);
    assert!(world.report().contains("duplicates 0 missing 2 fetched 2"));
    assert!(!world.alarm(4).contains("request"));
}

#[test]
fn an_answer_that_ends_early_is_asked_for_its_rest() {
    let mut world = asking(14);
    assert_eq!(published(&world.answer(0, &old([11, 12]))), [11, 12]);
    world.now += SECOND;
    assert!(world.alarm(4).contains("fromId=13&limit=2 "));
    assert_eq!(published(&world.answer(1, &old([13, 14]))), [13, 14, 15]);
}

#[test]
fn an_answer_may_reach_beyond_the_gap() {
    let mut world = asking(14);
    let told = world.answer(0, &old([11, 12, 900, 9_000_000_000]));
    assert_eq!(published(&told), [11, 12, 15]);
    world.frame(&trade(17, "1"));
    world.now += 250 * MS;
    assert!(world.alarm(4).contains("fromId=16&limit=1 "));
}

#[test]
fn nothing_from_before_the_start_is_published() {
    let mut world = asking(11);
    assert_eq!(world.frame(&trade(9, "1")), "");
    assert_eq!(published(&world.answer(0, &old([9]))), Vec::<u64>::new());
}

#[test]
fn what_is_held_is_published_at_the_end() {
    let mut world = asking(11);
    world.frame(&trade(14, "1"));
    let told = world.tell(&Event::Stop);
    assert_eq!(published(&told), [12, 14]);
    assert!(told.ends_with("close 0\n"));
}

#[test]
fn an_instrument_that_is_removed_publishes_what_it_holds_and_misses_nothing_while_it_is_away() {
    let mut world = asking(11);
    let changed = |names: &[&str]| {
        Event::SymbolsChanged(names.iter().map(|name| (*name).to_owned()).collect())
    };
    assert_eq!(published(&world.tell(&changed(&["ETHUSDT"]))), [12]);
    assert_eq!(world.answer(0, &old([11])), "");
    assert_eq!(world.alarm(4), "");
    world.tell(&changed(&["ETHUSDT", "BTCUSDT"]));
    assert_eq!(world.frame(&trade(12, "1")), "");
    assert_eq!(published(&world.frame(&trade(900, "1"))), [900]);
    assert!(world.report().contains("trades 3 duplicates 1 missing 1"));
}

#[test]
fn a_reconnect_of_hundreds_of_instruments_is_no_storm_of_requests() {
    let names: Vec<_> = (0..300).map(|n| format!("X{n}USDT")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut world = world::with(r#"{"data_types":["trade"]}"#, &names);
    let mut told = String::new();
    for id in [10, 15] {
        for n in 0..300 {
            told += &world.frame(&of(n, id));
        }
    }
    world.now += 250 * MS;
    for n in 0..300 {
        told += &world.alarm(n * 16 + 4);
    }
    let mut asked = told.matches("request ").count();
    assert_eq!(asked, 4);
    let mut answered = 0;
    while answered < 300 {
        world.now += 100 * MS;
        let mut told = world.alarm(TURN);
        if answered < asked {
            told += &world.answer(answered as u32, &old(11..=14));
            answered += 1;
        }
        asked += told.matches("request ").count();
        assert!(asked - answered <= 4, "in flight");
        let minutes = (world.now - world.start) as f64 / (60 * SECOND) as f64;
        let weight = 25 * (asked - 1);
        assert!(weight as f64 <= 500.0 + 2_000.0 * minutes, "a storm");
    }
    assert_eq!(asked, 300);
    let report = world.report();
    assert_eq!(report.matches("missing 0 fetched 4").count(), 300);
}
