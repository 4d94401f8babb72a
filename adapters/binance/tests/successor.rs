//! A connection is replaced by another while frames come through both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_kit::testing;
use marketprism_kit::wit::Event;
use world::{SECOND, World, depth, trade, usdm};

const SHUTDOWN: &str = r#"{"e":"serverShutdown","E":1770123456789}"#;
const SNAPSHOT: &str = r#"{"lastUpdateId":100,"bids":[["10.0","1"]],"asks":[["11.0","1"]]}"#;

/// The market under test: its name, and an update by its first, last and previous id.
type Market = (&'static str, fn(u64, u64, u64) -> String);

const MARKETS: [Market; 2] = [
    ("binance_spot", |first, last, _| {
        depth(first, last, &bid(last), "")
    }),
    ("binance_derivatives", |first, last, previous| {
        usdm::depth(first, last, previous, &bid(last), "")
    }),
];

/// A quantity that tells the update that set it.
fn bid(last: u64) -> String {
    format!(r#"["10.0","{last}"]"#)
}

/// A session whose book is synced at update 100 and whose connection 0 is being replaced by 1, which is open.
fn overlapping((venue, update): Market) -> World {
    let settings = format!(
        r#"{{"exchange":"{venue}","trade_stream":"trade","orderbook":{{"method":"websocket"}}}}"#
    );
    let mut world = world::with(&settings, &["BTCUSDT"]);
    world.frame(&update(99, 100, 98));
    let told = world.answer(0, SNAPSHOT);
    assert!(told.contains("synced (snapshot applied) id 100"), "{told}");
    world.now += SECOND;
    let told = world.frame(SHUTDOWN);
    assert!(told.contains("connect 1 wss://"), "{told}");
    let told = world::open(&mut world, 1);
    assert!(
        told.contains(r#""params":["btcusdt@depth@100ms","btcusdt@trade"]"#),
        "{told}"
    );
    world
}

/// What comes through the successor.
fn through(world: &mut World, connection: u32, frame: &str) -> String {
    world.tell(&testing::frame(connection, frame))
}

/// Lets some seconds go by.
fn after(world: &mut World, seconds: u64) -> String {
    let mut told = String::new();
    for _ in 0..seconds {
        world.now += SECOND;
        told += &world.alarm(6);
    }
    told
}

#[test]
fn a_successor_that_is_behind_is_followed_from_its_first_update_that_joins() {
    for market in MARKETS {
        let (_, update) = market;
        let mut world = overlapping(market);
        let told = world.frame(&update(101, 105, 100));
        assert!(told.contains("book 0 update id 105"), "{told}");
        assert_eq!(through(&mut world, 1, &update(101, 105, 100)), "");
        let told = through(&mut world, 1, &update(106, 110, 105));
        assert!(told.contains("book 0 update id 110"), "{told}");
        assert_eq!(world.frame(&update(106, 110, 105)), "");
        assert!(world.report().contains("synced id 110 trades 0"));
        assert!(world.report().contains("gaps 0 resyncs 0"));
    }
}

#[test]
fn a_successor_that_is_ahead_waits_until_the_book_has_reached_it() {
    for market in MARKETS {
        let (_, update) = market;
        let mut world = overlapping(market);
        assert_eq!(through(&mut world, 1, &update(106, 110, 105)), "");
        assert_eq!(through(&mut world, 1, &update(111, 115, 110)), "");
        assert!(world.report().contains("synced id 100"));
        let told = world.frame(&update(101, 105, 100));
        let ids: Vec<_> = told
            .lines()
            .filter_map(|line| line.split(" id ").nth(1))
            .collect();
        assert_eq!(ids.len(), 3, "{told}");
        assert!(
            told.contains("update id 105") && told.contains("update id 115"),
            "{told}"
        );
        let told = through(&mut world, 1, &update(116, 120, 115));
        assert!(told.contains("book 0 update id 120"), "{told}");
        assert!(world.report().contains("gaps 0 resyncs 0"));
    }
}

#[test]
fn updates_cut_at_other_places_join_too() {
    for market in MARKETS {
        let (_, update) = market;
        let mut world = overlapping(market);
        world.frame(&update(101, 105, 100));
        let told = through(&mut world, 1, &update(104, 108, 103));
        assert!(told.contains("book 0 update id 108"), "{told}");
        let told = through(&mut world, 1, &update(109, 110, 108));
        assert!(told.contains("book 0 update id 110"), "{told}");
    }
}

#[test]
fn the_old_connection_is_closed_once_everything_was_taken_over_and_the_book_stays_synced() {
    for market in MARKETS {
        let (_, update) = market;
        let mut world = overlapping(market);
        through(&mut world, 1, &update(101, 105, 100));
        let told = after(&mut world, 4);
        assert!(told.contains("close 0\n"), "{told}");
        assert_eq!(world.tell(&testing::closed(0)), "");
        assert!(through(&mut world, 1, &update(106, 110, 105)).contains("update id 110"));
        assert!(world.report().contains("synced id 110"));
    }
}

#[test]
fn trades_of_both_connections_are_published_once_and_in_order() {
    let mut world = overlapping(MARKETS[0]);
    let mut told = String::new();
    for (connection, id) in [
        (0, 1),
        (1, 1),
        (1, 2),
        (0, 2),
        (1, 3),
        (1, 4),
        (0, 3),
        (0, 4),
        (0, 5),
    ] {
        told += &through(&mut world, connection, &trade(id, "1"));
    }
    let ids: Vec<_> = told.lines().map(|line| &line[..10]).collect();
    assert_eq!(
        ids,
        [
            "trade 0 #1",
            "trade 0 #2",
            "trade 0 #3",
            "trade 0 #4",
            "trade 0 #5"
        ]
    );
    assert!(world.report().contains("trades 5 duplicates 4 missing 0"));
}

#[test]
fn a_connection_lost_before_its_successor_brought_anything_does_no_harm() {
    for market in MARKETS {
        let (_, update) = market;
        let mut world = overlapping(market);
        world.frame(&update(101, 105, 100));
        let told = world.tell(&testing::closed(0));
        assert!(!told.contains("status"), "{told}");
        assert!(through(&mut world, 1, &update(106, 110, 105)).contains("update id 110"));
        assert!(world.report().contains("gaps 0 resyncs 0"));
    }
}

#[test]
fn a_connection_lost_before_its_successor_joined_costs_a_snapshot_and_nothing_wrong_is_shown() {
    for market in MARKETS {
        let (_, update) = market;
        let mut world = overlapping(market);
        through(&mut world, 1, &update(106, 110, 105));
        let told = world.tell(&testing::closed(0));
        assert!(
            told.contains("resyncing (connection lost before its successor joined) id 100"),
            "{told}"
        );
        assert!(told.contains("request 1 "), "{told}");
        assert!(!through(&mut world, 1, &update(111, 115, 110)).contains("book 0"));
        let told = world.answer(1, &SNAPSHOT.replace("100", "108"));
        assert!(told.contains("synced (snapshot applied) id 115"), "{told}");
    }
}

#[test]
fn a_hole_in_what_the_successor_brings_is_a_gap() {
    for market in MARKETS {
        let (_, update) = market;
        let mut world = overlapping(market);
        through(&mut world, 1, &update(101, 105, 100));
        world.now += SECOND;
        let told = through(&mut world, 1, &update(120, 125, 119));
        assert!(told.contains("resyncing (gap: 120 follows 105)"), "{told}");
        assert!(told.contains("gaps 1 resyncs 1"), "{told}");
    }
}

#[test]
fn a_successor_that_is_lost_again_leaves_everything_as_it_was() {
    for market in MARKETS {
        let (_, update) = market;
        let mut world = overlapping(market);
        through(&mut world, 1, &update(106, 110, 105));
        let told = world.tell(&testing::closed(1));
        assert!(!told.contains("status"), "{told}");
        assert!(
            world
                .frame(&update(101, 105, 100))
                .contains("update id 105")
        );
        assert!(world.report().contains("synced id 105"));
    }
}

#[test]
fn a_connection_is_replaced_before_the_exchange_cuts_it() {
    let mut world = world::start("{}");
    world.frame(&depth(99, 100, "", ""));
    let told = after(&mut world, 60);
    assert!(!told.contains("connect"), "{told}");
    world.now += 22 * 3_600 * SECOND;
    world.frame(&depth(100, 101, "", ""));
    world.frame(&trade(1, "1"));
    assert!(!after(&mut world, 1).contains("connect"));
    world.now += 5_400 * SECOND;
    world.frame(&depth(102, 103, "", ""));
    world.frame(&trade(2, "1"));
    let told = after(&mut world, 1);
    assert!(
        told.contains("connect 1 wss://stream.binance.com:9443/stream\n"),
        "{told}"
    );
    assert!(!told.contains("close"), "{told}");
}

#[test]
fn an_answer_to_a_message_of_another_connection_means_nothing() {
    let mut world = world::start("{}");
    assert_eq!(
        world.tell(&testing::frame(7, r#"{"result":null,"id":0}"#)),
        "ignored\n"
    );
    assert_eq!(world.tell(&Event::Opened(9)), "");
}
