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
use world::{MS, SECOND, START, World};

/// A session that stands by with its connection open and everything asked for acknowledged.
fn standing_by(settings: &str, symbols: &[&str]) -> World {
    let mut world = World::at(START);
    world.tell(&testing::standby(settings, symbols));
    world::opened(&mut world, 0);
    world
}

/// What was asked for since the last time, by the last part of the path.
fn polled(world: &mut World) -> Vec<String> {
    let asked = std::mem::take(&mut world.requests);
    let of = |address: &str| {
        let (path, _) = address.split_once('?').unwrap_or((address, ""));
        path.rsplit('/').next().unwrap_or_default().to_owned()
    };
    asked.iter().map(|request| of(&request.address)).collect()
}

#[test]
fn it_asks_for_no_candles_until_it_is_promoted() {
    let settings = r#"{"data_types":["orderbook","trade","volatility_index"]}"#;
    let mut world = standing_by(settings, &["BTC", "ETH", "SOL"]);
    world.frame(&world::snapshot(
        5,
        r#"["new",10.0,1.0]"#,
        r#"["new",11.0,1.0]"#,
    ));
    let told = world.frame(&world::trades(&[7]));
    assert!(told.contains("trade 0 #7 buy 50000.0 x 10.0"), "{told}");
    let reports = world.reports();
    assert_eq!(reports[0].book_state, Some(BookState::Synced));
    let streams: usize = reports.iter().map(|it| it.streams.len()).sum();
    assert_eq!(streams, 6);
    world.wait(600 * SECOND);
    let asked = polled(&mut world);
    assert!(asked.contains(&"get_instruments".to_owned()), "{asked:?}");
    assert!(
        !asked.contains(&"get_volatility_index_data".to_owned()),
        "{asked:?}"
    );

    world.tell(&Event::Promoted);
    let asked = polled(&mut world);
    assert_eq!(
        asked, ["get_volatility_index_data"; 2],
        "as many at once as ever"
    );
    assert_eq!(world.reports().iter().flat_map(|it| &it.streams).count(), 9);
    world.tell(&Event::Promoted);
    assert_eq!(polled(&mut world), [""; 0], "nothing begins twice");
}

#[test]
fn the_first_question_reaches_back_to_the_last_one_of_the_version_before() {
    let settings = r#"{"data_types":["volatility_index"],"volatility_index":{"collection_interval_minutes":5,"resolution":"60"}}"#;
    let asked_from = |world: &World| {
        let mut asked = world.requests.iter();
        let from = asked.find_map(|it| it.address.split_once("start_timestamp="));
        let (_, from) = from.unwrap();
        let from: u64 = from.split('&').next().unwrap().parse().unwrap();
        (world.now / MS - from) / 1_000
    };
    let mut world = World::at(START);
    world.tell(&testing::standby(settings, &["BTC"]));
    world.wait(100 * SECOND);
    world.tell(&Event::Promoted);
    // One that asked a little after each fifth minute last did so up to five minutes ago, and had what was closed then.
    assert_eq!(asked_from(&world), 5 * 60 + 2 + 2 * 60);
    let (world, _) = world::start(settings, &["BTC"]);
    assert_eq!(asked_from(&world), 2 * 60);
}

#[test]
fn each_synced_book_is_published_anew_once() {
    let settings =
        r#"{"data_types":["orderbook"],"orderbook":{"method":"websocket","deltas":true}}"#;
    let mut world = standing_by(settings, &["BTC-PERPETUAL", "ETH-PERPETUAL"]);
    world.frame(&world::snapshot(
        5,
        r#"["new",10.0,1.0]"#,
        r#"["new",11.0,1.0]"#,
    ));
    world.frame(&world::change(5, 6, r#"["new",9.0,2.0]"#, ""));
    for _ in 0..2 {
        let told = world.tell(&Event::Promoted) + &world.wait(0);
        assert_eq!(
            world::quietly(&told),
            "book 0 snapshot id 6 at 1001000000 bids 10.0x1.0 9.0x2.0 asks 11.0x1.0\n\
             change 0 whole 6..6 after 6 at 1001000000 bids 10.0x1.0 9.0x2.0 asks 11.0x1.0\n"
        );
    }
    let told = world.wait(60 * SECOND);
    assert!(!told.contains("book 0 snapshot"), "{told}");
}
