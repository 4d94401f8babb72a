//! What two versions of an adapter publish, compared by data type and instrument, while it comes.
//!
//! What is compared is messages, as a session hands them to its world: that is what consumers get, with names instead
//! of the numbers that an adapter chooses. Partners are found by what the datum is and never by their place in the
//! row, so the two sides may run in step over a recording or each in its own time. Driving them is left to others.

mod comparison;
mod document;
mod example;
mod identity;
mod report;
mod subject;
mod waiting;
mod words;

pub use comparison::Comparison;
pub use example::{Example, FieldDifference, Kind};
pub use report::{Counts, Figures, Latency, LeftOut, Report, SubjectReport};

use std::time::Duration;

/// Which of the two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that is there.
    Old,
    /// The one that shall replace it.
    New,
}

/// How two sides are compared, and how much may be held while they are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long after a message the other side's may come; later, both count as without a partner.
    pub window: Duration,
    /// Bytes that may wait for their partners, of one data type of one instrument.
    pub subject_bytes_max: usize,
    /// Bytes that may wait, of all together.
    pub bytes_max: usize,
    /// True: both sides began together, so that what a book's state counts since then is compared too. False: what comes
    /// within the first window and finds no partner is not counted, for its partner may have come before.
    pub began_together: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(60),
            subject_bytes_max: 8 << 20,
            bytes_max: 128 << 20,
            began_together: true,
        }
    }
}

#[cfg(test)]
mod tests;
