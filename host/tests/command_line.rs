//! The command line as a person meets it: what it prints, and how it ends.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail")]

#[path = "command_line/configuration.rs"]
mod configuration;
#[path = "command_line/daemon.rs"]
mod daemon;
#[path = "command_line/fault.rs"]
mod fault;
#[path = "command_line/replay.rs"]
mod replay;
#[path = "command_line/tail.rs"]
mod tail;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Every variable of the environment that the daemon reads.
const VARIABLES: [&str; 12] = [
    "MARKETPRISM_CONFIG_PATH",
    "MARKETPRISM_UNIFIED_DATA_COLLECTION_CONFIG",
    "MARKETPRISM_NATS_URL",
    "NATS_URL",
    "MARKETPRISM_LOG_LEVEL",
    "MARKETPRISM_LOG_JSON",
    "MARKETPRISM_DEBUG",
    "COLLECTOR_ENABLE_HTTP",
    "HEALTH_CHECK_PORT",
    "METRICS_PORT",
    "HEALTH_GRACE_SECONDS",
    "MARKETPRISM_CONTROL_TOKEN",
];

/// `marketprism` in a folder, with nothing in its environment that it reads.
fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketprism"));
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.current_dir(folder);
    command
}

/// Runs `marketprism` in an empty folder with these files.
fn run(files: &[(&str, &str)], arguments: &[&str]) -> Output {
    run_in(&[], files, arguments)
}

/// `run` with these variables of the environment.
fn run_in(environment: &[(&str, &str)], files: &[(&str, &str)], arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path: PathBuf = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    command(folder.path())
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const GOOD: &str = "exchanges:\n  alpha_spot:\n    market_type: spot\n    symbols: [ABC]\n    \
                    data_types: [trade]\n    api: {base_url: 'https://a.example', ws_url: 'wss://a.example'}\n";

const REPLAY: [&str; 6] = [
    "replay",
    "--config",
    "c.yaml",
    "--exchange",
    "alpha_spot",
    "r.jsonl",
];

#[test]
fn help_names_every_command_and_every_variable_with_examples() {
    let output = run(&[], &["--help"]);
    assert!(output.status.success());
    let help = printed(&output);
    for part in [
        "run",
        "replay",
        "tail",
        "config",
        "Examples:",
        "--mode",
        "--single-process",
    ]
    .iter()
    .chain(&VARIABLES)
    {
        assert!(help.contains(part), "{part} is not in the help:\n{help}");
    }
    assert!(help.lines().all(|line| line.len() <= 120), "{help}");
}
