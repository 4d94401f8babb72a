//! What the daemon tells of itself: the health page, the metrics, and a real Prometheus that reads them.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use marketprism_host::config::{HealthPort, MetricsPort, Monitoring};
use marketprism_tests::daemon::{Block, Daemon, Listener, PATIENCE};
use marketprism_tests::exchange::{Settings, Simulator};
use marketprism_tests::http::{Page, free_port, get};
use marketprism_tests::nats_server::NatsServer;
use serde_json::Value;

/// The metrics that dashboards and alerts of the old collector read.
const READ_BY_NEIGHBOURS: [&str; 13] = [
    "marketprism_nats_messages_published_total",
    "marketprism_nats_messages_published_labeled_total",
    "marketprism_nats_publish_duration_seconds_bucket",
    "marketprism_collector_last_success_timestamp_seconds",
    "marketprism_snapshot_requests_total",
    "marketprism_snapshot_request_duration_seconds_bucket",
    "marketprism_snapshot_reconnections_total",
    "marketprism_snapshot_timeouts_total",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
    "process_open_fds",
    "marketprism_process_cpu_percent",
];

/// An exchange, a NATS server, and a daemon between them that tells of itself.
struct World {
    exchange: Option<Simulator>,
    nats: NatsServer,
    _daemon: Daemon,
    health: u16,
    metrics: u16,
}

impl World {
    fn start() -> Self {
        let (health, metrics) = (free_port(), free_port());
        Self::start_on(health, metrics)
    }

    fn start_on(health: u16, metrics: u16) -> Self {
        let exchange = simulator(settings());
        let nats = NatsServer::start("").expect("nats-server");
        let monitoring = Monitoring {
            health_check: HealthPort {
                enabled: true,
                port: health,
                grace_s: 0,
                token: None,
            },
            metrics: MetricsPort {
                enabled: true,
                port: metrics,
            },
        };
        let blocks = [Block::USUAL];
        let daemon = Daemon::start_watched(&exchange, nats.address(), &blocks, monitoring);
        Self {
            exchange: Some(exchange),
            nats,
            _daemon: daemon,
            health,
            metrics,
        }
    }

    fn health(&self) -> Option<(u16, Value)> {
        let page = get(self.health, "/health").ok()?;
        Some((page.status, serde_json::from_str(&page.body).expect("JSON")))
    }

    /// Waits until the health page satisfies.
    fn healthy_when(&self, what: &str, satisfies: impl Fn(u16, &Value) -> bool) -> Value {
        let mut last = None;
        eventually(what, || {
            last = self.health();
            let (status, page) = last.as_ref()?;
            satisfies(*status, page).then(|| page.clone())
        })
    }

    fn metrics_text(&self) -> String {
        let page = eventually("metrics", || get(self.metrics, "/metrics").ok());
        assert_eq!(page.status, 200);
        assert!(
            page.head.contains("text/plain; version=0.0.4"),
            "{}",
            page.head
        );
        page.body
    }
}

fn settings() -> Settings {
    Settings::of_symbols(Block::USUAL.symbols)
}

fn simulator(settings: Settings) -> Simulator {
    Simulator::start(settings).expect("an exchange")
}

/// Asks again and again until there is an answer.
fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn book_state<'a>(page: &'a Value, symbol: &str) -> Option<&'a str> {
    page["processes"]["binance_spot"]["instruments"][symbol]["book"]["state"].as_str()
}

fn all_synced(page: &Value) -> bool {
    let symbols = Block::USUAL.symbols;
    symbols
        .iter()
        .all(|symbol| book_state(page, symbol) == Some("synced"))
}

#[test]
fn health_tells_the_truth_about_books_connections_and_nats() {
    let mut world = World::start();
    let page = world.healthy_when("everything synced", |status, page| {
        status == 200 && page["status"] == "healthy" && all_synced(page)
    });
    let session = &page["processes"]["binance_spot"];
    assert_eq!(session["state"], "running");
    assert_eq!(session["connections"]["open"], 1);
    assert!(session["memory_mb"].as_f64().is_some_and(|mb| mb > 0.1));
    assert!(session["uptime_seconds"].as_f64().is_some_and(|s| s > 0.0));
    for data_type in ["orderbook", "trade"] {
        let age = &page["coverage"][data_type]["binance"]["age_seconds"];
        assert!(
            age.as_f64().is_some_and(|age| age < 60.0),
            "{data_type}: {age}"
        );
    }
    let stream = &session["instruments"]["BTCUSDT"]["streams"][0];
    assert_eq!(stream["state"], "live");
    assert_eq!(session["instruments"]["BTCUSDT"]["problem"], Value::Null);

    // Nothing can be published: nobody may take that for health.
    world.nats.kill();
    let page = world.healthy_when("NATS is away", |status, page| {
        status == 503 && page["checks"]["nats"]["status"] == "unhealthy"
    });
    assert_eq!(page["status"], "unhealthy");
    world.nats.restart().expect("nats-server");
    world.healthy_when("NATS is back", |status, page| {
        status == 200 && page["status"] == "healthy"
    });

    // The exchange goes away.
    let address = world.exchange.take().expect("an exchange").address();
    let page = world.healthy_when("the exchange is away", |status, _| status == 503);
    let problems = page["processes"]["binance_spot"]["problems"].to_string();
    assert!(
        problems.contains("0 of 1 connections are open"),
        "{problems}"
    );
    assert_eq!(book_state(&page, "BTCUSDT"), Some("stale"));
    world.exchange = Some(simulator(Settings {
        listen: address,
        ..settings()
    }));
    world.healthy_when("the exchange is back", |status, page| {
        status == 200 && page["status"] == "healthy" && all_synced(page)
    });
}

