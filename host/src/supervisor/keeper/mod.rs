//! Who keeps one session: begins its lives, ends them, joins what has died, gives up what hangs, and lets one version of
//! its adapter follow another.

mod replacing;
mod shadowing;
mod trial;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use super::call::Line;
use super::command::{Answer, Candidate};
use super::life::{Ending, Life};
use super::plans::{Difference, difference};
use super::pulse::Pulse;
use super::reporter::{Reporter, SharedHistory, lock};
use super::restart::Restarts;
use super::standby::Standby;
use super::supervise::Neighbours;
use crate::sandbox::FaultKind;
use crate::session::Plan;
use crate::status::{SessionStatus, State};
use crate::world::Fence;
use replacing::Replacing;
use trial::Trial;

/// A life that tells nothing for this long hangs: it tells how it stands once a second.
const HANGS_AFTER: Duration = Duration::from_secs(20);

/// How long a life may take to end.
const END_LIMIT: Duration = Duration::from_secs(8);

/// Threads that hang are kept in mind up to this number.
const ABANDONED_MAX: usize = 64;

/// Keeps one session.
pub(super) struct Keeper {
    plan: Plan,
    neighbours: Neighbours,
    history: SharedHistory,
    restarts: Arc<Mutex<Restarts>>,
    now: Option<Living>,
    /// Lives that another one took over from, or that were not wanted.
    leaving: Vec<Living>,
    /// Another version that is about to take over.
    replacing: Option<Replacing>,
    /// A version that is to be tried after that.
    next: Option<Candidate>,
    /// The version at work is in its probation.
    trial: Option<Trial>,
    /// What hung and may still hang.
    abandoned: Vec<JoinHandle<anyhow::Result<Ending>>>,
    /// When the next life is to begin.
    begins_at: Option<Instant>,
    answers: Vec<Answer<State>>,
    /// It is configured no more.
    is_retired: bool,
}

/// A life and its thread.
struct Living {
    thread: JoinHandle<anyhow::Result<Ending>>,
    began: Instant,
    stop: watch::Sender<bool>,
    line: Line,
    pulse: Pulse,
    fence: Fence,
    restarts: Arc<Mutex<Restarts>>,
    ends_by: Option<Instant>,
}

impl Living {
    fn ask_to_end(&mut self) {
        let _ = self.stop.send(true);
        self.ends_by.get_or_insert(Instant::now() + END_LIMIT);
    }
}

impl Keeper {
    pub(super) fn new(plan: Plan, neighbours: Neighbours) -> Self {
        let trial = Trial::at_start(&plan, &neighbours.replacements);
        let keeper = Self {
            plan,
            history: SharedHistory::default(),
            restarts: fresh(&neighbours),
            neighbours,
            now: None,
            leaving: Vec::new(),
            replacing: None,
            next: None,
            trial,
            abandoned: Vec::new(),
            begins_at: None,
            answers: Vec::new(),
            is_retired: false,
        };
        keeper.post(State::Stopped);
        keeper
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether the session is configured no more, and has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.is_retired && self.is_down()
    }

    /// Whether no thread of the session is at work.
    pub(super) fn is_down(&self) -> bool {
        let has_candidate = self.replacing.as_ref().is_some_and(Replacing::has_thread);
        self.now.is_none() && self.leaving.is_empty() && !has_candidate
    }

    /// Begins a life as soon as none is there, and forgets old faults. `answer` is told what came of it.
    pub(super) fn start(&mut self, answer: Option<Answer<State>>) {
        let is_ending = self.now.as_ref().is_some_and(|now| now.ends_by.is_some());
        if self.now.is_none() || is_ending {
            self.restarts = fresh(&self.neighbours);
            self.begins_at = Some(Instant::now());
        }
        self.answers.extend(answer);
        self.look(Instant::now());
    }

    /// Ends the present life. `answer` is told when it has ended.
    pub(super) fn stop(&mut self, answer: Option<Answer<State>>) {
        self.next = None;
        self.end_replacing("the session was stopped");
        self.begins_at = None;
        if self.now.is_none() {
            self.post(State::Stopped);
        }
        self.ask_to_end();
        self.answers.extend(answer);
        self.look(Instant::now());
    }

    /// Ends the present life: the session is configured no more.
    pub(super) fn retire(&mut self) {
        self.is_retired = true;
        self.stop(None);
    }

