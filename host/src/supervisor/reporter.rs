//! What one session tells the board: its state, its figures, and the CPU time of its thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::process::thread_cpu_seconds;
use crate::sandbox::Fault;
use crate::session::Session;
use crate::status::{Board, History, Outgoing, SessionStatus, State};
use crate::world::{Fence, LiveWorld};

/// Longest text of a fault that is shown, in bytes; logs have all of it.
const FAULT_BYTES_MAX: usize = 500;

/// A history that outlives the lives of one session. Only plain figures are changed under it.
pub(super) type SharedHistory = Arc<Mutex<History>>;

/// Opens it.
pub(super) fn lock(history: &SharedHistory) -> MutexGuard<'_, History> {
    history.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Posts the status of one session, of one life. It is used on that life's own thread only.
pub(super) struct Reporter {
    board: Arc<Board>,
    history: SharedHistory,
    fence: Fence,
    /// It stands by: another life tells how the session stands.
    is_silent: bool,
    began: Instant,
    state: State,
    entered: (Instant, SystemTime),
    is_over_soft: bool,
    /// CPU time and clock when it was last read.
    cpu: Option<(f64, Instant)>,
    cpu_percent: Option<f64>,
}

impl Reporter {
    pub(super) fn new(board: Arc<Board>, history: SharedHistory, fence: Fence) -> Self {
        Self {
            board,
            history,
            fence,
            is_silent: false,
            began: Instant::now(),
            state: State::Starting,
            entered: (Instant::now(), SystemTime::now()),
            is_over_soft: false,
            cpu: None,
            cpu_percent: None,
        }
    }

    /// One that tells nothing before it is to speak.
    pub(super) fn silent(self) -> Self {
        Self {
            is_silent: true,
            ..self
        }
    }

    /// Its turn has come.
    pub(super) fn speak(&mut self) {
        self.is_silent = false;
        self.entered = (Instant::now(), SystemTime::now());
    }

    /// The session is in a new state.
    pub(super) fn enter(&mut self, state: State, session: &Session<LiveWorld>) {
        if self.is_silent || self.fence.is_up() {
            return;
        }
        if state != self.state {
            let lasted = self.entered.0.elapsed();
            tracing::info!(
                "{} after {:.3} s {}",
                state.name(),
                lasted.as_secs_f64(),
                self.state.name()
            );
            *lock(&self.history).entered.entry(state).or_default() += 1;
            self.entered = (Instant::now(), SystemTime::now());
        }
        self.state = state;
        self.post(session);
    }

    /// The adapter was stopped by a fault.
    pub(super) fn fault(&self, fault: &Fault) {
        if self.is_silent {
            return;
        }
        let mut text = fault.to_string();
        text.truncate(text.floor_char_boundary(FAULT_BYTES_MAX));
        let mut history = lock(&self.history);
        *history.faults.entry(fault.kind.name()).or_default() += 1;
        history.last_fault = Some((SystemTime::now(), text));
    }

    /// The adapter was started again; that took so long, without the pause before.
    pub(super) fn recovered(&self, took: Duration) {
        tracing::info!("started again in {:.1} ms", took.as_secs_f64() * 1e3);
        let mut history = lock(&self.history);
        history.restarts += 1;
        history.recovery.add(took);
    }

    /// Pins the session's status to the board.
    pub(super) fn post(&mut self, session: &Session<LiveWorld>) {
        if self.fence.is_up() {
            return;
        }
        self.read_cpu();
        self.watch_memory(session);
        let world = session.world();
        let outbox = world.outbox();
        let state = match self.state {
            State::Running if self.is_over_soft => State::Degraded,
            state => state,
        };
        self.board.post(SessionStatus {
            state,
            since: self.entered.1,
            began: self.began,
            cpu_percent: self.cpu_percent,
            history: lock(&self.history).clone(),
            sockets: world.sockets(),
            requests: world.requests(),
            outgoing: Outgoing {
                connected: world.is_bus_connected(),
                waiting: outbox.len(),
                waiting_bytes: outbox.bytes(),
                superseded: outbox.superseded(),
                dropped: outbox.dropped().clone(),
                delivered: world.delivered(),
                storing: world.storing(),
            },
            ..SessionStatus::of(session)
        });
    }

    /// Warns once for each time that the adapter's memory rises above its soft limit.
    fn watch_memory(&mut self, session: &Session<LiveWorld>) {
        let soft_mb = session.plan().limits.memory_soft_mb;
        let used = session.memory_bytes();
        let is_over = used as u64 > u64::from(soft_mb) << 20;
        if is_over && !self.is_over_soft {
            tracing::warn!(
                "the adapter uses {:.1} MiB, above its soft limit of {soft_mb} MiB",
                used as f64 / f64::from(1 << 20)
            );
            lock(&self.history).soft_crossings += 1;
        }
        self.is_over_soft = is_over;
    }

    fn read_cpu(&mut self) {
        let Some(seconds) = thread_cpu_seconds() else {
            return;
        };
        let now = Instant::now();
        let (before, then) = *self.cpu.get_or_insert((seconds, now));
        let elapsed = now.duration_since(then).as_secs_f64();
        // Over a shorter time the figure would be chance.
        if elapsed > 0.5 {
            self.cpu_percent = Some(100.0 * (seconds - before) / elapsed);
            self.cpu = Some((seconds, now));
        }
    }
}
