//! What JetStream promised, against a real nats-server: every datum is stored exactly once and in the order of its
//! subject, however long the server is away, and when the daemon's process is killed.
//!
//! `MARKETPRISM_FULL_LENGTH=1` takes the outages and the duplicate window at full length: 20 times 5 s, 60 s and 180 s
//! with a window of 120 s, about eight minutes. Otherwise all of them are shorter by the same order.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[path = "jetstream/data.rs"]
mod data;
#[path = "jetstream/outages.rs"]
mod outages;
#[path = "jetstream/session.rs"]
mod session;
#[path = "jetstream/spool.rs"]
mod spool;
#[path = "jetstream/streams.rs"]
mod streams;

use std::path::Path;
use std::time::{Duration, Instant};

use marketprism_host::bus::{
    Deposit, JetStreamSettings, Settings, SpoolBounds, Storing, StreamSettings,
};
use marketprism_host::wire::{DataType, Transport};
use marketprism_tests::nats_server::NatsServer;
use marketprism_tests::stream_reader::StreamReader;
use tempfile::TempDir;

/// Longest time that anything here may take, outages apart.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at figures.
const LOOK_EVERY: Duration = Duration::from_millis(10);

const STREAM: &str = "MARKET_DATA";

fn server() -> NatsServer {
    let dir = TempDir::new().unwrap();
    let config = format!("jetstream {{ store_dir: {:?} }}", dir.path().join("js"));
    NatsServer::start_in(dir, &config).unwrap()
}

fn market_data(duplicate_window: Duration) -> StreamSettings {
    let kept = DataType::ALL
        .into_iter()
        .filter(|it| it.transport() == Transport::Stream);
    StreamSettings {
        name: STREAM.to_owned(),
        subjects: kept.map(|it| format!("{}.>", it.name())).collect(),
        retention: "limits",
        max_msgs: 5_000_000,
        max_bytes: 2 << 30,
        max_age: Duration::from_secs(172_800),
        max_consumers: 50,
        replicas: 1,
        storage: "file",
        discard: "old",
        duplicate_window,
    }
}

fn settings(address: String, spool: &Path, window: Duration) -> Settings {
    Settings {
        servers: vec![address],
        connect_timeout: Duration::from_secs(1),
        jetstream: Some(JetStreamSettings {
            streams: vec![market_data(window)],
            ack_timeout: Duration::from_secs(2),
            spool: spool.to_owned(),
            bounds: SpoolBounds::default(),
        }),
        ..Settings::default()
    }
}

async fn reader(server: &NatsServer) -> StreamReader {
    StreamReader::of(server.address(), STREAM).await
}

/// Looks at the figures until they are as wanted.
async fn until(deposit: &Deposit, what: &str, is_it: impl Fn(&Storing) -> bool) -> Storing {
    let begun = Instant::now();
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        look.tick().await;
        let figures = deposit.figures();
        if is_it(&figures) {
            return figures;
        }
        assert!(begun.elapsed() < PATIENCE, "not {what}: {figures:?}");
    }
}