    /// Ends the present life and begins another. `answer` is told when it has begun.
    pub(super) fn restart(&mut self, answer: Option<Answer<State>>) {
        self.end_replacing("the session was started again");
        self.ask_to_end();
        self.start(answer);
    }

    /// Goes on by another plan, in the way that disturbs least.
    pub(super) fn follow(&mut self, mut plan: Plan) {
        let wanted = plan.adapter.clone();
        let is_other_file =
            plan.file != self.plan.file || plan.folder_sha256 != self.plan.folder_sha256;
        plan.adapter = self.plan.adapter.clone();
        let difference = difference(&self.plan, &plan);
        let was_enabled = self.plan.enabled && !self.is_retired;
        self.is_retired = false;
        self.plan = plan;
        let name = self.plan.name.as_str();
        match (difference, &self.now) {
            (Difference::Followed, Some(now)) => {
                tracing::info!(session = name, "goes on with other symbols or limits");
                now.line.follow(self.plan.clone());
                self.replacing_follows();
            }
            (Difference::Restart, Some(_)) => {
                tracing::info!(session = name, "begins again with another configuration");
                if is_other_file {
                    self.plan.adapter = wanted;
                }
                self.restart(None);
                return;
            }
            (_, None) => self.post(self.state()),
            (Difference::None, Some(_)) => {}
        }
        // What was swapped in stays until the folder or the configuration has another file.
        if is_other_file {
            self.replace_by(wanted);
        }
        match (was_enabled, self.plan.enabled) {
            (false, true) => self.start(None),
            (true, false) => self.stop(None),
            _ => {}
        }
    }

    /// The state as it was last told.
    pub(super) fn state(&self) -> State {
        let board = &self.neighbours.board;
        board
            .session(&self.plan.name)
            .map_or(State::Stopped, |status| status.state)
    }

    fn ask_to_end(&mut self) {
        if let Some(now) = &mut self.now {
            now.ask_to_end();
        }
    }

    /// Looks after the session: to be called often.
    pub(super) fn look(&mut self, at: Instant) {
        self.abandoned.retain(|thread| !thread.is_finished());
        self.look_at_replacing(at);
        self.look_at_leaving(at);
        if let Some(now) = self.now.take_if(|now| now.thread.is_finished()) {
            self.has_ended(now, at);
        }
        let hangs = self.now.take_if(|now| match now.ends_by {
            Some(ends_by) => at >= ends_by,
            None => is_silent(&self.neighbours, &self.plan.name, now.began),
        });
        if let Some(now) = hangs {
            self.give_up(now, at);
        }
        if self.now.is_none() && self.begins_at.is_some_and(|begins_at| begins_at <= at) {
            self.begins_at = None;
            self.begin();
        }
        self.look_at_trial(at);
        self.answer();
    }

    fn begin(&mut self) {
        self.post(State::Starting);
        let probation = self.begin_trial();
        match self.living(self.plan.clone(), self.restarts.clone(), None, probation) {
            Ok(living) => self.now = Some(living),
            Err(error) => self.died(
                &format!("there is no thread for it: {error}"),
                Instant::now(),
            ),
        }
    }

    /// A life on a thread of its own.
    fn living(
        &self,
        plan: Plan,
        restarts: Arc<Mutex<Restarts>>,
        standby: Option<Standby>,
        probation: Option<Duration>,
    ) -> std::io::Result<Living> {
        let (stop, stopping) = watch::channel(false);
        let (line, calls) = Line::new();
        let (fence, pulse) = (Fence::default(), Pulse::new());
        let board = self.neighbours.board.clone();
        let reporter = Reporter::new(board, self.history.clone(), fence.clone());
        let life = Life {
            neighbours: self.neighbours.clone(),
            reporter: match standby {
                Some(_) => reporter.silent(),
                None => reporter,
            },
            plan,
            restarts: restarts.clone(),
            calls,
            standby,
            probation,
            stop: stopping,
            fence: fence.clone(),
            pulse: pulse.clone(),
            saving: None,
        };
        let thread = std::thread::Builder::new()
            .name(self.plan.name.clone())
            .spawn(move || life.live())?;
        Ok(Living {
            thread,
            began: Instant::now(),
            stop,
            line,
            pulse,
            fence,
            restarts,
            ends_by: None,
        })
    }

