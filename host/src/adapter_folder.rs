//! The folder of adapter files: which one serves an exchange. Files are opened through the folder's handle, so no
//! name from a configuration leads out of it.

use std::io::Read;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::limits::Limits;
use crate::sandbox::{ADAPTER_BYTES_MAX, Adapter, Engine, Grant, Refusal, sha256};

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
        /// Those that could not be used.
        refused: Vec<PathBuf>,
    },
}

impl FolderError {
    /// The file that the exchange would get if nothing were wrong with it; none when it could be any or there is none.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Unreadable { path, .. }
            | Self::Refused { path, .. }
            | Self::ServesOthers { path, .. } => Some(path),
            Self::NotFound { refused, .. } => match refused.as_slice() {
                [only] => Some(only),
                _ => None,
            },
            Self::NoFolder { .. } => None,
        }
    }
}

/// An adapter and where it came from.
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// What the file holds.
    pub bytes: Vec<u8>,
    /// The adapter.
    pub adapter: Adapter,
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
) -> Result<Found, FolderError> {
    let unreadable = |source| FolderError::NoFolder {
        path: folder.to_path_buf(),
        source,
    };
    let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(unreadable)?;
    let load = |name: &Path| {
        let bytes = bytes(&dir, folder, name)?;
        let path = folder.join(name);
        let adapter = accept(engine, &path, &bytes, grant, limits)?;
        Ok(Found {
            path,
            bytes,
            adapter,
        })
    };
    if let Some(file) = file {
        let found = load(file)?;
        return if serves(&found.adapter, venue) {
            Ok(found)
        } else {
            Err(FolderError::ServesOthers {
                serves: found.adapter.venue_names().join(", "),
                venue: venue.to_string(),
                path: found.path,
            })
        };
    }
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for name in names(&dir).map_err(unreadable)? {
        match load(&name) {
            Ok(it) if serves(&it.adapter, venue) => return Ok(it),
            Ok(it) => {
                let venues = it.adapter.venue_names().join(", ");
                found.push(format!("{} serves {venues}", name.display()));
            }
            Err(error) => {
                found.push(error.to_string());
                refused.push(folder.join(name));
            }
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
        refused,
    })
}

/// The names of the adapter files, sorted.
fn names(dir: &Dir) -> std::io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in dir.entries()? {
        let name = PathBuf::from(entry?.file_name());
        if name
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// What the file of the folder holds that has this sha256, in hexadecimal; `None` when there is none.
pub fn bytes_by_hash(folder: &Path, hash: &str) -> Option<Vec<u8>> {
    let dir = Dir::open_ambient_dir(folder, ambient_authority()).ok()?;
    names(&dir).ok()?.iter().find_map(|name| {
        let bytes = bytes(&dir, folder, name).ok()?;
        sha256(&bytes).eq_ignore_ascii_case(hash).then_some(bytes)
    })
}

fn serves(adapter: &Adapter, venue: &str) -> bool {
    adapter.venue(venue).is_some()
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

/// What the file of that name in `folder` holds; no name leads out of it.
pub fn read_in(folder: &Path, name: &str) -> Result<Vec<u8>, FolderError> {
    let unreadable = |source| FolderError::NoFolder {
        path: folder.to_path_buf(),
        source,
    };
    let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(unreadable)?;
    bytes(&dir, folder, Path::new(name))
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

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may end by a panic
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_names_it_unless_it_could_be_any() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::new(None).unwrap();
        let wrong = |file: Option<&str>| {
            let (grant, limits) = (Grant::default(), Limits::default());
            let file = file.map(Path::new);
            let found = find(&engine, folder.path(), file, "alpha", &grant, &limits);
            let error = found.err().unwrap();
            error.file().map(Path::to_path_buf)
        };
        assert_eq!(wrong(None), None);
        assert_eq!(wrong(Some("a.wasm")), Some(folder.path().join("a.wasm")));
        std::fs::write(folder.path().join("a.wasm"), "half a file").unwrap();
        assert_eq!(wrong(Some("a.wasm")), Some(folder.path().join("a.wasm")));
        assert_eq!(wrong(None), Some(folder.path().join("a.wasm")));
        std::fs::write(folder.path().join("b.wasm"), "half a file").unwrap();
        assert_eq!(wrong(None), None);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() -> std::io::Result<()> {
        let around = tempfile::tempdir()?;
        let folder = around.path().join("adapters");
        std::fs::create_dir(&folder)?;
        std::fs::write(around.path().join("out.wasm"), "outside")?;
        std::fs::write(folder.join("in.wasm"), "inside")?;
        std::os::unix::fs::symlink("../out.wasm", folder.join("link.wasm"))?;
        let found = |name: &str| read_in(&folder, name).ok();
        assert_eq!(found("in.wasm").as_deref(), Some(&b"inside"[..]));
        let absolute = around.path().join("out.wasm");
        for name in ["../out.wasm", "link.wasm", &absolute.to_string_lossy()] {
            assert_eq!(found(name), None, "{name}");
        }
        Ok(())
    }
}
