//! What the tests of the whole need: where recordings and built adapters are, and a market whose truth is known.

use std::path::{Path, PathBuf};

pub mod binance_form;
mod book;
pub mod capture;
pub mod exchange;
mod history;
pub mod hostile;
pub mod market;
pub mod nats_server;
pub mod process;
mod random;

/// The folder of the project.
#[must_use]
pub fn workspace() -> &'static Path {
    const TESTS: &str = env!("CARGO_MANIFEST_DIR");
    let tests = Path::new(TESTS);
    tests.parent().unwrap_or(tests)
}

/// The folder with the recordings: MARKETPRISM_SHARED, else `shared` beside the project.
#[must_use]
pub fn shared_dir() -> PathBuf {
    match std::env::var_os("MARKETPRISM_SHARED") {
        Some(folder) => folder.into(),
        None => workspace().join("..").join("shared"),
    }
}

/// A recording by its file name without `.jsonl`.
///
/// # Panics
/// When it is not there; says where it was looked for.
#[must_use]
pub fn capture(name: &str) -> PathBuf {
    let path = shared_dir().join("captures").join(format!("{name}.jsonl"));
    existing(
        path,
        "set MARKETPRISM_SHARED to the folder that holds captures/",
    )
}

/// What the independent reference replay of a recording found.
///
/// # Panics
/// When it is not there; says where it was looked for.
#[must_use]
pub fn oracle(name: &str) -> PathBuf {
    let path = shared_dir()
        .join("captures/oracle")
        .join(format!("{name}.json"));
    existing(
        path,
        "set MARKETPRISM_SHARED to the folder that holds captures/",
    )
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
