//! The commands that ask a running daemon, against a control API whose supervisor is played.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail")]

mod played;

use std::net::TcpListener;

use played::{Daemon, TOKEN, complaint, marketprism, printed};

#[test]
fn a_command_is_done_and_the_state_printed_each_time_it_is_given() {
    let daemon = Daemon::start(Some(TOKEN));
    for (action, state) in [
        ("stop", "stopped"),
        ("start", "running"),
        ("restart", "running"),
    ] {
        for _ in 0..2 {
            let output = daemon.run(&["adapter", action, "alpha_spot", "-c", "c.yaml"]);
            assert!(output.status.success(), "{}", complaint(&output));
            assert_eq!(printed(&output), format!("alpha_spot: {state}\n"));
        }
    }
}

#[test]
fn a_daemon_is_found_by_its_address_and_its_token_by_a_file() {
    let daemon = Daemon::start(Some(TOKEN));
    let url = daemon.url();
    let by_url = [
        "adapter",
        "stop",
        "alpha_spot",
        "--url",
        &url,
        "--token-file",
    ];
    let output = daemon.run(&[&by_url[..], &["token.txt"]].concat());
    assert_eq!(printed(&output), "alpha_spot: stopped\n");
    let output = daemon.run(&[&by_url[..], &["wrong.txt"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("the token is wrong"));
    let output = daemon.run(&[&by_url[..], &["nothing.txt"]].concat());
    assert!(complaint(&output).contains("the token file nothing.txt"));
}

#[test]
fn what_cannot_be_done_ends_with_one_line_that_says_what_to_do() {
    let daemon = Daemon::start(Some(TOKEN));
    let url = daemon.url();
    let output = daemon.run(&["adapter", "stop", "beta_spot", "-c", "c.yaml"]);
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("no session \"beta_spot\"; there are: alpha_spot"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");

    let output = daemon.run(&["adapter", "stop", "alpha_spot", "--url", &url]);
    let said = complaint(&output);
    assert!(
        said.contains("--token-file FILE, MARKETPRISM_CONTROL_TOKEN"),
        "{said}"
    );

    let output = daemon.run(&["reload", "-c", "c.yaml"]);
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("c.yaml: line 3: no"), "{said}");

    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nowhere = format!("http://{unused}");
    let ask = [
        "adapter",
        "stop",
        "alpha_spot",
        "--token-file",
        "token.txt",
        "--url",
    ];
    let output = daemon.run(&[&ask[..], &[&nowhere]].concat());
    let said = complaint(&output);
    assert!(
        said.contains(&format!("nothing answers at {nowhere}")),
        "{said}"
    );
    assert!(
        said.contains("start the daemon with `marketprism run`"),
        "{said}"
    );

    let daemon = Daemon::start(None);
    let output = daemon.run(&["adapter", "stop", "alpha_spot", "-c", "c.yaml"]);
    assert!(complaint(&output).contains("the daemon has no control token"));
}

#[test]
fn a_list_is_of_the_running_daemon_else_of_the_files() {
    let daemon = Daemon::start(None);
    let list = ["adapter", "list", "-c", "c.yaml"];
    let output = daemon.run(&list);
    let text = printed(&output);
    assert!(output.status.success(), "{}", complaint(&output));
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let line = lines.get(1).unwrap();
    let begin = [
        "alpha_spot",
        "running",
        "alpha",
        "1.2.3",
        "3.0",
        "MiB",
        "0",
        "0",
    ];
    assert!(line.starts_with(&begin), "{text}");
    let output = daemon.run(&[&list[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["source"], "daemon");
    assert_eq!(json["adapters"][0]["limits"]["alarms_max"], 4096);

    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(daemon.folder.path().join("c.yaml")).unwrap();
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let text = text.replace(&daemon.port.to_string(), &unused.port().to_string());
    std::fs::write(folder.path().join("c.yaml"), text).unwrap();
    std::fs::create_dir(folder.path().join("adapters")).unwrap();
    let output = marketprism(folder.path(), &[&list[..], &["--json"]].concat());
    assert!(output.status.success(), "{}", complaint(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["source"], "files");
    let problem = json["adapters"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("make adapters"), "{problem}");
}

#[test]
fn a_file_that_is_no_adapter_is_checked_and_not_usable() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.wasm"), "no adapter").unwrap();
    let output = marketprism(folder.path(), &["adapter", "check", "a.wasm"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        printed(&output).contains("usable     NO"),
        "{}",
        printed(&output)
    );
    assert!(complaint(&output).contains("not a WebAssembly file"));
    let output = marketprism(folder.path(), &["adapter", "check", "a.wasm", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&json["usable"], &json["bytes"]),
        (&false.into(), &10.into())
    );
    let output = marketprism(folder.path(), &["adapter", "check", "b.wasm"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("b.wasm cannot be read"));
}

#[test]
fn help_tells_every_command_and_flag() {
    let folder = tempfile::tempdir().unwrap();
    for (command, wanted) in [
        (
            &["--help"][..],
            &["adapter", "reload", "MARKETPRISM_CONTROL_TOKEN"][..],
        ),
        (
            &["adapter", "--help"],
            &[
                "list",
                "check",
                "start",
                "stop",
                "restart",
                "swap",
                "rollback",
                "shadow",
                "promote",
                "drop",
                "operations",
                "Examples:",
            ],
        ),
        (
            &["adapter", "stop", "--help"],
            &["NAME", "--url", "--token-file", "--config"],
        ),
        (&["adapter", "list", "--help"], &["--json", "--url"]),
        (
            &["adapter", "swap", "--help"],
            &[
                "NAME",
                "FILE.wasm",
                "--no-wait",
                "--json",
                "--url",
                "Exit status",
                "Examples:",
            ],
        ),
        (
            &["adapter", "rollback", "--help"],
            &["NAME", "--no-wait", "--json", "Exit status"],
        ),
        (
            &["adapter", "shadow", "--help"],
            &[
                "NAME",
                "FILE.wasm",
                "--for",
                "--no-wait",
                "--json",
                "Exit status",
                "Examples:",
            ],
        ),
        (
            &["adapter", "promote", "--help"],
            &["OPERATION", "--no-wait"],
        ),
        (&["adapter", "drop", "--help"], &["OPERATION", "--url"]),
        (
            &["adapter", "operations", "--help"],
            &["--session", "--json"],
        ),
        (
            &["adapter", "check", "--help"],
            &["FILE.wasm", "--json", "--config"],
        ),
        (
            &["reload", "--help"],
            &["--url", "--token-file", "--config"],
        ),
    ] {
        let output = marketprism(folder.path(), command);
        let help = printed(&output);
        for word in wanted {
            assert!(
                help.contains(word),
                "{word} is not in the help of {command:?}:\n{help}"
            );
        }
    }
}
