//! `marketprism adapter diff` as a person and a build server meet it: what it prints, and how it ends.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// Three trades; the test adapter rounds those whose id is a multiple of 50.
const TRADES: [(u64, &str); 3] = [(149, "10.25"), (150, "10.25"), (151, "10.25")];

/// Two versions of one adapter, and the exchange that they serve.
struct Versions {
    old: String,
    new: String,
    venue: String,
}

/// A shipped adapter, and the test adapter that is the same but for one rounding.
fn versions() -> &'static Versions {
    static FOUND: OnceLock<Versions> = OnceLock::new();
    FOUND.get_or_init(|| {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let new = project.join("target/guests/rounding.wasm");
        assert!(new.is_file(), "{}: run `make guests`", new.display());
        let venue = venue(&new);
        let built = std::fs::read_dir(project.join("adapters")).unwrap();
        let built = built.map(|entry| entry.unwrap().path());
        let old = built
            .filter(|path| path.extension().is_some_and(|it| it == "wasm"))
            .find(|path| self::venue(path) == venue)
            .expect("run `make adapters`");
        Versions {
            old: old.display().to_string(),
            new: new.display().to_string(),
            venue,
        }
    })
}

/// The first exchange that an adapter file serves.
fn venue(adapter: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let other = "api: {base_url: 'https://a.example', ws_url: 'wss://a.example'}";
    let config = head() + &block("alpha_spot", other);
    std::fs::write(folder.path().join("c.yaml"), config).unwrap();
    let arguments = ["adapter", "check", "--json", "-c", "c.yaml"];
    let output = marketprism(folder.path(), &arguments, &[adapter]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    found["adapter"]["venues"][0].as_str().unwrap().to_owned()
}

fn marketprism(folder: &Path, arguments: &[&str], files: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_marketprism"))
        .env_remove("MARKETPRISM_CONFIG_PATH")
        .env_remove("MARKETPRISM_UNIFIED_DATA_COLLECTION_CONFIG")
        .args(arguments)
        .args(files)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// A configuration with these blocks, for the exchange of both versions.
fn configuration(blocks: &[&str]) -> String {
    let exchange = format!("exchange: {}", versions().venue);
    let blocks = blocks.iter().map(|name| block(name, &exchange));
    head() + &blocks.collect::<String>()
}

/// What stands above the blocks. What is compiled is kept for the next test.
fn head() -> String {
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("adapter_diff");
    format!("data_dir: {}\nexchanges:\n", data.display())
}

fn block(name: &str, more: &str) -> String {
    format!(
        "  {name}:\n    market_type: spot\n    symbols: [BTCUSDT]\n    data_types: [trade]\n    {more}\n"
    )
}

fn recording() -> String {
    let line = |(id, price): &(u64, &str)| {
        let data = format!(
            r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{id},"s":"BTCUSDT","t":{id},"p":"{price}","q":"1.0","T":{id},"m":true,"M":true}}}}"#
        );
        let line =
            serde_json::json!({ "t_ns": id * 1_000_000, "conn": "", "kind": "ws", "data": data });
        format!("{line}\n")
    };
    TRADES.iter().map(line).collect()
}

/// Compares two adapters with these flags in a folder with a configuration and a recording.
fn diff_of(blocks: &[&str], old: &str, new: &str, flags: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path: PathBuf = folder.path().join(name);
        std::fs::write(path, text).unwrap();
    };
    write("c.yaml", configuration(blocks));
    write("r.jsonl", recording());
    let arguments = [&["adapter", "diff", "-c", "c.yaml", old, new], flags].concat();
    marketprism(folder.path(), &arguments, &[])
}

fn diff(old: &str, new: &str, flags: &[&str]) -> Output {
    diff_of(&["alpha_spot"], old, new, flags)
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn an_adapter_and_itself_have_no_difference_and_end_with_0() {
    let Versions { old, .. } = versions();
    let output = diff(old, old, &["r.jsonl"]);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert!(
        printed(&output).ends_with("\nno difference: 3 messages are the same\n"),
        "{}",
        printed(&output)
    );
}

#[test]
fn one_changed_rounding_is_shown_and_ends_with_1() {
    let Versions { old, new, .. } = versions();
    let output = diff(old, new, &["r.jsonl"]);
    assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
    assert!(
        complaint(&output).ends_with("marketprism: the adapters differ: 1 of 3 messages\n"),
        "{}",
        complaint(&output)
    );
    let text = printed(&output);
    assert!(
        text.contains(
            "different: trade 150 of 1970-01-01T00:00:00.150000+00:00: price \"10.25\" became \"10.20\""
        ),
        "{text}"
    );

    let output = diff(old, new, &["r.jsonl", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["is_same"], false);
    assert_eq!(report["totals"]["same"], 2);
    assert_eq!(report["subjects"][0]["different"], 1);
    assert_eq!(report["subjects"][0]["fields"]["price"], 1);
}

#[test]
fn several_files_are_one_recording() {
    let Versions { old, new, .. } = versions();
    let output = diff(
        old,
        new,
        &["r.jsonl", "r.jsonl", "--exchange", "alpha_spot"],
    );
    assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
    assert!(
        complaint(&output).contains("1 of 3 messages"),
        "no trade twice"
    );
}

#[test]
fn what_proves_nothing_is_no_success() {
    let Versions { old, .. } = versions();
    let output = diff(old, old, &["r.jsonl", "--symbols", "ETHUSDT"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complaint(&output).contains("nothing was compared"),
        "{}",
        complaint(&output)
    );
}

#[test]
fn what_cannot_be_used_ends_with_another_status_than_a_difference() {
    let Versions { old, new, .. } = versions();
    for (flags, status, part) in [
        (&["missing.jsonl"][..], 2, "missing.jsonl"),
        (&[], 2, "<CAPTURE>"),
        (&["r.jsonl", "--window", "0"], 2, "--window"),
        (
            &["r.jsonl", "--exchange", "beta_spot"],
            64,
            "no block exchanges.beta_spot",
        ),
    ] {
        let output = diff(old, new, flags);
        let complaint = complaint(&output);
        assert_eq!(output.status.code(), Some(status), "{flags:?}: {complaint}");
        assert!(complaint.contains(part), "{flags:?}: {complaint}");
    }
    for (old, new) in [("missing.wasm", new.as_str()), (old, "c.yaml")] {
        let output = diff(old, new, &["r.jsonl"]);
        assert_eq!(output.status.code(), Some(64), "{}", complaint(&output));
    }
    let two = diff_of(&["alpha_spot", "beta_spot"], old, new, &["r.jsonl"]);
    assert_eq!(two.status.code(), Some(2));
    assert!(
        complaint(&two).contains("--exchange NAME (for both are alpha_spot, beta_spot)"),
        "{}",
        complaint(&two)
    );
    let none = marketprism(
        tempfile::tempdir().unwrap().path(),
        &["adapter", "diff", old, new, "r.jsonl"],
        &[],
    );
    assert_eq!(none.status.code(), Some(64));
}

#[test]
fn help_names_every_flag_and_every_exit_status() {
    let help = printed(&marketprism(
        Path::new("/"),
        &["adapter", "diff", "--help"],
        &[],
    ));
    for part in [
        "<OLD.wasm>",
        "<NEW.wasm>",
        "<CAPTURE>...",
        "--config",
        "--exchange",
        "--symbols",
        "--window",
        "--json",
        "Exit status: 0 no difference; 1 differences; 2",
        "Examples:",
    ] {
        assert!(help.contains(part), "{part} is not in the help:\n{help}");
    }
    assert!(help.lines().all(|line| line.len() <= 120), "{help}");
}
