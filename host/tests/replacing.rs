//! The commands that replace an adapter while the daemon runs, against a control API whose supervisor is played: each
//! stage is entered when the line of the one before was read.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail")]

mod played;

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use marketprism_host::compare::{Counts, Figures, Report, SubjectReport};
use marketprism_host::status::{Operation, Stage, Version};
use marketprism_host::wire::DataType;
use played::{Daemon, PATIENCE, TOKEN, UNWANTED, complaint, printed};
use serde_json::{Value, json};

const SWAP: [&str; 6] = ["adapter", "swap", "alpha_spot", "new.wasm", "-c", "c.yaml"];

/// A command at work.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Begins it, with files that it may send.
    fn start(daemon: &Daemon, arguments: &[&str]) -> Self {
        files(daemon);
        let mut child = Command::new(env!("CARGO_BIN_EXE_marketprism"))
            .args(arguments)
            .current_dir(daemon.folder.path())
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn says(&mut self, line: &str) {
        assert_eq!(self.lines.next().unwrap().unwrap(), line);
    }

    fn interrupt(&self) {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args(["-INT", &id]).status();
        assert!(killed.unwrap().success());
    }

    /// Its status, what else it printed, and its complaint.
    fn end(self) -> (Option<i32>, String, String) {
        let rest: Vec<String> = self.lines.map(Result::unwrap).collect();
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), rest.join("\n"), complaint(&output))
    }
}

fn files(daemon: &Daemon) {
    let folder = daemon.folder.path();
    // Longer than what a socket holds.
    std::fs::write(folder.join("new.wasm"), vec![7; 6 << 20]).unwrap();
    std::fs::write(folder.join("unwanted.wasm"), UNWANTED).unwrap();
}

fn run(daemon: &Daemon, arguments: &[&str]) -> Output {
    files(daemon);
    daemon.run(arguments)
}

/// Says how an operation goes on.
fn goes_on(daemon: &Daemon, id: u64, change: impl FnOnce(&mut Operation)) {
    daemon.board.operations().update(id, change);
}

fn at(stage: Stage) -> impl FnOnce(&mut Operation) {
    move |it| it.stage = stage
}

fn report(new_price_differs: u64) -> Value {
    let figures = |version: &str| Figures {
        name: "alpha".to_owned(),
        version: version.to_owned(),
        ..Figures::default()
    };
    let report = Report {
        old: figures("1.2.3"),
        new: figures("2.0.0"),
        subjects: vec![SubjectReport {
            data_type: DataType::Trade,
            subject: "trade.alpha.spot.ABC".to_owned(),
            counts: Counts {
                same: 5,
                different: new_price_differs,
                ..Counts::default()
            },
            fields: Default::default(),
            examples: Vec::new(),
        }],
        left_out: Vec::new(),
        lost: 0,
    };
    report.json()
}

