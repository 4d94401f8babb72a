//! What is being done to adapters while they run, and what became of it: every swap, rollback and shadow run of late.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;

use super::outcomes::Outcomes;
use crate::session::Ready;
use crate::wire::iso_time;

/// Operations that are remembered; the oldest that has ended makes room.
const REMEMBERED_MAX: usize = 200;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// Another version takes over.
    Swap,
    /// The last good version takes over again.
    Rollback,
    /// A candidate sees the same traffic, and nothing of it is published.
    Shadow,
}

impl OperationKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Swap, Self::Rollback, Self::Shadow];

    /// The kind as answers and metrics write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Swap => "swap",
            Self::Rollback => "rollback",
            Self::Shadow => "shadow",
        }
    }
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its turn has not come.
    Waiting,
    /// The file is checked and compiled.
    Loading,
    /// The new version connects.
    Starting,
    /// It subscribes and builds its books.
    Syncing,
    /// A shadow run: it is live, and compared.
    Comparing,
    /// A shadow run: it was compared, and stands by until somebody decides what becomes of it.
    Deciding,
    /// The old version tells how far it came, the new one goes on from there.
    HandingOver,
    /// The new version publishes. Should it fault soon, the old one comes back.
    Probation,
    /// The new version is there to stay; or the shadow run has ended as planned.
    Done,
    /// The old version never stopped.
    Refused,
    /// The new version faulted in its probation, and the old one was started again.
    RolledBack,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 11] = [
        Self::Waiting,
        Self::Loading,
        Self::Starting,
        Self::Syncing,
        Self::Comparing,
        Self::Deciding,
        Self::HandingOver,
        Self::Probation,
        Self::Done,
        Self::Refused,
        Self::RolledBack,
    ];

    /// The stage as answers and logs write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Loading => "loading",
            Self::Starting => "starting",
            Self::Syncing => "syncing",
            Self::Comparing => "comparing",
            Self::Deciding => "deciding",
            Self::HandingOver => "handing_over",
            Self::Probation => "probation",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::RolledBack => "rolled_back",
        }
    }

    /// Whether nothing follows.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Refused | Self::RolledBack)
    }
}

/// A version of an adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The adapter's own version.
    pub version: String,
    /// Hash of its file, in hexadecimal.
    pub sha256: String,
}

/// One operation.
#[derive(Debug, Clone, Serialize)]
pub struct Operation {
    /// Its number.
    pub id: u64,
    /// What is done.
    pub kind: OperationKind,
    /// The session whose adapter it is.
    pub session: String,
    /// Where the new version came from, for people.
    pub source: String,
    /// How far it has come.
    pub stage: Stage,
    /// Why it ended as it did, or what it waits for.
    pub why: Option<String>,
    /// The version that was at work.
    pub from: Option<Version>,
    /// The new version; none before it is loaded.
    pub to: Option<Version>,
    /// Books that are synced.
    pub books: Ready,
    /// Streams that are acknowledged or heard.
    pub streams: Ready,
    /// When it was asked for.
    #[serde(serialize_with = "iso")]
    pub began: SystemTime,
    /// When it ended.
    #[serde(serialize_with = "iso_or_none")]
    pub ended: Option<SystemTime>,
    /// From the start of the new version, or its promotion in a shadow run, to its first publication, in seconds.
    #[serde(serialize_with = "seconds")]
    pub took: Option<Duration>,
    /// How long nobody published: from the old version's last event to the new one's first, in seconds.
    #[serde(serialize_with = "seconds")]
    pub pause: Option<Duration>,
    /// Of a shadow run: what was the same and what not.
    pub report: Option<Value>,
}

/// The operations of late, shared by who does them and who shows them.
#[derive(Debug, Default)]
pub struct Operations(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    all: VecDeque<Operation>,
    /// What those came to that have ended, by session: also when they are forgotten.
    outcomes: BTreeMap<String, Outcomes>,
}

impl Operations {
    /// Writes down that one begins; the answer is its number.
    pub fn begin(
        &self,
        kind: OperationKind,
        session: &str,
        source: &str,
        from: Option<Version>,
    ) -> u64 {
        let mut kept = self.lock();
        kept.last += 1;
        if kept.all.len() >= REMEMBERED_MAX {
            let oldest = kept.all.iter().position(|it| it.stage.is_end());
            kept.all.remove(oldest.unwrap_or(0));
        }
        let id = kept.last;
        kept.all.push_back(Operation {
            id,
            kind,
            session: session.to_owned(),
            source: source.to_owned(),
            stage: Stage::Waiting,
            why: None,
            from,
            to: None,
            books: Ready::default(),
            streams: Ready::default(),
            began: SystemTime::now(),
            ended: None,
            took: None,
            pause: None,
            report: None,
        });
        id
    }

