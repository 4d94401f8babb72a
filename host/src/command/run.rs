//! `marketprism run`: the daemon.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use marketprism_host::config::{self as configuration, Config};
use marketprism_host::record::{Bundles, Recording, RecordingBounds, Versions};
use marketprism_host::run::{Adapters, Daemon};
use marketprism_host::sandbox::Engine;
use marketprism_host::session::Plan;
use marketprism_host::supervisor::{Plans, Replacements};
use marketprism_host::view::View;

use super::plans::{block, engine, plan_to_run};
use super::{ConfigFile, bus_settings, stop_signal, unread_keys};

/// Which configuration, and which exchanges of it.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// Only this exchange, the name of a block under `exchanges`; may be given more than once
    #[arg(long, short, value_name = "NAME")]
    pub(super) exchange: Vec<String>,
    /// launcher or collector: run the daemon; test: as `config check`
    #[arg(
        long,
        short,
        value_enum,
        default_value = "launcher",
        hide_possible_values = true
    )]
    pub mode: Mode,
    /// Changes nothing: everything is one process already
    #[arg(long)]
    single_process: bool,
    /// Record what the adapters see and send into this folder, as files that `replay` plays
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Most MiB that recordings may take there; the oldest file makes room
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 10_240,
        requires = "record"
    )]
    record_max_mb: u64,
    /// What to print on standard output
    #[arg(long, value_enum, default_value = "log")]
    pub view: Show,
}

/// What a running daemon prints on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Show {
    /// The log.
    Log,
    /// Once a second plain lines for people; the log goes to standard error.
    Lines,
}

/// What the old collector's `--mode` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Run.
    Launcher,
    /// Run.
    Collector,
    /// Check the configuration.
    Test,
}

/// Runs the daemon until it is asked to end.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.single_process {
        tracing::info!("--single-process changes nothing: everything is one process already");
    }
    let (file, config) = arguments.file.load()?;
    let engine = engine(&config)?;
    let versions = Arc::new(Versions::below(&config.data_dir));
    let replacements = Replacements::new(engine.clone(), versions.clone(), config.swap);
    let kept = versions.clone();
    let chosen = BTreeSet::from_iter(arguments.exchange.iter().cloned());
    let plans = plans(
        &config,
        &file,
        &engine,
        &versions,
        &chosen,
        Missing::IsLeftOut,
    )?;
    unread_keys::report(&config, &file, &plans);
    let again = Plans {
        file: file.clone(),
        read: Arc::new(move || {
            let config = configuration::load(&file)?;
            let plans = self::plans(
                &config,
                &file,
                &engine,
                &versions,
                &chosen,
                Missing::StopsIt,
            )?;
            unread_keys::report(&config, &file, &plans);
            Ok(plans)
        }),
    };
    let lines = || View::new(Box::new(std::io::stdout()));
    let daemon = Daemon {
        plans,
        again: Some(again),
        replacements,
        bus: config.nats.enabled.then(|| bus_settings(&config, None)),
        proxy: config.proxy.clone(),
        monitoring: config.monitoring.clone(),
        adapters: Some(Adapters {
            folder: config.adapters_dir.clone(),
            kept,
        }),
        recording: recording(arguments)?,
        bundles: Some(Bundles::open(&config.data_dir, Bundles::BOUNDS)),
        view: (arguments.view == Show::Lines).then(lines),
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            daemon.run(stop_signal()?).await;
            Ok(())
        })
}

/// What an exchange without a usable adapter means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// At the start: one such exchange is no reason to collect from none.
    IsLeftOut,
    /// Later: what runs is better than what would be lost by going on.
    StopsIt,
}

/// The plans of the chosen exchanges, or of all; those of disabled ones too, so that a command can start them.
fn plans(
    config: &Config,
    file: &Path,
    engine: &Engine,
    versions: &Versions,
    chosen: &BTreeSet<String>,
    missing: Missing,
) -> anyhow::Result<Vec<Plan>> {
    let mut exchanges = Vec::new();
    for name in chosen {
        exchanges.push(block(config, file, name)?);
    }
    if chosen.is_empty() {
        exchanges = config.exchanges.iter().collect();
    }
    let (mut plans, mut left_out) = (Vec::new(), None);
    for exchange in exchanges {
        let is_wanted = exchange.enabled || chosen.contains(&exchange.name);
        match plan_to_run(config, engine, exchange, versions) {
            Ok(plan) => plans.push(Plan {
                enabled: is_wanted,
                ..plan
            }),
            Err(error) if is_wanted && missing == Missing::StopsIt => {
                return Err(error.context(exchange.name.clone()));
            }
            Err(error) if is_wanted => {
                tracing::error!("{}: {error:#}", exchange.name);
                left_out = Some(error);
            }
            Err(error) => tracing::debug!("{}: {error:#}", exchange.name),
        }
    }
    match left_out {
        Some(error) if !plans.iter().any(|plan| plan.enabled) => Err(error),
        _ => Ok(plans),
    }
}

/// The recording that was asked for.
fn recording(arguments: &Arguments) -> anyhow::Result<Option<Recording>> {
    let Some(folder) = &arguments.record else {
        return Ok(None);
    };
    let bounds = RecordingBounds {
        bytes_max: arguments.record_max_mb.saturating_mul(1 << 20),
        ..RecordingBounds::default()
    };
    let recording = Recording::start(folder, bounds)
        .with_context(|| format!("recording into {}", folder.display()))?;
    Ok(Some(recording))
}
