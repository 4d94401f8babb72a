//! Which version of its adapter each session runs, so that the next start goes on with it.
//!
//! Of each session three things are kept: the file in the adapters folder as it was when a version was last tried, the
//! last version that proved good, and those that did not. A trial is written down before it begins: whenever the
//! daemon is killed, the next start finds the last good version and not one that nobody has seen through.

mod record;
#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may end by a panic
mod tests;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

pub use record::{Against, Choice};

use record::{Entry, Record};

use super::folder::{Bounds, Folder};
use super::versions::FOLDER;

/// Name of the record, among the adapters that it tells of.
const FILE: &str = "adopted.json";

/// Longest record, in bytes: much more than a full one takes.
const BYTES_MAX: u64 = 1 << 20;

/// The record of what each session runs. Whoever shares it sees the same; hashes are as
/// [`sha256`](crate::sandbox::sha256) writes them.
#[derive(Debug)]
pub struct Adopted {
    folder: Folder,
    kept: OnceLock<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    record: Record,
    /// Whether the file says the same.
    is_saved: bool,
}

impl Adopted {
    /// What was kept below `data_dir`. It is read when it is first asked for.
    pub(super) fn below(data_dir: &Path) -> Self {
        let bounds = Bounds {
            files_max: 1,
            bytes_max: BYTES_MAX,
        };
        Self {
            // No other file of the folder ends like this one, so none makes room for it.
            folder: Folder::new(data_dir, FOLDER, FILE, bounds),
            kept: OnceLock::new(),
        }
    }

    /// Which version a session is to run that finds this file in the adapters folder. A file that was never judged is
    /// tried, unless its version is known as bad.
    pub fn choose(&self, session: &str, folder_hash: &str) -> Choice {
        self.lock().record.choose(session, folder_hash)
    }

    /// Writes down that a version is tried from now on: to be called before anything of it begins. The file that is in
    /// the adapters folder, which may be that version or none at all, is judged herewith, so that the next start does
    /// not take it for a new one. Where no version is known as good, it is the `running` one.
    ///
    /// # Errors
    /// When that could not be written; nothing has changed then.
    pub fn on_trial(
        &self,
        session: &str,
        folder_hash: Option<&str>,
        running: &str,
    ) -> std::io::Result<()> {
        let mut kept = self.lock();
        let on_trial = |entry: &mut Entry| entry.on_trial(folder_hash, running);
        let next = kept.record.changed(session, on_trial);
        if !kept.is_saved || next != kept.record {
            // Should it fail, nobody knows what the file says.
            kept.is_saved = false;
            self.save(&next)?;
        }
        *kept = Kept {
            record: next,
            is_saved: true,
        };
        Ok(())
    }

    /// Writes down that a version has proved good.
    pub fn adopt(&self, session: &str, hash: &str) {
        self.change(session, |entry| entry.adopt(hash));
    }

    /// Writes down that a version faulted, or was refused, when it was tried.
    pub fn fault(&self, session: &str, hash: &str) {
        self.change(session, |entry| entry.fault(hash));
    }

    /// The last version of a session that proved good.
    pub fn good(&self, session: &str) -> Option<String> {
        let kept = self.lock();
        kept.record.find(session).and_then(|it| it.good.clone())
    }

    /// The one that had proved good before the last good one.
    pub fn previous(&self, session: &str) -> Option<String> {
        let kept = self.lock();
        let entry = kept.record.find(session);
        entry.and_then(|it| it.previous.clone())
    }

    /// Whether a version is known as bad for a session.
    pub fn is_bad(&self, session: &str, hash: &str) -> bool {
        let kept = self.lock();
        kept.record.find(session).is_some_and(|it| it.is_bad(hash))
    }

    /// The versions of every session that can come back.
    pub(super) fn good_ones(&self) -> BTreeSet<String> {
        self.lock().record.good_ones().cloned().collect()
    }

    /// Changes what is known of a session. What cannot be written holds until the end of the process, and is written
    /// with the next change.
    fn change(&self, session: &str, change: impl FnOnce(&mut Entry)) {
        let mut kept = self.lock();
        let next = kept.record.changed(session, change);
        if kept.is_saved && next == kept.record {
            return;
        }
        let saved = self.save(&next);
        if let Err(error) = &saved {
            let path = self.folder.path(FILE);
            tracing::warn!(
                session,
                "{} was not written, so the next start does not know which version proved good: {error}",
                path.display()
            );
        }
        *kept = Kept {
            record: next,
            is_saved: saved.is_ok(),
        };
    }

    fn save(&self, record: &Record) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(record)?;
        self.folder.put(FILE, |output| output.write_all(&text))
    }

    /// The record of the last process. One that cannot be read is told and counts as none: a session starts without it.
    fn read(&self) -> Record {
        record(&self.folder).unwrap_or_else(|error| {
            let path = self.folder.path(FILE);
            tracing::warn!(
                "{} cannot be used, so every session runs its file in the adapters folder: {error}",
                path.display()
            );
            Record::default()
        })
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        let kept = self.kept.get_or_init(|| {
            Mutex::new(Kept {
                record: self.read(),
                is_saved: true,
            })
        });
        kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The record in the folder; an empty one where there is none.
fn record(folder: &Folder) -> std::io::Result<Record> {
    let bytes = match folder.read(FILE, BYTES_MAX + 1) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Record::default()),
        bytes => bytes?,
    };
    if bytes.len() as u64 > BYTES_MAX {
        let why = format!("it is longer than {BYTES_MAX} bytes");
        return Err(std::io::Error::other(why));
    }
    Ok(Record::parse(&bytes)?)
}
