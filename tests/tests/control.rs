//! The control API of a running daemon: sessions are started, stopped and changed while their neighbour collects, and
//! every answer is as docs/openapi.json says.

use std::time::{Duration, Instant};

use marketprism_host::config::{HealthPort, Monitoring};
use marketprism_host::secret::Secret;
use marketprism_tests::daemon::{Block, Daemon, PATIENCE};
use marketprism_tests::exchange::{Settings, Simulator};
use marketprism_tests::http::{free_port, get, post};
use marketprism_tests::nats_server::NatsServer;
use marketprism_tests::openapi::Description;
use serde_json::{Value, json};

const TOKEN: &str = "right-token";
const NAMES: [&str; 2] = ["first_spot", "second_spot"];

/// An exchange, a NATS server, and a daemon of two sessions between them that takes commands.
struct World {
    _exchange: Simulator,
    _nats: NatsServer,
    _daemon: Daemon,
    api: Api,
}

/// Its control API.
struct Api {
    port: u16,
    description: Description,
}

impl World {
    fn start() -> Self {
        let exchange =
            Simulator::start(Settings::of_symbols(Block::USUAL.symbols)).expect("an exchange");
        let nats = NatsServer::start("").expect("nats-server");
        let port = free_port();
        let monitoring = Monitoring {
            health_check: HealthPort {
                enabled: true,
                port,
                grace_s: 0,
                token: Some(Secret::new(TOKEN)),
            },
            ..Monitoring::default()
        };
        let blocks = NAMES.map(|name| Block {
            name,
            ..Block::USUAL
        });
        let daemon = Daemon::start_watched(&exchange, nats.address(), &blocks, monitoring);
        let world = Self {
            _exchange: exchange,
            _nats: nats,
            _daemon: daemon,
            api: Api {
                port,
                description: Description::read(),
            },
        };
        for name in NAMES {
            world
                .api
                .eventually(name, "runs", |it| it["state"] == "running");
        }
        world.api.healthy();
        world
    }
}

impl Api {
    /// The answer to a call, which must be as described. `path` is that of the description, `target` what is asked.
    fn answer(&self, method: &str, path: &str, target: &str, body: &Value) -> (u16, Value) {
        let page = match method {
            "get" => get(self.port, target),
            _ => post(self.port, target, Some(TOKEN), &body.to_string()),
        };
        let page = page.expect("an answer");
        let answer: Value = serde_json::from_str(&page.body).expect("JSON");
        let faults = self.description.faults(method, path, page.status, &answer);
        assert!(faults.is_empty(), "{target}: {faults:#?}");
        (page.status, answer)
    }

