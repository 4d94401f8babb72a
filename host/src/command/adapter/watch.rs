//! Watching an operation of a daemon until it ends. Who stops watching stops nothing else.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use super::operation::{End, Operation};
use super::print_json;
use crate::command::daemon::{Daemon, runtime};
use crate::command::stop_signal;

/// How often the daemon is asked.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How to watch.
#[derive(clap::Args)]
pub struct Watching {
    /// Print the number of the operation and end, without waiting for what becomes of it
    #[arg(long)]
    no_wait: bool,
    /// Print one JSON object: the operation as it is in the end
    #[arg(long)]
    pub(super) json: bool,
}

/// An operation that has ended.
pub(super) struct Ended {
    /// What it came to.
    pub(super) operation: Operation,
    /// All that the daemon told of it.
    told: Value,
}

impl Watching {
    /// Watches what a call has begun, whose answer this is; none when nobody wants to wait.
    pub(super) fn watch(&self, daemon: &Daemon, begun: &Value) -> anyhow::Result<Option<Ended>> {
        let id = begun.get("operation").and_then(Value::as_u64);
        let id = id.context("the daemon does not tell which operation it began")?;
        if self.no_wait {
            match self.json {
                true => print_json(begun)?,
                false => writeln!(std::io::stdout(), "operation {id}")?,
            }
            return Ok(None);
        }
        runtime()?.block_on(async {
            let stopped = stop_signal()?;
            tokio::select! {
                ended = self.until_end(daemon, id) => ended.map(Some),
                () = stopped => anyhow::bail!(
                    "operation {id} goes on in the daemon and is watched no more: `marketprism adapter operations` \
                     tells what became of it"
                ),
            }
        })
    }

    /// Asks until it has ended; prints how far it has come whenever that changes.
    async fn until_end(&self, daemon: &Daemon, id: u64) -> anyhow::Result<Ended> {
        let path = format!("/api/v1/operations/{id}");
        let mut shown = String::new();
        loop {
            let told = daemon.look(&path).await;
            let told = told.with_context(|| format!("operation {id} is watched no more"))?;
            let operation: Operation = serde_json::from_value(told.clone())
                .with_context(|| format!("what the daemon tells of operation {id}"))?;
            let end = operation.end();
            let line = operation.line();
            // Why it failed is told as the process ends.
            if !self.json && end != Some(End::Failed) && line != shown {
                if shown.is_empty() {
                    let Operation { kind, session, .. } = &operation;
                    writeln!(std::io::stdout(), "operation {id}: {kind} of {session}")?;
                }
                writeln!(std::io::stdout(), "{line}")?;
                shown = line;
            }
            if end.is_some() {
                return Ok(Ended { operation, told });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Ended {
    /// Prints all of it as JSON, where that is wanted.
    pub(super) fn print_json(&self, watching: &Watching) -> anyhow::Result<()> {
        match watching.json {
            true => print_json(&self.told),
            false => Ok(()),
        }
    }

    /// An error when the version at work is the one from before.
    pub(super) fn ensure_done(&self) -> anyhow::Result<()> {
        let Operation { kind, session, .. } = &self.operation;
        match self.operation.end() {
            Some(End::Failed) => anyhow::bail!("{kind} of {session}: {}", self.operation.line()),
            _ => Ok(()),
        }
    }
}
