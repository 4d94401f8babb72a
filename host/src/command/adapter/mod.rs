//! `marketprism adapter`: look at adapters, and tell a running daemon what to do with them.

mod check;
mod diff;
mod list;
mod operation;
mod operations;
mod replace;
mod table;
mod watch;

use std::io::Write;

use serde_json::{Value, json};

use super::daemon::Whom;

/// What stands below the flags in the help.
pub const MORE_HELP: &str = "\
What changes something asks a running daemon, which wants its control token. `start`, `stop` and `restart` may be asked
twice. `swap` and its like replace an adapter while it runs; how that goes is an operation of the daemon with a number.

Examples:
  marketprism adapter list
  marketprism adapter check adapters/NAME.wasm && echo usable
  marketprism adapter diff adapters/NAME.wasm new.wasm capture.jsonl && echo the same
  marketprism adapter restart NAME --token-file token.txt
  marketprism adapter swap NAME new.wasm && echo live
  marketprism adapter shadow NAME new.wasm --for 5m && echo the same
  marketprism adapter operations --session NAME
  marketprism adapter stop NAME --url http://127.0.0.1:8087";

/// What to do.
#[derive(clap::Subcommand)]
pub enum Command {
    /// List every session with its adapter: as a running daemon tells it, else as configuration and files do
    List(list::Arguments),
    /// Tell what an adapter file is and what it may reach; exit status 0 if it can be used, else 1
    Check(check::Arguments),
    /// Compare what two versions of an adapter publish of recorded traffic
    #[command(after_help = diff::MORE_HELP)]
    Diff(diff::Arguments),
    /// Start a session; one that runs goes on
    Start(Order),
    /// Stop a session: connections closed, what is queued published; one that is stopped stays so
    Stop(Order),
    /// Stop a session and start it again
    Restart(Order),
    /// Let another version of a session's adapter take over while it runs
    #[command(after_help = replace::MORE_HELP)]
    Swap(replace::Swap),
    /// Let the last good version of a session's adapter take over again
    #[command(after_help = replace::MORE_HELP)]
    Rollback(replace::Rollback),
    /// Compare a version with the one at work, on live traffic; nothing of it is published
    #[command(after_help = replace::SHADOW_HELP)]
    Shadow(replace::Shadow),
    /// Let the candidate of a shadow run take over
    Promote(replace::Promotion),
    /// End the candidate of a shadow run
    Drop(replace::Decision),
    /// List what is being done to adapters and what became of it, the newest first
    Operations(operations::Arguments),
}

/// Which session of which daemon.
#[derive(clap::Args)]
pub struct Order {
    /// The session: the name of its block under `exchanges`
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    whom: Whom,
}

/// Does it.
pub fn adapter(command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list::list(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Diff(arguments) => diff::diff(&arguments),
        Command::Start(asked) => order("start", &asked),
        Command::Stop(asked) => order("stop", &asked),
        Command::Restart(asked) => order("restart", &asked),
        Command::Swap(arguments) => replace::swap(&arguments),
        Command::Rollback(arguments) => replace::rollback(&arguments),
        Command::Shadow(arguments) => replace::shadow(&arguments),
        Command::Promote(arguments) => replace::promote(&arguments),
        Command::Drop(arguments) => replace::drop_candidate(&arguments),
        Command::Operations(arguments) => operations::operations(&arguments),
    }
}

/// Gives the command and prints the state that it led to.
fn order(action: &str, asked: &Order) -> anyhow::Result<()> {
    let path = format!("/api/v1/orchestrator/services/{action}");
    let body = json!({ "service_name": asked.name });
    let answer = asked.whom.daemon()?.post(&path, &body)?;
    let state = answer.get("state").and_then(Value::as_str).unwrap_or("?");
    writeln!(std::io::stdout(), "{}: {state}", asked.name)?;
    Ok(())
}

/// Prints one JSON document.
fn print_json(document: &Value) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{document:#}")?;
    Ok(())
}
