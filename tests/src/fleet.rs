//! Several sessions under a supervisor, for tests that give it commands: healthy ones and hostile ones beside them.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use marketprism_host::bus;
use marketprism_host::config::{Origin, Swap};
use marketprism_host::rest::{Budgets, Limit};
use marketprism_host::session::Plan;
use marketprism_host::status::{Board, Operation, SessionStatus, State};
use marketprism_host::supervisor::{
    Command, CommandError, Decision, Neighbours, Plans, Remote, RestartPolicy, Supervisor, Wanted,
};
use marketprism_host::wire::Subjects;
use marketprism_host::ws::Attempts;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::daemon::PATIENCE;
use crate::exchange::Simulator;
use crate::hostile;
use crate::versions;

/// The sessions, on a thread of their own; ended when this is dropped.
pub struct Fleet {
    /// Where every session tells how it stands.
    pub board: Arc<Board>,
    /// The way to the supervisor.
    pub remote: Remote,
    plans: Arc<Mutex<Vec<Plan>>>,
    /// Where the versions of adapters are kept.
    _data: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A policy that a test can wait for.
pub const IMPATIENT: RestartPolicy = RestartPolicy {
    window: Duration::from_secs(600),
    restarts_max: 10,
    short: Duration::from_millis(5),
    long: Duration::from_millis(10),
};

/// How long a version may take to be live, stands by for a decision, and is on probation once it has taken over.
pub const TIMES: Swap = Swap {
    live_within: PATIENCE,
    decision_within: PATIENCE,
    probation: Duration::from_secs(2),
};

impl Fleet {
    /// Starts the sessions of these plans.
    ///
    /// # Panics
    /// When there is no runtime.
    #[must_use]
    pub fn start(plans: Vec<Plan>, nats: Option<String>, policy: RestartPolicy) -> Self {
        Self::start_with(plans, nats, policy, TIMES)
    }

    /// The same with other times for versions that follow each other.
    ///
    /// # Panics
    /// As [`Fleet::start`].
    #[must_use]
    pub fn start_with(
        plans: Vec<Plan>,
        nats: Option<String>,
        policy: RestartPolicy,
        times: Swap,
    ) -> Self {
        let budgets = Budgets::new(Limit::per_minute(1_200));
        let attempts = Attempts::default();
        let board = Arc::new(Board::new(budgets.clone(), attempts.clone()));
        let data = tempfile::tempdir().expect("a folder");
        let replacements = versions::replacements(data.path(), times);
        let neighbours = Neighbours {
            bus: nats.map(|nats| bus::Settings {
                servers: vec![nats],
                ..bus::Settings::default()
            }),
            trunk: None,
            proxy: None,
            budgets,
            attempts,
            bundles: None,
            recording: None,
            policy,
            replacements: Arc::new(replacements),
            board: board.clone(),
        };
        let shared = Arc::new(Mutex::new(plans.clone()));
        let read_from = shared.clone();
        let again = Plans {
            file: "/nowhere/to/be/found.yaml".into(),
            read: Arc::new(move || Ok(read_from.lock().expect("the plans").clone())),
        };
        let (supervisor, remote) = Supervisor::new(plans, neighbours, Some(again));
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime().block_on(supervisor.run(async { stopped.await.unwrap_or_default() }));
        });
        Self {
            board,
            remote,
            plans: shared,
            _data: data,
            runtime: runtime(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Gives a command and waits for the answer.
    pub fn command(&self, session: &str, command: Command) -> Result<State, CommandError> {
        self.runtime.block_on(self.remote.command(session, command))
    }

    /// Begins to replace a session's adapter; the answer is the number of the operation.
    pub fn replace(&self, session: &str, wanted: Wanted) -> Result<u64, CommandError> {
        self.runtime.block_on(self.remote.replace(session, wanted))
    }

    /// Decides what becomes of a candidate in a shadow run.
    pub fn decide(&self, operation: u64, decision: Decision) -> Result<(), CommandError> {
        self.runtime
            .block_on(self.remote.decide(operation, decision))
    }

    /// Waits until an operation satisfies.
    ///
    /// # Panics
    /// When that takes too long, or it is forgotten.
    pub fn comes_to(&self, id: u64, what: &str, is_so: impl Fn(&Operation) -> bool) -> Operation {
        let end = Instant::now() + PATIENCE;
        loop {
            let operation = self.operation(id);
            if is_so(&operation) {
                return operation;
            }
            let Operation { stage, why, .. } = &operation;
            assert!(Instant::now() < end, "{what}: {stage:?}: {why:?}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// How an operation goes.
    ///
    /// # Panics
    /// When it is forgotten.
    #[must_use]
    pub fn operation(&self, id: u64) -> Operation {
        self.board.operations().get(id).expect("an operation")
    }

    /// Lets the configuration say this from now on, and has it read.
    ///
    /// # Panics
    /// When a test has broken the lock.
    pub fn reload(&self, plans: Vec<Plan>) -> Result<(), CommandError> {
        *self.plans.lock().expect("the plans") = plans;
        self.runtime.block_on(self.remote.reload())
    }

    /// Waits until a session's status satisfies.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn eventually(
        &self,
        session: &str,
        what: &str,
        is_so: impl Fn(&SessionStatus) -> bool,
    ) -> Arc<SessionStatus> {
        let end = Instant::now() + PATIENCE;
        loop {
            let status = self.board.session(session);
            if let Some(status) = status.as_ref().filter(|status| is_so(status)) {
                return status.clone();
            }
            assert!(Instant::now() < end, "{session}: {what}: {status:#?}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Ends everything.
    ///
    /// # Panics
    /// When the supervisor did.
    pub fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the supervisor's thread");
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A session whose adapter listens to the trades of BTCUSDT and misbehaves as its settings say.
///
/// # Panics
/// When the exchange has no address.
#[must_use]
pub fn hostile_plan(exchange: &Simulator, mut settings: Value) -> Plan {
    settings["stream"] = format!("{}/ws/btcusdt@trade", exchange.ws_url()).into();
    Plan {
        name: "hostile".into(),
        venue: "hostile".into(),
        adapter: hostile::adapter(),
        limits: hostile::limits(),
        settings: settings.to_string(),
        symbols: vec!["BTCUSDT".into()],
        grants: vec![Origin::of(&exchange.ws_url()).expect("an origin")],
        subjects: Subjects::default(),
        enabled: true,
        file: None,
        folder_sha256: None,
        pinned: None,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("tokio")
}
