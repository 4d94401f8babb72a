//! Which adapter a block gets, with the adapters as they are built.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::path::Path;

use marketprism_host::adapter_folder::{self, FolderError};
use marketprism_host::limits::Limits;
use marketprism_host::sandbox::{Adapter, Engine, Grant};

fn find(file: Option<&str>, venue: &str) -> Result<Adapter, FolderError> {
    let built = marketprism_tests::adapter("binance");
    let (engine, limits) = (Engine::new(None).unwrap(), Limits::default());
    let folder = built.parent().unwrap();
    adapter_folder::find(
        &engine,
        folder,
        file.map(Path::new),
        venue,
        &Grant::default(),
        &limits,
    )
    .map(|found| found.adapter)
}

#[test]
fn the_adapter_that_serves_an_exchange_is_found_with_and_without_its_name() {
    for file in [None, Some("binance.wasm")] {
        let adapter = find(file, "binance_spot").unwrap();
        assert_eq!(adapter.description().name, "binance");
    }
}

#[test]
fn an_adapter_of_another_exchange_is_refused_with_what_it_serves_and_what_to_do() {
    let refused = find(Some("binance.wasm"), "nowhere_spot")
        .err()
        .unwrap()
        .to_string();
    for part in [
        "binance.wasm serves binance_spot",
        "not \"nowhere_spot\"",
        "`adapter: FILE`",
    ] {
        assert!(refused.contains(part), "no {part:?} in: {refused}");
    }
    let refused = find(None, "nowhere_spot").err().unwrap().to_string();
    for part in ["nowhere_spot", "binance.wasm serves binance_spot"] {
        assert!(refused.contains(part), "no {part:?} in: {refused}");
    }
}
