//! What is written down of each session, and what follows from it for its next start.

use serde::{Deserialize, Serialize};

/// Most sessions: as many as a configuration may have. The one that was asked for longest ago makes room.
const SESSIONS_MAX: usize = 64;

/// Most versions of a session that are known as bad; the oldest makes room.
const BAD_MAX: usize = 16;

/// Which version a session is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The one in the adapters folder.
    Folder,
    /// The last good one.
    Kept {
        /// Its hash.
        hash: String,
        /// What is against the file in the folder.
        why: Against,
    },
}

/// What is against the file in the adapters folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Against {
    /// It is the one that another version replaced, or one whose trial never ended well.
    #[error("was there already when a version was last tried")]
    Judged,
    /// It did not prove good.
    #[error("has faulted, or was refused, when it was tried")]
    Bad,
}

/// All that is written down.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// The one that was asked for last comes last.
    sessions: Vec<Entry>,
}

/// What is written down of one session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    session: String,
    /// The file in the adapters folder when a version was last tried; none when there was none.
    folder: Option<String>,
    /// The last version that proved good.
    pub(super) good: Option<String>,
    /// The one that had proved good before that.
    pub(super) previous: Option<String>,
    /// Versions that did not; the newest comes last.
    bad: Vec<String>,
}

impl Record {
    /// The record that a file holds.
    pub(super) fn parse(bytes: &[u8]) -> serde_json::Result<Self> {
        let mut record: Self = serde_json::from_slice(bytes)?;
        record.forget();
        record.sessions.iter_mut().for_each(Entry::forget);
        Ok(record)
    }

    /// Which version a session is to run that finds this file in the adapters folder.
    pub(super) fn choose(&mut self, session: &str, folder_hash: &str) -> Choice {
        let Some(entry) = self.take(session) else {
            return Choice::Folder;
        };
        let choice = entry.choice(folder_hash);
        self.sessions.push(entry);
        choice
    }

    /// The versions of every session that can come back.
    pub(super) fn good_ones(&self) -> impl Iterator<Item = &String> {
        self.sessions
            .iter()
            .flat_map(|it| it.good.iter().chain(&it.previous))
    }

    /// What is known of a session.
    pub(super) fn find(&self, session: &str) -> Option<&Entry> {
        self.sessions.iter().find(|it| it.session == session)
    }

    fn take(&mut self, session: &str) -> Option<Entry> {
        let place = self.sessions.iter().position(|it| it.session == session)?;
        Some(self.sessions.remove(place))
    }

    /// This record with a change of a session, which may be new.
    pub(super) fn changed(&self, session: &str, change: impl FnOnce(&mut Entry)) -> Self {
        let mut next = self.clone();
        let mut entry = next.take(session).unwrap_or_else(|| Entry {
            session: session.to_owned(),
            ..Entry::default()
        });
        change(&mut entry);
        next.sessions.push(entry);
        next.forget();
        next
    }

    fn forget(&mut self) {
        let excess = self.sessions.len().saturating_sub(SESSIONS_MAX);
        self.sessions.drain(..excess);
    }
}

impl Entry {
    /// A version is tried from now on.
    pub(super) fn on_trial(&mut self, folder_hash: Option<&str>, running: &str) {
        self.folder = folder_hash.map(str::to_owned);
        self.good.get_or_insert_with(|| running.to_owned());
    }

    /// A version has proved good.
    pub(super) fn adopt(&mut self, hash: &str) {
        self.bad.retain(|bad| bad != hash);
        if self.good.as_deref() != Some(hash) {
            self.previous = self.good.replace(hash.to_owned());
        }
    }

    /// A version has not.
    pub(super) fn fault(&mut self, hash: &str) {
        self.bad.retain(|bad| bad != hash);
        self.bad.push(hash.to_owned());
        self.forget();
    }

    /// Whether a version is known as bad.
    pub(super) fn is_bad(&self, hash: &str) -> bool {
        self.bad.iter().any(|bad| bad == hash)
    }

    fn choice(&self, folder_hash: &str) -> Choice {
        let why = if self.folder.as_deref() == Some(folder_hash) {
            Against::Judged
        } else if self.is_bad(folder_hash) {
            Against::Bad
        } else {
            return Choice::Folder;
        };
        match &self.good {
            Some(good) if good != folder_hash => Choice::Kept {
                hash: good.clone(),
                why,
            },
            _ => Choice::Folder,
        }
    }

    fn forget(&mut self) {
        let excess = self.bad.len().saturating_sub(BAD_MAX);
        self.bad.drain(..excess);
    }
}
