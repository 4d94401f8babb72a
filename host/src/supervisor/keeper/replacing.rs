//! One version of a session's adapter follows another while it runs: loaded, started beside it, and let in its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::shadowing::Shadowing;
use super::trial::{Fallback, Trial};
use super::{Ending, Keeper, Living, fresh};
use crate::sandbox::Adapter;
use crate::session::Plan;
use crate::status::{Operation, OperationKind, Stage, State, Version};
use crate::supervisor::command::{Candidate, CommandError, Wanted};
use crate::supervisor::replacements::short;
use crate::supervisor::standby::Standby;
use crate::wire::iso_time;

/// A version that stands by and is not done by then hangs: longer than it may take.
const HANGS_AFTER: Duration = Duration::from_secs(20);

/// How long its turn may not come: longer than any exchange counts attempts to connect.
const WAIT_LIMIT: Duration = Duration::from_secs(900);

/// An attempt to connect that waits longer than this would cost the new version too much of its time.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Another version on its way.
pub(super) struct Replacing {
    pub(super) operation: u64,
    pub(super) kind: OperationKind,
    /// For how long a shadow run compares.
    pub(super) compared_for: Duration,
    began: Instant,
    pub(super) step: Step,
}

pub(super) enum Step {
    /// It is checked and compiled.
    Loading(JoinHandle<Result<Adapter, String>>),
    /// Its turn has not come.
    Waiting(Arc<Adapter>),
    /// It runs beside the one at work.
    Standing(Box<Standing>),
}

/// A version that runs beside the one at work.
pub(super) struct Standing {
    plan: Plan,
    pub(super) living: Living,
    /// It publishes.
    pub(super) has_turn: Arc<AtomicBool>,
    /// Turned to true, it may take over.
    pub(super) go: watch::Sender<bool>,
    /// It is a shadow run's.
    pub(super) shadow: Option<Shadowing>,
    pub(super) hangs_at: Instant,
    /// Held until it publishes or is gone; not while it is only compared.
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

impl Replacing {
    /// Whether a thread of it is at work.
    pub(super) const fn has_thread(&self) -> bool {
        matches!(self.step, Step::Standing(_))
    }
}

impl Keeper {
    /// Begins to replace the adapter while it runs; the answer is the number of the operation.
    pub(in crate::supervisor) fn replace(&mut self, wanted: Wanted) -> Result<u64, CommandError> {
        let mut compared_for = Duration::ZERO;
        let (kind, source, bytes) = match wanted {
            Wanted::Swap(it) => (OperationKind::Swap, it.source, Ok(it.bytes)),
            Wanted::Shadow(it, length) => {
                compared_for = length;
                (OperationKind::Shadow, it.source, Ok(it.bytes))
            }
            Wanted::Rollback => {
                let hash = self.last_good()?;
                let source = format!("version {}", short(&hash));
                (OperationKind::Rollback, source, Err(hash))
            }
        };
        if self.is_loading() {
            let why = "another version is being loaded: ask again in a moment";
            return Err(CommandError::Failed(why.to_owned()));
        }
        self.end_replacing("another version was asked for");
        let (means, plan) = (self.neighbours.replacements.clone(), self.plan.clone());
        let name = source.clone();
        let loading = std::thread::Builder::new()
            .name(self.plan.name.clone())
            .spawn(move || match bytes {
                Ok(bytes) => means.load(&plan, &bytes, &name),
                Err(hash) => means.load_kept(&plan, &hash),
            })
            .map_err(|error| CommandError::Failed(format!("no thread to load it: {error}")))?;
        let operation = self.begin_operation(kind, &source);
        self.note(operation, |it| it.stage = Stage::Loading);
        self.replacing = Some(Replacing {
            operation,
            kind,
            compared_for,
            began: Instant::now(),
            step: Step::Loading(loading),
        });
        Ok(operation)
    }

