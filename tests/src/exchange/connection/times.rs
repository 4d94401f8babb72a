//! What time brings to a connection: pings, the notice of its end, and its end.

use std::time::Instant;

use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::{Connection, Ping, Socket};
use crate::exchange::records::End;

impl Connection {
    pub(super) fn hard_end(&self) -> Instant {
        let limits = &self.shared.settings.limits;
        let pong = self
            .pings
            .front()
            .map(|ping| ping.sent + limits.pong_within);
        let cut = self.opened + limits.cut_after;
        pong.map_or(cut, |pong| pong.min(cut))
    }

    pub(super) fn notice_time(&self) -> Option<Instant> {
        let limits = &self.shared.settings.limits;
        let notice = limits.shutdown_notice.filter(|_| !self.noticed)?;
        Some(self.opened + limits.cut_after.saturating_sub(notice))
    }

    pub(super) fn next_time(&self) -> Instant {
        let next = self.hard_end().min(self.next_ping);
        self.notice_time().map_or(next, |notice| notice.min(next))
    }

    /// Pings, the notice, and the ends that time brings.
    pub(super) async fn on_time(&mut self, socket: &mut Socket) -> Result<(), End> {
        let now = Instant::now();
        let limits = &self.shared.settings.limits;
        if now >= self.opened + limits.cut_after {
            return Err(End::TooOld);
        }
        if now >= self.hard_end() {
            return Err(End::NoPong);
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

    pub(super) async fn notice(&mut self, socket: &mut Socket) -> Result<(), End> {
        self.noticed = true;
        let time_ms = self.shared.lock().feed.now_ns() / 1_000_000;
        let data = format!(r#"{{"e":"serverShutdown","E":{time_ms}}}"#);
        let text = if self.combined {
            format!(r#"{{"stream":"!serverShutdown","data":{data}}}"#)
        } else {
            data
        };
        self.write(socket, Message::text(text)).await?;
        self.flush(socket).await
    }

    pub(super) fn late(&self) -> End {
        if self.opened.elapsed() >= self.shared.settings.limits.cut_after {
            End::TooOld
        } else {
            End::NoPong
        }
    }
}
