//! What a session leaves to JetStream, and the sign of life that the daemon gives.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use marketprism_host::bus::{Deposit, OldSubjects, Outbox, Settings, Trunk};
use marketprism_host::session::World as _;
use marketprism_host::wire::{DataType, Message, Source};
use marketprism_host::world::{Fence, LiveParts, LiveWorld};
use marketprism_host::{rest, ws};
use marketprism_tests::daemon::{Block, Daemon};
use marketprism_tests::exchange::{self as simulated, Simulator};
use serde_json::Value;
use tempfile::TempDir;

use crate::data::datum;
use crate::{PATIENCE, server, settings, until};

/// A session's world with a way to JetStream, between two moments of its life.
fn world(settings: Settings, deposit: Deposit) -> LiveWorld {
    let budgets = rest::Budgets::new(rest::Limit::per_minute(6_000));
    let (_, stop) = tokio::sync::watch::channel(false);
    LiveWorld::new(LiveParts {
        dialer: ws::Dialer::new(ws::Settings::default(), ws::Attempts::default()).unwrap(),
        client: rest::Client::new(rest::Settings::default(), budgets).unwrap(),
        bus: Some(settings),
        deposit: Some(deposit),
        venue: "alpha_perpetual".into(),
        outbox: Outbox::new(100, 1 << 20),
        seed: 1,
        recorder: None,
        stop,
        fence: Fence::default(),
        standby: false,
    })
}

#[tokio::test]
async fn a_session_leaves_to_jetstream_what_a_stream_keeps_and_says_all_of_it_on_old_subjects_too()
{
    let server = server();
    let spool = TempDir::new().unwrap();
    let settings = Settings {
        old_subjects: Some(OldSubjects::Core),
        ..settings(server.address(), spool.path(), Duration::from_secs(1))
    };
    let trunk = Trunk::start(settings.clone()).unwrap();
    let deposit = trunk.remote().deposit("alpha");
    let client = async_nats::connect(server.address()).await.unwrap();
    let mut heard = client.subscribe("*.*.perpetual.>").await.unwrap();
    client.flush().await.unwrap();

    let mut world = world(settings, deposit.clone());
    let source = std::sync::Arc::new(Source {
        exchange: "alpha".to_owned(),
        market_type: "perpetual",
        exchange_symbol: "BTCUSDT".to_owned(),
    });
    let rate = Message {
        source: source.clone(),
        ..datum("alpha", 0)
    };
    let trade = Message {
        subject: "trade.alpha.perpetual.BTC-USDT".into(),
        msg_id: None,
        payload: "{}".into(),
        data_type: DataType::Trade,
        transport: DataType::Trade.transport(),
        source,
        stamp: rate.stamp,
    };
    for message in [rate, trade] {
        world.publish(message);
    }
    assert_eq!(world.drain().await, 0);
    until(&deposit, "stored", |it| it.stored == 1).await;
    let mut subjects = BTreeMap::new();
    while subjects.len() < 4 {
        let message = tokio::time::timeout(PATIENCE, heard.next()).await.unwrap();
        let message = message.unwrap();
        subjects.insert(message.subject.to_string(), message.reply.is_some());
    }
    let wanted = [
        ("funding_rate.alpha.perpetual.BTC-USDT", true),
        ("funding_rate.alpha_perpetual.perpetual.BTC-USDT", false),
        ("trade.alpha.perpetual.BTC-USDT", false),
        ("trade.alpha_perpetual.perpetual.BTC-USDT", false),
    ];
    assert_eq!(
        subjects,
        wanted.map(|(it, reply)| (it.to_owned(), reply)).into()
    );
    // Both ways count as delivered.
    let delivered = world.delivered();
    assert!(
        subjects
            .keys()
            .all(|it| delivered.subjects[&**it].messages == 1)
    );
    trunk.finish().await;
}

#[tokio::test]
async fn the_daemon_gives_a_sign_of_life_with_what_the_old_collector_said() {
    let server = server();
    let client = async_nats::connect(server.address()).await.unwrap();
    let mut heard = client.subscribe("health.collector.*").await.unwrap();
    client.flush().await.unwrap();
    let exchange = Simulator::start(simulated::Settings::of_symbols(&["BTCUSDT"])).unwrap();
    let block = Block {
        symbols: &["BTCUSDT"],
        ..Block::USUAL
    };
    let mut daemon = Daemon::start(&exchange, server.address(), &[block]);
    let sign = tokio::time::timeout(PATIENCE, heard.next()).await.unwrap();
    let sign = sign.unwrap();
    let said: Value = serde_json::from_slice(&sign.payload).unwrap();
    let instance = said["instance"].as_str().unwrap();
    assert_eq!(
        sign.subject.as_str(),
        format!("health.collector.{instance}")
    );
    assert_eq!(said["service"], "collector");
    assert_eq!(said["pid"], std::process::id());
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(
        said["ts"].as_u64().is_some_and(|ts| now - ts < 60),
        "{said}"
    );
    for figure in ["uptime_sec", "active_managers", "rss"] {
        assert!(said[figure].is_u64(), "{figure}: {said}");
    }
    assert!(said["exchanges"].is_array() && said["hostname"].is_string());
    daemon.stop();
}