    fn get(&self, path: &str) -> Value {
        let (status, answer) = self.answer("get", path, path, &Value::Null);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Waits until books are published and nothing is amiss.
    fn healthy(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let page = get(self.port, "/health").expect("an answer");
            let health: Value = serde_json::from_str(&page.body).expect("JSON");
            if health["status"] == "healthy" && health["coverage"]["orderbook"].is_object() {
                return;
            }
            assert!(Instant::now() < end, "not in time: {health:#}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn order(&self, action: &str, name: &str) -> (u16, Value) {
        let path = format!("/api/v1/orchestrator/services/{action}");
        self.answer("post", &path, &path, &json!({ "service_name": name }))
    }

    fn limits(&self, name: &str, changes: &Value) -> (u16, Value) {
        let path = "/api/v1/adapters/{name}/limits";
        self.answer("post", path, &path.replace("{name}", name), changes)
    }

    fn adapter(&self, name: &str) -> Option<Value> {
        let page = get(self.port, "/api/v1/adapters").ok()?;
        let answer: Value = serde_json::from_str(&page.body).expect("JSON");
        let adapters = answer["adapters"].as_array().expect("adapters");
        adapters.iter().find(|it| it["session"] == name).cloned()
    }

    /// Asks for an adapter until it satisfies.
    fn eventually(&self, name: &str, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(adapter) = self.adapter(name).filter(&is_it) {
                return adapter;
            }
            assert!(Instant::now() < end, "not in time: {name} {what}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

#[test]
fn a_session_is_stopped_and_started_as_often_as_one_likes_and_its_neighbour_never_notices() {
    let world = World::start();
    let api = &world.api;
    let [first, second] = NAMES;
    let before = api.eventually(second, "works", |it| it["fuel"]["events_total"] != 0);
    for (action, state) in [
        ("stop", "stopped"),
        ("stop", "stopped"),
        ("start", "running"),
        ("start", "running"),
        ("restart", "running"),
    ] {
        let (status, answer) = api.order(action, first);
        let wanted = json!({ "service_name": first, "action": action, "state": state });
        assert_eq!((status, answer), (200, wanted));
    }
    let after = api.eventually(second, "goes on", |it| {
        it["fuel"]["events_total"].as_u64() > before["fuel"]["events_total"].as_u64()
    });
    assert_eq!(after["state_since"], before["state_since"]);
    let (status, answer) = api.order("stop", "third_spot");
    assert_eq!(status, 404);
    assert_eq!(answer["hint"], "there are: first_spot, second_spot");
}

#[test]
fn commands_that_come_together_are_all_answered_and_leave_a_session_that_runs() {
    let world = World::start();
    let api = &world.api;
    std::thread::scope(|scope| {
        for number in 0..12 {
            scope.spawn(move || {
                let action = ["start", "stop", "restart"][number % 3];
                let (status, answer) = api.order(action, NAMES[number % 2]);
                assert_eq!(status, 200, "{answer}");
            });
        }
    });
    for name in NAMES {
        assert_eq!(api.order("start", name).1["state"], "running");
    }
}

#[test]
fn limits_change_while_the_session_runs() {
    let world = World::start();
    let api = &world.api;
    let [first, second] = NAMES;
    let before = api.adapter(first).expect("the session");
    let (status, answer) = api.limits(first, &json!({ "memory_soft_mb": 1 }));
    assert_eq!(
        (status, &answer["limits"]["memory_soft_mb"]),
        (200, &json!(1))
    );
    let (_, answer) = api.limits(first, &json!({ "alarms_max": 77 }));
    assert_eq!(answer["limits"]["memory_soft_mb"], 1, "the other stays");
    let adapter = api.eventually(first, "is above its soft limit", |it| {
        it["state"] == "degraded"
    });
    assert_eq!(adapter["limits"], answer["limits"]);
    assert_eq!(adapter["memory"]["soft_limit_bytes"], 1 << 20);
    assert_eq!(adapter["restarts"], before["restarts"]);
    assert_eq!(api.limits(first, &json!({ "memory_soft_mb": 100 })).0, 200);
    api.eventually(first, "is below it again", |it| it["state"] == "running");
    let (status, answer) = api.limits(first, &json!({ "memory_soft_mb": 0, "more": 1 }));
    assert_eq!(status, 400);
    let error = answer["error"].as_str().expect("a reason");
    assert!(error.contains("limits.memory_soft_mb: must be at least 1"));
    assert!(error.contains("limits.more: unknown"));
    let untouched = api.adapter(second).expect("the session");
    assert_eq!(untouched["limits"], before["limits"]);
}

#[test]
fn every_page_is_as_described() {
    let world = World::start();
    let api = &world.api;
    for (method, path) in api.description.calls() {
        if method == "get" && !path.contains('{') {
            api.get(&path);
        }
    }
    let (status, _) = api.answer("get", "/status", "/status?detailed=true", &Value::Null);
    assert_eq!(status, 200);
    let (status, _) = api.answer(
        "get",
        "/api/v1/faults/{id}",
        "/api/v1/faults/..%2f..%2fetc%2fpasswd",
        &Value::Null,
    );
    assert_eq!(status, 404);
    // This daemon has no configuration file to read again.
    let (status, _) = api.answer("post", "/api/v1/reload", "/api/v1/reload", &Value::Null);
    assert_eq!(status, 409);
    let services = api.get("/api/v1/orchestrator/services");
    assert_eq!(services["services"][0]["service_name"], NAMES[0]);
    let text = format!("{services}{}", api.get("/api/v1/adapters"));
    assert!(!text.contains(TOKEN));
}

#[test]
fn who_has_no_token_changes_nothing_however_it_is_asked() {
    let world = World::start();
    let api = &world.api;
    let path = "/api/v1/orchestrator/services/stop";
    let body = json!({ "service_name": NAMES[0] }).to_string();
    for (token, status) in [(None, 401), (Some("wrong"), 401), (Some(""), 401)] {
        let page = post(api.port, path, token, &body).expect("an answer");
        assert_eq!(page.status, status);
        assert!(
            page.head
                .to_lowercase()
                .contains("www-authenticate: bearer")
        );
        let answer: Value = serde_json::from_str(&page.body).expect("JSON");
        assert!(
            api.description
                .faults("post", path, status, &answer)
                .is_empty()
        );
    }
    // A long body is refused before it is read.
    let long = json!({ "service_name": "a".repeat(20_000) }).to_string();
    let page = post(api.port, path, Some(TOKEN), &long).expect("an answer");
    assert_eq!(page.status, 413);
    let flood: Vec<u16> = (0..20)
        .map(|_| post(api.port, path, Some("guess"), &body).expect("an answer"))
        .map(|page| page.status)
        .collect();
    assert!(flood.contains(&429), "{flood:?}");
    assert_eq!(api.adapter(NAMES[0]).expect("it")["state"], "running");
}
