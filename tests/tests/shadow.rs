//! Shadow runs: a candidate beside the version at work, compared and never published, until somebody decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use marketprism_host::compare::{Report, SubjectReport};
use marketprism_host::config::Swap;
use marketprism_host::session::Plan;
use marketprism_host::status::{Operation, Stage, State};
use marketprism_host::supervisor::{Command, Decision, RestartPolicy, Wanted};
use marketprism_host::wire::DataType;
use marketprism_tests::daemon::{Listener, PATIENCE};
use marketprism_tests::exchange::{Faults, Simulator, Venue};
use marketprism_tests::fleet::{Fleet, TIMES};
use marketprism_tests::lively;
use marketprism_tests::nats_server::NatsServer;
use marketprism_tests::versions::{candidate, faulty, version};

/// Longer than any of these tests.
const LONG: Duration = Duration::from_secs(3_600);

/// Long enough that many are judged that find no partner: those that are older than a quarter of it.
const JUDGED: Duration = Duration::from_secs(24);

/// Orders of each symbol in a second.
const RATE: u64 = 250;

/// What is heard of what is published, and in which order.
struct Ear {
    listener: Listener,
    /// By subject, the trades so far.
    trades: BTreeMap<String, Vec<u64>>,
}

/// An exchange, a session there, and who hears what it publishes.
struct Scene {
    exchange: Simulator,
    name: &'static str,
    fleet: Fleet,
    ear: Ear,
    _nats: NatsServer,
}

impl Ear {
    /// Listens for a while; nothing comes twice, or late.
    fn listen(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Some(published) = self
            .listener
            .next(end.saturating_duration_since(Instant::now()))
        {
            if !published.subject.starts_with("trade.") {
                continue;
            }
            let payload = published.json();
            let id = payload["trade_id"].as_str().expect("an id").parse();
            let id: u64 = id.expect("a number");
            let trades = self.trades.entry(published.subject).or_default();
            if let Some(before) = trades.last() {
                assert_eq!(id, before + 1, "each trade comes once and in order");
            }
            trades.push(id);
        }
        assert_eq!(self.listener.disturbances(), 0);
    }

    fn count(&self) -> usize {
        self.trades.values().map(Vec::len).sum()
    }

    /// Listens until so many more trades have come.
    fn hears(&mut self, more: usize) {
        let (wanted, end) = (self.count() + more, Instant::now() + PATIENCE);
        while self.count() < wanted {
            assert!(Instant::now() < end, "{} of {wanted} trades", self.count());
            self.listen(Duration::from_millis(50));
        }
    }
}

impl Scene {
    fn at(venue: Venue, times: Swap) -> Self {
        let exchange = lively::exchange(venue, 1, RATE, &Faults::none());
        let nats = NatsServer::start("").expect("nats-server");
        let listener = Listener::start(nats.address());
        let plan = lively::plan(&lively::lively(), &exchange);
        let address = Some(nats.address());
        let fleet = Fleet::start_with(vec![plan], address, RestartPolicy::default(), times);
        let name = venue.name();
        fleet.eventually(name, "it runs", |it| {
            it.state == State::Running && it.tally.frames > 100
        });
        let mut scene = Self {
            exchange,
            name,
            fleet,
            ear: Ear {
                listener,
                trades: BTreeMap::new(),
            },
            _nats: nats,
        };
        scene.ear.hears(1);
        scene
    }

    fn usual() -> Self {
        Self::at(Venue::BinanceSpot, TIMES)
    }

    fn wasm(&self) -> Vec<u8> {
        lively::wasm(self.exchange.venue())
    }

    /// Begins a shadow run.
    fn shadow(&self, wasm: &[u8], length: Duration) -> u64 {
        let wanted = Wanted::Shadow(candidate(wasm), length);
        self.fleet.replace(self.name, wanted).expect("it begins")
    }

