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

use std::collections::{BTreeMap, HashSet};
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use marketprism_host::bus::{
    Deposit, JetStreamSettings, OldSubjects, Outbox, Settings, SpoolBounds, Storing,
    StreamSettings, Trunk,
};
use marketprism_host::session::World as _;
use marketprism_host::wire::{DataType, Message, Source, Stamp, Transport};
use marketprism_host::world::{Fence, LiveParts, LiveWorld};
use marketprism_host::{rest, ws};
use marketprism_tests::daemon::{Block, Daemon};
use marketprism_tests::exchange::{self as simulated, Simulator};
use marketprism_tests::nats_server::NatsServer;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest time that anything here may take, outages apart.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at figures.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Tells the child process of a test where the server and the spool are.
const CHILD: &str = "MARKETPRISM_TEST_CHILD";

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

fn now_ns() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}

/// One datum of a session: each is of another subject than the one before.
fn datum(session: &str, number: u64) -> Message {
    const TYPES: [DataType; 3] = [
        DataType::FundingRate,
        DataType::OpenInterest,
        DataType::Liquidation,
    ];
    let data_type = TYPES[usize::try_from(number % 3).unwrap()];
    let symbol = ["BTC-USDT", "ETH-USDT"][usize::try_from(number / 3 % 2).unwrap()];
    let now = now_ns();
    Message {
        subject: format!("{}.{session}.perpetual.{symbol}", data_type.name()).into(),
        msg_id: Some(format!("{}:{session}:{symbol}:{number}", data_type.name())),
        payload: Bytes::from(format!("{{\"number\":{number},\"rest\":\"{:400}\"}}", "")),
        data_type,
        transport: data_type.transport(),
        source: Default::default(),
        stamp: Stamp {
            published_ns: now,
            received_ns: now,
        },
    }
}

/// Somebody who asks the server.
struct Reader(async_nats::Client);

impl Reader {
    async fn of(server: &NatsServer) -> Self {
        Self(async_nats::connect(server.address()).await.unwrap())
    }

    async fn ask(&self, what: &str, body: &Value) -> Value {
        let subject = format!("$JS.API.STREAM.{what}.{STREAM}");
        let asked = Instant::now();
        loop {
            let answer = self
                .0
                .request(subject.clone(), body.to_string().into())
                .await;
            match answer {
                Ok(answer) => return serde_json::from_slice(&answer.payload).unwrap(),
                Err(error) => assert!(asked.elapsed() < PATIENCE, "{what}: {error}"),
            }
        }
    }

    /// Subject and id of every message of the stream, in its order.
    async fn everything(&self) -> Vec<(String, String)> {
        let info = self.ask("INFO", &json!({})).await;
        let last = info["state"]["last_seq"].as_u64().unwrap();
        stream::iter(1..=last)
            .map(async |number| {
                let answer = self.ask("MSG.GET", &json!({ "seq": number })).await;
                let message = &answer["message"];
                let headers = message["hdrs"].as_str().unwrap_or_default();
                let headers = BASE64_STANDARD.decode(headers).unwrap();
                let headers = String::from_utf8(headers).unwrap();
                let id = headers
                    .lines()
                    .find_map(|line| line.strip_prefix("Nats-Msg-Id:"));
                let subject = message["subject"].as_str().unwrap_or_default().to_owned();
                (subject, id.unwrap_or_default().trim().to_owned())
            })
            .buffered(64)
            .collect()
            .await
    }
}

