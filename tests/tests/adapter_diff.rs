//! Recordings through two versions of an adapter: identical logic has no difference, one changed rounding has exactly
//! its own.

use std::io::Write;
use std::path::{Path, PathBuf};

use marketprism_host::adapter_folder;
use marketprism_host::compare::{Counts, Report, Settings, SubjectReport};
use marketprism_host::config;
use marketprism_host::replay::Diff;
use marketprism_host::sandbox::{Engine, Grant};
use marketprism_host::session::Plan;
use marketprism_host::wire::{DataType, Subjects};
use marketprism_tests::{adapter, capture, guest};
use serde_json::Value;

/// Compares two versions over a recording, by the first block of a configuration.
fn diff(block: &str, old: &Path, new: &Path, recording: PathBuf) -> Report {
    let config = config::parse(block, "test.yaml", &|_| None).expect("a valid configuration");
    let exchange = &config.exchanges[0];
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("adapter_diff");
    let engine = Engine::new(Some(&cache)).expect("the engine starts");
    let plan = |file: &Path| {
        let adapter =
            adapter_folder::open(&engine, file, &Grant::default(), &exchange.limits).expect("one");
        Plan::new(exchange, Subjects::default(), adapter.into())
    };
    let diff = Diff {
        old: plan(old),
        new: plan(new),
        captures: vec![recording],
        settings: Settings::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("tokio");
    runtime.block_on(diff.run()).expect("a report")
}

fn block(symbols: &str, method: &str) -> String {
    format!(
        "exchanges:\n  binance_spot:\n    market_type: spot\n    symbols: [{symbols}]\n    \
         data_types: [orderbook, trade]\n    orderbook: {{method: {method}}}\n"
    )
}

/// Ids of the recorded trades whose price the test adapter rounds to something else.
fn rounded(recording: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(recording).expect("the recording");
    let mut ids = Vec::new();
    for line in text.lines().filter(|line| line.contains("@trade")) {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let frame: Value =
            serde_json::from_str(line["data"].as_str().expect("data")).expect("JSON");
        let trade = &frame["data"];
        let id = trade["t"].as_u64().expect("an id");
        let price = trade["p"].as_str().expect("a price");
        let (_, places) = price.split_once('.').expect("decimal places");
        if id.is_multiple_of(50) && !places[1..].bytes().all(|digit| digit == b'0') {
            ids.push(id);
        }
    }
    ids
}

fn subject(report: &Report, data_type: DataType) -> &SubjectReport {
    let mut subjects = report.subjects.iter();
    subjects
        .find(|subject| subject.data_type == data_type)
        .expect("published")
}

#[test]
fn one_changed_rounding_gives_exactly_its_differences() {
    let recording = capture("binance_spot.hft-btc-120s");
    let wanted = rounded(&recording);
    assert!(wanted.len() > 30, "{}", wanted.len());
    let report = diff(
        &block("BTCUSDT", "websocket"),
        &adapter("binance"),
        &guest("rounding"),
        recording,
    );
    let trades = subject(&report, DataType::Trade);
    let different = wanted.len() as u64;
    let counts = Counts {
        same: 2570 - different,
        different,
        ..Counts::default()
    };
    assert_eq!(trades.counts, counts);
    assert_eq!(trades.fields.len(), 1);
    assert_eq!(trades.fields["price"], different);
    for (example, id) in trades.examples.iter().zip(&wanted) {
        assert_eq!(example.name, format!("trade {id}"));
        assert_eq!(example.fields.len(), 1);
    }
    for others in report.subjects.iter().filter(|it| *it != trades) {
        let same = others.counts.same;
        let counts = Counts {
            same,
            ..Counts::default()
        };
        assert!(same > 0);
        assert_eq!(others.counts, counts, "{}", others.subject);
    }
    let published: Vec<DataType> = report.subjects.iter().map(|it| it.data_type).collect();
    assert!(published.contains(&DataType::Orderbook));
    assert!(published.contains(&DataType::OrderbookStatus));
    assert_eq!(report.old.refused_frames, report.new.refused_frames);
    assert_ne!(report.old.fuel, report.new.fuel);
    assert!(!report.is_same());
}

#[test]
fn a_version_and_itself_have_no_difference_whatever_is_published() {
    for (name, symbols) in [
        ("binance_spot.hft-btc-120s", "BTCUSDT"),
        (
            "binance_spot.cf-2021-10",
            "NKNUSDT, BLZETH, LRCBTC, RUNEEUR",
        ),
    ] {
        for method in ["snapshot", "websocket"] {
            let same = adapter("binance");
            let report = diff(&block(symbols, method), &same, &same, capture(name));
            assert!(report.is_same(), "{name}, {method}:\n{}", report.text());
            let totals = report.totals();
            assert!(totals.same > 50, "{name}, {method}: {}", totals.same);
            assert_eq!(
                (totals.waiting, totals.repeated, totals.cut_short),
                (0, 0, 0)
            );
            assert_eq!(report.old, report.new);
        }
    }
}

#[test]
fn a_comparison_is_the_same_every_time() {
    let once = || {
        let recording = capture("binance_spot.hft-btc-120s");
        let config = block("BTCUSDT", "snapshot");
        let (old, new) = (adapter("binance"), guest("rounding"));
        diff(&config, &old, &new, recording).json().to_string()
    };
    assert_eq!(once(), once());
}

#[test]
fn a_version_that_faults_without_end_is_given_up_and_the_report_says_why() {
    let block = "exchanges:\n  hostile:\n    exchange: hostile\n    market_type: spot\n    symbols: [A]\n    \
                 data_types: [trade]\n    misbehaviour: panic\n    after: 1\n    stream: 'wss://a.example/'\n    \
                 api: {base_url: 'https://a.example', ws_url: 'wss://a.example'}\n";
    let mut recording = tempfile::NamedTempFile::new().expect("a file");
    for time in 1..=400 {
        let line = format!(r#"{{"t_ns":{time},"conn":"","kind":"ws","data":"x"}}"#);
        writeln!(recording, "{line}").expect("written");
    }
    let hostile = guest("hostile");
    let report = diff(block, &hostile, &hostile, recording.path().to_path_buf());
    assert!(report.is_same(), "{}", report.text());
    assert!(report.totals().same > 50, "{}", report.text());
    for figures in [&report.old, &report.new] {
        assert_eq!(figures.faults, 99);
        let reason = figures.given_up.as_deref().expect("given up");
        assert!(reason.contains("gave up after 100 faults"), "{reason}");
    }
    assert!(report.text().contains("the new one was given up: "));
}