    /// Listens until the operation's report satisfies.
    fn reports(&mut self, operation: u64, what: &str, is_so: impl Fn(&Report) -> bool) -> Report {
        let end = Instant::now() + PATIENCE;
        loop {
            self.ear.listen(Duration::from_millis(100));
            let now = self.fleet.operation(operation);
            let report = now.report.as_ref().map(|_| report(&now));
            if let Some(report) = report.as_ref().filter(|report| is_so(report)) {
                return report.clone();
            }
            let text = report.map(|it| it.text());
            let (stage, why) = (now.stage, now.why);
            assert!(
                Instant::now() < end && !stage.is_end(),
                "{what}: {stage:?} {why:?} {}",
                text.unwrap_or_default()
            );
        }
    }

    /// Whether the session runs the version that it began with, and never stopped.
    fn is_untouched(&self, began_with: &str) -> bool {
        let status = self.fleet.board.session(self.name).expect("a status");
        let lives = status.history.entered.get(&State::Running);
        status.state == State::Running && lives == Some(&1) && status.adapter_sha256 == began_with
    }

    fn sha256(&self) -> String {
        let status = self.fleet.board.session(self.name).expect("a status");
        status.adapter_sha256.clone()
    }

    /// Waits until only the version at work is connected.
    fn is_alone(&self) {
        let connections = |scene: &Self| {
            let status = scene.fleet.board.session(scene.name);
            status.map_or(0, |it| it.connections_open)
        };
        assert!(
            self.exchange.eventually(PATIENCE, |exchange| {
                exchange.connections_now() == connections(self)
            }),
            "the candidate's connections are left"
        );
    }
}

fn report(operation: &Operation) -> Report {
    let told = operation.report.clone().expect("a report");
    Report::from_json(told).expect("a report")
}

fn is_comparing(operation: &Operation) -> bool {
    operation.stage == Stage::Comparing
}

fn of_type(report: &Report, data_type: DataType) -> Vec<&SubjectReport> {
    let subjects = report.subjects.iter();
    subjects.filter(|it| it.data_type == data_type).collect()
}

/// Whether much was the same: some 75 trades come in a second.
fn is_judged(report: &Report) -> bool {
    let trades = of_type(report, DataType::Trade);
    trades.iter().any(|it| it.counts.same > 600)
}

#[test]
fn an_identical_candidate_publishes_nothing_and_has_no_difference_until_it_is_dropped() {
    let mut scene = Scene::usual();
    let began_with = scene.sha256();
    let id = scene.shadow(&version(&scene.wasm(), 1), JUDGED);
    let report = scene.reports(id, "much is the same", is_judged);
    assert!(report.is_same(), "{}", report.text());
    assert_eq!((report.lost, report.left_out.len()), (0, 0));
    let types: BTreeSet<DataType> = report.subjects.iter().map(|it| it.data_type).collect();
    for data_type in [
        DataType::Trade,
        DataType::Orderbook,
        DataType::OrderbookDelta,
    ] {
        assert!(types.contains(&data_type), "{types:?}");
    }
    let (old, new) = (&report.old, &report.new);
    assert_eq!(old.sha256, began_with);
    assert_ne!(new.sha256, old.sha256);
    assert_eq!(old.version, new.version);
    // Both are told the same frames, but for those between two looks.
    let fuel = [old, new].map(|it| it.fuel_per_frame());
    assert!(
        fuel[0].abs_diff(fuel[1]) * 20 < fuel[0],
        "the same code uses the same fuel: {fuel:?}"
    );
    assert!(old.latency.is_some() && new.latency.is_some());
    assert_eq!(scene.fleet.decide(id, Decision::Drop), Ok(()));
    let ended = scene.fleet.operation(id);
    assert_eq!(
        (ended.stage, ended.why.as_deref()),
        (Stage::Done, Some("dropped"))
    );
    scene.is_alone();
    assert!(scene.is_untouched(&began_with));
    assert!(
        scene.fleet.decide(id, Decision::Promote).is_err(),
        "it is gone"
    );
    scene.ear.hears(100);
    assert!(scene.exchange.limit_violations().is_empty());
}

