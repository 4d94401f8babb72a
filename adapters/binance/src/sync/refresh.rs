//! A fresh snapshot under a live book. The live book goes on being published; the updates since the request are held,
//! so that the fresh book takes over without missing or repeating one.

use marketprism_kit::book::{Book, Changes, Waiting};

/// A snapshot that came before the live book reached it.
#[derive(Debug)]
pub struct Snapshot {
    /// Its `lastUpdateId`.
    pub last: u64,
    /// Its levels.
    pub levels: Changes,
}

/// One refresh under way.
#[derive(Debug)]
pub struct Refresh {
    /// The live book's update id when updates began to be held: an older snapshot cannot be brought up to date.
    pub from: u64,
    /// Updates applied to the live book since.
    pub held: Waiting,
    /// The snapshot, once it came.
    pub snapshot: Option<Snapshot>,
}

/// What became of a refresh.
pub enum Progress {
    /// It waits for its snapshot, or for the live book to reach it.
    Waiting,
    /// The fresh book, at the live book's update id.
    Done(Book),
    /// It cannot be completed.
    Failed,
}

impl Refresh {
    /// A refresh of a live book at update `from`.
    pub fn new(from: u64) -> Self {
        Self {
            from,
            held: Waiting::default(),
            snapshot: None,
        }
    }

    /// Tries to complete it with the live book at update `live`.
    pub fn progress(&mut self, live: u64, depth_limit: usize) -> Progress {
        let Some(snapshot) = self
            .snapshot
            .as_ref()
            .filter(|snapshot| snapshot.last <= live)
        else {
            return Progress::Waiting;
        };
        let mut fresh = Book::default();
        let loaded = fresh.load(&snapshot.levels.bids, &snapshot.levels.asks, depth_limit);
        let mut newer = self
            .held
            .iter()
            .filter(|held| held.ids.last > snapshot.last);
        let complete =
            loaded.is_ok() && newer.all(|held| fresh.apply(&held.bids, &held.asks).is_ok());
        if complete && !fresh.is_crossed() {
            Progress::Done(fresh)
        } else {
            Progress::Failed
        }
    }
}
