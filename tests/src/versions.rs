//! Versions of adapters for tests of swaps: those that behave alike and differ in their hash only, and faulty ones.

use std::path::Path;
use std::sync::Arc;

use marketprism_host::config::Swap;
use marketprism_host::record::Versions;
use marketprism_host::sandbox::Engine;
use marketprism_host::supervisor::{Candidate, Replacements};

/// Begins the place in the faulty guest where its order stands.
const ORDER: &[u8] = b"marketprism-faulty-order:";

/// Bytes of the order.
const ORDER_BYTES: usize = 23;

/// A version of an adapter that behaves as the others do: its file has a custom section with this number at its end.
#[must_use]
pub fn version(wasm: &[u8], number: u32) -> Vec<u8> {
    const NAME: &[u8] = b"version";
    let mut section = vec![NAME.len() as u8];
    section.extend_from_slice(NAME);
    section.extend_from_slice(&number.to_le_bytes());
    // A custom section: its id, its length, what is in it.
    let head = [0, section.len() as u8];
    [wasm, &head, &section].concat()
}

/// The adapter of Binance that breaks down as this order of the guest says.
///
/// # Panics
/// When the guest was not built, or the order is too long.
#[must_use]
pub fn faulty(order: &str) -> Vec<u8> {
    let mut wasm = std::fs::read(crate::guest("faulty")).expect("the guest");
    let found = wasm
        .windows(ORDER.len())
        .position(|window| window == ORDER)
        .expect("the place of its order");
    let order = format!("{order:ORDER_BYTES$}");
    assert_eq!(order.len(), ORDER_BYTES, "{order:?} is too long");
    let place = found + ORDER.len()..found + ORDER.len() + ORDER_BYTES;
    wasm[place].copy_from_slice(order.as_bytes());
    wasm
}

/// A version that is to be tried.
#[must_use]
pub fn candidate(bytes: &[u8]) -> Candidate {
    Candidate {
        bytes: bytes.to_vec(),
        source: "a test".to_owned(),
    }
}

/// What versions need to follow each other; kept in this folder, and compiled once each.
///
/// # Panics
/// When there is no engine.
#[must_use]
pub fn replacements(data: &Path, times: Swap) -> Replacements {
    let engine = Engine::new(Some(&data.join("cache"))).expect("the engine");
    Replacements::new(engine, Arc::new(Versions::below(data)), times)
}

#[cfg(test)]
mod tests {
    use marketprism_host::limits::Limits;
    use marketprism_host::sandbox::{Adapter, Grant};

    use super::*;

    #[test]
    fn versions_are_adapters_with_hashes_of_their_own() {
        let engine = crate::hostile::engine();
        let load = |bytes: &[u8]| {
            let adapter = Adapter::load(engine, bytes, &Grant::default(), &Limits::default());
            adapter.unwrap_or_else(|refusal| panic!("{refusal}"))
        };
        let wasm = crate::hostile::wasm();
        let all = [&wasm, &version(&wasm, 1), &version(&wasm, 2)].map(|it| load(it));
        let hashes: std::collections::BTreeSet<_> = all.iter().map(Adapter::sha256).collect();
        assert_eq!(hashes.len(), all.len());
        let names = all.map(|it| it.description().name.clone());
        assert_eq!(names, ["hostile"; 3]);
    }
}
