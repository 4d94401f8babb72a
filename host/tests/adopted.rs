//! Which version of its adapter a session of the daemon runs, by its file in the adapters folder and by what was
//! adopted before.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail"
)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use marketprism_host::limits::Limits;
use marketprism_host::record::Versions;
use marketprism_host::sandbox::{Adapter, Engine, Grant, sha256};
use serde_json::Value;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A version of an adapter.
struct Version {
    bytes: Vec<u8>,
    hash: String,
}

/// Three versions of one adapter, and an exchange that they serve.
struct Built {
    old: Version,
    new: Version,
    newest: Version,
    venue: String,
}

/// Versions that differ in a custom section, which nobody executes.
fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let files = std::fs::read_dir(project.join("adapters")).unwrap();
        let files = files.map(|entry| entry.unwrap().path());
        let file = files
            .filter(|path| path.extension().is_some_and(|it| it == "wasm"))
            .min_by_key(|path| path.metadata().unwrap().len())
            .expect("run `make adapters`");
        let bytes = std::fs::read(file).unwrap();
        let engine = Engine::new(Some(&cache())).unwrap();
        let mut venue = String::new();
        let mut version = |mark: &[u8]| {
            let bytes = [&bytes, mark].concat();
            let adapter = Adapter::load(&engine, &bytes, &Grant::default(), &Limits::default());
            venue = (*adapter.unwrap().venue_names().first().unwrap()).to_owned();
            let hash = sha256(&bytes);
            Version { bytes, hash }
        };
        Built {
            old: version(b""),
            new: version(&[0, 2, 1, b'a']),
            newest: version(&[0, 2, 1, b'b']),
            venue,
        }
    })
}

/// What is compiled is kept for the next test.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("adopted")
}

/// A folder with a configuration of one session, its adapter's file and what was adopted.
struct Scene {
    folder: tempfile::TempDir,
    url: String,
}

impl Scene {
    /// With this file in the adapters folder, and more keys in the session's block.
    fn new(file: &[u8], block: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::create_dir(path.join("adapters")).unwrap();
        std::fs::write(path.join("adapters/x.wasm"), file).unwrap();
        std::fs::create_dir(path.join("data")).unwrap();
        std::fs::create_dir_all(cache()).unwrap();
        std::os::unix::fs::symlink(cache(), path.join("data/cache")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = format!(
            "exchanges:\n  alpha_spot:\n    exchange: {}\n    market_type: spot\n    symbols: [ABC]\n    \
             data_types: [trade]\n    api: {{base_url: 'http://127.0.0.1:1', ws_url: 'ws://127.0.0.1:1'}}\n    \
             {block}\nnats: {{enabled: false}}\n\
             monitoring: {{health_check: {{port: {port}}}, metrics: {{enabled: false}}}}\n",
            built().venue
        );
        std::fs::write(path.join("c.yaml"), config).unwrap();
        let url = format!("http://127.0.0.1:{port}");
        Self { folder, url }
    }

    /// After `good` took over from `before`, which was in the adapters folder.
    fn swapped(self, before: &Version, good: &Version) -> Self {
        let versions = Versions::below(&self.folder.path().join("data"));
        versions.keep(&good.bytes);
        let adopted = versions.adopted();
        adopted
            .on_trial("alpha_spot", Some(&before.hash), &before.hash)
            .unwrap();
        adopted.adopt("alpha_spot", &good.hash);
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_marketprism"));
        command
            .args(arguments)
            .args(["-c", "c.yaml"])
            .current_dir(self.folder.path())
            .env_clear();
        command
    }

    /// Runs the daemon until it tells the hash of what its session runs: that, and the lines that tell of versions.
    fn run(&self) -> (String, Vec<String>) {
        let daemon = self.command(&["run"]).stdout(Stdio::piped()).spawn();
        let mut daemon = Daemon(daemon.unwrap());
        let output = BufReader::new(daemon.0.stdout.take().unwrap());
        let lines = std::thread::spawn(move || -> Vec<String> {
            let lines = output.lines().map_while(Result::ok);
            lines.filter(|line| line.contains("to run")).collect()
        });
        let hash = self.hash(&mut daemon.0);
        drop(daemon);
        (hash, lines.join().unwrap())
    }

    fn hash(&self, daemon: &mut Child) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut ask = self.command(&["adapter", "list", "--json", "--url", &self.url]);
            let output = ask.stderr(Stdio::null()).output().unwrap();
            let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let hash = answer.pointer("/adapters/0/sha256").and_then(Value::as_str);
            if let Some(hash) = hash {
                return hash.to_owned();
            }
            let ended = daemon.try_wait().unwrap();
            assert!(ended.is_none(), "the daemon has ended: {ended:?}");
            assert!(Instant::now() < end, "the daemon does not answer");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// As `run`, with the only line that tells of versions; empty when none does.
    fn version(&self) -> (String, String) {
        let (hash, told) = self.run();
        assert!(told.len() <= 1, "{told:?}");
        (hash, told.concat())
    }
}

/// A running daemon, which is ended when the test ends.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn without_anything_adopted_the_file_in_the_folder_runs_and_nothing_is_said() {
    let old = &built().old;
    let scene = Scene::new(&old.bytes, "");
    assert_eq!(scene.version(), (old.hash.clone(), String::new()));
}

