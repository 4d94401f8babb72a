//! What was published, judged as it came, and the most connections that there were at one time.

use std::time::{Duration, Instant};

use marketprism_tests::daemon::PATIENCE;
use marketprism_tests::exchange::{Faults, Simulator};
use marketprism_tests::judge::{Judge, Readable};

use crate::stored;
use crate::world::{Connections, World};

/// How long a silence is waited for before looking at other things.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Between two counts of the connections.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// Longest time until everything that was sent is published.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
/// Complaints that are shown.
const SHOWN: usize = 40;

/// All of it.
pub struct Run {
    pub world: World,
    pub judge: Judge,
    pub most: Connections,
    /// How often they were counted.
    pub counts: u64,
    counted: Instant,
    /// What came to light at the end.
    wrong: Vec<String>,
}

impl Run {
    pub fn start(configuration: &str, faults: &Faults) -> Self {
        let world = World::start(configuration, faults);
        Self {
            judge: Judge::of(&world.exchanges),
            world,
            most: Connections::default(),
            counts: 0,
            counted: Instant::now(),
            wrong: Vec::new(),
        }
    }

    pub const fn is_wrong(&self) -> bool {
        !self.judge.wrong.is_empty()
    }

    /// Judges what comes until it is so; false when it did not become so in time.
    pub fn until(&mut self, within: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
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
            }
            if self.counted.elapsed() >= COUNT_EVERY {
                self.count();
            }
        }
    }

    fn count(&mut self) {
        self.counted = Instant::now();
        self.counts += 1;
        let now = self.world.connections();
        self.most = Connections {
            web_sockets: self.most.web_sockets.max(now.web_sockets),
            nats: self.most.nats.max(now.nats),
        };
    }

    /// Lets every book be published once more without faults, then stops the markets and waits until everything that
    /// was sent is published.
    pub fn settle(&mut self, readable: impl Fn(&Simulator) -> Readable) {
        let exchanges = &self.world.exchanges;
        for exchange in exchanges {
            exchange.set_faults(Faults::none());
        }
        let ids = exchanges.iter().flat_map(|exchange| {
            let truth = exchange.truth();
            let symbols = truth.symbols().into_iter();
            let ids = symbols.filter_map(|terms| truth.update_id(&terms.symbol));
            ids.collect::<Vec<_>>()
        });
        let since: Vec<_> = ids.collect();
        let are_synced = self.until(PATIENCE, |run| {
            let mut books = run.judge.instruments().zip(&since);
            run.is_wrong() || books.all(|(one, id)| one.state == "synced" && one.last > *id)
        });
        if !are_synced {
            self.wrong.push("not every book became synced".to_owned());
        }
        for exchange in &self.world.exchanges {
            exchange.pause();
            exchange.advance(Duration::ZERO);
        }
        let is_whole = self.until(SETTLED_WITHIN, |run| {
            run.is_wrong() || run.judge.check(&run.world.exchanges, &readable).is_empty()
        });
        if !is_whole {
            let wrong = self.judge.check(&self.world.exchanges, &readable);
            self.wrong.extend(wrong);
        }
        // The daemon's account of itself may be a moment old.
        self.until(SETTLED_WITHIN, |run| {
            run.is_wrong() || run.world.problems().is_empty()
        });
        self.count();
    }

    pub fn show(&self, what: &str) {
        let (messages, most) = (self.judge.messages, self.most);
        let mut text = format!(
            "{what}: {messages} messages; {} at most: {most:?}\n",
            most.all()
        );
        for (heard, exchange) in self.judge.heard.iter().zip(&self.world.exchanges) {
            let (name, figures) = (exchange.venue().name(), exchange.figures());
            text += &format!("{name}: {figures:?}\n");
            for (symbol, one) in &heard.instruments {
                text += &format!(
                    "  {symbol}: {} books ({} short), {} changes, {} trades, {} times synced\n",
                    one.books,
                    one.short,
                    one.changes,
                    one.trades(),
                    one.synced
                );
            }
            let (forced, kinds) = (heard.polled.forced(), heard.polled.kinds());
            text += &format!("  {forced} forced orders, {kinds:?}\n");
        }
        println!("{text}books were built anew: {:?}", self.judge.resynced());
    }

    /// Nothing was wrong, no rule was broken, and the daemon says itself that it is well.
    pub fn assert_right(&self) {
        let problems = self.world.problems();
        let wrong: Vec<_> = self.judge.wrong.iter().chain(&self.wrong).collect();
        let shown = &wrong[..wrong.len().min(SHOWN)];
        assert!(
            wrong.is_empty() && problems.is_empty(),
            "{shown:#?}\n{problems:#?}\n{}",
            self.world.daemon.log_end()
        );
        for exchange in &self.world.exchanges {
            let (name, broken) = (exchange.venue().name(), exchange.limit_violations());
            assert_eq!(broken, [], "{name}");
            // What the listener or the ledger lost would look as if the daemon had.
            assert_eq!(exchange.forgotten(), 0, "entries of the ledger of {name}");
        }
        assert_eq!(self.world.listener.disturbances(), 0, "of the listener");
    }

    /// The daemon ends in order, and JetStream has stored each message for it once.
    pub fn assert_stored(&mut self) {
        self.world.daemon.stop();
        let last = |_: &Self| false;
        self.until(LOOK_AGAIN, last);
        let stored = stored::ids(self.world.nats.address());
        let doubles: Vec<_> = stored.iter().filter(|(_, times)| **times > 1).collect();
        assert!(doubles.is_empty(), "stored twice: {doubles:?}");
        let heard: Vec<_> = self.judge.stored.keys().collect();
        let stored: Vec<_> = stored.keys().collect();
        assert!(!heard.is_empty());
        assert_eq!(stored, heard, "stored, and published");
        println!("{} messages stored, each once", stored.len());
    }
}
