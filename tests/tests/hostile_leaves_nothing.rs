//! After any number of misbehaving adapters the process is as it was. Alone in its file: it looks at the whole
//! process, and other tests would be seen in it.

use marketprism_tests::hostile::{self, Misbehaviour, Neighbour};
use marketprism_tests::process;

/// Resident memory may differ by this much: allocators keep what they are given back.
const SLACK_BYTES: u64 = 24 << 20;

#[test]
fn memory_threads_and_descriptors_end_where_they_began() {
    let kinds = [
        Misbehaviour::named("panic"),
        Misbehaviour::named("grow_once"),
        Misbehaviour::named("grow_in_loop"),
        Misbehaviour::named("recurse"),
        Misbehaviour::named("many_actions").amount(20_000),
        Misbehaviour::named("many_bytes").amount((8 << 20) + 1),
        Misbehaviour::named("log_flood"),
        Misbehaviour::named("ask_forbidden").address("wss://evil.example/"),
        Misbehaviour::named("unreachable"),
    ];
    let mut neighbour = Neighbour::start();
    let mut round = || {
        for kind in &kinds {
            let mut session = hostile::session(kind);
            hostile::provoke(&mut session).expect_err("it misbehaves");
            session.restart().expect("the next start works");
        }
        neighbour.hears_and_publishes();
    };
    // The first rounds fill what is kept on purpose: the engine's code, allocator arenas.
    round();
    round();
    let before = process::figures();
    for _ in 0..30 {
        round();
    }
    let after = process::figures();
    assert_eq!(after.threads, before.threads, "threads");
    assert_eq!(after.descriptors, before.descriptors, "descriptors");
    assert!(
        after.resident_bytes <= before.resident_bytes + SLACK_BYTES,
        "memory grew from {} to {} bytes",
        before.resident_bytes,
        after.resident_bytes
    );
}
