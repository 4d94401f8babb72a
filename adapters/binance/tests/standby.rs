//! A session that stands by for the one at work, and what it does when it is promoted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_kit::testing;
use marketprism_kit::wit::{BookState, Event};
use world::usdm::{agg_trade, depth};
use world::{SECOND, World};

const TYPES: &str =
    r#""orderbook","trade","funding_rate","open_interest","lsr_top_position","lsr_all_account""#;

/// A session that stands by with its connections open.
fn standing_by(types: &str, orderbook: &str) -> World {
    let settings = format!(
        r#"{{"exchange":"binance_derivatives","data_types":[{types}],"orderbook":{orderbook}}}"#
    );
    let mut world = World::at(1_760_000_000 * SECOND);
    world.tell(&testing::standby(&settings, &["BTCUSDT", "ETHUSDT"]));
    world::open(&mut world, 0);
    world::open(&mut world, 1);
    world
}

/// Lets the first instrument's book come.
fn sync(world: &mut World) -> String {
    let mut told = world.frame(&depth(11, 12, 10, r#"["9","1"]"#, ""));
    let request = world.asked("depth?symbol=BTCUSDT");
    let snapshot = r#"{"lastUpdateId":12,"bids":[["10","1"]],"asks":[["11","1"]]}"#;
    told += &world.answer(request, snapshot);
    told + &world.frame(&depth(13, 13, 12, r#"["9","2"]"#, ""))
}

/// What was asked for since the last time, without the depth snapshots and the clock.
fn polled(world: &mut World) -> Vec<String> {
    let asked = std::mem::take(&mut world.requests);
    let addresses = asked.into_iter().map(|request| request.address);
    addresses
        .filter(|address| !address.contains("/depth?") && !address.ends_with("/time"))
        .collect()
}

#[test]
fn it_polls_only_what_it_needs_until_it_is_promoted() {
    let mut world = standing_by(TYPES, r#"{"method":"websocket","deltas":true}"#);
    let told = sync(&mut world);
    assert!(told.contains("status 0 synced"), "{told}");
    let told = world.frame_on(1, &agg_trade(1, "10.5"));
    assert!(told.contains("trade 0 #1 buy 10.5 x 0.5"), "{told}");
    let info = world.asked("fundingInfo");
    world.answer(info, "[]");
    let reports = world.reports();
    assert_eq!(reports[0].book_state, Some(BookState::Synced));
    let streams = reports[0].streams.iter();
    let types: Vec<_> = streams.map(|it| it.data_type.as_str()).collect();
    assert_eq!(types, ["orderbook", "trade"]);
    world.wait(600 * SECOND);
    assert_eq!(
        polled(&mut world),
        ["https://fapi.binance.com/fapi/v1/fundingInfo"]
    );

    world.tell(&Event::Promoted);
    let mut asked = Vec::new();
    for second in 0..60 {
        let now = polled(&mut world);
        assert!(now.len() <= 2, "{second}: {now:?}");
        asked.extend(now);
        world.wait(SECOND);
    }
    asked.sort();
    let of = |endpoint: &str, more: &str| {
        ["BTCUSDT", "ETHUSDT"]
            .map(|symbol| format!("https://fapi.binance.com{endpoint}?symbol={symbol}{more}"))
    };
    let ratio = "&period=5m&limit=1";
    let wanted = [
        of("/fapi/v1/openInterest", ""),
        of("/fapi/v1/premiumIndex", ""),
        of("/futures/data/globalLongShortAccountRatio", ratio),
        of("/futures/data/topLongShortPositionRatio", ratio),
    ];
    assert_eq!(asked, wanted.concat());
    assert_eq!(world.reports()[0].streams.len(), 6);
    world.tell(&Event::Promoted);
    world.wait(60 * SECOND);
    assert_eq!(polled(&mut world), [""; 0], "nothing begins twice");
}

#[test]
fn each_synced_book_is_published_anew_once() {
    let mut world = standing_by(r#""orderbook""#, r#"{"method":"websocket","deltas":true}"#);
    sync(&mut world);
    for _ in 0..2 {
        let told = world.tell(&Event::Promoted) + &world.wait(0);
        assert_eq!(
            without_alarms(&told),
            "book 0 snapshot id 13 at 1000000000 bids 10x1 9x2 asks 11x1\n\
             change 0 whole 13..13 after 13 at 1000000000 bids 10x1 9x2 asks 11x1\n"
        );
    }
    // As ever after that.
    let told = world.wait(60 * SECOND);
    assert!(!told.contains("book 0 snapshot"), "{told}");
}

#[test]
fn tops_at_fixed_times_come_at_their_times() {
    let mut world = standing_by(r#""orderbook""#, r#"{"snapshot_interval":1}"#);
    sync(&mut world);
    assert_eq!(world.tell(&Event::Promoted) + &world.wait(0), "");
    assert_eq!(
        without_alarms(&world.wait(SECOND)),
        "book 0 interval id 13 at 1000000000 bids 10x1 9x2 asks 11x1\n"
    );
}

#[test]
fn a_name_that_only_what_is_polled_would_prove_wrong_is_checked() {
    let mut world = standing_by(r#""open_interest""#, "{}");
    world.wait(60 * SECOND);
    let asked = polled(&mut world);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked.iter().all(|it| it.contains("/ticker/price?symbol=")));
}

fn without_alarms(told: &str) -> String {
    let lines = told.lines().filter(|line| !line.starts_with("wake "));
    lines.map(|line| format!("{line}\n")).collect()
}
