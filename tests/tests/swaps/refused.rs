//! Candidates that are of no use: the answer says why, and the version at work publishes on as if nothing had been.

use std::time::Duration;

use marketprism_host::sandbox::sha256;
use marketprism_host::session::Plan;
use marketprism_host::status::{Operation, Stage};
use marketprism_tests::exchange::Venue;
use marketprism_tests::fleet::TIMES;
use marketprism_tests::hostile;
use marketprism_tests::lively;
use marketprism_tests::versions::{faulty, version};

use crate::run::{Run, Tops, has_taken_over};

const VENUE: Venue = Venue::BinanceSpot;

/// Orders of each symbol in a second.
const ORDERS_PER_SECOND: u64 = 250;

fn is_over(operation: &Operation) -> bool {
    operation.stage.is_end()
}

/// Tries a candidate that is refused; the answer says why.
fn refused(run: &mut Run, bytes: &[u8]) -> String {
    let before = run.at_work();
    let over = run.swap(bytes, is_over);
    assert_eq!(over.stage, Stage::Refused, "{over:?}");
    assert_eq!(run.at_work(), before);
    over.why.expect("a reason")
}

fn assert_begins(why: &str, with: &str) {
    assert!(why.starts_with(with), "{why:?} should begin {with:?}");
}

/// The version at work has published everything once, and nobody could tell that anything else was tried.
fn assert_untouched(run: &mut Run, connections: usize) {
    run.assert_alone(connections);
    run.settle();
    run.assert_right();
    assert_eq!(run.order.missed, 0, "ticks without a snapshot");
    for one in run.judge.instruments() {
        assert_eq!(one.synced, 1);
    }
    let status = run.fleet.board.session(run.name()).expect("a status");
    assert_eq!((status.history.restarts, status.history.deaths), (0, 0));
}

#[test]
fn a_candidate_that_faults_before_it_takes_over_is_refused_and_nobody_notices() {
    let mut run = Run::start(VENUE, Tops::AsShipped, ORDERS_PER_SECOND);
    let connections = run.exchange().connections_now();
    for order in ["start", "frame 1", "frame 30", "promoted"] {
        let why = refused(&mut run, &faulty(order));
        assert_begins(&why, "it was stopped: panic: ");
        assert!(why.contains(&format!("break down: {}", order.split(' ').next().unwrap())));
    }
    assert_untouched(&mut run, connections);
}

#[test]
fn what_is_no_version_of_the_adapter_is_refused_before_anything_of_it_runs() {
    let mut run = Run::start(VENUE, Tops::AsShipped, ORDERS_PER_SECOND);
    let connections = run.exchange().connections_now();
    let opened = run.exchange().connections().len();
    let wasm = lively::wasm(VENUE);
    let of_another_contract = |wit: &str| wit.replace("adapter@0.1.0", "adapter@0.9.0");
    for bytes in hostile::made_for(of_another_contract) {
        let why = refused(&mut run, &bytes);
        assert!(why.contains("0.9.0"), "{why}");
    }
    let why = refused(&mut run, b"no adapter at all");
    assert!(why.contains("not a WebAssembly file"), "{why}");
    let why = refused(&mut run, &wasm[..wasm.len() / 2]);
    assert!(why.contains("not a valid WebAssembly file"), "{why}");
    let why = refused(&mut run, &lively::wasm(Venue::OkxSpot));
    assert!(why.contains("serves okx_"), "{why}");
    let why = refused(&mut run, &wasm);
    assert_eq!(why, "it is the version that runs already");
    assert_eq!(run.exchange().connections().len(), opened, "none connected");
    assert_untouched(&mut run, connections);
}

#[test]
fn a_candidate_of_another_hash_than_configured_is_refused_and_one_that_is_never_live_in_time() {
    let deaf = faulty("deaf");
    let pinned = |plan: Plan| Plan {
        pinned: Some(sha256(&deaf)),
        ..plan
    };
    let live_within = Duration::from_secs(3);
    let mut run = Run::start_with(
        VENUE,
        Tops::AsShipped,
        ORDERS_PER_SECOND,
        live_within,
        pinned,
    );
    let connections = run.exchange().connections_now();
    let why = refused(&mut run, &version(&lively::wasm(VENUE), 1));
    assert!(why.contains("has sha256 "), "{why}");
    assert!(
        why.ends_with(&format!("the configuration wants {}", sha256(&deaf))),
        "{why}"
    );
    let why = refused(&mut run, &deaf);
    assert_begins(&why, "not live within 3 s: 0 of 2 books synced, 0 of ");
    assert_untouched(&mut run, connections);
}

#[test]
fn a_third_version_takes_the_place_of_a_second_that_is_half_way() {
    let mut run = Run::start(VENUE, Tops::AsShipped, ORDERS_PER_SECOND);
    let connections = run.exchange().connections_now();
    // It would stand by for a minute.
    let second = run.begin(&faulty("deaf"));
    run.operation(second, |it| it.stage == Stage::Syncing);
    let third = version(&lively::wasm(VENUE), 3);
    run.swap(&third, has_taken_over);
    let second = run.operation(second, is_over);
    assert_eq!(second.stage, Stage::Refused);
    assert_eq!(second.why.as_deref(), Some("another version was asked for"));
    run.await_at_work(&sha256(&third));
    assert_untouched(&mut run, connections);
}

#[test]
fn a_version_that_faults_in_its_probation_makes_way_for_the_one_before_it() {
    let mut run = Run::start(VENUE, Tops::AsShipped, ORDERS_PER_SECOND);
    let connections = run.exchange().connections_now();
    let before = run.at_work();
    let over = run.swap(&faulty("after 25"), is_over);
    assert_eq!(over.stage, Stage::RolledBack, "{over:?}");
    assert!(over.pause.is_some(), "it had taken over");
    assert_begins(&over.why.expect("a reason"), "panic: ");
    run.await_at_work(&before);
    run.assert_alone(connections);
    let books: Vec<_> = run.judge.instruments().map(|one| one.books).collect();
    let publishes_again = run.until(TIMES.live_within, |run| {
        let mut all = run.judge.instruments().zip(&books);
        all.all(|(one, books)| one.state == "synced" && one.books > *books + 2)
    });
    assert!(publishes_again);
    // What was sent while nobody listened is lost, as it is with every fault; nothing is wrong or there twice.
    assert_eq!(run.judge.wrong, [""; 0]);
    let deaths = run
        .fleet
        .board
        .session(run.name())
        .expect("a status")
        .history
        .deaths;
    assert_eq!(deaths, 0);
    // What came back has no fallback, and is as good as ever: the next version follows it.
    let next = version(&lively::wasm(VENUE), 4);
    run.swap(&next, has_taken_over);
    run.await_at_work(&sha256(&next));
}
