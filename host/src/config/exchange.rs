//! One exchange block: what the host needs of it, and the settings that its adapter is given.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::block::{Block, check_adapter, check_instruments, check_limits, origins};
use super::file::{merge, merge_map};
use super::key::Key;
use super::market::{DataType, MarketType};
use super::origin::Origin;
use super::problem::Problems;
use super::typed;
use crate::limits::Limits;

/// Longest name of a session, in characters: it becomes a file name and a label.
const NAME_CHARS_MAX: usize = 64;

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
) -> (Option<Exchange>, BTreeSet<Key>) {
    let at = Key::of(["exchanges", name]);
    if !is_name(name) {
        problems.add(&at, "a name is letters, digits, `-` and `_`, at most 64");
    }
    let Value::Object(own) = block else {
        problems.add(&at, "expected the keys and values of one exchange");
        return (None, BTreeSet::new());
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

/// True for a name that can be a file name, a label and a word of a command.
fn is_name(text: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