    /// Another version lies in the adapters folder. One that faulted is not tried again by itself.
    pub(in crate::supervisor) fn offer(&mut self, candidate: Candidate, sha256: &str) {
        self.plan.folder_sha256 = Some(sha256.to_owned());
        let (name, adopted) = (
            self.plan.name.as_str(),
            &self.neighbours.replacements.adopted(),
        );
        if sha256 == self.plan.adapter.sha256() {
            self.remember_folder();
        } else if adopted.is_bad(name, sha256) {
            tracing::warn!(
                session = name,
                "{} is a version that faulted ({}); it is not tried again by itself: \
                 `marketprism adapter swap {name} FILE` does",
                candidate.source,
                short(sha256)
            );
        } else {
            // Before it is loaded: it may be what ends the daemon.
            self.remember_folder();
            self.next = Some(candidate);
        }
    }

    /// Another version was loaded with the configuration.
    pub(super) fn replace_by(&mut self, adapter: Arc<Adapter>) {
        if adapter.sha256() == self.plan.adapter.sha256() {
            self.remember_folder();
            return;
        }
        self.end_replacing("another version was configured");
        self.remember_folder();
        let operation = self.begin_operation(OperationKind::Swap, "the configuration");
        self.replacing = Some(Replacing {
            operation,
            kind: OperationKind::Swap,
            compared_for: Duration::ZERO,
            began: Instant::now(),
            step: Step::Waiting(adapter),
        });
    }

    /// The version that is on its way follows the configuration too.
    pub(super) fn replacing_follows(&mut self) {
        if let Some(Step::Standing(standing)) = self.replacing.as_mut().map(|it| &mut it.step) {
            standing.plan = Plan {
                adapter: standing.plan.adapter.clone(),
                ..self.plan.clone()
            };
            standing.living.line.follow(standing.plan.clone());
        }
    }

    /// Gives up the version that is on its way, unless it publishes already.
    pub(super) fn end_replacing(&mut self, why: &str) {
        let Some(replacing) = self.replacing.take() else {
            return;
        };
        let Replacing {
            operation,
            kind,
            step,
            ..
        } = replacing;
        match step {
            Step::Standing(standing) if standing.has_turn.load(Ordering::Acquire) => {
                self.has_taken_over(operation, kind, *standing);
            }
            Step::Standing(standing) => {
                self.see_out(*standing);
                self.refuse(operation, why);
            }
            Step::Loading(_) | Step::Waiting(_) => self.refuse(operation, why),
        }
    }

    /// Whether a version that stood by publishes.
    pub(super) fn is_relieved(&self) -> bool {
        match self.replacing.as_ref().map(|it| &it.step) {
            Some(Step::Standing(standing)) => standing.has_turn.load(Ordering::Acquire),
            _ => false,
        }
    }

    /// Looks how far the version that is on its way has come.
    pub(super) fn look_at_replacing(&mut self, at: Instant) {
        self.try_next();
        let Some(replacing) = self.replacing.take() else {
            return;
        };
        let Replacing {
            operation,
            kind,
            compared_for,
            began,
            step,
        } = replacing;
        let step = match step {
            Step::Loading(thread) if thread.is_finished() => {
                let loaded = thread.join();
                let loaded = loaded.unwrap_or_else(|_| Err("loading it panicked".to_owned()));
                self.has_loaded(operation, loaded)
            }
            Step::Waiting(adapter) if at.duration_since(began) < WAIT_LIMIT => {
                self.try_to_begin(operation, kind, compared_for, adapter)
            }
            Step::Waiting(_) => {
                self.refuse(operation, "its turn did not come");
                None
            }
            Step::Standing(standing) => self.look_at_standing(operation, kind, standing, at),
            loading @ Step::Loading(_) => Some(loading),
        };
        if let Some(step) = step {
            self.replacing = Some(Replacing {
                operation,
                kind,
                compared_for,
                began,
                step,
            });
        }
    }

    fn is_loading(&self) -> bool {
        let step = self.replacing.as_ref().map(|it| &it.step);
        matches!(step, Some(Step::Loading(_)))
    }

    /// Begins with what is to be tried next, unless something is being loaded.
    fn try_next(&mut self) {
        if self.is_loading() {
            return;
        }
        if let Some(candidate) = self.next.take()
            && let Err(error) = self.replace(Wanted::Swap(candidate))
        {
            tracing::error!(session = self.plan.name, "{error}");
        }
    }

