//! The one configuration file: read, laid over the defaults, checked, and handed out as plain typed values.
//!
//! Promises: a file that cannot be used is refused with every reason at once; what it says is never half taken over;
//! no password of it is ever printed. Which adapter a block gets, and whether a file exists, is decided by others.

mod block;
mod exchange;
mod file;
mod jetstream;
mod key;
mod keys;
mod limits;
mod market;
mod monitoring;
mod nats;
mod notices;
mod origin;
mod problem;
mod server;
mod swap;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may end by a panic
mod tests;
mod typed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use exchange::Exchange;
pub use jetstream::{Discard, JetStream, Retention, Storage, Stream};
pub use keys::{Keys, keys};
pub use limits::changed_limits;
pub use market::{DataType, MarketType};
pub use monitoring::{HealthPort, MetricsPort, Monitoring, Proxy};
pub use nats::{CompatMode, Naming, Nats, Publish, Spool, Tls};
pub use notices::{Notices, Readers};
pub use origin::Origin;
pub use problem::{ConfigError, Problem};
pub use swap::Swap;

use key::Key;
use keys::names;
use problem::Problems;

/// The defaults of everything, built in.
const DEFAULTS: &str = include_str!("../../../config/defaults.yaml");

/// Most exchange blocks: each is a thread, and gets its own copy of the defaults.
const EXCHANGES_MAX: usize = 64;

/// Looks an environment variable up; a test needs no environment of the process.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What one configuration file says, defaults and environment included.
#[derive(Debug, Clone)]
pub struct Config {
    /// The sessions, in the order of the file, disabled ones too; at least one.
    pub exchanges: Vec<Exchange>,
    /// Where messages go.
    pub nats: Nats,
    /// The HTTP ports.
    pub monitoring: Monitoring,
    /// The proxy for the connections to the exchanges.
    pub proxy: Option<Proxy>,
    /// How adapters are replaced while they run.
    pub swap: Swap,
    /// Folder of the adapters; relative to the working directory.
    pub adapters_dir: PathBuf,
    /// Folder for everything that is written; relative to the working directory.
    pub data_dir: PathBuf,
    /// Keys that nobody reads.
    pub notices: Notices,
}

/// Reads the file at `path` with the environment of this process.
///
/// # Errors
/// When the file cannot be read or used: the text of the error is what the user needs, one line for each problem.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let environment = |name: &str| std::env::var(name).ok();
    parse(
        &file::text(path)?,
        &path.display().to_string(),
        &environment,
    )
}

/// Reads a configuration from its text; `origin` names it in errors.
///
/// # Errors
/// As `load`.
pub fn parse(
    text: &str,
    origin: &str,
    environment: Environment<'_>,
) -> Result<Config, ConfigError> {
    let given = file::tree(text, origin)?;
    let order = file::exchange_order(text);
    let defaults = file::tree(DEFAULTS, "built-in defaults")?;
    let mut problems = Problems::default();

    let mut merged = defaults.clone();
    forget_streams_not_named(&mut merged, &given);
    file::merge_map(&mut merged, &given);
    let (mut top, mut unread) =
        typed::read::<Top>(Value::Object(merged), &Key::default(), &mut problems);

    let kinds: Vec<&str> = names_below(&defaults, &["nats", "streams"]);
    let nats_unread = top.nats.finish(&kinds, environment, &mut problems);
    unread.extend(nats_unread.iter().map(|key| Key::of(["nats"]).join(key)));
    top.monitoring.finish(environment, &mut problems);
    let proxy = top.networking.proxy(&mut problems);
    let swap = top.swap.finish(&mut problems);
    for (name, folder) in [
        ("adapters_dir", &top.adapters_dir),
        ("data_dir", &top.data_dir),
    ] {
        if folder.as_os_str().is_empty() && !problems.about(&Key::of([name])) {
            problems.add(&Key::of([name]), "must be a folder");
        }
    }

    // Nulls of `data_types` are passed on as they are: an adapter may ask for them.
    top.data_types = data_types(&given, &mut problems);
    for (venue, defaults) in &top.exchange_defaults {
        if !defaults.is_object() {
            problems.add(
                &Key::of(["exchange_defaults", venue]),
                "expected keys and values",
            );
        }
    }
    let around = exchange::Surroundings {
        adapter_defaults: &Value::Object(top.adapter_defaults),
        exchange_defaults: &top.exchange_defaults,
        data_types: &top.data_types,
    };
    let blocks = ordered(given.get("exchanges"), &order, &mut problems);
    let mut exchanges = Vec::new();
    for (name, block) in &blocks {
        exchanges.push(exchange::read(name, block, &around, &mut problems));
    }
    let sessions: Vec<notices::Session<'_>> = exchanges
        .iter()
        .filter_map(|(exchange, unread)| {
            exchange
                .as_ref()
                .map(|exchange| notices::Session { exchange, unread })
        })
        .collect();
    let notices = Notices::new(&given, &unread, &sessions, names(&defaults));
    problems.or(
        origin,
        Config {
            exchanges: exchanges
                .into_iter()
                .filter_map(|(exchange, _)| exchange)
                .collect(),
            nats: top.nats,
            monitoring: top.monitoring,
            proxy,
            swap,
            adapters_dir: top.adapters_dir,
            data_dir: top.data_dir,
            notices,
        },
    )
}

