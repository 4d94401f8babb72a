//! `marketprism tail`.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::{command, complaint, printed, run};

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
fn a_tail_without_a_server_says_so_once_an_attempt_and_ends_well_when_it_is_interrupted() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("nats://bob:hunter2@{}", free.local_addr().unwrap());
    drop(free);
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path())
        .args(["tail", "--nats", &address])
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
