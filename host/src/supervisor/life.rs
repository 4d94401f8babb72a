//! One life of a session, on its own thread: from connecting to NATS to its last message. A fault of the adapter ends
//! an instance, not the life.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::baton::Giver;
use super::call::{Call, Last};
use super::pulse::Pulse;
use super::replacements::short;
use super::reporter::Reporter;
use super::restart::Restarts;
use super::standby::{Away, Standby};
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

/// How long whoever takes over may let a silent session wait before that goes on.
const HAND_OVER_LIMIT: Duration = Duration::from_secs(1);

/// How a life ended in good order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was told to end.
    Asked,
    /// Its adapter was stopped too often.
    Failed,
    /// Another one took over.
    Relieved,
    /// It never took over, and this is why.
    Refused(String),
    /// Its adapter was stopped by this fault in its probation.
    Faulted(String),
}

/// What a life is given.
pub(super) struct Life {
    pub(super) plan: Plan,
    pub(super) neighbours: Neighbours,
    pub(super) reporter: Reporter,
    /// The faults of earlier lives count too.
    pub(super) restarts: Arc<Mutex<Restarts>>,
    /// What others ask of it.
    pub(super) calls: mpsc::Receiver<Call>,
    /// It stands by until its turn has come.
    pub(super) standby: Option<Standby>,
    /// For so long a fault of its adapter ends it.
    pub(super) probation: Option<Duration>,
    /// Turns true when the life is to end.
    pub(super) stop: watch::Receiver<bool>,
    pub(super) fence: Fence,
    /// Tells the keeper that a life that stands by goes on.
    pub(super) pulse: Pulse,
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
            let ending = self.run(&mut session).await;
            self.reporter.enter(State::Stopping, &session);
            self.end(&mut session).await;
            let last = match ending {
                Ending::Failed => State::Failed,
                _ => State::Stopped,
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
            recorder: recording.map(|recording| recording.session(&self.recorded_as())),
            seed,
            stop: self.stop.clone(),
            fence: self.fence.clone(),
            standby: self.standby.is_some(),
        }))
    }

    /// The name under which it is recorded: beside the one at work in files of its own.
    fn recorded_as(&self) -> String {
        let name = &self.plan.name;
        match self.standby {
            Some(_) => format!("{name}-{}", short(self.plan.adapter.sha256())),
            None => name.clone(),
        }
    }

    /// Stands by, if it is to, and tends the session.
    async fn run(&mut self, session: &mut Session<LiveWorld>) -> Ending {
        let started = match self.standby.take() {
            None => {
                self.reporter.enter(State::Starting, session);
                session.start()
            }
            Some(standby) => match self.stand_by(session, standby).await {
                Ok(released) => {
                    self.reporter.speak();
                    released
                }
                Err(Away::Stopped) => {
                    self.farewell(session).await;
                    return Ending::Asked;
                }
                Err(Away::Refused(why)) => {
                    self.farewell(session).await;
                    return Ending::Refused(why);
                }
                Err(Away::Faulted(fault)) => {
                    self.keep_bundle(session, &fault).await;
                    return Ending::Faulted(fault.to_string());
                }
            },
        };
        self.tend(session, started).await
    }

    /// Steps the adapter until the life is to end; starts it again after a fault.
    async fn tend(
        &mut self,
        session: &mut Session<LiveWorld>,
        started: Result<(), Fault>,
    ) -> Ending {
        let began = Instant::now();
        let mut stepped = started.map(|()| true);
        if stepped.is_ok() {
            self.reporter.enter(State::Running, session);
        }
        let mut reported = session.reported_at();
        loop {
            match stepped {
                Ok(true) => {
                    stepped = tokio::select! {
                        biased;
                        Some(call) = self.calls.recv() => match self.answer(session, call).await {
                            Ok(followed) => followed.map(|()| true),
                            Err(ending) => return ending,
                        },
                        stepped = session.step() => stepped,
                    }
                }
                Ok(false) => {
                    self.farewell(session).await;
                    return Ending::Asked;
                }
                Err(fault) => {
                    if self.probation.is_some_and(|time| began.elapsed() < time) {
                        self.reporter.fault(&fault);
                        self.keep_bundle(session, &fault).await;
                        return Ending::Faulted(fault.to_string());
                    }
                    match self.recover(session, &fault).await {
                        Ok(started) => stepped = started.map(|()| true),
                        Err(ending) => return ending,
                    }
                }
            }
            // Once a second the world asks the adapter for a report.
            if session.reported_at() != reported {
                reported = session.reported_at();
                self.reporter.post(session);
            }
        }
    }

    /// Does what it is asked; the life may end by it.
    async fn answer(
        &mut self,
        session: &mut Session<LiveWorld>,
        call: Call,
    ) -> Result<Result<(), Fault>, Ending> {
        match call {
            Call::Follow(plan) => return Ok(session.follow(*plan)),
            Call::Reach(answer) => {
                // Whoever asked may be gone.
                let _ = answer.send(session.reach());
            }
            Call::Show(tap, answer) => {
                session.begin_tap(tap);
                let _ = answer.send(());
            }
            Call::HandOver(giver, answer) => {
                let last = silence(session).await;
                let is_silent = last.is_ok();
                let _ = answer.send(last);
                if is_silent && self.is_relieved(giver).await {
                    self.farewell(session).await;
                    return Err(Ending::Relieved);
                }
            }
        }
        Ok(Ok(()))
    }

    /// Whether another one publishes from now on. Until that is certain nothing happens here.
    async fn is_relieved(&self, giver: Giver) -> bool {
        let is_taken = giver.given(HAND_OVER_LIMIT).await;
        if is_taken {
            self.fence.put_up();
        } else {
            tracing::warn!("nobody took over in time; going on");
        }
        is_taken
    }

    /// Tells the adapter that it ends.
    async fn farewell(&mut self, session: &mut Session<LiveWorld>) {
        if let Err(fault) = session.stop() {
            self.reporter.fault(&fault);
            self.keep_bundle(session, &fault).await;
            tracing::warn!("the adapter stopped at its end: {fault}");
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
            self.rest(session, pause).await?;
        }
        let began = Instant::now();
        let started = session.restart();
        if started.is_ok() {
            self.reporter.recovered(cleared + began.elapsed());
            self.reporter.enter(State::Running, session);
        }
        Ok(started)
    }

    /// Lets the pause before a restart go by. Others may take over meanwhile.
    async fn rest(
        &mut self,
        session: &mut Session<LiveWorld>,
        pause: Duration,
    ) -> Result<(), Ending> {
        let mut over = std::pin::pin!(tokio::time::sleep(pause));
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return Err(Ending::Asked),
                () = &mut over => return Ok(()),
                Some(call) = self.calls.recv() => match call {
                    // The next instance begins with it.
                    Call::Follow(plan) => session.replan(*plan),
                    call => {
                        self.answer(session, call).await?.ok();
                    }
                },
            }
        }
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

/// Has everything that the session published confirmed, and tells how far that is.
async fn silence(session: &mut Session<LiveWorld>) -> Result<Last, String> {
    let at = Instant::now();
    let settled = session.world_mut().settle(HAND_OVER_LIMIT).await;
    settled.map_err(str::to_owned)?;
    let reach = session.reach();
    Ok(Last { reach, at })
}
