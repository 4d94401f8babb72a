//! `marketprism tail`: what is being published, for people.

use std::num::NonZeroU64;

use marketprism_host::bus;
use marketprism_host::tail::{Tail, TailError};
use marketprism_host::wire::Subjects;

use super::{ConfigFile, bus_settings, stop_signal};

/// What stands below the flags in the help.
pub const MORE_HELP: &str = "\
A line is: time of arrival (UTC), age then by the exchange's clock, subject, main values.
While NATS is away it is tried again, for ever; Ctrl-C ends it.

Examples:
  marketprism tail
  marketprism tail 'trade.*.spot.>' --count 10
  marketprism tail --nats nats://127.0.0.1:4222 --raw";

/// What to listen to, and how to show it.
#[derive(clap::Args)]
pub struct Arguments {
    /// Which subjects, wildcards (* and >) included [default: those of all data types]
    #[arg(value_name = "SUBJECT")]
    subject: Option<String>,
    #[command(flatten)]
    file: ConfigFile,
    /// Listen to this NATS server instead of the configured ones, nats://USER:PASSWORD@HOST:PORT
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// Print subject and payload as they are
    #[arg(long)]
    raw: bool,
    /// End after so many messages
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,
}

/// Shows messages until it is asked to end.
pub fn tail(arguments: Arguments) -> anyhow::Result<()> {
    let (mut settings, subjects) = match &arguments.nats {
        // Somebody who only looks, at a desk without the daemon's file.
        Some(server) if arguments.file.is_absent() => {
            let settings = bus::Settings {
                servers: vec![server.clone()],
                client_name: "marketprism".to_owned(),
                ..bus::Settings::default()
            };
            (settings, Subjects::default())
        }
        server => {
            let (_, config) = arguments.file.load()?;
            let servers = server.clone().map(|server| vec![server]);
            let templates = config.nats.streams.iter();
            let templates = templates.map(|(name, text)| (name.as_str(), text.as_str()));
            (
                bus_settings(&config, servers),
                Subjects::with_templates(templates)?,
            )
        }
    };
    settings.client_name.push_str("-tail");
    let tail = Tail {
        settings,
        subjects: match arguments.subject {
            Some(subject) => vec![subject],
            None => subjects.patterns(),
        },
        raw: arguments.raw,
        count: arguments.count.map(NonZeroU64::get),
    };
    let output = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout());
    let shown = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            Ok::<_, anyhow::Error>(tail.run(Box::new(output), stop_signal()?).await)
        })?;
    shown.map_err(|error| match error {
        TailError::Bus(error) => anyhow::Error::from(error),
        error => error.into(),
    })
}
