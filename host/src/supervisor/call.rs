//! What a session at work is asked by others, between two of its events.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::baton::{Giver, Taker, baton};
use crate::session::{Plan, Reach, Tap};

/// Calls that wait for a session.
const CALLS_MAX: usize = 32;

/// How long an answer may take before whoever asked goes on without.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// What a session is asked.
pub(super) enum Call {
    /// Go on by this plan.
    Follow(Box<Plan>),
    /// How far have you come?
    Reach(oneshot::Sender<Reach>),
    /// Publish what is queued, be silent, and tell how far you came; go on if the baton is not taken.
    HandOver(Giver, oneshot::Sender<Result<Last, String>>),
    /// Show what you publish.
    Show(Box<dyn Tap>, oneshot::Sender<()>),
}

/// Where a session left off that is silent.
pub(super) struct Last {
    pub(super) reach: Reach,
    /// When it published for the last time.
    pub(super) at: Instant,
}

impl Last {
    /// That of nobody.
    pub(super) fn nowhere() -> Self {
        Self {
            reach: Reach::default(),
            at: Instant::now(),
        }
    }
}

/// The way to a session at work. It ends where that session's life ends.
#[derive(Clone)]
pub(super) struct Line(mpsc::Sender<Call>);

/// Nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// That life has ended.
    Gone,
    /// Not in time.
    Late,
}

impl Line {
    pub(super) fn new() -> (Self, mpsc::Receiver<Call>) {
        let (calls, received) = mpsc::channel(CALLS_MAX);
        (Self(calls), received)
    }

    /// Lets it go on by another plan. A life that does not take it hangs, and the next one begins with it.
    pub(super) fn follow(&self, plan: Plan) {
        let _ = self.0.try_send(Call::Follow(Box::new(plan)));
    }

    /// How far it has come.
    pub(super) async fn reach(&self) -> Result<Reach, NoAnswer> {
        self.ask(Call::Reach).await
    }

    /// Asks it to be silent and to tell how far it came. Whoever asked publishes only after taking the baton; if that is
    /// not to be, it is dropped, and the other goes on.
    pub(super) async fn hand_over(&self) -> Result<(Taker, Result<Last, String>), NoAnswer> {
        let (giver, taker) = baton();
        let last = self.ask(|answer| Call::HandOver(giver, answer)).await?;
        Ok((taker, last))
    }

    /// Has it show what it publishes from now on.
    pub(super) async fn show(&self, tap: Box<dyn Tap>) -> Result<(), NoAnswer> {
        self.ask(|answer| Call::Show(tap, answer)).await
    }

    async fn ask<T>(&self, call: impl FnOnce(oneshot::Sender<T>) -> Call) -> Result<T, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.0
                .send(call(answer))
                .await
                .map_err(|_| NoAnswer::Gone)?;
            answered.await.map_err(|_| NoAnswer::Gone)
        };
        let answered = tokio::time::timeout(ANSWER_LIMIT, asked).await;
        answered.unwrap_or(Err(NoAnswer::Late))
    }
}
