//! The wall clock, in nanoseconds since the epoch.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the epoch, now.
pub(super) fn wall_clock() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Ends when the wall clock shows `time`.
pub(super) async fn until(time: u64) {
    let wait = time.saturating_sub(wall_clock());
    tokio::time::sleep(Duration::from_nanos(wait)).await;
}
