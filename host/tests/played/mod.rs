//! A control API whose supervisor is played, and the commands that ask it.
#![allow(dead_code, reason = "no test uses all of it")]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use marketprism_host::config::{HealthPort, Monitoring};
use marketprism_host::rest::{Budgets, Limit};
use marketprism_host::secret::Secret;
use marketprism_host::serve::{self, Control};
use marketprism_host::status::{Board, OperationKind, SessionStatus, Stage, State};
use marketprism_host::supervisor::{
    Command as Told, CommandError, Decision, Order, Remote, Wanted,
};

/// Longer than anything here takes on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Its control token.
pub const TOKEN: &str = "right-token";

/// An adapter that nobody begins to swap in.
pub const UNWANTED: &[u8] = b"unwanted";

/// A control API on a port of its own; its thread ends with the process.
pub struct Daemon {
    pub port: u16,
    pub folder: tempfile::TempDir,
    pub board: Arc<Board>,
}

impl Daemon {
    pub fn start(token: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let monitoring = Monitoring {
            health_check: HealthPort {
                enabled: true,
                port,
                grace_s: 0,
                token: token.map(Secret::new),
            },
            ..Monitoring::default()
        };
        let board = Arc::new(Board::new(
            Budgets::new(Limit::per_minute(1)),
            marketprism_host::ws::Attempts::default(),
        ));
        board.post(SessionStatus {
            state: State::Running,
            adapter: "alpha".to_owned(),
            adapter_version: "1.2.3".to_owned(),
            memory_bytes: 3 << 20,
            ..SessionStatus::named("alpha_spot")
        });
        let shown = board.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(serve(&monitoring, shown));
        });
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "the control API does not answer");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "exchanges:\n  alpha_spot:\n    market_type: spot\n    symbols: [ABC]\n    data_types: [trade]\n    \
             api: {{base_url: 'https://a.example', ws_url: 'wss://a.example'}}\n\
             monitoring: {{health_check: {{port: {port}, token: '{TOKEN}'}}}}\n"
        );
        std::fs::write(folder.path().join("c.yaml"), text).unwrap();
        std::fs::write(folder.path().join("token.txt"), format!("{TOKEN}\n")).unwrap();
        std::fs::write(folder.path().join("wrong.txt"), "wrong-token").unwrap();
        Self {
            port,
            folder,
            board,
        }
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        marketprism(self.folder.path(), arguments)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Serves a daemon with one session that does what it is told.
async fn serve(monitoring: &Monitoring, board: Arc<Board>) {
    let (remote, mut orders) = Remote::new();
    let control = Control {
        remote,
        faults: None,
        adapters: None,
    };
    let _serving = serve::start(monitoring, &board, control, Default::default());
    while let Some(order) = orders.recv().await {
        match order {
            Order::Session(name, command, answer) => {
                let _ = answer.send(obey(name, &command));
            }
            Order::Reload(answer) => {
                let why = "c.yaml: line 3: no".to_owned();
                let _ = answer.send(Err(CommandError::Failed(why)));
            }
            Order::Replace(name, wanted, answer) => {
                let _ = answer.send(replace(&board, &name, wanted));
            }
            Order::Decide(id, decision, answer) => {
                board
                    .operations()
                    .update(id, |it| it.stage = decided(decision));
                let _ = answer.send(Ok(()));
            }
        }
    }
}

/// Begins an operation, which stays where it is until a test says how it goes on.
fn replace(board: &Board, name: &str, wanted: Wanted) -> Result<u64, CommandError> {
    let (kind, source) = match wanted {
        Wanted::Swap(it) if it.bytes == UNWANTED => {
            return Err(CommandError::Failed("not that one".to_owned()));
        }
        Wanted::Swap(it) => (OperationKind::Swap, format!("{it:?}")),
        Wanted::Rollback => (OperationKind::Rollback, "1.0.0".to_owned()),
        Wanted::Shadow(it, length) => (OperationKind::Shadow, format!("{it:?} for {length:?}")),
    };
    Ok(board.operations().begin(kind, name, &source, None))
}

const fn decided(decision: Decision) -> Stage {
    match decision {
        Decision::Promote => Stage::HandingOver,
        Decision::Drop => Stage::Done,
    }
}

fn obey(name: String, command: &Told) -> Result<State, CommandError> {
    match command {
        _ if name != "alpha_spot" => Err(CommandError::Unknown {
            wanted: name,
            present: "alpha_spot".to_owned(),
        }),
        Told::Stop => Ok(State::Stopped),
        _ => Ok(State::Running),
    }
}

pub fn marketprism(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_marketprism"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