#[test]
fn a_version_that_was_swapped_in_runs_again_until_a_new_file_is_dropped() {
    let Built {
        old, new, newest, ..
    } = built();
    let scene = Scene::new(&old.bytes, "").swapped(old, new);
    let (hash, told) = scene.version();
    assert_eq!(hash, new.hash);
    let short = &new.hash[..12];
    for part in [
        "[alpha_spot] [INFO] is to run its last good version",
        short,
        "./adapters/x.wasm, which was there already when a version was last tried",
        "`marketprism adapter swap alpha_spot FILE`",
    ] {
        assert!(told.contains(part), "no {part:?} in: {told}");
    }
    let file = scene.folder.path().join("adapters/x.wasm");
    std::fs::write(file, &newest.bytes).unwrap();
    assert_eq!(scene.version(), (newest.hash.clone(), String::new()));
}

#[test]
fn with_a_broken_or_missing_file_the_last_good_version_runs_and_both_are_told() {
    let Built { old, new, .. } = built();
    for (block, why) in [
        ("", "x.wasm: not a WebAssembly file"),
        ("adapter: x.wasm", "x.wasm: not a WebAssembly file"),
        ("adapter: y.wasm", "y.wasm cannot be read"),
    ] {
        let scene = Scene::new(b"half a file", block).swapped(old, new);
        let (hash, told) = scene.version();
        assert_eq!(hash, new.hash, "{block}");
        let good = "[alpha_spot] [WARNING] is to run its last good version";
        for part in [good, &new.hash[..12], why] {
            assert!(told.contains(part), "no {part:?} in: {told}");
        }
    }
}

#[test]
fn the_hash_that_the_configuration_wants_wins_over_what_was_adopted() {
    let Built { old, new, .. } = built();
    let pinned = format!("adapter_sha256: {}", old.hash.to_uppercase());
    let scene = Scene::new(&old.bytes, &pinned).swapped(old, new);
    assert_eq!(scene.version(), (old.hash.clone(), String::new()));
    // The other way round, only the adopted one may run.
    let pinned = format!("adapter: x.wasm\n    adapter_sha256: {}", new.hash);
    let scene = Scene::new(&old.bytes, &pinned).swapped(old, new);
    let (hash, told) = scene.version();
    assert_eq!(hash, new.hash);
    assert!(told.contains("the configuration wants"), "{told}");
}

#[test]
fn without_its_file_the_last_good_version_cannot_run_and_the_folder_does() {
    let Built { old, new, .. } = built();
    let scene = Scene::new(&old.bytes, "").swapped(old, new);
    let kept = format!("data/versions/{}.wasm", new.hash);
    std::fs::write(scene.folder.path().join(kept), "half a file").unwrap();
    let (hash, told) = scene.version();
    assert_eq!(hash, old.hash);
    for part in ["[WARNING]", &new.hash[..12], "its file was not kept"] {
        assert!(told.contains(part), "no {part:?} in: {told}");
    }
}

#[test]
fn a_damaged_record_holds_no_session_up() {
    let Built { old, new, .. } = built();
    let scene = Scene::new(&old.bytes, "").swapped(old, new);
    let record = scene.folder.path().join("data/versions/adopted.json");
    std::fs::write(record, "{").unwrap();
    assert_eq!(scene.version(), (old.hash.clone(), String::new()));
}
