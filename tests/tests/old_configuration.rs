//! The old collector's configuration file loads unchanged: same sessions, nothing unknown, and what has no effect any
//! more is named.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may end by a panic

use marketprism_host::config::{Config, DataType, MarketType, Readers, load};

/// What adapters read of an old block and of `data_types`.
const SETTINGS: [&str; 8] = [
    "orderbook.method",
    "orderbook.snapshot_interval",
    "orderbook.snapshot_depth",
    "orderbook.depth_limit",
    "orderbook.nats_publish_depth",
    "volatility_index.resolution",
    "data_types.open_interest.interval",
    "data_types.lsr_top_position.interval",
];

fn old_file() -> Config {
    let path = marketprism_tests::shared("marketprism/unified_data_collection.yaml");
    load(&path).unwrap_or_else(|error| panic!("{error}"))
}

fn readers(config: &Config) -> Readers {
    let settings: Vec<String> = SETTINGS
        .iter()
        .map(|setting| (*setting).to_owned())
        .collect();
    config
        .exchanges
        .iter()
        .map(|exchange| (exchange.name.clone(), settings.clone()))
        .collect()
}

#[test]
fn the_old_file_gives_the_five_sessions_in_its_order() {
    let config = old_file();
    let found: Vec<(&str, MarketType, usize, u32, u32, u32)> = config
        .exchanges
        .iter()
        .map(|exchange| {
            assert!(exchange.enabled, "{}", exchange.name);
            assert_eq!(exchange.venue, exchange.name);
            assert_eq!(exchange.symbols.len(), 2);
            (
                exchange.name.as_str(),
                exchange.market_type,
                exchange.data_types.len(),
                exchange.limits.memory_soft_mb,
                exchange.limits.memory_hard_mb,
                exchange.priority,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("binance_spot", MarketType::Spot, 2, 80, 120, 4),
            ("binance_derivatives", MarketType::Perpetual, 7, 100, 140, 3),
            ("okx_spot", MarketType::Spot, 2, 120, 160, 2),
            ("okx_derivatives", MarketType::Perpetual, 7, 150, 200, 1),
            ("deribit_derivatives", MarketType::Perpetual, 1, 60, 100, 5),
        ]
    );
}

#[test]
fn every_session_of_the_old_file_gets_its_settings() {
    let config = old_file();
    let session = |name: &str| {
        config
            .exchanges
            .iter()
            .find(|exchange| exchange.name == name)
            .unwrap()
    };

    let spot = session("binance_spot");
    assert_eq!(spot.settings["orderbook"]["method"], "snapshot");
    assert_eq!(spot.settings["orderbook"]["snapshot_depth"], 100);
    assert_eq!(spot.settings["trade_stream"], "trade");
    let grants: Vec<String> = spot.grants.iter().map(ToString::to_string).collect();
    assert_eq!(
        grants,
        [
            "https://api.binance.com:443",
            "wss://stream.binance.com:9443"
        ]
    );

    let swaps = session("binance_derivatives");
    assert_eq!(swaps.settings["trade_stream"], "aggTrade");
    assert!(
        swaps
            .grants
            .iter()
            .any(|origin| origin.host == "ws-fapi.binance.com")
    );
    let open_interest = &swaps.settings["data_type_settings"]["open_interest"];
    assert_eq!(open_interest["interval"], 30);
    assert_eq!(open_interest["period"], "5m");
    assert!(open_interest.get("exchanges").is_none());
    assert!(open_interest["limit"].is_u64());
    let okx = &session("okx_derivatives").settings["data_type_settings"]["open_interest"];
    assert!(okx["limit"].is_string());

    let deribit = session("deribit_derivatives");
    assert_eq!(deribit.data_types, [DataType::VolatilityIndex]);
    assert_eq!(deribit.settings["volatility_index"]["resolution"], "60");
}

#[test]
fn the_old_file_says_where_messages_go() {
    let nats = old_file().nats;
    assert_eq!(nats.client_name, "unified-collector");
    assert_eq!(
        nats.streams["liquidation"],
        "liquidation.{exchange}.{market_type}.{symbol}"
    );
    assert_eq!(nats.publish.timeout_s, 15);
    let stream = &nats.jetstream.streams["MARKET_DATA"];
    assert_eq!(
        (stream.subjects.len(), stream.duplicate_window_s),
        (18, 120)
    );
}

#[test]
fn no_key_of_the_old_file_is_unknown_and_those_without_effect_are_named() {
    let config = old_file();
    let readers = readers(&config);
    assert_eq!(config.notices.unknown(&readers), Vec::<String>::new());
    let not_used = config.notices.not_used(&readers);
    for key in [
        "clickhouse",
        "system",
        "networking.websocket",
        "exchanges.okx_spot.orderbook.publish_interval",
        "nats.reconnect_time_wait",
        "data_types.trade.enabled",
        "data_types.open_interest.exchanges",
    ] {
        assert!(
            not_used.iter().any(|named| named.starts_with(key)),
            "{key}: {not_used:#?}"
        );
    }
    for used in [
        "networking.proxy",
        "spot.orderbook.method",
        "data_types.open_interest.interval",
        "MARKET_DATA",
    ] {
        assert!(
            !not_used.iter().any(|named| named.contains(used)),
            "{used}: {not_used:#?}"
        );
    }
}
