//! Who keeps one session: begins its lives, ends them, joins what has died, gives up what hangs.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, watch};

use super::command::{Answer, CommandError, Decision, Wanted};
use super::life::{Ending, Life};
use super::plans::{Difference, difference};
use super::reporter::{Reporter, SharedHistory, lock};
use super::restart::Restarts;
use super::supervise::Neighbours;
use crate::sandbox::FaultKind;
use crate::session::Plan;
use crate::status::{SessionStatus, State};
use crate::world::Fence;

/// A life that tells nothing for this long hangs: it tells how it stands once a second.
const HANGS_AFTER: Duration = Duration::from_secs(20);

/// How long a life may take to end.
const END_LIMIT: Duration = Duration::from_secs(8);

/// Plans that wait for a life to follow them.
const PLANS_MAX: usize = 16;

/// Threads that hang are kept in mind up to this number.
const ABANDONED_MAX: usize = 64;

/// Keeps one session.
pub(super) struct Keeper {
    plan: Plan,
    neighbours: Neighbours,
    history: SharedHistory,
    restarts: Arc<Mutex<Restarts>>,
    now: Option<Living>,
    /// What hung and may still hang.
    abandoned: Vec<JoinHandle<anyhow::Result<Ending>>>,
    /// When the next life is to begin.
    begins_at: Option<Instant>,
    answers: Vec<Answer<State>>,
    /// It is configured no more.
    is_retired: bool,
}

/// The present life.
struct Living {
    thread: JoinHandle<anyhow::Result<Ending>>,
    began: Instant,
    stop: watch::Sender<bool>,
    plans: mpsc::Sender<Plan>,
    fence: Fence,
    ends_by: Option<Instant>,
}

impl Keeper {
    pub(super) fn new(plan: Plan, neighbours: Neighbours) -> Self {
        let keeper = Self {
            plan,
            history: SharedHistory::default(),
            restarts: fresh(&neighbours),
            neighbours,
            now: None,
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
        self.is_retired && self.now.is_none()
    }

    /// Whether no thread of the session is at work.
    pub(super) fn is_down(&self) -> bool {
        self.now.is_none()
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
        self.ask_to_end();
        self.start(answer);
    }

    /// Goes on by another plan, in the way that disturbs least.
    pub(super) fn follow(&mut self, plan: Plan) {
        let difference = difference(&self.plan, &plan);
        let was_enabled = self.plan.enabled && !self.is_retired;
        self.is_retired = false;
        self.plan = plan;
        let name = self.plan.name.as_str();
        match (difference, &self.now) {
            (Difference::Followed, Some(now)) => {
                tracing::info!(session = name, "goes on with other symbols or limits");
                // A life that does not take plans hangs, and the next one begins with this one.
                let _ = now.plans.try_send(self.plan.clone());
            }
            (Difference::Restart, Some(_)) => {
                tracing::info!(session = name, "begins again with another configuration");
                self.restart(None);
                return;
            }
            (_, None) => self.post(self.state()),
            (Difference::None, Some(_)) => {}
        }
        match (was_enabled, self.plan.enabled) {
            (false, true) => self.start(None),
            (true, false) => self.stop(None),
            _ => {}
        }
    }

    /// Begins to replace the adapter while it runs; the answer is the number of the operation.
    pub(super) fn replace(&mut self, wanted: Wanted) -> Result<u64, CommandError> {
        let _ = wanted;
        Err(CommandError::Failed("not yet".to_owned()))
    }

    /// Decides what becomes of the candidate, if the operation of that number is this session's.
    pub(super) fn decide(
        &mut self,
        operation: u64,
        decision: Decision,
    ) -> Option<Result<(), CommandError>> {
        let _ = (operation, decision);
        None
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
            let _ = now.stop.send(true);
            now.ends_by.get_or_insert(Instant::now() + END_LIMIT);
        }
    }

    /// Looks after the session: to be called often.
    pub(super) fn look(&mut self, at: Instant) {
        self.abandoned.retain(|thread| !thread.is_finished());
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
        self.answer();
    }

    fn begin(&mut self) {
        let (stop, stopping) = watch::channel(false);
        let (plans, new_plans) = mpsc::channel(PLANS_MAX);
        let fence = Fence::default();
        self.post(State::Starting);
        let board = self.neighbours.board.clone();
        let life = Life {
            plan: self.plan.clone(),
            neighbours: self.neighbours.clone(),
            reporter: Reporter::new(board, self.history.clone(), fence.clone()),
            restarts: self.restarts.clone(),
            plans: new_plans,
            stop: stopping,
            fence: fence.clone(),
            saving: None,
        };
        let thread = std::thread::Builder::new()
            .name(self.plan.name.clone())
            .spawn(move || life.live());
        match thread {
            Ok(thread) => {
                self.now = Some(Living {
                    thread,
                    began: Instant::now(),
                    stop,
                    plans,
                    fence,
                    ends_by: None,
                });
            }
            Err(error) => self.died(
                &format!("there is no thread for it: {error}"),
                Instant::now(),
            ),
        }
    }

    /// A life's thread has ended.
    fn has_ended(&mut self, now: Living, at: Instant) {
        let was_asked = now.ends_by.is_some();
        match now.thread.join() {
            Ok(Ok(Ending::Failed)) if !was_asked => {}
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
        now.fence.put_up();
        let _ = now.stop.send(true);
        lock(&self.history).hangs += 1;
        if self.abandoned.len() < ABANDONED_MAX {
            self.abandoned.push(now.thread);
        }
        if now.ends_by.is_some() {
            tracing::error!(
                session = self.plan.name,
                "did not end in time and is given up"
            );
            self.post(State::Stopped);
        } else {
            self.begin_again("it hangs and is given up", at);
        }
    }

    fn begin_again(&mut self, why: &str, at: Instant) {
        let pause = self
            .restarts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pause(at, FaultKind::Trap);
        let session = self.plan.name.as_str();
        match pause {
            Some(pause) => {
                tracing::error!(session, "{why}; begins again in {} s", pause.as_secs());
                self.begins_at = Some(at + pause);
                self.post(State::Restarting);
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
