//! What is refused, and how it is told.

use super::*;

#[test]
fn each_value_that_cannot_be_used_is_told_with_its_key_and_reason() {
    let cases = [
        ("symbols: [A, B, A]", r#"symbols: "A" is given twice"#),
        ("symbols: []", "symbols: none is given"),
        (
            "symbols: [A, 5]",
            "symbols.1: invalid type: integer `5`, expected a string; put it in quotes",
        ),
        ("symbols: ['A B']", r#"symbols: not a symbol: "A B""#),
        ("data_types: []", "data_types: none is given"),
        (
            "data_types: [trade, trade]",
            r#"data_types: "trade" is given twice"#,
        ),
        (
            "market_type: sport",
            "market_type: unknown variant `sport`, expected one of",
        ),
        (
            "market_type: ",
            "market_type: missing: spot, perpetual or options",
        ),
        (
            "api: {base_url: nonsense}",
            r#"api.base_url: not an address: "nonsense""#,
        ),
        (
            "api: {base_url: 'wss://a.example'}",
            r#"api.base_url: scheme "wss" is none of https, http"#,
        ),
        (
            "api: {ws_url: 'ftp://a.example'}",
            r#"api.ws_url: scheme "ftp" of"#,
        ),
        (
            "api: 5",
            "api: invalid type: integer `5`, expected keys and values",
        ),
        (
            "grants: ['https://u:p@a.example']",
            "grants: an exchange's address holds no user name",
        ),
        (
            "limits: {memory_soft_mb: 200}",
            "limits.memory_soft_mb: 200 is more than memory_hard_mb (150)",
        ),
        (
            "limits: {memory_hard_mb: 5000}",
            "limits.memory_hard_mb: 5000 is more than an adapter can address",
        ),
        (
            "limits: {fuel_per_event_max: 0}",
            "limits.fuel_per_event_max: must be at least 1",
        ),
        (
            "limits: {alarms_max: -1}",
            "limits.alarms_max: invalid value: integer `-1`",
        ),
        (
            "adapter: ../other.wasm",
            r#"adapter: not a file inside the adapters' folder: "../other.wasm""#,
        ),
        (
            "adapter: /etc/passwd",
            "adapter: not a file inside the adapters' folder",
        ),
        (
            "adapter_sha256: abc",
            "adapter_sha256: must be 64 hex digits",
        ),
        (
            "enabled: maybe",
            r#"enabled: invalid type: string "maybe", expected a boolean"#,
        ),
        ("priority: 0", "priority: must be at least 1"),
        (
            "exchange: 'a/b'",
            r#"exchange: not a name of an exchange: "a/b""#,
        ),
    ];
    for (line, wanted) in cases {
        let name = line.split(':').next().unwrap();
        let kept: String = MINIMAL
            .lines()
            .filter(|old| !old.trim_start().starts_with(&format!("{name}:")))
            .map(|old| format!("{old}\n"))
            .collect();
        let told = refused(&format!("{kept}    {line}\n"));
        assert_eq!(told.len(), 1, "{line}: {told:?}");
        let wanted = format!("test.yaml: exchanges.alpha_spot.{wanted}");
        assert!(told[0].starts_with(&wanted), "{}\n{wanted}", told[0]);
    }
}

#[test]
fn what_is_wrong_outside_the_blocks_is_told_as_well() {
    let cases = [
        ("nats: {servers: []}", "nats.servers: no server is given"),
        (
            "nats: {servers: ['http://h']}",
            r#"nats.servers: scheme "http" of "http://h" is none of"#,
        ),
        (
            "nats: {servers: ['h:1', 'nats://h:1']}",
            "nats.servers: nats://h:1 is given twice",
        ),
        ("nats: {user: u}", "nats.password: missing: `user` is given"),
        (
            "nats: {password: p}",
            "nats.user: missing: `password` is given",
        ),
        (
            "nats: {token: t, credentials_file: f}",
            "nats: give user and password, or token, or",
        ),
        (
            "nats: {tls: {cert_file: c}}",
            "nats.tls.key_file: missing: `cert_file` is given",
        ),
        (
            "nats: {streams: {trade: trade}}",
            r#"nats.streams.trade: must hold {symbol}: "trade""#,
        ),
        (
            "nats: {streams: {trade: 'a b.{symbol}'}}",
            "nats.streams.trade: a subject cannot hold ' '",
        ),
        (
            "nats: {streams: {trade: '>.{symbol}'}}",
            "nats.streams.trade: a subject cannot hold '>'",
        ),
        (
            "nats: {streams: {trade: 'x.{symbol}', liquidation: 'x.{symbol}'}}",
            "nats.streams.trade: has the same subjects as liquidation",
        ),
        (
            "nats: {publish: {timeout: 0}}",
            "nats.publish.timeout: must be at least 1 (seconds)",
        ),
        (
            "nats: {jetstream: {streams: {S: {replicas: 9, subjects: [a]}}}}",
            "nats.jetstream.streams.S.replicas: must be 1 to 5",
        ),
        (
            "nats: {jetstream: {streams: {S: {}}}}",
            "nats.jetstream.streams.S.subjects: no subject is given",
        ),
        (
            "nats: {jetstream: {streams: {S: {storage: tape}}}}",
            "nats.jetstream.streams.S.storage: unknown variant `tape`",
        ),
        (
            "monitoring: {metrics: {port: 8087}}",
            "monitoring.metrics.port: 8087 is the port of health_check too",
        ),
        (
            "monitoring: {metrics: {port: 70000}}",
            "monitoring.metrics.port: invalid value: integer `70000`, expected u16",
        ),
        (
            "networking: {proxy: {enabled: true}}",
            "networking.proxy.url: missing: the proxy is enabled",
        ),
        (
            "networking: {proxy: {enabled: true, url: 'x'}}",
            r#"networking.proxy.url: not an http:// address: "x""#,
        ),
        (
            "swap: {live_within_seconds: 0}",
            "swap.live_within_seconds: must be 1 to 3600 (seconds)",
        ),
        (
            "swap: {live_within_seconds: 3601}",
            "swap.live_within_seconds: must be 1 to 3600 (seconds)",
        ),
        (
            "swap: {live_within_seconds: soon}",
            r#"swap.live_within_seconds: invalid type: string "soon""#,
        ),
        (
            "swap: {decision_within_seconds: 86401}",
            "swap.decision_within_seconds: must be 0 to 86400 (seconds)",
        ),
        (
            "swap: {probation_seconds: 86401}",
            "swap.probation_seconds: must be 0 to 86400 (seconds)",
        ),
        (
            "swap: {probation_seconds: -1}",
            "swap.probation_seconds: invalid value: integer `-1`",
        ),
        (
            "data_types: {trade: 5}",
            "data_types.trade: expected keys and values",
        ),
        ("exchange_defaults: {alpha_spot: }", ""),
        ("adapters_dir: ''", "adapters_dir: must be a folder"),
    ];
    for (line, wanted) in cases {
        if wanted.is_empty() {
            read(&with_top(line)).unwrap();
            continue;
        }
        let told = refused(&with_top(line));
        assert!(
            told[0].starts_with(&format!("test.yaml: {wanted}")),
            "{line}: {told:?}\n{wanted}"
        );
    }
}

#[test]
fn all_problems_are_told_together() {
    let told = refused(
        "
exchanges:
  alpha_spot: {market_type: spot, symbols: [A, A], data_types: [tradez], priority: high}
  Alpha_Spot: {symbols: [A], data_types: [trade]}
  'a b': 5
nats: {servers: [5], client_name: {}, streams: {trade: x}}
",
    );
    let wanted = [
        "test.yaml: nats.client_name: ",
        "test.yaml: nats.servers.0: ",
        "test.yaml: nats.streams.trade: ",
        "test.yaml: exchanges.Alpha_Spot: differs from alpha_spot in upper and lower case only",
        "test.yaml: exchanges.alpha_spot.data_types.0: unknown variant `tradez`",
        "test.yaml: exchanges.alpha_spot.priority: ",
        r#"test.yaml: exchanges.alpha_spot.symbols: "A" is given twice"#,
        "test.yaml: exchanges.Alpha_Spot.market_type: missing",
        "test.yaml: exchanges.a b: a name is letters",
        "test.yaml: exchanges.a b: expected the keys and values",
    ];
    for line in wanted {
        assert!(
            told.iter().any(|told| told.starts_with(line)),
            "{line}\n{told:#?}"
        );
    }
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
}

#[test]
fn a_file_without_exchanges_is_refused() {
    assert_eq!(refused(""), ["test.yaml: exchanges: no exchange is given"]);
    assert_eq!(
        refused("exchanges: {}"),
        ["test.yaml: exchanges: no exchange is given"]
    );
    assert_eq!(
        refused("exchanges: [a]"),
        ["test.yaml: exchanges: expected one block of keys and values for each exchange"]
    );
}

#[test]
fn a_syntax_error_is_told_with_line_column_and_reason() {
    let told = refused("exchanges:\n  alpha: [1, 2\nnats: {}\n");
    assert!(
        told[0].starts_with("test.yaml: line 3, column "),
        "{told:?}"
    );
    let told = refused("a: 1\na: 2\n");
    assert!(
        told[0].starts_with("test.yaml: line 2, column 1: "),
        "{told:?}"
    );
    assert!(told[0].ends_with("key \"a\" is given twice"), "{told:?}");
    assert_eq!(
        refused("- a\n"),
        ["test.yaml: line 1, column 1: expected keys and values"]
    );
    assert_eq!(
        refused("a: 1\n---\nb: 2\n"),
        ["test.yaml: line 2, column 1: a second document begins; there can be one only"]
    );
    assert_eq!(told.len(), 1);
}

#[test]
fn a_file_that_is_missing_or_not_text_is_told() {
    let missing = load(Path::new("no/such/file.yaml"))
        .unwrap_err()
        .to_string();
    assert!(
        missing.starts_with("no/such/file.yaml: cannot be read: "),
        "{missing}"
    );
    let told = load(Path::new(env!("CARGO_MANIFEST_DIR")))
        .unwrap_err()
        .to_string();
    assert!(told.contains("cannot be read"), "{told}");
}

#[test]
fn a_password_is_never_printed() {
    let text = with_top(
        "nats: {user: me, password: geheim}\nnetworking: {proxy: {enabled: true, url: 'http://u:geheim@p:1'}}",
    );
    let config = read(&text).unwrap();
    assert_eq!(config.nats.password.as_ref().unwrap().expose(), "geheim");
    assert_eq!(config.nats.password.as_ref().unwrap().to_string(), "***");
    let printed = format!("{config:?} {config:#?}");
    assert!(printed.contains("password: Some(***)") && !printed.contains("geheim"));

    for wrong in [
        "nats: {user: me, password: [geheim]}",
        "nats: {user: me, password: {geheim: 1}}",
        "nats: {servers: ['nats://me:geheim@h:port']}",
        "nats: {servers: ['http://me:geheim@h']}",
        "nats: {password: geheim}",
        "nats: {user: me, password: geheim, token: geheim}",
        "networking: {proxy: {enabled: true, url: 'x://me:geheim@h'}}",
        "nats:\n  password: 'geheim\n",
        "nats:\n  password: geheim\n bad: [\n",
    ] {
        let told = refused(&with_top(wrong)).join("\n");
        assert!(!told.contains("geheim"), "{wrong}: {told}");
    }
    let number = refused(&with_top("nats: {user: me, password: 4711}")).join("\n");
    assert_eq!(
        number,
        "test.yaml: nats.password: expected a text; put it in quotes"
    );
}
