//! `marketprism reload`: a running daemon reads its configuration again.

use std::io::Write;

use serde_json::{Value, json};

use super::daemon::Whom;

/// Which daemon.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    whom: Whom,
}

/// Tells it to, and prints how its sessions are then.
pub fn reload(arguments: &Arguments) -> anyhow::Result<()> {
    let daemon = arguments.whom.daemon()?;
    let answer = daemon.post("/api/v1/reload", &json!({}))?;
    let mut output = std::io::stdout();
    let services = answer.get("services").and_then(Value::as_array);
    for service in services.into_iter().flatten() {
        let text = |key: &str| service.get(key).and_then(Value::as_str).unwrap_or("?");
        writeln!(output, "{}: {}", text("service_name"), text("state"))?;
    }
    Ok(())
}
