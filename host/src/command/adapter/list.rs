//! `marketprism adapter list`: every session and its adapter.

use serde_json::{Value, json};

use super::print_json;
use super::table::{Column, print};
use crate::command::daemon::{AskError, Whom};
use crate::command::plans::{adapter_file, engine};

/// Of which daemon, and how to show it.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    whom: Whom,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Lists them: of a running daemon, else as its configuration and files tell.
pub fn list(arguments: &Arguments) -> anyhow::Result<()> {
    match running(&arguments.whom) {
        Ok(answer) if arguments.json => print_json(&told("daemon", answer)),
        Ok(answer) => print(&RUNNING, &answer),
        Err(error) => match error.downcast_ref::<AskError>() {
            Some(AskError::Nobody { at, .. } | AskError::Stranger { at, .. })
                if !arguments.whom.is_far() =>
            {
                tracing::info!(
                    "no daemon answers at {at}: this is what configuration and files tell"
                );
                let answer = files(&arguments.whom)?;
                if arguments.json {
                    return print_json(&told("files", answer));
                }
                print(&FILES, &answer)
            }
            _ => Err(error),
        },
    }
}

fn running(whom: &Whom) -> anyhow::Result<Value> {
    let answer = whom.daemon()?.get("/api/v1/adapters")?;
    Ok(answer.get("adapters").cloned().unwrap_or_default())
}

fn told(source: &str, adapters: Value) -> Value {
    json!({ "source": source, "adapters": adapters })
}

/// As the daemon would choose if it began now.
fn files(whom: &Whom) -> anyhow::Result<Value> {
    let (_, config) = whom.file.load()?;
    let engine = engine(&config)?;
    let adapters = config.exchanges.iter().map(|exchange| {
        let mut entry = json!({
            "session": exchange.name,
            "exchange": exchange.venue,
            "enabled": exchange.enabled,
            "file": null,
            "adapter": null,
            "version": null,
            "sha256": null,
            "problem": null,
        });
        let found = match adapter_file(&config, &engine, exchange) {
            Ok(found) => {
                let description = found.adapter.description();
                json!({
                    "file": found.path,
                    "adapter": description.name,
                    "version": description.version,
                    "sha256": found.adapter.sha256(),
                })
            }
            Err(error) => json!({ "problem": error.to_string() }),
        };
        if let (Some(entry), Value::Object(found)) = (entry.as_object_mut(), found) {
            entry.extend(found);
        }
        entry
    });
    Ok(adapters.collect())
}

const RUNNING: [Column; 8] = [
    ("session", "/session"),
    ("state", "/state"),
    ("adapter", "/adapter"),
    ("version", "/version"),
    ("memory", "/memory/bytes"),
    ("faults", "/faults"),
    ("restarts", "/restarts"),
    ("sha256", "/sha256"),
];

const FILES: [Column; 7] = [
    ("session", "/session"),
    ("enabled", "/enabled"),
    ("adapter", "/adapter"),
    ("version", "/version"),
    ("file", "/file"),
    ("sha256", "/sha256"),
    ("problem", "/problem"),
];
