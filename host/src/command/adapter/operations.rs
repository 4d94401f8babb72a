//! `marketprism adapter operations`: what is being done to the adapters of a running daemon, and what became of it.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::print_json;
use super::table::{Column, print};
use crate::command::daemon::Whom;

const COLUMNS: [Column; 10] = [
    ("operation", "/id"),
    ("session", "/session"),
    ("kind", "/kind"),
    ("stage", "/stage"),
    ("from", "/from/version"),
    ("to", "/to/version"),
    ("began", "/began"),
    ("took", "/took"),
    ("pause", "/pause"),
    ("why", "/why"),
];

/// Of which daemon, and how to show them.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only those of this session
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
    #[command(flatten)]
    whom: Whom,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Lists them, the newest first.
pub fn operations(arguments: &Arguments) -> anyhow::Result<()> {
    let mut path = "/api/v1/operations".to_owned();
    if let Some(session) = &arguments.session {
        let name = utf8_percent_encode(session, NON_ALPHANUMERIC);
        path.push_str(&format!("?session={name}"));
    }
    let answer = arguments.whom.daemon()?.get(&path)?;
    if arguments.json {
        return print_json(&answer);
    }
    print(&COLUMNS, answer.get("operations").unwrap_or(&Value::Null))
}
