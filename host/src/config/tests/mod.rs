//! The whole room on texts: what is read, what is refused and how it is told.

mod accepted;
mod hostile;
mod refused;
mod unread;

use super::*;

/// A file that needs nothing else.
const MINIMAL: &str = "
exchanges:
  alpha_spot:
    market_type: spot
    symbols: [BTCUSDT]
    data_types: [orderbook, trade]
";

fn read(text: &str) -> Result<Config, ConfigError> {
    parse(text, "test.yaml", &|_| None)
}

fn read_with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    parse(text, "test.yaml", &|name| {
        variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

/// The lines that tell why `text` is refused.
fn refused(text: &str) -> Vec<String> {
    let told = read(text).unwrap_err().to_string();
    told.lines().map(str::to_owned).collect()
}

/// `MINIMAL` with more lines in its block.
fn with_block(lines: &str) -> String {
    let mut text = MINIMAL.to_owned();
    for line in lines.lines() {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// `MINIMAL` with more sections.
fn with_top(lines: &str) -> String {
    format!("{MINIMAL}{lines}\n")
}

fn readers(settings: &[&str]) -> Readers {
    let settings = settings
        .iter()
        .map(|setting| (*setting).to_owned())
        .collect();
    Readers::from([("alpha_spot".to_owned(), settings)])
}
