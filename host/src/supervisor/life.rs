//! One life of a session, on its own thread: from connecting to NATS to its last message. A fault of the adapter ends
//! an instance, not the life.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::reporter::Reporter;
use super::restart::Restarts;
use super::supervise::Neighbours;
use crate::bus::Outbox;
use crate::rest;
use crate::sandbox::Fault;
use crate::session::{Plan, Session};
use crate::status::State;
use crate::world::{Fence, LiveParts, LiveWorld};
use crate::ws;

/// Messages that wait for the bus, per session.
const OUTBOX_MESSAGES_MAX: usize = 20_000;

/// Bytes that wait for the bus, per session.
const OUTBOX_BYTES_MAX: usize = 64 << 20;

/// How long closing sockets are waited for.
const CLOSE_LIMIT: Duration = Duration::from_millis(1_300);

/// How a life ended in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was told to end.
    Asked,
    /// Its adapter was stopped too often.
    Failed,
}

/// What a life is given.
pub(super) struct Life {
    pub(super) plan: Plan,
    pub(super) neighbours: Neighbours,
    pub(super) reporter: Reporter,
    /// The faults of earlier lives count too.
    pub(super) restarts: Arc<Mutex<Restarts>>,
    /// Plans to go on by.
    pub(super) plans: mpsc::Receiver<Plan>,
    /// Turns true when the life is to end.
    pub(super) stop: watch::Receiver<bool>,
    pub(super) fence: Fence,
    /// The bundle that is being written.
    pub(super) saving: Option<JoinHandle<()>>,
}

impl Life {
    /// Lives it, on the current thread.
    ///
    /// # Errors
    /// When the session cannot be set up.
    pub(super) fn live(mut self) -> anyhow::Result<Ending> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let ending = runtime.block_on(async {
            let world = self.world()?;
            let mut session = Session::new(self.plan.clone(), world)?;
            self.reporter.enter(State::Starting, &session);
            let ending = self.tend(&mut session).await;
            self.reporter.enter(State::Stopping, &session);
            self.end(&mut session).await;
            let last = match ending {
                Ending::Asked => State::Stopped,
                Ending::Failed => State::Failed,
            };
            self.reporter.enter(last, &session);
            Ok(ending)
        });
        // A name lookup that hangs must not hold up the end.
        runtime.shutdown_background();
        ending
    }

    fn world(&self) -> anyhow::Result<LiveWorld> {
        let (plan, neighbours) = (&self.plan, &self.neighbours);
        let seed = RandomState::new().build_hasher().finish();
        let proxy = neighbours.proxy.as_ref().map(|proxy| &proxy.address);
        let dialer = ws::Dialer::new(
            ws::Settings {
                message_bytes_max: plan.limits.frame_bytes_max,
                seed,
                proxy: proxy.and_then(ws::Proxy::of),
                ..ws::Settings::default()
            },
            neighbours.attempts.clone(),
        )?;
        let venue = plan.adapter.venue(&plan.venue);
        let client = rest::Client::new(
            rest::Settings {
                body_bytes_max: plan.limits.frame_bytes_max,
                requests_max: plan.limits.requests_in_flight_max,
                used_weight_header: venue.and_then(|venue| venue.used_weight_header.clone()),
                proxy: proxy.and_then(rest::Proxy::of),
                ..rest::Settings::default()
            },
            neighbours.budgets.clone(),
        )?;
        let recording = neighbours.recording.as_ref();
        Ok(LiveWorld::new(LiveParts {
            dialer,
            client,
            bus: neighbours.bus.clone(),
            deposit: neighbours
                .trunk
                .as_ref()
                .map(|trunk| trunk.deposit(&plan.name)),
            venue: plan.venue.as_str().into(),
            outbox: Outbox::new(OUTBOX_MESSAGES_MAX, OUTBOX_BYTES_MAX),
            recorder: recording.map(|recording| recording.session(&plan.name)),
            seed,
            stop: self.stop.clone(),
            fence: self.fence.clone(),
        }))
    }

    /// Starts the adapter and steps it until the life is to end; starts it again after a fault.
    async fn tend(&mut self, session: &mut Session<LiveWorld>) -> Ending {
        let mut stepped = session.start().map(|()| true);
        if stepped.is_ok() {
            self.reporter.enter(State::Running, session);
        }
        let mut reported = session.reported_at();
        loop {
            match stepped {
                Ok(true) => {
                    stepped = tokio::select! {
                        biased;
                        Some(plan) = self.plans.recv() => session.follow(plan).map(|()| true),
                        stepped = session.step() => stepped,
                    }
                }
                Ok(false) => {
                    if let Err(fault) = session.stop() {
                        self.reporter.fault(&fault);
                        self.keep_bundle(session, &fault).await;
                        tracing::warn!("the adapter stopped at its end: {fault}");
                    }
                    return Ending::Asked;
                }
                Err(fault) => match self.recover(session, &fault).await {
                    Ok(started) => stepped = started.map(|()| true),
                    Err(ending) => return ending,
                },
            }
            // Once a second the world asks the adapter for a report.
            if session.reported_at() != reported {
                reported = session.reported_at();
                self.reporter.post(session);
            }
        }
    }

    /// Starts the adapter again, once the restart policy lets it; or tells how the life ends.
    async fn recover(
        &mut self,
        session: &mut Session<LiveWorld>,
        fault: &Fault,
    ) -> Result<Result<(), Fault>, Ending> {
        let begun = Instant::now();
        self.reporter.fault(fault);
        session.abandon();
        self.keep_bundle(session, fault).await;
        let pause = self
            .restarts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pause(begun, fault.kind);
        let Some(pause) = pause else {
            tracing::error!("the adapter was stopped too often and stays down: {fault}");
            return Err(Ending::Failed);
        };
        tracing::error!(
            "the adapter was stopped and starts again in {} s: {fault}",
            pause.as_secs()
        );
        let cleared = begun.elapsed();
        if !pause.is_zero() {
            self.reporter.enter(State::Restarting, session);
            tokio::select! {
                _ = self.stop.wait_for(|stop| *stop) => return Err(Ending::Asked),
                () = tokio::time::sleep(pause) => {}
            }
        }
        let began = Instant::now();
        let started = session.restart();
        if started.is_ok() {
            self.reporter.recovered(cleared + began.elapsed());
            self.reporter.enter(State::Running, session);
        }
        Ok(started)
    }

    /// Writes down what led to the fault, without holding the session up: one bundle at a time.
    async fn keep_bundle(&mut self, session: &mut Session<LiveWorld>, fault: &Fault) {
        let Some(bundles) = self.neighbours.bundles.clone() else {
            return;
        };
        self.bundle_kept().await;
        let report = session.flight_report(fault);
        let saving = move || {
            bundles.save(&report);
        };
        self.saving = Some(tokio::task::spawn_blocking(saving));
    }

    /// Waits until no bundle is being written.
    async fn bundle_kept(&mut self) {
        if let Some(saving) = self.saving.take() {
            let _ = saving.await;
        }
    }

    /// Publishes what is queued and sees the sockets closed.
    async fn end(&mut self, session: &mut Session<LiveWorld>) {
        let left = session.world_mut().drain().await;
        if left > 0 {
            tracing::error!("{left} messages could not be published");
        }
        session.abandon();
        let closed = async {
            while session.world().sockets().tcp_open > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_LIMIT, closed).await;
        self.bundle_kept().await;
    }
}
