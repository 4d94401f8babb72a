//! How streams are made and kept as configured, and a server that has none.

use std::time::Duration;

use futures_util::StreamExt as _;
use marketprism_host::bus::{Settings, Storing, Trunk};
use marketprism_tests::nats_server::NatsServer;
use serde_json::json;
use tempfile::TempDir;

use crate::data::datum;
use crate::{PATIENCE, reader, server, settings, until};

#[tokio::test]
async fn a_stream_is_made_and_brought_up_to_date_and_keeps_what_is_not_configured() {
    let server = server();
    let reader = reader(&server).await;
    let spool = TempDir::new().unwrap();
    let window = Duration::from_secs(1);
    let run = async |settings: Settings, number: u64| {
        let trunk = Trunk::start(settings).unwrap();
        let deposit = trunk.remote().deposit("alpha");
        deposit.put(datum("alpha", number));
        let figures = until(&deposit, "stored", |it| it.stored == 1).await;
        trunk.finish().await;
        figures
    };
    run(settings(server.address(), spool.path(), window), 0).await;
    let mut config = reader.ask("INFO", &json!({})).await["config"].take();
    assert_eq!(config["max_msgs"], 5_000_000);
    assert_eq!(config["duplicate_window"], 1_000_000_000);
    assert_eq!(config["storage"], "file");

    config["description"] = json!("somebody's words");
    reader.ask("UPDATE", &config).await;
    let mut changed = settings(server.address(), spool.path(), window * 2);
    if let Some(jetstream) = &mut changed.jetstream {
        jetstream.streams[0].max_msgs = 4_000_000;
        jetstream.streams[0].subjects.push("more.>".to_owned());
    }
    run(changed.clone(), 1).await;
    let config = reader.ask("INFO", &json!({})).await["config"].take();
    assert_eq!(config["max_msgs"], 4_000_000);
    assert_eq!(config["duplicate_window"], 2_000_000_000);
    assert_eq!(config["description"], "somebody's words");
    assert_eq!(config["subjects"].as_array().map(Vec::len), Some(7));

    // A server refuses to change where messages are kept: that is told, and messages are stored all the same.
    if let Some(jetstream) = &mut changed.jetstream {
        jetstream.streams[0].storage = "memory";
    }
    let figures = run(changed, 2).await;
    assert!(figures.dropped.is_empty(), "{figures:?}");
    assert_eq!(reader.everything().await.len(), 3);
}

#[tokio::test]
async fn without_jetstream_on_the_server_messages_wait_and_the_reason_is_told() {
    let server = NatsServer::start("").unwrap();
    let spool = TempDir::new().unwrap();
    let trunk = Trunk::start(settings(
        server.address(),
        spool.path(),
        Duration::from_secs(1),
    ))
    .unwrap();
    let remote = trunk.remote();
    let deposit = remote.deposit("alpha");
    deposit.put(datum("alpha", 0));
    let is_told = |it: &Storing| {
        let problem = it.problem.as_deref().unwrap_or_default();
        problem.contains("JetStream is not enabled")
    };
    let figures = until(&deposit, "told", is_told).await;
    assert!(
        figures.stream_failures > 0 && figures.waiting == 1,
        "{figures:?}"
    );
    // What is not stored goes out all the same.
    let client = async_nats::connect(server.address()).await.unwrap();
    let mut heard = client.subscribe("health.>").await.unwrap();
    client.flush().await.unwrap();
    remote.say("health.collector.test".to_owned(), "{}".into());
    let sign = tokio::time::timeout(PATIENCE, heard.next()).await.unwrap();
    assert_eq!(sign.unwrap().subject.as_str(), "health.collector.test");
    trunk.finish().await;
}
