//! What an exchange sent, and whether the daemon could read it.

use std::collections::BTreeMap;

use crate::exchange::{Entry, Simulator};

/// The ledger of an exchange.
pub struct Readable {
    /// Each entry, and whether what was sent of it surely arrived: its connection lives, was ended in order, or has
    /// answered a ping since.
    pub(super) entries: Vec<(bool, Entry)>,
}

impl Readable {
    /// As if everything that was sent had arrived: true where each datum comes through another connection too before
    /// the daemon ends one.
    #[must_use]
    pub fn all(exchange: &Simulator) -> Self {
        let entries = exchange.sent().into_iter().map(|entry| (true, entry));
        Self {
            entries: entries.collect(),
        }
    }

    /// As far as it surely arrived.
    #[must_use]
    pub fn of(exchange: &Simulator) -> Self {
        let records = exchange.connections();
        let records: BTreeMap<_, _> = records.iter().map(|one| (one.number, one)).collect();
        let numbers = exchange.forgotten()..;
        let sent = exchange.sent();
        let entries = numbers.zip(sent).map(|(number, entry)| {
            let record = records.get(&entry.connection);
            let is_read = record
                .is_some_and(|one| one.ended.is_none() || one.complete || number < one.confirmed);
            (is_read, entry)
        });
        Self {
            entries: entries.collect(),
        }
    }
}
