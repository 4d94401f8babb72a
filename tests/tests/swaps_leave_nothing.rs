//! After hundreds of swaps the process is as it was. Alone in its file: it looks at the whole process, and other tests
//! would be seen in it.
//!
//! MARKETPRISM_LEAK_SWAPS says how many instead; by hand 10,000.

use std::time::{Duration, Instant};

use marketprism_host::status::{Operation, Stage};
use marketprism_host::supervisor::{RestartPolicy, Wanted};
use marketprism_tests::daemon::PATIENCE;
use marketprism_tests::exchange::{Limits, MarketSource, Settings, Simulator, Source};
use marketprism_tests::fleet::{Fleet, hostile_plan};
use marketprism_tests::hostile;
use marketprism_tests::process::{self, Figures, threads_named};
use marketprism_tests::versions::{candidate, version};
use serde_json::json;

/// How many swaps there are, unless the environment says it.
const SWAPS: usize = 300;
const SWAPS_NAME: &str = "MARKETPRISM_LEAK_SWAPS";

/// Swaps after which everything that is kept on purpose is there: a fleet remembers 200 operations.
const SWAPS_BEFORE: usize = 60;

/// One swap is under way in a fleet at a time, and most of it is waiting.
const FLEETS: usize = 10;

/// The only session of each.
const NAME: &str = "hostile";

/// Resident memory may differ by this much: the exchange in this process remembers each connection, and allocators keep
/// what they are given back.
const SLACK_BYTES: u64 = 32 << 20;

/// Has the versions follow each other so often in all fleets together.
fn swap(fleets: &[Fleet], versions: &[Vec<u8>; 2], count: usize) {
    for bytes in versions.iter().cycle().take(count.div_ceil(fleets.len())) {
        let begin = |fleet: &Fleet| fleet.replace(NAME, Wanted::Swap(candidate(bytes)));
        let begun: Vec<_> = fleets.iter().map(begin).collect();
        for (fleet, operation) in fleets.iter().zip(begun) {
            let operation = operation.expect("an operation");
            let over = until(&|| fleet.operation(operation), &|it: &Operation| {
                it.stage == Stage::Probation || it.stage.is_end()
            });
            assert_ne!(over.stage, Stage::Refused, "{over:?}");
        }
    }
}

/// Looks until it is so; what was seen last when it does not become so in time.
fn until<T>(look: &dyn Fn() -> T, is_so: &dyn Fn(&T) -> bool) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        if is_so(&seen) || Instant::now() >= end {
            return seen;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// The figures once only the versions at work are left, and no more than `at_most`.
fn settled(exchange: &Simulator, at_most: Option<Figures>) -> Figures {
    let counts = || (threads_named(NAME), exchange.connections_now());
    let only = (FLEETS, FLEETS);
    assert_eq!(until(&counts, &|now| *now == only), only);
    until(&process::figures, &|now| {
        at_most
            .is_none_or(|most| now.threads <= most.threads && now.descriptors <= most.descriptors)
    })
}

#[test]
fn after_hundreds_of_swaps_memory_threads_and_descriptors_are_where_they_were() {
    let told = std::env::var(SWAPS_NAME).ok();
    let count = told.map_or(SWAPS, |text| text.parse().expect("a number"));
    let exchange = Simulator::start(Settings {
        source: Source::Market(MarketSource {
            symbols: vec!["BTCUSDT".to_owned()],
            history_changes_max: 10_000,
            ..MarketSource::default()
        }),
        limits: Limits {
            connections_max: usize::MAX,
            ..Limits::default()
        },
        ledger_entries_max: 1_000,
        trades_max: 1_000,
        ..Settings::default()
    })
    .expect("an exchange");
    let policy = RestartPolicy::default();
    let plan = || vec![hostile_plan(&exchange, json!({}))];
    let fleets: Vec<_> = (0..FLEETS)
        .map(|_| Fleet::start(plan(), None, policy))
        .collect();
    let wasm = hostile::wasm();
    let versions = [version(&wasm, 1), version(&wasm, 2)];
    swap(&fleets, &versions, SWAPS_BEFORE);
    let before = settled(&exchange, None);
    swap(&fleets, &versions, count);
    let after = settled(&exchange, Some(before));
    println!("{count} swaps: from {before:?} to {after:?}");
    assert!(after.threads <= before.threads, "threads");
    assert!(after.descriptors <= before.descriptors, "descriptors");
    assert!(
        after.resident_bytes <= before.resident_bytes + SLACK_BYTES,
        "memory: from {before:?} to {after:?}"
    );
}