#[test]
fn the_pages_of_the_old_collector_are_there() {
    let world = World::start();
    let page = world.healthy_when("a session", |_, page| {
        page["processes"]["binance_spot"].is_object()
    });
    let fields = |page: &Value| -> BTreeSet<String> {
        page.as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect()
    };
    let wanted = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let old = wanted(&[
        "status",
        "timestamp",
        "version",
        "uptime",
        "checks",
        "metrics",
        "summary",
        "coverage",
        "mode",
        "processes",
    ]);
    assert!(fields(&page).is_superset(&old), "{page}");
    let machine = wanted(&[
        "cpu_percent",
        "memory_percent",
        "memory_used_mb",
        "memory_total_mb",
        "disk_percent",
        "disk_used_gb",
        "disk_total_gb",
        "uptime_seconds",
        "process_count",
    ]);
    assert!(fields(&page["metrics"]).is_superset(&machine), "{page}");
    let check = wanted(&[
        "name",
        "status",
        "last_check",
        "response_time",
        "error_message",
        "details",
    ]);
    assert_eq!(fields(&page["checks"]["nats"]), check);

    let json = |target| -> Value {
        let Page { status, body, .. } = get(world.health, target).expect("a page");
        assert_eq!(status, 200, "{target}");
        serde_json::from_str(&body).expect("JSON")
    };
    assert_eq!(json("/")["pong"], true);
    assert_eq!(json("/ping")["pong"], true);
    assert_eq!(json("/status")["status"], "running");
    assert_eq!(json("/status")["detailed_health"], Value::Null);
    assert_eq!(json("/status?detailed=true")["active_symbols"], 2);
    assert!(json("/version")["version"].is_string());
    assert_eq!(
        get(world.health, "/nowhere").expect("an answer").status,
        404
    );
    assert_eq!(
        get(world.metrics, "/nowhere").expect("an answer").status,
        404
    );
    assert_eq!(get(world.metrics, "/").expect("an answer").status, 200);
}

#[test]
fn promtool_finds_nothing_but_the_one_old_name_and_every_name_that_neighbours_read_is_there() {
    let world = World::start();
    world.healthy_when("everything synced", |_, page| all_synced(page));
    let text = world.metrics_text();
    for name in READ_BY_NEIGHBOURS {
        let is_there = text
            .lines()
            .any(|line| line.starts_with(name) && line[name.len()..].starts_with([' ', '{']));
        assert!(is_there, "{name} is missing in\n{text}");
    }
    assert!(text.contains("marketprism_process_status{process=\"binance_spot\"} 1\n"));
    assert!(text.contains(
        "marketprism_orderbook_synced{exchange=\"binance_spot\",symbol=\"BTCUSDT\"} 1\n"
    ));

    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("promtool: {error}; install it with: apt-get install prometheus")
        });
    promtool
        .stdin
        .take()
        .expect("its input")
        .write_all(text.as_bytes())
        .expect("it reads");
    let output = promtool.wait_with_output().expect("its end");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // The old collector's plan gave this name its unit; whoever reads it shall go on reading it.
    let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        lines,
        ["marketprism_process_memory_mb metric names should not contain abbreviated units"]
    );
}

/// A Prometheus that is killed when it is dropped.
struct Prometheus {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(target: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: collector\n  static_configs:\n  - targets: \
             ['127.0.0.1:{target}']\n"
        );
        std::fs::write(&config, text).expect("its configuration");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("prometheus: {error}; install it with: apt-get install prometheus")
            });
        Self {
            child,
            port,
            _folder: folder,
        }
    }

    /// The value of a query's only answer.
    fn value(&self, query: &str) -> Option<f64> {
        let page = get(self.port, &format!("/api/v1/query?query={query}")).ok()?;
        let answer: Value = serde_json::from_str(&page.body).ok()?;
        answer["data"]["result"][0]["value"][1]
            .as_str()?
            .parse()
            .ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_real_prometheus_scrapes_it_and_the_dashboards_questions_have_answers() {
    let world = World::start();
    let prometheus = Prometheus::start(world.metrics);
    let asked = [
        "up{job=\"collector\"}",
        "sum(rate(marketprism_nats_messages_published_total[1m]))",
        "histogram_quantile(0.95,sum(rate(marketprism_nats_publish_duration_seconds_bucket[1m]))by(le))",
        "process_resident_memory_bytes{job=\"collector\"}",
    ];
    for query in asked {
        let escaped = query
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('"', "%22")
            .replace('[', "%5B")
            .replace(']', "%5D");
        eventually(query, || {
            prometheus.value(&escaped).filter(|value| *value > 0.0)
        });
    }
    let age = "time()-max(marketprism_collector_last_success_timestamp_seconds)";
    let age = eventually(age, || prometheus.value(age));
    assert!((0.0..30.0).contains(&age), "{age} s");
}

#[test]
fn a_port_in_use_holds_nothing_up_and_is_served_once_it_is_free() {
    let taken = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
    let health = taken.local_addr().expect("its address").port();
    let world = World::start_on(health, free_port());
    let messages = Listener::start(world.nats.address());
    let message = messages.next(PATIENCE);
    assert!(message.is_some(), "it collects all the same");
    drop(taken);
    world.healthy_when("the port is served", |status, _| status == 200);
}
