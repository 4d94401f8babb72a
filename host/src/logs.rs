//! Tracing set-up: what is logged, and where to.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Environment variable with the level, as the old collector had it.
pub const LEVEL_VARIABLE: &str = "MARKETPRISM_LOG_LEVEL";

/// Writes log lines to standard error: standard output belongs to what a command prints.
///
/// `level` is DEBUG, INFO, WARNING or ERROR in any case, or a filter in the form of `tracing_subscriber`; without one
/// the environment decides, else INFO.
pub fn to_standard_error(level: Option<&str>) {
    let level = level
        .map(str::to_string)
        .or_else(|| std::env::var(LEVEL_VARIABLE).ok());
    let filter = filter(level.as_deref().unwrap_or("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}

/// Libraries speak only when something is wrong with them, unless the filter names them.
fn filter(level: &str) -> EnvFilter {
    let level = match level.to_ascii_lowercase().as_str() {
        "warning" => "warn".to_string(),
        "critical" => "error".to_string(),
        other => other.to_string(),
    };
    let text = match level.as_str() {
        "trace" | "debug" | "info" => format!("warn,marketprism_host={level},marketprism={level}"),
        _ => level,
    };
    EnvFilter::try_new(&text).unwrap_or_else(|_| EnvFilter::new("info"))
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn the_old_collectors_level_names_are_understood() {
        assert_eq!(filter("WARNING").to_string(), "warn");
        assert_eq!(filter("ERROR").to_string(), "error");
        assert!(
            filter("DEBUG")
                .to_string()
                .contains("marketprism_host=debug")
        );
    }
}
