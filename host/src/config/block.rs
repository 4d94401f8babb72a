//! The keys of an exchange block that the host reads, and their checks.

use std::collections::BTreeSet;
use std::path::{Component, PathBuf};

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::market::{DataType, MarketType};
use super::origin::Origin;
use super::problem::Problems;
use crate::limits::Limits;

/// Longest symbol, in bytes.
const SYMBOL_BYTES_MAX: usize = 64;

/// Most bytes of events that may be kept for the bundle of a fault: a bundle must fit into its folder.
const FLIGHT_BYTES_MAX: usize = 128 << 20;

/// Most memory that a 32-bit guest can address, in MiB.
const MEMORY_MB_MAX: u32 = 4096;

/// The keys of a block that the host reads.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub(super) struct Block {
    pub name: Option<String>,
    pub exchange: Option<String>,
    pub enabled: bool,
    pub priority: u32,
    pub market_type: Option<MarketType>,
    pub symbols: Vec<String>,
    pub data_types: Vec<DataType>,
    pub api: Api,
    pub orderbook: BookAddresses,
    pub adapter: Option<PathBuf>,
    pub adapter_sha256: Option<String>,
    pub wasi: bool,
    pub grants: Vec<String>,
    #[serde(skip_serializing)]
    pub limits: Limits,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub(super) struct Api {
    base_url: Option<String>,
    ws_url: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub(super) struct BookAddresses {
    rest_base: Option<String>,
    ws_api_url: Option<String>,
}

/// Where the addresses and grants of the block lead to; notes those that cannot be used.
pub(super) fn origins(block: &Block, at: &Key, problems: &mut Problems) -> Vec<Origin> {
    let mut found = BTreeSet::new();
    let addresses = [
        ("api", "base_url", &block.api.base_url, ["https", "http"]),
        ("api", "ws_url", &block.api.ws_url, ["wss", "ws"]),
        (
            "orderbook",
            "rest_base",
            &block.orderbook.rest_base,
            ["https", "http"],
        ),
        (
            "orderbook",
            "ws_api_url",
            &block.orderbook.ws_api_url,
            ["wss", "ws"],
        ),
    ];
    for (section, name, address, schemes) in addresses {
        let Some(address) = address else { continue };
        let key = at.then(section).then(name);
        match Origin::of(address) {
            Ok(origin) if schemes.contains(&origin.scheme.as_str()) => {
                found.insert(origin);
            }
            Ok(origin) => problems.add(
                &key,
                format!(
                    "scheme {:?} is none of {}",
                    origin.scheme,
                    schemes.join(", ")
                ),
            ),
            Err(reason) => problems.add(&key, reason),
        }
    }
    for entry in &block.grants {
        match Origin::granted_by(entry) {
            Ok(origins) => found.extend(origins),
            Err(reason) => problems.add(&at.then("grants"), reason),
        }
    }
    found.into_iter().collect()
}

/// Notes symbols and data types that cannot be used.
pub(super) fn check_instruments(block: &Block, at: &Key, problems: &mut Problems) {
    let symbols = at.then("symbols");
    if block.enabled && block.symbols.is_empty() && !problems.about(&symbols) {
        problems.add(&symbols, "none is given");
    }
    if block.symbols.len() > block.limits.instruments_max {
        problems.add(
            &symbols,
            format!(
                "{} are more than limits.instruments_max ({})",
                block.symbols.len(),
                block.limits.instruments_max
            ),
        );
    }
    let mut seen = BTreeSet::new();
    for symbol in &block.symbols {
        let blank = symbol.chars().any(|c| c.is_whitespace() || c.is_control());
        if symbol.is_empty() || blank || symbol.len() > SYMBOL_BYTES_MAX {
            problems.add(&symbols, format!("not a symbol: {symbol:?}"));
        } else if !seen.insert(symbol) {
            problems.add(&symbols, format!("{symbol:?} is given twice"));
        }
    }
    let data_types = at.then("data_types");
    if block.enabled && block.data_types.is_empty() && !problems.about(&data_types) {
        problems.add(&data_types, "none is given");
    }
    let mut seen = BTreeSet::new();
    for data_type in &block.data_types {
        if !seen.insert(data_type) {
            problems.add(
                &data_types,
                format!("{:?} is given twice", data_type.as_str()),
            );
        }
    }
}

/// Notes what cannot be used of the adapter and its rank.
pub(super) fn check_adapter(block: &Block, at: &Key, problems: &mut Problems) {
    if let Some(path) = &block.adapter {
        let inside = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !inside || path.as_os_str().is_empty() {
            problems.add(
                &at.then("adapter"),
                format!(
                    "not a file inside the adapters' folder: {:?}",
                    path.display().to_string()
                ),
            );
        }
    }
    if let Some(hash) = &block.adapter_sha256
        && (hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        problems.add(&at.then("adapter_sha256"), "must be 64 hex digits");
    }
    if block.priority == 0 && !problems.about(&at.then("priority")) {
        problems.add(&at.then("priority"), "must be at least 1");
    }
}

/// Notes limits that cannot be used.
pub(super) fn check_limits(limits: &Limits, at: &Key, problems: &mut Problems) {
    // Taken apart, so that a limit that is added cannot be forgotten here.
    let Limits {
        memory_soft_mb,
        memory_hard_mb,
        fuel_per_event_max,
        frame_bytes_max,
        actions_per_event_max,
        output_bytes_max,
        connections_max,
        requests_in_flight_max,
        alarms_max,
        instruments_max,
        log_lines_per_second_max,
        flight_bytes_max,
    } = limits;
    let zero = [
        ("memory_soft_mb", *memory_soft_mb == 0),
        ("memory_hard_mb", *memory_hard_mb == 0),
        ("fuel_per_event_max", *fuel_per_event_max == 0),
        ("frame_bytes_max", *frame_bytes_max == 0),
        ("actions_per_event_max", *actions_per_event_max == 0),
        ("output_bytes_max", *output_bytes_max == 0),
        ("connections_max", *connections_max == 0),
        ("requests_in_flight_max", *requests_in_flight_max == 0),
        ("alarms_max", *alarms_max == 0),
        ("instruments_max", *instruments_max == 0),
        ("log_lines_per_second_max", *log_lines_per_second_max == 0),
        ("flight_bytes_max", *flight_bytes_max == 0),
    ];
    for (name, is_zero) in zero {
        if is_zero {
            problems.add(&at.then(name), "must be at least 1");
        }
    }
    if *flight_bytes_max > FLIGHT_BYTES_MAX {
        problems.add(
            &at.then("flight_bytes_max"),
            format!(
                "{flight_bytes_max} is more than a fault's bundle may hold ({FLIGHT_BYTES_MAX})"
            ),
        );
    }
    if memory_soft_mb > memory_hard_mb {
        problems.add(
            &at.then("memory_soft_mb"),
            format!("{memory_soft_mb} is more than memory_hard_mb ({memory_hard_mb})"),
        );
    }
    if *memory_hard_mb > MEMORY_MB_MAX {
        problems.add(
            &at.then("memory_hard_mb"),
            format!("{memory_hard_mb} is more than an adapter can address ({MEMORY_MB_MAX})"),
        );
    }
}