    fn has_loaded(&mut self, operation: u64, loaded: Result<Adapter, String>) -> Option<Step> {
        self.remember_folder();
        let adapter = match loaded {
            Ok(adapter) => adapter,
            Err(why) => {
                self.refuse(operation, &why);
                return None;
            }
        };
        let to = version(&adapter);
        self.note(operation, |it| {
            it.to = Some(to);
            it.stage = Stage::Waiting;
        });
        if adapter.sha256() == self.plan.adapter.sha256() {
            self.refuse(operation, "it is the version that runs already");
            return None;
        }
        Some(Step::Waiting(Arc::new(adapter)))
    }

    /// Starts the version beside the one at work, if there is one, as soon as no other swap is under way.
    fn try_to_begin(
        &mut self,
        operation: u64,
        kind: OperationKind,
        compared_for: Duration,
        adapter: Arc<Adapter>,
    ) -> Option<Step> {
        let at_work = match self.state() {
            State::Starting => return Some(Step::Waiting(adapter)),
            state => state.is_at_work(),
        };
        let line = self
            .now
            .as_ref()
            .filter(|now| at_work && now.ends_by.is_none());
        let Some(line) = line.map(|now| now.line.clone()) else {
            self.replace_at_rest(operation, kind, adapter);
            return None;
        };
        let turn = self.neighbours.replacements.turn.clone();
        let turn = match (turn.try_acquire_owned(), self.lacks_room()) {
            (Ok(turn), None) => turn,
            (_, why) => {
                let why = why.unwrap_or_else(|| "another session's swap is under way".to_owned());
                self.note(operation, |it| it.why = Some(why));
                return Some(Step::Waiting(adapter));
            }
        };
        self.note(operation, |it| {
            it.stage = Stage::Starting;
            it.why = None;
        });
        let is_shadow = kind == OperationKind::Shadow;
        let (go, may_go) = watch::channel(!is_shadow);
        let has_turn = Arc::new(AtomicBool::new(false));
        let plan = Plan {
            adapter,
            ..self.plan.clone()
        };
        self.neighbours.limit(&plan);
        let standby = Standby {
            operation,
            line,
            live_within: self.neighbours.replacements.live_within,
            compared_for,
            go: may_go,
            has_turn: has_turn.clone(),
        };
        let restarts = fresh(&self.neighbours);
        let probation = Some(self.neighbours.replacements.probation);
        match self.living(plan.clone(), restarts, Some(standby), probation) {
            Ok(living) => Some(Step::Standing(Box::new(Standing {
                plan,
                living,
                has_turn,
                go,
                shadow: is_shadow.then(|| Shadowing::new(compared_for)),
                hangs_at: Instant::now() + self.hangs_after(),
                turn: Some(turn),
            }))),
            Err(error) => {
                self.refuse(operation, &format!("there is no thread for it: {error}"));
                None
            }
        }
    }

    /// Why the exchange would not let as many connections again be opened now.
    fn lacks_room(&self) -> Option<String> {
        let status = self.neighbours.board.session(&self.plan.name);
        let connections = status.map_or(0, |status| status.connections_wanted);
        let connections = u32::try_from(connections).unwrap_or(u32::MAX);
        let sockets = self.plan.grants.iter();
        let mut hosts = sockets.filter(|grant| grant.scheme.starts_with("ws"));
        hosts.find_map(|grant| {
            let room = self.neighbours.attempts.room(&grant.host, connections);
            if !room.fits {
                let host = &grant.host;
                let why = format!(
                    "{host} allows no {connections} connections beside those that are open"
                );
                return Some(why);
            }
            (room.after > CONNECT_WAIT).then(|| {
                let seconds = room.after.as_secs();
                format!(
                    "{} allows no more attempts to connect for {seconds} s",
                    grant.host
                )
            })
        })
    }

    /// Nobody is at work: the next life is of the new version.
    fn replace_at_rest(&mut self, operation: u64, kind: OperationKind, adapter: Arc<Adapter>) {
        if kind == OperationKind::Shadow {
            self.refuse(
                operation,
                "the session is not at work, so there is nothing to compare with",
            );
            return;
        }
        let before = std::mem::replace(&mut self.plan.adapter, adapter);
        self.end_trial_early();
        self.trial = Some(Trial::new(Some(operation), Some(Fallback::Loaded(before))));
        let is_stopped = self.state() == State::Stopped && self.begins_at.is_none();
        self.note(operation, |it| {
            it.stage = Stage::Probation;
            if is_stopped {
                it.why =
                    Some("the session is stopped; this version runs once it is started".to_owned());
            }
        });
        if !is_stopped {
            self.ask_to_end();
            self.start(None);
        }
    }

