//! The folder of adapter files: which one serves an exchange. Files are opened through the folder's handle, so no
//! name from a configuration leads out of it.

use std::io::Read;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::limits::Limits;
use crate::sandbox::{ADAPTER_BYTES_MAX, Adapter, Engine, Grant, Refusal};

/// No adapter for a session.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder cannot be read.
    #[error(
        "the adapters folder {path} cannot be read: {source}. \
         Build the adapters with `make adapters`, or name their folder with `adapters_dir: FOLDER`"
    )]
    NoFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be read.
    #[error(
        "the adapter file {path} cannot be read: {source}. Build it with `make adapters`, or correct its name"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file was looked at and refused.
    #[error("adapter {path}: {refusal}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        refusal: Refusal,
    },
    /// The file that was named serves other exchanges.
    #[error(
        "the adapter {path} serves {serves}, not {venue:?}. \
         Correct `adapter: FILE`, or say with `exchange: NAME` which exchange it is"
    )]
    ServesOthers {
        /// The file.
        path: PathBuf,
        /// What it serves.
        serves: String,
        /// The exchange.
        venue: String,
    },
    /// No file in the folder serves the exchange.
    #[error(
        "no adapter in {folder} serves {venue:?} (found: {found}). \
         Build it with `make adapters`, or name a file with `adapter: FILE`"
    )]
    NotFound {
        /// The folder.
        folder: PathBuf,
        /// The exchange.
        venue: String,
        /// What each file serves, or why it was refused.
        found: String,
    },
}

/// The adapter in `folder` that serves `venue`: the file named `file`, which must, else the first by name whose description
/// lists the venue.
pub fn find(
    engine: &Engine,
    folder: &Path,
    file: Option<&Path>,
    venue: &str,
    grant: &Grant,
    limits: &Limits,
) -> Result<Adapter, FolderError> {
    find_with_path(engine, folder, file, venue, grant, limits).map(|(_, adapter)| adapter)
}

/// As [`find`], with the path of the file.
pub fn find_with_path(
    engine: &Engine,
    folder: &Path,
    file: Option<&Path>,
    venue: &str,
    grant: &Grant,
    limits: &Limits,
) -> Result<(PathBuf, Adapter), FolderError> {
    let unreadable = |source| FolderError::NoFolder {
        path: folder.to_path_buf(),
        source,
    };
    let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(unreadable)?;
    if let Some(file) = file {
        let adapter = load(engine, &dir, folder, file, grant, limits)?;
        return if serves(&adapter, venue) {
            Ok((folder.join(file), adapter))
        } else {
            Err(FolderError::ServesOthers {
                path: folder.join(file),
                serves: adapter.description().venues.join(", "),
                venue: venue.to_string(),
            })
        };
    }
    let mut names = Vec::new();
    for entry in dir.entries().map_err(unreadable)? {
        let name = PathBuf::from(entry.map_err(unreadable)?.file_name());
        if name
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            names.push(name);
        }
    }
    names.sort();
    let mut found = Vec::new();
    for name in names {
        match load(engine, &dir, folder, &name, grant, limits) {
            Ok(adapter) if serves(&adapter, venue) => return Ok((folder.join(name), adapter)),
            Ok(adapter) => {
                let venues = adapter.description().venues.join(", ");
                found.push(format!("{} serves {venues}", name.display()));
            }
            Err(error) => found.push(error.to_string()),
        }
    }
    let found = if found.is_empty() {
        "no .wasm file".to_string()
    } else {
        found.join("; ")
    };
    Err(FolderError::NotFound {
        folder: folder.to_path_buf(),
        venue: venue.to_string(),
        found,
    })
}

fn serves(adapter: &Adapter, venue: &str) -> bool {
    let venues = &adapter.description().venues;
    venues.iter().any(|served| served == venue)
}

/// The adapter in a file of any folder, as a person named it on the command line.
pub fn open(
    engine: &Engine,
    path: &Path,
    grant: &Grant,
    limits: &Limits,
) -> Result<Adapter, FolderError> {
    accept(engine, path, &read(path)?, grant, limits)
}

/// What is in such a file.
pub fn read(path: &Path) -> Result<Vec<u8>, FolderError> {
    let unreadable = |source| FolderError::Unreadable {
        path: path.to_path_buf(),
        source,
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = path
        .file_name()
        .ok_or_else(|| unreadable(std::io::ErrorKind::InvalidInput.into()))?;
    let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(unreadable)?;
    bytes(&dir, folder, Path::new(name))
}

fn load(
    engine: &Engine,
    dir: &Dir,
    folder: &Path,
    name: &Path,
    grant: &Grant,
    limits: &Limits,
) -> Result<Adapter, FolderError> {
    let bytes = bytes(dir, folder, name)?;
    accept(engine, &folder.join(name), &bytes, grant, limits)
}

fn bytes(dir: &Dir, folder: &Path, name: &Path) -> Result<Vec<u8>, FolderError> {
    let mut bytes = Vec::new();
    dir.open(name)
        // One byte more than is accepted, so that the sandbox sees that it is too long.
        .and_then(|file| {
            file.take(ADAPTER_BYTES_MAX as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|source| FolderError::Unreadable {
            path: folder.join(name),
            source,
        })?;
    Ok(bytes)
}

/// The adapter in these bytes, read from `path`.
pub fn accept(
    engine: &Engine,
    path: &Path,
    bytes: &[u8],
    grant: &Grant,
    limits: &Limits,
) -> Result<Adapter, FolderError> {
    Adapter::load(engine, bytes, grant, limits).map_err(|refusal| FolderError::Refused {
        path: path.to_path_buf(),
        refusal,
    })
}
