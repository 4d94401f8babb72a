//! After ten thousand faults and restarts, each with a connection that was open, the process is as it was. Alone in its
//! file: it looks at the whole process, and other tests would be seen in it.

use marketprism_host::session::Session;
use marketprism_host::world::LiveWorld;
use marketprism_tests::daemon::{PATIENCE, impatient_world};
use marketprism_tests::exchange::{Limits, MarketSource, Settings, Simulator, Source};
use marketprism_tests::fleet::hostile_plan;
use marketprism_tests::process;
use serde_json::json;
use tokio::sync::watch;

/// How often the adapter is stopped and started again.
const ROUNDS: u32 = 10_000;

/// Rounds after which everything that is kept on purpose is there.
const ROUNDS_BEFORE: u32 = 500;

/// Resident memory may differ by this much: the exchange in this process remembers each connection, and allocators keep
/// what they are given back.
const SLACK_BYTES: u64 = 32 << 20;

#[test]
fn after_ten_thousand_restarts_memory_threads_and_sockets_are_where_they_were() {
    let exchange = Simulator::start(Settings {
        source: Source::Market(MarketSource {
            symbols: vec!["BTCUSDT".to_owned()],
            orders_per_second: 10_000,
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("tokio");
    runtime.block_on(async {
        let (_stop, stopping) = watch::channel(false);
        // A fault without a backtrace: reading one takes longer than all the rest, and leaves nothing either (see the
        // tests of hostile adapters).
        let plan = hostile_plan(&exchange, json!({"misbehaviour": "undeclared_instrument"}));
        let mut session = Session::new(plan, impatient_world(None, stopping)).expect("an instance");
        rounds(&mut session, ROUNDS_BEFORE).await;
        let before = settled(&exchange);
        rounds(&mut session, ROUNDS).await;
        let after = settled(&exchange);
        println!("from {before:?} to {after:?}");
        assert_eq!(session.tally().faults, u64::from(ROUNDS_BEFORE + ROUNDS));
        assert_eq!(after.threads, before.threads, "threads");
        assert_eq!(after.descriptors, before.descriptors, "descriptors");
        assert!(
            after.resident_bytes <= before.resident_bytes + SLACK_BYTES,
            "memory: from {before:?} to {after:?}"
        );
    });
}

/// Starts the adapter and lets it fault at its first frame, so often.
async fn rounds(session: &mut Session<LiveWorld>, count: u32) {
    for _ in 0..count {
        session.restart().expect("the next start");
        while session.step().await.is_ok() {}
    }
    session.abandon();
    // The tasks of what was dropped end when they are next run.
    while session.world().sockets().tcp_open > 0 {
        tokio::task::yield_now().await;
    }
}

/// The figures once both ends of every connection are closed.
fn settled(exchange: &Simulator) -> process::Figures {
    assert!(exchange.eventually(PATIENCE, |it| it.connections_now() == 0));
    process::figures()
}
