//! What can be wrong with a configuration, and how it is told: one line each, `FILE: KEY: reason`.

use std::fmt;

use super::key::Key;

/// Most problems that are told; the rest is counted.
const PROBLEMS_TOLD_MAX: usize = 50;

/// Most problems that are kept.
const PROBLEMS_KEPT_MAX: usize = 1_000;

/// Longest reason that is told whole, in characters.
const REASON_CHARS_MAX: usize = 300;

/// Why there is no configuration. Its text is what the user reads: one line for each problem.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// The file is not YAML, or more of it than a configuration needs.
    #[error("{file}: line {line}, column {column}: {reason}")]
    Syntax {
        /// The file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What is wrong there.
        reason: String,
    },
    /// Values that cannot be used: all of them.
    #[error("{}", told(.file, .problems))]
    Invalid {
        /// The file.
        file: String,
        /// What is wrong, in the order found.
        problems: Vec<Problem>,
    },
}

/// One value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its key with dots, or the name of the environment variable.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            return f.write_str(&self.reason);
        }
        write!(f, "{}: {}", self.key, self.reason)
    }
}

/// Collects what is wrong, so that all of it is told at once.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// Notes that the value at `key` cannot be used.
    pub fn add(&mut self, key: &Key, reason: impl fmt::Display) {
        self.add_named(&key.to_string(), reason);
    }

    /// Notes that the environment variable (or other source) `name` cannot be used.
    pub fn add_named(&mut self, name: &str, reason: impl fmt::Display) {
        let problem = Problem {
            key: name.to_owned(),
            reason: cut(&reason.to_string()),
        };
        if self.0.len() < PROBLEMS_KEPT_MAX && !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// True when something at `key` or below it was found wrong.
    pub fn about(&self, key: &Key) -> bool {
        let key = key.to_string();
        self.0.iter().any(|problem| {
            problem
                .key
                .strip_prefix(&key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// `value` when nothing is wrong.
    pub fn or<T>(self, file: &str, value: T) -> Result<T, ConfigError> {
        if self.0.is_empty() {
            return Ok(value);
        }
        Err(ConfigError::Invalid {
            file: file.to_owned(),
            problems: self.0,
        })
    }
}

/// `text` on one line and not too long: it may quote what the file holds.
pub(super) fn cut(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(REASON_CHARS_MAX)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    if text.chars().nth(REASON_CHARS_MAX).is_some() {
        line.push('…');
    }
    line
}

fn told(file: &str, problems: &[Problem]) -> String {
    let mut lines: Vec<String> = problems
        .iter()
        .take(PROBLEMS_TOLD_MAX)
        .map(|problem| format!("{file}: {problem}"))
        .collect();
    if let Some(more) = problems.len().checked_sub(PROBLEMS_TOLD_MAX + 1) {
        lines.push(format!("{file}: and {} more", more + 1));
    }
    lines.join("\n")
}
