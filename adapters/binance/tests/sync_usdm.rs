//! USD-M's own rules for a local book.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_kit::testing;
use world::usdm::{self, depth};
use world::{SECOND, World};

const SNAPSHOT: &str = r#"{"lastUpdateId":100,"E":5,"T":4,"bids":[["10.0","1"],["9.0","2"]],"asks":[["11.0","1"],["12.0","2"]]}"#;

fn begun() -> World {
    usdm::world(r#""orderbook""#, "")
}

/// A world whose book is synced at update 105.
fn synced() -> World {
    let mut world = begun();
    world.frame(&depth(98, 105, 95, "", ""));
    let told = world.answer(0, SNAPSHOT);
    assert!(
        told.contains("status 0 synced (snapshot applied) id 105 applied 1"),
        "{told}"
    );
    world
}

#[test]
fn the_snapshot_is_asked_of_the_futures_interface_at_its_own_cost() {
    assert_eq!(
        begun().frame(&depth(98, 99, 90, "", "")),
        "request 0 https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=500 weight 10\n"
    );
    let mut world = usdm::world(r#""orderbook""#, r#","orderbook":{"depth_limit":40}"#);
    assert!(
        world
            .frame(&depth(98, 99, 90, "", ""))
            .contains("limit=50 weight 2\n")
    );
}

#[test]
fn the_first_update_holds_the_snapshot_or_follows_it() {
    for (first, last, previous, id, applied) in [
        (98, 105, 95, 105, 1),
        (100, 105, 97, 105, 1),
        (90, 100, 85, 100, 1),
        (103, 105, 100, 105, 1),
    ] {
        let mut world = begun();
        world.frame(&depth(80, 84, 79, r#"["10.0","77"]"#, ""));
        world.frame(&depth(85, 85, 84, "", ""));
        world.frame(&depth(first, last, previous, r#"["10.0","5"]"#, ""));
        let told = world.answer(0, SNAPSHOT);
        let expected = format!("synced (snapshot applied) id {id} applied {applied} gaps 0");
        assert!(told.contains(&expected), "{first}..{last}: {told}");
        assert!(world.report().contains("bids 10.0x5 9.0x2"));
    }
}

#[test]
fn an_update_that_ends_with_the_snapshot_is_followed_but_is_no_change() {
    let settings = r#","orderbook":{"method":"websocket","deltas":true}"#;
    let mut world = usdm::world(r#""orderbook""#, settings);
    world.frame(&depth(80, 84, 79, "", ""));
    let told = world.answer(0, SNAPSHOT);
    assert!(told.contains("synced (snapshot applied) id 100"), "{told}");
    // The book is already what it leads to: a change from 100 to 100 would be none.
    let told = world.frame(&depth(98, 100, 84, r#"["10.0","1"]"#, ""));
    assert_eq!(told, "");
    let told = world.frame(&depth(103, 105, 100, r#"["10.0","5"]"#, ""));
    assert!(told.contains("105") && !told.contains("status"), "{told}");
}

#[test]
fn a_snapshot_before_the_first_update_is_asked_for_again_and_is_no_gap() {
    let mut world = begun();
    world.frame(&depth(103, 105, 101, "", ""));
    let told = world.answer(0, SNAPSHOT);
    assert!(
        told.starts_with("wake 1 at") && !told.contains("status"),
        "{told}"
    );
    world.now += 2 * SECOND;
    assert!(world.alarm(1).starts_with("request 1 "));
    let told = world.answer(1, &SNAPSHOT.replace("100", "104"));
    assert!(
        told.contains("synced (snapshot applied) id 105 applied 1 gaps 0 resyncs 0"),
        "{told}"
    );
}

#[test]
fn each_update_must_name_the_one_before() {
    let mut world = synced();
    assert_eq!(
        world.frame(&depth(200, 210, 105, r#"["10.0","5"]"#, "")),
        ""
    );
    assert!(world.report().contains("synced id 210"));
    world.now += SECOND;
    // Its ids overlap, which would do on spot.
    let told = world.frame(&depth(205, 220, 204, r#"["10.0","6"]"#, ""));
    assert!(
        told.contains(
            "status 0 resyncing (gap: 205 follows 210) id 210 applied 2 gaps 1 resyncs 1"
        ),
        "{told}"
    );
    assert!(told.contains("request 1 "), "{told}");
}

#[test]
fn what_the_book_has_is_ignored_before_any_look_at_the_chain() {
    let mut world = synced();
    let update = depth(106, 110, 105, r#"["10.0","7"]"#, "");
    world.frame(&update);
    assert_eq!(world.frame(&update), "");
    assert_eq!(world.frame(&depth(90, 95, 1, r#"["10.0","9"]"#, "")), "");
    assert!(world.report().contains("applied 2 gaps 0 resyncs 0"));
}

#[test]
fn a_first_update_that_does_not_fit_is_no_gap_but_a_new_snapshot() {
    let mut world = begun();
    world.now += 5 * SECOND;
    assert!(world.alarm(2).starts_with("request 0 "));
    assert!(
        world
            .answer(0, SNAPSHOT)
            .contains("synced (snapshot applied) id 100 applied 0")
    );
    let told = world.frame(&depth(103, 104, 102, "", ""));
    assert!(told.contains("gaps 0 resyncs 1"), "{told}");
}

#[test]
fn a_stream_that_continues_after_a_reconnection_needs_no_snapshot() {
    for (first, last, previous) in [(106, 110, 105), (103, 110, 101), (100, 105, 99)] {
        let mut world = synced();
        world.tell(&testing::closed(0));
        world::open(&mut world, 0);
        let told = world.frame(&depth(first, last, previous, "", ""));
        assert!(
            told.starts_with("status 0 synced (stream continued)"),
            "{told}"
        );
        assert!(world.frame(&depth(111, 112, last, "", "")).is_empty());
        assert!(world.report().contains("synced id 112"));
    }
}

#[test]
fn updates_missed_while_disconnected_are_a_resync_and_no_gap() {
    let mut world = synced();
    world.tell(&testing::closed(0));
    world.now += SECOND;
    world::open(&mut world, 0);
    let told = world.frame(&depth(108, 110, 106, "", ""));
    assert!(
        told.contains(
            "resyncing (updates missed while disconnected) id 105 applied 1 gaps 0 resyncs 1"
        ),
        "{told}"
    );
}

#[test]
fn an_update_without_the_one_before_is_refused() {
    let mut world = synced();
    let update = depth(106, 110, 105, "", "");
    for bad in [
        update.replace(r#","pu":105"#, ""),
        update.replace(r#""pu":105"#, r#""pu":"105""#),
        update.replace(r#""pu":105"#, r#""pu":-1"#),
    ] {
        assert_eq!(world.frame(&bad), "refused wrong shape\n", "{bad}");
    }
    assert_eq!(world.frame(&update), "");
    assert!(world.report().contains("synced id 110"));
}
