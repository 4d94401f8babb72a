//! All five venues at once on a bad day, through the daemon's own program to a NATS server with JetStream: no book is
//! wrong, every trade and every polled datum is there once, no exchange's rule is broken, and the connections are as
//! few as planned.
//!
//! It takes half a minute; MARKETPRISM_ALL_VENUES_SECONDS says how long instead.

#[path = "all_venues/instrument.rs"]
mod instrument;
#[path = "all_venues/judge.rs"]
mod judge;
#[path = "all_venues/number.rs"]
mod number;
#[path = "all_venues/polled.rs"]
mod polled;
#[path = "all_venues/readable.rs"]
mod readable;
#[path = "all_venues/stored.rs"]
mod stored;
#[path = "all_venues/world.rs"]
mod world;

use std::time::{Duration, Instant};

use judge::Judge;
use marketprism_tests::daemon::PATIENCE;
use marketprism_tests::exchange::{Faults, FrameFault, RestFault};
use world::{Connections, World};

/// How long things go wrong, unless the environment says it.
const SECONDS: u64 = 25;
const SECONDS_NAME: &str = "MARKETPRISM_ALL_VENUES_SECONDS";

/// How long a silence is waited for before looking at other things.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Between two counts of the connections.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// The shipped configuration has one connection with each exchange, two with Binance USD-M and none with Deribit, of
/// which it only polls; each session has one to NATS, and one for JetStream is common to them.
const SHIPPED: Connections = Connections {
    web_sockets: 5,
    nats: 6,
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

/// What was published, judged as it came, and the most connections that there were at one time.
struct Run {
    world: World,
    judge: Judge,
    most: Connections,
    counted: Instant,
}

impl Run {
    fn start(configuration: &str, faults: &Faults) -> Self {
        let world = World::start(configuration, faults);
        Self {
            judge: Judge::of(&world.exchanges),
            world,
            most: Connections::default(),
            counted: Instant::now(),
        }
    }

    /// Judges what comes until it is so; false when it did not become so in time.
    fn until(&mut self, within: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + within;
        loop {
            if is_so(self) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            for _ in 0..256 {
                let Some(published) = self.world.listener.next(LOOK_AGAIN) else {
                    break;
                };
                self.judge.hear(&self.world.exchanges, &published);
                if self.counted.elapsed() >= COUNT_EVERY {
                    self.count();
                }
            }
        }
    }

    fn count(&mut self) {
        self.counted = Instant::now();
        let now = self.world.connections();
        self.most = Connections {
            web_sockets: self.most.web_sockets.max(now.web_sockets),
            nats: self.most.nats.max(now.nats),
        };
    }

    fn show(&self) {
        println!("{} messages; at most {:?}", self.judge.messages, self.most);
        for (heard, exchange) in self.judge.heard.iter().zip(&self.world.exchanges) {
            let name = exchange.venue().name();
            let figures = exchange.figures();
            let faults = exchange.faults();
            println!("{name}: {figures:?}, {} faults", faults.total());
            for (symbol, one) in &heard.instruments {
                println!(
                    "  {symbol}: {} books ({} short), {} changes, {} trades, {} times synced",
                    one.books,
                    one.short,
                    one.changes,
                    one.trades(),
                    one.synced
                );
            }
            let (forced, kinds) = (heard.polled.forced(), heard.polled.kinds());
            println!("  {forced} forced orders, {kinds:?}");
        }
        println!(
            "books were built anew because of {:?}",
            self.judge.resynced()
        );
    }
}

#[test]
fn on_a_bad_day_of_all_venues_nothing_is_wrong_and_nothing_is_lost() {
    let seconds = std::env::var(SECONDS_NAME).ok();
    let seconds = seconds.map_or(SECONDS, |text| text.parse().expect("seconds"));
    let mut run = Run::start(&world::lively(), &bad_day());
    assert!(run.until(PATIENCE, |run| run.judge.is_synced()));
    run.until(Duration::from_secs(seconds), |run| {
        !run.judge.wrong.is_empty()
    });
    for exchange in &run.world.exchanges {
        exchange.set_faults(Faults::none());
    }
    // Every book is true once more without faults.
    let ids = |run: &Run| -> Vec<u64> {
        let exchanges = run.world.exchanges.iter();
        let symbols = exchanges.flat_map(|exchange| {
            let truth = exchange.truth();
            let symbols = truth.symbols().into_iter();
            let ids = symbols.filter_map(|terms| truth.update_id(&terms.symbol));
            ids.collect::<Vec<_>>()
        });
        symbols.collect()
    };
    let since = ids(&run);
    let are_synced = run.until(PATIENCE, |run| {
        let mut books = run.judge.instruments().zip(&since);
        !run.judge.wrong.is_empty()
            || books.all(|(one, id)| one.state == "synced" && one.last > *id)
    });
    for exchange in &run.world.exchanges {
        exchange.pause();
        exchange.advance(Duration::ZERO);
    }
    let is_whole = run.until(PATIENCE / 3, |run| {
        let wrong = !run.judge.wrong.is_empty();
        wrong || run.judge.check(&run.world.exchanges).is_empty()
    });
    run.count();
    run.show();
    let problems = run.world.problems();
    let mut wrong = run.judge.wrong.clone();
    if !are_synced {
        wrong.push("not every book became synced".to_owned());
    }
    if !is_whole {
        wrong.extend(run.judge.check(&run.world.exchanges));
    }
    wrong.truncate(40);
    assert!(
        wrong.is_empty(),
        "{wrong:#?}\n{problems:?}\n{}",
        run.world.daemon.log_end()
    );
    assert!(problems.is_empty(), "{problems:?}");
    for exchange in &run.world.exchanges {
        let (name, broken) = (exchange.venue().name(), exchange.limit_violations());
        assert_eq!(broken, [], "{name}");
        assert_eq!(exchange.forgotten(), 0, "entries of the ledger of {name}");
    }
    assert_eq!(run.world.listener.disturbances(), 0, "of the listener");
    // Of Deribit books and trades too: that is a connection more.
    assert!(run.most.web_sockets <= SHIPPED.web_sockets + 1);
    assert!(run.most.nats <= SHIPPED.nats && run.most.all() <= 15);
    run.world.daemon.stop();
    let due: Vec<_> = run.judge.stored.keys().cloned().collect();
    let stored = stored::ids(run.world.nats.address());
    let doubles: Vec<_> = stored.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubles.is_empty(), "stored twice: {doubles:?}");
    let is_due = |id: &&String| !stored.contains_key(*id);
    let lost: Vec<_> = due.iter().filter(is_due).collect();
    assert!(lost.is_empty(), "not stored: {lost:?}");
    println!("{} messages stored, each once", stored.len());
}