#[test]
fn what_a_candidate_changes_is_found_with_examples() {
    let mut scene = Scene::usual();
    let rounding = std::fs::read(marketprism_tests::guest("rounding")).expect("the guest");
    let id = scene.shadow(&rounding, LONG);
    let report = scene.reports(id, "a rounded price", |report| {
        let trades = of_type(report, DataType::Trade);
        trades.iter().any(|it| !it.examples.is_empty())
    });
    for subject in of_type(&report, DataType::Trade) {
        let counts = &subject.counts;
        assert!(counts.same > counts.different, "{}", report.text());
        assert_eq!((counts.missing, counts.extra), (0, 0), "{}", report.text());
        for example in &subject.examples {
            let number = example.name.strip_prefix("trade ").expect("a trade");
            let id: u64 = number.parse().expect("an id");
            assert!(id.is_multiple_of(50), "{}", report.text());
            let fields = example.fields.iter().map(|it| it.field.as_str());
            assert_eq!(fields.collect::<Vec<_>>(), ["price"]);
        }
    }
    for subject in of_type(&report, DataType::Orderbook) {
        assert_eq!(subject.counts.differing(), 0, "{}", report.text());
    }
    assert!(report.new.version.ends_with("-rounding"));
    assert!(!report.is_same());
}

#[test]
fn what_a_candidate_polls_only_later_is_left_out_and_said_to_be() {
    let mut scene = Scene::at(Venue::BinanceDerivatives, TIMES);
    let id = scene.shadow(&version(&scene.wasm(), 1), JUDGED);
    let report = scene.reports(id, "polled data came", |report| {
        report.left_out.len() >= 3 && is_judged(report)
    });
    assert!(report.is_same(), "{}", report.text());
    let left_out: BTreeSet<&str> = report
        .left_out
        .iter()
        .map(|it| it.data_type.name())
        .collect();
    assert!(left_out.contains("open_interest"), "{left_out:?}");
    assert!(!left_out.contains("liquidation"), "it is pushed");
    assert!(report.text().contains("open_interest left out"));
    for left_out in &report.left_out {
        assert!(of_type(&report, left_out.data_type).is_empty());
    }
}

#[test]
fn a_promoted_candidate_takes_over_without_a_gap_or_a_double() {
    let mut scene = Scene::usual();
    let id = scene.shadow(&version(&scene.wasm(), 1), LONG);
    scene.reports(id, "something was compared", |it| it.totals().same > 100);
    assert_eq!(scene.fleet.decide(id, Decision::Promote), Ok(()));
    assert_eq!(scene.fleet.decide(id, Decision::Promote), Ok(()), "twice");
    let done = scene
        .fleet
        .comes_to(id, "it is there to stay", |it| it.stage.is_end());
    assert_eq!((done.stage, done.why.as_deref()), (Stage::Done, None));
    assert!(done.took.expect("a time") < PATIENCE);
    assert!(report(&done).totals().same > 100, "its report is kept");
    assert_eq!(Some(scene.sha256()), done.to.map(|it| it.sha256));
    scene.is_alone();
    // Each trade once and in its order, over all of it.
    scene.ear.hears(100);
    assert!(scene.exchange.limit_violations().is_empty());
}

#[test]
fn another_version_for_the_same_session_ends_a_shadow_run() {
    let mut scene = Scene::usual();
    let id = scene.shadow(&version(&scene.wasm(), 1), LONG);
    scene.fleet.comes_to(id, "it is compared", is_comparing);
    let swap = Wanted::Swap(candidate(&version(&scene.wasm(), 2)));
    let next = scene.fleet.replace(scene.name, swap).expect("it begins");
    let ended = scene.fleet.operation(id);
    assert_eq!(ended.stage, Stage::Refused);
    assert_eq!(ended.why.as_deref(), Some("another version was asked for"));
    let done = scene
        .fleet
        .comes_to(next, "it is there to stay", |it| it.stage.is_end());
    assert_eq!(done.stage, Stage::Done, "{:?}", done.why);
    scene.ear.hears(100);
}

