//! `marketprism adapter diff`: what two versions of an adapter publish of the same recorded traffic.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::ErrorKind;

use marketprism_host::adapter_folder;
use marketprism_host::compare::{Report, Settings};
use marketprism_host::config::{Config, Exchange};
use marketprism_host::limits::Limits;
use marketprism_host::record::CaptureError;
use marketprism_host::replay::Diff;
use marketprism_host::sandbox::{Engine, Grant};
use marketprism_host::session::Plan;

use super::print_json;
use crate::command::plans::{block, engine, whole_plan};
use crate::command::{ConfigFile, is_closed_output, unread_keys};

/// What stands below the flags in the help.
pub const MORE_HELP: &str = "\
Both versions see the recording at the same virtual times, by the settings of one block of the configuration. What they
publish is compared by data type and instrument: trades by their id, books and their changes by the update id, changes
of a book's state in their order, polled data by their event time, liquidations by their id.

Exit status: 0 no difference; 1 differences; 2 the command line or a recording cannot be used; 64 the configuration
or an adapter cannot. Fuel, and which frames were ignored or refused, are told and make no difference by themselves;
another number of faults does. A comparison in which neither version published anything ends with 1, too.

Examples:
  marketprism adapter diff adapters/NAME.wasm new.wasm capture.jsonl
  marketprism adapter diff old.wasm new.wasm data/recordings/*.jsonl.gz --exchange NAME --symbols A,B --json";

/// Which versions, over which recording.
#[derive(clap::Args)]
pub struct Arguments {
    /// The version that is there
    #[arg(value_name = "OLD.wasm")]
    old: PathBuf,
    /// The version that shall replace it
    #[arg(value_name = "NEW.wasm")]
    new: PathBuf,
    /// The recording, gzip or not, several files in their order
    #[arg(value_name = "CAPTURE", required = true)]
    captures: Vec<PathBuf>,
    #[command(flatten)]
    file: ConfigFile,
    /// Whose traffic it is: the name of a block under `exchanges` [default: the one for both]
    #[arg(long, short, value_name = "NAME")]
    exchange: Option<String>,
    /// Instruments in the exchange's names, instead of the configured ones
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    symbols: Option<Vec<String>>,
    /// How much later, by the recording's time, the other one may publish the same
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    window: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Compares and prints; an error says that they differ.
pub fn diff(arguments: &Arguments) -> anyhow::Result<()> {
    let (file, config) = arguments.file.load()?;
    let engine = engine(&config)?;
    let exchange = match &arguments.exchange {
        Some(name) => block(&config, &file, name)?,
        None => only_block(&config, &engine, arguments)?,
    };
    let plan = |version: &Path| plan(&config, &engine, exchange, arguments, version);
    let (mut old, mut new) = (plan(&arguments.old)?, plan(&arguments.new)?);
    unread_keys::report(&config, &file, [&new]);
    // Both log; the lines shall tell which one it was.
    old.name.push_str(" old");
    new.name.push_str(" new");
    let diff = Diff {
        old,
        new,
        captures: arguments.captures.clone(),
        settings: Settings {
            window: Duration::from_secs(arguments.window.into()),
            ..Settings::default()
        },
    };
    let compared = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(diff.run());
    let report = match compared {
        Err(error) if error.is::<CaptureError>() => refuse(ErrorKind::Io, &error.to_string()),
        compared => compared?,
    };
    match print(&report, arguments.json) {
        Err(error) if !is_closed_output(&error) => return Err(error),
        _ => {}
    }
    let totals = report.totals();
    anyhow::ensure!(
        totals.same + totals.differing() > 0,
        "neither version published anything, so nothing was compared: are --exchange and --symbols those of the recording?"
    );
    anyhow::ensure!(report.is_same(), "{}", report.verdict());
    if !arguments.json {
        writeln!(std::io::stdout(), "\n{}", report.verdict())?;
    }
    Ok(())
}

/// The only block whose exchange both versions serve.
fn only_block<'a>(
    config: &'a Config,
    engine: &Engine,
    arguments: &Arguments,
) -> anyhow::Result<&'a Exchange> {
    let venues = |file: &Path| -> anyhow::Result<Vec<String>> {
        let adapter = adapter_folder::open(engine, file, &Grant::default(), &Limits::default())?;
        let venues = adapter.venue_names().into_iter();
        Ok(venues.map(str::to_owned).collect())
    };
    let (old, new) = (venues(&arguments.old)?, venues(&arguments.new)?);
    let served = |it: &&Exchange| old.contains(&it.venue) && new.contains(&it.venue);
    let blocks: Vec<&Exchange> = config.exchanges.iter().filter(served).collect();
    match &blocks[..] {
        [block] => Ok(block),
        blocks => {
            let names: Vec<&str> = blocks.iter().map(|block| block.name.as_str()).collect();
            let found = match names.is_empty() {
                true => "no block of the configuration is for both".to_owned(),
                false => format!("for both are {}", names.join(", ")),
            };
            refuse(
                ErrorKind::MissingRequiredArgument,
                &format!("whose traffic the recording is must be said: --exchange NAME ({found})"),
            )
        }
    }
}

/// The block with one version. No hash is asked for: what is compared was not chosen yet, and reaches nothing.
fn plan(
    config: &Config,
    engine: &Engine,
    exchange: &Exchange,
    arguments: &Arguments,
    version: &Path,
) -> anyhow::Result<Plan> {
    let adapter = adapter_folder::open(engine, version, &Grant::default(), &exchange.limits)?;
    if adapter.venue(&exchange.venue).is_none() {
        let (file, serves) = (version.display(), adapter.venue_names().join(", "));
        let said = format!("{file} serves {serves}, not {:?}", exchange.venue);
        refuse(ErrorKind::ValueValidation, &said);
    }
    let mut plan = whole_plan(config, exchange, adapter)?;
    if let Some(symbols) = &arguments.symbols {
        plan.symbols.clone_from(symbols);
    }
    Ok(plan)
}

fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        print_json(&report.json())
    } else {
        write!(std::io::stdout(), "{}", report.text())?;
        Ok(())
    }
}

/// Ends the process: the command line cannot be used.
fn refuse(kind: ErrorKind, said: &str) -> ! {
    clap::Command::new("marketprism adapter diff")
        .error(kind, said)
        .exit()
}
