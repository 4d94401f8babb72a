//! A life beside the one at work: it is live and silent until its turn has come. Then it takes over from where the other
//! one left off.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep;

use super::baton::Taker;
use super::call::{Call, Last, Line, NoAnswer};
use super::life::Life;
use crate::sandbox::Fault;
use crate::sandbox::contract::{BookState, StreamState};
use crate::session::{Readiness, Session};
use crate::status::{InstrumentStatus, Operation, Stage};
use crate::world::LiveWorld;

/// How often it looks whether it is live.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// It counts as live after it was for so long: a message that left the exchange before it subscribed has reached the
/// other one by then.
const SETTLED_AFTER: Duration = Duration::from_millis(300);

/// How long books that lag behind the other one's are waited for while nobody publishes.
const LEVEL_LIMIT: Duration = Duration::from_millis(250);

/// How long to wait after the other one could not be silent.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What a life that stands by is given.
pub(super) struct Standby {
    /// The operation that it is part of.
    pub(super) operation: u64,
    /// The life at work.
    pub(super) line: Line,
    /// How long it may take to be live, and to take over once it may.
    pub(super) live_within: Duration,
    /// How long a shadow run compares.
    pub(super) compared_for: Duration,
    /// Turns true when it may take over.
    pub(super) go: watch::Receiver<bool>,
    /// To be set at the moment from which it publishes.
    pub(super) has_turn: Arc<AtomicBool>,
}

/// Why a life that stood by ends.
#[derive(Debug)]
pub(super) enum Away {
    /// It was told to.
    Stopped,
    /// It may not take over, or cannot.
    Refused(String),
    /// Its adapter was stopped.
    Faulted(Fault),
}

impl From<Fault> for Away {
    fn from(fault: Fault) -> Self {
        Self::Faulted(fault)
    }
}

impl Life {
    /// Stands by until the session publishes. The answer is what came of its first messages.
    pub(super) async fn stand_by(
        &mut self,
        session: &mut Session<LiveWorld>,
        mut standby: Standby,
    ) -> Result<Result<(), Fault>, Away> {
        let mut began = Instant::now();
        session.stand_by();
        session.start()?;
        self.become_live(session, &standby).await?;
        if !*standby.go.borrow_and_update() {
            self.be_compared(session, &mut standby).await?;
            began = Instant::now();
            // That was long ago.
            self.become_live(session, &standby).await?;
        }
        let deadline = Instant::now() + standby.live_within;
        self.join(session, &standby, deadline).await?;
        self.note(&standby, |it| it.stage = Stage::HandingOver);
        let (taker, last) = self.take_from(session, &standby, deadline).await?;
        let level_by = Instant::now() + LEVEL_LIMIT;
        while !session.is_level_with(&last.reach) && Instant::now() < level_by {
            self.beside(session, sleep(Duration::from_millis(1)))
                .await?;
        }
        session.promote()?;
        if taker.is_some_and(|taker| !taker.take()) {
            return refused("the version at work was silent for too long and went on");
        }
        standby.has_turn.store(true, Ordering::Release);
        session.world_mut().promoted();
        let released = session.release(last.reach);
        let (took, pause) = (began.elapsed(), last.at.elapsed());
        self.note(&standby, |it| {
            it.stage = Stage::Probation;
            it.took = Some(took);
            it.pause = Some(pause);
        });
        tracing::info!(
            "took over after {:.3} s; nobody published for {:.1} ms",
            took.as_secs_f64(),
            pause.as_secs_f64() * 1e3
        );
        Ok(released)
    }

    /// Waits until every stream is acknowledged or heard and every book synced.
    async fn become_live(
        &mut self,
        session: &mut Session<LiveWorld>,
        standby: &Standby,
    ) -> Result<(), Away> {
        let began = Instant::now();
        let mut live_since = None;
        loop {
            self.beside(session, sleep(LOOK_EVERY)).await?;
            let is_patient = began.elapsed() < standby.live_within / 2;
            let expected = self.expected();
            let readiness = session.readiness(&expected, is_patient);
            let Some(readiness) = readiness else {
                continue;
            };
            self.note(standby, |it| {
                it.stage = Stage::Syncing;
                it.books = readiness.books;
                it.streams = readiness.streams;
            });
            let is_reached = session.world().is_bus_connected() != Some(false);
            if !readiness.is_complete() || !is_reached {
                live_since = None;
            } else if live_since.get_or_insert_with(Instant::now).elapsed() >= SETTLED_AFTER {
                return Ok(());
            }
            if began.elapsed() >= standby.live_within {
                return refused(&not_live(readiness, is_reached, standby.live_within));
            }
        }
    }

