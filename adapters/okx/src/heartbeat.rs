//! Keeping connections alive: the exchange cuts one that is silent for 30 s, and answers `ping` with `pong`.
//! <https://www.okx.com/docs-v5/en/#overview-websocket-connect>

use std::collections::BTreeMap;

use marketprism_kit::Output;
use marketprism_kit::wit::LogLevel;

const SECOND: u64 = 1_000_000_000;

/// So often a connection is asked whether it lives, also while data come: whether those alone keep it alive is not said
/// clearly, and a question costs nothing.
const EVERY: u64 = 20 * SECOND;

/// How long it may bring nothing before it is given up. Two questions fit in.
const DEAD: u64 = 45 * SECOND;

#[derive(Debug)]
struct Beat {
    heard: u64,
    /// When it was asked last, or opened.
    asked: u64,
}

/// The open connections, and when each was last heard.
#[derive(Debug, Default)]
pub struct Heartbeat {
    beats: BTreeMap<u32, Beat>,
    /// When the alarm is set for.
    alarm: Option<u64>,
}

impl Heartbeat {
    /// A connection is open.
    pub fn opened(&mut self, connection: u32, now: u64) {
        let beat = Beat {
            heard: now,
            asked: now,
        };
        self.beats.insert(connection, beat);
    }

    /// Something came through a connection.
    #[inline]
    pub fn heard(&mut self, connection: u32, now: u64) {
        if let Some(beat) = self.beats.get_mut(&connection) {
            beat.heard = now;
        }
    }

    /// A connection is gone.
    pub fn closed(&mut self, connection: u32) {
        self.beats.remove(&connection);
    }

    /// Sets the alarm of this number, if none is set that is as early.
    pub fn set_alarm(&mut self, alarm: u32, out: &mut Output) {
        let due = self.beats.values().map(Beat::due).min();
        if let Some(due) = due.filter(|due| self.alarm.is_none_or(|set| *due < set)) {
            self.alarm = Some(due);
            out.wake_at(alarm, due);
        }
    }

    /// The alarm has come: asks connections whether they live, and closes those that do not.
    pub fn wake(&mut self, now: u64, alarm: u32, out: &mut Output) {
        self.alarm = None;
        let mut dead = Vec::new();
        for (connection, beat) in &mut self.beats {
            if beat.due() > now {
                continue;
            }
            if now.saturating_sub(beat.heard) >= DEAD {
                out.log(
                    LogLevel::Warn,
                    format_args!("connection {connection} does not answer; opening it anew"),
                );
                out.close(*connection);
                dead.push(*connection);
            } else {
                beat.asked = now;
                out.send(*connection, "ping");
            }
        }
        for connection in dead {
            self.beats.remove(&connection);
        }
        self.set_alarm(alarm, out);
    }
}

impl Beat {
    /// When it is looked at next.
    fn due(&self) -> u64 {
        let next = self.asked.saturating_add(EVERY);
        next.min(self.heard.saturating_add(DEAD))
    }
}

#[cfg(test)]
mod tests {
    use super::{Heartbeat, SECOND};
    use marketprism_kit::testing::said;

    #[test]
    fn a_connection_is_asked_again_and_again_and_a_dead_one_is_closed() {
        let mut heartbeat = Heartbeat::default();
        heartbeat.opened(3, 0);
        assert_eq!(
            said(|out| heartbeat.set_alarm(5, out)),
            "wake 5 at 20000000000\n"
        );
        // What comes is no reason not to ask.
        heartbeat.heard(3, 10 * SECOND);
        for (now, next) in [(20, 40), (40, 55)] {
            assert_eq!(
                said(|out| heartbeat.wake(now * SECOND, 5, out)),
                format!("send 3 ping\nwake 5 at {next}000000000\n")
            );
        }
        let told = said(|out| heartbeat.wake(55 * SECOND, 5, out));
        assert!(told.ends_with("close 3\n"), "{told}");
    }

    #[test]
    fn an_answer_is_a_sign_of_life() {
        let mut heartbeat = Heartbeat::default();
        heartbeat.opened(0, 0);
        for now in [20, 40, 60, 80] {
            let told = said(|out| heartbeat.wake(now * SECOND, 5, out));
            assert!(told.starts_with("send 0 ping\n"), "{told}");
            heartbeat.heard(0, (now + 1) * SECOND);
        }
    }
}
