//! The daemon as it is shipped: the program `marketprism run` with a configuration file, in a folder of its own, ended
//! when it is dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::PATIENCE;
use crate::http::{free_port, get};

/// How often a waiting test looks again.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running daemon.
#[derive(Debug)]
pub struct DaemonProcess {
    child: Child,
    dir: TempDir,
    nats: String,
    health: u16,
}

impl DaemonProcess {
    /// Starts it. What is said in `configuration` wins; ports, folders and the address of NATS are added to it.
    ///
    /// # Panics
    /// When it was not built, or cannot be started.
    #[must_use]
    pub fn start(configuration: &str, nats: &str) -> Self {
        Self::start_with(configuration, nats, &crate::workspace().join("adapters"))
    }

    /// The same with another folder of adapters.
    ///
    /// # Panics
    /// As [`DaemonProcess::start`].
    #[must_use]
    pub fn start_with(configuration: &str, nats: &str, adapters: &Path) -> Self {
        let dir = TempDir::new().expect("a folder");
        let (health, metrics) = (free_port(), free_port());
        let text = format!(
            "{configuration}\nadapters_dir: {adapters:?}\ndata_dir: {:?}\nmonitoring: {{ health_check: {{ port: {health}, \
             grace_seconds: 0 }}, metrics: {{ port: {metrics} }} }}\n",
            data(&dir),
        );
        std::fs::write(configuration_file(&dir), text).expect("the configuration");
        let nats = nats.to_owned();
        Self {
            child: spawn(&dir, &nats),
            dir,
            nats,
            health,
        }
    }

    /// Kills it at once, as a crash would.
    ///
    /// # Panics
    /// When the system does not let it.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("its end");
    }

    /// Starts it again after it was killed. Its log goes on.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_again(&mut self) {
        self.child = spawn(&self.dir, &self.nats);
    }

    /// The folder of everything that it writes.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        data(&self.dir)
    }

    /// The health document; none while nobody answers.
    #[must_use]
    pub fn health(&self) -> Option<Value> {
        let page = get(self.health, "/health").ok()?;
        serde_json::from_str(&page.body).ok()
    }

    /// Waits until the health document is so.
    ///
    /// # Panics
    /// When it does not become so within [`PATIENCE`].
    pub fn eventually(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let health = self.health();
            if let Some(health) = health.clone().filter(|health| is_so(health)) {
                return health;
            }
            assert!(
                Instant::now() < end,
                "{what}: {health:#?}\n{}",
                self.log_end()
            );
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// The log.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_file(&self.dir)).expect("the log")
    }

    /// The last lines of the log.
    #[must_use]
    pub fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Ends it in order.
    ///
    /// # Panics
    /// When it does not end well within [`PATIENCE`].
    pub fn stop(&mut self) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(told.expect("kill").success(), "{}", self.log_end());
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                break status;
            }
            assert!(Instant::now() < end, "does not end: {}", self.log_end());
            std::thread::park_timeout(LOOK_EVERY);
        };
        assert!(status.success(), "{status}: {}", self.log_end());
    }
}

impl Drop for DaemonProcess {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about that here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &TempDir, nats: &str) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log_file(dir));
    let log = log.expect("a log");
    let mut command = Command::new(program());
    for name in ["HEALTH_CHECK_PORT", "METRICS_PORT", "COLLECTOR_ENABLE_HTTP"] {
        command.env_remove(name);
    }
    command
        .env("MARKETPRISM_NATS_URL", nats)
        .arg("run")
        .arg("--config")
        .arg(configuration_file(dir))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("marketprism")
}

fn configuration_file(dir: &TempDir) -> PathBuf {
    dir.path().join("marketprism.yaml")
}

fn data(dir: &TempDir) -> PathBuf {
    dir.path().join("data")
}

fn log_file(dir: &TempDir) -> PathBuf {
    dir.path().join("log")
}

/// Beside this test's own program, where it is built.
fn program() -> PathBuf {
    let own = std::env::current_exe().expect("this program");
    let folder = own.parent().and_then(Path::parent);
    let path = folder.expect("a folder").join("marketprism");
    assert!(
        path.is_file(),
        "{} is missing: run `make build`",
        path.display()
    );
    path
}
