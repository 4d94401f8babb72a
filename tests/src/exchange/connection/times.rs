//! What time brings to a connection: pings, the notice of its end, and its end.

use std::time::Instant;

use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::{Connection, Ping, Socket};
use crate::exchange::records::End;

impl Connection {
    /// When the connection must end, and why.
    pub(super) fn deadline(&self) -> (Instant, End) {
        let limits = &self.shared.settings.limits;
        let pong = self.pings.front();
        let pong = pong.map(|ping| (ping.sent + limits.pong_within, End::NoPong));
        let idle = limits.idle_after.map(|after| {
            let last = if limits.data_counts {
                self.last_text.max(self.last_data)
            } else {
                self.last_text
            };
            (last + after, End::Idle)
        });
        let test = self.manners.test_until.map(|until| (until, End::NoTest));
        let leave = self.leaves.map(|at| (at, End::Ordered));
        let cut = (self.opened + limits.cut_after, End::TooOld);
        let others = [leave, pong, idle, test].into_iter().flatten();
        others.fold(cut, |first, one| if one.0 < first.0 { one } else { first })
    }

    pub(super) fn notice_time(&self) -> Option<Instant> {
        let limits = &self.shared.settings.limits;
        let notice = limits.shutdown_notice.filter(|_| !self.noticed)?;
        Some(self.opened + limits.cut_after.saturating_sub(notice))
    }

    pub(super) fn next_time(&self) -> Instant {
        let next = self.deadline().0.min(self.next_ping);
        let others = [self.notice_time(), self.next_heartbeat];
        others.into_iter().flatten().fold(next, Instant::min)
    }

    /// Pings, the notice, and the ends that time brings.
    pub(super) async fn on_time(&mut self, socket: &mut Socket) -> Result<(), End> {
        let now = Instant::now();
        let (deadline, end) = self.deadline();
        if now >= deadline {
            return Err(end);
        }
        if self.next_heartbeat.is_some_and(|next| now >= next) {
            self.beat(socket, now).await?;
        }
        if self.notice_time().is_some_and(|notice| now >= notice) {
            self.notice(socket).await?;
        }
        if now >= self.next_ping {
            self.next_ping = now + self.shared.settings.limits.ping_every;
            let ledger = self.shared.lock().ledger.next();
            // The exchange sends a time; what matters is that no two are the same.
            let micros = self.shared.began.elapsed().as_micros();
            let payload = Bytes::from(format!("{}{micros:012}", self.number));
            self.pings.push_back(Ping {
                sent: now,
                payload: payload.clone(),
                ledger,
            });
            self.write(socket, Message::Ping(payload)).await?;
            self.flush(socket).await?;
        }
        Ok(())
    }

    /// Says that the exchange is there, and wants to know the same of the client.
    async fn beat(&mut self, socket: &mut Socket, now: Instant) -> Result<(), End> {
        let every = self.manners.heartbeat;
        self.next_heartbeat = every.map(|every| now + every);
        if let Some(every) = every {
            self.manners.test_until.get_or_insert(now + every);
            for text in self.shared.dialect.heartbeat() {
                self.write(socket, Message::text(text)).await?;
            }
            self.flush(socket).await?;
        }
        Ok(())
    }

    pub(super) async fn notice(&mut self, socket: &mut Socket) -> Result<(), End> {
        self.noticed = true;
        let time_ms = self.shared.lock().feed.now_ns() / 1_000_000;
        if let Some(notice) = self.shared.dialect.notice(time_ms) {
            let text = notice.text(self.combined).clone();
            self.write(socket, Message::Text(text)).await?;
            self.flush(socket).await?;
        }
        Ok(())
    }
}
