//! Writes recordings while a daemon runs: what its adapters saw and what they sent, a row of files for each session.
//!
//! Sessions hand lines over and never wait: a thread of its own writes behind a bounded queue. What finds no room there
//! is dropped, counted, and its number told in the recording at that place.

mod files;
mod line;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use line::Line;
pub use line::What;

/// Lines that wait for the writer.
const LINES_MAX: usize = 16_384;

/// Bytes of their data.
const BYTES_MAX: usize = 64 << 20;

/// How long the end waits for what is queued to be written.
const FINISH_LIMIT: Duration = Duration::from_secs(5);

/// How much a recording may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingBounds {
    /// Bytes of all files of the folder; the oldest file makes room.
    pub bytes_max: u64,
    /// Bytes after which a session gets a new file.
    pub file_bytes_max: u64,
    /// Time after which a session gets a new file.
    pub file_age_max: Duration,
}

impl Default for RecordingBounds {
    fn default() -> Self {
        Self {
            bytes_max: 10 << 30,
            file_bytes_max: 64 << 20,
            file_age_max: Duration::from_secs(3_600),
        }
    }
}

/// What the sessions and the writer share.
#[derive(Debug, Default)]
struct Shared {
    /// Bytes in the queue.
    waiting: AtomicUsize,
    dropped: AtomicU64,
    failed: AtomicU64,
    ending: AtomicBool,
}

/// A recording that is being written.
#[derive(Debug)]
pub struct Recording {
    lines: SyncSender<Line>,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    folder: PathBuf,
}

impl Recording {
    /// Starts to record into `folder`, which is made where there is none.
    ///
    /// # Errors
    /// When the folder cannot be made or the system gives no thread.
    pub fn start(folder: &Path, bounds: RecordingBounds) -> std::io::Result<Self> {
        let files = files::Files::open(folder, bounds)?;
        let (lines, received) = sync_channel(LINES_MAX);
        let shared = Arc::new(Shared::default());
        let for_writer = shared.clone();
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || writer::write(files, &received, &for_writer))?;
        Ok(Self {
            lines,
            shared,
            thread,
            folder: folder.to_path_buf(),
        })
    }

    /// The way into the files of one session.
    pub fn session(&self, name: &str) -> Recorder {
        Recorder {
            session: name.into(),
            lines: self.lines.clone(),
            shared: self.shared.clone(),
            lost: Arc::default(),
        }
    }

    /// What is missing in it, for whoever watches.
    pub fn missing(&self) -> Missing {
        Missing(self.shared.clone())
    }

    /// Writes what is queued and ends the files. A disk that hangs is left behind after some seconds.
    pub fn finish(self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + FINISH_LIMIT;
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !self.thread.is_finished() {
            tracing::error!(
                "the recording in {} was not finished",
                self.folder.display()
            );
        } else if self.thread.join().is_err() {
            tracing::error!("the thread that records panicked");
        }
    }
}

/// Counts what is missing in a recording, of all sessions together. Clones are the same.
#[derive(Debug, Clone)]
pub struct Missing(Arc<Shared>);

impl Missing {
    /// Lines that found no room in the queue.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Lines that the disk did not take.
    pub fn failed(&self) -> u64 {
        self.0.failed.load(Ordering::Relaxed)
    }
}

/// Takes the lines of one session. It never waits.
#[derive(Debug, Clone)]
pub struct Recorder {
    session: Arc<str>,
    lines: SyncSender<Line>,
    shared: Arc<Shared>,
    /// Lines dropped since the last one that found room.
    lost: Arc<AtomicU64>,
}

impl Recorder {
    /// Records what happened at `now`, in nanoseconds since the epoch, on the connection to `address`.
    pub fn record(&self, now: u64, address: &Arc<str>, what: What) {
        let bytes = what.bytes();
        let line = Line {
            session: self.session.clone(),
            now,
            address: address.clone(),
            what,
            lost: self.lost.load(Ordering::Relaxed),
        };
        let lost = line.lost;
        let waiting = self.shared.waiting.fetch_add(bytes, Ordering::Relaxed);
        let taken = waiting + bytes <= BYTES_MAX && self.lines.try_send(line).is_ok();
        if taken {
            self.lost.fetch_sub(lost, Ordering::Relaxed);
        } else {
            self.shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
