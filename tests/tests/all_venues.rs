//! All five venues at once through the daemon's own program to a NATS server with JetStream: no book is wrong, every
//! trade and every polled datum is there once, no exchange's rule is broken, and the connections are as few as planned.
//!
//! It takes half a minute; MARKETPRISM_ALL_VENUES_SECONDS says how long the bad day lasts instead. One of ten minutes
//! also has a connection that stays open and brings nothing more.

#[path = "all_venues/run.rs"]
mod run;
#[path = "all_venues/stored.rs"]
mod stored;
#[path = "all_venues/world.rs"]
mod world;

use std::time::{Duration, Instant};

use marketprism_tests::daemon::PATIENCE;
use marketprism_tests::exchange::{End, Faults, FrameFault, RestFault, Venue};
use marketprism_tests::judge::Readable;
use marketprism_tests::lively;
use run::Run;
use world::Connections;

/// How long the bad day lasts, unless the environment says it.
const SECONDS: u64 = 25;
const SECONDS_NAME: &str = "MARKETPRISM_ALL_VENUES_SECONDS";

/// A day at least so long, in seconds, has time for a silence: it takes minutes until one is too long.
const LONG: u64 = 500;

/// The shipped configuration has one connection with each exchange, two with Binance USD-M and none with Deribit, of
/// which it only polls. Each session has one with NATS, and the one for JetStream is common to them.
const SHIPPED: Connections = Connections {
    web_sockets: 5,
    nats: 6,
};

/// Of Deribit books and trades, too.
const LIVELY: Connections = Connections {
    web_sockets: SHIPPED.web_sockets + 1,
    ..SHIPPED
};

fn bad_day() -> Faults {
    let mut faults = Faults::none()
        .with(FrameFault::Drop, 0.002)
        .with(FrameFault::Double, 0.004)
        .with(FrameFault::Swap, 0.002)
        .with(FrameFault::Cut, 0.000_5)
        .with(FrameFault::Garbage, 0.000_5)
        .with(FrameFault::Misshape, 0.000_5)
        .with(FrameFault::Close, 0.000_1)
        .with(FrameFault::Abort, 0.000_1)
        .with(FrameFault::Stall, 0.000_1)
        .with(FrameFault::Mute, 0.000_1)
        .with(FrameFault::Slow, 0.000_5)
        .with_rest(RestFault::Late, 0.03)
        .with_rest(RestFault::Failing, 0.03)
        .with_rest(RestFault::Truncated, 0.03)
        .with_rest(RestFault::Refused, 0.01);
    faults.stall = Duration::from_secs(2);
    faults.mute = Duration::from_secs(2);
    faults
}

/// That nothing was wrong says something only if there was something.
fn assert_lively(run: &Run, seconds: u64) {
    for (heard, exchange) in run.judge.heard.iter().zip(&run.world.exchanges) {
        let (venue, kinds) = (exchange.venue(), heard.polled.kinds().len());
        let forced = heard.polled.forced();
        let is_polled = match venue {
            Venue::BinanceSpot | Venue::OkxSpot => (kinds, forced) == (0, 0),
            Venue::BinanceDerivatives | Venue::OkxDerivatives => kinds == 4 && forced > 0,
            Venue::DeribitDerivatives => (kinds, forced) == (1, 0),
        };
        assert!(is_polled, "{}: {kinds} kinds, {forced}", venue.name());
        assert!(exchange.faults().total() > seconds / 10, "{}", venue.name());
        for (symbol, one) in &heard.instruments {
            let is_enough = one.books > seconds / 4 && one.changes > 2 * seconds;
            let trades = one.trades() as u64;
            assert!(is_enough && trades > 5 * seconds, "{symbol}");
        }
    }
}

/// All streams of a connection fall silent though it is open: /health says so, and they come back on another one.
fn fall_silent(run: &mut Run) {
    const VENUE: Venue = Venue::BinanceDerivatives;
    const WITHIN: Duration = Duration::from_secs(200);
    let exchange = run.world.exchange(VENUE);
    exchange.inject("btcusdt@depth@100ms", FrameFault::Dumb, 1);
    let is_told = |run: &Run| {
        let problems = run.world.problems();
        let mut of_it = problems.iter().filter(|one| one.starts_with(VENUE.name()));
        of_it.any(|one| one.contains("streams silent"))
    };
    let began = Instant::now();
    let told = run.until(WITHIN, |run| run.is_wrong() || is_told(run));
    let seen = began.elapsed();
    let mended = run.until(WITHIN, |run| run.is_wrong() || !is_told(run));
    let repaired = began.elapsed();
    assert!(
        told && mended,
        "{seen:?} {repaired:?} {:?}",
        run.world.problems()
    );
    println!("silent: told after {seen:.0?}, repaired after {repaired:.0?}");
}

