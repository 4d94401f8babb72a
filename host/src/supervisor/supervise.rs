//! The supervisor: looks after all sessions, and does what it is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::command::{Answer, Candidate, Command, CommandError, Order, Remote};
use super::keeper::Keeper;
use super::plans::{FileWatch, Plans};
use super::replacements::Replacements;
use super::restart::RestartPolicy;
use super::watch::{AdapterWatch, Dropped};
use crate::bus;
use crate::config::Proxy;
use crate::record::{Bundles, Recording};
use crate::rest::{self, Budgets};
use crate::session::Plan;
use crate::status::Board;
use crate::ws::{Attempts, ConnectLimit};

/// How often every session is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How often the configuration is looked at.
const LOOK_AT_FILE_EVERY: Duration = Duration::from_secs(1);

/// After the supervisor itself stood still, nobody is taken for hanging for this long.
const STOOD_STILL: Duration = Duration::from_secs(2);

/// How long the sessions may take to end, all together.
const END_LIMIT: Duration = Duration::from_secs(9);

/// What all sessions share.
#[derive(Clone)]
pub struct Neighbours {
    /// The NATS server; none when nothing is to be published.
    pub bus: Option<bus::Settings>,
    /// Has messages stored by streams; none when everything goes out over Core NATS.
    pub trunk: Option<bus::Remote>,
    /// The proxy to the exchanges.
    pub proxy: Option<Proxy>,
    /// The request budgets.
    pub budgets: Budgets,
    /// The attempts to connect.
    pub attempts: Attempts,
    /// Where the bundles of faults go; none when they are not kept.
    pub bundles: Option<Bundles>,
    /// Records what the sessions see and send.
    pub recording: Option<Arc<Recording>>,
    /// When what has failed is started again.
    pub policy: RestartPolicy,
    /// What one version needs to follow another.
    pub replacements: Arc<Replacements>,
    /// Where every session tells how it stands.
    pub board: Arc<Board>,
}

impl Neighbours {
    /// Sets what the exchange allows at the host names that the plan grants, as its adapter tells it.
    pub(super) fn limit(&self, plan: &Plan) {
        let venue = plan.adapter.venue(&plan.venue);
        let weight = venue.map_or(0, |venue| venue.request_weight_per_minute);
        let connects = venue.and_then(|venue| venue.connects);
        let connecting = ConnectLimit {
            attempts: connects.map_or(0, |it| it.count),
            within: connects.map_or(Duration::ZERO, |it| Duration::from_secs(it.seconds.into())),
            connections_max: venue.map_or(0, |venue| venue.connections_max),
        };
        for grant in &plan.grants {
            if grant.scheme.starts_with("http") {
                let limit = rest::Limit::per_minute(weight);
                self.budgets.set_limit(&grant.host, limit);
            } else {
                self.attempts.set_limit(&grant.host, connecting);
            }
        }
    }
}

/// Looks after all sessions.
pub struct Supervisor {
    keepers: BTreeMap<String, Keeper>,
    neighbours: Neighbours,
    plans: Option<Plans>,
    orders: mpsc::Receiver<Order>,
    reading: Option<Reading>,
    watch: AdapterWatch,
    /// Adapter files that have changed and are being read.
    files: Option<JoinHandle<Vec<Dropped>>>,
}

/// Plans that are being read.
struct Reading {
    task: JoinHandle<anyhow::Result<Vec<Plan>>>,
    answers: Vec<Answer<()>>,
}

impl Supervisor {
    /// A supervisor whose enabled sessions begin at once. `again` tells where their plans come from when they are to
    /// be read again.
    pub fn new(plans: Vec<Plan>, neighbours: Neighbours, again: Option<Plans>) -> (Self, Remote) {
        let (remote, orders) = Remote::new();
        let mut supervisor = Self {
            keepers: BTreeMap::new(),
            neighbours,
            plans: again,
            orders,
            reading: None,
            watch: AdapterWatch::default(),
            files: None,
        };
        for plan in plans {
            supervisor.keep(plan);
        }
        (supervisor, remote)
    }

    /// Looks after the sessions until `stopped` ends, then ends them: connections closed, what is queued published.
    pub async fn run(mut self, stopped: impl Future<Output = ()>) {
        let mut stopped = std::pin::pin!(stopped);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut look_at_file = tokio::time::interval(LOOK_AT_FILE_EVERY);
        let mut watch = self.plans.as_ref().map(|plans| FileWatch::new(&plans.file));
        let mut looked = Instant::now();
        let mut hangup = signal(SignalKind::hangup()).ok();
        loop {
            tokio::select! {
                () = &mut stopped => break,
                Some(order) = self.orders.recv() => self.obey(order),
                () = next(&mut hangup) => {
                    tracing::info!("SIGHUP: reading the configuration again");
                    self.read_again(None);
                }
                _ = look_at_file.tick() => {
                    if watch.as_mut().is_some_and(FileWatch::look) {
                        tracing::info!("the configuration has changed; reading it again");
                        self.read_again(None);
                    }
                    self.look_at_adapters().await;
                }
                _ = look.tick() => {
                    let now = Instant::now();
                    // Whoever stopped this process stopped the sessions too: let them speak first.
                    if now.duration_since(looked) > STOOD_STILL {
                        tokio::time::sleep(STOOD_STILL).await;
                    }
                    looked = Instant::now();
                    self.look().await;
                }
            }
        }
        self.end().await;
    }

    fn keep(&mut self, plan: Plan) {
        self.neighbours.limit(&plan);
        let (name, enabled) = (plan.name.clone(), plan.enabled);
        let mut keeper = Keeper::new(plan, self.neighbours.clone());
        if enabled {
            keeper.start(None);
        }
        self.keepers.insert(name, keeper);
    }

