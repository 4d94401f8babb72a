//! `marketprism`: the command line. What is asked for, in which order things start, and how the process ends.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use marketprism_host::adapter_folder::{self, FolderError};
use marketprism_host::bus::{self, Bus};
use marketprism_host::config::{self, Config, ConfigError, Exchange, Readers};
use marketprism_host::logs;
use marketprism_host::replay::{Replay, Show};
use marketprism_host::run::Daemon;
use marketprism_host::sandbox::{Adapter, Engine, Grant};
use marketprism_host::session::Plan;
use marketprism_host::view::View;
use marketprism_host::wire::Subjects;
use marketprism_host::world::Pace;

/// Exit status for a configuration that cannot be used (`EX_USAGE` of sysexits.h).
const EXIT_CONFIGURATION: u8 = 64;

/// Collects crypto market data: each exchange's logic runs in its own capped WebAssembly instance.
#[derive(Parser)]
#[command(name = "marketprism", version, arg_required_else_help = true)]
struct Arguments {
    /// What to log on standard error: DEBUG, INFO, WARNING or ERROR [default: $MARKETPRISM_LOG_LEVEL, else INFO]
    #[arg(long, short = 'l', global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon: collect from the exchanges and publish to NATS, until Ctrl-C or SIGTERM
    Run(RunArguments),
    /// Run recorded traffic through an adapter and show what it publishes
    Replay(ReplayArguments),
    /// Work with the configuration file
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check a configuration file and tell which of its keys nobody reads; exit status 64 if it cannot be used
    Check {
        /// The configuration file
        #[arg(
            long,
            short,
            value_name = "FILE",
            default_value = "config/marketprism.yaml"
        )]
        config: PathBuf,
    },
}

#[derive(clap::Args)]
struct RunArguments {
    /// The configuration file
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "config/marketprism.yaml"
    )]
    config: PathBuf,
    /// Only this exchange, the name of a block under `exchanges`; may be given more than once
    #[arg(long, short, value_name = "NAME")]
    exchange: Vec<String>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value = "log")]
    view: RunView,
}

/// What a running daemon prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum RunView {
    /// The log.
    Log,
    /// Once a second plain lines for people; the log goes to standard error.
    Lines,
}