#[test]
fn another_session_is_swapped_while_a_candidate_is_compared() {
    let exchange = lively::exchange(Venue::BinanceSpot, 1, RATE, &Faults::none());
    let first = lively::plan(&lively::lively(), &exchange);
    let second = Plan {
        name: "second".to_owned(),
        ..first.clone()
    };
    let names = [first.name.clone(), second.name.clone()];
    let fleet = Fleet::start(vec![first, second], None, RestartPolicy::default());
    for name in &names {
        fleet.eventually(name, "it runs", |it| {
            it.state == State::Running && it.tally.frames > 100
        });
    }
    let wasm = version(&lively::wasm(Venue::BinanceSpot), 1);
    let replace = |name: &str, wanted| fleet.replace(name, wanted).expect("it begins");
    let shadow = replace(&names[0], Wanted::Shadow(candidate(&wasm), LONG));
    fleet.comes_to(shadow, "it is compared", is_comparing);
    let swap = replace(&names[1], Wanted::Swap(candidate(&wasm)));
    let live = fleet.comes_to(swap, "it took over", |it| it.took.is_some());
    assert_ne!(live.stage, Stage::Refused, "{:?}", live.why);
    assert_eq!(fleet.operation(shadow).stage, Stage::Comparing);
}

#[test]
fn a_candidate_about_which_nobody_decides_is_dropped() {
    let times = Swap {
        decision_within: Duration::from_secs(1),
        ..TIMES
    };
    let mut scene = Scene::at(Venue::BinanceSpot, times);
    let began_with = scene.sha256();
    let id = scene.shadow(&version(&scene.wasm(), 1), Duration::from_secs(2));
    let waits = scene
        .fleet
        .comes_to(id, "it waits", |it| it.stage == Stage::Deciding);
    let why = waits.why.as_deref().expect("what it waits for");
    assert!(why.starts_with("compared for 2 s"), "{why}");
    let compared = report(&waits).totals().same;
    assert!(compared > 0);
    let ended = scene
        .fleet
        .comes_to(id, "it is dropped", |it| it.stage.is_end());
    assert_eq!(ended.stage, Stage::Done);
    let why = ended.why.as_deref().expect("why");
    assert_eq!(why, "dropped: nobody decided within 1 s");
    assert_eq!(report(&ended).totals().same, compared, "it was final");
    scene.is_alone();
    assert!(scene.is_untouched(&began_with));
    scene.ear.hears(100);
}

#[test]
fn a_candidate_that_waits_for_a_decision_can_still_take_over() {
    let mut scene = Scene::usual();
    let id = scene.shadow(&version(&scene.wasm(), 1), Duration::from_secs(1));
    scene
        .fleet
        .comes_to(id, "it waits", |it| it.stage == Stage::Deciding);
    // Longer than it keeps what the version at work has published.
    scene.ear.listen(Duration::from_secs(6));
    assert_eq!(scene.fleet.decide(id, Decision::Promote), Ok(()));
    let done = scene
        .fleet
        .comes_to(id, "it is there to stay", |it| it.stage.is_end());
    assert_eq!((done.stage, done.why.as_deref()), (Stage::Done, None));
    scene.ear.hears(100);
}

#[test]
fn a_candidate_that_faults_is_refused_and_its_report_is_kept() {
    let mut scene = Scene::usual();
    let began_with = scene.sha256();
    let id = scene.shadow(&faulty("frame 5000"), LONG);
    let ended = scene
        .fleet
        .comes_to(id, "it faults", |it| it.stage.is_end());
    assert_eq!(ended.stage, Stage::Refused);
    let why = ended.why.as_deref().expect("why");
    assert!(why.starts_with("it was stopped: panic: "), "{why}");
    let ended = scene
        .fleet
        .comes_to(id, "the report", |it| it.report.is_some());
    assert!(report(&ended).totals().same > 0);
    scene.is_alone();
    assert!(scene.is_untouched(&began_with));
    scene.ear.hears(100);
    // Nothing of it is left: another one is compared.
    let id = scene.shadow(&version(&scene.wasm(), 1), LONG);
    scene.reports(id, "something is the same", |it| it.totals().same > 100);
}

#[test]
fn a_session_that_is_stopped_takes_its_candidate_along() {
    let scene = Scene::usual();
    let id = scene.shadow(&version(&scene.wasm(), 1), LONG);
    scene.fleet.comes_to(id, "it is compared", is_comparing);
    let stopped = scene.fleet.command(scene.name, Command::Stop);
    assert_eq!(stopped, Ok(State::Stopped));
    let ended = scene.fleet.operation(id);
    assert_eq!(ended.stage, Stage::Refused);
    assert_eq!(ended.why.as_deref(), Some("the session was stopped"));
    scene.is_alone();
}
