//! How one session stands.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use super::history::History;
use crate::bus::{Delivered, Storing};
use crate::limits::Limits;
use crate::rest;
use crate::sandbox::contract::{Instrument, InstrumentReport};
use crate::session::{Plan, Session, Tally, World};
use crate::wire::DataType;
use crate::ws;

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Not yet at work.
    Starting,
    /// At work.
    Running,
    /// At work, but above its soft memory limit.
    Degraded,
    /// Its adapter was stopped by a fault and is about to start again.
    Restarting,
    /// Its adapter was stopped too often, or could not be started.
    Failed,
    /// About to end.
    Stopping,
    /// Ended.
    Stopped,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Starting,
        Self::Running,
        Self::Degraded,
        Self::Restarting,
        Self::Failed,
        Self::Stopping,
        Self::Stopped,
    ];

    /// The state as logs, pages and metrics write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Restarting => "restarting",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// Whether the adapter is at work.
    pub const fn is_at_work(self) -> bool {
        matches!(self, Self::Running | Self::Degraded)
    }
}

/// One instrument and its adapter's last report of it.
#[derive(Debug, Clone)]
pub struct InstrumentStatus {
    /// Its names.
    pub names: Instrument,
    /// The report; none before the first.
    pub report: Option<InstrumentReport>,
}

/// What waits for NATS, and what was lost on the way there.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// Whether NATS is connected; none when no server is configured.
    pub connected: Option<bool>,
    /// Messages that wait.
    pub waiting: usize,
    /// Bytes of their payloads.
    pub waiting_bytes: usize,
    /// Books that a newer one replaced before they were sent.
    pub superseded: u64,
    /// Messages dropped for want of room, by type.
    pub dropped: BTreeMap<DataType, u64>,
    /// What was handed over, or stored by a stream.
    pub delivered: Delivered,
    /// What became of the messages for streams; none when there are no streams.
    pub storing: Option<Storing>,
}

#[cfg(test)]
impl Outgoing {
    /// One subject to which something was sent last at `last_ns`.
    pub(crate) fn publish(&mut self, data_type: DataType, symbol: &str, last_ns: u64) {
        let subject = crate::bus::Subject {
            source: std::sync::Arc::new(crate::wire::Source {
                exchange: "alpha".to_owned(),
                market_type: "spot",
                exchange_symbol: symbol.to_owned(),
            }),
            data_type,
            messages: 1,
            last_ns,
            waited: crate::distribution::Distribution::default(),
        };
        let name = format!("{}.alpha.spot.{symbol}", data_type.name());
        self.delivered.subjects.insert(name.into(), subject);
    }
}

/// How one session stands at one moment.
#[derive(Debug, Clone)]
pub struct SessionStatus {
    /// The session's name.
    pub name: String,
    /// Its block's `exchange`.
    pub venue: String,
    /// Name of its adapter.
    pub adapter: String,
    /// Version of its adapter.
    pub adapter_version: String,
    /// Hash of its adapter's file, hex.
    pub adapter_sha256: String,
    /// Where it is in its life.
    pub state: State,
    /// Since when.
    pub since: SystemTime,
    /// When the session began.
    pub began: Instant,
    /// When this was posted.
    pub posted: Instant,
    /// Share of one processor that it used lately, in percent.
    pub cpu_percent: Option<f64>,
    /// What its adapter may use.
    pub limits: Limits,
    /// Memory and tables of the guest, in bytes.
    pub memory_bytes: usize,
    /// What has befallen it since the daemon began.
    pub history: History,
    /// Connections that the adapter asked for.
    pub connections_wanted: usize,
    /// How many of them are open.
    pub connections_open: usize,
    /// The exchange's clock minus the machine's, in nanoseconds, as its adapter last measured it.
    pub clock_difference: Option<i64>,
    /// What the session counted.
    pub tally: Tally,
    /// Its WebSockets.
    pub sockets: ws::Counts,
    /// Its requests.
    pub requests: rest::Counts,
    /// Its way to NATS.
    pub outgoing: Outgoing,
    /// Its instruments.
    pub instruments: Vec<InstrumentStatus>,
}

impl SessionStatus {
    /// A session of that name that has done nothing yet.
    pub fn named(name: &str) -> Self {
        let now = Instant::now();
        Self {
            name: name.to_owned(),
            venue: String::new(),
            adapter: String::new(),
            adapter_version: String::new(),
            adapter_sha256: String::new(),
            state: State::Starting,
            since: SystemTime::now(),
            began: now,
            posted: now,
            cpu_percent: None,
            memory_bytes: 0,
            limits: Limits::default(),
            history: History::default(),
            connections_wanted: 0,
            connections_open: 0,
            clock_difference: None,
            tally: Tally::default(),
            sockets: ws::Counts::default(),
            requests: rest::Counts::default(),
            outgoing: Outgoing::default(),
            instruments: Vec::new(),
        }
    }

    /// A session that is about to begin.
    pub fn planned(plan: &Plan) -> Self {
        let description = plan.adapter.description();
        Self {
            venue: plan.venue.clone(),
            adapter: description.name.clone(),
            adapter_version: description.version.clone(),
            adapter_sha256: plan.adapter.sha256().to_owned(),
            limits: plan.limits.clone(),
            ..Self::named(&plan.name)
        }
    }

    /// Memory and tables of the guest above which it is degraded, in bytes.
    pub fn memory_soft_bytes(&self) -> u64 {
        u64::from(self.limits.memory_soft_mb) << 20
    }

    /// Memory and tables that the guest may never exceed, in bytes.
    pub fn memory_hard_bytes(&self) -> u64 {
        u64::from(self.limits.memory_hard_mb) << 20
    }

    /// What a session itself tells; what only its world and its owner know is left empty.
    pub fn of<W: World>(session: &Session<W>) -> Self {
        let reports = session.reports();
        let instruments = session.instruments().map(|names| InstrumentStatus {
            names: names.clone(),
            report: reports.get(&names.id).cloned(),
        });
        let (connections_wanted, connections_open) = session.connections();
        Self {
            memory_bytes: session.memory_bytes(),
            connections_wanted,
            connections_open,
            clock_difference: session.clock_difference(),
            tally: session.tally().clone(),
            instruments: instruments.collect(),
            ..Self::planned(session.plan())
        }
    }
}
