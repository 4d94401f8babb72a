//! Which adapter files hold something new: looked at once a second, read when they stand still.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::plans::FileWatch;
use crate::adapter_folder::{self, FolderError};
use crate::sandbox::sha256;

/// Watches the adapter files of all sessions.
#[derive(Default)]
pub(super) struct AdapterWatch(BTreeMap<PathBuf, FileWatch>);

impl AdapterWatch {
    /// Which of the files changed and stand still, so that nobody is writing them. One that was not asked for before is
    /// told too: it may have changed since its session's plan was read.
    pub(super) fn look<'a>(&mut self, files: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
        let files: BTreeSet<&Path> = files.collect();
        self.0.retain(|file, _| files.contains(file.as_path()));
        for file in files {
            if !self.0.contains_key(file) {
                let watch = FileWatch::of_unknown(file);
                self.0.insert(file.to_owned(), watch);
            }
        }
        let watched = self.0.iter_mut();
        watched
            .filter_map(|(file, watch)| watch.look().then(|| file.clone()))
            .collect()
    }
}

/// What an adapter file holds.
pub(super) struct Dropped {
    /// The file.
    pub(super) file: PathBuf,
    /// What it holds.
    pub(super) bytes: Vec<u8>,
    /// The hash of that.
    pub(super) sha256: String,
}

impl Dropped {
    /// Reads a file that was told. That takes a moment, and it may be gone or written again in the meantime: then the
    /// watch tells of it once more.
    pub(super) fn read(file: &Path) -> Result<Self, FolderError> {
        let bytes = adapter_folder::read(file)?;
        Ok(Self {
            file: file.to_owned(),
            sha256: sha256(&bytes),
            bytes,
        })
    }

    /// Whether it is news to a session that knows of this file and its hash.
    pub(super) fn is_news(&self, file: Option<&Path>, known: Option<&str>) -> bool {
        file == Some(&self.file) && known != Some(&self.sha256)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may end by a panic
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::time::SystemTime;

    use super::*;

    /// A watch over one file, which is known already.
    struct Scene {
        folder: tempfile::TempDir,
        watch: AdapterWatch,
        known: String,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("a.wasm"), "first").unwrap();
            let mut scene = Self {
                folder,
                watch: AdapterWatch::default(),
                known: sha256(b"first"),
            };
            assert!(!scene.look(), "it was seen only once");
            assert!(scene.look(), "it may have changed since the plan was read");
            assert!(!scene.is_news());
            scene
        }

        fn file(&self) -> PathBuf {
            self.folder.path().join("a.wasm")
        }

        fn look(&mut self) -> bool {
            let file = self.file();
            let told = self.watch.look([file.as_path(), &file].into_iter());
            assert!(told.len() <= 1, "one file is told once");
            told == [file]
        }

        /// Whether the file holds something new, which is known from then on.
        fn is_news(&mut self) -> bool {
            let file = self.file();
            let dropped = Dropped::read(&file).unwrap();
            let is_news = dropped.is_news(Some(&file), Some(&self.known));
            self.known = dropped.sha256;
            is_news
        }
    }

    fn date(file: &Path, modified: SystemTime) {
        let file = File::options().write(true).open(file).unwrap();
        file.set_modified(modified).unwrap();
    }

    #[test]
    fn a_file_that_grows_is_told_once_it_is_whole() {
        let mut scene = Scene::new();
        let mut file = File::create(scene.file()).unwrap();
        for _ in 0..5 {
            file.write_all(b"part").unwrap();
            assert!(!scene.look());
        }
        assert!(scene.look());
        assert!(scene.is_news());
        assert!(!scene.look() && !scene.look());
    }

    #[test]
    fn a_file_that_is_renamed_into_its_place_is_told_also_when_it_looks_the_same() {
        let mut scene = Scene::new();
        let other = scene.folder.path().join("new");
        std::fs::write(&other, "other").unwrap();
        let modified = scene.file().metadata().unwrap().modified();
        date(&other, modified.unwrap());
        std::fs::rename(other, scene.file()).unwrap();
        assert!(!scene.look());
        assert!(scene.look());
        assert!(scene.is_news());
    }

    #[test]
    fn a_file_that_is_gone_is_nothing_new_and_what_comes_in_its_place_is() {
        let mut scene = Scene::new();
        std::fs::remove_file(scene.file()).unwrap();
        assert!(!scene.look() && !scene.look());
        assert!(Dropped::read(&scene.file()).is_err());
        std::fs::write(scene.file(), "second").unwrap();
        assert!(!scene.look());
        assert!(scene.look());
        assert!(scene.is_news());
    }

    #[test]
    fn the_same_bytes_once_more_are_no_news() {
        let mut scene = Scene::new();
        std::fs::write(scene.file(), "first").unwrap();
        // The clock of a file system may stand still from one write to the next.
        date(&scene.file(), SystemTime::UNIX_EPOCH);
        assert!(!scene.look());
        assert!(scene.look());
        assert!(!scene.is_news());
    }

    #[test]
    fn a_third_version_is_told_while_the_second_is_judged() {
        let mut scene = Scene::new();
        std::fs::write(scene.file(), "second").unwrap();
        assert!(!scene.look());
        assert!(scene.look());
        // Whoever judges it has read it and takes long.
        let second = Dropped::read(&scene.file()).unwrap();
        std::fs::write(scene.file(), "the third").unwrap();
        assert!(!scene.look());
        assert!(scene.look());
        assert!(second.is_news(Some(&scene.file()), Some(&scene.known)));
        assert_eq!(second.bytes, b"second");
        scene.known = second.sha256;
        assert!(scene.is_news());
    }

    #[test]
    fn files_are_told_apart_and_forgotten_with_their_sessions() {
        let scene = Scene::new();
        let (a, b) = (scene.file(), scene.folder.path().join("b.wasm"));
        let mut watch = scene.watch;
        assert!(watch.look([a.as_path(), &b].into_iter()).is_empty());
        std::fs::write(&b, "beta").unwrap();
        assert!(watch.look([a.as_path(), &b].into_iter()).is_empty());
        let told = watch.look([a.as_path(), &b].into_iter());
        assert_eq!(told.as_slice(), std::slice::from_ref(&b));
        let beta = Dropped::read(&b).unwrap();
        assert!(beta.is_news(Some(&b), None) && !beta.is_news(Some(&a), None));
        assert!(!beta.is_news(None, None));
        assert!(watch.look([a.as_path()].into_iter()).is_empty());
        assert_eq!(watch.0.len(), 1);
        assert!(watch.look([a.as_path(), &b].into_iter()).is_empty());
        assert_eq!(watch.look([a.as_path(), &b].into_iter()), [b]);
    }
}
