//! One venue: its simulated exchange, a session with it under a supervisor, a nats-server, and a judge that hears there
//! what is published.

use std::time::{Duration, Instant};

use marketprism_host::session::Plan;
use marketprism_host::status::{Operation, Stage, State};
use marketprism_host::supervisor::{RestartPolicy, Wanted};
use marketprism_tests::daemon::{Listener, PATIENCE};
use marketprism_tests::exchange::{Faults, Simulator, Venue};
use marketprism_tests::fleet::{Fleet, TIMES};
use marketprism_tests::judge::{Judge, Readable};
use marketprism_tests::lively;
use marketprism_tests::nats_server::NatsServer;
use marketprism_tests::versions::candidate;

use crate::gaps::Gaps;
use crate::order::Order;

/// How long a silence is waited for before looking at other things.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// How long an operation may take: an exchange may count attempts to connect for minutes.
const OPERATION_WITHIN: Duration = Duration::from_secs(600);

/// Longest time until everything that was sent is published.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);

/// Everything that is published.
const SUBJECTS: &[&str] = &["*.binance.>", "*.okx.>", "*.deribit.>"];

/// Complaints that are shown.
const SHOWN: usize = 20;

/// How books are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tops {
    /// As the lively configuration has it: at fixed times, of Deribit on every change.
    AsShipped,
    /// On every change.
    OnChange,
}

/// All of it.
pub struct Run {
    pub fleet: Fleet,
    pub gaps: Gaps,
    pub judge: Judge,
    pub order: Order,
    listener: Listener,
    exchanges: Vec<Simulator>,
    _nats: NatsServer,
}

impl Run {
    /// Starts it, and waits until its books are synced and something of everything was published.
    pub fn start(venue: Venue, tops: Tops, orders_per_second: u64) -> Self {
        Self::start_with(venue, tops, orders_per_second, TIMES.live_within, |plan| {
            plan
        })
    }

    /// The same with a plan that is changed, and another time within which a version is to be live.
    pub fn start_with(
        venue: Venue,
        tops: Tops,
        orders_per_second: u64,
        live_within: Duration,
        change: impl FnOnce(Plan) -> Plan,
    ) -> Self {
        let exchange = lively::exchange(venue, 1, orders_per_second, &Faults::none());
        let lively = lively::lively();
        let (configuration, judge): (_, fn(&[Simulator]) -> Judge) = match tops {
            Tops::AsShipped => (lively, Judge::of),
            Tops::OnChange => (
                lively.replace("method: snapshot", "method: websocket"),
                Judge::on_change,
            ),
        };
        let plan = change(lively::plan(&configuration, &exchange));
        let exchanges = vec![exchange];
        let nats = NatsServer::start("").expect("nats-server");
        let listener = Listener::hearing(nats.address(), SUBJECTS);
        let times = marketprism_host::config::Swap {
            live_within,
            ..TIMES
        };
        let fleet = Fleet::start_with(
            vec![plan],
            Some(nats.address()),
            RestartPolicy::default(),
            times,
        );
        let mut run = Self {
            fleet,
            gaps: Gaps::default(),
            judge: judge(&exchanges),
            order: Order::default(),
            listener,
            exchanges,
            _nats: nats,
        };
        let is_up = |run: &Self| {
            let mut all = run.judge.instruments();
            all.all(|one| one.state == "synced" && one.books > 1 && one.changes > 1)
        };
        assert!(run.until(PATIENCE, |run| run.is_wrong() || is_up(run)));
        run
    }

    pub fn exchange(&self) -> &Simulator {
        &self.exchanges[0]
    }

