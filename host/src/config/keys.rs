//! Which keys there are: for suggestions, and for whoever describes the configuration.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::block::Block;
use super::{DEFAULTS, Top, file, notices};

/// Sections that hold names of the user's choice, or what is told of the exchange blocks.
const OF_BLOCKS: [&str; 4] = [
    "exchanges",
    "exchange_defaults",
    "adapter_defaults",
    "data_types",
];

/// The keys that the host knows and the defaults that are built in; null where there is none.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// By dotted key; `*` stands for a name of the user's choice.
    pub defaults: BTreeMap<String, Value>,
    /// By exchange: what wins over them, by dotted key relative to the exchange's block.
    pub by_exchange: BTreeMap<String, BTreeMap<String, Value>>,
}

/// The keys of this version.
pub fn keys() -> Keys {
    let built_in = file::tree(DEFAULTS, "built-in defaults").unwrap_or_default();
    let names = names(&built_in);
    let mut keys = Keys::default();
    for (name, tree) in names.file.as_object().into_iter().flatten() {
        if !OF_BLOCKS.contains(&name.as_str()) {
            leaves(tree, name, &mut keys.defaults);
        }
    }
    leaves(&names.block, "exchanges.*", &mut keys.defaults);
    let by_exchange = built_in.get("exchange_defaults").and_then(Value::as_object);
    for (exchange, block) in by_exchange.into_iter().flatten() {
        leaves(
            block,
            "",
            keys.by_exchange.entry(exchange.clone()).or_default(),
        );
    }
    keys
}

fn leaves(tree: &Value, at: &str, into: &mut BTreeMap<String, Value>) {
    match tree {
        Value::Object(map) if !map.is_empty() => {
            for (name, inner) in map {
                let name = if at == "nats.jetstream.streams" {
                    "*"
                } else {
                    name
                };
                let dot = if at.is_empty() { "" } else { "." };
                leaves(inner, &format!("{at}{dot}{name}"), into);
            }
        }
        leaf => drop(into.insert(at.to_owned(), leaf.clone())),
    }
}

/// The names that the host knows, for suggestions.
pub(super) fn names(defaults: &Map<String, Value>) -> notices::Names {
    let mut file = serde_json::to_value(Top::default()).unwrap_or_default();
    let mut block = serde_json::to_value(Block::default()).unwrap_or_default();
    file::merge(&mut file, &Value::Object(defaults.clone()));
    if let Some(defaults) = defaults.get("adapter_defaults") {
        file::merge(&mut block, defaults);
    }
    notices::Names { file, block }
}