/// Every datum of these sessions is there once, those of a subject in their order.
fn assert_each_once(stored: &[(String, String)], sessions: &[(&str, u64)]) {
    let ids: HashSet<&String> = stored.iter().map(|(_, id)| id).collect();
    for (session, count) in sessions {
        let missing: Vec<String> = (0..*count)
            .filter_map(|number| datum(session, number).msg_id)
            .filter(|id| !ids.contains(id))
            .collect();
        assert!(missing.is_empty(), "{} missing: {missing:?}", missing.len());
    }
    let mut seen = HashSet::new();
    let doubles: Vec<_> = stored.iter().filter(|(_, id)| !seen.insert(id)).collect();
    assert!(doubles.is_empty(), "{} doubles: {doubles:?}", doubles.len());
    let wanted: u64 = sessions.iter().map(|(_, count)| count).sum();
    assert_eq!(stored.len() as u64, wanted);
    let mut lasts: BTreeMap<&String, u64> = BTreeMap::new();
    for (subject, id) in stored {
        let number: u64 = id.rsplit(':').next().unwrap().parse().unwrap();
        let before = lasts.insert(subject, number);
        assert!(
            before.is_none_or(|it| it < number),
            "{subject}: {number} after {before:?}"
        );
    }
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

#[tokio::test]
async fn the_server_goes_away_again_and_again_under_load_and_every_datum_is_stored_exactly_once() {
    let is_full = std::env::var_os("MARKETPRISM_FULL_LENGTH").is_some();
    let ms = Duration::from_millis;
    let (window, short, long, longest, every) = if is_full {
        (ms(120_000), ms(5_000), ms(60_000), ms(180_000), ms(10))
    } else {
        (ms(1_000), ms(100), ms(1_000), ms(3_000), ms(2))
    };
    let mut server = server();
    let spool = TempDir::new().unwrap();
    let trunk = Trunk::start(settings(server.address(), spool.path(), window)).unwrap();
    let names = ["alpha", "beta"];
    let deposits = names.map(|name| trunk.remote().deposit(name));

    // The load: one datum of each session every few milliseconds, until it is told to end.
    let (end, mut ended) = tokio::sync::oneshot::channel::<()>();
    let loaded = deposits.clone();
    let load = tokio::spawn(async move {
        let mut next = tokio::time::interval(every);
        let mut count = 0;
        loop {
            tokio::select! {
                _ = next.tick() => {}
                _ = &mut ended => return count,
            }
            for (name, deposit) in names.iter().zip(&loaded) {
                let message = datum(name, count);
                assert!(deposit.takes(&message));
                deposit.put(message);
            }
            count += 1;
        }
    });

    let mut outages = vec![short; 20];
    outages.extend([long, longest]);
    for outage in outages {
        let before = deposits[0].figures().stored;
        until(&deposits[0], "storing", |it| it.stored > before + 20).await;
        server.kill();
        tokio::time::sleep(outage).await;
        server.restart().unwrap();
    }
    end.send(()).unwrap();
    let count = load.await.unwrap();
    for deposit in &deposits {
        let figures = until(deposit, "all stored", |it| it.stored >= count).await;
        assert_eq!(figures.stored, count, "{figures:?}");
        assert!(figures.dropped.is_empty(), "{figures:?}");
        eprintln!(
            "{count} messages: {} sent again, {} found stored",
            figures.resent, figures.known
        );
    }
    let stored = Reader::of(&server).await.everything().await;
    assert_each_once(&stored, &names.map(|name| (name, count)));
    trunk.finish().await;
}

#[tokio::test]
async fn a_server_that_stands_still_longer_than_the_duplicate_window_gets_no_datum_twice() {
    let server = server();
    let spool = TempDir::new().unwrap();
    let window = Duration::from_millis(500);
    let mut settings = settings(server.address(), spool.path(), window);
    if let Some(jetstream) = &mut settings.jetstream {
        jetstream.ack_timeout = Duration::from_millis(200);
    }
    let trunk = Trunk::start(settings).unwrap();
    let deposit = trunk.remote().deposit("alpha");
    for number in 0..10 {
        deposit.put(datum("alpha", number));
    }
    until(&deposit, "stored", |it| it.stored == 10).await;
    // What is sent now waits in the server's socket; some of it may be stored and not acknowledged.
    for number in 10..200 {
        if number == 100 {
            server.pause();
        }
        deposit.put(datum("alpha", number));
    }
    tokio::time::sleep(window * 4).await;
    server.go_on();
    let figures = until(&deposit, "all stored", |it| it.stored == 200).await;
    assert!(figures.dropped.is_empty(), "{figures:?}");
    let stored = Reader::of(&server).await.everything().await;
    assert_each_once(&stored, &[("alpha", 200)]);
    trunk.finish().await;
}

/// In a process of its own, for the test after it: leaves messages and waits to be killed.
#[tokio::test]
async fn leaves_messages_when_it_is_told_to() {
    let Ok(told) = std::env::var(CHILD) else {
        return;
    };
    let (address, spool) = told.split_once(' ').unwrap();
    let window = Duration::from_millis(200);
    let trunk = Trunk::start(settings(address.to_owned(), Path::new(spool), window)).unwrap();
    let deposit = trunk.remote().deposit("alpha");
    for number in 0..500 {
        deposit.put(datum("alpha", number));
        if number % 50 == 49 {
            until(&deposit, "taken", |it| it.stored + it.waiting > number).await;
        }
    }
    println!("waiting");
    std::future::pending::<()>().await;
}

/// Runs the test above in a process until it has left everything, and kills it.
fn leave_and_be_killed(address: &str, spool: &Path) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "leaves_messages_when_it_is_told_to",
            "--nocapture",
        ])
        .env(CHILD, format!("{address} {}", spool.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut heard = String::new();
    let mut output = child.stdout.take().unwrap();
    let mut bytes = [0; 256];
    while !heard.contains("waiting") {
        let count = output.read(&mut bytes).unwrap();
        assert!(count > 0, "the child ended: {heard}");
        heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn what_waits_when_the_process_is_killed_is_stored_once_by_the_next_one() {
    let spool = TempDir::new().unwrap();
    // Once with the server away all the time, once in the middle of storing.
    for is_away in [true, false] {
        let mut server = server();
        if is_away {
            server.kill();
        }
        leave_and_be_killed(&server.address(), spool.path());
        server.restart().unwrap();
        let window = Duration::from_millis(200);
        tokio::time::sleep(window * 2).await;
        let trunk = Trunk::start(settings(server.address(), spool.path(), window)).unwrap();
        let deposit = trunk.remote().deposit("alpha");
        // One more of each subject, so that there is something to wait for.
        for number in 500..506 {
            deposit.put(datum("alpha", number));
        }
        let figures = until(&deposit, "all stored", |it| {
            it.stored >= 6 && it.waiting == 0
        })
        .await;
        assert!(figures.dropped.is_empty(), "{figures:?}");
        let stored = Reader::of(&server).await.everything().await;
        assert_each_once(&stored, &[("alpha", 506)]);
        trunk.finish().await;
    }
}

#[tokio::test]
async fn a_torn_end_of_the_spool_costs_what_was_torn_and_is_counted() {
    let spool = TempDir::new().unwrap();
    let mut server = server();
    server.kill();
    leave_and_be_killed(&server.address(), spool.path());
    let mut files: Vec<_> = std::fs::read_dir(spool.path().join("alpha"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "spool"))
        .collect();
    files.sort();
    let last = files.last().unwrap();
    let bytes = std::fs::read(last).unwrap();
    std::fs::write(last, &bytes[..bytes.len() - 10]).unwrap();
    server.restart().unwrap();
    let window = Duration::from_secs(1);
    let trunk = Trunk::start(settings(server.address(), spool.path(), window)).unwrap();
    let deposit = trunk.remote().deposit("alpha");
    let figures = until(&deposit, "stored", |it| it.stored == 499).await;
    assert_eq!(figures.dropped.get("torn"), Some(&1), "{figures:?}");
    let stored = Reader::of(&server).await.everything().await;
    assert_each_once(&stored, &[("alpha", 499)]);
    trunk.finish().await;
}

#[tokio::test]
async fn a_full_spool_drops_the_oldest_and_stores_the_rest() {
    let spool = TempDir::new().unwrap();
    let mut server = server();
    server.kill();
    let mut settings = settings(server.address(), spool.path(), Duration::from_secs(1));
    if let Some(jetstream) = &mut settings.jetstream {
        jetstream.bounds.bytes_max = 64 << 10;
    }
    let trunk = Trunk::start(settings).unwrap();
    let deposit = trunk.remote().deposit("alpha");
    for number in 0..1_000 {
        deposit.put(datum("alpha", number));
    }
    let dropped = |it: &Storing| it.dropped.get("no_room").copied().unwrap_or(0);
    let figures = until(&deposit, "taken", |it| it.waiting + dropped(it) == 1_000).await;
    assert!(
        figures.spool_bytes <= 64 << 10 && figures.waiting > 50,
        "{figures:?}"
    );
    server.restart().unwrap();
    let kept = figures.waiting;
    until(&deposit, "stored", |it| it.stored == kept).await;
    let stored = Reader::of(&server).await.everything().await;
    let numbers: HashSet<u64> = stored
        .iter()
        .map(|(_, id)| id.rsplit(':').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (1_000 - kept..1_000).collect());
    trunk.finish().await;
}

#[tokio::test]
async fn a_stream_is_made_and_brought_up_to_date_and_keeps_what_is_not_configured() {
    let server = server();
    let reader = Reader::of(&server).await;
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
