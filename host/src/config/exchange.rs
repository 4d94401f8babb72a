//! One exchange block: what the host needs of it, and the settings that its adapter is given.

use std::collections::BTreeSet;
use std::path::{Component, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::file::{merge, merge_map};
use super::key::Key;
use super::origin::Origin;
use super::problem::Problems;
use super::typed;
use crate::limits::Limits;

/// Longest name of a session, in characters: it becomes a file name and a label.
const NAME_CHARS_MAX: usize = 64;

/// Longest symbol, in bytes.
const SYMBOL_BYTES_MAX: usize = 64;

/// Most memory that a 32-bit guest can address, in MiB.
const MEMORY_MB_MAX: u32 = 4096;

/// One session: which exchange, which instruments, which adapter, what it may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// Name of the session: the key of the block.
    pub name: String,
    /// Which exchange it is: the block's `exchange`, else its key. An adapter is chosen by it.
    pub venue: String,
    /// False: not started until a command says so.
    pub enabled: bool,
    /// What is traded there.
    pub market_type: MarketType,
    /// Instruments in the exchange's names, in the order of the file, none twice.
    pub symbols: Vec<String>,
    /// What is collected, in the order of the file, none twice.
    pub data_types: Vec<DataType>,
    /// The adapter's file, relative to the adapters' folder and inside it, where the block names one.
    pub adapter: Option<PathBuf>,
    /// SHA-256 that the adapter's file must have: 64 hex digits, lower case.
    pub adapter_sha256: Option<String>,
    /// True: the adapter may import WASI (an empty one).
    pub wasi: bool,
    /// 1 is the most important; the highest figure is paused first.
    pub priority: u32,
    /// What the adapter may use.
    pub limits: Limits,
    /// Where it may connect to; sorted.
    pub grants: Vec<Origin>,
    /// What the adapter is started with: the block with its defaults, and `data_type_settings`.
    pub settings: Value,
}

/// What kind of market it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MarketType {
    /// Coins, delivered at once.
    Spot,
    /// Swaps and futures.
    #[serde(
        alias = "swap",
        alias = "futures",
        alias = "future",
        alias = "perp",
        alias = "derivatives"
    )]
    Perpetual,
    /// Options.
    #[serde(alias = "option")]
    Options,
}

impl MarketType {
    /// Its name in subjects and payloads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Perpetual => "perpetual",
            Self::Options => "options",
        }
    }
}

/// What can be collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    /// Order books.
    Orderbook,
    /// Trades.
    Trade,
    /// Funding rates.
    FundingRate,
    /// Open interest.
    OpenInterest,
    /// Liquidations.
    Liquidation,
    /// Long/short ratio of the top traders' positions.
    LsrTopPosition,
    /// Long/short ratio of all accounts.
    LsrAllAccount,
    /// Volatility index.
    VolatilityIndex,
}

impl DataType {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Orderbook,
        Self::Trade,
        Self::FundingRate,
        Self::OpenInterest,
        Self::Liquidation,
        Self::LsrTopPosition,
        Self::LsrAllAccount,
        Self::VolatilityIndex,
    ];

    /// Its name in the configuration, in subjects and in payloads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orderbook => "orderbook",
            Self::Trade => "trade",
            Self::FundingRate => "funding_rate",
            Self::OpenInterest => "open_interest",
            Self::Liquidation => "liquidation",
            Self::LsrTopPosition => "lsr_top_position",
            Self::LsrAllAccount => "lsr_all_account",
            Self::VolatilityIndex => "volatility_index",
        }
    }
}

/// The keys of a block that the host reads.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub(super) struct Block {
    name: Option<String>,
    exchange: Option<String>,
    enabled: bool,
    priority: u32,
    market_type: Option<MarketType>,
    symbols: Vec<String>,
    data_types: Vec<DataType>,
    api: Api,
    orderbook: BookAddresses,
    adapter: Option<PathBuf>,
    adapter_sha256: Option<String>,
    wasi: bool,
    grants: Vec<String>,
    #[serde(skip_serializing)]
    limits: Limits,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
