//! The budgets of all host names, shared by all sessions of the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex as Turn, Notify};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::answer::Failure;
use super::budget::{Budget, Limit, Pause, Usage, Verdict};

/// The budgets, by host name. Clones are the same budgets.
#[derive(Debug, Clone)]
pub struct Budgets {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    default: Limit,
    origin: Instant,
    hosts: Mutex<BTreeMap<String, Arc<Host>>>,
}

#[derive(Debug)]
struct Host {
    budget: Mutex<Budget>,
    /// Requests are let through in the order in which they asked; whoever has the turn waits for the budget.
    turn: Turn<()>,
    /// The limit or a pause has changed.
    changed: Notify,
}

/// How the budget of one host name stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostUsage {
    /// The host name.
    pub host: String,
    /// Spent, limit, pause.
    pub usage: Usage,
    /// Until when nothing is sent, by the wall clock, and why.
    pub paused_until: Option<(SystemTime, Pause)>,
}

impl Budgets {
    /// Budgets with this limit for each host name that gets none of its own.
    pub fn new(default: Limit) -> Self {
        Self {
            shared: Arc::new(Shared {
                default,
                origin: Instant::now(),
                hosts: Mutex::default(),
            }),
        }
    }

    /// Sets the limit of a host name.
    pub fn set_limit(&self, host: &str, limit: Limit) {
        let host = self.host(host);
        host.with(|budget| budget.set_limit(limit));
        host.changed.notify_waiters();
    }

    /// How every budget stands, by host name.
    pub fn report(&self) -> Vec<HostUsage> {
        let now = self.now();
        let wall = SystemTime::now();
        let hosts = lock(&self.shared.hosts);
        let report = hosts.iter().map(|(name, host)| {
            let usage = host.with(|budget| budget.usage(now));
            HostUsage {
                host: name.clone(),
                usage,
                paused_until: usage.paused.map(|(left, why)| (wall + left, why)),
            }
        });
        report.collect()
    }

    /// Waits until a request of this weight may be sent and spends the weight; fails as soon as it is certain that this
    /// will not be before `deadline`. Dropping the future gives up the place.
    pub(super) async fn admit(
        &self,
        host: &str,
        weight: u32,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let host = self.host(host);
        let _turn = timeout_at(deadline, host.turn.lock())
            .await
            .map_err(|_| over("waited too long behind other requests"))?;
        loop {
            // Before asking, so that a change after the question is not missed.
            let changed = host.changed.notified();
            match host.with(|budget| budget.ask(weight, self.now())) {
                Verdict::Send => return Ok(()),
                Verdict::Never => return Err(over("the request weighs more than the limit")),
                Verdict::Wait(until) => {
                    let until = self.shared.origin + until;
                    if until > deadline {
                        return Err(over(host.why(self.now())));
                    }
                    tokio::select! {
                        () = sleep_until(until) => {}
                        () = changed => {}
                    }
                }
            }
        }
    }

    /// Takes note of an answer.
    pub(super) fn answered(
        &self,
        host: &str,
        status: u16,
        retry_after: Option<Duration>,
        used: Option<u64>,
    ) {
        let now = self.now();
        let entry = self.host(host);
        let paused = entry.with(|budget| {
            let before = budget.usage(now).paused;
            if let Some(used) = used {
                budget.told_used(used, now);
            }
            budget.answered(status, retry_after, now);
            budget
                .usage(now)
                .paused
                .filter(|after| before != Some(*after))
        });
        if let Some((pause, _)) = paused {
            tracing::warn!(host, status, "no requests for {} s", pause.as_secs());
            entry.changed.notify_waiters();
        }
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = lock(&self.shared.hosts);
        let host = hosts.entry(name.to_owned()).or_insert_with(|| {
            Arc::new(Host {
                budget: Mutex::new(Budget::new(self.shared.default)),
                turn: Turn::default(),
                changed: Notify::new(),
            })
        });
        host.clone()
    }

    fn now(&self) -> Duration {
        self.shared.origin.elapsed()
    }
}

impl Host {
    fn with<T>(&self, act: impl FnOnce(&mut Budget) -> T) -> T {
        act(&mut lock(&self.budget))
    }

    fn why(&self, now: Duration) -> &'static str {
        match self.with(|budget| budget.usage(now)).paused {
            Some((_, why)) => why.words(),
            None => "the budget is used up",
        }
    }
}

fn over(why: &str) -> Failure {
    Failure::OverBudget(why.to_owned())
}

/// Nothing that is done under these locks can leave a budget half changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
