//! `marketprism adapter check`: what a file is, what it asks for, and what the configuration would grant it.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use marketprism_host::adapter_folder;
use marketprism_host::config::{Config, Exchange};
use marketprism_host::limits::Limits;
use marketprism_host::sandbox::contract::{Description, Venue};
use marketprism_host::sandbox::{CONTRACT_VERSION, Engine, Grant, Outline};

use super::print_json;
use crate::command::ConfigFile;
use crate::command::plans::{adapter_file, engine};

/// Which file, against which configuration.
#[derive(clap::Args)]
pub struct Arguments {
    /// The adapter file
    #[arg(value_name = "FILE.wasm")]
    adapter: PathBuf,
    #[command(flatten)]
    file: ConfigFile,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What was found.
struct Report {
    file: String,
    bytes: usize,
    outline: Outline,
    description: Option<Description>,
    /// Why it cannot be used.
    problem: Option<String>,
    /// The blocks that it would serve; none where there is no configuration.
    blocks: Option<Vec<Block>>,
}

/// A block of the configuration that the file would serve.
struct Block {
    session: String,
    /// None when the block uses this file; else why not.
    not_used: Option<String>,
    origins: Vec<String>,
    wasi: bool,
    data_types_missing: Vec<&'static str>,
}

/// Tells it; an error says that the file cannot be used.
pub fn check(arguments: &Arguments) -> anyhow::Result<()> {
    let config = match arguments.file.is_absent() {
        true => None,
        false => Some(arguments.file.load()?.1),
    };
    let engine = match &config {
        Some(config) => engine(config)?,
        None => Engine::new(None)?,
    };
    let path = &arguments.adapter;
    // What cannot be used is no fault of the configuration, as it would be for a daemon.
    let bytes = adapter_folder::read(path).map_err(|error| anyhow::anyhow!("{error}"))?;
    let loaded =
        adapter_folder::accept(&engine, path, &bytes, &Grant::default(), &Limits::default());
    let (description, problem) = match loaded {
        Ok(adapter) => (Some(adapter.description().clone()), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let blocks = match (&config, &description) {
        (Some(config), Some(description)) => Some(blocks(config, &engine, path, description)),
        _ => None,
    };
    let report = Report {
        file: path.display().to_string(),
        bytes: bytes.len(),
        outline: Outline::of(&engine, &bytes),
        description,
        problem,
        blocks,
    };
    if arguments.json {
        print_json(&report.json())?;
    } else {
        for (name, text) in report.lines() {
            writeln!(std::io::stdout(), "{name:<11}{text}")?;
        }
    }
    match report.problem {
        Some(problem) => Err(anyhow::anyhow!("not usable: {problem}")),
        None => Ok(()),
    }
}

fn blocks(config: &Config, engine: &Engine, path: &Path, description: &Description) -> Vec<Block> {
    let served = config.exchanges.iter().filter(|exchange| {
        description
            .venues
            .iter()
            .any(|it| it.name == exchange.venue)
    });
    let block = |exchange: &Exchange| Block {
        session: exchange.name.clone(),
        not_used: not_used(config, engine, exchange, path),
        origins: exchange.grants.iter().map(ToString::to_string).collect(),
        wasi: exchange.wasi,
        data_types_missing: exchange
            .data_types
            .iter()
            .map(|data_type| data_type.as_str())
            .filter(|name| !description.data_types.iter().any(|offered| offered == name))
            .collect(),
    };
    served.map(block).collect()
}

/// Why a block would not use the file.
fn not_used(config: &Config, engine: &Engine, exchange: &Exchange, path: &Path) -> Option<String> {
    match adapter_file(config, engine, exchange) {
        Ok(used) if is_same(&used.path, path) => None,
        Ok(used) => Some(format!("it uses {}", used.path.display())),
        Err(error) => Some(error.to_string()),
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

impl Report {
    fn wants_wasi(&self) -> bool {
        let mut imports = self.outline.imports.iter();
        imports.any(|import| import.name.starts_with("wasi"))
    }

    fn contract(&self) -> &str {
        // A file may name the contract in its bindings only; it is accepted in this host's version alone.
        match (&self.outline.contract, &self.description) {
            (Some(version), _) => version,
            (None, Some(_)) => CONTRACT_VERSION,
            (None, None) => "none",
        }
    }

    fn json(&self) -> Value {
        let adapter = self.description.as_ref().map(|it| {
            let by_venue = |value: fn(&Venue) -> Value| {
                let venues = it.venues.iter();
                venues
                    .map(|venue| (venue.name.clone(), value(venue)))
                    .collect::<serde_json::Map<_, _>>()
            };
            json!({
                "name": it.name,
                "version": it.version,
                "venues": it.venues.iter().map(|it| &it.name).collect::<Vec<_>>(),
                "request_weight_per_minute": by_venue(|it| json!(it.request_weight_per_minute)),
                "connections_of_address_max": by_venue(|it| match it.connections_max {
                    0 => Value::Null,
                    most => json!(most),
                }),
                "connects": by_venue(|it| {
                    json!(it.connects.map(|it| json!({ "count": it.count, "seconds": it.seconds })))
                }),
                "data_types": it.data_types,
                "settings": it.settings,
                "connections_max": it.connections_max,
            })
        });
        let imports = self.outline.imports.iter();
        let imports = imports.map(|it| json!({ "name": it.name, "granted": it.is_granted }));
        let blocks = self.blocks.as_ref().map(|blocks| {
            let block = |it: &Block| {
                json!({
                    "session": it.session,
                    "uses_it": it.not_used.is_none(),
                    "reason": it.not_used,
                    "origins": it.origins,
                    "wasi": it.wasi,
                    "data_types_missing": it.data_types_missing,
                })
            };
            blocks.iter().map(block).collect::<Vec<_>>()
        });
        json!({
            "file": self.file,
            "usable": self.problem.is_none(),
            "problem": self.problem,
            "bytes": self.bytes,
            "sha256": self.outline.sha256,
            "wit_version": self.contract(),
            "host_wit_version": CONTRACT_VERSION,
            "adapter": adapter,
            "imports": imports.collect::<Vec<_>>(),
            "imports_wasi": self.wants_wasi(),
            "exports": self.outline.exports,
            "blocks": blocks,
        })
    }

    /// Lines for people: a name, and what stands behind it.
    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            ("file", format!("{}, {} bytes", self.file, self.bytes)),
            ("sha256", self.outline.sha256.clone()),
            (
                "contract",
                format!("{}, this host: {CONTRACT_VERSION}", self.contract()),
            ),
        ];
        if let Some(it) = &self.description {
            lines.push(("adapter", format!("{} {}", it.name, it.version)));
            let venues: Vec<_> = it.venues.iter().map(|it| it.name.as_str()).collect();
            lines.push(("venues", venues.join(", ")));
            lines.push(("data types", it.data_types.join(", ")));
        }
        for import in &self.outline.imports {
            let word = if import.is_granted {
                "granted"
            } else {
                "NOT granted"
            };
            lines.push(("import", format!("{}: {word}", import.name)));
        }
        // Of a file that cannot be read, nothing is known.
        if self.outline.exports.is_empty() && self.outline.imports.is_empty() {
            lines.push(("usable", "NO".to_owned()));
            return lines;
        }
        lines.push(("exports", self.outline.exports.join(", ")));
        let wasi = if self.wants_wasi() {
            "imported"
        } else {
            "not imported: no clock, file, network, environment or randomness"
        };
        lines.push(("wasi", wasi.to_owned()));
        match &self.blocks {
            Some(blocks) if blocks.is_empty() => {
                lines.push(("blocks", "none of the configuration is for it".to_owned()));
            }
            Some(blocks) => lines.extend(blocks.iter().map(|block| ("block", block.line()))),
            None => {}
        }
        let usable = if self.problem.is_none() { "yes" } else { "NO" };
        lines.push(("usable", usable.to_owned()));
        lines
    }
}

impl Block {
    fn line(&self) -> String {
        let wasi = if self.wasi { "granted" } else { "not granted" };
        let mut line = format!(
            "{}: may reach {}; wasi {wasi}",
            self.session,
            self.origins.join(", ")
        );
        if !self.data_types_missing.is_empty() {
            let missing = self.data_types_missing.join(", ");
            line.push_str(&format!("; collects {missing}, which it does not offer"));
        }
        match &self.not_used {
            Some(reason) => line.push_str(&format!("; not used: {reason}")),
            None => line.push_str("; used"),
        }
        line
    }
}
