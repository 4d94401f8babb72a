//! `marketprism run`: the daemon.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context;

use marketprism_host::record::{Bundles, Recording, RecordingBounds};
use marketprism_host::run::Daemon;
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
    let mut chosen = Vec::new();
    for name in BTreeSet::from_iter(&arguments.exchange) {
        chosen.push(block(&config, &file, name)?);
    }
    if chosen.is_empty() {
        chosen = config
            .exchanges
            .iter()
            .filter(|exchange| exchange.enabled)
            .collect();
    }
    let engine = engine(&config)?;
    let (mut plans, mut missing) = (Vec::new(), None);
    for exchange in chosen {
        match plan_to_run(&config, &engine, exchange) {
            Ok(plan) => plans.push(plan),
            // One exchange without an adapter is no reason to collect from none.
            Err(error) => {
                tracing::error!("{}: {error:#}", exchange.name);
                missing = Some(error);
            }
        }
    }
    if let (true, Some(error)) = (plans.is_empty(), missing) {
        return Err(error);
    }
    unread_keys::report(&config, &file, &plans);
    let bus = config.nats.enabled.then(|| bus_settings(&config, None));
    let lines = || View::new(Box::new(std::io::stdout()));
    let daemon = Daemon {
        plans,
        bus,
        proxy: config.proxy.clone(),
        monitoring: config.monitoring.clone(),
        recording: recording(arguments)?,
        bundles: Bundles::open(&config.data_dir, Bundles::BOUNDS),
        view: (arguments.view == Show::Lines).then(lines),
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async { daemon.run(stop_signal()?).await })
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
