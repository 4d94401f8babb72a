//! Tracing set-up: what is logged, in which form, and where to.

mod level;
mod line;

use std::io::IsTerminal;

use tracing_subscriber::fmt::MakeWriter;

pub use level::{DEBUG_VARIABLE, LEVEL_VARIABLE, Level, NotALevel};
use line::{Form, Lines};

/// `1` or `true`: one JSON object a line instead of text.
pub const JSON_VARIABLE: &str = "MARKETPRISM_LOG_JSON";

/// Where log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Standard output: the daemon's, which prints nothing else.
    Output,
    /// Standard error: where standard output belongs to what a command prints.
    Error,
}

/// Starts logging, once in a process. Without a level the environment decides, else INFO; a level of the environment
/// that cannot be used is told in the log.
pub fn start(target: Target, level: Option<Level>) {
    let environment = |name: &str| std::env::var(name).ok();
    let (level, refused) = match level {
        Some(level) => (level, None),
        None => Level::of_environment(&environment),
    };
    let form = if environment(JSON_VARIABLE).is_some_and(|value| is_set(&value)) {
        Form::Json
    } else {
        Form::Text
    };
    match target {
        Target::Output => write_to(
            std::io::stdout,
            std::io::stdout().is_terminal(),
            form,
            level,
        ),
        Target::Error => write_to(
            std::io::stderr,
            std::io::stderr().is_terminal(),
            form,
            level,
        ),
    }
    if let Some((name, refused)) = refused {
        tracing::warn!("{name}: {refused}; INFO is used");
    }
}

fn write_to<W>(writer: W, is_terminal: bool, form: Form, level: Level)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .with_env_filter(level.filter())
        .with_ansi(is_terminal)
        // A reader of the log that went away is no reason to write elsewhere.
        .log_internal_errors(false)
        .event_format(Lines { form })
        .with_writer(writer)
        .init();
}

/// Whether a switch of the environment is on.
fn is_set(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "1" | "true")
}

#[cfg(test)]
mod tests {
    use super::is_set;

    #[test]
    fn a_switch_is_on_with_one_and_true_only() {
        assert!(is_set("1") && is_set("true") && is_set(" True "));
        assert!(!is_set("0") && !is_set("false") && !is_set(""));
    }
}
