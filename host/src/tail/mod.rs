//! The command `tail`: what is being published, one line for each message. The network is served on the thread of the
//! caller and the output on one of its own, so that a slow terminal costs lines, which are counted, and nothing else.

mod line;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::bus::{self, BusError, Inbox, Intake, Received, Room};
use line::{Lines, raw};

/// What may wait for the output.
const ROOM: Room = Room {
    messages_max: 4_096,
    bytes_max: 32 << 20,
};

/// Longest pause between two attempts to reach NATS.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How often is told what was left out.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How long the output may take to write what it has when the end is near.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What to show.
#[derive(Debug, Clone)]
pub struct Tail {
    /// The NATS server.
    pub settings: bus::Settings,
    /// Subjects, which may hold wildcards.
    pub subjects: Vec<String>,
    /// True: subject and payload as they are.
    pub raw: bool,
    /// Ends after so many messages.
    pub count: Option<u64>,
}

/// Why nothing more is shown.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The settings cannot be used.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

impl Tail {
    /// Shows messages until `stopped` ends, the count is reached, or nobody reads the output any more.
    ///
    /// # Errors
    /// [`TailError`]. A server that is away is none: it is tried again, with a line for each attempt.
    pub async fn run(
        self,
        output: Box<dyn Write + Send>,
        stopped: impl Future<Output = ()>,
    ) -> Result<(), TailError> {
        let mut stopped = pin!(stopped);
        let (intake, inbox) = tokio::select! {
            reached = self.reach() => reached?,
            () = &mut stopped => return Ok(()),
        };
        let (ended, end) = oneshot::channel();
        std::thread::Builder::new()
            .name("tail".to_owned())
            .spawn(move || {
                // Nobody listens when the end did not wait.
                let _ = ended.send(Printer::new(output, self.raw).print(inbox, self.count));
            })?;
        tokio::select! {
            () = intake.run() => {}
            () = stopped => {}
        }
        // The intake is gone, so the printer ends as soon as it has written what waits.
        match tokio::time::timeout(LAST_WORDS, end).await {
            Ok(Ok(Err(error))) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Ok(Ok(printed)) => Ok(printed?),
            Ok(Err(_)) | Err(_) => Ok(()),
        }
    }

    /// Tries until NATS is there.
    async fn reach(&self) -> Result<(Intake, Inbox), TailError> {
        let mut pause = Duration::from_millis(500);
        loop {
            match bus::subscribe(&self.settings, &self.subjects, ROOM).await {
                Ok(both) => return Ok(both),
                Err(error @ (BusError::Setting { .. } | BusError::File { .. })) => {
                    return Err(error.into());
                }
                Err(error) => {
                    tracing::warn!("{error}; trying again in {:.1} s", pause.as_secs_f64());
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// Writes lines.
struct Printer {
    output: Box<dyn Write + Send>,
    raw: bool,
    lines: Lines,
    told: u64,
    told_at: Instant,
}

impl Printer {
    fn new(output: Box<dyn Write + Send>, raw: bool) -> Self {
        Self {
            output,
            raw,
            lines: Lines::new(),
            told: 0,
            told_at: Instant::now(),
        }
    }

    fn print(mut self, mut inbox: Inbox, count: Option<u64>) -> io::Result<()> {
        let mut printed = 0;
        while count.is_none_or(|count| printed < count) {
            let message = match inbox.try_next() {
                Some(message) => message,
                None => {
                    // Nothing waits: what was written must be seen now.
                    self.output.flush()?;
                    match inbox.next_blocking() {
                        Some(message) => message,
                        None => break,
                    }
                }
            };
            self.write(&message)?;
            printed += 1;
            if self.told_at.elapsed() >= TELL_EVERY {
                self.tell(&inbox);
            }
        }
        self.tell(&inbox);
        self.output.flush()
    }

    fn write(&mut self, message: &Received) -> io::Result<()> {
        if self.raw {
            self.output.write_all(&raw(message))?;
        } else {
            self.output.write_all(self.lines.line(message).as_bytes())?;
        }
        self.output.write_all(b"\n")
    }

    /// Says what was left out since the last time, if anything was.
    fn tell(&mut self, inbox: &Inbox) {
        let left_out = inbox.left_out();
        if left_out > self.told {
            tracing::warn!(
                "{} messages left out, {left_out} in all: the output is slower than what comes",
                left_out - self.told
            );
            self.told = left_out;
        }
        self.told_at = Instant::now();
    }
}
