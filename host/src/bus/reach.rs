//! The first connection, tried for as long as it takes.

use std::time::Duration;

use super::{Nats, Settings};

/// Pause after the first attempt; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Tries to reach NATS until it is there.
pub(super) async fn reach(settings: &Settings) -> Nats {
    let mut pause = PAUSE_FIRST;
    loop {
        match Nats::connect(settings).await {
            Ok(nats) => return nats,
            Err(error) => {
                tracing::warn!("{error}; trying again in {:.1} s", pause.as_secs_f64());
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