    fn look_at_standing(
        &mut self,
        operation: u64,
        kind: OperationKind,
        mut standing: Box<Standing>,
        at: Instant,
    ) -> Option<Step> {
        if standing.has_turn.load(Ordering::Acquire) {
            self.has_taken_over(operation, kind, *standing);
            return None;
        }
        if standing.living.thread.is_finished() {
            let why = match standing.living.thread.join() {
                Ok(Ok(Ending::Refused(why))) => why,
                Ok(Ok(Ending::Faulted(why))) => {
                    let adopted = &self.neighbours.replacements.adopted();
                    adopted.fault(&self.plan.name, standing.plan.adapter.sha256());
                    format!("it was stopped: {why}")
                }
                Ok(Ok(_)) => "it ended".to_owned(),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "its thread panicked".to_owned(),
            };
            self.refuse(operation, &why);
            return None;
        }
        if let Some(why) = self.look_at_shadow(operation, &mut standing, at) {
            self.see_out_shadow(operation, *standing, &why);
            return None;
        }
        if at >= standing.hangs_at {
            self.refuse(operation, "it hangs and is given up");
            self.abandon(standing.living);
            return None;
        }
        Some(Step::Standing(standing))
    }

    /// The new version publishes; the old one is silent and ends by itself.
    fn has_taken_over(&mut self, operation: u64, kind: OperationKind, standing: Standing) {
        let Standing { plan, living, .. } = standing;
        self.restarts = living.restarts.clone();
        if let Some(mut old) = self.now.replace(living) {
            old.ends_by.get_or_insert(Instant::now() + super::END_LIMIT);
            self.leaving.push(old);
        }
        self.begins_at = None;
        let before = std::mem::replace(&mut self.plan, plan);
        let fallback =
            (kind != OperationKind::Rollback).then_some(Fallback::Loaded(before.adapter));
        self.begin_trial_of(operation, fallback);
        let ends = iso_time(SystemTime::now() + self.neighbours.replacements.probation);
        self.note(operation, |it| it.why = Some(format!("until {ends}")));
    }

    /// Ends a version that stands by.
    pub(super) fn see_out(&mut self, standing: Standing) {
        let Standing { mut living, .. } = standing;
        living.ask_to_end();
        self.leaving.push(living);
    }

    /// What lies in the folder now is judged: a daemon that is killed in the middle begins with the last good version.
    fn remember_folder(&self) {
        let adopted = &self.neighbours.replacements.adopted();
        let folder = self.plan.folder_sha256.as_deref();
        let running = self.plan.adapter.sha256();
        if let Err(error) = adopted.on_trial(&self.plan.name, folder, running) {
            tracing::warn!(
                session = self.plan.name,
                "a daemon that is killed now may begin with another version: {error}"
            );
        }
    }

    pub(super) fn hangs_after(&self) -> Duration {
        2 * self.neighbours.replacements.live_within + HANGS_AFTER
    }

    pub(super) fn begin_operation(&self, kind: OperationKind, source: &str) -> u64 {
        let operations = self.neighbours.board.operations();
        let from = Some(version(&self.plan.adapter));
        operations.begin(kind, &self.plan.name, source, from)
    }

    pub(super) fn note(&self, operation: u64, change: impl FnOnce(&mut Operation)) {
        let operations = self.neighbours.board.operations();
        operations.update(operation, change);
    }

    fn refuse(&mut self, operation: u64, why: &str) {
        tracing::warn!(
            session = self.plan.name,
            "another version was refused: {why}"
        );
        self.go_on_without();
        self.note(operation, |it| {
            it.stage = Stage::Refused;
            it.why = Some(why.to_owned());
        });
    }

    /// A version that stood by does not take over: should it have been the one to, the one at work begins again.
    pub(super) fn go_on_without(&mut self) {
        if self.now.is_none() && self.state() == State::Restarting {
            self.begins_at.get_or_insert_with(Instant::now);
        }
    }
}

/// The version that an adapter is.
fn version(adapter: &Adapter) -> Version {
    Version {
        version: adapter.description().version.clone(),
        sha256: adapter.sha256().to_owned(),
    }
}