struct Api {
    base_url: Option<String>,
    ws_url: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
struct BookAddresses {
    rest_base: Option<String>,
    ws_api_url: Option<String>,
}

/// What surrounds the blocks: what every block and each exchange's block begins with, and `data_types`.
pub(super) struct Surroundings<'a> {
    pub adapter_defaults: &'a Value,
    pub exchange_defaults: &'a Map<String, Value>,
    pub data_types: &'a Map<String, Value>,
}

/// Reads the block `name`. Returns the session, where it makes sense, and the keys, relative to the block, that the
/// host does not read.
pub(super) fn read(
    name: &str,
    block: &Value,
    around: &Surroundings<'_>,
    problems: &mut Problems,
) -> (Option<Exchange>, Vec<Key>) {
    let at = Key::of(["exchanges", name]);
    if !is_name(name) {
        problems.add(&at, "a name is letters, digits, `-` and `_`, at most 64");
    }
    let Value::Object(own) = block else {
        problems.add(&at, "expected the keys and values of one exchange");
        return (None, Vec::new());
    };
    let venue = own
        .get("exchange")
        .and_then(Value::as_str)
        .unwrap_or(name)
        .to_owned();
    if !is_name(&venue) {
        problems.add(
            &at.then("exchange"),
            format!("not a name of an exchange: {venue:?}"),
        );
    }
    let mut settings = around.adapter_defaults.clone();
    if let Some(defaults) = around.exchange_defaults.get(&venue) {
        merge(&mut settings, defaults);
    }
    merge(&mut settings, block);

    let (host, unread) = typed::read::<Block>(settings.clone(), &at, problems);
    let grants = origins(&host, &at, problems);
    check_instruments(&host, &at, problems);
    check_adapter(&host, &at, problems);
    check_limits(&host.limits, &at.then("limits"), problems);
    if host.market_type.is_none() && !problems.about(&at.then("market_type")) {
        problems.add(
            &at.then("market_type"),
            "missing: spot, perpetual or options",
        );
    }

    if let Value::Object(map) = &mut settings {
        let text = |text: &str| Value::String(text.to_owned());
        map.insert("exchange".to_owned(), text(&venue));
        map.insert(
            "name".to_owned(),
            text(host.name.as_deref().unwrap_or(name)),
        );
        map.insert(
            "data_type_settings".to_owned(),
            Value::Object(data_type_settings(
                &host.data_types,
                &venue,
                around.data_types,
            )),
        );
    }
    let exchange = host.market_type.map(|market_type| Exchange {
        name: name.to_owned(),
        venue,
        enabled: host.enabled,
        market_type,
        symbols: host.symbols,
        data_types: host.data_types,
        adapter: host.adapter,
        adapter_sha256: host.adapter_sha256.map(|hash| hash.to_ascii_lowercase()),
        wasi: host.wasi,
        priority: host.priority,
        limits: host.limits,
        grants,
        settings,
    });
    (exchange, unread)
}

/// The part of `data_types` that concerns one session.
fn data_type_settings(
    wanted: &[DataType],
    venue: &str,
    all: &Map<String, Value>,
) -> Map<String, Value> {
    let mut settings = Map::new();
    for name in wanted.iter().map(|data_type| data_type.as_str()) {
        let Some(Value::Object(given)) = all.get(name) else {
            continue;
        };
        let mut part = given.clone();
        if let Some(Value::Object(exchanges)) = part.remove("exchanges")
            && let Some(Value::Object(own)) = exchanges.get(venue)
        {
            merge_map(&mut part, own);
        }
        settings.insert(name.to_owned(), Value::Object(part));
    }
    settings
}

fn origins(block: &Block, at: &Key, problems: &mut Problems) -> Vec<Origin> {
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

fn check_instruments(block: &Block, at: &Key, problems: &mut Problems) {
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

fn check_adapter(block: &Block, at: &Key, problems: &mut Problems) {
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

fn check_limits(limits: &Limits, at: &Key, problems: &mut Problems) {
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
    ];
    for (name, is_zero) in zero {
        if is_zero {
            problems.add(&at.then(name), "must be at least 1");
        }
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

/// True for a name that can be a file name, a label and a word of a command.
fn is_name(text: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
