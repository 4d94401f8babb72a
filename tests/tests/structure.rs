//! The invariants of ARCHITECTURE.md that can be read off the source.

use std::path::{Path, PathBuf};

/// Every Rust file below a folder, with its text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            found.push((path, text));
        }
    }
    assert!(!found.is_empty(), "no source in {}", folder.display());
    found
}

/// The room of the host that a file belongs to: its folder, or its own name.
fn room(path: &Path) -> String {
    let inside = path
        .strip_prefix(marketprism_tests::workspace().join("host/src"))
        .expect("a file of the host");
    let first = inside.components().next().expect("a name");
    Path::new(&first)
        .file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned()
}

fn host() -> Vec<(PathBuf, String)> {
    sources(&marketprism_tests::workspace().join("host/src"))
}

#[test]
fn no_exchange_is_named_in_the_host() {
    for (path, text) in sources(&marketprism_tests::workspace().join("host")) {
        let text = text.to_lowercase();
        for name in ["binance", "okx", "deribit"] {
            assert!(!text.contains(name), "{} names {name}", path.display());
        }
    }
}

#[test]
fn one_room_names_each_big_dependency() {
    let owners: [(&str, &[&str]); 15] = [
        ("wasmtime::", &["sandbox"]),
        ("wit_component::", &["sandbox"]),
        ("async_nats::", &["bus"]),
        ("serde_saphyr::", &["config"]),
        ("cap_std::", &["adapter_folder", "bus", "record"]),
        ("tracing_subscriber::", &["logs"]),
        ("sha2::", &["sandbox"]),
        ("tokio_tungstenite::", &["ws"]),
        ("hyper::", &["command", "rest", "serve"]),
        ("hyper_util::", &["command", "rest", "serve"]),
        ("axum::", &["serve"]),
        ("subtle::", &["serve"]),
        ("prometheus::", &["metrics"]),
        ("procfs::", &["process"]),
        ("rustix::", &["process"]),
    ];
    for (dependency, rooms) in owners {
        let mut used = false;
        for (path, text) in host() {
            if text.contains(dependency) {
                used = true;
                assert!(
                    rooms.contains(&room(&path).as_str()),
                    "{} names {dependency}, which is for {rooms:?}",
                    path.display()
                );
            }
        }
        assert!(used, "nobody names {dependency} any more");
    }
}

#[test]
fn calls_run_one_way() {
    // Each room, and the rooms that it may know.
    let may_know: [(&str, &[&str]); 27] = [
        (
            "main",
            &["adapter_folder", "bus", "command", "config", "logs"],
        ),
        (
            "command",
            &[
                "adapter_folder",
                "bus",
                "compare",
                "config",
                "limits",
                "record",
                "replay",
                "run",
                "sandbox",
                "secret",
                "session",
                "supervisor",
                "tail",
                "view",
                "wire",
                "world",
            ],
        ),
        (
            "run",
            &[
                "adapter_folder",
                "bus",
                "config",
                "heartbeat",
                "metrics",
                "record",
                "rest",
                "serve",
                "session",
                "status",
                "supervisor",
                "view",
                "ws",
            ],
        ),
        ("heartbeat", &["bus", "process", "status"]),
        (
            "supervisor",
            &[
                "adapter_folder",
                "bus",
                "compare",
                "config",
                "distribution",
                "limits",
                "process",
                "record",
                "rest",
                "sandbox",
                "session",
                "status",
                "wire",
                "world",
                "ws",
            ],
        ),
        (
            "replay",
            &[
                "bus", "compare", "record", "sandbox", "session", "status", "view", "wire", "world",
            ],
        ),
        ("compare", &["wire"]),
        (
            "serve",
            &[
                "bus",
                "config",
                "limits",
                "metrics",
                "process",
                "rest",
                "sandbox",
                "secret",
                "status",
                "supervisor",
                "wire",
            ],
        ),
        (
            "metrics",
            &[
                "bus",
                "distribution",
                "process",
                "record",
                "sandbox",
                "session",
                "status",
                "wire",
                "ws",
            ],
        ),
        ("view", &["sandbox", "status", "wire"]),
        (
            "status",
            &[
                "bus",
                "distribution",
                "limits",
                "rest",
                "sandbox",
                "session",
                "wire",
                "ws",
            ],
        ),
        (
            "world",
            &["bus", "record", "rest", "sandbox", "session", "wire", "ws"],
        ),
        (
            "session",
            &[
                "config",
                "distribution",
                "limits",
                "record",
                "sandbox",
                "wire",
            ],
        ),
        ("distribution", &[]),
        ("process", &[]),
        ("tail", &["bus", "wire"]),
        ("adapter_folder", &["limits", "sandbox"]),
        ("sandbox", &["limits"]),
        ("wire", &["sandbox"]),
        ("bus", &["distribution", "secret", "wire"]),
        ("record", &["limits", "sandbox", "wire"]),
        ("ws", &["secret"]),
        ("rest", &["secret"]),
        ("config", &["limits", "secret"]),
        ("limits", &[]),
        ("logs", &[]),
        ("secret", &[]),
    ];
    for (path, text) in host() {
        let room = room(&path);
        if room == "lib" {
            continue;
        }
        let (_, known) = may_know
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{room} is a new room: say here whom it may know"));
        for (other, _) in may_know {
            let names_it = [
                format!("crate::{other}::"),
                format!("marketprism_host::{other}::"),
            ]
            .iter()
            .any(|prefix| text.contains(prefix.as_str()))
                || text.contains(&format!("crate::{other};"));
            assert!(
                !names_it || other == room || known.contains(&other),
                "{} knows {other}, which {room} must not",
                path.display()
            );
        }
    }
}

#[test]
fn the_host_forbids_unsafe_code() {
    let lib = marketprism_tests::workspace().join("host/src/lib.rs");
    let text = std::fs::read_to_string(lib).expect("lib.rs");
    assert!(text.contains("#![forbid(unsafe_code)]"));
}
