//! A configuration that can be used, one that cannot, and where it is looked for.

use crate::{GOOD, REPLAY, complaint, run, run_in};

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
