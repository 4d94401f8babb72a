//! The commands, one file each, and what several of them need: the configuration file, the signal to end.

pub mod adapter;
mod choice;
pub mod config;
mod daemon;
pub mod fault;
mod plans;
pub mod reload;
pub mod replay;
mod rerun;
pub mod run;
pub mod tail;
mod unread_keys;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use marketprism_host::bus;
use marketprism_host::config::{
    self as configuration, CompatMode, Config, ConfigError, Discard, Retention, Storage, Stream,
};

pub use plans::UnknownExchange;

/// Environment variables that name the configuration file; the first that is set wins.
const FILE_VARIABLES: [&str; 2] = [
    "MARKETPRISM_CONFIG_PATH",
    "MARKETPRISM_UNIFIED_DATA_COLLECTION_CONFIG",
];

/// The configuration file where nothing names one.
const FILE_DEFAULT: &str = "config/marketprism.yaml";

/// Which configuration file.
#[derive(clap::Args)]
pub struct ConfigFile {
    /// The configuration file [default: the environment's, else config/marketprism.yaml]
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    /// Reads it. Returns its path, for messages, and what it says.
    pub fn load(&self) -> anyhow::Result<(PathBuf, Config)> {
        let (path, named_by) = self.path(&|name| std::env::var(name).ok());
        match configuration::load(&path) {
            Ok(config) => Ok((path, config)),
            Err(error @ ConfigError::Unreadable { .. }) => {
                Err(error).with_context(|| format!("the configuration file ({named_by})"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// True when nothing names a file and there is none where it is looked for then.
    fn is_absent(&self) -> bool {
        let (path, _) = self.path(&|name| std::env::var(name).ok());
        self.config.is_none() && path.as_os_str() == FILE_DEFAULT && !path.exists()
    }

    /// The file, and who named it.
    fn path(&self, environment: configuration::Environment<'_>) -> (PathBuf, String) {
        if let Some(path) = &self.config {
            return (path.clone(), "named by --config".to_owned());
        }
        for name in FILE_VARIABLES {
            if let Some(path) = environment(name).filter(|path| !path.trim().is_empty()) {
                return (path.into(), format!("named by {name}"));
            }
        }
        let hint = format!(
            "the default; --config FILE or {} names another",
            FILE_VARIABLES[0]
        );
        (FILE_DEFAULT.into(), hint)
    }
}

/// The folders that a command needs which works without a configuration, too.
struct Folders {
    adapters_dir: PathBuf,
    data_dir: PathBuf,
}

/// The folders of the configuration; the usual ones where there is no configuration and none is named.
fn folders(file: &ConfigFile) -> anyhow::Result<Folders> {
    if file.is_absent() {
        return Ok(Folders {
            adapters_dir: "./adapters".into(),
            data_dir: "./data".into(),
        });
    }
    let (_, config) = file.load()?;
    Ok(Folders {
        adapters_dir: config.adapters_dir,
        data_dir: config.data_dir,
    })
}

/// Whether whoever read standard output has seen enough (`| head`).
fn is_closed_output(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

/// How to reach NATS with what the configuration says, at these servers or the configured ones.
fn bus_settings(config: &Config, servers: Option<Vec<String>>) -> bus::Settings {
    let nats = config.nats.clone();
    // Who to be at an address that says it itself.
    let signs_in = |servers: &Vec<String>| servers.iter().any(|server| server.contains('@'));
    let (user, password, token, credentials_file) = if servers.as_ref().is_some_and(signs_in) {
        (None, None, None, None)
    } else {
        (nats.user, nats.password, nats.token, nats.credentials_file)
    };
    let naming = nats.publish.naming;
    let mode = match naming.compat_publish_mode {
        CompatMode::Core => bus::OldSubjects::Core,
        CompatMode::JetStream => bus::OldSubjects::JetStream,
    };
    bus::Settings {
        servers: servers.unwrap_or(nats.servers),
        client_name: nats.client_name,
        user,
        password,
        token,
        credentials_file,
        tls: bus::Tls {
            required: nats.tls.required,
            ca_file: nats.tls.ca_file,
            certificate_file: nats.tls.cert_file,
            key_file: nats.tls.key_file,
        },
        jetstream: nats.jetstream.enabled.then(|| bus::JetStreamSettings {
            streams: nats.jetstream.streams.values().map(stream).collect(),
            ack_timeout: Duration::from_secs(nats.publish.timeout_s),
            spool: config.data_dir.join("spool"),
            bounds: bus::SpoolBounds {
                bytes_max: nats.spool.bytes_max,
                age_max: Duration::from_secs(nats.spool.age_max_hours.saturating_mul(3_600)),
            },
        }),
        old_subjects: naming.compat_old_subjects.then_some(mode),
        ..bus::Settings::default()
    }
}

/// A stream as the configuration says.
fn stream(stream: &Stream) -> bus::StreamSettings {
    bus::StreamSettings {
        name: stream.name.clone(),
        subjects: stream.subjects.clone(),
        retention: match stream.retention {
            Retention::Limits => "limits",
            Retention::Interest => "interest",
            Retention::Workqueue => "workqueue",
        },
        max_msgs: stream.max_msgs,
        max_bytes: stream.max_bytes,
        max_age: Duration::from_secs(stream.max_age_s),
        max_consumers: stream.max_consumers,
        replicas: stream.replicas,
        storage: match stream.storage {
            Storage::File => "file",
            Storage::Memory => "memory",
        },
        discard: match stream.discard {
            Discard::Old => "old",
            Discard::New => "new",
        },
        duplicate_window: Duration::from_secs(stream.duplicate_window_s),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_names_the_file_before_the_environment_and_that_before_the_default() {
        let [first, second] = FILE_VARIABLES;
        for (flag, first_says, second_says, wanted) in [
            (Some("a"), Some("b"), Some("c"), "a"),
            (None, Some("b"), Some("c"), "b"),
            (None, None, Some("c"), "c"),
            (None, Some(" "), Some("c"), "c"),
            (None, None, None, FILE_DEFAULT),
        ] {
            let file = ConfigFile {
                config: flag.map(PathBuf::from),
            };
            let environment = |name: &str| {
                let said = if name == first {
                    first_says
                } else {
                    second_says
                };
                assert!(name == first || name == second, "{name}");
                said.map(str::to_owned)
            };
            assert_eq!(file.path(&environment).0, PathBuf::from(wanted));
        }
    }
}
