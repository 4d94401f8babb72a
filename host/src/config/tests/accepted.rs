//! What a file means: defaults, merging, the environment, the settings of an adapter.

use std::time::Duration;

use serde_json::json;
use url::Url;

use super::*;

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
fn the_shipped_configuration_loads_and_collects_five_exchanges() {
    let config = read(include_str!("../../../../config/marketprism.yaml")).unwrap();
    assert_eq!(
        config
            .exchanges
            .iter()
            .filter(|exchange| exchange.enabled)
            .count(),
        5
    );
    let names = config.exchanges.iter().map(|exchange| &exchange.name);
    let all: Readers = names
        .map(|name| (name.clone(), vec!["orderbook".to_owned()]))
        .collect();
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
fn a_swap_has_its_times_and_may_do_without_probation() {
    let swap = |lines: &str| read(&with_top(lines)).unwrap().swap;
    let seconds = |live_within, decision_within, probation| Swap {
        live_within: Duration::from_secs(live_within),
        decision_within: Duration::from_secs(decision_within),
        probation: Duration::from_secs(probation),
    };
    assert_eq!(swap(""), seconds(120, 600, 60));
    assert_eq!(swap("swap: {live_within_seconds: 1}"), seconds(1, 600, 60));
    let longest = "swap: {live_within_seconds: 3600, decision_within_seconds: 86400, probation_seconds: 86400}";
    assert_eq!(swap(longest), seconds(3_600, 86_400, 86_400));
    let at_once = "swap: {decision_within_seconds: 0}";
    assert_eq!(swap(at_once), seconds(120, 0, 60));
    assert_eq!(swap("swap: {probation_seconds: 0}"), seconds(120, 600, 0));
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
            token: None,
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
