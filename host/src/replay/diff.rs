//! One recording through two versions of an adapter, in step, and what they publish compared.

use std::path::PathBuf;

use super::recover;
use crate::compare::{Comparison, Figures, Report, Settings, Side};
use crate::record::Capture;
use crate::session::{Plan, Session};
use crate::world::ReplayWorld;

/// What to replay, through which two versions.
pub struct Diff {
    /// The session with the version that is there.
    pub old: Plan,
    /// The session with the one that shall replace it.
    pub new: Plan,
    /// The files of the recording, in their order.
    pub captures: Vec<PathBuf>,
    /// How they are compared.
    pub settings: Settings,
}

impl Diff {
    /// Plays the recording to its end through both. The report is the same every time.
    ///
    /// # Errors
    /// When the recording cannot be read ([`crate::record::CaptureError`]) or an adapter not be instantiated; what an adapter does
    /// after that is in the report.
    pub async fn run(self) -> anyhow::Result<Report> {
        let mut comparison = Comparison::new(self.settings);
        let mut old = Run::new(Side::Old, self.old, &self.captures)?;
        let mut new = Run::new(Side::New, self.new, &self.captures)?;
        old.start(&mut comparison);
        new.start(&mut comparison);
        // Whoever is behind goes on: so never more waits than what one line of the recording brings.
        loop {
            let next = match (old.is_over, new.is_over) {
                (true, true) => break,
                (false, true) => &mut old,
                (true, false) => &mut new,
                (false, false) if old.place() <= new.place() => &mut old,
                (false, false) => &mut new,
            };
            next.step(&mut comparison).await;
        }
        let old = old.end(&mut comparison).await?;
        let new = new.end(&mut comparison).await?;
        comparison.finish();
        Ok(comparison.report(old, new))
    }
}

/// One version on its way through the recording.
struct Run {
    side: Side,
    session: Session<ReplayWorld>,
    is_over: bool,
    given_up: Option<String>,
}

impl Run {
    fn new(side: Side, plan: Plan, captures: &[PathBuf]) -> anyhow::Result<Self> {
        let capture = Capture::open_all(captures)?;
        let world = ReplayWorld::keeping(capture)?;
        Ok(Self {
            side,
            session: Session::new(plan, world)?,
            is_over: false,
            given_up: None,
        })
    }

    fn start(&mut self, comparison: &mut Comparison) {
        if let Err(fault) = self.session.start() {
            self.give_up(format!("the adapter stopped at its start: {fault}"));
        }
        self.hand_over(comparison);
    }

    async fn step(&mut self, comparison: &mut Comparison) {
        match self.session.step().await {
            Ok(true) => {}
            Ok(false) => self.is_over = true,
            Err(fault) => {
                if let Err(error) = recover(&mut self.session, &fault) {
                    self.give_up(format!("{error:#}"));
                }
            }
        }
        self.hand_over(comparison);
    }

    /// Tells the adapter that it ends, and how it did.
    async fn end(mut self, comparison: &mut Comparison) -> anyhow::Result<Figures> {
        self.session.world_mut().finish().await?;
        if self.given_up.is_none()
            && let Err(fault) = self.session.stop()
        {
            self.give_up(format!("the adapter stopped at its end: {fault}"));
        }
        self.hand_over(comparison);
        Ok(self.figures())
    }

    fn give_up(&mut self, reason: String) {
        tracing::error!(session = self.session.name(), "given up: {reason}");
        self.is_over = true;
        self.given_up = Some(reason);
    }

    fn hand_over(&mut self, comparison: &mut Comparison) {
        for message in self.session.world_mut().take_published() {
            comparison.add(self.side, &message);
        }
    }

    fn place(&self) -> (u64, u64) {
        self.session.world().place()
    }

    fn figures(self) -> Figures {
        let adapter = &self.session.plan().adapter;
        let description = adapter.description();
        let tally = self.session.tally();
        Figures {
            name: description.name.clone(),
            version: description.version.clone(),
            sha256: adapter.sha256().to_owned(),
            frames: tally.frames,
            ignored_frames: tally.ignored_frames,
            refused_frames: tally.refused_frames,
            refused_answers: tally.refused_answers,
            unwritten: tally.unwritten,
            faults: tally.faults,
            events: tally.events,
            fuel: tally.fuel,
            frame_fuel: tally.frame_fuel,
            latency: None,
            given_up: self.given_up,
        }
    }
}
