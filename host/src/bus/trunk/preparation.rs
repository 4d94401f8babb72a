//! When the streams are prepared: whenever the connection stands, again and again until it has worked.

use std::time::{Duration, Instant};

use async_nats::Client;
use tokio::task::JoinHandle;

use super::StreamSettings;

/// Pause after a failure; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How far the preparation of the streams is.
#[derive(Debug, Default)]
pub(super) struct Preparation {
    task: Option<JoinHandle<Vec<String>>>,
    /// It was tried since the connection stands.
    was_tried: bool,
    again: Option<Instant>,
    pause: Duration,
    failures: u64,
    problems: Vec<String>,
}

impl Preparation {
    /// Begins, because the connection stands or the pause is over.
    pub(super) fn begin(&mut self, client: &Client, streams: &[StreamSettings], limit: Duration) {
        self.again = None;
        if let Some(task) = self.task.take() {
            task.abort();
        }
        let (client, streams) = (client.clone(), streams.to_vec());
        self.task = Some(tokio::spawn(async move {
            let mut problems = Vec::new();
            for stream in &streams {
                if let Err(problem) = stream.prepare(&client, limit).await {
                    problems.push(format!("stream {}: {problem}", stream.name));
                }
            }
            problems
        }));
    }

    /// The connection is lost.
    pub(super) fn forget(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.was_tried = false;
        self.again = None;
        self.pause = Duration::ZERO;
    }

    /// Waits until the attempt that is under way is over. Safe to drop.
    pub(super) async fn ended(&mut self) {
        let Some(task) = &mut self.task else {
            return std::future::pending().await;
        };
        let problems = task.await.unwrap_or_default();
        self.task = None;
        self.was_tried = true;
        self.again = None;
        if problems.is_empty() {
            self.pause = Duration::ZERO;
        } else {
            self.pause = (self.pause * 2).clamp(PAUSE_FIRST, PAUSE_MAX);
            self.again = Some(Instant::now() + self.pause);
            self.failures += problems.len() as u64;
        }
        // The same words again and again tell nothing.
        for problem in &problems {
            if !self.problems.contains(problem) {
                tracing::error!("{problem}; trying again until it works");
            }
        }
        if problems.is_empty() && !self.problems.is_empty() {
            tracing::info!("the streams are as configured now");
        }
        self.problems = problems;
    }

    /// Whether it is time for another attempt.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.again.is_some_and(|again| again <= now)
    }

    /// Whether messages may go: the streams exist, or it was tried.
    pub(super) fn was_tried(&self) -> bool {
        self.was_tried
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures
    }

    pub(super) fn problem(&self) -> Option<&String> {
        self.problems.first()
    }
}
