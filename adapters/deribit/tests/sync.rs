//! One book through all that can happen to it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_kit::testing;
use marketprism_kit::wit::{BookState, StreamState};
use world::{SECOND, World, change, quietly, snapshot};

const BOOKS: &str = r#"{"data_types":["orderbook"],"orderbook":{"method":"websocket"}}"#;
const BID: &str = r#"["new",100.0,10.0]"#;
const ASK: &str = r#"["new",101.0,20.0]"#;

fn synced() -> World {
    let mut world = world::open(BOOKS, &["BTC-PERPETUAL"]);
    world.frame(&snapshot(7, BID, ASK));
    world
}

#[test]
fn a_snapshot_makes_the_book_and_changes_follow() {
    let mut world = world::open(BOOKS, &["BTC-PERPETUAL"]);
    assert_eq!(
        world.frame(&snapshot(7, BID, ASK)),
        "status 0 synced (snapshot applied) id 7 applied 0 gaps 0 resyncs 0\n\
         book 0 snapshot id 7 at 1000000000 bids 100.0x10.0 asks 101.0x20.0\n"
    );
    let bids = r#"["delete",100.0,0.0],["new",99.5,1e1]"#;
    assert_eq!(
        world.frame(&change(7, 9, bids, r#"["change",101.0,5]"#)),
        "book 0 update id 9 at 1001000000 bids 99.5x10 asks 101.0x5\n"
    );
}

#[test]
fn a_gap_drops_everything_until_a_new_snapshot_and_asks_for_that_channel_alone() {
    let mut world = synced();
    let said = world.frame(&change(8, 9, r#"["new",99.0,1.0]"#, ""));
    assert_eq!(
        quietly(&said),
        "log warn BTC-PERPETUAL: gap: 8 follows 7; waiting for a new snapshot\n\
         status 0 resyncing (gap: 8 follows 7) id 7 applied 0 gaps 1 resyncs 1\n"
    );
    assert_eq!(world.frame(&change(9, 10, r#"["new",98.0,1.0]"#, "")), "");
    let said = quietly(&world.wait(2 * SECOND));
    let messages: Vec<_> = said.lines().collect();
    assert_eq!(messages.len(), 2, "{said}");
    assert!(messages[0].contains("public/unsubscribe"));
    assert!(messages[1].contains(r#"{"channels":["book.BTC-PERPETUAL.100ms"]}"#));
    let said = world.frame(&snapshot(12, BID, ASK));
    assert!(
        said.starts_with("status 0 synced (snapshot applied) id 12 applied 0 gaps 1 resyncs 1\n")
    );
    assert!(said.contains("book 0 snapshot id 12"));
    assert!(world.frame(&change(12, 13, "", ASK)).contains("id 13"));
}

#[test]
fn a_doubled_frame_changes_nothing() {
    let mut world = synced();
    let frames = [
        snapshot(7, BID, ASK),
        change(7, 9, r#"["new",99.0,1.0]"#, ""),
        change(9, 10, r#"["delete",99.0,0.0]"#, ""),
    ];
    assert_eq!(world.frame(&frames[0]), "");
    world.frame(&frames[1]);
    assert_eq!(world.frame(&frames[1]), "");
    world.frame(&frames[2]);
    for frame in &frames {
        assert_eq!(world.frame(frame), "");
    }
    let report = world.reports().remove(0);
    assert_eq!(
        (report.counters.gaps, report.counters.updates_applied),
        (0, 2)
    );
    assert_eq!(report.last_update_id, Some(10));
}

#[test]
fn a_crossed_book_is_a_gap() {
    let mut world = synced();
    let said = world.frame(&change(7, 8, r#"["new",101.0,1.0]"#, ""));
    assert!(said.contains(
        "status 0 resyncing (best bid not below best ask) id 8 applied 1 gaps 1 resyncs 1"
    ));
    assert!(!said.contains("book 0"));
    let said = world.frame(&snapshot(9, r#"["new",102.0,1.0]"#, ASK));
    assert!(said.contains("status 0 resyncing (best bid not below best ask in a snapshot)"));
    assert_eq!(world.reports()[0].counters.gaps, 1);
}

#[test]
fn a_book_of_one_side_is_synced_but_no_market() {
    let mut world = world::open(BOOKS, &["BTC-PERPETUAL"]);
    assert_eq!(
        world.frame(&snapshot(7, "", ASK)),
        "status 0 synced (snapshot applied) id 7 applied 0 gaps 0 resyncs 0\n"
    );
    assert_eq!(
        world.frame(&change(7, 8, BID, "")),
        "book 0 update id 8 at 1001000000 bids 100.0x10.0 asks 101.0x20.0\n"
    );
    assert_eq!(world.frame(&change(8, 9, r#"["delete",100.0,0]"#, "")), "");
}

#[test]
fn a_lost_connection_makes_the_book_stale_and_a_snapshot_brings_it_back() {
    let mut world = synced();
    let said = world.tell(&testing::closed(0));
    assert_eq!(
        quietly(&said),
        "status 0 stale (connection lost) id 7 applied 0 gaps 0 resyncs 0\n\
         connect 0 wss://www.deribit.com/ws/api/v2\n"
    );
    let said = world::opened(&mut world, 0);
    assert!(said.contains("public/set_heartbeat"));
    assert!(said.contains("book.BTC-PERPETUAL.100ms"));
    let said = world.frame(&snapshot(50, BID, ASK));
    assert!(
        said.starts_with("status 0 synced (snapshot applied) id 50 applied 0 gaps 0 resyncs 0\n")
    );
}

#[test]
fn an_unbroken_chain_goes_on_after_a_lost_connection_and_a_broken_one_is_no_gap() {
    let mut world = synced();
    world.tell(&testing::closed(0));
    world::opened(&mut world, 0);
    let said = world.frame(&change(7, 9, "", ASK));
    assert!(
        said.starts_with("status 0 synced (stream continued) id 9 applied 1 gaps 0 resyncs 0\n")
    );
    world.tell(&testing::closed(0));
    world::opened(&mut world, 0);
    let said = world.frame(&change(10, 11, "", ASK));
    assert!(
        said.contains(
            "resyncing (updates missed while disconnected) id 9 applied 1 gaps 0 resyncs 1"
        )
    );
}

#[test]
fn the_successor_of_a_connection_takes_the_book_over_without_a_gap() {
    let mut world = synced();
    let mut now_at = 7;
    // A day later the connection is renewed.
    let mut said = String::new();
    while !said.contains("connect 1 ") {
        said = world.wait(600 * SECOND);
        world.frame(&change(now_at, now_at + 1, "", ASK));
        now_at += 1;
    }
    world::opened(&mut world, 1);
    // The successor is behind at first.
    assert_eq!(world.frame_on(1, &snapshot(now_at - 2, BID, ASK)), "");
    world.frame(&change(now_at, now_at + 2, r#"["new",99.0,3.0]"#, ""));
    assert_eq!(world.frame_on(1, &change(now_at - 2, now_at, "", ASK)), "");
    let said = world.frame_on(1, &change(now_at, now_at + 3, r#"["new",99.0,4.0]"#, ""));
    assert!(
        said.starts_with(&format!("book 0 update id {} ", now_at + 3)),
        "{said}"
    );
    // What the old one still brings is nobody's.
    assert_eq!(world.frame(&change(now_at + 2, now_at + 3, "", "")), "");
    let said = world.wait(3 * SECOND);
    assert!(said.contains("close 0"), "{said}");
    world.tell(&testing::closed(0));
    let said = world.frame_on(1, &change(now_at + 3, now_at + 4, "", ASK));
    assert!(said.starts_with("book 0 update"));
    let report = world.reports().remove(0);
    assert_eq!(report.book_state, Some(BookState::Synced));
    assert_eq!((report.counters.gaps, report.counters.resyncs), (0, 0));
}

#[test]
fn a_successor_that_is_behind_takes_over_when_the_old_connection_is_lost() {
    let mut world = synced();
    let mut id = 7;
    while !world.wait(600 * SECOND).contains("connect 1 ") {
        world.frame(&change(id, id + 1, "", ASK));
        id += 1;
    }
    world::opened(&mut world, 1);
    world.frame_on(1, &snapshot(id - 2, BID, ASK));
    let said = world.tell(&testing::closed(0));
    assert!(
        said.starts_with("status 0 stale (connection lost)"),
        "{said}"
    );
    assert_eq!(world.frame_on(1, &change(id - 2, id - 1, "", ASK)), "");
    let said = world.frame_on(1, &change(id - 1, id, r#"["new",99.0,4.0]"#, ""));
    assert!(
        said.starts_with("status 0 synced (stream continued)"),
        "{said}"
    );
    assert!(said.contains("book 0 snapshot"), "{said}");
    assert!(
        world
            .frame_on(1, &change(id, id + 1, "", ASK))
            .starts_with("book 0 update")
    );
    let counters = world.reports().remove(0).counters;
    assert_eq!((counters.gaps, counters.resyncs), (0, 0));
}

#[test]
fn a_snapshot_that_does_not_come_is_asked_for_again_later_and_later() {
    let mut world = world::open(BOOKS, &["BTC-24SEP21-34000-P"]);
    let mut times = Vec::new();
    for second in 0..400 {
        let said = world.wait(SECOND);
        if said.contains("public/subscribe") {
            times.push(second);
            world::accept(&mut world, 0, &said);
        }
    }
    assert!((3..=6).contains(&times.len()), "{times:?}");
    assert!(
        times.windows(2).all(|two| two[1] - two[0] >= 14),
        "{times:?}"
    );
    assert_ne!(world.reports()[0].streams[0].state, StreamState::Live);
}

#[test]
fn a_channel_at_another_interval_is_followed_too_and_a_grouped_one_is_nobodys() {
    let mut world = world::open(BOOKS, &["BTC-PERPETUAL"]);
    let raw = snapshot(7, BID, ASK).replace("100ms", "raw");
    assert!(world.frame(&raw).starts_with("status 0 synced"));
    let grouped = snapshot(8, BID, ASK).replace("100ms", "none.20.100ms");
    assert_eq!(world.frame(&grouped), "ignored\n");
    let other = snapshot(8, BID, ASK).replace("BTC-", "ETH-");
    assert_eq!(world.frame(&other), "ignored\n");
}
