//! Versions follow each other back and forth while a venue sends as fast as it does.

use std::time::{Duration, Instant};

use marketprism_host::status::Stage;
use marketprism_tests::exchange::Venue;
use marketprism_tests::lively;
use marketprism_tests::versions::version;

use crate::gaps::Sizes;
use crate::run::{Run, Tops, has_taken_over};

/// How often versions follow each other, unless the environment says it.
const SWAPS: u32 = 2;
const SWAPS_NAME: &str = "MARKETPRISM_SWAPS";

/// Orders of each symbol in a second: as fast as a simulated exchange usually is.
const ORDERS_PER_SECOND: u64 = 250;

/// So many that trades come in while one version hands over to the other. The simulated exchange remembers only so much,
/// so versions follow each other a few times only.
const BUSY_ORDERS_PER_SECOND: u64 = 4_000;
const BUSY_SWAPS_MIN: u32 = 4;
const BUSY_SWAPS_MAX: u32 = 20;

/// How long nothing is swapped, for each swap; for more than so many no longer.
const QUIET: Duration = Duration::from_secs(2);
const QUIET_TIMES_MAX: u32 = 60;

fn swaps() -> u32 {
    let told = std::env::var(SWAPS_NAME).ok();
    told.map_or(SWAPS, |text| text.parse().expect("a number"))
}

/// A good day on which versions follow each other.
fn back_and_forth(venue: Venue, tops: Tops) {
    swap_often(venue, tops, ORDERS_PER_SECOND, swaps());
}

fn swap_often(venue: Venue, tops: Tops, orders_per_second: u64, count: u32) {
    let mut run = Run::start(venue, tops, orders_per_second);
    let connections = run.exchange().connections_now();
    let wasm = lively::wasm(venue);
    let versions = [version(&wasm, 0), version(&wasm, 1)];
    let began = Instant::now();
    run.listen(QUIET * count.min(QUIET_TIMES_MAX));
    let swapping = Instant::now();
    let (mut moments, mut pauses, mut took) = (Vec::new(), Vec::new(), Vec::new());
    for bytes in versions.iter().cycle().take(count as usize) {
        let done = run.swap(bytes, has_taken_over);
        moments.push(Instant::now());
        pauses.push(done.pause.expect("a pause"));
        took.push(done.took.expect("a time"));
        let to = done.to.expect("a version").sha256;
        run.await_at_work(&to);
    }
    let over = Instant::now();
    run.assert_alone(connections);
    run.settle();
    let name = run.name();
    println!(
        "{name} {tops:?}: {count} swaps, {} messages, {} snapshots at ticks",
        run.judge.messages, run.order.snapshots,
    );
    println!(
        "{name} gaps without swaps: {}",
        run.gaps.all(began, swapping)
    );
    println!(
        "{name} gaps with swaps:    {}",
        run.gaps.all(swapping, over)
    );
    let without = run.gaps.longest_within(began, swapping);
    let with = run.gaps.longest(moments.into_iter());
    println!("{name} longest gap in two seconds without swaps: {without}");
    println!("{name} longest gap in two seconds around a swap: {with}");
    println!(
        "{name} p99 with - p99 without: {:.1} ms",
        (with.percentile(99).as_secs_f64() - without.percentile(99).as_secs_f64()) * 1e3
    );
    println!("{name} pause: {}", Sizes::of(pauses.into_iter()));
    println!("{name} took:  {}", Sizes::of(took.into_iter()));
    run.assert_right();
    assert_eq!(run.order.missed, 0, "ticks without a snapshot");
    for one in run.judge.instruments() {
        assert_eq!(one.synced, 1, "a swap is no resync");
    }
    let all = run.fleet.board.operations().all();
    let is_well = |stage| matches!(stage, Stage::Probation | Stage::Done);
    assert!(all.iter().all(|one| is_well(one.stage)));
}

#[test]
fn binance_spot() {
    back_and_forth(Venue::BinanceSpot, Tops::AsShipped);
}

#[test]
fn binance_spot_when_busy() {
    let count = swaps().clamp(BUSY_SWAPS_MIN, BUSY_SWAPS_MAX);
    swap_often(
        Venue::BinanceSpot,
        Tops::AsShipped,
        BUSY_ORDERS_PER_SECOND,
        count,
    );
}

#[test]
fn binance_spot_on_change() {
    back_and_forth(Venue::BinanceSpot, Tops::OnChange);
}

#[test]
fn binance_derivatives() {
    back_and_forth(Venue::BinanceDerivatives, Tops::AsShipped);
}

#[test]
fn okx_spot() {
    back_and_forth(Venue::OkxSpot, Tops::AsShipped);
}

#[test]
fn okx_derivatives_on_change() {
    back_and_forth(Venue::OkxDerivatives, Tops::OnChange);
}

#[test]
fn okx_derivatives() {
    back_and_forth(Venue::OkxDerivatives, Tops::AsShipped);
}

#[test]
fn deribit_derivatives() {
    back_and_forth(Venue::DeribitDerivatives, Tops::AsShipped);
}
