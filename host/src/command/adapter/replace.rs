//! `marketprism adapter swap`, `rollback`, `shadow`, `promote` and `drop`: another version of an adapter while the daemon
//! runs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use marketprism_host::adapter_folder;
use marketprism_host::compare::Report;
use marketprism_host::sandbox::ADAPTER_BYTES_MAX;

use super::watch::Watching;
use crate::command::daemon::Whom;

/// Longest shadow run.
const SHADOW_MAX: Duration = Duration::from_secs(86_400);

/// What stands below the flags in the help of `swap` and `rollback`.
pub const MORE_HELP: &str = "\
The new version starts beside the old one, with connections of its own. Only when its streams are acknowledged and its
books synced does it take over; so until then, and should it be refused, the old one publishes as before. A fault in the
time of probation brings the old version back.

Exit status: 0 the new version is there to stay; 1 it was refused or rolled back (the reason is told), or nobody watches
any more: Ctrl-C stops watching, and nothing else.

Examples:
  marketprism adapter swap NAME new.wasm
  marketprism adapter swap NAME new.wasm --no-wait
  marketprism adapter rollback NAME";

/// What stands below the flags in the help of `shadow`.
pub const SHADOW_HELP: &str = "\
The candidate starts beside the version at work, with connections of its own. What both publish is compared; nothing of
the candidate's goes out. At any time `adapter promote` lets it take over and `adapter drop` ends it. Some time after
the end of the comparison (`swap.decision_within_seconds`) it ends by itself.

Exit status: 0 no difference, or it was promoted and stays; 1 differences, or it was refused; also when Ctrl-C stopped
the watching, and nothing else.

Examples:
  marketprism adapter shadow NAME new.wasm --for 5m
  marketprism adapter shadow NAME new.wasm --for 12h --no-wait
  marketprism adapter promote 7";

/// Which session is to run which file.
#[derive(clap::Args)]
pub struct Swap {
    /// The session: the name of its block under `exchanges`
    #[arg(value_name = "NAME")]
    name: String,
    /// The adapter file; it is sent to the daemon
    #[arg(value_name = "FILE.wasm")]
    adapter: PathBuf,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    watching: Watching,
}

/// Which session is to run its last good version.
#[derive(clap::Args)]
pub struct Rollback {
    /// The session: the name of its block under `exchanges`
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    watching: Watching,
}

/// Which file is to be compared with what a session runs.
#[derive(clap::Args)]
pub struct Shadow {
    #[command(flatten)]
    swap: Swap,
    /// How long both are compared: 60s, 5m, 1h 30m; a day at most
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = shadow_length)]
    length: Duration,
}

/// Which candidate.
#[derive(clap::Args)]
pub struct Decision {
    /// The number of its operation
    #[arg(value_name = "OPERATION")]
    operation: u64,
    #[command(flatten)]
    whom: Whom,
}

/// Which candidate is to take over.
#[derive(clap::Args)]
pub struct Promotion {
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    watching: Watching,
}

/// Lets another version take over.
pub fn swap(arguments: &Swap) -> anyhow::Result<()> {
    let (daemon, adapter) = (arguments.whom.daemon()?, read(&arguments.adapter)?);
    let begun = daemon.upload(&path(&arguments.name, "swap"), adapter)?;
    watch(&arguments.whom, &arguments.watching, &begun)
}

/// Lets the last good version take over again.
pub fn rollback(arguments: &Rollback) -> anyhow::Result<()> {
    let daemon = arguments.whom.daemon()?;
    let begun = daemon.post(&path(&arguments.name, "rollback"), &json!({}))?;
    watch(&arguments.whom, &arguments.watching, &begun)
}

/// Lets a candidate take over.
pub fn promote(arguments: &Promotion) -> anyhow::Result<()> {
    let begun = arguments.decision.send("promote")?;
    watch(&arguments.decision.whom, &arguments.watching, &begun)
}

