//! What one session tells the board: its state, its figures, and the CPU time of its thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::process::thread_cpu_seconds;
use crate::sandbox::Fault;
use crate::session::Session;
use crate::status::{Board, Outgoing, SessionStatus, State};
use crate::world::LiveWorld;

/// Longest text of a fault that is shown, in bytes; logs have all of it.
const FAULT_BYTES_MAX: usize = 500;

/// Posts the status of one session. It must be used on the session's own thread only.
pub(super) struct Reporter {
    board: Arc<Board>,
    began: Instant,
    state: State,
    since: SystemTime,
    restarts: u64,
    faults: BTreeMap<&'static str, u64>,
    last_fault: Option<(SystemTime, String)>,
    /// CPU time and clock when it was last read.
    cpu: Option<(f64, Instant)>,
    cpu_percent: Option<f64>,
}

impl Reporter {
    pub(super) fn new(board: Arc<Board>) -> Self {
        Self {
            board,
            began: Instant::now(),
            state: State::Starting,
            since: SystemTime::now(),
            restarts: 0,
            faults: BTreeMap::new(),
            last_fault: None,
            cpu: thread_cpu_seconds().map(|seconds| (seconds, Instant::now())),
            cpu_percent: None,
        }
    }

    /// The session is in a new state.
    pub(super) fn enter(&mut self, state: State, session: &Session<LiveWorld>) {
        self.state = state;
        self.since = SystemTime::now();
        self.post(session);
    }

    /// The adapter was stopped by a fault.
    pub(super) fn fault(&mut self, fault: &Fault) {
        *self.faults.entry(fault.kind.name()).or_default() += 1;
        let mut text = fault.to_string();
        text.truncate(text.floor_char_boundary(FAULT_BYTES_MAX));
        self.last_fault = Some((SystemTime::now(), text));
    }

    /// The adapter was started again.
    pub(super) fn restarted(&mut self) {
        self.restarts += 1;
    }

    /// Pins the session's status to the board.
    pub(super) fn post(&mut self, session: &Session<LiveWorld>) {
        self.read_cpu();
        let world = session.world();
        let outbox = world.outbox();
        let mut status = SessionStatus {
            state: self.state,
            since: self.since,
            began: self.began,
            cpu_seconds: self.cpu.map(|(seconds, _)| seconds),
            cpu_percent: self.cpu_percent,
            restarts: self.restarts,
            faults: self.faults.clone(),
            last_fault: self.last_fault.clone(),
            sockets: world.sockets(),
            requests: world.requests(),
            outgoing: Outgoing {
                connected: world.is_bus_connected(),
                waiting: outbox.len(),
                waiting_bytes: outbox.bytes(),
                superseded: outbox.superseded(),
                dropped: outbox.dropped().clone(),
                delivered: world.delivered().clone(),
            },
            ..SessionStatus::of(session)
        };
        let is_over_soft = status.memory_bytes as u64 > status.memory_soft_bytes;
        if status.state == State::Running && is_over_soft {
            status.state = State::Degraded;
        }
        self.board.post(status);
    }

    fn read_cpu(&mut self) {
        let Some(seconds) = thread_cpu_seconds() else {
            return;
        };
        let now = Instant::now();
        let (before, then) = self.cpu.unwrap_or((seconds, now));
        let elapsed = now.duration_since(then).as_secs_f64();
        // Over a shorter time the figure would be chance.
        if elapsed > 0.5 {
            self.cpu_percent = Some(100.0 * (seconds - before) / elapsed);
            self.cpu = Some((seconds, now));
        }
    }
}
