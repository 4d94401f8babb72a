//! The folder of fault bundles.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Bundle, BundleError, Facts, Report};
use crate::record::folder::{Bounds, Folder};
use crate::record::names;

/// Name of the folder, below that of everything that is written.
pub const FOLDER: &str = "bundles";

/// How the names of bundles end.
pub const EXTENSION: &str = ".fault.gz";

/// The fault bundles of a daemon. Clones are the same; sessions share it.
#[derive(Debug, Clone)]
pub struct Bundles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: Folder,
    saved: AtomicU64,
    failed: AtomicU64,
}

impl Bundles {
    /// What the folder holds where nobody says otherwise.
    pub const BOUNDS: Bounds = Bounds {
        files_max: 100,
        bytes_max: 256 << 20,
    };

    /// The bundles below `data_dir`. Nothing is touched before the first fault, but for what a process left behind that
    /// died while it wrote one.
    pub fn open(data_dir: &Path, bounds: Bounds) -> Self {
        let bundles = Self::below(data_dir, bounds);
        if let Err(error) = bundles.0.folder.tidy(Duration::ZERO) {
            let folder = bundles.0.folder.path("");
            tracing::warn!("{} cannot be tidied: {error}", folder.display());
        }
        bundles
    }

    /// The bundles below `data_dir`, to look at.
    pub fn look(data_dir: &Path) -> Self {
        Self::below(data_dir, Self::BOUNDS)
    }

    fn below(data_dir: &Path, bounds: Bounds) -> Self {
        Self(Arc::new(Inner {
            folder: Folder::new(data_dir, FOLDER, EXTENSION, bounds),
            saved: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }))
    }

    /// Writes the bundle of a fault and says so in the log; the path of it. What goes wrong is logged and counted, and
    /// nothing else.
    pub fn save(&self, report: &Report) -> Option<PathBuf> {
        let facts = &report.facts;
        let number = self.saved() + self.failed() + 1;
        let kind = facts.fault.kind.replace(' ', "-");
        let name = names::name(facts.time_ns, &[&facts.session, &kind], number, EXTENSION);
        let path = self.0.folder.path(&name);
        match self.0.folder.put(&name, |output| report.write(output)) {
            Ok(()) => {
                self.0.saved.fetch_add(1, Ordering::Relaxed);
                tracing::info!(
                    session = facts.session,
                    "what led to the fault: marketprism replay {}",
                    path.display()
                );
                Some(path)
            }
            Err(error) => {
                self.0.failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    session = facts.session,
                    "the fault's bundle {} was not written: {error}",
                    path.display()
                );
                None
            }
        }
    }

    /// Bundles written since the start.
    pub fn saved(&self) -> u64 {
        self.0.saved.load(Ordering::Relaxed)
    }

    /// Bundles that could not be written.
    pub fn failed(&self) -> u64 {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// The bundles that there are, oldest first: name, size in bytes, and what each says.
    ///
    /// # Errors
    /// When the folder cannot be read.
    #[allow(clippy::type_complexity, reason = "a row of three columns")]
    pub fn list(&self) -> std::io::Result<Vec<(String, u64, Result<Facts, BundleError>)>> {
        let rows = self.0.folder.entries()?.into_iter().map(|entry| {
            let facts = self.file(&entry.name).and_then(Bundle::read_facts);
            (entry.name, entry.bytes, facts)
        });
        Ok(rows.collect())
    }

    /// What the bundle of that name says of its fault; a name that leads out of the folder is refused.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn facts(&self, name: &str) -> Result<Facts, BundleError> {
        self.file(name).and_then(Bundle::read_facts)
    }

    /// Reads the bundle of that name; a name that leads out of the folder is refused.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn read(&self, name: &str) -> Result<Bundle, BundleError> {
        self.file(name).and_then(Bundle::read)
    }

    fn file(&self, name: &str) -> Result<impl Read, BundleError> {
        self.0.folder.open(name).map_err(BundleError::Unreadable)
    }
}
