//! What all sessions need to have one version of an adapter follow another.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::adapter_folder;
use crate::config::Swap;
use crate::record::{Adopted, Versions};
use crate::sandbox::{Adapter, Engine, Grant};
use crate::session::Plan;

/// Compiles and keeps versions, and remembers which one each session runs.
pub struct Replacements {
    engine: Engine,
    versions: Arc<Versions>,
    /// How long a new version may take to be live.
    pub(super) live_within: Duration,
    /// How long a candidate stands by after it was compared.
    pub(super) decision_within: Duration,
    /// For how long a fault of a new version brings the old one back.
    pub(super) probation: Duration,
    /// One swap at a time: new connections are counted by exchanges. A shadow run lets go of it while it compares.
    pub(super) turn: Arc<Semaphore>,
}

impl Replacements {
    /// Compiles with this engine and keeps what it compiled among these versions.
    pub fn new(engine: Engine, versions: Arc<Versions>, times: Swap) -> Self {
        Self {
            engine,
            versions,
            live_within: times.live_within,
            decision_within: times.decision_within,
            probation: times.probation,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Which version each session runs.
    pub(super) fn adopted(&self) -> &Adopted {
        self.versions.adopted()
    }

    /// Checks and compiles a version for a session; `source` names it for people. It takes as long as that takes.
    pub(super) fn load(&self, plan: &Plan, bytes: &[u8], source: &str) -> Result<Adapter, String> {
        let grant = Grant {
            sha256: plan.pinned.clone(),
        };
        let path = Path::new(source);
        let adapter = adapter_folder::accept(&self.engine, path, bytes, &grant, &plan.limits)
            .map_err(|error| error.to_string())?;
        if adapter.venue(&plan.venue).is_none() {
            let serves = adapter.venue_names().join(", ");
            return Err(format!("{source} serves {serves}, not {:?}", plan.venue));
        }
        self.versions.keep(bytes);
        Ok(adapter)
    }

    /// A version that was kept, for a session.
    pub(super) fn load_kept(&self, plan: &Plan, hash: &str) -> Result<Adapter, String> {
        let bytes = self.versions.find(hash);
        let bytes = bytes.ok_or_else(|| format!("version {hash} is not kept any more"))?;
        self.load(plan, &bytes, &format!("version {}", short(hash)))
    }
}

/// A hash as people read it.
pub(super) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
