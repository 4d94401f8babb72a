//! Connecting to the exchanges, which count the attempts and the connections of all sessions together.

use std::collections::BTreeMap;

use super::family::Families;
use crate::ws::ConnectUsage;

pub(super) fn add(families: &mut Families, hosts: &BTreeMap<String, ConnectUsage>) {
    let mut waiting = families.gauge(
        "marketprism_connection_attempts_waiting",
        "Attempts to connect to a host name that wait their turn.",
    );
    for (host, usage) in hosts {
        waiting.add_count(&[("host", host)], usage.waiting as u64);
    }
    let mut open = families.gauge(
        "marketprism_connections_open",
        "WebSocket connections to a host name that are open or being opened, of all sessions.",
    );
    for (host, usage) in hosts {
        open.add_count(&[("host", host)], usage.open as u64);
    }
    let mut open_max = families.gauge(
        "marketprism_connections_limit",
        "WebSocket connections to a host name that may be open at once; absent where no limit is known.",
    );
    for (host, usage) in hosts {
        if usage.limit.connections_max > 0 {
            open_max.add_count(&[("host", host)], usage.limit.connections_max.into());
        }
    }
    let limited = || hosts.iter().filter(|(_, usage)| usage.limit.attempts > 0);
    let mut used = families.gauge(
        "marketprism_connection_attempts_used",
        "Attempts to connect to a host name that count within the window of its limit; absent where no limit is known.",
    );
    for (host, usage) in limited() {
        used.add_count(&[("host", host)], usage.attempts as u64);
    }
    let mut limit = families.gauge(
        "marketprism_connection_attempts_limit",
        "Attempts to connect to a host name that may be made within the window; absent where no limit is known.",
    );
    for (host, usage) in limited() {
        limit.add_count(&[("host", host)], usage.limit.attempts.into());
    }
}
