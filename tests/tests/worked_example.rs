//! docs/adapter.md and the example that it explains: the document shows the code as it is, and the code does what the
//! document says, natively and as the component that the daemon loads.

use marketprism_example::Example;
use marketprism_host::adapter_folder;
use marketprism_host::config;
use marketprism_host::replay::{Replay, Show};
use marketprism_host::sandbox::{Engine, Grant};
use marketprism_host::session::Plan;
use marketprism_host::wire::Subjects;
use marketprism_host::world::Pace;
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::Event;
use marketprism_tests::replayed::Kept;
use marketprism_tests::workspace;
use serde_json::{Value, json};

const FRAMES: [&str; 5] = [
    r#"{"pair":"BTC/EUR","id":7,"price":"50.10","amount":"2","buy":true,"ms":1700000000000}"#,
    r#"{"pair":"BTC/EUR","id":7,"price":"50.10","amount":"2","buy":true,"ms":1700000000000}"#,
    r#"{"pair":"BTC/EUR","id":9,"price":"50.20","amount":0.5,"buy":false,"ms":1700000000100}"#,
    r#"{"pair":"ETH/EUR","id":1,"price":"3","amount":"1","buy":true,"ms":1700000000200}"#,
    r#"{"pair":"BTC/EUR","id":10,"price":"-1","amount":"1","buy":true,"ms":1700000000300}"#,
];

fn text(path: &str) -> String {
    let path = workspace().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The blocks of a language in the document.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let after = document.split(opening.as_str()).skip(1);
    after
        .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_document_shows_the_code_as_it_is() {
    let document = text("docs/adapter.md");
    let example = "tests/guests/example";
    let sources = [
        "src/lib.rs",
        "src/parse.rs",
        "component/src/lib.rs",
        "component/Cargo.toml",
    ]
    .map(|file| text(&format!("{example}/{file}")));
    let shown: Vec<_> = ["rust", "toml"]
        .iter()
        .flat_map(|language| blocks(&document, language))
        .collect();
    assert!(shown.len() >= 6);
    for block in shown {
        let block = block.trim_end();
        assert!(
            sources.iter().any(|source| source.contains(block)),
            "the example has no such piece:\n{block}"
        );
    }
}

#[test]
fn the_example_says_what_the_document_says() {
    let mut driver = Driver::<Example>::default();
    let settings = r#"{"api":{"ws_url":"wss://stream.example.org/trades"}}"#;
    let mut said = driver.told(1, &testing::start(settings, &["BTC/EUR"]));
    said += &driver.told(2, &Event::Opened(0));
    for (now, frame) in (3..).zip(FRAMES) {
        said += &driver.told(now, &testing::frame(0, frame));
    }
    said += &driver.told(9, &testing::closed(0));
    let document = text("docs/adapter.md");
    let shown = blocks(&document, "text");
    assert!(
        shown.contains(&said),
        "the document does not show what is said:\n{said}"
    );
}

#[test]
fn the_daemon_runs_the_example() {
    let block = blocks(&text("docs/adapter.md"), "yaml").concat();
    let config = config::parse(&block, "docs/adapter.md", &|_| None).expect("a configuration");
    let exchange = &config.exchanges[0];
    let engine = Engine::new(None).expect("the engine starts");
    let path = marketprism_tests::guest("example");
    let adapter = adapter_folder::open(&engine, &path, &Grant::default(), &exchange.limits)
        .expect("the adapter");
    let capture = tempfile::NamedTempFile::new().expect("a file");
    let lines: Vec<_> = (1_700_000_000_000_000_000_u64..)
        .zip(FRAMES)
        .map(|(time, data)| {
            let conn = "wss://stream.example.org/trades";
            json!({"t_ns": time, "conn": conn, "kind": "ws", "data": data}).to_string()
        })
        .collect();
    std::fs::write(capture.path(), lines.join("\n")).expect("written");
    let replay = Replay {
        plan: Plan::new(exchange, Subjects::default(), adapter.into()),
        captures: vec![capture.path().to_path_buf()],
        pace: Pace::Max,
        show: Show::Messages,
        bus: None,
    };
    let output = Kept::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("tokio");
    let summary = runtime
        .block_on(replay.run(Box::new(output.clone()), std::future::pending()))
        .expect("the replay");
    let messages = output.text();
    let trades: Vec<Value> = messages
        .lines()
        .map(|line| serde_json::from_str(line).expect("a message"))
        .collect();
    assert_eq!(trades.len(), 2, "{messages}");
    for (trade, (id, price, side)) in trades
        .iter()
        .zip([("7", "50.10", "buy"), ("9", "50.20", "sell")])
    {
        assert_eq!(trade["subject"], "trade.example.spot.BTC-EUR");
        let payload = &trade["payload"];
        assert_eq!(payload["trade_id"], id);
        assert_eq!(payload["price"], price);
        assert_eq!(payload["side"], side);
    }
    assert_eq!(summary["faults"], 0);
    assert_eq!(summary["refused_frames"], 1);
}
