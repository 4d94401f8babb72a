//! Shadow runs, as the keeper sees them: somebody decides, or time does.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Keeper;
use super::replacing::{Replacing, Standing, Step};
use crate::status::{OperationKind, Stage};
use crate::supervisor::command::{CommandError, Decision};

/// A candidate that does nothing for so long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(20);

/// A candidate about which is to be decided.
pub(super) struct Shadowing {
    /// For how long it is compared.
    length: Duration,
    /// When it is dropped unless somebody has decided; none before it is live.
    ends: Option<Instant>,
    /// It is to take over.
    is_promoted: bool,
}

impl Shadowing {
    /// One that is not live.
    pub(super) const fn new(length: Duration) -> Self {
        Self {
            length,
            ends: None,
            is_promoted: false,
        }
    }
}

impl Keeper {
    /// Decides what becomes of the candidate, if the operation of that number is this session's.
    pub(in crate::supervisor) fn decide(
        &mut self,
        operation: u64,
        decision: Decision,
    ) -> Option<Result<(), CommandError>> {
        let replacing = self
            .replacing
            .as_mut()
            .filter(|it| it.operation == operation)?;
        let Step::Standing(standing) = &mut replacing.step else {
            return None;
        };
        let is_on_its_way = *standing.go.borrow();
        let shadow = standing.shadow.as_mut()?;
        match decision {
            Decision::Promote if is_on_its_way => {}
            Decision::Promote => {
                shadow.is_promoted = true;
                self.note(operation, |it| {
                    it.stage = Stage::Waiting;
                    it.why = Some("promoted; it waits for its turn".to_owned());
                });
            }
            Decision::Drop if is_on_its_way => {
                let why = "it was promoted and is taking over".to_owned();
                return Some(Err(CommandError::Failed(why)));
            }
            Decision::Drop => self.end_shadow("dropped"),
        }
        Some(Ok(()))
    }

    /// Looks after the candidate of a shadow run, if it is one. The answer is why it is dropped.
    pub(super) fn look_at_shadow(
        &self,
        operation: u64,
        standing: &mut Standing,
        at: Instant,
    ) -> Option<String> {
        let means = &self.neighbours.replacements;
        let shadow = standing.shadow.as_mut()?;
        if shadow.is_promoted {
            if !*standing.go.borrow() {
                let turn = standing.turn.take();
                standing.turn = turn.or_else(|| means.turn.clone().try_acquire_owned().ok());
                if standing.turn.is_some() {
                    standing.hangs_at = at + self.hangs_after();
                    let _ = standing.go.send(true);
                } else {
                    standing.hangs_at = standing.living.pulse.last() + HANGS_AFTER;
                }
            }
            return None;
        }
        let stage = self.neighbours.board.operations().stage(operation);
        if !matches!(stage, Some(Stage::Comparing | Stage::Deciding)) {
            return None;
        }
        // Its connections stand: others may be swapped meanwhile.
        standing.turn = None;
        standing.hangs_at = standing.living.pulse.last() + HANGS_AFTER;
        if self.now.is_none() {
            return Some("the version at work ended".to_owned());
        }
        let limit = means.decision_within;
        let ends = *shadow.ends.get_or_insert(at + shadow.length + limit);
        (at >= ends).then(|| format!("dropped: nobody decided within {} s", limit.as_secs()))
    }

    /// The version at work has ended while another one stands by: that one takes over instead of a new life, unless it
    /// is only compared.
    pub(super) fn leave_to_candidate(&mut self) {
        let Some(Step::Standing(standing)) = self.replacing.as_ref().map(|it| &it.step) else {
            return;
        };
        if standing.shadow.as_ref().is_none_or(|it| it.is_promoted) {
            self.begins_at = None;
        } else {
            self.end_shadow("the version at work ended");
        }
    }

    fn end_shadow(&mut self, why: &str) {
        match self.replacing.take() {
            Some(Replacing {
                operation,
                kind: OperationKind::Shadow,
                step: Step::Standing(standing),
                ..
            }) if !standing.has_turn.load(Ordering::Acquire) => {
                self.see_out_shadow(operation, *standing, why);
            }
            other => self.replacing = other,
        }
    }

    /// Ends a candidate that is not to take over.
    pub(super) fn see_out_shadow(&mut self, operation: u64, standing: Standing, why: &str) {
        tracing::info!(session = self.plan.name, "the shadow run has ended: {why}");
        self.go_on_without();
        self.note(operation, |it| {
            it.stage = Stage::Done;
            it.why = Some(why.to_owned());
        });
        self.see_out(standing);
    }
}
