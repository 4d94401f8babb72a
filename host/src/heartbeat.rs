//! The daemon's sign of life on NATS, as the old collector gave it: who it is, and what it collects.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::bus::Remote;
use crate::process::{ProcessFigures, host_name};
use crate::status::Board;

/// Between two signs.
const EVERY: Duration = Duration::from_secs(10);

/// Gives signs for ever.
pub async fn beat(remote: Option<Remote>, board: &Board) {
    let Some(remote) = remote else {
        return std::future::pending().await;
    };
    let host = host_name().unwrap_or_else(|| "unknown".to_owned());
    let pid = std::process::id();
    // A dot would begin another part of the subject.
    let instance =
        format!("{host}-{pid}").replace(|c: char| c == '.' || !c.is_ascii_graphic(), "_");
    let subject = format!("health.collector.{instance}");
    let mut next = tokio::time::interval(EVERY);
    loop {
        next.tick().await;
        let at_work = board.sessions();
        let at_work = at_work.iter().filter(|session| session.state.is_at_work());
        let exchanges: BTreeSet<&str> = at_work.clone().map(|it| it.venue.as_str()).collect();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let sign = json!({
            "service": "collector",
            "instance": instance,
            "hostname": host,
            "pid": pid,
            "ts": now.as_secs(),
            "uptime_sec": board.uptime().as_secs(),
            "active_managers": at_work.count(),
            "exchanges": exchanges,
            "rss": ProcessFigures::read().map(|figures| figures.resident_bytes),
        });
        remote.say(subject.clone(), sign.to_string().into());
    }
}
