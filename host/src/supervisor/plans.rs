//! Where plans come from when the configuration is read again, and how two plans of one session differ.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use crate::session::Plan;

/// Keys of a block that a running session can follow, or that do not concern it.
const FOLLOWED_KEYS: [&str; 4] = ["symbols", "limits", "priority", "enabled"];

/// How to read the plans again.
#[derive(Clone)]
pub struct Plans {
    /// The file that they come from.
    pub file: PathBuf,
    /// Reads them; takes as long as compiling the adapters takes.
    pub read: Arc<dyn Fn() -> anyhow::Result<Vec<Plan>> + Send + Sync>,
}

/// What must be done for a session to go on by another plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    /// Nothing.
    None,
    /// It can follow while it runs.
    Followed,
    /// It must begin again.
    Restart,
}

/// How the plans of one session differ.
pub(super) fn difference(old: &Plan, new: &Plan) -> Difference {
    let is_same_adapter = old.adapter.sha256() == new.adapter.sha256();
    let is_same_place =
        old.venue == new.venue && old.grants == new.grants && old.subjects == new.subjects;
    if !is_same_adapter || !is_same_place || lasting(&old.settings) != lasting(&new.settings) {
        return Difference::Restart;
    }
    if old.symbols != new.symbols || old.limits != new.limits {
        return Difference::Followed;
    }
    Difference::None
}

/// The settings that an adapter reads at its start only.
fn lasting(settings: &str) -> Value {
    let mut settings: Value = serde_json::from_str(settings).unwrap_or_default();
    if let Some(block) = settings.as_object_mut() {
        for key in FOLLOWED_KEYS {
            block.remove(key);
        }
    }
    settings
}

/// Tells when a file is another one than before, once it has stood still for a moment.
pub(super) struct FileWatch {
    file: PathBuf,
    known: Option<Stamp>,
    seen: Option<Stamp>,
}

/// What tells a file from another in its place, also from one that is as long and comes with the same date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified: SystemTime,
    /// When the system last changed anything of it.
    changed: (i64, i64),
}

impl FileWatch {
    pub(super) fn new(file: &Path) -> Self {
        let now = stamp(file);
        Self {
            file: file.to_owned(),
            known: now,
            seen: now,
        }
    }

    /// Watches a file of which nothing is known: it is told once as it is now.
    pub(super) fn of_unknown(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            known: None,
            seen: None,
        }
    }

    /// Whether the file has changed and was the same at the last look, so that nobody is writing it.
    pub(super) fn look(&mut self) -> bool {
        let now = stamp(&self.file);
        let stands_still = now == self.seen;
        self.seen = now;
        let is_changed = stands_still && now.is_some() && now != self.known;
        if is_changed {
            self.known = now;
        }
        is_changed
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(file).ok()?;
    Some(Stamp {
        inode: metadata.ino(),
        bytes: metadata.len(),
        modified: metadata.modified().ok()?,
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_told_once_it_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.yaml");
        std::fs::write(&file, "a").unwrap();
        let mut watch = FileWatch::new(&file);
        assert!(!watch.look());
        std::fs::write(&file, "ab").unwrap();
        assert!(!watch.look(), "somebody may still be writing");
        assert!(watch.look());
        assert!(!watch.look());
        std::fs::remove_file(&file).unwrap();
        assert!(
            !watch.look() && !watch.look(),
            "a file that is gone changes nothing"
        );
        std::fs::write(&file, "abc").unwrap();
        assert!(!watch.look());
        assert!(watch.look());
    }

    #[test]
    fn what_a_session_follows_does_not_count_as_a_setting() {
        let settings = |symbols: &str, method: &str| {
            format!(
                r#"{{"symbols":{symbols},"limits":{{"a":1}},"orderbook":{{"method":"{method}"}}}}"#
            )
        };
        assert_eq!(
            lasting(&settings("[1]", "x")),
            lasting(&settings("[2]", "x"))
        );
        assert_ne!(
            lasting(&settings("[1]", "x")),
            lasting(&settings("[1]", "y"))
        );
    }
}
