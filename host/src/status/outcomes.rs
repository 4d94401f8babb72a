//! What the operations on one session's adapter came to, counted as they end.

use std::collections::BTreeMap;

use super::operations::{Operation, OperationKind, Stage};
use crate::distribution::Distribution;

/// See the module. Counts only rise.
#[derive(Debug, Clone, Default)]
pub struct Outcomes {
    ended: BTreeMap<(OperationKind, Stage), u64>,
    took: Distribution,
    pause: Distribution,
}

impl Outcomes {
    /// Counts one that has just ended.
    pub(super) fn count(&mut self, operation: &Operation) {
        let key = (operation.kind, operation.stage);
        *self.ended.entry(key).or_default() += 1;
        if let Some(took) = operation.took {
            self.took.add(took);
        }
        if let Some(pause) = operation.pause {
            self.pause.add(pause);
        }
    }

    /// How many of a kind ended at that stage.
    pub fn ended(&self, kind: OperationKind, stage: Stage) -> u64 {
        self.ended.get(&(kind, stage)).copied().unwrap_or(0)
    }

    /// From the start of a new version to its first publication.
    pub const fn took(&self) -> &Distribution {
        &self.took
    }

    /// How long nobody published while a new version took over.
    pub const fn pause(&self) -> &Distribution {
        &self.pause
    }
}
