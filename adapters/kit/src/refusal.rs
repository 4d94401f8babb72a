//! Why a frame or an answer could not be used.

use crate::decimal::DecimalError;

/// A broken rule with what was found. The rule is a short fixed name, because it becomes a metric's label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule was broken.
    pub rule: &'static str,
    /// What was found, for people; at most [`Refusal::DETAIL_BYTES_MAX`] bytes.
    pub detail: String,
}

impl Refusal {
    /// More of a bad frame than this helps nobody.
    pub const DETAIL_BYTES_MAX: usize = 240;

    /// A refusal; `detail` is cut on a character boundary.
    pub fn new(rule: &'static str, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        detail.truncate(detail.floor_char_boundary(Self::DETAIL_BYTES_MAX));
        Self { rule, detail }
    }
}

impl From<DecimalError> for Refusal {
    fn from(error: DecimalError) -> Self {
        match error {
            DecimalError::NotANumber => Self::new("not a number", ""),
            DecimalError::OutOfRange => Self::new("number out of range", ""),
        }
    }
}
