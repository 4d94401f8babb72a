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
use world::{SECOND, World, snapshot, update};

/// A session that stands by with its connection open.
fn standing_by(settings: &str, instruments: &[&str]) -> World {
    let mut world = World::at(1_760_000_000 * SECOND);
    world.tell(&testing::standby(settings, instruments));
    world.tell(&Event::Opened(0));
    world
}

/// What was asked for since the last time but the clock.
fn polled(world: &mut World) -> Vec<String> {
    let asked = std::mem::take(&mut world.requests);
    let addresses = asked.into_iter().map(|request| request.address);
    addresses.filter(|it| !it.ends_with("/time")).collect()
}

#[test]
fn it_polls_only_what_it_needs_until_it_is_promoted() {
    let settings = r#"{"exchange":"okx_derivatives","data_types":["trade","funding_rate","open_interest","lsr_top_position"]}"#;
    let names = ["BTC-USDT-SWAP", "ETH-USDT-SWAP"];
    let mut world = standing_by(settings, &names);
    let (clock, contracts) = (world.asked("/time"), world.asked("/instruments"));
    world.answer(clock, r#"{"code":"0","data":[{"ts":"1760000000000"}]}"#);
    world.answer(contracts, r#"{"code":"0","data":[]}"#);
    let trade = r#"{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":[{"instId":"BTC-USDT-SWAP","tradeId":"7","px":"10.5","sz":"1","side":"buy","ts":"1760000000455"}]}"#;
    assert!(world.frame(trade).starts_with("trade 0 #7 buy 10.5 x 1 "));
    world.wait(50 * SECOND);
    let contracts = "https://www.okx.com/api/v5/public/instruments?instType=SWAP";
    assert_eq!(polled(&mut world), [contracts]);
    assert_eq!(world.reports()[0].streams.len(), 1);

    world.tell(&Event::Promoted);
    let mut asked = Vec::new();
    for second in 0..60 {
        let now = polled(&mut world);
        assert!(now.len() <= 2, "{second}: {now:?}");
        asked.extend(now);
        world.wait(SECOND);
    }
    for name in names {
        let of = asked.iter().filter(|it| it.contains(name)).count();
        assert_eq!(of, 3, "{asked:?}");
    }
    assert_eq!(asked.len(), 6, "{asked:?}");
    assert_eq!(world.reports()[0].streams.len(), 4);
    world.tell(&Event::Promoted);
    world.wait(60 * SECOND);
    assert_eq!(polled(&mut world), [""; 0], "nothing begins twice");
}

#[test]
fn each_synced_book_is_published_anew_once() {
    let settings = r#"{"exchange":"okx_spot","data_types":["orderbook"],"orderbook":{"method":"websocket","deltas":true}}"#;
    let mut world = standing_by(settings, &["BTC-USDT", "ETH-USDT"]);
    world.frame(&snapshot(5));
    world.frame(&update(5, 6));
    assert_eq!(world.reports()[0].book_state, Some(BookState::Synced));
    for _ in 0..2 {
        let told = world.tell(&Event::Promoted) + &world.wait(0);
        assert_eq!(
            without_alarms(&told),
            "book 0 snapshot id 6 at 1760000000455000000 bids 10x1 9x3 asks 11x1 12x2\n\
             change 0 whole 6..6 after 6 at 1760000000455000000 bids 10x1 9x3 asks 11x1 12x2\n"
        );
    }
    let told = world.wait(60 * SECOND);
    assert!(!told.contains("book 0 snapshot"), "{told}");
}

#[test]
fn a_book_that_is_lost_before_its_turn_waits_until_it_is_synced() {
    let settings = r#"{"exchange":"okx_spot","data_types":["orderbook"],"orderbook":{"method":"websocket","deltas":true}}"#;
    let mut world = standing_by(settings, &["BTC-USDT"]);
    world.frame(&snapshot(5));
    world.tell(&Event::Promoted);
    world.tell(&testing::closed(0));
    let told = world.wait(0);
    assert!(
        !told.contains("book 0") && !told.contains("change 0"),
        "{told}"
    );
    world.tell(&Event::Opened(0));
    let told = world.frame(&snapshot(9));
    assert_eq!(told.matches("book 0 snapshot id 9").count(), 1, "{told}");
    assert_eq!(told.matches("change 0 whole 9..9").count(), 1, "{told}");
}

fn without_alarms(told: &str) -> String {
    let lines = told.lines().filter(|line| !line.starts_with("wake "));
    lines.map(|line| format!("{line}\n")).collect()
}
