//! A folder that never holds more than so many files and bytes, whose files appear whole or not at all.
//!
//! Everything goes through the folder's handle: no name leads out of it. A file that was being written when the process
//! died has a name of its own and is removed by the next one that opens the folder for writing.

use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File};

/// Begins the name of a file that is being written.
const PARTIAL: &str = ".partial-";

/// Numbers the files that this process writes: two who write the same file at once must not write into one.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// How much a folder may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Most files.
    pub files_max: usize,
    /// Most bytes of all files together.
    pub bytes_max: u64,
}

/// A bounded folder inside the folder of everything that is written.
#[derive(Debug)]
pub(super) struct Folder {
    parent: PathBuf,
    name: &'static str,
    extension: &'static str,
    bounds: Bounds,
    /// Held while the folder changes.
    changing: Mutex<()>,
}

/// A file of the folder.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
}

impl Folder {
    /// The folder `name` in `parent`, whose files end in `extension`. Nothing is touched yet.
    pub(super) fn new(
        parent: &Path,
        name: &'static str,
        extension: &'static str,
        bounds: Bounds,
    ) -> Self {
        Self {
            parent: parent.to_path_buf(),
            name,
            extension,
            bounds,
            changing: Mutex::new(()),
        }
    }

    /// Where a file of that name is, for people.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.parent.join(self.name).join(name)
    }

    /// Removes what a process left behind that died while it wrote: partial files that are `old`, so that none is taken
    /// from a neighbour who still writes.
    pub(super) fn tidy(&self, old: Duration) -> std::io::Result<()> {
        let dir = match self.dir() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            dir => dir?,
        };
        for entry in dir.entries()? {
            let entry = entry?;
            let name = entry.file_name();
            let age = entry.metadata().and_then(|metadata| metadata.modified());
            let age = age.map(|at| at.into_std().elapsed().unwrap_or_default());
            if name.to_string_lossy().starts_with(PARTIAL) && age.is_ok_and(|age| age >= old) {
                dir.remove_file(&name)?;
            }
        }
        Ok(())
    }

    /// Writes a file; it has its name only when it is whole. Older files make room for it.
    pub(super) fn put(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        self.put_beside(name, &|_| false, write)
    }

    /// As [`Folder::put`], but those that `is_spared` names make no room, and do not count.
    pub(super) fn put_beside(
        &self,
        name: &str,
        is_spared: &dyn Fn(&str) -> bool,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let authority = ambient_authority();
        Dir::create_ambient_dir_all(self.parent.join(self.name), authority)?;
        let dir = self.dir()?;
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let partial = format!("{PARTIAL}{}-{number}-{name}", std::process::id());
        let outcome = self.fill(&dir, &partial, name, is_spared, write);
        if outcome.is_err() {
            let _ = dir.remove_file(&partial);
        }
        outcome
    }

    fn fill(
        &self,
        dir: &Dir,
        partial: &str,
        name: &str,
        is_spared: &dyn Fn(&str) -> bool,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut output = BufWriter::new(dir.create(partial)?);
        write(&mut output)?;
        let file = output.into_inner()?;
        // A name must not outlive the bytes behind it when the machine stops.
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        if bytes > self.bounds.bytes_max || self.bounds.files_max == 0 {
            return Err(std::io::Error::other(format!(
                "{bytes} bytes are more than the folder may hold ({})",
                self.bounds.bytes_max
            )));
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.make_room(dir, name, is_spared, bytes)?;
        dir.rename(partial, dir, name)?;
        // Nor may the name be lost once somebody relies on it.
        dir.open(".")?.sync_all()
    }

    /// Removes the oldest files until one of `bytes` has room; the one that it replaces does not count, nor what is
    /// spared.
    fn make_room(
        &self,
        dir: &Dir,
        name: &str,
        is_spared: &dyn Fn(&str) -> bool,
        bytes: u64,
    ) -> std::io::Result<()> {
        let mut entries = self.entries_of(dir)?;
        entries.retain(|entry| entry.name != name && !is_spared(&entry.name));
        entries.sort_by(|a, b| (a.modified, &a.name).cmp(&(b.modified, &b.name)));
        let mut files = entries.len();
        let mut used: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries {
            if files < self.bounds.files_max && used + bytes <= self.bounds.bytes_max {
                break;
            }
            dir.remove_file(&entry.name)?;
            files -= 1;
            used -= entry.bytes;
        }
        Ok(())
    }

    /// The whole files, by name; none where there is no folder.
    pub(super) fn entries(&self) -> std::io::Result<Vec<Entry>> {
        let dir = match self.dir() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            dir => dir?,
        };
        let mut entries = self.entries_of(&dir)?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Opens a file of the folder.
    pub(super) fn open(&self, name: &str) -> std::io::Result<File> {
        self.dir()?.open(name)
    }

    /// Reads a file of the folder, at most `bytes_max` bytes of it.
    pub(super) fn read(&self, name: &str, bytes_max: u64) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(name)?.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn entries_of(&self, dir: &Dir) -> std::io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in dir.entries()? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(PARTIAL) || !name.ends_with(self.extension) {
                continue;
            }
            // It may have gone in the meantime.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let modified = metadata
                .modified()
                .map_or(SystemTime::UNIX_EPOCH, |time| time.into_std());
            entries.push(Entry {
                name,
                bytes: metadata.len(),
                modified,
            });
        }
        Ok(entries)
    }

    fn dir(&self) -> std::io::Result<Dir> {
        let authority = ambient_authority();
        Dir::open_ambient_dir(self.parent.join(self.name), authority)
    }
}
