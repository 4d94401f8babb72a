//! Adapters by their hash, so that a bundle finds the one that faulted.

use std::path::Path;
use std::time::Duration;

use super::folder::{Bounds, Folder};
use crate::sandbox::{ADAPTER_BYTES_MAX, sha256};

/// Name of the folder, below that of everything that is written.
const FOLDER: &str = "versions";

/// How the names of adapters end.
const EXTENSION: &str = ".wasm";

/// What the folder holds at most.
const BOUNDS: Bounds = Bounds {
    files_max: 32,
    bytes_max: 512 << 20,
};

/// Longer than it takes to write an adapter.
const PARTIAL_AGE: Duration = Duration::from_secs(60);

/// The adapters that sessions have run.
#[derive(Debug)]
pub struct Versions(Folder);

impl Versions {
    /// The adapters below `data_dir`. Nothing is touched yet.
    pub fn below(data_dir: &Path) -> Self {
        Self(Folder::new(data_dir, FOLDER, EXTENSION, BOUNDS))
    }

    /// Keeps an adapter's file; the one that was used longest ago makes room. What goes wrong is logged and nothing
    /// else: no session depends on it.
    pub fn keep(&self, bytes: &[u8]) {
        let name = format!("{}{EXTENSION}", sha256(bytes));
        let kept = self
            .0
            .tidy(PARTIAL_AGE)
            .and_then(|()| self.0.put(&name, |output| output.write_all(bytes)));
        if let Err(error) = kept {
            let path = self.0.path(&name);
            tracing::warn!("{} was not kept: {error}", path.display());
        }
    }

    /// The file with that hash; `None` when there is none, or when its bytes are not what its name says.
    pub fn find(&self, hash: &str) -> Option<Vec<u8>> {
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash {
            return None;
        }
        let name = format!("{}{EXTENSION}", hash.to_ascii_lowercase());
        let bytes = self.0.read(&name, ADAPTER_BYTES_MAX as u64 + 1).ok()?;
        sha256(&bytes).eq_ignore_ascii_case(hash).then_some(bytes)
    }
}
