//! `marketprism replay`: recorded traffic through an adapter.

use std::path::PathBuf;

use anyhow::Context;
use clap::error::ErrorKind;

use marketprism_host::bus::Bus;
use marketprism_host::record::is_bundle;
use marketprism_host::replay::{Replay, Show};
use marketprism_host::world::Pace;

use super::plans::{block, engine, plan};
use super::{ConfigFile, bus_settings, is_closed_output, rerun, stop_signal, unread_keys};

/// Standard output gets one JSON object per published message, {"subject":..,"headers":{..},"payload":{..}}; the
/// summary goes to --summary, else to standard error.
///
/// The bundle of a fault goes through the adapter that faulted, or the one that --adapter names, under the limits of
/// the bundle: exit status 0 when the same fault comes again, else 1.
#[derive(clap::Args)]
pub struct Arguments {
    /// The recording: one JSON object a line, {"t_ns":..,"conn":..,"kind":"ws"|"http",..,"data":..}, gzip or not,
    /// several files in their order; or the bundle of a fault
    #[arg(value_name = "CAPTURE|BUNDLE", required = true)]
    captures: Vec<PathBuf>,
    #[command(flatten)]
    file: ConfigFile,
    /// Whose traffic it is: the name of a block under `exchanges`; a bundle knows it
    #[arg(long, short, value_name = "NAME")]
    exchange: Option<String>,
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

/// Replays a recording, or the bundle of a fault.
pub fn replay(arguments: Arguments) -> anyhow::Result<()> {
    if let [file] = &arguments.captures[..]
        && is_bundle(file)
    {
        return rerun::rerun(file, &arguments.file, arguments.adapter.as_deref());
    }
    let Some(exchange) = &arguments.exchange else {
        let said = "whose traffic a recording is must be said: --exchange NAME";
        clap::Command::new("marketprism replay")
            .error(ErrorKind::MissingRequiredArgument, said)
            .exit();
    };
    let (file, config) = arguments.file.load()?;
    let exchange = block(&config, &file, exchange)?;
    let adapter = arguments.adapter.as_deref();
    let mut plan = plan(&config, &engine(&config)?, exchange, adapter)?;
    unread_keys::report(&config, &file, [&plan]);
    if let Some(symbols) = arguments.symbols {
        plan.symbols = symbols;
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let bus = match &arguments.nats {
                Some(server) => {
                    let settings = bus_settings(&config, Some(vec![server.clone()]));
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
                captures: arguments.captures,
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