    /// A life's thread has ended.
    fn has_ended(&mut self, now: Living, at: Instant) {
        let was_asked = now.ends_by.is_some();
        match now.thread.join() {
            Ok(Ok(Ending::Failed)) if !was_asked => {}
            // Whoever took over tells of itself; it may have been told to end at the same moment.
            Ok(Ok(Ending::Relieved)) => {
                if !was_asked && !self.is_relieved() {
                    self.begins_at = Some(at);
                }
            }
            Ok(Ok(Ending::Faulted(why))) if !was_asked => self.roll_back(&why, at),
            Ok(Ok(_)) => self.post(State::Stopped),
            Ok(Err(error)) => self.died(&format!("{error:#}"), at),
            Err(_) => self.died("its thread panicked", at),
        }
    }

    /// A life has ended that should not have.
    fn died(&mut self, why: &str, at: Instant) {
        {
            let mut history = lock(&self.history);
            history.deaths += 1;
            history.last_fault = Some((SystemTime::now(), why.to_owned()));
        }
        self.begin_again(why, at);
    }

    /// A life hangs: whatever it does from now on goes nowhere. A thread cannot be killed.
    fn give_up(&mut self, now: Living, at: Instant) {
        let was_asked = now.ends_by.is_some();
        self.abandon(now);
        if was_asked {
            tracing::error!(
                session = self.plan.name,
                "did not end in time and is given up"
            );
            self.post(State::Stopped);
        } else {
            self.begin_again("it hangs and is given up", at);
        }
    }

    /// Lets a life go that does not end.
    fn abandon(&mut self, living: Living) {
        living.fence.put_up();
        let _ = living.stop.send(true);
        lock(&self.history).hangs += 1;
        if self.abandoned.len() < ABANDONED_MAX {
            self.abandoned.push(living.thread);
        }
    }

    /// Sees those out that are not wanted any more.
    fn look_at_leaving(&mut self, at: Instant) {
        let is_due = |living: &Living| living.ends_by.is_some_and(|ends_by| at >= ends_by);
        for living in std::mem::take(&mut self.leaving) {
            if living.thread.is_finished() {
                // How it ended concerns nobody: it does not publish any more.
                let _ = living.thread.join();
            } else if is_due(&living) {
                tracing::error!(
                    session = self.plan.name,
                    "an earlier version did not end in time and is given up"
                );
                self.abandon(living);
            } else {
                self.leaving.push(living);
            }
        }
    }

    fn begin_again(&mut self, why: &str, at: Instant) {
        if self.has_fallback() {
            self.roll_back(why, at);
            return;
        }
        let pause = self
            .restarts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pause(at, FaultKind::Trap);
        let session = self.plan.name.as_str();
        match pause {
            Some(pause) => {
                tracing::error!(session, "{why}; begins again in {} s", pause.as_secs());
                self.post(State::Restarting);
                self.begins_at = Some(at + pause);
                // A version that stands by takes over instead; should it not, this one begins.
                self.leave_to_candidate();
            }
            None => {
                tracing::error!(session, "{why}; that is too often, it stays down");
                self.post(State::Failed);
            }
        }
    }

    /// Tells the board of a session that no thread tells of.
    fn post(&self, state: State) {
        let board = &self.neighbours.board;
        let last = board.session(&self.plan.name);
        let planned = SessionStatus::planned(&self.plan);
        let mut history = lock(&self.history);
        if last.is_some_and(|last| last.state != state) {
            *history.entered.entry(state).or_default() += 1;
            tracing::info!(session = self.plan.name, "{}", state.name());
        }
        board.post(SessionStatus {
            state,
            history: history.clone(),
            ..planned
        });
    }

    /// Answers the commands whose end has come.
    fn answer(&mut self) {
        if self.answers.is_empty() || self.begins_at.is_some() {
            return;
        }
        let state = self.state();
        let is_passing = match &self.now {
            Some(now) if now.ends_by.is_some() => true,
            Some(_) => state == State::Starting,
            None => false,
        };
        if is_passing {
            return;
        }
        for answer in self.answers.drain(..) {
            // Whoever asked may be gone.
            let _ = answer.send(Ok(state));
        }
    }
}

fn fresh(neighbours: &Neighbours) -> Arc<Mutex<Restarts>> {
    Arc::new(Mutex::new(Restarts::new(neighbours.policy)))
}

/// Whether a life tells nothing any more.
fn is_silent(neighbours: &Neighbours, name: &str, began: Instant) -> bool {
    let Some(status) = neighbours.board.session(name) else {
        return false;
    };
    // Between two starts of its adapter it waits, and tells nothing.
    let should_tell = !matches!(status.state, State::Restarting);
    should_tell && status.posted.max(began).elapsed() > HANGS_AFTER
}
