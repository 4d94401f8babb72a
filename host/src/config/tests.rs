//! The whole room on texts: what is read, what is refused and how it is told.

use proptest::prelude::*;
use serde_json::json;
use url::Url;

use super::*;

/// A file that needs nothing else.
const MINIMAL: &str = "
exchanges:
  alpha_spot:
    market_type: spot
    symbols: [BTCUSDT]
    data_types: [orderbook, trade]
";

fn read(text: &str) -> Result<Config, ConfigError> {
    parse(text, "test.yaml", &|_| None)
}

fn read_with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    parse(text, "test.yaml", &|name| {
        variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

/// The lines that tell why `text` is refused.
fn refused(text: &str) -> Vec<String> {
    let told = read(text).unwrap_err().to_string();
    told.lines().map(str::to_owned).collect()
}

/// `MINIMAL` with more lines in its block.
fn with_block(lines: &str) -> String {
    let mut text = MINIMAL.to_owned();
    for line in lines.lines() {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// `MINIMAL` with more sections.
fn with_top(lines: &str) -> String {
    format!("{MINIMAL}{lines}\n")
}

fn readers(settings: &[&str]) -> Readers {
    let settings = settings
        .iter()
        .map(|setting| (*setting).to_owned())
        .collect();
    Readers::from([("alpha_spot".to_owned(), settings)])
}

#[test]
fn one_block_is_enough() {
    let config = read(MINIMAL).unwrap();
    let alpha = &config.exchanges[0];
    assert_eq!(config.exchanges.len(), 1);
    assert_eq!(
        (alpha.name.as_str(), alpha.venue.as_str()),
        ("alpha_spot", "alpha_spot")
    );
    assert!(alpha.enabled && !alpha.wasi);
    assert_eq!(alpha.market_type, MarketType::Spot);
    assert_eq!(alpha.symbols, ["BTCUSDT"]);
    assert_eq!(alpha.data_types, [DataType::Orderbook, DataType::Trade]);
    assert_eq!(
        (alpha.limits.memory_soft_mb, alpha.limits.memory_hard_mb),
        (100, 150)
    );
    assert!(alpha.grants.is_empty());
    assert_eq!(alpha.settings["orderbook"]["method"], json!("websocket"));
    assert_eq!(config.nats.servers, ["nats://127.0.0.1:4222"]);
    assert_eq!(config.nats.streams.len(), 10);
    assert_eq!(
        config.nats.streams["trade"],
        "trade.{exchange}.{market_type}.{symbol}"
    );
    assert_eq!(
        config.nats.jetstream.streams["MARKET_DATA"].subjects.len(),
        6
    );
    assert_eq!(
        (
            config.monitoring.health_check.port,
            config.monitoring.metrics.port
        ),
        (8087, 9092)
    );
    assert_eq!(config.adapters_dir, PathBuf::from("./adapters"));
    assert_eq!(config.data_dir, PathBuf::from("./data"));
    assert!(config.proxy.is_none());
}

#[test]
fn the_defaults_name_every_limit_with_its_built_in_figure() {
    let defaults = file::tree(DEFAULTS, "defaults").unwrap();
    let limits: crate::limits::Limits =
        serde_json::from_value(defaults["adapter_defaults"]["limits"].clone()).unwrap();
    assert_eq!(limits, crate::limits::Limits::default());
    let named = defaults["adapter_defaults"]["limits"]
        .as_object()
        .unwrap()
        .len();
    let fields = format!("{:#?}", limits).lines().count() - 2;
    assert_eq!(named, fields);
}

#[test]
fn the_defaults_of_every_known_exchange_make_a_session_from_symbols_and_data_types() {
    let defaults = file::tree(DEFAULTS, "defaults").unwrap();
    let venues: Vec<&String> = defaults["exchange_defaults"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    let mut text = "exchanges:\n".to_owned();
    for venue in &venues {
        text.push_str(&format!(
            "  {venue}: {{symbols: [A-B], data_types: [trade]}}\n"
        ));
    }
    let config = read(&text).unwrap();
    assert_eq!(config.exchanges.len(), venues.len());
    for exchange in &config.exchanges {
        assert!(exchange.grants.len() >= 2, "{}", exchange.name);
        assert!(exchange.priority < 100, "{}", exchange.name);
    }
    let all = config
        .exchanges
        .iter()
        .map(|exchange| (exchange.name.clone(), Vec::new()));
    assert_eq!(config.notices.unknown(&all.collect()), Vec::<String>::new());
}

#[test]
fn the_shipped_configuration_loads_and_collects_one_exchange() {
    let config = read(include_str!("../../../config/marketprism.yaml")).unwrap();
    assert_eq!(
        config
            .exchanges
            .iter()
            .filter(|exchange| exchange.enabled)
            .count(),
        1
    );
    let name = config.exchanges[0].name.clone();
    let all = Readers::from([(name, vec!["orderbook".to_owned()])]);
    assert_eq!(config.notices.unknown(&all), Vec::<String>::new());
    assert_eq!(config.notices.not_used(&all), Vec::<String>::new());
}

#[test]
fn blocks_keep_the_order_of_the_file() {
    let block = "{market_type: spot, symbols: [A], data_types: [trade]}";
    let text = format!("exchanges:\n  zeta: {block}\n  alpha: {block}\n  mid: {block}\n");
    let config = read(&text).unwrap();
    let names: Vec<&str> = config
        .exchanges
        .iter()
        .map(|exchange| exchange.name.as_str())
        .collect();
    assert_eq!(names, ["zeta", "alpha", "mid"]);
}

#[test]
fn scalars_reach_the_adapter_with_the_type_that_they_have_in_the_file() {
    let text = with_block(
        "own: {resolution: '60', depth: 60, delay: 1.0, on_off: true, word: abc, empty: }",
    );
    let settings = read(&text).unwrap().exchanges.remove(0).settings;
    assert_eq!(
        settings["own"],
        json!({"resolution": "60", "depth": 60, "delay": 1.0, "on_off": true, "word": "abc", "empty": null})
    );
}

#[test]
fn maps_are_merged_and_lists_replaced_and_null_leaves_the_default() {
    let text = "
adapter_defaults: {own: {kept: 1, list: [1, 2, 3]}}
exchange_defaults:
  alpha: {market_type: perpetual, limits: {memory_soft_mb: 10}, own: {list: [4]}}
exchanges:
  desk_one:
    exchange: alpha
    symbols: [A]
    data_types: [trade]
    limits: {memory_hard_mb: 20}
    own: {kept: , added: 2}
";
    let one = read(text).unwrap().exchanges.remove(0);
    assert_eq!(
        (one.name.as_str(), one.venue.as_str()),
        ("desk_one", "alpha")
    );
    assert_eq!(
        (one.limits.memory_soft_mb, one.limits.memory_hard_mb),
        (10, 20)
    );
    assert_eq!(
        one.settings["own"],
        json!({"kept": 1, "list": [4], "added": 2})
    );
    assert_eq!(one.settings["exchange"], json!("alpha"));
    assert_eq!(one.settings["name"], json!("desk_one"));
}

#[test]
fn an_adapter_gets_its_part_of_the_data_types_only() {
    let text = with_top(
        "data_types:
  orderbook: {enabled: true, interval: , exchanges: [alpha_spot]}
  trade:
    interval: 30
    exchanges:
      alpha_spot: {period: 5m}
      beta_spot: {period: 1h}
  liquidation: {interval: 5}",
    );
    let settings = read(&text).unwrap().exchanges.remove(0).settings;
    assert_eq!(
        settings["data_type_settings"],
        json!({"orderbook": {"enabled": true, "interval": null}, "trade": {"interval": 30, "period": "5m"}})
    );
}

#[test]
fn an_adapter_may_connect_to_the_addresses_of_its_block_and_nowhere_else() {
    let text = with_block(
        "api: {base_url: 'https://api.alpha.example', ws_url: 'wss://stream.alpha.example:9443/ws'}
orderbook: {ws_api_url: 'wss://ws-api.alpha.example/v1'}
grants: [cdn.alpha.example, 'http://127.0.0.1:8080']",
    );
    let grants = read(&text).unwrap().exchanges.remove(0).grants;
    let granted = |address: &str| {
        let url = Url::parse(address).unwrap();
        grants.iter().any(|origin| origin.grants(&url))
    };
    assert_eq!(grants.len(), 6);
    assert!(granted("https://api.alpha.example/api/v3/depth?symbol=A"));
    assert!(granted("https://API.alpha.example:443/"));
    assert!(granted("wss://stream.alpha.example:9443/stream"));
    assert!(granted("wss://ws-api.alpha.example/"));
    assert!(granted("https://cdn.alpha.example/") && granted("wss://cdn.alpha.example/"));
    assert!(granted("http://127.0.0.1:8080/x"));
    assert!(!granted("http://api.alpha.example/"));
    assert!(!granted("https://api.alpha.example:8443/"));
    assert!(!granted("wss://stream.alpha.example/stream"));
    assert!(!granted("https://api.alpha.example.evil.example/"));
    assert!(!granted("https://evil.example/api.alpha.example"));
}

#[test]
fn each_value_that_cannot_be_used_is_told_with_its_key_and_reason() {
    let cases = [
        ("symbols: [A, B, A]", r#"symbols: "A" is given twice"#),
        ("symbols: []", "symbols: none is given"),
        (
            "symbols: [A, 5]",
            "symbols.1: invalid type: integer `5`, expected a string",
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
fn a_disabled_block_may_be_empty() {
    let text = with_top("").replace(
        "exchanges:\n",
        "exchanges:\n  beta_spot: {enabled: false, market_type: spot}\n",
    );
    let config = read(&text).unwrap();
    assert_eq!(config.exchanges.len(), 2);
    assert!(!config.exchanges[0].enabled);
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
    assert!(told[0].contains("duplicate"), "{told:?}");
    assert_eq!(
        refused("- a\n"),
        ["test.yaml: line 1, column 1: expected keys and values"]
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
fn the_environment_wins_over_the_file() {
    let text = with_top("nats: {servers: ['nats://file:1']}\nmonitoring: {metrics: {port: 1}}");
    let servers = |variables: &[(&str, &str)]| read_with(&text, variables).unwrap().nats.servers;
    assert_eq!(servers(&[]), ["nats://file:1"]);
    assert_eq!(servers(&[("NATS_URL", "nats://a:1")]), ["nats://a:1"]);
    let both = [
        ("NATS_URL", "nats://a:1"),
        ("MARKETPRISM_NATS_URL", "nats://b:1, c:2"),
    ];
    assert_eq!(servers(&both), ["nats://b:1", "nats://c:2"]);
    assert_eq!(servers(&[("MARKETPRISM_NATS_URL", "")]), ["nats://file:1"]);

    let ports = [
        ("METRICS_PORT", "9"),
        ("HEALTH_CHECK_PORT", "8"),
        ("HEALTH_GRACE_SECONDS", "7"),
    ];
    let monitoring = read_with(&text, &ports).unwrap().monitoring;
    assert_eq!(
        monitoring.metrics,
        MetricsPort {
            enabled: true,
            port: 9
        }
    );
    assert_eq!(
        monitoring.health_check,
        HealthPort {
            enabled: true,
            port: 8,
            grace_s: 7
        }
    );
    let off = read_with(&text, &[("COLLECTOR_ENABLE_HTTP", "0")])
        .unwrap()
        .monitoring;
    assert!(!off.metrics.enabled && !off.health_check.enabled);

    let told = read_with(&text, &[("METRICS_PORT", "many"), ("NATS_URL", "http://h")]);
    assert_eq!(
        told.unwrap_err().to_string(),
        "test.yaml: NATS_URL: scheme \"http\" of \"http://h\" is none of nats, tls, ws, wss\n\
         test.yaml: METRICS_PORT: not a number that fits: \"many\""
    );
}

#[test]
fn sign_in_of_an_address_is_taken_out_of_it() {
    let nats = |address: &str| read_with(MINIMAL, &[("NATS_URL", address)]).unwrap().nats;
    let with_user = nats("nats://me:gehe%40im@h:1");
    assert_eq!(with_user.servers, ["nats://h:1"]);
    assert_eq!(with_user.user.as_deref(), Some("me"));
    assert_eq!(with_user.password.unwrap().expose(), "gehe@im");
    assert_eq!(nats("nats://geheim@h:1").token.unwrap().expose(), "geheim");
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

#[test]
fn a_key_that_nobody_reads_is_told_once_with_the_name_that_was_meant() {
    let text = format!(
        "{}natz: {{servers: []}}\nnats: {{sreams: {{}}, tls: {{requird: true}}, streams: {{trades: 'x.{{symbol}}'}}}}\n\
         data_types: {{trade: {{intervall: 5, other: 1}}, trads: {{a: 1}}}}\n",
        with_block(
            "symbls: [A]\norderbook: {methd: x, deltas: true}\nlimits: {memory_sft_mb: 5}\nwholly: {unknown: {a: 1, b: 2}}\n\
             own: {read: 1, nested: {deep: 2}}"
        )
    );
    let config = read(&text).unwrap();
    let settings = [
        "orderbook.method",
        "orderbook.deltas",
        "own",
        "data_types.trade.interval",
    ];
    assert_eq!(
        config.notices.unknown(&readers(&settings)),
        [
            r#"data_types.trade.intervall (did you mean "interval"?)"#,
            "data_types.trade.other",
            r#"data_types.trads (did you mean "trade"?)"#,
            r#"exchanges.alpha_spot.limits.memory_sft_mb (did you mean "memory_soft_mb"?)"#,
            r#"exchanges.alpha_spot.orderbook.methd (did you mean "method"?)"#,
            r#"exchanges.alpha_spot.symbls (did you mean "symbols"?)"#,
            "exchanges.alpha_spot.wholly",
            r#"nats.sreams (did you mean "streams"?)"#,
            r#"nats.streams.trades (did you mean "trade"?)"#,
            r#"nats.tls.requird (did you mean "required"?)"#,
            r#"natz (did you mean "nats"?)"#,
        ]
    );
    assert_eq!(
        config.notices.not_used(&readers(&settings)),
        Vec::<String>::new()
    );
}

#[test]
fn a_key_of_a_session_whose_adapter_has_not_spoken_is_not_judged() {
    let text = with_block("odd: 1\norderbook: {update_frequency: 1}") + "odd: 1\n";
    let config = read(&text).unwrap();
    assert_eq!(config.notices.unknown(&Readers::new()), ["odd"]);
    assert_eq!(
        config.notices.not_used(&Readers::new()),
        Vec::<String>::new()
    );
}

#[test]
fn a_key_of_the_old_collector_is_not_used_until_an_adapter_reads_it() {
    let text = with_block("orderbook: {update_frequency: 100, publish_interval: 0.1}")
        + "clickhouse: {host: h, port: 1}\nsystem: {name: x}\nnetworking: {http: {timeout: 1}}\n";
    let config = read(&text).unwrap();
    let wanted = [
        "clickhouse",
        "exchanges.alpha_spot.orderbook.publish_interval",
        "exchanges.alpha_spot.orderbook.update_frequency",
        "networking.http",
        "system",
    ];
    assert_eq!(config.notices.not_used(&readers(&[])), wanted);
    assert_eq!(
        config
            .notices
            .not_used(&readers(&["orderbook.publish_interval"])),
        [
            "clickhouse",
            "exchanges.alpha_spot.orderbook.update_frequency",
            "networking.http",
            "system"
        ]
    );
    assert_eq!(config.notices.unknown(&readers(&[])), Vec::<String>::new());
}

#[test]
fn a_file_that_names_streams_means_those_only() {
    let text = with_top(
        "nats: {jetstream: {streams: {OWN: {subjects: [a.>], max_age: 5, duplicate_window: 5}}}}",
    );
    let streams = read(&text).unwrap().nats.jetstream.streams;
    assert_eq!(streams.keys().collect::<Vec<_>>(), ["OWN"]);
    assert_eq!(streams["OWN"].name, "OWN");
    assert_eq!(
        (streams["OWN"].max_age_s, streams["OWN"].max_msgs),
        (5, 5_000_000)
    );
    let text = with_top("nats: {jetstream: {streams: {MARKET_DATA: {max_msgs: 7}}}}");
    let streams = read(&text).unwrap().nats.jetstream.streams;
    assert_eq!(
        (
            streams["MARKET_DATA"].max_msgs,
            streams["MARKET_DATA"].subjects.len()
        ),
        (7, 6)
    );
}

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
    let itself = "a: &a [*a]\n".to_owned();
    for (name, text) in [
        ("laughs", laughs),
        ("deep flow", deep_flow),
        ("deep block", deep_block),
        ("many", many),
        ("big", big),
        ("documents", documents),
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
