//! The command `run`: the daemon. One thread for each session, with a runtime, sockets and a bus connection of its
//! own; a fault stops one adapter and starts it again, and the others never notice.

mod restart;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::watch;

use crate::bus::{self, Outbox};
use crate::config::Proxy;
use crate::rest::{self, Budgets};
use crate::sandbox::Fault;
use crate::session::{Plan, Session, World};
use crate::world::{LiveParts, LiveWorld};
use crate::ws;
use restart::Restarts;

/// Messages that wait for the bus, per session.
const OUTBOX_MESSAGES_MAX: usize = 20_000;

/// Bytes that wait for the bus, per session.
const OUTBOX_BYTES_MAX: usize = 64 << 20;

/// How long the sessions may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(8);

/// How long closing sockets are waited for.
const CLOSE_LIMIT: Duration = Duration::from_millis(1_300);

/// A request budget for host names of which the adapter says nothing.
const REQUEST_WEIGHT_PER_MINUTE: u32 = 1_200;

/// What all sessions share.
#[derive(Clone)]
pub struct Neighbours {
    /// The NATS server; none when nothing is to be published.
    pub bus: Option<bus::Settings>,
    /// The proxy to the exchanges.
    pub proxy: Option<Proxy>,
}

/// Runs every plan until `stopped` ends, then ends the sessions: connections closed, what is queued published.
pub async fn run(
    plans: Vec<Plan>,
    neighbours: &Neighbours,
    stopped: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let budgets = Budgets::new(rest::Limit::per_minute(REQUEST_WEIGHT_PER_MINUTE));
    let mut threads = Vec::new();
    for plan in plans {
        let weight = plan.adapter.description().request_weight_per_minute;
        for grant in plan
            .grants
            .iter()
            .filter(|grant| grant.scheme.starts_with("http"))
        {
            budgets.set_limit(&grant.host, rest::Limit::per_minute(weight));
        }
        let name = plan.name.clone();
        let (neighbours, budgets, stopping) =
            (neighbours.clone(), budgets.clone(), stopping.clone());
        let thread = std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || live(plan, &neighbours, &budgets, &stopping))
            .with_context(|| format!("{name}: no thread for the session"))?;
        threads.push((name, thread));
    }
    stopped.await;
    tracing::info!("stopping {} sessions", threads.len());
    let _ = stop.send(true);
    join(threads).await
}

async fn join(threads: Vec<(String, JoinHandle<anyhow::Result<()>>)>) -> anyhow::Result<()> {
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
    Ok(())
}

/// One session from its start to its end, on the current thread.
fn live(
    plan: Plan,
    neighbours: &Neighbours,
    budgets: &Budgets,
    stopping: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
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
            budgets.clone(),
        )?;
        let sockets = dialer.clone();
        let world = LiveWorld::new(LiveParts {
            dialer,
            client,
            bus: neighbours.bus.clone(),
            outbox: Outbox::new(OUTBOX_MESSAGES_MAX, OUTBOX_BYTES_MAX),
            seed,
            stop: stopping.clone(),
        });
        let mut session = Session::new(plan, world)?;
        tend(&mut session, stopping.clone()).await;
        let left = session.world_mut().drain().await;
        if left > 0 {
            tracing::error!(
                session = session.name(),
                "{left} messages could not be published"
            );
        }
        let closed = async {
            while sockets.counts().tcp_open > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_LIMIT, closed).await;
        Ok(())
    });
    // A name lookup that hangs must not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// Starts the adapter and steps it until it is told to end; starts it again after a fault.
async fn tend(session: &mut Session<LiveWorld>, mut stopping: watch::Receiver<bool>) {
    let mut restarts = Restarts::default();
    let mut stepped = session.start().map(|()| true);
    tracing::info!(session = session.name(), "started");
    loop {
        match stepped {
            Ok(true) => stepped = session.step().await,
            Ok(false) => break,
            Err(fault) => match recover(session, &fault, &mut restarts, &mut stopping).await {
                Some(started) => stepped = started.map(|()| true),
                None => return,
            },
        }
    }
    if let Err(fault) = session.stop() {
        tracing::warn!(
            session = session.name(),
            "the adapter stopped at its end: {fault}"
        );
    }
}

/// Waits as the restart policy says and starts the adapter again; `None` when it is to stay down.
async fn recover(
    session: &mut Session<LiveWorld>,
    fault: &Fault,
    restarts: &mut Restarts,
    stopping: &mut watch::Receiver<bool>,
) -> Option<Result<(), Fault>> {
    session.world_mut().abandon();
    let Some(pause) = restarts.pause(Instant::now()) else {
        tracing::error!(
            session = session.name(),
            "the adapter was stopped too often and stays down: {fault}"
        );
        let _ = stopping.wait_for(|stop| *stop).await;
        return None;
    };
    tracing::error!(
        session = session.name(),
        "the adapter was stopped and starts again in {} s: {fault}",
        pause.as_secs()
    );
    tokio::select! {
        _ = stopping.wait_for(|stop| *stop) => return None,
        () = tokio::time::sleep(pause) => {}
    }
    Some(session.restart())
}
