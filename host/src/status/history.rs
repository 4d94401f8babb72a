//! What has befallen one session since the daemon began, over all its lives.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::session::State;
use crate::distribution::Distribution;

/// Counters of what went wrong and was put right. They only rise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// How often each state was entered.
    pub entered: BTreeMap<State, u64>,
    /// Faults of the adapter, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// The last of them: when, and what.
    pub last_fault: Option<(SystemTime, String)>,
    /// Starts of the adapter after a fault.
    pub restarts: u64,
    /// From a fault to the adapter being at work again, without the pause that the restart policy asks for.
    pub recovery: Distribution,
    /// How often the adapter's memory rose above its soft limit.
    pub soft_crossings: u64,
    /// Threads that ended by themselves and were replaced.
    pub deaths: u64,
    /// Threads that hung and were given up.
    pub hangs: u64,
}
