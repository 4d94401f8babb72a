//! The command `run`: the daemon. One thread for each session, with a runtime, sockets and a bus connection of its
//! own; a fault stops one adapter and starts it again, and the others never notice.

mod reporter;
mod restart;

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use tokio::sync::watch;

use crate::bus::{self, Outbox};
use crate::config::{Monitoring, Proxy};
use crate::record::{Bundles, Recorder, Recording};
use crate::rest::{self, Budgets};
use crate::sandbox::Fault;
use crate::serve;
use crate::session::{Plan, Session, World};
use crate::status::{Board, SessionStatus, State};
use crate::view::View;
use crate::world::{LiveParts, LiveWorld};
use crate::ws;
use reporter::Reporter;
use restart::Restarts;

/// Messages that wait for the bus, per session.
const OUTBOX_MESSAGES_MAX: usize = 20_000;

/// Bytes that wait for the bus, per session.
const OUTBOX_BYTES_MAX: usize = 64 << 20;

/// How long the sessions may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(8);

/// How long closing sockets are waited for.
const CLOSE_LIMIT: Duration = Duration::from_millis(1_300);

/// How often the view looks for news of the sessions.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Rates over a shorter time say nothing.
const FIRST_LOOK: Duration = Duration::from_millis(500);

/// A request budget for host names of which the adapter says nothing.
const REQUEST_WEIGHT_PER_MINUTE: u32 = 1_200;

/// The daemon: what to collect, where to publish it, and where to tell how it goes.
pub struct Daemon {
    /// The sessions.
    pub plans: Vec<Plan>,
    /// The NATS server; none when nothing is to be published.
    pub bus: Option<bus::Settings>,
    /// The proxy to the exchanges.
    pub proxy: Option<Proxy>,
    /// The HTTP ports.
    pub monitoring: Monitoring,
    /// Where the bundles of faults go.
    pub bundles: Bundles,
    /// Records what the sessions see and send.
    pub recording: Option<Recording>,
    /// Where to write plain lines once a second.
    pub view: Option<View>,
}

/// What all sessions share.
#[derive(Clone)]
struct Neighbours {
    bus: Option<bus::Settings>,
    proxy: Option<Proxy>,
    budgets: Budgets,
    board: Arc<Board>,
    bundles: Bundles,
    stopping: watch::Receiver<bool>,
}

impl Daemon {
    /// Runs until `stopped` ends, then ends the sessions: connections closed, what is queued published.
    ///
    /// # Errors
    /// When the system gives no thread for a session.
    pub async fn run(self, stopped: impl Future<Output = ()>) -> anyhow::Result<()> {
        let (stop, stopping) = watch::channel(false);
        let budgets = Budgets::new(rest::Limit::per_minute(REQUEST_WEIGHT_PER_MINUTE));
        let board = Arc::new(Board::new(budgets.clone()));
        let neighbours = Neighbours {
            bus: self.bus,
            proxy: self.proxy,
            budgets,
            board: board.clone(),
            bundles: self.bundles,
            stopping,
        };
        let serving = serve::start(&self.monitoring, &board);
        let mut threads = Vec::new();
        for plan in self.plans {
            grant_budgets(&plan, &neighbours.budgets);
            board.post(SessionStatus::planned(&plan));
            let name = plan.name.clone();
            let neighbours = neighbours.clone();
            let recorder = self.recording.as_ref();
            let recorder = recorder.map(|recording| recording.session(&name));
            let thread = std::thread::Builder::new()
                .name(name.clone())
                .spawn(move || live(plan, &neighbours, recorder))
                .with_context(|| format!("{name}: no thread for the session"))?;
            threads.push((name, thread));
        }
        tokio::select! {
            () = stopped => {}
            () = show(self.view, &board) => {}
        }
        tracing::info!("stopping {} sessions", threads.len());
        let _ = stop.send(true);
        join(threads).await;
        if let Some(recording) = self.recording {
            recording.finish();
        }
        drop(serving);
        Ok(())
    }
}

/// The exchange's own request budget for each host name that the plan may send requests to.
fn grant_budgets(plan: &Plan, budgets: &Budgets) {
    let weight = plan.adapter.description().request_weight_per_minute;
    for grant in &plan.grants {
        if grant.scheme.starts_with("http") {
            budgets.set_limit(&grant.host, rest::Limit::per_minute(weight));
        }
    }
}

/// Writes plain lines whenever a session has told how it stands, once a second each, for ever.
async fn show(view: Option<View>, board: &Board) {
    let Some(mut view) = view else {
        return std::future::pending().await;
    };
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut shown: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        look.tick().await;
        for session in board.sessions() {
            let before = shown.get(&session.name);
            let is_news = before.is_none_or(|at| session.posted.duration_since(*at) > LOOK_EVERY);
            let is_first_moment = board.uptime() < FIRST_LOOK;
            if session.state != State::Starting && is_news && !is_first_moment {
                shown.insert(session.name.clone(), session.posted);
                view.show(&session, board.uptime().as_secs_f64());
            }
        }
    }
}

