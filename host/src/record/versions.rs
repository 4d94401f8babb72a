//! Adapters by their hash, so that the bundle of a fault finds the one that faulted, and a session that goes on with
//! an adopted one finds it again.

use std::path::Path;
use std::time::Duration;

use super::adopted::Adopted;
use super::folder::{Bounds, Folder};
use crate::sandbox::{ADAPTER_BYTES_MAX, sha256};

/// Name of the folder, below that of everything that is written.
pub(super) const FOLDER: &str = "versions";

/// How the names of adapters end.
const EXTENSION: &str = ".wasm";

/// What the folder holds at most, apart from the versions of each session that can come back.
const BOUNDS: Bounds = Bounds {
    files_max: 32,
    bytes_max: 512 << 20,
};

/// Longer than it takes to write an adapter.
const PARTIAL_AGE: Duration = Duration::from_secs(60);

/// The adapters that sessions have run, and which of them each session has adopted.
#[derive(Debug)]
pub struct Versions {
    folder: Folder,
    adopted: Adopted,
}

impl Versions {
    /// The adapters below `data_dir`. Nothing is touched yet.
    pub fn below(data_dir: &Path) -> Self {
        Self {
            folder: Folder::new(data_dir, FOLDER, EXTENSION, BOUNDS),
            adopted: Adopted::below(data_dir),
        }
    }

    /// Which version each session runs.
    pub fn adopted(&self) -> &Adopted {
        &self.adopted
    }

    /// Keeps an adapter's file; the one that was used longest ago makes room, but none that is the last good one of a
    /// session. What goes wrong is logged and nothing else: no session depends on it.
    pub fn keep(&self, bytes: &[u8]) {
        let name = name(&sha256(bytes));
        let good = self.adopted.good_ones();
        let is_good = |file: &str| good.iter().any(|hash| self::name(hash) == file);
        let write = |output: &mut dyn std::io::Write| output.write_all(bytes);
        let kept = self
            .folder
            .tidy(PARTIAL_AGE)
            .and_then(|()| self.folder.put_beside(&name, &is_good, write));
        if let Err(error) = kept {
            let path = self.folder.path(&name);
            tracing::warn!("{} was not kept: {error}", path.display());
        }
    }

    /// The file with that hash; `None` when there is none, or when its bytes are not what its name says.
    pub fn find(&self, hash: &str) -> Option<Vec<u8>> {
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash {
            return None;
        }
        let bytes = self
            .folder
            .read(&name(hash), ADAPTER_BYTES_MAX as u64 + 1)
            .ok()?;
        sha256(&bytes).eq_ignore_ascii_case(hash).then_some(bytes)
    }
}

/// The name of the file with that hash.
fn name(hash: &str) -> String {
    format!("{}{EXTENSION}", hash.to_ascii_lowercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may end by a panic
mod tests {
    use super::*;

    /// Keeps so many files, each of its own.
    fn keep_others(versions: &Versions, count: usize) {
        for number in 0..count {
            versions.keep(format!("other {number}").as_bytes());
        }
    }

    /// Makes the file with that hash the one that was used longest ago.
    fn age(data_dir: &Path, hash: &str) {
        let file = data_dir.join(FOLDER).join(name(hash));
        let file = std::fs::File::options().write(true).open(file).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }

    fn files(data_dir: &Path) -> usize {
        let names = std::fs::read_dir(data_dir.join(FOLDER)).unwrap();
        let names = names.map(|entry| entry.unwrap().path());
        names
            .filter(|path| path.extension().is_some_and(|it| it == "wasm"))
            .count()
    }

    #[test]
    fn what_can_come_back_makes_no_room_for_others() {
        let data = tempfile::tempdir().unwrap();
        let (good, next) = (sha256(b"good"), sha256(b"next"));
        {
            let versions = Versions::below(data.path());
            versions.keep(b"good");
            versions.keep(b"next");
            age(data.path(), &good);
            age(data.path(), &next);
            versions.adopted().adopt("a", &good);
            keep_others(&versions, 2 * BOUNDS.files_max);
            assert!(versions.find(&good).is_some());
            assert_eq!(versions.find(&next), None, "nobody has adopted it");
            assert_eq!(files(data.path()), BOUNDS.files_max + 1);
        }
        // As after a start, and for whoever adopts another: then it is one of many.
        let versions = Versions::below(data.path());
        keep_others(&versions, 2 * BOUNDS.files_max);
        assert!(versions.find(&good).is_some());
        versions.keep(b"next");
        age(data.path(), &next);
        versions.adopted().adopt("a", &next);
        keep_others(&versions, 2 * BOUNDS.files_max);
        assert!(versions.find(&good).is_some(), "it can come back");
        let last = sha256(b"last");
        versions.keep(b"last");
        age(data.path(), &last);
        versions.adopted().adopt("a", &last);
        keep_others(&versions, 2 * BOUNDS.files_max);
        assert_eq!(versions.find(&good), None);
        assert!(versions.find(&next).is_some() && versions.find(&last).is_some());
    }

    #[test]
    fn one_version_may_be_kept_by_many_at_once() {
        let data = tempfile::tempdir().unwrap();
        let versions = Versions::below(data.path());
        let bytes = vec![7; 1 << 20];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| versions.keep(&bytes));
            }
        });
        assert_eq!(versions.find(&sha256(&bytes)), Some(bytes));
        let names = std::fs::read_dir(data.path().join(FOLDER)).unwrap();
        assert_eq!(names.count(), 1, "nothing is left of the writing");
    }
}
