//! A book whose stream falls silent although it should not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use world::{SECOND, World, asked, depth};

const BOOK: &str = r#"{"lastUpdateId":101,"bids":[["1.0","1"]],"asks":[["2.0","1"]]}"#;

fn synced() -> World {
    let mut world = world::with(r#"{"data_types":["orderbook"]}"#, &["BTCUSDT"]);
    world.frame(&depth(101, 101, "", ""));
    let request = world.asked("depth");
    let told = world.answer(request, BOOK);
    assert!(told.contains("synced"), "{told}");
    world
}

/// Lets time go by until the book is stale and its stream is asked for again; the exchange acknowledges that.
fn silent(world: &mut World) -> String {
    let mut said = world.wait(95 * SECOND);
    let stale = said.find("stale (stream silent)").expect("it is told");
    let quiet = &said[stale..];
    assert!(!quiet.contains("book 0 "), "published while stale: {quiet}");
    for id in asked(&said) {
        said += &world.frame(&format!(r#"{{"result":null,"id":{id}}}"#));
    }
    said
}

#[test]
fn a_book_whose_stream_is_silent_is_not_published_until_the_stream_goes_on() {
    let mut world = synced();
    silent(&mut world);
    assert!(!world.wait(SECOND).contains("book 0 "));
    let told = world.frame(&depth(102, 103, r#"["1.5","1"]"#, ""));
    assert!(
        told.starts_with("status 0 synced (stream continued)"),
        "{told}"
    );
}

#[test]
fn a_book_that_stays_quiet_is_proven_by_a_snapshot() {
    let mut world = synced();
    silent(&mut world);
    let told = world.wait(6 * SECOND);
    assert!(told.contains("resyncing (quiet since"), "{told}");
    let request = world.asked("depth");
    let told = world.answer(request, BOOK);
    assert!(told.contains("synced (snapshot applied) id 101"), "{told}");
}

#[test]
fn what_was_missed_in_the_silence_is_found() {
    let mut world = synced();
    silent(&mut world);
    let told = world.frame(&depth(110, 112, "", ""));
    assert!(told.contains("resyncing (updates missed"), "{told}");
}
