//! The exchange's rules for a local book, one by one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_kit::testing;
use marketprism_kit::wit::{Event, RequestFailure, Response};
use world::{MS, SECOND, World, depth};

const SNAPSHOT: &str =
    r#"{"lastUpdateId":100,"bids":[["10.0","1"],["9.0","2"]],"asks":[["11.0","1"],["12.0","2"]]}"#;

/// A world whose book is synced at update 100, before any update was applied.
fn synced(orderbook: &str) -> World {
    let mut world = world::start(orderbook);
    world.frame(&depth(99, 100, "", ""));
    let told = world.answer(0, SNAPSHOT);
    assert!(
        told.contains("status 0 synced (snapshot applied) id 100"),
        "{told}"
    );
    world
}

#[test]
fn the_first_update_asks_for_a_snapshot_and_the_next_ones_wait_for_it() {
    let mut world = world::start("{}");
    assert_eq!(
        world.frame(&depth(98, 99, "", "")),
        "request 0 https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=500 weight 25\n"
    );
    assert_eq!(world.frame(&depth(100, 101, r#"["10.0","5"]"#, "")), "");
    let told = world.answer(0, SNAPSHOT);
    assert_eq!(
        told,
        "status 0 synced (snapshot applied) id 101 applied 1 gaps 0 resyncs 0\n"
    );
    assert!(
        world
            .report()
            .contains("bids 10.0x5 9.0x2 asks 11.0x1 12.0x2")
    );
}

#[test]
fn a_snapshot_older_than_the_first_update_is_asked_for_again_and_is_no_gap() {
    let mut world = world::start("{}");
    world.frame(&depth(101, 102, "", ""));
    let mut delays = Vec::new();
    for request in 0..9 {
        let told = world.answer(request, SNAPSHOT);
        let time = told
            .strip_prefix("wake 1 at ")
            .unwrap()
            .trim()
            .parse::<u64>()
            .unwrap();
        delays.push((time - world.now) as f64 / SECOND as f64);
        world.now = time;
        assert!(world.alarm(1).starts_with("request "));
    }
    for (delay, expected) in delays
        .iter()
        .zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0])
    {
        assert!((expected..=expected * 1.1).contains(delay), "{delays:?}");
    }
    let told = world.answer(9, &SNAPSHOT.replace("100", "102"));
    assert!(
        told.contains("synced (snapshot applied) id 102 applied 0 gaps 0 resyncs 0"),
        "{told}"
    );
}

#[test]
fn the_first_applied_update_may_overlap_the_snapshot() {
    let mut world = world::start("{}");
    world.frame(&depth(90, 105, r#"["10.0","0"]"#, ""));
    assert!(
        world
            .answer(0, SNAPSHOT)
            .contains("synced (snapshot applied) id 105 applied 1")
    );
}

#[test]
fn a_first_update_that_does_not_fit_is_no_gap_but_a_new_snapshot() {
    let mut world = synced("{}");
    let told = world.frame(&depth(103, 104, "", ""));
    assert!(
        told.contains("resyncing (gap: 103 follows 100) id 100 applied 0 gaps 0 resyncs 1"),
        "{told}"
    );
}

#[test]
fn a_hole_among_waiting_updates_keeps_what_follows_it() {
    let mut world = world::start("{}");
    world.frame(&depth(100, 101, "", ""));
    world.frame(&depth(105, 106, "", ""));
    let told = world.answer(0, SNAPSHOT);
    assert!(
        told.contains("does not fit the stream") && told.contains("wake 1 at"),
        "{told}"
    );
    world.now += 2 * SECOND;
    assert!(world.alarm(1).starts_with("request 1 "));
    let told = world.answer(1, &SNAPSHOT.replace("100", "105"));
    assert!(
        told.contains("synced (snapshot applied) id 106 applied 1 gaps 0 resyncs 0"),
        "{told}"
    );
}

#[test]
fn a_doubled_update_changes_nothing() {
    let mut world = synced("{}");
    let update = depth(101, 102, r#"["10.0","7"]"#, "");
    world.frame(&update);
    assert_eq!(world.frame(&update), "");
    assert_eq!(world.frame(&depth(90, 95, r#"["10.0","9"]"#, "")), "");
    assert!(
        world.report().contains(
            "id 102 trades 0 duplicates 0 missing 0 fetched 0 applied 1 gaps 0 resyncs 0"
        )
    );
}

#[test]
fn an_overlapping_update_is_legal() {
    let mut world = synced("{}");
    world.frame(&depth(101, 105, "", ""));
    assert_eq!(world.frame(&depth(103, 108, "", "")), "");
    assert!(world.report().contains("synced id 108"));
}

#[test]
fn a_gap_is_counted_once_and_asks_for_a_new_snapshot() {
    let mut world = synced("{}");
    world.frame(&depth(101, 102, "", ""));
    world.now += SECOND;
    let told = world.frame(&depth(110, 112, r#"["10.0","8"]"#, ""));
    assert!(
        told.contains(
            "status 0 resyncing (gap: 110 follows 102) id 102 applied 1 gaps 1 resyncs 1"
        ),
        "{told}"
    );
    assert!(told.contains("request 1 "), "{told}");
    assert_eq!(world.frame(&depth(120, 121, "", "")), "");
    world.frame(&depth(122, 123, "", ""));
    let told = world.answer(1, &SNAPSHOT.replace("100", "121"));
    assert!(
        told.contains("synced (snapshot applied) id 123 applied 2 gaps 1 resyncs 1"),
        "{told}"
    );
}

#[test]
fn nothing_is_published_while_a_book_is_not_synced() {
    let mut world = synced("{}");
    assert!(world.alarm(0).starts_with("book 0 interval id 100"));
    world.frame(&depth(101, 102, "", ""));
    world.frame(&depth(110, 112, "", ""));
    assert!(world.alarm(0).starts_with("wake 0 at"));
}

#[test]
fn swapped_updates_are_a_gap_and_are_repaired() {
    let mut world = synced("{}");
    world.frame(&depth(101, 101, "", ""));
    world.now += SECOND;
    assert!(world.frame(&depth(103, 103, "", "")).contains("gaps 1"));
    world.frame(&depth(102, 102, "", ""));
    world.frame(&depth(104, 104, "", ""));
    let told = world.answer(1, &SNAPSHOT.replace("100", "103"));
    assert!(told.contains("synced (snapshot applied) id 104"), "{told}");
}

#[test]
fn a_crossed_book_is_a_gap() {
    let mut world = synced("{}");
    let told = world.frame(&depth(101, 102, r#"["11.0","1"]"#, ""));
    assert!(
        told.contains("resyncing (best bid not below best ask) id 102 applied 1 gaps 1 resyncs 1"),
        "{told}"
    );
}

#[test]
fn snapshots_of_one_book_are_asked_for_at_most_once_a_second() {
    let mut world = synced("{}");
    let told = world.frame(&depth(101, 102, r#"["11.0","1"]"#, ""));
    assert!(
        told.contains(&format!("wake 1 at {}", world.start + SECOND)),
        "{told}"
    );
    world.now += SECOND;
    assert!(world.alarm(1).starts_with("request 1 "));
}

#[test]
fn failed_requests_are_named_and_asked_again_later() {
    let mut world = world::start("{}");
    world.frame(&depth(98, 99, "", ""));
    let told = world.tell(&testing::answer(0, 429, "slow down"));
    assert!(
        told.contains("refused depth snapshot refused") && told.contains("wake 1"),
        "{told}"
    );
    world.now += 2 * SECOND;
    world.alarm(1);
    assert!(
        world
            .answer(1, r#"{"lastUpdateId":1"#)
            .contains("refused not json")
    );
    world.now += 3 * SECOND;
    world.alarm(1);
    let failed = Response {
        request: 2,
        outcome: Err(RequestFailure::OverBudget),
    };
    let told = world.tell(&Event::Response(failed));
    assert!(
        told.contains("log warn BTCUSDT: depth snapshot: the request budget is used up")
            && !told.contains("refused"),
        "{told}"
    );
    world.now += 5 * SECOND;
    world.alarm(1);
    assert!(world.answer(3, SNAPSHOT).contains("synced"));
}

#[test]
fn the_answer_of_an_abandoned_request_is_nobodys() {
    let mut world = world::start("{}");
    world.frame(&depth(98, 99, "", ""));
    world.tell(&testing::closed(0));
    assert_eq!(world.answer(0, SNAPSHOT), "");
    assert_eq!(world.answer(77, SNAPSHOT), "");
}

#[test]
fn a_full_buffer_is_told_and_begins_again() {
    let mut world = world::start(r#"{"buffer_max_size":3}"#);
    for id in 101..104 {
        world.frame(&depth(id, id, "", ""));
    }
    world.now += SECOND;
    let told = world.frame(&depth(104, 104, "", ""));
    assert!(
        told.contains("log warn BTCUSDT: 3 updates waited too long") && told.contains("request 1 "),
        "{told}"
    );
    assert_eq!(world.answer(0, SNAPSHOT), "");
    assert!(
        world
            .answer(1, &SNAPSHOT.replace("100", "104"))
            .contains("synced")
    );
}

#[test]
fn a_quiet_instrument_is_synced_from_its_snapshot() {
    let mut world = world::start("{}");
    world.now += 5 * SECOND;
    assert!(world.alarm(2).starts_with("request 0 "));
    assert!(
        world
            .answer(0, SNAPSHOT)
            .contains("synced (snapshot applied) id 100 applied 0")
    );
    assert_eq!(world.frame(&depth(101, 103, "", "")), "");
}

#[test]
fn an_instrument_that_spoke_is_not_quiet() {
    let mut world = synced("{}");
    world.now += 5 * SECOND;
    assert_eq!(world.alarm(2), "");
}

#[test]
fn a_lost_connection_is_asked_for_at_once_and_its_books_are_stale() {
    let mut world = synced("{}");
    assert_eq!(
        world.tell(&testing::closed(0)),
        "status 0 stale (connection lost) id 100 applied 0 gaps 0 resyncs 0\n\
         connect 0 wss://stream.binance.com:9443/stream\n"
    );
    assert!(world.alarm(0).starts_with("wake 0 at"));
}

#[test]
fn a_stream_that_continues_after_a_reconnection_needs_no_snapshot() {
    for (first, last) in [(101, 105), (95, 101), (99, 100)] {
        let mut world = synced("{}");
        world.tell(&testing::closed(0));
        world.tell(&Event::Opened(0));
        let told = world.frame(&depth(first, last, "", ""));
        assert!(
            told.starts_with("status 0 synced (stream continued)")
                && told.contains("gaps 0 resyncs 0"),
            "{told}"
        );
    }
}

#[test]
fn updates_missed_while_disconnected_are_a_resync_and_no_gap() {
    let mut world = synced("{}");
    world.frame(&depth(101, 101, "", ""));
    world.tell(&testing::closed(0));
    world.now += SECOND;
    world.tell(&Event::Opened(0));
    let told = world.frame(&depth(105, 106, "", ""));
    assert!(
        told.contains(
            "resyncing (updates missed while disconnected) id 101 applied 1 gaps 0 resyncs 1"
        ),
        "{told}"
    );
    assert!(told.contains("request 1 "), "{told}");
}

#[test]
fn an_instrument_quiet_after_a_reconnection_gets_a_snapshot() {
    let mut world = synced("{}");
    world.tell(&testing::closed(0));
    world.now += SECOND;
    assert!(!world.tell(&Event::Opened(0)).contains("wake 2"));
    assert_eq!(
        world.frame(r#"{"result":null,"id":1}"#),
        format!("wake 2 at {}\n", world.now + 5 * SECOND)
    );
    world.now += 5 * SECOND;
    assert!(world.alarm(2).contains("request 1 "));
    assert!(
        world
            .answer(1, SNAPSHOT)
            .contains("synced (snapshot applied) id 100 applied 0 gaps 0 resyncs 1")
    );
}

#[test]
fn a_book_whose_connection_is_away_is_not_taken_for_quiet() {
    let mut world = synced("{}");
    world.tell(&testing::closed(0));
    world.now += 5 * SECOND;
    // The alarm was set when the lost connection opened. A book from a snapshot would be called synced without a stream.
    assert_eq!(world.alarm(2), "");
    assert!(world.report().contains("stale id 100"));
}

#[test]
fn a_refused_update_changes_nothing() {
    let mut world = synced("{}");
    let told = world.frame(&depth(
        101,
        102,
        r#"["10.0","3"],["99999999999999999999","1"]"#,
        "",
    ));
    assert_eq!(told, "refused number out of range\n");
    // 10^17 at one decimal place fits, but not beside a price with 18 of them.
    world.frame(&depth(101, 101, "", r#"["100000000000000000.0","1"]"#));
    let told = world.frame(&depth(
        102,
        102,
        r#"["10.0","3"]"#,
        r#"["0.000000000000000001","1"]"#,
    ));
    assert_eq!(told, "refused number out of range\n");
    assert!(world.report().contains("synced id 101") && world.report().contains("bids 10.0x1"));
}

#[test]
fn a_truncated_snapshot_is_renewed_under_the_live_book() {
    let mut world =
        world::start(r#"{"method":"websocket","depth_limit":2,"nats_publish_depth":2}"#);
    world.frame(&depth(99, 100, "", ""));
    world.answer(0, SNAPSHOT);
    world.now += SECOND;
    // One of two proven bids goes; 8.0 is beyond the horizon and is not shown.
    let told = world.frame(&depth(101, 101, r#"["10.0","0"],["8.0","5"]"#, ""));
    assert!(
        told.contains("book 0 update id 101 at 1000000000 bids 9.0x2 asks 11.0x1 12.0x2"),
        "{told}"
    );
    assert!(told.contains("request 1 "), "{told}");
    world.frame(&depth(102, 103, "", r#"["11.0","4"]"#));
    // The live book goes on being published, and reaches the snapshot two updates later.
    assert_eq!(world.answer(1, r#"{"lastUpdateId":104,"bids":[["9.0","2"],["8.0","5"]],"asks":[["11.0","4"],["12.0","2"]]}"#), "");
    assert!(
        world
            .frame(&depth(104, 105, "", r#"["11.0","6"]"#))
            .contains("bids 9.0x2 asks 11.0x6")
    );
    let told = world.frame(&depth(106, 106, "", r#"["12.0","9"]"#));
    assert!(
        told.contains("bids 9.0x2 8.0x5 asks 11.0x6 12.0x9"),
        "{told}"
    );
    assert!(world.report().contains("applied 4 gaps 0 resyncs 0"));
}

#[test]
fn a_renewal_that_is_too_old_is_asked_for_again_and_the_book_stays() {
    let mut world =
        world::start(r#"{"method":"websocket","depth_limit":2,"nats_publish_depth":2}"#);
    world.frame(&depth(99, 100, "", ""));
    world.answer(0, SNAPSHOT);
    world.now += SECOND;
    world.frame(&depth(101, 101, r#"["10.0","0"]"#, ""));
    assert!(world.answer(1, SNAPSHOT).starts_with("wake 1 at"));
    world.now += 2 * SECOND;
    assert!(world.alarm(1).starts_with("request 2 "));
    assert!(world.report().contains("synced id 101"));
}

#[test]
fn a_book_is_published_at_multiples_of_the_interval() {
    let mut world = synced(r#"{"snapshot_interval":0.5,"snapshot_depth":1}"#);
    world.now += 300 * MS;
    world.frame(&depth(101, 101, r#"["10.5","3"]"#, ""));
    world.now = world.start + 500 * MS;
    assert_eq!(
        world.alarm(0),
        format!(
            "book 0 interval id 101 at 1000000000 bids 10.5x3 asks 11.0x1\nwake 0 at {}\n",
            world.start + SECOND
        )
    );
}

#[test]
fn a_book_with_an_empty_side_is_not_published_at_intervals() {
    let mut world = synced("{}");
    world.frame(&depth(101, 101, r#"["10.0","0"],["9.0","0"]"#, ""));
    assert!(world.alarm(0).starts_with("wake 0"));
}

#[test]
fn every_change_is_published_when_asked_for() {
    let mut world = world::start(r#"{"method":"websocket"}"#);
    world.frame(&depth(99, 100, "", ""));
    let told = world.answer(0, SNAPSHOT);
    assert!(
        told.ends_with("book 0 snapshot id 100 at - bids 10.0x1 9.0x2 asks 11.0x1 12.0x2\n"),
        "{told}"
    );
    assert_eq!(
        world.frame(&depth(101, 102, r#"["10.00","7"]"#, r#"["11.0","0"]"#)),
        "book 0 update id 102 at 1000000000 bids 10.00x7 9.0x2 asks 12.0x2\n"
    );
}

#[test]
fn changes_are_led_by_the_whole_book_and_renewed_every_minute() {
    let mut world = world::start(r#"{"deltas":true}"#);
    world.frame(&depth(99, 100, "", ""));
    let told = world.answer(0, SNAPSHOT);
    let whole = "change 0 whole 100..100 after 100 at - bids 10.0x1 9.0x2 asks 11.0x1 12.0x2\n";
    assert!(
        told.ends_with(&format!("{whole}wake 3 at {}\n", world.now + 60 * SECOND)),
        "{told}"
    );
    assert_eq!(
        world.frame(&depth(101, 103, r#"["10.0","0"]"#, "")),
        "change 0 part 101..103 after 100 at 1000000000 bids 10.0x0 asks \n"
    );
    world.now += 60 * SECOND;
    assert!(
        world
            .alarm(3)
            .starts_with("change 0 whole 103..103 after 103")
    );
}

#[test]
fn the_documented_example_is_published_as_the_old_collector_did() {
    let mut world = world::start(r#"{"method":"websocket"}"#);
    world.frame(&depth(990, 999, r#"["100.00","9"]"#, ""));
    world.answer(0, r#"{"lastUpdateId":1000,"bids":[["100.00","1"],["99.00","2"]],"asks":[["101.00","1"],["102.00","3"]]}"#);
    assert!(
        world
            .frame(&depth(
                995,
                1003,
                r#"["100.00","1.50000000"],["99.00","0.00000000"]"#,
                r#"["101.00","0.00000001"]"#
            ))
            .contains("bids 100.00x1.50000000 asks 101.00x0.00000001 102.00x3\n")
    );
    assert!(
        world
            .frame(&depth(1004, 1006, "", r#"["102.00","0"],["103.5","7"]"#))
            .contains(
                "id 1006 at 1000000000 bids 100.00x1.50000000 asks 101.00x0.00000001 103.5x7\n"
            )
    );
}

#[test]
fn hundreds_of_books_at_once_are_fetched_some_at_a_time() {
    let names: Vec<_> = (0..300).map(|n| format!("X{n}USDT")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut world = world::with(r#"{"data_types":["orderbook"]}"#, &names);
    let update = |n: usize| {
        depth(99, 100, "", "")
            .replace("BTCUSDT", &format!("X{n}USDT"))
            .replace("btcusdt", &format!("x{n}usdt"))
    };
    let told: String = (0..300).map(|n| world.frame(&update(n))).collect();
    let mut asked = told.matches("request ").count();
    assert_eq!(asked, 16);
    let mut answered = 0;
    while answered < 300 {
        world.now += 200 * MS;
        let mut told = String::new();
        if answered < asked {
            told += &world.answer(answered as u32, SNAPSHOT);
            answered += 1;
        }
        for n in 0..300 {
            told += &world.alarm(n * 16 + 1);
        }
        asked += told.matches("request ").count();
        assert!(asked - answered <= 16, "{} in flight", asked - answered);
    }
    assert_eq!(world.report().matches(" synced ").count(), 300);
}

#[test]
fn a_book_whose_proven_levels_of_one_side_ran_out_is_not_published_until_more_is_known() {
    let mut world = world::start(r#"{"method":"websocket","depth_limit":2}"#);
    world.frame(&depth(99, 100, "", ""));
    assert!(world.answer(0, SNAPSHOT).contains("book 0 snapshot"));
    let told = world.frame(&depth(101, 101, r#"["10.0","0"],["9.0","0"]"#, ""));
    assert!(!told.contains("book 0"), "{told}");
    world.now += SECOND;
    let told = world.alarm(1);
    assert!(told.contains("request 1 "), "it asks for more: {told}");
}
