//! A folder with the adapter of Binance, in which versions of it appear.

use std::fs::File;
use std::path::{Path, PathBuf};

use marketprism_host::sandbox::sha256;
use marketprism_tests::exchange::Venue;
use marketprism_tests::lively;
use marketprism_tests::versions::version;
use tempfile::TempDir;

/// The folder.
pub struct Folder {
    dir: TempDir,
    wasm: Vec<u8>,
    made: u32,
}

impl Folder {
    /// With the adapter as it was built.
    pub fn new() -> Self {
        let folder = Self {
            dir: TempDir::new().expect("a folder"),
            wasm: lively::wasm(Venue::BinanceSpot),
            made: 0,
        };
        std::fs::write(folder.file(), &folder.wasm).expect("the adapter");
        folder
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join("binance.wasm")
    }

    /// The hash of the adapter as it was built.
    pub fn built(&self) -> String {
        sha256(&self.wasm)
    }

    /// Another version, and its hash.
    pub fn make(&mut self) -> (Vec<u8>, String) {
        self.made += 1;
        let bytes = version(&self.wasm, self.made);
        let hash = sha256(&bytes);
        (bytes, hash)
    }

    /// Puts a whole file in the adapter's place.
    pub fn put(&self, bytes: &[u8]) {
        let next = self.path().join("next");
        std::fs::write(&next, bytes).expect("a file");
        std::fs::rename(&next, self.file()).expect("its name");
    }

    /// Begins to write the adapter's file anew, from nothing.
    pub fn write_anew(&self) -> File {
        File::create(self.file()).expect("the adapter's file")
    }
}
