//! The adapter's log lines on their way to the host's log: rate-limited, and counted where they are left out.

use crate::sandbox::contract::LogLevel;

/// Lets so many lines a second through.
pub(super) struct LogGate {
    per_second_max: u32,
    second: u64,
    written: u32,
    dropped: u64,
}

impl LogGate {
    pub(super) fn new(per_second_max: u32) -> Self {
        Self {
            per_second_max,
            second: 0,
            written: 0,
            dropped: 0,
        }
    }

    /// So many lines a second from now on.
    pub(super) fn set_limit(&mut self, per_second_max: u32) {
        self.per_second_max = per_second_max;
    }

    /// Writes a line in the name of `session`, or counts it. `now` is in nanoseconds since the epoch.
    pub(super) fn write(&mut self, session: &str, now: u64, level: LogLevel, message: &str) {
        let second = now / 1_000_000_000;
        if second != self.second {
            if self.written > self.per_second_max {
                let over = self.written - self.per_second_max;
                tracing::warn!(
                    session,
                    "{over} log lines of the adapter left out in one second"
                );
            }
            self.second = second;
            self.written = 0;
        }
        self.written = self.written.saturating_add(1);
        if self.written > self.per_second_max {
            self.dropped += 1;
            return;
        }
        match level {
            LogLevel::Debug => tracing::debug!(session, "{message}"),
            LogLevel::Info => tracing::info!(session, "{message}"),
            LogLevel::Warn => tracing::warn!(session, "{message}"),
            LogLevel::Error => tracing::error!(session, "{message}"),
        }
    }

    /// Lines left out so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
