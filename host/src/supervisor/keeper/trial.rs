//! The probation of a version: a fault brings the version before it back, and without one it becomes the last good one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Keeper, fresh, lock};
use crate::sandbox::Adapter;
use crate::session::Plan;
use crate::status::{OperationKind, Stage};
use crate::supervisor::command::CommandError;
use crate::supervisor::replacements::{Replacements, short};

/// The version at work has to prove itself.
pub(super) struct Trial {
    /// The operation that let it in; none when the daemon began with it.
    operation: Option<u64>,
    /// What comes back should it fault; none when there is nothing better.
    fallback: Option<Fallback>,
    /// When its first life began, and how many faults there had been.
    began: Option<(Instant, u64)>,
}

/// A version that can come back.
pub(super) enum Fallback {
    /// It ran before.
    Loaded(Arc<Adapter>),
    /// It ran before the daemon was started.
    Kept(String),
}

impl Fallback {
    fn sha256(&self) -> &str {
        match self {
            Self::Loaded(adapter) => adapter.sha256(),
            Self::Kept(hash) => hash,
        }
    }
}

impl Trial {
    /// Of a version whose life has not begun.
    pub(super) const fn new(operation: Option<u64>, fallback: Option<Fallback>) -> Self {
        Self {
            operation,
            fallback,
            began: None,
        }
    }

    /// Of the version that the daemon begins with, unless it has proved itself.
    pub(super) fn at_start(plan: &Plan, means: &Replacements) -> Option<Self> {
        let good = means.adopted().good(&plan.name);
        let is_good = good.as_deref() == Some(plan.adapter.sha256());
        (!is_good).then(|| Self::new(None, good.map(Fallback::Kept)))
    }
}

impl Keeper {
    /// A life of the version at work begins. The answer is for how long a fault is to end it.
    pub(super) fn begin_trial(&mut self) -> Option<Duration> {
        let faults = self.faults();
        let probation = self.neighbours.replacements.probation;
        let trial = self.trial.as_mut()?;
        let (began, _) = trial.began.get_or_insert((Instant::now(), faults));
        let left = probation.saturating_sub(began.elapsed());
        trial.fallback.is_some().then_some(left)
    }

    /// The version of this operation has taken over.
    pub(super) fn begin_trial_of(&mut self, operation: u64, fallback: Option<Fallback>) {
        self.end_trial_early();
        self.trial = Some(Trial {
            began: Some((Instant::now(), self.faults())),
            ..Trial::new(Some(operation), fallback)
        });
    }

    /// Another version takes the place of the one on probation.
    pub(super) fn end_trial_early(&mut self) {
        let operation = self.trial.take().and_then(|trial| trial.operation);
        if let Some(operation) = operation {
            self.note(operation, |it| {
                it.stage = Stage::Done;
                it.why = Some("another version followed before its probation was over".to_owned());
            });
        }
    }

    /// Whether there is a version that can come back.
    pub(super) fn has_fallback(&self) -> bool {
        let trial = self.trial.as_ref();
        trial.is_some_and(|trial| trial.fallback.is_some())
    }

    /// Ends the probation when its time is over: the version is the last good one from now on.
    pub(super) fn look_at_trial(&mut self, at: Instant) {
        if self.now.is_none() {
            return;
        }
        let (faults, probation) = (self.faults(), self.neighbours.replacements.probation);
        let Some((began, faults_then)) = self.trial.as_mut().and_then(|it| it.began.as_mut())
        else {
            return;
        };
        if *faults_then != faults {
            // Without another version it goes on, and has to prove itself anew.
            (*began, *faults_then) = (at, faults);
        }
        if at.duration_since(*began) < probation {
            return;
        }
        let adopted = &self.neighbours.replacements.adopted();
        adopted.adopt(&self.plan.name, self.plan.adapter.sha256());
        let operation = self.trial.take().and_then(|trial| trial.operation);
        if let Some(operation) = operation {
            tracing::info!(
                session = self.plan.name,
                "version {} has come through its probation",
                short(self.plan.adapter.sha256())
            );
            self.note(operation, |it| it.stage = Stage::Done);
        }
    }

    /// The version on probation has failed: the one before it comes back.
    pub(super) fn roll_back(&mut self, why: &str, at: Instant) {
        let Some(trial) = self.trial.take() else {
            self.begin_again(why, at);
            return;
        };
        let (name, means) = (self.plan.name.clone(), &self.neighbours.replacements);
        means.adopted().fault(&name, self.plan.adapter.sha256());
        let back = match trial.fallback {
            Some(Fallback::Loaded(adapter)) => Ok(adapter),
            Some(Fallback::Kept(hash)) => means.load_kept(&self.plan, &hash).map(Arc::new),
            None => Err("there is no other".to_owned()),
        };
        let failed = short(self.plan.adapter.sha256()).to_owned();
        match back {
            Ok(adapter) => {
                tracing::error!(
                    session = name,
                    "version {failed} failed in its probation, version {} comes back: {why}",
                    short(adapter.sha256())
                );
                self.plan.adapter = adapter;
                self.restarts = fresh(&self.neighbours);
                self.begins_at = Some(at);
            }
            Err(missing) => {
                tracing::error!(
                    session = name,
                    "version {failed} failed in its probation, and no other can come back: {missing}"
                );
                self.begin_again(why, at);
            }
        }
        let operation = trial
            .operation
            .unwrap_or_else(|| self.begin_operation(OperationKind::Rollback, "a fault"));
        self.note(operation, |it| {
            it.stage = Stage::RolledBack;
            it.why = Some(why.to_owned());
        });
    }

    /// The version that a rollback leads to.
    pub(super) fn last_good(&self) -> Result<String, CommandError> {
        let fallback = self.trial.as_ref().and_then(|it| it.fallback.as_ref());
        let before = fallback.map(|it| it.sha256().to_owned());
        let adopted = &self.neighbours.replacements.adopted();
        let before = before.or_else(|| adopted.previous(&self.plan.name));
        before.ok_or_else(|| {
            let why = "no other version of it has run here";
            CommandError::Failed(why.to_owned())
        })
    }

    /// Faults of the session's adapters so far.
    fn faults(&self) -> u64 {
        lock(&self.history).faults.values().sum()
    }
}
