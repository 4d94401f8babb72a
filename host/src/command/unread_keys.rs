//! Which keys of the file nobody reads, told once for all sessions.

use std::path::Path;

use marketprism_host::config::{Config, Readers};
use marketprism_host::session::Plan;

/// Logs which keys of the file nobody reads, once for all sessions.
pub(super) fn report<'a>(config: &Config, file: &Path, plans: impl IntoIterator<Item = &'a Plan>) {
    let settings = |plan: &Plan| plan.adapter.description().settings.clone();
    let readers = plans
        .into_iter()
        .map(|plan| (plan.name.clone(), settings(plan)));
    let (unknown, not_used) = lines(config, &readers.collect());
    for line in unknown {
        tracing::warn!("{}: {line}", file.display());
    }
    if let Some(line) = not_used {
        tracing::info!("{}: {line}", file.display());
    }
}

/// A line for each key that nobody knows, and one for all that only the old collector knew. Keys below blocks whose
/// adapter is not among the readers are not judged.
pub(super) fn lines(config: &Config, readers: &Readers) -> (Vec<String>, Option<String>) {
    let unknown = config.notices.unknown(readers);
    let not_used = config.notices.not_used(readers);
    (
        unknown
            .iter()
            .map(|key| format!("unknown key {key}"))
            .collect(),
        (!not_used.is_empty()).then(|| format!("not used: {}", not_used.join(", "))),
    )
}
