//! The command line as a person meets it: what it prints, and how it ends.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

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
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketprism"));
    for name in VARIABLES {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .current_dir(folder.path())
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
    let broken = GOOD.replace("symbols: [ABC]", "symbols: [ABC");
    for command in [
        &REPLAY[..],
        &["run", "-c", "c.yaml"],
        &["tail", "-c", "c.yaml"],
    ] {
        let output = run(&[("c.yaml", &broken)], command);
        assert_eq!(output.status.code(), Some(64), "{command:?}");
        let complaint = complaint(&output);
        assert!(complaint.contains("c.yaml: line "), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[test]
fn a_missing_configuration_ends_with_64() {
    for command in [
        &REPLAY[..],
        &["run", "-c", "c.yaml"],
        &["tail", "-c", "c.yaml"],
    ] {
        let output = run(&[], command);
        assert_eq!(output.status.code(), Some(64), "{command:?}");
        let complaint = complaint(&output);
        assert!(complaint.contains("c.yaml: cannot be read"), "{complaint}");
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

#[test]
fn without_a_command_it_runs_the_daemon() {
    for arguments in [
        &["--config", "c.yaml"][..],
        &["-c", "c.yaml", "--mode", "launcher"],
        &["-c", "c.yaml", "-m", "collector", "--single-process"],
        &["run", "-c", "c.yaml", "-e", "alpha_spot", "-l", "info"],
        &["-l", "INFO", "run", "-c", "c.yaml"],
    ] {
        let output = run(&[("c.yaml", GOOD), ("adapters/x", "")], arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(
            printed(&output).contains("] [main] [ERROR] alpha_spot: no adapter in ./adapters"),
            "{arguments:?}: {}",
            printed(&output)
        );
    }
}

#[test]
fn a_single_process_is_what_it_is_anyway_and_one_line_says_so() {
    let output = run(&[("c.yaml", GOOD)], &["-c", "c.yaml", "--single-process"]);
    assert_eq!(printed(&output).matches("--single-process").count(), 1);
}

#[test]
fn mode_test_checks_the_configuration() {
    let output = run(
        &[("c.yaml", GOOD)],
        &["--mode", "test", "--config", "c.yaml"],
    );
    assert!(output.status.success(), "{}", complaint(&output));
    assert!(printed(&output).contains("usable"));
}

#[test]
fn a_flag_of_run_before_another_command_is_refused_and_not_ignored() {
    let output = run(&[("c.yaml", GOOD)], &["-c", "c.yaml", "config", "check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        complaint(&output).contains("`--config` belongs after `config`"),
        "{}",
        complaint(&output)
    );
}

#[test]
fn the_environment_names_the_configuration_of_every_command() {
    let environment = [("MARKETPRISM_CONFIG_PATH", "elsewhere.yaml")];
    for arguments in [
        &[][..],
        &["run"],
        &["config", "check"],
        &["replay", "--exchange", "alpha_spot", "r.jsonl"],
    ] {
        let output = run_in(&environment, &[], arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        let complaint = complaint(&output);
        for part in ["elsewhere.yaml", "MARKETPRISM_CONFIG_PATH"] {
            assert!(complaint.contains(part), "{arguments:?}: {complaint}");
        }
    }
}

#[test]
fn a_level_that_is_none_is_refused_on_the_command_line_and_told_from_the_environment() {
    let output = run(&[("c.yaml", GOOD)], &["-c", "c.yaml", "-l", "loud"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("none of DEBUG, INFO, WARNING, ERROR"));

    let environment = [("MARKETPRISM_LOG_LEVEL", "loud")];
    let output = run_in(&environment, &[("c.yaml", GOOD)], &["-c", "c.yaml"]);
    assert!(
        printed(&output).contains("[WARNING] MARKETPRISM_LOG_LEVEL: \"loud\""),
        "{}",
        printed(&output)
    );
}

#[test]
fn the_daemon_logs_json_on_standard_output_when_the_environment_asks() {
    let environment = [
        ("MARKETPRISM_LOG_JSON", "true"),
        ("MARKETPRISM_LOG_LEVEL", "info"),
    ];
    let output = run_in(&environment, &[("c.yaml", GOOD)], &["-c", "c.yaml"]);
    let lines = printed(&output);
    assert!(!lines.is_empty());
    for line in lines.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["timestamp", "session", "level", "message"] {
            assert!(object.get(key).is_some(), "{line}");
        }
    }
}

#[test]
fn help_names_every_flag_of_tail_and_shows_examples() {
    let help = printed(&run(&[], &["tail", "--help"]));
    for part in [
        "[SUBJECT]",
        "--config",
        "--nats",
        "--raw",
        "--count",
        "--log-level",
        "marketprism tail 'trade.*.spot.>' --count 10",
    ] {
        assert!(help.contains(part), "{part} is not in the help:\n{help}");
    }
}

#[test]
fn a_tail_of_what_is_no_subject_ends_with_64_without_a_server_and_without_a_file() {
    let output = run(
        &[],
        &[
            "tail",
            "trade .>",
            "--nats",
            "nats://bob:hunter2@127.0.0.1:1",
        ],
    );
    assert_eq!(output.status.code(), Some(64));
    let complaint = complaint(&output);
    assert!(complaint.contains("trade .>"), "{complaint}");
    assert!(!complaint.contains("hunter2"), "{complaint}");
}

#[test]
fn a_daemon_without_any_adapter_ends_with_64_and_tells_for_each_exchange_what_to_do() {
    let two = format!(
        "{GOOD}{}",
        GOOD.replace("exchanges:\n", "").replace("alpha", "beta")
    );
    let named = format!("{GOOD}    adapter: alpha.wasm\n");
    for (config, files, parts) in [
        (
            &two,
            &["adapters/x"][..],
            &[
                "alpha_spot: no adapter in ./adapters",
                "beta_spot: no adapter",
                "make adapters",
            ][..],
        ),
        (
            &two,
            &[],
            &[
                "the adapters folder ./adapters cannot be read",
                "adapters_dir",
            ],
        ),
        (
            &named,
            &["adapters/x"],
            &[
                "the adapter file ./adapters/alpha.wasm cannot be read",
                "make adapters",
            ],
        ),
    ] {
        let mut all = vec![("c.yaml", config.as_str())];
        all.extend(files.iter().map(|file| (*file, "")));
        let output = run(&all, &["run", "-c", "c.yaml"]);
        assert_eq!(output.status.code(), Some(64), "{}", complaint(&output));
        for part in parts {
            assert!(
                printed(&output).contains(part),
                "no {part:?} in: {}",
                printed(&output)
            );
        }
    }
}

#[test]
fn an_exchange_that_the_file_does_not_have_is_refused_by_the_daemon_too() {
    for command in [&["run"][..], &[], &["--mode", "test"]] {
        let arguments = [
            command,
            &["-c", "c.yaml", "-e", "alpha_spot", "-e", "beta_spot"],
        ]
        .concat();
        let output = run(&[("c.yaml", GOOD)], &arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        let complaint = complaint(&output);
        assert!(
            complaint.contains("c.yaml has no block exchanges.beta_spot; it has alpha_spot"),
            "{complaint}"
        );
    }
}

#[test]
fn a_tail_without_a_server_says_so_once_an_attempt_and_ends_well_when_it_is_interrupted() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("nats://bob:hunter2@{}", free.local_addr().unwrap());
    drop(free);
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketprism"));
    for name in VARIABLES {
        command.env_remove(name);
    }
    let mut child = command
        .args(["tail", "--nats", &address])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said: Vec<String> = lines.take(2).map(Result::unwrap).collect();
    let asked = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(asked.unwrap().success());
    assert!(child.wait().unwrap().success());
    for (line, pause) in said.iter().zip(["0.5 s", "1.0 s"]) {
        assert!(line.contains("[WARNING] NATS at 127.0.0.1:"), "{line}");
        assert!(
            line.ends_with(&format!("trying again in {pause}")),
            "{line}"
        );
        assert!(!line.contains("hunter2"), "{line}");
    }
}

#[test]
fn without_faults_there_are_no_bundles_and_that_is_no_error() {
    let output = run(&[], &["fault", "list"]);
    assert!(output.status.success(), "{}", complaint(&output));
    assert_eq!(printed(&output), "no bundles in ./data/bundles\n");
    let output = run(&[], &["fault", "list", "--json"]);
    assert!(output.status.success() && printed(&output).is_empty());
}

#[test]
fn what_lies_among_the_bundles_and_is_none_is_listed_as_such() {
    let files = [(
        "data/bundles/20261121T013500.123Z_a_panic_0001.fault.gz",
        "no gzip",
    )];
    let output = run(&files, &["fault", "list"]);
    assert!(output.status.success());
    assert!(
        printed(&output).contains("is no fault bundle; 7 bytes"),
        "{}",
        printed(&output)
    );
    let output = run(&files, &["fault", "list", "--json"]);
    assert!(
        printed(&output).contains(r#""error":"is no fault bundle""#),
        "{}",
        printed(&output)
    );
}

#[test]
fn a_bundle_that_cannot_be_shown_is_named_with_the_reason_in_one_line() {
    let files = [
        ("data/bundles/x.fault.gz", "no gzip"),
        ("data/outside", "no gzip"),
    ];
    for (name, why) in [
        ("x.fault.gz", "is no fault bundle"),
        ("data/bundles/x.fault.gz", "is no fault bundle"),
        ("missing", "cannot be read: No such file"),
        ("../outside", "cannot be read: a path led outside"),
    ] {
        let output = run(&files, &["fault", "show", name]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let complaint = complaint(&output);
        assert!(complaint.contains(why), "{name}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
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
