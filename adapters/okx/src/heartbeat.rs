//! Keeping connections alive: the exchange cuts one that is silent for 30 s, and answers `ping` with `pong`.
//! <https://www.okx.com/docs-v5/en/#overview-websocket-connect>

use std::collections::BTreeMap;

use marketprism_kit::Output;
use marketprism_kit::wit::LogLevel;

const SECOND: u64 = 1_000_000_000;

/// A connection that is silent for so long is asked whether it lives.
const IDLE: u64 = 20 * SECOND;

/// How long it has for an answer before it is given up. Two questions fit in.
const DEAD: u64 = 45 * SECOND;

#[derive(Debug)]
struct Beat {
    heard: u64,
    asked: Option<u64>,
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
            asked: None,
        };
        self.beats.insert(connection, beat);
    }

    /// Something came through a connection.
    #[inline]
    pub fn heard(&mut self, connection: u32, now: u64) {
        if let Some(beat) = self.beats.get_mut(&connection) {
            beat.heard = now;
            beat.asked = None;
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

    /// The alarm has come: asks idle connections whether they live, and closes those that do not.
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
                beat.asked = Some(now);
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
        let next = self.asked.unwrap_or(self.heard).saturating_add(IDLE);
        next.min(self.heard.saturating_add(DEAD))
    }
}

#[cfg(test)]
mod tests {
    use super::{Heartbeat, SECOND};
    use marketprism_kit::testing::said;

    #[test]
    fn an_idle_connection_is_asked_and_a_dead_one_is_closed() {
        let mut heartbeat = Heartbeat::default();
        heartbeat.opened(3, 0);
        assert_eq!(
            said(|out| heartbeat.set_alarm(5, out)),
            "wake 5 at 20000000000\n"
        );
        heartbeat.heard(3, 10 * SECOND);
        assert_eq!(
            said(|out| heartbeat.wake(20 * SECOND, 5, out)),
            "wake 5 at 30000000000\n"
        );
        assert_eq!(
            said(|out| heartbeat.wake(30 * SECOND, 5, out)),
            "send 3 ping\nwake 5 at 50000000000\n"
        );
        assert_eq!(
            said(|out| heartbeat.wake(50 * SECOND, 5, out)),
            "send 3 ping\nwake 5 at 55000000000\n"
        );
        let told = said(|out| heartbeat.wake(55 * SECOND, 5, out));
        assert!(told.ends_with("close 3\n"), "{told}");
    }

    #[test]
    fn an_answer_is_a_sign_of_life() {
        let mut heartbeat = Heartbeat::default();
        heartbeat.opened(0, 0);
        assert!(said(|out| heartbeat.wake(20 * SECOND, 5, out)).starts_with("send 0 ping"));
        heartbeat.heard(0, 21 * SECOND);
        assert_eq!(
            said(|out| heartbeat.wake(40 * SECOND, 5, out)),
            "wake 5 at 41000000000\n"
        );
    }
}
