//! The place of a value in the configuration: its keys from the top, printed with dots.

use std::fmt;

/// Longest key that is printed whole, in characters.
const KEY_CHARS_MAX: usize = 64;

/// Keys from the top of the file to one value.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Vec<String>);

impl Key {
    /// The key made of these segments.
    pub fn of<S: Into<String>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self(segments.into_iter().map(Into::into).collect())
    }

    /// This key and one more segment.
    pub fn then(&self, segment: impl Into<String>) -> Self {
        let mut key = self.clone();
        key.0.push(segment.into());
        key
    }

    /// This key and the segments of another.
    pub fn join(&self, rest: &Self) -> Self {
        let mut key = self.clone();
        key.0.extend(rest.0.iter().cloned());
        key
    }

    /// The segments, outermost first.
    pub fn segments(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    /// The keys from the outermost to this one.
    pub fn prefixes(&self) -> impl Iterator<Item = Self> + '_ {
        (1..=self.0.len()).map(|length| Self(self.0.iter().take(length).cloned().collect()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            // A key comes from outside: no line break or control character of it reaches a log.
            for character in segment.chars().take(KEY_CHARS_MAX) {
                if character.is_control() {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    write!(f, "{character}")?;
                }
            }
            if segment.chars().nth(KEY_CHARS_MAX).is_some() {
                f.write_str("…")?;
            }
        }
        Ok(())
    }
}
