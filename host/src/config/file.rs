//! One YAML file as a tree: read with bounds on everything, merged over the defaults. The only place that names the
//! YAML library.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::budget::BudgetBreach;

use super::problem::{ConfigError, cut};

/// Longest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Deepest nesting of a configuration.
const DEPTH_MAX: usize = 32;

/// Most values in a configuration, those that an alias repeats included.
const NODES_MAX: usize = 100_000;

const TOO_LARGE: &str = "larger than 4 MiB";

/// The text of the file at `path`.
pub(super) fn text(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |reason| unreadable(&path.display().to_string(), reason);
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(unreadable(TOO_LARGE.to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        unreadable(format!(
            "not UTF-8 text at byte {}",
            error.utf8_error().valid_up_to()
        ))
    })
}

/// The tree that `text` holds; `origin` names it in errors. An empty text is an empty map.
pub(super) fn tree(text: &str, origin: &str) -> Result<Map<String, Value>, ConfigError> {
    let syntax = |line: u64, column: u64, reason: String| ConfigError::Syntax {
        file: origin.to_owned(),
        line,
        column,
        reason,
    };
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(unreadable(origin, TOO_LARGE.to_owned()));
    }
    let value: Value = serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let (line, column) = error
            .location()
            .map_or((1, 1), |place| (place.line(), place.column()));
        let reason = reason(error.without_snippet());
        syntax(line, column, cut(&reason))
    })?;
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(map) => Ok(map),
        _ => Err(syntax(1, 1, "expected keys and values".to_owned())),
    }
}

/// The keys below `exchanges` in the order of the file; empty when there are none. The tree is sorted by key.
pub(super) fn exchange_order(text: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Order {
        exchanges: Keys,
    }
    serde_saphyr::from_str_with_options::<Order>(text, options())
        .map(|order| order.exchanges.0)
        .unwrap_or_default()
}

struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Keys;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Lays `over` on `base`: maps are merged, everything else is replaced; null leaves what is there.
pub(super) fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (_, Value::Null) => {}
        (Value::Object(base), Value::Object(over)) => merge_map(base, over),
        (base, over) => *base = over.clone(),
    }
}

/// `merge` for two maps.
pub(super) fn merge_map(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match base.get_mut(key) {
            Some(existing) => merge(existing, value),
            None => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// What is wrong, in our words where the library's speak of its options.
fn reason(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("key {key:?} is given twice"),
        Error::Budget {
            breach: BudgetBreach::Documents { .. },
            ..
        } => "a second document begins; there can be one only".to_owned(),
        Error::Budget { breach, .. } => {
            format!("more than a configuration may hold: {breach:?}")
        }
        other => {
            let told = other.to_string();
            // The library repeats the place behind the reason.
            told.split(" at line ").next().unwrap_or(&told).to_owned()
        }
    }
}

fn unreadable(file: &str, reason: String) -> ConfigError {
    ConfigError::Unreadable {
        file: file.to_owned(),
        reason,
    }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 4 * NODES_MAX,
            max_nodes: NODES_MAX,
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_documents: 1,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: NODES_MAX,
            max_recorded_anchor_bytes: 2 * FILE_BYTES_MAX as usize,
            max_total_scalar_bytes: 2 * FILE_BYTES_MAX as usize,
            max_merge_keys: 1_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: NODES_MAX,
            max_replay_stack_depth: 16,
            max_alias_expansions_per_anchor: 1_000,
        },
        // A snippet would print the lines around an error, and a password may stand there.
        with_snippet: false,
    }
}
