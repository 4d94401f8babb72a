//! `marketprism`: the command line. What is asked for, and how the process ends.

mod command;

use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use command::run::Mode;
use command::{UnknownExchange, adapter, config, fault, reload, replay, run, tail};
use marketprism_host::adapter_folder::FolderError;
use marketprism_host::bus::BusError;
use marketprism_host::config::ConfigError;
use marketprism_host::logs::{self, Level, Target};

/// Exit status for a configuration that cannot be used (`EX_USAGE` of sysexits.h).
const EXIT_CONFIGURATION: u8 = 64;

/// What stands below the flags in the help.
const MORE_HELP: &str = "\
Without a command, `marketprism` means `marketprism run` and takes its flags.

`run` logs on standard output, every other command on standard error.

Examples:
  marketprism config check --config config/marketprism.yaml
  marketprism run --config config/marketprism.yaml --exchange NAME --log-level DEBUG
  marketprism tail 'trade.*.spot.>' --count 10
  marketprism adapter restart NAME
  marketprism adapter swap NAME new.wasm

Environment (a flag wins over it, it wins over the configuration file):
  MARKETPRISM_CONFIG_PATH                     the configuration file
  MARKETPRISM_UNIFIED_DATA_COLLECTION_CONFIG  the same; the former wins
  MARKETPRISM_NATS_URL, NATS_URL              addresses of NATS, comma separated; the first wins
  MARKETPRISM_LOG_LEVEL                       DEBUG, INFO, WARNING or ERROR
  MARKETPRISM_LOG_JSON=1                      log JSON, one object a line
  MARKETPRISM_DEBUG=1                         log level DEBUG, where nothing else says it
  COLLECTOR_ENABLE_HTTP=0                     no HTTP ports
  HEALTH_CHECK_PORT, METRICS_PORT             the HTTP ports
  HEALTH_GRACE_SECONDS                        time after the start in which /health answers 200
  MARKETPRISM_CONTROL_TOKEN                   the token of the control API, for the daemon and for who asks it

Exit status: 0 asked to end; 64 the configuration cannot be used; 2 the command line cannot; 1 anything else.";

/// Collects crypto market data: each exchange's logic runs in its own capped WebAssembly instance.
#[derive(Parser)]
#[command(name = "marketprism", version, after_help = MORE_HELP)]
struct CommandLine {
    /// What to log: DEBUG, INFO, WARNING or ERROR [default: the environment's, else INFO]
    #[arg(long, short = 'l', global = true, value_name = "LEVEL")]
    log_level: Option<Level>,
    #[command(flatten)]
    run: run::Arguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon: collect from the exchanges and publish to NATS, until Ctrl-C or SIGTERM
    Run(run::Arguments),
    /// Run recorded traffic through an adapter and show what it publishes, or see whether a fault comes again
    Replay(replay::Arguments),
    /// Look at the bundles of faults: what each instance saw before it was stopped
    Fault {
        #[command(subcommand)]
        command: fault::Command,
    },
    /// Show what is being published on NATS, a line for each message
    #[command(after_help = tail::MORE_HELP)]
    Tail(tail::Arguments),
    /// Look at adapters, and tell a running daemon to start, stop, restart or replace them
    #[command(after_help = adapter::MORE_HELP)]
    Adapter {
        #[command(subcommand)]
        command: adapter::Command,
    },
    /// Tell a running daemon to read its configuration again
    Reload(reload::Arguments),
    /// Work with the configuration file
    Config {
        #[command(subcommand)]
        command: config::Command,
    },
}

fn main() -> ExitCode {
    let arguments = arguments();
    let level = arguments.log_level;
    let outcome = match arguments.command.unwrap_or(Command::Run(arguments.run)) {
        Command::Run(run) if run.mode == Mode::Test => {
            logs::start(Target::Error, level);
            config::test(&run)
        }
        Command::Run(run) => {
            // Lines for people have standard output to themselves.
            let target = match run.view {
                run::Show::Log => Target::Output,
                run::Show::Lines => Target::Error,
            };
            logs::start(target, level);
            run::run(&run)
        }
        Command::Replay(replay) => {
            logs::start(Target::Error, level);
            replay::replay(replay)
        }
        Command::Fault { command } => {
            logs::start(Target::Error, level);
            fault::fault(command)
        }
        Command::Tail(tail) => {
            logs::start(Target::Error, level);
            tail::tail(tail)
        }
        Command::Adapter { command } => {
            logs::start(Target::Error, level);
            adapter::adapter(command)
        }
        Command::Reload(reload) => {
            logs::start(Target::Error, level);
            reload::reload(&reload)
        }
        Command::Config { command } => {
            logs::start(Target::Error, level);
            config::config(command)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may listen; the status tells too.
            let _ = writeln!(std::io::stderr(), "marketprism: {error:#}");
            if is_configuration(&error) {
                ExitCode::from(EXIT_CONFIGURATION)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// The arguments of this process; ends it where they cannot be used.
fn arguments() -> CommandLine {
    let matches = CommandLine::command().get_matches();
    if let Some(command) = matches.subcommand_name() {
        let of_run = run::Arguments::augment_args(clap::Command::new("run"));
        let given = |arg: &&clap::Arg| {
            matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
        };
        // Taken for flags of a `run` without its name, they would silently do nothing.
        if let Some(flag) = of_run
            .get_arguments()
            .find(given)
            .and_then(clap::Arg::get_long)
        {
            let said = format!("`--{flag}` belongs after `{command}`");
            CommandLine::command()
                .error(ErrorKind::ArgumentConflict, said)
                .exit();
        }
    }
    CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Whether the user's settings are at fault, so that trying again is of no use.
fn is_configuration(error: &anyhow::Error) -> bool {
    let bus = error.downcast_ref::<BusError>();
    error.is::<ConfigError>()
        || error.is::<UnknownExchange>()
        || error.is::<FolderError>()
        || matches!(bus, Some(BusError::Setting { .. } | BusError::File { .. }))
}
