//! `marketprism config`: work with the configuration file.

use marketprism_host::config::Readers;

use super::plans::{adapter_file, block, engine};
use super::{ConfigFile, run, unread_keys};

/// What to do with the configuration file.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Check a configuration file and tell which of its keys nobody reads; exit status 64 if it cannot be used
    Check(Check),
}

/// Which file to check.
#[derive(clap::Args)]
pub struct Check {
    #[command(flatten)]
    file: ConfigFile,
}

/// Works with the configuration file.
pub fn config(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Check(Check { file }) => check(&file, &[]),
    }
}

/// `--mode test`: a check of the file, which must have the exchanges that are named.
pub fn test(arguments: &run::Arguments) -> anyhow::Result<()> {
    check(&arguments.file, &arguments.exchange)
}

fn check(file: &ConfigFile, wanted: &[String]) -> anyhow::Result<()> {
    let (path, config) = file.load()?;
    for name in wanted {
        block(&config, &path, name)?;
    }
    let engine = engine(&config)?;
    let file = path.display();
    let mut readers = Readers::new();
    for exchange in config.exchanges.iter().filter(|exchange| exchange.enabled) {
        match adapter_file(&config, &engine, exchange).map(|found| found.adapter) {
            Ok(adapter) => {
                readers.insert(
                    exchange.name.clone(),
                    adapter.description().settings.clone(),
                );
            }
            Err(error) => println!("{file}: {}: {error}", exchange.name),
        }
    }
    let (unknown, not_used) = unread_keys::lines(&config, &readers);
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
