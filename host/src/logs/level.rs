//! How much is logged: the old collector's level names, or a filter of tracing-subscriber.

use std::str::FromStr;

use tracing_subscriber::EnvFilter;

/// Environment variable with the level, as the old collector had it.
pub const LEVEL_VARIABLE: &str = "MARKETPRISM_LOG_LEVEL";

/// `1` or `true`: DEBUG, where nothing else says the level.
pub const DEBUG_VARIABLE: &str = "MARKETPRISM_DEBUG";

/// How much is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level(String);

/// A text that is neither a level nor a filter.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of DEBUG, INFO, WARNING, ERROR")]
pub struct NotALevel(String);

impl Default for Level {
    fn default() -> Self {
        Self::of_host("info")
    }
}

impl FromStr for Level {
    type Err = NotALevel;

    /// DEBUG, INFO, WARNING or ERROR in any case, or a filter with `=` in the form of `tracing_subscriber`.
    fn from_str(text: &str) -> Result<Self, NotALevel> {
        let refused = || NotALevel(text.to_owned());
        match text.trim().to_ascii_lowercase().as_str() {
            level @ ("trace" | "debug" | "info") => Ok(Self::of_host(level)),
            "warning" | "warn" => Ok(Self("warn".to_owned())),
            "error" | "critical" => Ok(Self("error".to_owned())),
            // A word alone would be taken for the name of a module, and everything else would fall silent.
            filter if filter.contains('=') && EnvFilter::try_new(filter).is_ok() => {
                Ok(Self(text.trim().to_owned()))
            }
            _ => Err(refused()),
        }
    }
}

impl Level {
    /// Libraries speak only when something is wrong with them, unless a filter names them.
    fn of_host(level: &str) -> Self {
        Self(format!("warn,marketprism_host={level},marketprism={level}"))
    }

    /// The level that the environment says, else INFO, and with it the variable whose value could not be used.
    pub(super) fn of_environment(
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> (Self, Option<(&'static str, NotALevel)>) {
        let text = environment(LEVEL_VARIABLE).filter(|text| !text.trim().is_empty());
        match text.map(|text| text.parse()) {
            Some(Ok(level)) => (level, None),
            Some(Err(refused)) => (Self::default(), Some((LEVEL_VARIABLE, refused))),
            None if environment(DEBUG_VARIABLE).is_some_and(|value| super::is_set(&value)) => {
                (Self::of_host("debug"), None)
            }
            None => (Self::default(), None),
        }
    }

    pub(super) fn filter(&self) -> EnvFilter {
        EnvFilter::try_new(&self.0).unwrap_or_else(|_| EnvFilter::new("info"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(level: &str) -> Option<String> {
        let level: Result<Level, NotALevel> = level.parse();
        level.ok().map(|level| level.filter().to_string())
    }

    #[test]
    fn the_old_collectors_level_names_are_understood() {
        assert_eq!(filter("WARNING").as_deref(), Some("warn"));
        assert_eq!(filter("ERROR").as_deref(), Some("error"));
        let debug = filter("DEBUG").unwrap_or_default();
        assert!(debug.contains("marketprism_host=debug"), "{debug}");
    }

    #[test]
    fn a_filter_is_a_level_too_and_another_word_is_none() {
        assert_eq!(
            filter("marketprism_host=trace").as_deref(),
            Some("marketprism_host=trace")
        );
        for bad in ["verbose", "", "a=b=c=d"] {
            assert_eq!(filter(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_environment_says_the_level_by_name_or_by_the_debug_switch() {
        let said = |pairs: &'static [(&'static str, &'static str)]| {
            let (level, refused) = Level::of_environment(&|name| {
                let pair = pairs.iter().find(|(variable, _)| *variable == name);
                pair.map(|(_, value)| (*value).to_owned())
            });
            (level, refused.map(|(name, _)| name))
        };
        let debug = Level::of_host("debug");
        let error = Level("error".to_owned());
        assert_eq!(said(&[]), (Level::default(), None));
        assert_eq!(said(&[(LEVEL_VARIABLE, "")]), (Level::default(), None));
        assert_eq!(said(&[(DEBUG_VARIABLE, "true")]), (debug, None));
        assert_eq!(
            said(&[(DEBUG_VARIABLE, "1"), (LEVEL_VARIABLE, "error")]),
            (error, None)
        );
        assert_eq!(
            said(&[(LEVEL_VARIABLE, "loud")]),
            (Level::default(), Some(LEVEL_VARIABLE))
        );
    }
}
