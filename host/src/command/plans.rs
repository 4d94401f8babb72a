//! From blocks of the configuration to what a session is made of.

use std::path::Path;

use marketprism_host::adapter_folder::{self, FolderError, Found};
use marketprism_host::config::{Config, Exchange};
use marketprism_host::record::Versions;
use marketprism_host::sandbox::{Adapter, Engine, Grant};
use marketprism_host::session::Plan;
use marketprism_host::wire::Subjects;

use super::choice::choose;

/// The engine, with its cache in the daemon's folder.
pub(super) fn engine(config: &Config) -> anyhow::Result<Engine> {
    Ok(Engine::new(Some(&config.data_dir.join("cache")))?)
}

/// The block of that name.
pub(super) fn block<'a>(
    config: &'a Config,
    file: &Path,
    name: &str,
) -> anyhow::Result<&'a Exchange> {
    let found = config
        .exchanges
        .iter()
        .find(|exchange| exchange.name == name);
    Ok(found.ok_or_else(|| UnknownExchange::new(config, file, name))?)
}

/// What to run: the block and its adapter (or the one in `file`).
pub(super) fn plan(
    config: &Config,
    engine: &Engine,
    exchange: &Exchange,
    file: Option<&Path>,
) -> anyhow::Result<Plan> {
    let adapter = match file {
        Some(file) => adapter_folder::open(engine, file, &grant(exchange), &exchange.limits)?,
        None => adapter_file(config, engine, exchange)?.adapter,
    };
    whole_plan(config, exchange, adapter)
}

/// As [`plan`] for a session that runs, with the version that it is to go on with.
pub(super) fn plan_to_run(
    config: &Config,
    engine: &Engine,
    exchange: &Exchange,
    versions: &Versions,
) -> anyhow::Result<Plan> {
    let chosen = choose(config, engine, exchange, versions)?;
    let plan = whole_plan(config, exchange, chosen.adapter)?;
    Ok(Plan {
        file: chosen.file,
        folder_sha256: chosen.folder_sha256,
        ..plan
    })
}

/// What to run: the block with this adapter.
pub(super) fn whole_plan(
    config: &Config,
    exchange: &Exchange,
    adapter: Adapter,
) -> anyhow::Result<Plan> {
    let templates = config
        .nats
        .streams
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    Ok(Plan::new(
        exchange,
        Subjects::with_templates(templates)?,
        adapter.into(),
    ))
}

/// The adapter of a block, and its file.
pub(super) fn adapter_file(
    config: &Config,
    engine: &Engine,
    exchange: &Exchange,
) -> Result<Found, FolderError> {
    adapter_folder::find(
        engine,
        &config.adapters_dir,
        exchange.adapter.as_deref(),
        &exchange.venue,
        &grant(exchange),
        &exchange.limits,
    )
}

/// What a block grants its adapter's file.
pub(super) fn grant(exchange: &Exchange) -> Grant {
    Grant {
        sha256: exchange.adapter_sha256.clone(),
    }
}

/// The command line names an exchange that the file does not have.
#[derive(Debug, thiserror::Error)]
#[error("{file} has no block exchanges.{wanted}; it has {present}")]
pub struct UnknownExchange {
    file: String,
    wanted: String,
    present: String,
}

impl UnknownExchange {
    fn new(config: &Config, file: &Path, wanted: &str) -> Self {
        let names: Vec<&str> = config
            .exchanges
            .iter()
            .map(|exchange| exchange.name.as_str())
            .collect();
        Self {
            file: file.display().to_string(),
            wanted: wanted.to_string(),
            present: names.join(", "),
        }
    }
}