    /// What the version at work collects, and whether it is well there.
    fn expected(&self) -> BTreeMap<String, bool> {
        let status = self.neighbours.board.session(&self.plan.name);
        let status = status.filter(|status| status.state.is_at_work());
        let instruments = status.iter().flat_map(|status| &status.instruments);
        instruments.filter_map(is_well).collect()
    }

    /// Waits until what is held goes on where the publications of the version at work end.
    async fn join(
        &mut self,
        session: &mut Session<LiveWorld>,
        standby: &Standby,
        deadline: Instant,
    ) -> Result<(), Away> {
        loop {
            match self.beside(session, standby.line.reach()).await? {
                Err(NoAnswer::Gone) => return Ok(()),
                Ok(reach) => match session.joins(&reach) {
                    Ok(true) => return Ok(()),
                    Ok(false) => {}
                    Err(error) => return refused(&error.to_string()),
                },
                Err(NoAnswer::Late) => {}
            }
            if Instant::now() >= deadline {
                return refused(
                    "its trades do not go on where those of the version at work end, or that one does not answer",
                );
            }
            self.beside(session, sleep(LOOK_EVERY)).await?;
        }
    }

    /// Has the version at work be silent. Without a taker there is none any more.
    async fn take_from(
        &mut self,
        session: &mut Session<LiveWorld>,
        standby: &Standby,
        deadline: Instant,
    ) -> Result<(Option<Taker>, Last), Away> {
        loop {
            let why = match self.beside(session, standby.line.hand_over()).await? {
                Ok((taker, Ok(last))) => return Ok((Some(taker), last)),
                Ok((_, Err(why))) => why,
                Err(NoAnswer::Gone) => return Ok((None, Last::nowhere())),
                Err(NoAnswer::Late) => "the version at work does not answer".to_owned(),
            };
            if Instant::now() >= deadline {
                return refused(&format!("the version at work could not hand over: {why}"));
            }
            tracing::warn!("the version at work could not hand over: {why}; trying again");
            self.note(standby, |it| it.why = Some(why));
            self.beside(session, sleep(AGAIN_AFTER)).await?;
        }
    }

    /// Goes on with the session until `work` is done.
    pub(super) async fn beside<T>(
        &mut self,
        session: &mut Session<LiveWorld>,
        work: impl Future<Output = T>,
    ) -> Result<T, Away> {
        let mut work = std::pin::pin!(work);
        loop {
            self.pulse.beat();
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                Some(call) = self.calls.recv() => {
                    // Nobody else asks who is not at work.
                    if let Call::Follow(plan) = call {
                        session.follow(*plan)?;
                    }
                }
                stepped = session.step() => {
                    if !stepped? {
                        return Err(Away::Stopped);
                    }
                }
            }
        }
    }

    pub(super) fn note(&self, standby: &Standby, change: impl FnOnce(&mut Operation)) {
        let operations = self.neighbours.board.operations();
        operations.update(standby.operation, change);
    }
}

pub(super) fn refused<T>(why: &str) -> Result<T, Away> {
    Err(Away::Refused(why.to_owned()))
}

fn not_live(readiness: Readiness, is_reached: bool, within: Duration) -> String {
    let Readiness { books, streams } = readiness;
    let nats = if is_reached {
        ""
    } else {
        ", NATS is not connected"
    };
    format!(
        "not live within {} s: {} of {} books synced, {} of {} streams acknowledged{nats}",
        within.as_secs(),
        books.ready,
        books.of,
        streams.ready,
        streams.of
    )
}

/// An instrument that is collected, and whether nothing of it is missing.
fn is_well(instrument: &InstrumentStatus) -> Option<(String, bool)> {
    let report = instrument.report.as_ref()?;
    if report.problem.is_some() {
        return None;
    }
    let is_synced = report.book_state.is_none_or(|it| it == BookState::Synced);
    let mut streams = report.streams.iter();
    let is_well = is_synced && streams.all(|it| it.state != StreamState::Asked);
    Some((instrument.names.exchange_symbol.clone(), is_well))
}