async fn join(threads: Vec<(String, JoinHandle<anyhow::Result<()>>)>) {
    let deadline = Instant::now() + STOP_LIMIT;
    for (name, thread) in threads {
        while !thread.is_finished() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if !thread.is_finished() {
            tracing::error!(session = name, "did not end in time and is left behind");
            continue;
        }
        match thread.join() {
            Ok(Ok(())) => tracing::info!(session = name, "stopped"),
            Ok(Err(error)) => tracing::error!(session = name, "ended: {error:#}"),
            Err(_) => tracing::error!(session = name, "its thread panicked"),
        }
    }
}

/// One session from its start to its end, on the current thread.
fn live(plan: Plan, neighbours: &Neighbours, recorder: Option<Recorder>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let planned = SessionStatus::planned(&plan);
    let outcome = runtime.block_on(async {
        let world = world(&plan, neighbours, recorder)?;
        let mut session = Session::new(plan, world)?;
        let mut reporter = Reporter::new(neighbours.board.clone());
        reporter.enter(State::Starting, &session);
        let stopping = neighbours.stopping.clone();
        tend(&mut session, &mut reporter, &neighbours.bundles, stopping).await;
        reporter.enter(State::Stopping, &session);
        let left = session.world_mut().drain().await;
        if left > 0 {
            tracing::error!(
                session = session.name(),
                "{left} messages could not be published"
            );
        }
        let closed = async {
            while session.world().sockets().tcp_open > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_LIMIT, closed).await;
        reporter.enter(State::Stopped, &session);
        Ok(())
    });
    // A name lookup that hangs must not hold up the end.
    runtime.shutdown_background();
    if let Err(error) = &outcome {
        neighbours.board.post(SessionStatus {
            state: State::Failed,
            last_fault: Some((SystemTime::now(), format!("{error:#}"))),
            ..planned
        });
    }
    outcome
}

fn world(
    plan: &Plan,
    neighbours: &Neighbours,
    recorder: Option<Recorder>,
) -> anyhow::Result<LiveWorld> {
    let seed = RandomState::new().build_hasher().finish();
    let proxy = neighbours.proxy.as_ref().map(|proxy| &proxy.address);
    let dialer = ws::Dialer::new(ws::Settings {
        message_bytes_max: plan.limits.frame_bytes_max,
        seed,
        proxy: proxy.and_then(ws::Proxy::of),
        ..ws::Settings::default()
    })?;
    let client = rest::Client::new(
        rest::Settings {
            body_bytes_max: plan.limits.frame_bytes_max,
            requests_max: plan.limits.requests_in_flight_max,
            proxy: proxy.and_then(rest::Proxy::of),
            ..rest::Settings::default()
        },
        neighbours.budgets.clone(),
    )?;
    Ok(LiveWorld::new(LiveParts {
        dialer,
        client,
        bus: neighbours.bus.clone(),
        outbox: Outbox::new(OUTBOX_MESSAGES_MAX, OUTBOX_BYTES_MAX),
        seed,
        recorder,
        stop: neighbours.stopping.clone(),
    }))
}

/// Starts the adapter and steps it until it is told to end; starts it again after a fault.
async fn tend(
    session: &mut Session<LiveWorld>,
    reporter: &mut Reporter,
    bundles: &Bundles,
    mut stopping: watch::Receiver<bool>,
) {
    let mut restarts = Restarts::default();
    let mut stepped = session.start().map(|()| true);
    if stepped.is_ok() {
        tracing::info!(session = session.name(), "started");
        reporter.enter(State::Running, session);
    }
    let mut reported = session.reported_at();
    loop {
        match stepped {
            Ok(true) => stepped = session.step().await,
            Ok(false) => break,
            Err(fault) => {
                reporter.fault(&fault);
                let pause = restarts.pause(Instant::now());
                stepped =
                    match recover(session, reporter, &fault, bundles, pause, &mut stopping).await {
                        Some(started) => started.map(|()| true),
                        None => return,
                    };
            }
        }
        // Once a second the world asks the adapter for a report.
        if session.reported_at() != reported {
            reported = session.reported_at();
            reporter.post(session);
        }
    }
    if let Err(fault) = session.stop() {
        bundles.save(&session.flight_report(&fault));
        tracing::warn!(
            session = session.name(),
            "the adapter stopped at its end: {fault}"
        );
    }
}

/// Starts the adapter again after the pause; `None` when it is to stay down.
async fn recover(
    session: &mut Session<LiveWorld>,
    reporter: &mut Reporter,
    fault: &Fault,
    bundles: &Bundles,
    pause: Option<Duration>,
    stopping: &mut watch::Receiver<bool>,
) -> Option<Result<(), Fault>> {
    session.world_mut().abandon();
    bundles.save(&session.flight_report(fault));
    let Some(pause) = pause else {
        tracing::error!(
            session = session.name(),
            "the adapter was stopped too often and stays down: {fault}"
        );
        reporter.enter(State::Failed, session);
        let _ = stopping.wait_for(|stop| *stop).await;
        return None;
    };
    tracing::error!(
        session = session.name(),
        "the adapter was stopped and starts again in {} s: {fault}",
        pause.as_secs()
    );
    reporter.enter(State::Restarting, session);
    tokio::select! {
        _ = stopping.wait_for(|stop| *stop) => return None,
        () = tokio::time::sleep(pause) => {}
    }
    let started = session.restart();
    reporter.restarted();
    if started.is_ok() {
        reporter.enter(State::Running, session);
    }
    Some(started)
}
