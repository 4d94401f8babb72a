//! The thread that writes a recording.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::Shared;
use super::files::Files;
use super::line::Line;

/// How much of a recording a crash may cost.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// How often the end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long nothing is written after the disk refused.
const PAUSE: Duration = Duration::from_secs(10);

/// Writes lines until the recording ends or nobody is left who sends one.
pub(super) fn write(mut files: Files, lines: &Receiver<Line>, shared: &Shared) {
    let mut flushed = Instant::now();
    let mut paused_until = None;
    // Lines by session that the disk did not take, to be told where it takes lines again.
    let mut missing: HashMap<Arc<str>, u64> = HashMap::new();
    loop {
        let outcome = match lines.recv_timeout(LOOK_EVERY) {
            Ok(mut line) => {
                let bytes = line.what.bytes();
                shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
                if paused_until.is_some_and(|until| Instant::now() < until) {
                    shared.failed.fetch_add(1, Ordering::Relaxed);
                    *missing.entry(line.session).or_default() += line.lost + 1;
                    continue;
                }
                line.lost += missing.remove(&line.session).unwrap_or(0);
                let written = files.write(&line);
                if written.is_err() {
                    shared.failed.fetch_add(1, Ordering::Relaxed);
                    *missing.entry(line.session).or_default() += line.lost + 1;
                }
                written
            }
            Err(RecvTimeoutError::Timeout) if shared.ending.load(Ordering::Relaxed) => break,
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let outcome = outcome.and_then(|()| {
            if flushed.elapsed() < FLUSH_EVERY {
                return Ok(());
            }
            flushed = Instant::now();
            files.flush()
        });
        if let Err(error) = outcome {
            // The files as they are stay readable; others are begun after the pause.
            files.forget();
            paused_until = Some(Instant::now() + PAUSE);
            tracing::warn!("recording stops for {} s: {error}", PAUSE.as_secs());
        }
    }
    if let Err(error) = files.finish() {
        tracing::warn!("the recording lacks its end: {error}");
    }
}
