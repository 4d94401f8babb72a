//! How far a version that stands by is from being able to take over.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::sandbox::contract::{BookState, InstrumentReport, StreamState};

/// How much of something is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Ready {
    /// Ready ones.
    pub ready: usize,
    /// All that are waited for.
    pub of: usize,
}

impl Ready {
    fn add(&mut self, is_ready: bool) {
        self.ready += usize::from(is_ready);
        self.of += 1;
    }

    /// Whether nothing is missing.
    pub const fn is_complete(self) -> bool {
        self.ready == self.of
    }
}

/// What is ready of a session, by its adapter's own report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness {
    /// Synced books, of those that are collected.
    pub books: Ready,
    /// Streams that are acknowledged or heard, of those that are asked for.
    pub streams: Ready,
}

impl Readiness {
    /// Of these instruments, by the exchange's names. `expected` are those that the version at work collects, and whether
    /// each is well there; with `is_patient` one that is not well there is waited for too.
    pub fn of<'a>(
        reports: impl Iterator<Item = (&'a str, &'a InstrumentReport)>,
        expected: &BTreeMap<String, bool>,
        is_patient: bool,
    ) -> Self {
        let mut readiness = Self::default();
        let mut missing: BTreeMap<&str, bool> = expected
            .iter()
            .map(|(name, is_well)| (name.as_str(), *is_well))
            .collect();
        for (name, report) in reports {
            let is_well_there = missing.remove(name);
            // What the exchange does not have, no version can collect.
            if report.problem.is_none() && (is_patient || is_well_there != Some(false)) {
                readiness.add(report);
            }
        }
        for is_well in missing.into_values() {
            if is_patient || is_well {
                readiness.streams.add(false);
            }
        }
        readiness
    }

    fn add(&mut self, report: &InstrumentReport) {
        if let Some(state) = report.book_state {
            self.books.add(state == BookState::Synced);
        }
        for stream in &report.streams {
            // What the exchange refuses it refuses to every version.
            if stream.state != StreamState::Refused {
                self.streams.add(stream.state != StreamState::Asked);
            }
        }
    }

    /// Whether nothing is missing.
    pub const fn is_complete(self) -> bool {
        self.books.is_complete() && self.streams.is_complete()
    }
}
