//! A real nats-server for a test: on a free loopback port, with a folder of its own, killed when it is dropped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest time for a server to say that it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// A running nats-server.
#[derive(Debug)]
pub struct NatsServer {
    dir: TempDir,
    config: String,
    port: u16,
    running: Option<Running>,
}

impl NatsServer {
    /// Starts a server; `config` is added to its configuration, which has only the address.
    ///
    /// # Errors
    /// One line that says why there is no server; when it is not installed, how to install it.
    pub fn start(config: &str) -> Result<Self, String> {
        Self::start_in(
            TempDir::new().map_err(|error| format!("no temporary folder: {error}"))?,
            config,
        )
    }

    /// Starts a server in a folder that exists already, for configurations that name files in it.
    ///
    /// # Errors
    /// As [`NatsServer::start`].
    pub fn start_in(dir: TempDir, config: &str) -> Result<Self, String> {
        let (running, port) = Running::start(dir.path(), config, None)?;
        Ok(Self {
            dir,
            config: config.to_owned(),
            port,
            running: Some(running),
        })
    }

    /// The port that the server has, or had before [`NatsServer::kill`].
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `nats://127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The server's folder, gone with it.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Kills the server at once, as a crash would.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Lets the server stand still, as a machine without a processor to spare would.
    ///
    /// # Panics
    /// When there is no command `kill`.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// As [`NatsServer::pause`].
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        if let Some(running) = &self.running {
            let pid = running.child.id().to_string();
            let sent = Command::new("kill").args([signal, &pid]).status();
            assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
        }
    }

    /// Starts the server again, on the same port and in the same folder.
    ///
    /// # Errors
    /// As [`NatsServer::start`].
    pub fn restart(&mut self) -> Result<(), String> {
        self.kill();
        let (running, _) = Running::start(self.dir.path(), &self.config, Some(self.port))?;
        self.running = Some(running);
        Ok(())
    }
}

/// The process and its log.
#[derive(Debug)]
struct Running {
    child: Child,
    log: Receiver<String>,
}

impl Running {
    fn start(dir: &Path, config: &str, port: Option<u16>) -> Result<(Self, u16), String> {
        let file = dir.join("nats.conf");
        let port = port.map_or_else(|| "-1".to_owned(), |port| port.to_string());
        std::fs::write(&file, format!("listen: \"127.0.0.1:{port}\"\n{config}\n"))
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let mut child = Command::new("nats-server")
            .arg("--config")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!("nats-server: {error}; install it with: apt-get install nats-server")
            })?;
        let (sender, log) = channel();
        if let Some(stderr) = child.stderr.take() {
            // Ends with the process. Reads on when nobody listens any more, or the server would stand still.
            std::thread::spawn(move || {
                BufReader::new(stderr)
                    .lines()
                    .map_while(Result::ok)
                    .for_each(|line| drop(sender.send(line)));
            });
        }
        let running = Self { child, log };
        let port = running.wait_until_ready()?;
        Ok((running, port))
    }

    /// Reads the log up to the line that says that the server is ready; tells its port.
    fn wait_until_ready(&self) -> Result<u16, String> {
        let deadline = Instant::now() + READY_TIMEOUT;
        let mut read = Vec::new();
        let mut port = None;
        loop {
            match self
                .log
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    if let Some((_, address)) =
                        line.split_once("Listening for client connections on ")
                    {
                        port = address
                            .trim()
                            .rsplit(':')
                            .next()
                            .and_then(|port| port.parse().ok());
                    }
                    if line.contains("Server is ready") {
                        return port.ok_or_else(|| {
                            format!("nats-server did not tell its port:\n{}", read.join("\n"))
                        });
                    }
                    read.push(line);
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!(
                        "nats-server was not ready in {READY_TIMEOUT:?}:\n{}",
                        read.join("\n")
                    ));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(format!("nats-server ended:\n{}", read.join("\n")));
                }
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about that here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
