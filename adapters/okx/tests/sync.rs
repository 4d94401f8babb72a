//! The rules of a book, one by one.
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
use world::{ASKS, BIDS, SECOND, book, snapshot, update};

const FETCH: u32 = 5;
const PATIENCE: u32 = 6;

fn refused(rule: &str) -> String {
    format!("refused {rule}\n")
}

#[test]
fn a_snapshot_makes_the_book_and_updates_follow_it() {
    let mut world = world::live();
    assert_eq!(
        world.frame(&snapshot(100)),
        "status 0 synced (snapshot applied) id 100 applied 0 gaps 0 resyncs 0\n\
         book 0 snapshot id 100 at 1760000000455000000 bids 10x1 9x2 asks 11x1 12x2\n"
    );
    assert_eq!(
        world.frame(&update(100, 104)),
        "book 0 update id 104 at 1760000000455000000 bids 10x1 9x3 asks 11x1 12x2\n"
    );
    assert_eq!(
        world.frame(&book("update", (104, 105), r#"["11","0","0","0"]"#, "")),
        "book 0 update id 105 at 1760000000455000000 bids 10x1 9x3 asks 12x2\n"
    );
    assert!(world.report().contains("synced id 105"));
}

#[test]
fn the_ids_of_an_update_are_those_of_the_old_collectors_payload() {
    let mut world = world::live();
    let ids = |actions: Vec<marketprism_kit::wit::Action>| {
        actions.iter().find_map(|action| match action {
            marketprism_kit::wit::Action::Publish(marketprism_kit::wit::MarketEvent::Book(it)) => {
                Some((it.first_update_id, it.previous_update_id))
            }
            _ => None,
        })
    };
    let mut driver = testing::Driver::<marketprism_okx::Okx>::default();
    driver.tell(
        1,
        &testing::start(r#"{"orderbook":{"method":"websocket"}}"#, &["BTC-USDT"]),
    );
    let actions = driver.tell(2, &testing::frame(0, snapshot(100)));
    assert_eq!(ids(actions), Some((Some(100), Some(-1))));
    let actions = driver.tell(3, &testing::frame(0, update(100, 104)));
    assert_eq!(ids(actions), Some((Some(104), Some(100))));
    world.report();
}

#[test]
fn a_gap_ends_the_book_and_asks_for_its_stream_once() {
    let mut world = world::live();
    world.frame(&snapshot(100));
    world.now += 100 * SECOND;
    let told = world.frame(&update(103, 104));
    assert!(
        told.starts_with("log warn BTC-USDT: gap: an update after 103 follows 100")
            && told.contains("status 0 resyncing (gap: an update after 103 follows 100) id 100 applied 0 gaps 1 resyncs 1\n"),
        "{told}"
    );
    assert!(
        told.contains(r#""op":"unsubscribe","args":[{"channel":"books","instId":"BTC-USDT"}]"#)
    );
    assert!(told.contains(r#""op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]"#));
    // What comes before the new snapshot says nothing, and asks for nothing.
    for id in 104..200 {
        assert_eq!(world.frame(&update(id, id + 1)), "");
    }
    assert!(world.report().contains("resyncing id - "));
    assert!(
        world
            .frame(&snapshot(300))
            .contains("synced (snapshot applied) id 300")
    );
    assert!(
        world
            .frame(&update(300, 301))
            .starts_with("book 0 update id 301")
    );
}

#[test]
fn many_gaps_ask_for_the_stream_at_a_growing_distance() {
    let mut world = world::live();
    let mut asked = 0;
    for round in 0..120 {
        world.now += SECOND;
        let id = 1_000 + round * 10;
        world.frame(&snapshot(id));
        asked += world
            .frame(&update(id + 5, id + 6))
            .matches("unsubscribe")
            .count();
        asked += world.alarm(1).matches("unsubscribe").count();
    }
    assert!((3..=12).contains(&asked), "{asked} in two minutes");
}

#[test]
fn a_keep_alive_changes_nothing_and_a_false_one_is_a_gap() {
    let mut world = world::live();
    world.frame(&snapshot(100));
    assert_eq!(world.frame(&book("update", (100, 100), "", "")), "");
    assert_eq!(world.frame(&book("update", (100, 100), "", "")), "");
    assert!(
        world
            .frame(&update(100, 101))
            .starts_with("book 0 update id 101")
    );
    assert!(world.report().contains("applied 1 gaps 0"));
    assert!(
        world
            .frame(&book("update", (105, 105), "", ""))
            .contains("gaps 1")
    );
}

#[test]
fn a_doubled_push_changes_nothing() {
    let mut world = world::live();
    world.frame(&snapshot(100));
    assert_eq!(world.frame(&snapshot(100)), "");
    world.frame(&update(100, 101));
    assert_eq!(world.frame(&update(100, 101)), "");
    assert_eq!(world.frame(&update(100, 101)), "");
    assert!(
        world
            .frame(&update(101, 102))
            .starts_with("book 0 update id 102")
    );
    assert!(world.report().contains("applied 2 gaps 0"));
}

#[test]
fn ids_may_begin_again_after_maintenance() {
    let mut world = world::live();
    world.frame(&snapshot(100));
    assert!(
        world
            .frame(&update(100, 7))
            .starts_with("book 0 update id 7")
    );
    assert!(world.frame(&update(7, 9)).starts_with("book 0 update id 9"));
    assert!(world.report().contains("applied 2 gaps 0"));
}

#[test]
fn a_snapshot_may_come_at_any_time() {
    let mut world = world::live();
    world.frame(&snapshot(100));
    world.frame(&update(100, 101));
    let other = book(
        "snapshot",
        (-1, 50),
        r#"["20","1","0","1"]"#,
        r#"["19","1","0","1"]"#,
    );
    assert_eq!(
        world.frame(&other),
        "book 0 snapshot id 50 at 1760000000455000000 bids 19x1 asks 20x1\n"
    );
    assert!(
        world
            .frame(&update(50, 51))
            .starts_with("book 0 update id 51")
    );
    assert!(world.report().contains("gaps 0 resyncs 0"));
}

#[test]
fn a_crossed_book_is_a_gap() {
    let mut world = world::live();
    world.frame(&snapshot(100));
    let told = world.frame(&book("update", (100, 101), "", r#"["11","1","0","1"]"#));
    assert!(told.contains("resyncing (best bid not below best ask)") && told.contains("gaps 1"));
    assert!(!told.contains("book 0"));
    let crossed = book("snapshot", (-1, 200), r#"["9","1","0","1"]"#, BIDS);
    assert!(!world.frame(&crossed).contains("synced"));
    assert!(world.report().contains("resyncing id - "));
}

#[test]
fn without_ids_the_checksum_decides() {
    let plain = |action: &str, checksum: i64, bids: &str| {
        format!(
            r#"{{"arg":{{"channel":"books-l2-tbt","instId":"BTC-USDT"}},"action":"{action}","data":[{{"asks":[["3366.8","9","0","3"],["3368","8","0","3"]],"bids":[{bids}],"ts":"1","checksum":{checksum}}}]}}"#
        )
    };
    let bids = r#"["3366.1","7","0","3"],["3366","6","0","3"]"#;
    // The CRC-32 of "3366.1:7:3366.8:9:3366:6:3368:8", the example of the exchange's page with its sizes.
    let right = -1_881_014_294;
    let mut world = world::live();
    assert!(
        world
            .frame(&plain("snapshot", 5, bids))
            .contains("checksum does not match")
    );
    assert!(
        world
            .frame(&plain("snapshot", right, bids))
            .contains("synced")
    );
    assert_eq!(world.frame(&plain("snapshot", right, bids)), "");
    assert!(
        world
            .frame(&plain("update", right, ""))
            .starts_with("book 0 update id - ")
    );
    let told = world.frame(&plain("update", right, r#"["3366.05","7","0","3"]"#));
    assert!(
        told.contains("resyncing (checksum does not match)"),
        "{told}"
    );
    assert!(told.contains("gaps 1"));
}

#[test]
fn a_checksum_that_is_there_is_checked_beside_the_ids() {
    let mut world = world::live();
    world.frame(&snapshot(100));
    let wrong = update(100, 101).replace("\"checksum\":0", "\"checksum\":-5");
    assert!(world.frame(&wrong).contains("checksum does not match"));
}

#[test]
fn a_push_with_neither_is_refused_and_the_book_begins_anew() {
    let mut world = world::live();
    let bare = |text: &str| text.replace(",\"prevSeqId\":100", "");
    world.frame(&snapshot(100));
    let told = world.frame(&bare(&update(100, 101)));
    assert!(
        told.starts_with(&refused("no seqId and no checksum")),
        "{told}"
    );
    assert!(told.contains("resyncing (no seqId and no checksum)") && told.contains("gaps 1"));
    assert_eq!(
        world.frame(&bare(&update(100, 101))),
        refused("no seqId and no checksum")
    );
}

#[test]
fn action_and_ids_must_agree() {
    let mut world = world::live();
    assert_eq!(
        world.frame(&book("update", (-1, 5), ASKS, BIDS)),
        refused("neither snapshot nor update")
    );
    assert_eq!(
        world.frame(&book("snapshot", (4, 5), ASKS, BIDS)),
        refused("neither snapshot nor update")
    );
    let silent = snapshot(5).replace("\"action\":\"snapshot\",", "");
    assert!(world.frame(&silent).contains("synced"));
}

#[test]
fn a_lost_connection_makes_the_book_stale_until_its_chain_goes_on() {
    let mut world = world::live();
    world.frame(&snapshot(100));
    let told = world.tell(&testing::closed(0));
    assert!(told.starts_with("status 0 stale (connection lost) id 100"));
    assert!(told.ends_with("connect 0 wss://ws.okx.com:8443/ws/v5/public\n"));
    world.tell(&Event::Opened(0));
    assert_eq!(
        world.frame(&update(100, 101)),
        "status 0 synced (stream continued) id 101 applied 1 gaps 0 resyncs 0\n\
         book 0 snapshot id 101 at 1760000000455000000 bids 10x1 9x3 asks 11x1 12x2\n"
    );
    world.tell(&testing::closed(0));
    world.tell(&Event::Opened(0));
    assert!(
        world
            .frame(&snapshot(500))
            .starts_with("status 0 synced (snapshot applied) id 500")
    );
    world.tell(&testing::closed(0));
    world.tell(&Event::Opened(0));
    let told = world.frame(&update(505, 506));
    assert!(
        told.contains("resyncing (updates missed while disconnected)")
            && told.contains("gaps 0 resyncs 1")
    );
}

const SUBSCRIBED: &str =
    r#"{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a"}"#;

fn rest(id: i64) -> String {
    format!(
        r#"{{"code":"0","msg":"","data":[{{"asks":[{ASKS}],"bids":[{BIDS}],"ts":"1760000000400","seqId":{id}}}]}}"#
    )
}

/// The number of the request in what was told.
fn request(told: &str) -> u32 {
    let line = told
        .lines()
        .find(|line| line.contains("/market/books"))
        .unwrap_or_else(|| panic!("{told}"));
    assert!(line.contains("https://www.okx.com/api/v5/market/books?instId=BTC-USDT&sz=400"));
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_subscription_that_begins_with_an_update_gets_its_snapshot_by_request() {
    let mut world = world::live();
    assert_eq!(world.frame(&update(98, 99)), "");
    world.frame(SUBSCRIBED);
    let number = request(&world.frame(&update(99, 100)));
    assert_eq!(world.frame(&update(100, 103)), "");
    assert_eq!(world.frame(&update(103, 104)), "");
    let told = world.answer(number, &rest(101));
    // 100 is dropped; 103 lies across the snapshot.
    let lines: Vec<_> = told.lines().collect();
    assert!(
        lines[0].starts_with("status 0 synced (snapshot applied) id 101"),
        "{told}"
    );
    assert!(lines[2].starts_with("book 0 update id 103"), "{told}");
    assert!(lines[3].starts_with("book 0 update id 104"), "{told}");
    assert!(
        world
            .frame(&update(104, 105))
            .starts_with("book 0 update id 105")
    );
    assert!(world.report().contains("applied 3 gaps 0"));
}

#[test]
fn an_answer_older_than_the_first_update_is_asked_for_again() {
    let mut world = world::live();
    world.frame(SUBSCRIBED);
    let number = request(&world.frame(&update(99, 100)));
    let told = world.answer(number, &rest(98));
    assert!(told.starts_with("wake 5 at "), "{told}");
    world.now += 2 * SECOND;
    let number = request(&world.alarm(FETCH));
    assert!(world.answer(number, &rest(99)).contains("synced"));
}

#[test]
fn an_answer_without_an_id_is_of_no_use() {
    let mut world = world::live();
    world.frame(SUBSCRIBED);
    world.now += 100 * SECOND;
    let number = request(&world.frame(&update(99, 100)));
    let bare = rest(99).replace(",\"seqId\":99", "");
    let told = world.answer(number, &bare);
    assert!(
        told.contains("unsubscribe") && !told.contains("synced"),
        "{told}"
    );
    assert!(world.frame(&snapshot(200)).contains("synced"));
}

#[test]
fn a_snapshot_that_is_not_pushed_in_time_is_asked_for_and_pushed_ones_still_count() {
    let mut world = world::live();
    world.frame(&snapshot(100));
    world.frame(&update(105, 106));
    world.now += 5 * SECOND;
    world.alarm(PATIENCE);
    let number = request(&world.frame(&update(106, 107)));
    assert!(world.frame(&snapshot(110)).contains("synced"));
    assert_eq!(world.answer(number, &rest(120)), "");
    assert!(
        world
            .frame(&update(110, 111))
            .starts_with("book 0 update id 111")
    );
}

#[test]
fn a_request_that_fails_is_repeated_and_then_the_stream_is_asked_for() {
    let mut world = world::live();
    world.frame(SUBSCRIBED);
    let number = request(&world.frame(&update(99, 100)));
    let told = world.tell(&testing::answer(number, 503, "busy"));
    assert!(told.contains("log warn BTC-USDT: snapshot by request: status 503"));
    world.now += 20 * SECOND;
    let number = request(&world.alarm(FETCH));
    let told = world.answer(
        number,
        r#"{"code":"50011","msg":"Too Many Requests","data":[]}"#,
    );
    assert!(told.starts_with("refused exchange error"), "{told}");
    world.now += 60 * SECOND;
    assert!(world.alarm(PATIENCE).contains("unsubscribe"));
}

#[test]
fn the_book_of_a_new_connection_takes_over_when_it_has_come_as_far() {
    let mut world = world::live();
    world.frame(&snapshot(100));
    let told = world.frame(r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a"}"#);
    assert!(
        told.contains("connect 1 wss://ws.okx.com:8443/ws/v5/public"),
        "{told}"
    );
    assert!(world.tell(&Event::Opened(1)).contains("send 1 "));
    world.frame(&update(100, 101));
    // Behind the live book: built beside it, nothing is published.
    assert_eq!(world.frame_on(1, &snapshot(99)), "");
    assert!(
        world
            .frame(&update(101, 102))
            .starts_with("book 0 update id 102")
    );
    assert_eq!(world.frame_on(1, &update(99, 101)), "");
    assert!(
        world
            .frame_on(1, &update(101, 103))
            .starts_with("book 0 snapshot id 103")
    );
    // The connection before is no longer followed.
    assert_eq!(world.frame(&update(102, 103)), "");
    assert!(
        world
            .frame_on(1, &update(103, 104))
            .starts_with("book 0 update id 104")
    );
    assert_eq!(world.tell(&testing::closed(0)).matches("status").count(), 0);
    assert!(
        world.report().contains("synced id 104") && world.report().contains("gaps 0 resyncs 0")
    );
}

#[test]
fn a_snapshot_with_a_number_that_does_not_fit_is_refused_and_asked_for_again() {
    let mut world = world::live();
    let big = book(
        "snapshot",
        (-1, 5),
        r#"["11.5","1","0","1"],["9000000000000000000","1","0","1"]"#,
        BIDS,
    );
    let told = world.frame(&big);
    assert!(told.contains("refused number out of range"), "{told}");
    assert!(told.contains("wake 6 at "));
    assert!(world.frame(&snapshot(9)).contains("synced"));
}