/// Standard output gets one JSON object per published message, {"subject":..,"headers":{..},"payload":{..}}; the
/// summary goes to --summary, else to standard error.
#[derive(clap::Args)]
struct ReplayArguments {
    /// The recording: one JSON object a line, {"t_ns":..,"conn":..,"kind":"ws"|"http",..,"data":..}
    #[arg(value_name = "CAPTURE.jsonl")]
    capture: PathBuf,
    /// The configuration file
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "config/marketprism.yaml"
    )]
    config: PathBuf,
    /// Whose traffic it is: the name of a block under `exchanges`
    #[arg(long, short, value_name = "NAME")]
    exchange: String,
    /// Instruments in the exchange's names, instead of the configured ones
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    symbols: Option<Vec<String>>,
    /// The adapter, instead of the one in the adapters folder
    #[arg(long, value_name = "FILE.wasm")]
    adapter: Option<PathBuf>,
    /// Publish to this NATS server as well, nats://HOST:PORT
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// How fast to play
    #[arg(long, value_enum, default_value = "max")]
    pace: Pace,
    /// What to print on standard output
    #[arg(long, value_enum, default_value = "messages")]
    view: Show,
    /// Where to write the summary, one JSON object
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logs::to_standard_error(arguments.log_level.as_deref());
    let outcome = match arguments.command {
        Command::Run(run) => run_daemon(&run),
        Command::Replay(replay) => run_replay(replay),
        Command::Config {
            command: ConfigCommand::Check { config },
        } => check_configuration(&config),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("marketprism: {error:#}");
            let is_configuration = error.is::<ConfigError>()
                || error.is::<UnknownExchange>()
                || error.is::<FolderError>();
            if is_configuration {
                ExitCode::from(EXIT_CONFIGURATION)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn check_configuration(path: &Path) -> anyhow::Result<()> {
    let config = config::load(path)?;
    let engine = engine(&config)?;
    let file = path.display();
    let mut readers = Readers::new();
    for exchange in config.exchanges.iter().filter(|exchange| exchange.enabled) {
        match adapter(&config, &engine, exchange, None) {
            Ok(adapter) => {
                readers.insert(
                    exchange.name.clone(),
                    adapter.description().settings.clone(),
                );
            }
            Err(error) => println!("{file}: {}: {error}", exchange.name),
        }
    }
    let (unknown, not_used) = unread_keys(&config, &readers);
    for line in unknown.iter().chain(&not_used) {
        println!("{file}: {line}");
    }
    let enabled = config
        .exchanges
        .iter()
        .filter(|exchange| exchange.enabled)
        .count();
    println!(
        "{file}: usable, {enabled} of {} exchanges enabled",
        config.exchanges.len()
    );
    Ok(())
}

fn run_replay(arguments: ReplayArguments) -> anyhow::Result<()> {
    let config = config::load(&arguments.config)?;
    let exchange = block(&config, &arguments.config, &arguments.exchange)?;
    let adapter = arguments.adapter.as_deref();
    let mut plan = plan(&config, &engine(&config)?, exchange, adapter)?;
    report_unread_keys(&config, &arguments.config, [&plan]);
    if let Some(symbols) = arguments.symbols {
        plan.symbols = symbols;
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let bus = match &arguments.nats {
                Some(server) => {
                    let settings = bus_settings(&config, vec![server.clone()]);
                    Some(
                        Bus::connect(&settings)
                            .await
                            .context("publishing with --nats")?,
                    )
                }
                None => None,
            };
            let replay = Replay {
                plan,
                capture: arguments.capture,
                pace: arguments.pace,
                show: arguments.view,
                bus,
            };
            let output = std::io::BufWriter::with_capacity(1 << 18, std::io::stdout());
            let summary = replay.run(Box::new(output), stop_signal()?).await;
            let summary = match summary {
                Err(error) if is_closed_output(&error) => return Ok(()),
                summary => summary?,
            };
            let text = format!("{summary:#}\n");
            match &arguments.summary {
                Some(path) => std::fs::write(path, text)
                    .with_context(|| format!("cannot write the summary {}", path.display())),
                None if arguments.view == Show::Lines => Ok(()),
                None => {
                    eprint!("{text}");
                    Ok(())
                }
            }
        })
}

/// Whether whoever read standard output has seen enough (`| head`).
fn is_closed_output(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

fn run_daemon(arguments: &RunArguments) -> anyhow::Result<()> {
    let config = config::load(&arguments.config)?;
    let mut chosen = Vec::new();
    for name in &arguments.exchange {
        chosen.push(block(&config, &arguments.config, name)?);
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
        match plan(&config, &engine, exchange, None) {
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
    report_unread_keys(&config, &arguments.config, &plans);
    let bus = config
        .nats
        .enabled
        .then(|| bus_settings(&config, config.nats.servers.clone()));
    let daemon = Daemon {
        plans,
        bus,
        proxy: config.proxy.clone(),
        monitoring: config.monitoring.clone(),
        view: (arguments.view == RunView::Lines).then(|| View::new(Box::new(std::io::stdout()))),
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async { daemon.run(stop_signal()?).await })
}

fn engine(config: &Config) -> anyhow::Result<Engine> {
    Ok(Engine::new(Some(&config.data_dir.join("cache")))?)
}

/// The block of that name.
fn block<'a>(config: &'a Config, file: &Path, name: &str) -> anyhow::Result<&'a Exchange> {
    let found = config
        .exchanges
        .iter()
        .find(|exchange| exchange.name == name);
    Ok(found.ok_or_else(|| UnknownExchange::new(config, file, name))?)
}

/// What to run: the block and its adapter (or the one in `file`).
fn plan(
    config: &Config,
    engine: &Engine,
    exchange: &Exchange,
    file: Option<&Path>,
) -> anyhow::Result<Plan> {
    let adapter = adapter(config, engine, exchange, file)?;
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

/// The adapter of a block: the one in `file`, else the one in the adapters folder that serves the block's exchange.
fn adapter(
    config: &Config,
    engine: &Engine,
    exchange: &Exchange,
    file: Option<&Path>,
) -> Result<Adapter, FolderError> {
    let grant = Grant {
        sha256: exchange.adapter_sha256.clone(),
    };
    match file {
        Some(file) => adapter_folder::open(engine, file, &grant, &exchange.limits),
        None => adapter_folder::find(
            engine,
            &config.adapters_dir,
            exchange.adapter.as_deref(),
            &exchange.venue,
            &grant,
            &exchange.limits,
        ),
    }
}

/// Logs which keys of the file nobody reads, once for all sessions.
fn report_unread_keys<'a>(config: &Config, file: &Path, plans: impl IntoIterator<Item = &'a Plan>) {
    let settings = |plan: &Plan| plan.adapter.description().settings.clone();
    let readers = plans
        .into_iter()
        .map(|plan| (plan.name.clone(), settings(plan)));
    let (unknown, not_used) = unread_keys(config, &readers.collect());
    for line in unknown {
        tracing::warn!("{}: {line}", file.display());
    }
    if let Some(line) = not_used {
        tracing::info!("{}: {line}", file.display());
    }
}

/// A line for each key that nobody knows, and one for all that only the old collector knew. Keys below blocks whose
/// adapter is not among the readers are not judged.
fn unread_keys(config: &Config, readers: &Readers) -> (Vec<String>, Option<String>) {
    let unknown = config.notices.unknown(readers);
    let not_used = config.notices.not_used(readers);
    (
        unknown
            .iter()
            .map(|key| format!("unknown key {key}"))
            .collect(),
        (!not_used.is_empty()).then(|| format!("not used: {}", not_used.join(", "))),
    )
}

fn bus_settings(config: &Config, servers: Vec<String>) -> bus::Settings {
    let nats = config.nats.clone();
    bus::Settings {
        servers,
        client_name: nats.client_name,
        user: nats.user,
        password: nats.password,
        token: nats.token,
        credentials_file: nats.credentials_file,
        tls: bus::Tls {
            required: nats.tls.required,
            ca_file: nats.tls.ca_file,
            certificate_file: nats.tls.cert_file,
            key_file: nats.tls.key_file,
        },
        ..bus::Settings::default()
    }
}

/// The command line names an exchange that the file does not have.
#[derive(Debug, thiserror::Error)]
#[error("{file} has no block exchanges.{wanted}; it has {present}")]
struct UnknownExchange {
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

/// Ends when somebody asks the process to end.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