/// The number of the operation that a command has begun.
fn begun(daemon: &Daemon) -> u64 {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(operation) = daemon.board.operations().all().pop() {
            return operation.id;
        }
        assert!(Instant::now() < end, "nothing was begun");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn a_swap_is_watched_until_the_new_version_is_there_to_stay() {
    let daemon = Daemon::start(Some(TOKEN));
    let mut swap = Running::start(&daemon, &SWAP);
    swap.says("operation 1: swap of alpha_spot");
    swap.says("waiting");
    let source = daemon.board.operations().get(1).unwrap().source;
    assert_eq!(source, format!("sent with the call ({} bytes)", 6 << 20));
    goes_on(&daemon, 1, at(Stage::Loading));
    swap.says("loading");
    goes_on(&daemon, 1, |it| {
        it.stage = Stage::Starting;
        it.to = Some(Version {
            version: "2.0.0".to_owned(),
            sha256: "0123456789abcdef".repeat(4),
        });
    });
    swap.says("starting 2.0.0 (0123456789ab)");
    for (ready, line) in [(3, "syncing 3 of 5 books"), (4, "syncing 4 of 5 books")] {
        goes_on(&daemon, 1, |it| {
            it.stage = Stage::Syncing;
            (it.books.ready, it.books.of) = (ready, 5);
        });
        swap.says(line);
    }
    goes_on(&daemon, 1, at(Stage::HandingOver));
    swap.says("handing over");
    goes_on(&daemon, 1, |it| {
        it.stage = Stage::Probation;
        it.took = Some(Duration::from_secs(3));
        it.pause = Some(Duration::from_micros(600));
    });
    swap.says("live: nobody published for 0.6 ms; on probation");
    goes_on(&daemon, 1, at(Stage::Done));
    let (status, printed, said) = swap.end();
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(printed, "done: 2.0.0 (0123456789ab) is there to stay");
}

#[test]
fn a_version_that_is_refused_or_rolled_back_is_told_with_its_reason() {
    let rollback = ["adapter", "rollback", "alpha_spot", "-c", "c.yaml"];
    for (arguments, stage, wanted) in [
        (
            &SWAP[..],
            Stage::Refused,
            "swap of alpha_spot: refused: it is too old",
        ),
        (
            &SWAP[..],
            Stage::RolledBack,
            "swap of alpha_spot: rolled back: it is too old",
        ),
        (
            &rollback,
            Stage::Refused,
            "rollback of alpha_spot: refused: it is too old",
        ),
    ] {
        let daemon = Daemon::start(Some(TOKEN));
        let command = Running::start(&daemon, arguments);
        goes_on(&daemon, begun(&daemon), |it| {
            it.stage = stage;
            it.why = Some("it is too old".to_owned());
        });
        let (status, _, said) = command.end();
        assert_eq!(status, Some(1), "{said}");
        assert_eq!(said, format!("marketprism: {wanted}\n"));
    }
}

#[test]
fn what_is_not_begun_is_told_with_what_to_do() {
    let daemon = Daemon::start(Some(TOKEN));
    for (file, name, wanted) in [
        (
            "unwanted.wasm",
            "alpha_spot",
            "not that one; put right what is named",
        ),
        (
            "new.wasm",
            "gamma_spot",
            "no session \"gamma_spot\"; there are: alpha_spot",
        ),
        (
            "new.wasm",
            "../operations",
            "no session \"../operations\"; there are",
        ),
        ("nothing.wasm", "alpha_spot", "nothing.wasm cannot be read"),
    ] {
        let output = run(&daemon, &["adapter", "swap", name, file, "-c", "c.yaml"]);
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(wanted), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    // The daemon answers before it has read the adapter.
    let swap = [
        "adapter",
        "swap",
        "alpha_spot",
        "new.wasm",
        "--token-file",
        "wrong.txt",
    ];
    let output = run(&daemon, &[&swap[..], &["-c", "c.yaml"]].concat());
    let said = complaint(&output);
    assert!(said.contains("the token is wrong"), "{said}");
    assert!(daemon.board.operations().all().is_empty());
}

#[test]
fn who_does_not_want_to_wait_gets_the_number() {
    let daemon = Daemon::start(Some(TOKEN));
    let output = run(&daemon, &[&SWAP[..], &["--no-wait"]].concat());
    assert_eq!(printed(&output), "operation 1\n", "{}", complaint(&output));
    let output = run(&daemon, &[&SWAP[..], &["--no-wait", "--json"]].concat());
    let begun: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        begun,
        json!({ "operation": 2, "location": "/api/v1/operations/2" })
    );
    assert!(output.status.success());
}

#[test]
fn an_interrupt_ends_the_watching_and_nothing_else() {
    let daemon = Daemon::start(Some(TOKEN));
    let mut swap = Running::start(&daemon, &SWAP);
    swap.says("operation 1: swap of alpha_spot");
    swap.interrupt();
    let (status, _, said) = swap.end();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("operation 1 goes on in the daemon"), "{said}");
    assert!(daemon.board.operations().under_way("alpha_spot").is_some());
}

