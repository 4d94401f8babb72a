//! `marketprism run`, which is also what runs without a command.

use crate::{GOOD, complaint, printed, run, run_in};

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
