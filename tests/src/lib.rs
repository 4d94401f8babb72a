//! What the tests of the whole need: where recordings and built adapters are, and a market whose truth is known.

use std::path::{Path, PathBuf};

pub mod binance_form;
mod book;
pub mod capture;
pub mod daemon;
pub mod daemon_process;
pub mod damaged;
pub mod delta_book;
pub mod exchange;
pub mod fleet;
mod history;
pub mod hostile;
pub mod hot_storage;
pub mod http;
pub mod judge;
pub mod lively;
pub mod market;
pub mod nats_server;
pub mod openapi;
pub mod process;
mod random;
pub mod replayed;
pub mod stream_reader;
pub mod versions;

/// The folder of the project.
#[must_use]
pub fn workspace() -> &'static Path {
    const TESTS: &str = env!("CARGO_MANIFEST_DIR");
    let tests = Path::new(TESTS);
    tests.parent().unwrap_or(tests)
}

/// Data for tests that is no part of the project: a path inside the folder MARKETPRISM_SHARED, else inside `shared`
/// beside the project.
///
/// # Panics
/// When it is not there; says where it was looked for.
#[must_use]
pub fn shared(path: &str) -> PathBuf {
    let folder = std::env::var_os("MARKETPRISM_SHARED")
        .map_or_else(|| workspace().join("../shared"), PathBuf::from);
    let path = folder.join(path);
    assert!(
        path.exists(),
        "{} is missing: set MARKETPRISM_SHARED to the folder that holds captures/ and marketprism/",
        path.display()
    );
    path
}

/// A recording by its file name without `.jsonl`.
///
/// # Panics
/// As [`shared`].
#[must_use]
pub fn capture(name: &str) -> PathBuf {
    shared(&format!("captures/{name}.jsonl"))
}

/// What the independent reference replay of a recording found.
///
/// # Panics
/// As [`shared`].
#[must_use]
pub fn oracle(name: &str) -> PathBuf {
    shared(&format!("captures/oracle/{name}.json"))
}

/// A misbehaving adapter of tests/guests by its name.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn guest(name: &str) -> PathBuf {
    existing(
        workspace()
            .join("target/guests")
            .join(format!("{name}.wasm")),
        "run `make guests`",
    )
}

/// An adapter by its name.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn adapter(name: &str) -> PathBuf {
    existing(
        workspace().join("adapters").join(format!("{name}.wasm")),
        "run `make adapters`",
    )
}

fn existing(path: PathBuf, remedy: &str) -> PathBuf {
    assert!(path.is_file(), "{} is missing: {remedy}", path.display());
    path
}