    /// The session's name.
    pub fn name(&self) -> &'static str {
        self.exchange().venue().name()
    }

    fn is_wrong(&self) -> bool {
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
            for _ in 0..64 {
                let Some(published) = self.listener.next(LOOK_AGAIN) else {
                    break;
                };
                self.gaps.hear(published.at);
                self.judge.hear(&self.exchanges, &published);
                if let Err(why) = self.order.hear(&published) {
                    self.judge.complain(format!("{}: {why}", published.subject));
                }
            }
        }
    }

    /// Judges what comes for so long.
    pub fn listen(&mut self, time: Duration) {
        self.until(time, Self::is_wrong);
    }

    /// Has these bytes follow what is at work, and waits until the operation is so.
    pub fn swap(&mut self, bytes: &[u8], is_so: impl Fn(&Operation) -> bool) -> Operation {
        let id = self.begin(bytes);
        self.operation(id, is_so)
    }

    /// Has these bytes follow what is at work; the answer is the operation's number.
    pub fn begin(&mut self, bytes: &[u8]) -> u64 {
        let wanted = Wanted::Swap(candidate(bytes));
        let begun = self.fleet.replace(self.name(), wanted);
        begun.expect("an operation")
    }

    /// Waits until an operation is so.
    pub fn operation(&mut self, id: u64, is_so: impl Fn(&Operation) -> bool) -> Operation {
        let is_there = self.until(OPERATION_WITHIN, |run| is_so(&run.fleet.operation(id)));
        let operation = self.fleet.operation(id);
        assert!(is_there, "{operation:#?}\n{:#?}", self.judge.wrong);
        operation
    }

    /// The hash of what is at work.
    pub fn at_work(&self) -> String {
        let status = self.fleet.board.session(self.name()).expect("a status");
        status.adapter_sha256.clone()
    }

    /// Waits until the version with this hash tells that it is at work.
    pub fn await_at_work(&mut self, sha256: &str) {
        let is_at_work = self.until(PATIENCE, |run| run.at_work() == sha256);
        assert!(is_at_work, "{} is at work", self.at_work());
    }

    /// Stops the market, waits until everything that was sent is published, and shows what is wrong.
    pub fn settle(&mut self) {
        let exchange = self.exchange();
        let truth = exchange.truth();
        let symbols = truth.symbols().into_iter();
        let since: Vec<_> = symbols
            .filter_map(|terms| truth.update_id(&terms.symbol))
            .collect();
        // Every book is published once more.
        self.until(SETTLED_WITHIN, |run| {
            let mut books = run.judge.instruments().zip(&since);
            run.is_wrong() || books.all(|(one, id)| one.last > *id)
        });
        self.exchange().pause();
        self.exchange().advance(Duration::ZERO);
        self.until(SETTLED_WITHIN, |run| {
            run.is_wrong() || run.judge.check(&run.exchanges, Readable::of).is_empty()
        });
    }

    /// Nothing that was published was wrong, nothing is missing, and no rule was broken.
    pub fn assert_right(&self) {
        let checked = self.judge.check(&self.exchanges, Readable::of);
        let wrong: Vec<_> = self.judge.wrong.iter().chain(&checked).collect();
        assert!(wrong.is_empty(), "{:#?}", &wrong[..wrong.len().min(SHOWN)]);
        let twice: Vec<_> = self
            .judge
            .stored
            .iter()
            .filter(|(_, times)| **times > 1)
            .collect();
        assert!(twice.is_empty(), "published twice: {twice:?}");
        for one in self.judge.instruments() {
            assert!(one.books > 1 && one.changes > 1 && one.trades() > 1);
        }
        assert_eq!(self.exchange().limit_violations(), []);
        // What the listener or the ledger lost would look as if the daemon had.
        assert_eq!(self.exchange().forgotten(), 0, "entries of the ledger");
        assert_eq!(self.listener.disturbances(), 0, "of the listener");
        let status = self.fleet.board.session(self.name()).expect("a status");
        assert_eq!(status.state, State::Running);
    }

    /// One life is left, with its connections.
    pub fn assert_alone(&mut self, connections: usize) {
        let is_alone = self.until(PATIENCE, |run| {
            run.exchange().connections_now() == connections
        });
        assert!(
            is_alone,
            "{} connections",
            self.exchange().connections_now()
        );
    }
}

/// Whether a version has taken over.
pub fn has_taken_over(operation: &Operation) -> bool {
    assert_ne!(operation.stage, Stage::Refused, "{:?}", operation.why);
    operation.stage == Stage::Probation || operation.stage.is_end()
}
