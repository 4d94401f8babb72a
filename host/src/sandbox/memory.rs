//! The memory cap: the sum over all memories and tables of one instance.

/// Bytes that one table entry costs the host.
const TABLE_ENTRY_BYTES: usize = size_of::<usize>();

/// The guest asked for more memory than it may have.
#[derive(Debug, thiserror::Error)]
#[error("wanted {wanted_bytes} bytes of memory and tables, may have {hard_bytes}")]
pub(super) struct OutOfMemory {
    wanted_bytes: usize,
    hard_bytes: usize,
}

/// Counts what the guest has and refuses what it may not have.
pub(super) struct MemoryCap {
    used_bytes: usize,
    hard_bytes: usize,
}

impl MemoryCap {
    pub(super) fn new(hard_bytes: usize) -> Self {
        Self {
            used_bytes: 0,
            hard_bytes,
        }
    }

    /// The cap from now on; what is in use stays.
    pub(super) fn set_hard(&mut self, hard_bytes: usize) {
        self.hard_bytes = hard_bytes;
    }

    /// Memory and tables in use, in bytes.
    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// An error, not `Ok(false)`: a guest that merely sees its allocation fail may go on, and no fault would tell.
    fn grow(&mut self, by_bytes: usize) -> wasmtime::Result<bool> {
        let wanted_bytes = self.used_bytes.saturating_add(by_bytes);
        if wanted_bytes > self.hard_bytes {
            return Err(OutOfMemory {
                wanted_bytes,
                hard_bytes: self.hard_bytes,
            }
            .into());
        }
        self.used_bytes = wanted_bytes;
        Ok(true)
    }
}

impl wasmtime::ResourceLimiter for MemoryCap {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Beyond its own declared maximum the growth fails whatever is answered; nothing is used by it.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.grow(desired.saturating_sub(current))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.grow(
            desired
                .saturating_sub(current)
                .saturating_mul(TABLE_ENTRY_BYTES),
        )
    }

    fn instances(&self) -> usize {
        16
    }

    fn memories(&self) -> usize {
        4
    }

    fn tables(&self) -> usize {
        16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::ResourceLimiter;

    #[test]
    fn memories_and_tables_are_summed() {
        let mut cap = MemoryCap::new(1000);
        assert!(cap.memory_growing(0, 500, None).unwrap());
        assert!(cap.memory_growing(0, 300, None).unwrap());
        assert!(cap.table_growing(0, 25, None).unwrap());
        assert_eq!(cap.used_bytes(), 1000);
        assert!(cap.memory_growing(300, 301, None).is_err());
        assert_eq!(cap.used_bytes(), 1000);
    }

    #[test]
    fn growth_beyond_the_guests_own_maximum_is_not_our_fault() {
        let mut cap = MemoryCap::new(1000);
        assert!(!cap.memory_growing(0, 500, Some(100)).unwrap());
        assert_eq!(cap.used_bytes(), 0);
    }
}