#[test]
fn on_a_bad_day_of_all_venues_nothing_is_wrong_and_nothing_is_lost() {
    let seconds = std::env::var(SECONDS_NAME).ok();
    let seconds = seconds.map_or(SECONDS, |text| text.parse().expect("seconds"));
    let mut run = Run::start(&lively::lively(), &bad_day());
    assert!(run.until(PATIENCE, |run| run.judge.is_synced()));
    let day = Instant::now() + Duration::from_secs(seconds);
    if seconds >= LONG {
        fall_silent(&mut run);
    }
    let rest = day.saturating_duration_since(Instant::now());
    run.until(rest, |run| run.is_wrong());
    run.settle(Readable::of);
    run.show("a bad day");
    run.assert_right();
    assert_lively(&run, seconds);
    // The connection that falls silent on a long day gets a successor.
    let most = Connections {
        web_sockets: LIVELY.web_sockets + usize::from(seconds >= LONG),
        ..LIVELY
    };
    assert!(run.most.are_within(most), "{:?}", run.most);
    run.assert_stored();
}

#[test]
fn the_shipped_configuration_needs_no_more_connections_than_planned() {
    let mut run = Run::start(&lively::shipped(), &Faults::none());
    let has_enough = |run: &Run| {
        run.counts > 5 && run.judge.instruments().filter(|one| one.books > 3).count() == 8
    };
    assert!(run.until(PATIENCE, |run| run.is_wrong() || has_enough(run)));
    run.show("as shipped");
    run.assert_right();
    assert_eq!(run.most, SHIPPED);
}

#[test]
fn a_planned_end_of_connections_costs_no_trade_and_no_update_of_a_book() {
    /// From the announcement to the end.
    const NOTICE: Duration = Duration::from_secs(8);
    /// Those that announce it.
    const VENUES: [Venue; 3] = [Venue::BinanceSpot, Venue::OkxSpot, Venue::OkxDerivatives];
    let mut run = Run::start(&lively::lively(), &Faults::none());
    let is_up = |run: &Run| run.judge.instruments().all(|one| one.books > 2);
    assert!(run.until(PATIENCE, |run| run.is_wrong() || is_up(run)));
    for venue in VENUES {
        run.world.exchange(venue).shut_down(None, NOTICE);
    }
    let has_moved = |run: &Run| {
        VENUES.into_iter().all(|venue| {
            let exchange = run.world.exchange(venue);
            let connections = exchange.connections();
            let old = connections.first();
            exchange.connections_now() == 1
                && connections.len() == 2
                && old.is_some_and(|old| old.ended.is_some())
        })
    };
    assert!(run.until(2 * NOTICE, |run| run.is_wrong() || has_moved(run)));
    run.settle(Readable::all);
    run.show("a planned end");
    run.assert_right();
    // What was begun anew, and by whom connections were ended: by the daemon, before the exchange would have.
    let anew: Vec<_> = run.judge.resynced().iter().collect();
    assert!(
        anew.iter().all(|why| why.ends_with(": starting")),
        "{anew:?}"
    );
    assert!(run.judge.instruments().all(|one| one.synced == 1));
    for venue in VENUES {
        let connections = run.world.exchange(venue).connections();
        let ended = connections.first().and_then(|one| one.ended);
        assert!(matches!(ended, Some((_, End::Client))), "{ended:?}");
        let requests = run.world.exchange(venue).requests();
        let fetched = requests.iter().filter(|one| one.target.contains("rades"));
        assert_eq!(
            fetched.count(),
            0,
            "trades were fetched of {}",
            venue.name()
        );
    }
    let with_successors = Connections {
        web_sockets: LIVELY.web_sockets + VENUES.len(),
        ..LIVELY
    };
    assert!(run.most.are_within(with_successors), "{:?}", run.most);
    run.assert_stored();
}