/// Ends a candidate.
pub fn drop_candidate(arguments: &Decision) -> anyhow::Result<()> {
    arguments.send("drop")?;
    writeln!(
        std::io::stdout(),
        "operation {}: dropped",
        arguments.operation
    )?;
    Ok(())
}

/// Compares a candidate with the version at work, and prints what was found.
pub fn shadow(arguments: &Shadow) -> anyhow::Result<()> {
    let Swap {
        name,
        adapter,
        whom,
        watching,
    } = &arguments.swap;
    let (daemon, adapter) = (whom.daemon()?, read(adapter)?);
    let seconds = arguments.length.as_secs();
    let path = format!("{}?seconds={seconds}", path(name, "shadow"));
    let begun = daemon.upload(&path, adapter)?;
    let Some(ended) = watching.watch(&daemon, &begun)? else {
        return Ok(());
    };
    ended.print_json(watching)?;
    ended.ensure_done()?;
    let is_live = ended.operation.is_live();
    let is_undecided = ended.operation.is_undecided();
    let Some(told) = ended.operation.report else {
        anyhow::ensure!(is_live, "nothing was compared");
        return Ok(());
    };
    let report = Report::from_json(told).context("the daemon's report")?;
    if !watching.json {
        write!(std::io::stdout(), "\n{}", report.text())?;
    }
    if is_undecided && !watching.json {
        let id = ended.operation.id;
        writeln!(
            std::io::stdout(),
            "\n`marketprism adapter promote {id}` lets it take over, `marketprism adapter drop {id}` ends it"
        )?;
    }
    anyhow::ensure!(is_live || report.is_same(), "{}", report.verdict());
    if !watching.json {
        writeln!(std::io::stdout(), "\n{}", report.verdict())?;
    }
    Ok(())
}

impl Decision {
    fn send(&self, decision: &str) -> anyhow::Result<Value> {
        let path = format!("/api/v1/operations/{}/{decision}", self.operation);
        self.whom.daemon()?.post(&path, &json!({}))
    }
}

/// Watches an operation; an error tells that the version at work is the one from before.
fn watch(whom: &Whom, watching: &Watching, begun: &Value) -> anyhow::Result<()> {
    match watching.watch(&whom.daemon()?, begun)? {
        Some(ended) => {
            ended.print_json(watching)?;
            ended.ensure_done()
        }
        None => Ok(()),
    }
}

fn path(name: &str, action: &str) -> String {
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    format!("/api/v1/adapters/{name}/{action}")
}

/// What the file holds.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    // What cannot be used is no fault of the configuration, as it would be for a daemon.
    let bytes = adapter_folder::read(path).map_err(|error| anyhow::anyhow!("{error}"))?;
    anyhow::ensure!(
        bytes.len() <= ADAPTER_BYTES_MAX,
        "the adapter file {} is longer than {ADAPTER_BYTES_MAX} bytes",
        path.display()
    );
    Ok(bytes)
}

fn shadow_length(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let is_usable = length.subsec_nanos() == 0 && !length.is_zero() && length <= SHADOW_MAX;
    is_usable
        .then_some(length)
        .ok_or_else(|| "it must be whole seconds, from 1s to 1day".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_whole_seconds_within_a_day() {
        for (text, seconds) in [
            ("60s", 60),
            ("5m", 300),
            ("1h 30m", 5_400),
            ("1day", 86_400),
        ] {
            assert_eq!(shadow_length(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "0s", "1500ms", "25h", "-1s", "60", "soon"] {
            assert!(shadow_length(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_stays_one_piece_of_the_path() {
        assert_eq!(
            path("alpha_spot", "swap"),
            "/api/v1/adapters/alpha%5Fspot/swap"
        );
        assert_eq!(
            path("../x?y", "swap"),
            "/api/v1/adapters/%2E%2E%2Fx%3Fy/swap"
        );
    }
}