/// The keys at the top of the file.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
struct Top {
    exchanges: Value,
    exchange_defaults: Map<String, Value>,
    adapter_defaults: Map<String, Value>,
    data_types: Map<String, Value>,
    nats: Nats,
    monitoring: Monitoring,
    networking: monitoring::Networking,
    swap: swap::Section,
    adapters_dir: PathBuf,
    data_dir: PathBuf,
}

/// A file that names JetStream streams means those and no others; of those that it names, defaults fill the gaps.
fn forget_streams_not_named(defaults: &mut Map<String, Value>, given: &Map<String, Value>) {
    let named = ["nats", "jetstream", "streams"];
    let mut tree = given.get("nats");
    for segment in named.iter().skip(1) {
        tree = tree.and_then(|tree| tree.get(segment));
    }
    if let Some(Value::Object(given)) = tree
        && let Some(Value::Object(defaults)) = defaults
            .get_mut("nats")
            .and_then(|tree| tree.pointer_mut("/jetstream/streams"))
    {
        defaults.retain(|name, _| given.contains_key(name));
    }
}

/// The `data_types` of the file; every one must be a map.
fn data_types(given: &Map<String, Value>, problems: &mut Problems) -> Map<String, Value> {
    let Some(Value::Object(all)) = given.get("data_types") else {
        return Map::new();
    };
    for (name, settings) in all {
        if !settings.is_object() && !settings.is_null() {
            problems.add(&Key::of(["data_types", name]), "expected keys and values");
        }
    }
    all.clone()
}

/// The exchange blocks in the order of the file.
fn ordered(
    blocks: Option<&Value>,
    order: &[String],
    problems: &mut Problems,
) -> Vec<(String, Value)> {
    let at = Key::of(["exchanges"]);
    let mut left = match blocks {
        Some(Value::Object(map)) if !map.is_empty() => map.clone(),
        None | Some(Value::Null | Value::Object(_)) => {
            problems.add(&at, "no exchange is given");
            return Vec::new();
        }
        Some(_) => {
            problems.add(
                &at,
                "expected one block of keys and values for each exchange",
            );
            return Vec::new();
        }
    };
    let mut blocks = Vec::new();
    for name in order {
        if let Some(block) = left.remove(name) {
            blocks.push((name.clone(), block));
        }
    }
    blocks.extend(left);
    if blocks.len() > EXCHANGES_MAX {
        problems.add(
            &at,
            format!("{} blocks are more than {EXCHANGES_MAX}", blocks.len()),
        );
        blocks.truncate(EXCHANGES_MAX);
    }
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    for (name, _) in &blocks {
        if let Some(other) = seen.insert(name.to_lowercase(), name) {
            problems.add(
                &at.then(name),
                format!("differs from {other} in upper and lower case only"),
            );
        }
    }
    blocks
}

fn names_below<'a>(tree: &'a Map<String, Value>, path: &[&str]) -> Vec<&'a str> {
    let Some((first, rest)) = path.split_first() else {
        return tree.keys().map(String::as_str).collect();
    };
    match tree.get(*first) {
        Some(Value::Object(inner)) => names_below(inner, rest),
        _ => Vec::new(),
    }
}
