//! The command `run`: the daemon. One thread for each session, with a runtime, sockets and a bus connection of its
//! own, and one for what is stored; a fault stops one adapter and starts it again, and the others never notice.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::adapter_folder::{self, FolderError};
use crate::bus::{self, Trunk};
use crate::config::{Monitoring, Proxy};
use crate::heartbeat;
use crate::metrics::Kept;
use crate::record::{BundleError, Bundles, Recording, Versions};
use crate::rest::{self, Budgets};
use crate::serve::{self, AdapterFiles, Control, FaultEntry, Faults};
use crate::session::Plan;
use crate::status::{Board, State};
use crate::supervisor::{Neighbours, Plans, Replacements, RestartPolicy, Supervisor};
use crate::view::View;
use crate::ws::Attempts;

/// How often the view looks for news of the sessions.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Rates over a shorter time say nothing.
const FIRST_LOOK: Duration = Duration::from_millis(500);

/// A request budget for host names of which the adapter says nothing.
const REQUEST_WEIGHT_PER_MINUTE: u32 = 1_200;

/// The daemon: what to collect, where to publish it, and where to tell how it goes.
pub struct Daemon {
    /// The sessions.
    pub plans: Vec<Plan>,
    /// Where their plans come from when they are to be read again; none when they never are.
    pub again: Option<Plans>,
    /// The NATS server; none when nothing is to be published.
    pub bus: Option<bus::Settings>,
    /// The proxy to the exchanges.
    pub proxy: Option<Proxy>,
    /// The HTTP ports.
    pub monitoring: Monitoring,
    /// What one version of an adapter needs to follow another while it runs.
    pub replacements: Replacements,
    /// Versions of adapters that are there already; none when each is to be sent to the control API.
    pub adapters: Option<Adapters>,
    /// Where the bundles of faults go; none when they are not kept.
    pub bundles: Option<Bundles>,
    /// Records what the sessions see and send.
    pub recording: Option<Recording>,
    /// Where to write plain lines once a second.
    pub view: Option<View>,
}

/// Versions of adapters that are there already.
pub struct Adapters {
    /// The folder of adapter files.
    pub folder: PathBuf,
    /// What sessions have run.
    pub kept: Arc<Versions>,
}

impl Daemon {
    /// Runs until `stopped` ends, then ends the sessions: connections closed, what is queued published.
    pub async fn run(self, stopped: impl Future<Output = ()>) {
        let budgets = Budgets::new(rest::Limit::per_minute(REQUEST_WEIGHT_PER_MINUTE));
        let attempts = Attempts::default();
        let board = Arc::new(Board::new(budgets.clone(), attempts.clone()));
        let recording = self.recording.map(Arc::new);
        let kept = Kept {
            bundles: self.bundles.clone(),
            recording: recording.as_deref().map(Recording::missing),
        };
        let faults = self.bundles.clone().map(faults);
        let trunk = self.bus.clone().and_then(trunk);
        let to_trunk = trunk.as_ref().map(Trunk::remote);
        let neighbours = Neighbours {
            trunk: to_trunk.clone().filter(|_| {
                let is_storing = |bus: &bus::Settings| bus.jetstream.is_some();
                self.bus.as_ref().is_some_and(is_storing)
            }),
            bus: self.bus,
            proxy: self.proxy,
            budgets,
            attempts,
            bundles: self.bundles,
            recording: recording.clone(),
            policy: RestartPolicy::default(),
            replacements: Arc::new(self.replacements),
            board: board.clone(),
        };
        let (supervisor, remote) = Supervisor::new(self.plans, neighbours, self.again);
        let control = Control {
            remote,
            faults,
            adapters: self.adapters.map(adapter_files),
        };
        let _serving = serve::start(&self.monitoring, &board, control, kept);
        tokio::select! {
            () = supervisor.run(stopped) => {}
            () = show(self.view, &board) => {}
            () = heartbeat::beat(to_trunk, &board) => {}
        }
        if let Some(trunk) = trunk {
            trunk.finish().await;
        }
        // Every session has ended, so nobody else records.
        if let Some(recording) = recording.and_then(Arc::into_inner) {
            recording.finish();
        }
    }
}

/// The daemon's own connection to NATS.
fn trunk(settings: bus::Settings) -> Option<Trunk> {
    match Trunk::start(settings) {
        Ok(trunk) => Some(trunk),
        Err(error) => {
            tracing::error!("no thread for JetStream, so nothing is stored: {error}");
            None
        }
    }
}

/// The bundles of faults, as the control API shows them.
fn faults(bundles: Bundles) -> Faults {
    let listed = bundles.clone();
    Faults {
        list: Arc::new(move || {
            let mut rows = listed.list()?;
            rows.reverse();
            let entries = rows.into_iter().filter_map(|(name, _, facts)| {
                let facts = facts.ok()?;
                Some(FaultEntry {
                    id: Some(name),
                    session: facts.session,
                    time: facts.time,
                    text: format!("{}: {}", facts.fault.kind, facts.fault.message),
                })
            });
            Ok(entries.collect())
        }),
        read: Arc::new(move |id| match bundles.facts(id) {
            Ok(facts) => Ok(Some(serde_json::to_value(facts)?)),
            Err(BundleError::Unreadable(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }),
    }
}

/// The versions of adapters that are there, as the control API names them.
fn adapter_files(Adapters { folder, kept }: Adapters) -> AdapterFiles {
    AdapterFiles {
        file: Arc::new(move |name| match adapter_folder::read_in(&folder, name) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FolderError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(io::Error::other(error)),
        }),
        kept: Arc::new(move |hash| Ok(kept.find(hash))),
    }
}

/// Writes plain lines whenever a session has told how it stands, once a second each, for ever.
async fn show(view: Option<View>, board: &Board) {
    let Some(mut view) = view else {
        return std::future::pending().await;
    };
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut shown: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        look.tick().await;
        for session in board.sessions() {
            let before = shown.get(&session.name);
            let is_news = before.is_none_or(|at| session.posted.duration_since(*at) > LOOK_EVERY);
            let is_first_moment = board.uptime() < FIRST_LOOK;
            let is_up = !matches!(session.state, State::Starting | State::Stopped);
            if is_up && is_news && !is_first_moment {
                shown.insert(session.name.clone(), session.posted);
                view.show(&session, board.uptime().as_secs_f64());
            }
        }
    }
}
