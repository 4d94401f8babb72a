//! Files made to harm the reader.

use proptest::prelude::*;

use super::*;

#[test]
fn a_file_made_to_exhaust_the_reader_is_refused_quickly() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        laughs.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            format!("*a{before}, ").repeat(10)
        ));
    }
    let deep_flow = format!("a: {}", "[".repeat(100_000));
    let deep_block: String = (0..2_000)
        .map(|depth| format!("{}k:\n", " ".repeat(depth)))
        .collect();
    let many = format!("a: [{}]", "1,".repeat(1_000_000));
    let big = format!("a: {}", "x".repeat(5 << 20));
    let documents = "---\na: 1\n".repeat(1_000);
    let copied = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(1 << 20),
        "*a,".repeat(900)
    );
    let itself = "a: &a [*a]\n".to_owned();
    for (name, text) in [
        ("laughs", laughs),
        ("deep flow", deep_flow),
        ("deep block", deep_block),
        ("many", many),
        ("big", big),
        ("documents", documents),
        ("copied", copied),
        ("itself", itself),
    ] {
        let start = std::time::Instant::now();
        let told = refused(&text);
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        assert!(
            told[0].len() < 500 && !told[0].contains("no exchange"),
            "{name}: {told:?}"
        );
        assert!(
            start.elapsed().as_secs() < 5,
            "{name} took {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn a_large_file_of_keys_that_nobody_knows_is_judged_quickly() {
    let start = std::time::Instant::now();
    let own: String = (0..8_000).map(|n| format!("k{n}: 1\n")).collect();
    let top: String = (0..8_000).map(|n| format!("t{n}: 1\n")).collect();
    let config = read(&(with_block(&own) + &top)).unwrap();
    assert_eq!(config.notices.unknown(&readers(&[])).len(), 16_000);
    let symbols: String = (0..90_000).map(|_| "' ',").collect();
    let text = with_block("").replace("[BTCUSDT]", &format!("[{symbols}]"));
    assert!(refused(&text).len() < 60);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn many_blocks_are_refused() {
    let blocks: String = (0..65)
        .map(|n| format!("  x{n}: {{market_type: spot, symbols: [A], data_types: [trade]}}\n"))
        .collect();
    assert_eq!(
        refused(&format!("exchanges:\n{blocks}")),
        ["test.yaml: exchanges: 65 blocks are more than 64"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_text_ends_the_process(text in "[a-z0-9:{}\\[\\]&*!|>'\" \\n.-]{0,200}") {
        let _ = read(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn no_value_in_a_known_place_ends_the_process(
        key in prop::sample::select(vec!["symbols", "limits", "api", "exchange", "market_type", "grants", "adapter", "orderbook"]),
        value in "[a-z0-9:{}\\[\\], '%@/.*-]{0,40}",
    ) {
        let _ = read(&with_block(&format!("{key}: {value}"))).map_err(|error| error.to_string());
        let _ = read(&with_top(&format!("nats: {{{key}: {value}}}")));
        let _ = read_with(MINIMAL, &[("NATS_URL", &value)]);
    }
}