#[test]
fn a_shadow_run_ends_with_the_table_of_what_both_published() {
    for (stage, differing, status, verdict) in [
        (Stage::Done, 0, 0, "no difference: 5 messages are the same"),
        (Stage::Done, 2, 1, "the adapters differ: 2 of 7 messages"),
        (
            Stage::Deciding,
            2,
            1,
            "`marketprism adapter promote 1` lets it take over",
        ),
    ] {
        let daemon = Daemon::start(Some(TOKEN));
        let shadow = [
            "adapter",
            "shadow",
            "alpha_spot",
            "new.wasm",
            "--for",
            "5m",
            "-c",
            "c.yaml",
        ];
        let mut shadow = Running::start(&daemon, &shadow);
        shadow.says("operation 1: shadow of alpha_spot");
        let source = daemon.board.operations().get(1).unwrap().source;
        assert!(source.ends_with("for 300s"), "{source}");
        goes_on(&daemon, 1, |it| {
            it.stage = stage;
            it.report = Some(report(differing));
        });
        let (ended, printed, said) = shadow.end();
        assert_eq!(ended, Some(status), "{said}");
        for part in [
            "the shadow run has ended",
            "alpha 1.2.3",
            "alpha 2.0.0",
            "trade.alpha.spot.ABC",
        ] {
            assert!(printed.contains(part), "{part} is not in\n{printed}");
        }
        assert!(
            format!("{printed}{said}").contains(verdict),
            "{printed}{said}"
        );
    }
}

#[test]
fn the_end_of_an_operation_is_one_json_object() {
    let daemon = Daemon::start(Some(TOKEN));
    let shadow = [
        "adapter",
        "shadow",
        "alpha_spot",
        "new.wasm",
        "--json",
        "-c",
        "c.yaml",
    ];
    let shadow = Running::start(&daemon, &shadow);
    goes_on(&daemon, begun(&daemon), |it| {
        it.stage = Stage::Done;
        it.report = Some(report(0));
    });
    let (status, printed, said) = shadow.end();
    assert_eq!(status, Some(0), "{said}");
    let told: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        (&told["stage"], &told["report"]),
        (&json!("done"), &report(0))
    );
}

#[test]
fn a_candidate_is_promoted_or_dropped_by_the_number_of_its_operation() {
    let daemon = Daemon::start(Some(TOKEN));
    let shadow = [
        "adapter",
        "shadow",
        "alpha_spot",
        "new.wasm",
        "--no-wait",
        "-c",
        "c.yaml",
    ];
    assert_eq!(printed(&run(&daemon, &shadow)), "operation 1\n");
    let mut promote = Running::start(&daemon, &["adapter", "promote", "1", "-c", "c.yaml"]);
    promote.says("operation 1: shadow of alpha_spot");
    promote.says("handing over");
    goes_on(&daemon, 1, |it| {
        it.stage = Stage::Done;
        it.took = Some(Duration::from_secs(1));
    });
    assert_eq!(promote.end().0, Some(0));
    run(&daemon, &shadow);
    let output = run(&daemon, &["adapter", "drop", "2", "-c", "c.yaml"]);
    assert_eq!(
        printed(&output),
        "operation 2: dropped\n",
        "{}",
        complaint(&output)
    );
    let output = run(&daemon, &["adapter", "drop", "9", "-c", "c.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("there is no such operation"));
}

#[test]
fn operations_are_listed_the_newest_first() {
    let daemon = Daemon::start(Some(TOKEN));
    run(&daemon, &[&SWAP[..], &["--no-wait"]].concat());
    run(
        &daemon,
        &[
            "adapter",
            "rollback",
            "alpha_spot",
            "--no-wait",
            "-c",
            "c.yaml",
        ],
    );
    goes_on(&daemon, 1, |it| {
        it.stage = Stage::Refused;
        it.why = Some("it is too old".to_owned());
    });
    let list = ["adapter", "operations", "-c", "c.yaml"];
    let text = printed(&run(&daemon, &list));
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let (rollback, swap) = (rows.get(1).unwrap(), rows.get(2).unwrap());
    assert!(
        rollback.starts_with(&["2", "alpha_spot", "rollback", "waiting"]),
        "{text}"
    );
    assert!(
        swap.starts_with(&["1", "alpha_spot", "swap", "refused"]),
        "{text}"
    );
    assert!(swap.ends_with(&["it", "is", "too", "old"]), "{text}");
    for (session, count) in [("alpha_spot", 2), ("beta_spot", 0)] {
        let output = run(
            &daemon,
            &[&list[..], &["--json", "--session", session]].concat(),
        );
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["operations"].as_array().unwrap().len(), count);
    }
}
