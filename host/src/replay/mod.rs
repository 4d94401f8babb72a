//! Recordings through the session and the adapters that run live: one recording through one adapter, through two
//! versions in step, or the bundle of a fault.

mod diff;
mod rerun;
mod summary;
mod words;

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;

use crate::bus::Bus;
use crate::record::Capture;
use crate::sandbox::Fault;
use crate::session::{Plan, Session};
use crate::status::SessionStatus;
use crate::view::View;
use crate::world::{Pace, ReplayWorld};
pub use diff::Diff;
pub use rerun::Rerun;

/// Faults after which a replay gives up: the same input will go on to give the same fault.
const FAULTS_MAX: u64 = 100;

/// Events handled before other work of the thread gets its turn.
const EVENTS_IN_A_ROW: u32 = 64;

/// What a replay writes to its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Show {
    /// One JSON object per published message.
    Messages,
    /// Once a second plain lines for people, and a summary.
    Lines,
    /// Nothing.
    Nothing,
}

/// What to replay, and what to do with what comes out.
pub struct Replay {
    /// The session.
    pub plan: Plan,
    /// The files of the recording, in their order.
    pub captures: Vec<PathBuf>,
    /// How fast.
    pub pace: Pace,
    /// What to write.
    pub show: Show,
    /// Where to publish as well.
    pub bus: Option<Bus>,
}

impl Replay {
    /// Plays the recording to its end or until `stopped` ends, writes to `output` what is to be shown, and answers
    /// with the summary.
    pub async fn run(
        self,
        output: Box<dyn Write>,
        stopped: impl Future<Output = ()>,
    ) -> anyhow::Result<Value> {
        let capture = Capture::open_all(&self.captures)?;
        let (messages, lines): (Box<dyn Write>, Box<dyn Write>) = match self.show {
            Show::Messages => (output, Box::new(std::io::sink())),
            Show::Lines => (Box::new(std::io::sink()), output),
            Show::Nothing => (Box::new(std::io::sink()), Box::new(std::io::sink())),
        };
        let mut view = (self.show == Show::Lines).then(|| View::new(lines));
        let world = ReplayWorld::new(capture, self.pace, messages, self.bus)?;
        let began = Instant::now();
        let mut session = Session::new(self.plan.clone(), world)?;
        session
            .start()
            .context("the adapter stopped at its start")?;
        let outcome = play(&mut session, view.as_mut(), began, stopped).await;
        // What was published before a failure is still sent.
        let finished = session.world_mut().finish().await;
        let elapsed = began.elapsed();
        outcome.and(finished)?;
        if let Err(fault) = session.report(summary::LEVELS) {
            tracing::error!("the adapter stopped when asked for a report: {fault}");
        }
        let summary = summary::summary(&self.plan, &session, elapsed);
        if let Some(view) = &mut view {
            view.write(&words::summary(&summary))?;
        }
        if let Err(fault) = session.stop() {
            tracing::error!("the adapter stopped at its end: {fault}");
        }
        Ok(summary)
    }
}

/// Steps the session until the recording or the patience ends.
async fn play(
    session: &mut Session<ReplayWorld>,
    mut view: Option<&mut View>,
    began: Instant,
    stopped: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let mut stopped = std::pin::pin!(stopped);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    second.tick().await;
    let mut in_a_row = 0;
    loop {
        let stepped = tokio::select! {
            biased;
            () = &mut stopped => return Ok(()),
            _ = second.tick(), if view.is_some() => session.report(1).map(|()| {
                if let Some(view) = &mut view {
                    view.show(&SessionStatus::of(session), began.elapsed().as_secs_f64());
                }
                true
            }),
            stepped = session.step() => stepped,
        };
        match stepped {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(fault) => recover(session, &fault)?,
        }
        in_a_row += 1;
        if in_a_row == EVENTS_IN_A_ROW {
            in_a_row = 0;
            tokio::task::yield_now().await;
        }
    }
}

fn recover(session: &mut Session<ReplayWorld>, fault: &Fault) -> anyhow::Result<()> {
    tracing::error!(session = session.name(), "the adapter was stopped: {fault}");
    let faults = session.tally().faults + 1;
    anyhow::ensure!(
        faults < FAULTS_MAX,
        "gave up after {faults} faults, the last one: {fault}"
    );
    session
        .restart()
        .context("the adapter stopped at its start")
}