    /// Writes down how one stands now.
    pub fn update(&self, id: u64, change: impl FnOnce(&mut Operation)) {
        let mut kept = self.lock();
        let Kept { all, outcomes, .. } = &mut *kept;
        if let Some(operation) = all.iter_mut().find(|it| it.id == id) {
            change(operation);
            if operation.stage.is_end() && operation.ended.is_none() {
                operation.ended = Some(SystemTime::now());
                let session = operation.session.clone();
                outcomes.entry(session).or_default().count(operation);
            }
        }
    }

    /// The one of that number, unless it is forgotten.
    pub fn get(&self, id: u64) -> Option<Operation> {
        self.lock().all.iter().find(|it| it.id == id).cloned()
    }

    /// How far the one of that number has come.
    pub fn stage(&self, id: u64) -> Option<Stage> {
        self.lock()
            .all
            .iter()
            .find(|it| it.id == id)
            .map(|it| it.stage)
    }

    /// All that are remembered, the oldest first.
    pub fn all(&self) -> Vec<Operation> {
        self.lock().all.iter().cloned().collect()
    }

    /// The one that a session is in the middle of.
    pub fn under_way(&self, session: &str) -> Option<Operation> {
        let kept = self.lock();
        let mut of_session = kept.all.iter().rev().filter(|it| it.session == session);
        of_session.find(|it| !it.stage.is_end()).cloned()
    }

    /// What the operations on a session's adapter came to since the daemon began.
    pub fn outcomes(&self, session: &str) -> Outcomes {
        let kept = self.lock();
        kept.outcomes.get(session).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn iso<S: serde::Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&iso_time(*time))
}

#[allow(clippy::ref_option)] // the shape that serde calls
fn iso_or_none<S: serde::Serializer>(time: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => iso(time, to),
        None => to.serialize_none(),
    }
}

#[allow(clippy::ref_option)] // the shape that serde calls
fn seconds<S: serde::Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => to.serialize_f64(time.as_secs_f64()),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_not_forgotten_for_what_has_ended() {
        let operations = Operations::default();
        let first = operations.begin(OperationKind::Swap, "a", "a.wasm", None);
        for _ in 0..2 * REMEMBERED_MAX {
            let id = operations.begin(OperationKind::Swap, "b", "b.wasm", None);
            operations.update(id, |it| it.stage = Stage::Refused);
        }
        assert_eq!(operations.all().len(), REMEMBERED_MAX);
        assert_eq!(operations.under_way("a").map(|it| it.id), Some(first));
        assert!(operations.under_way("b").is_none());
    }

    #[test]
    fn an_end_is_dated_once() {
        let operations = Operations::default();
        let id = operations.begin(OperationKind::Rollback, "a", "", None);
        assert_eq!(operations.get(id).and_then(|it| it.ended), None);
        operations.update(id, |it| it.stage = Stage::Done);
        let ended = operations.get(id).and_then(|it| it.ended);
        assert!(ended.is_some());
        operations.update(id, |it| it.stage = Stage::RolledBack);
        assert_eq!(operations.get(id).and_then(|it| it.ended), ended);
    }

    #[test]
    fn an_end_is_counted_once_and_outlives_its_operation() {
        let operations = Operations::default();
        for _ in 0..2 * REMEMBERED_MAX {
            let id = operations.begin(OperationKind::Swap, "a", "a.wasm", None);
            operations.update(id, |it| it.pause = Some(Duration::from_millis(1)));
            for stage in [Stage::Refused, Stage::Refused, Stage::Done] {
                operations.update(id, |it| it.stage = stage);
            }
        }
        let outcomes = operations.outcomes("a");
        let ended = |kind, stage| outcomes.ended(kind, stage);
        let count = 2 * REMEMBERED_MAX as u64;
        assert_eq!(ended(OperationKind::Swap, Stage::Refused), count);
        assert_eq!(ended(OperationKind::Swap, Stage::Done), 0);
        assert_eq!(ended(OperationKind::Shadow, Stage::Refused), 0);
        assert_eq!(outcomes.pause().count(), count);
        assert_eq!(outcomes.took().count(), 0);
        assert_eq!(operations.outcomes("b").pause().count(), 0);
    }

    #[test]
    fn kinds_and_stages_are_written_by_their_names() {
        for kind in OperationKind::ALL {
            assert_eq!(serde_json::to_value(kind).ok(), Some(kind.name().into()));
        }
        for stage in Stage::ALL {
            assert_eq!(serde_json::to_value(stage).ok(), Some(stage.name().into()));
        }
    }
}
