//! `marketprism replay`.

use crate::{GOOD, REPLAY, complaint, run};

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
        "CAPTURE|BUNDLE",
    ] {
        assert!(help.contains(flag), "{flag} is not in the help:\n{help}");
    }
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
fn a_recording_without_its_exchange_is_asked_for_it() {
    let output = run(&[("r.jsonl", "")], &["replay", "r.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        complaint(&output).contains("--exchange NAME"),
        "{}",
        complaint(&output)
    );
}
