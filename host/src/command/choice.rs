//! Which version of its adapter a session of the daemon is to run: its file in the adapters folder, or the last good
//! version, when that was swapped in or the file is of no use.

use std::path::PathBuf;

use anyhow::Context;

use marketprism_host::adapter_folder::{self, FolderError, Found};
use marketprism_host::config::{Config, Exchange};
use marketprism_host::record::{Choice, Versions};
use marketprism_host::sandbox::{Adapter, Engine, sha256};

use super::plans::{adapter_file, grant};

/// Digits of a hash that tell a version from others, for people.
const HASH_DIGITS: usize = 12;

/// A version, and the file in the adapters folder that it runs by or instead of.
pub(super) struct Chosen {
    pub(super) adapter: Adapter,
    pub(super) file: Option<PathBuf>,
    /// sha256 of that file.
    pub(super) folder_sha256: Option<String>,
}

/// Chooses. The version is kept by its hash, so that the bundle of a fault finds it; of another one than the file's is
/// told why.
pub(super) fn choose(
    config: &Config,
    engine: &Engine,
    exchange: &Exchange,
    versions: &Versions,
) -> Result<Chosen, FolderError> {
    match adapter_file(config, engine, exchange) {
        Ok(found) => Ok(file_or_kept(engine, exchange, versions, found)),
        Err(error) => kept_instead(config, engine, exchange, versions, error),
    }
}

/// The file can be used: it is, unless there is something against it.
fn file_or_kept(engine: &Engine, exchange: &Exchange, versions: &Versions, found: Found) -> Chosen {
    let session = exchange.name.as_str();
    let folder_sha256 = found.adapter.sha256().to_owned();
    let path = found.path.display();
    let adapter = match versions.adopted().choose(session, &folder_sha256) {
        Choice::Kept { hash, why } if is_allowed(exchange, &hash) => {
            match kept(engine, exchange, versions, &hash) {
                Ok(adapter) => {
                    tracing::info!(
                        session,
                        "is to run its last good version, {}, and not {path}, which {why}. \
                         To change it: `marketprism adapter swap {session} FILE`, or a new file at {path}",
                        told(&adapter)
                    );
                    Some(adapter)
                }
                Err(error) => {
                    tracing::warn!(
                        session,
                        "is to run {path}, though it {why}: the last good version {} cannot be used: {error:#}",
                        short(&hash)
                    );
                    None
                }
            }
        }
        _ => None,
    };
    let adapter = adapter.unwrap_or_else(|| {
        versions.keep(&found.bytes);
        found.adapter
    });
    Chosen {
        adapter,
        file: Some(found.path),
        folder_sha256: Some(folder_sha256),
    }
}

/// The file is missing or refused: the last good version does as well.
fn kept_instead(
    config: &Config,
    engine: &Engine,
    exchange: &Exchange,
    versions: &Versions,
    error: FolderError,
) -> Result<Chosen, FolderError> {
    let session = exchange.name.as_str();
    let good = versions.adopted().good(session);
    let Some(hash) = good.filter(|hash| is_allowed(exchange, hash)) else {
        return Err(error);
    };
    let adapter = match kept(engine, exchange, versions, &hash) {
        Ok(adapter) => adapter,
        Err(why) => {
            tracing::warn!(
                session,
                "the last good version {} cannot be used: {why:#}",
                short(&hash)
            );
            return Err(error);
        }
    };
    tracing::warn!(
        session,
        "is to run its last good version, {}, because its file cannot be used: {error}",
        told(&adapter)
    );
    let named = exchange.adapter.as_ref();
    let file = named
        .map(|name| config.adapters_dir.join(name))
        .or_else(|| error.file().map(PathBuf::from));
    let bytes = file.as_deref().map(adapter_folder::read);
    Ok(Chosen {
        adapter,
        folder_sha256: bytes.and_then(Result::ok).map(|bytes| sha256(&bytes)),
        file,
    })
}

/// The version with that hash.
fn kept(
    engine: &Engine,
    exchange: &Exchange,
    versions: &Versions,
    hash: &str,
) -> anyhow::Result<Adapter> {
    let bytes = versions.find(hash).context("its file was not kept")?;
    let adapter = Adapter::load(engine, &bytes, &grant(exchange), &exchange.limits)?;
    anyhow::ensure!(
        adapter.venue(&exchange.venue).is_some(),
        "it does not serve {:?}",
        exchange.venue
    );
    Ok(adapter)
}

/// Whether the configuration lets the version with that hash run.
fn is_allowed(exchange: &Exchange, hash: &str) -> bool {
    let pinned = exchange.adapter_sha256.as_ref();
    pinned.is_none_or(|pinned| pinned.eq_ignore_ascii_case(hash))
}

fn told(adapter: &Adapter) -> String {
    let version = &adapter.description().version;
    format!("{version} ({})", short(adapter.sha256()))
}

fn short(hash: &str) -> &str {
    hash.get(..HASH_DIGITS).unwrap_or(hash)
}
