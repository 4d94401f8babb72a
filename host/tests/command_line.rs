//! The command line as a person meets it: what it prints, and how it ends.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs `marketprism` in an empty folder with these files.
fn run(files: &[(&str, &str)], arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path: PathBuf = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    Command::new(env!("CARGO_BIN_EXE_marketprism"))
        .args(arguments)
        .current_dir(folder.path())
        .env_remove("MARKETPRISM_LOG_LEVEL")
        .output()
        .unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
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
fn help_names_every_flag_of_replay() {
    let output = run(&[], &["replay", "--help"]);
    assert!(output.status.success());
    let help = String::from_utf8_lossy(&output.stdout);
    for flag in [
        "--config",
        "--exchange",
        "--symbols",
        "--adapter",
        "--nats",
        "--pace",
        "--view",
        "--summary",
        "--log-level",
        "CAPTURE",
    ] {
        assert!(help.contains(flag), "{flag} is not in the help:\n{help}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used_ends_with_64_and_names_file_and_key() {
    let bad = GOOD.replace("[trade]", "[trades]");
    let output = run(&[("c.yaml", &bad)], &REPLAY);
    assert_eq!(output.status.code(), Some(64));
    let complaint = complaint(&output);
    assert!(complaint.contains("c.yaml"), "{complaint}");
    assert!(
        complaint.contains("exchanges.alpha_spot.data_types"),
        "{complaint}"
    );
}

#[test]
fn a_configuration_that_is_no_yaml_ends_with_64_and_names_the_line() {
    let output = run(&[("c.yaml", "exchanges:\n  - [unclosed\n")], &REPLAY);
    assert_eq!(output.status.code(), Some(64));
    assert!(
        complaint(&output).contains("c.yaml"),
        "{}",
        complaint(&output)
    );
}

#[test]
fn a_missing_configuration_ends_with_64() {
    let output = run(&[], &REPLAY);
    assert_eq!(output.status.code(), Some(64));
    assert!(
        complaint(&output).contains("c.yaml"),
        "{}",
        complaint(&output)
    );
}

#[test]
fn an_exchange_that_the_file_does_not_have_ends_with_64_and_tells_which_it_has() {
    let output = run(
        &[("c.yaml", GOOD)],
        &[
            "replay",
            "--config",
            "c.yaml",
            "--exchange",
            "beta_spot",
            "r.jsonl",
        ],
    );
    assert_eq!(output.status.code(), Some(64));
    assert!(
        complaint(&output).contains("alpha_spot"),
        "{}",
        complaint(&output)
    );
}

#[test]
fn a_missing_adapter_ends_with_64_and_tells_how_to_get_one() {
    let output = run(
        &[("c.yaml", GOOD), ("adapters/other.wasm", "not wasm")],
        &REPLAY,
    );
    assert_eq!(output.status.code(), Some(64));
    let complaint = complaint(&output);
    for part in [
        "alpha_spot",
        "other.wasm",
        "not a WebAssembly file",
        "make adapters",
    ] {
        assert!(complaint.contains(part), "no {part:?} in: {complaint}");
    }
}

#[test]
fn a_name_from_the_configuration_cannot_leave_the_adapters_folder() {
    let config = format!("{GOOD}    adapter: ../secret.wasm\n");
    let output = run(
        &[("c.yaml", &config), ("secret.wasm", ""), ("adapters/x", "")],
        &REPLAY,
    );
    assert_eq!(output.status.code(), Some(64));
}

#[test]
fn a_good_configuration_is_said_to_be_usable() {
    let output = run(
        &[("c.yaml", GOOD)],
        &["config", "check", "--config", "c.yaml"],
    );
    assert!(output.status.success(), "{}", complaint(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("usable"));
}

#[test]
fn a_check_names_the_keys_that_nobody_reads() {
    let config = format!("{GOOD}netwroking: {{x: 1}}\n");
    let output = run(
        &[("c.yaml", &config)],
        &["config", "check", "--config", "c.yaml"],
    );
    assert!(output.status.success(), "{}", complaint(&output));
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(answer.contains("unknown key netwroking"), "{answer}");
}