    async fn look(&mut self) {
        for keeper in self.keepers.values_mut() {
            keeper.look(Instant::now());
        }
        let board = &self.neighbours.board;
        self.keepers.retain(|name, keeper| {
            if keeper.is_gone() {
                board.remove(name);
            }
            !keeper.is_gone()
        });
        if let Some(reading) = self.reading.take_if(|reading| reading.task.is_finished()) {
            let read = reading.task.await;
            let read = read.unwrap_or_else(|error| Err(anyhow::anyhow!("{error}")));
            let outcome = match read {
                Ok(plans) => {
                    self.follow(plans);
                    Ok(())
                }
                Err(error) => {
                    tracing::error!("the configuration stays as it was: {error:#}");
                    Err(CommandError::Failed(format!("{error:#}")))
                }
            };
            for answer in reading.answers {
                let _ = answer.send(outcome.clone());
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Reload(answer) => self.read_again(Some(answer)),
            Order::Session(name, command, answer) => {
                let Some((keeper, answer)) = self.find(&name, answer) else {
                    return;
                };
                match command {
                    Command::Start => keeper.start(Some(answer)),
                    Command::Stop => keeper.stop(Some(answer)),
                    Command::Restart => keeper.restart(Some(answer)),
                    Command::Limits(limits) => {
                        let plan = Plan {
                            limits: *limits,
                            ..keeper.plan().clone()
                        };
                        keeper.follow(plan);
                        let _ = answer.send(Ok(keeper.state()));
                    }
                }
            }
            Order::Replace(name, wanted, answer) => {
                if let Some((keeper, answer)) = self.find(&name, answer) {
                    let _ = answer.send(keeper.replace(wanted));
                }
            }
            Order::Decide(operation, decision, answer) => {
                let mut keepers = self.keepers.values_mut();
                let decided = keepers.find_map(|keeper| keeper.decide(operation, decision));
                let _ = answer.send(decided.unwrap_or_else(|| {
                    let why = format!("operation {operation} has no candidate that waits");
                    Err(CommandError::Failed(why))
                }));
            }
        }
    }

    /// Who keeps the session of that name; else the answer is that there is none.
    fn find<T>(&mut self, name: &str, answer: Answer<T>) -> Option<(&mut Keeper, Answer<T>)> {
        if !self.keepers.contains_key(name) {
            let present: Vec<&str> = self.keepers.keys().map(String::as_str).collect();
            let _ = answer.send(Err(CommandError::Unknown {
                wanted: name.to_owned(),
                present: present.join(", "),
            }));
            return None;
        }
        self.keepers.get_mut(name).map(|keeper| (keeper, answer))
    }

    /// Reads the plans again, without holding anybody up.
    fn read_again(&mut self, answer: Option<Answer<()>>) {
        if let Some(reading) = &mut self.reading {
            reading.answers.extend(answer);
            return;
        }
        let Some(plans) = &self.plans else {
            if let Some(answer) = answer {
                let why = "this daemon was started without a configuration file".to_owned();
                let _ = answer.send(Err(CommandError::Failed(why)));
            }
            return;
        };
        let read = plans.read.clone();
        self.reading = Some(Reading {
            task: tokio::task::spawn_blocking(move || read()),
            answers: answer.into_iter().collect(),
        });
    }

    /// Offers what lies anew in the adapters folder to the sessions that it is for.
    async fn look_at_adapters(&mut self) {
        if let Some(reading) = self.files.take_if(|reading| reading.is_finished()) {
            for file in reading.await.unwrap_or_default() {
                self.offer(&file);
            }
        }
        if self.files.is_some() {
            return;
        }
        let files = self
            .keepers
            .values()
            .filter_map(|it| it.plan().file.as_deref());
        let changed = self.watch.look(files);
        if !changed.is_empty() {
            self.files = Some(tokio::task::spawn_blocking(move || read(&changed)));
        }
    }

    fn offer(&mut self, dropped: &Dropped) {
        for keeper in self.keepers.values_mut() {
            let plan = keeper.plan();
            if dropped.is_news(plan.file.as_deref(), plan.folder_sha256.as_deref()) {
                let candidate = Candidate {
                    bytes: dropped.bytes.clone(),
                    source: dropped.file.display().to_string(),
                };
                keeper.offer(candidate, &dropped.sha256);
            }
        }
    }

    /// Goes on by new plans: of sessions that are gone, new, or other than before.
    fn follow(&mut self, plans: Vec<Plan>) {
        for (name, keeper) in &mut self.keepers {
            if !plans.iter().any(|plan| plan.name == *name) {
                tracing::info!(session = name, "is no longer configured");
                keeper.retire();
            }
        }
        for plan in plans {
            match self.keepers.get_mut(&plan.name) {
                Some(keeper) => {
                    self.neighbours.limit(&plan);
                    keeper.follow(plan);
                }
                None => self.keep(plan),
            }
        }
    }

    async fn end(mut self) {
        let count = self.keepers.values().filter(|it| !it.is_down()).count();
        tracing::info!("stopping {count} sessions");
        for keeper in self.keepers.values_mut() {
            keeper.stop(None);
        }
        let deadline = Instant::now() + END_LIMIT;
        while self.keepers.values().any(|keeper| !keeper.is_down()) && Instant::now() < deadline {
            tokio::time::sleep(LOOK_EVERY).await;
            for keeper in self.keepers.values_mut() {
                keeper.look(Instant::now());
            }
        }
    }
}

/// Ends when the signal comes; never where there is none.
async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// What adapter files hold that have changed.
fn read(files: &[PathBuf]) -> Vec<Dropped> {
    let dropped = files.iter().map(|file| Dropped::read(file));
    dropped
        .filter_map(|read| read.inspect_err(|error| tracing::warn!("{error}")).ok())
        .collect()
}
