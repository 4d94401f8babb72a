//! The control API against a supervisor that is played.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower_service::Service;

use super::{AdapterFiles, Control, FaultEntry, Faults};
use crate::config::HealthPort;
use crate::limits::Limits;
use crate::secret::Secret;
use crate::serve::desk::Desk;
use crate::serve::routes;
use crate::status::{Board, History, OperationKind, SessionStatus, Stage, State};
use crate::supervisor::{Command, CommandError, Decision, Order, Remote, Wanted};

mod replace;

const TOKEN: &str = "right-token";

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
}

/// The API of a daemon with two sessions.
struct Api {
    router: Router,
    board: Arc<Board>,
}

impl Api {
    fn new(token: Option<&str>, faults: Option<Faults>) -> (Self, mpsc::Receiver<Order>) {
        Self::with_adapters(token, faults, None)
    }

    fn with_adapters(
        token: Option<&str>,
        faults: Option<Faults>,
        adapters: Option<AdapterFiles>,
    ) -> (Self, mpsc::Receiver<Order>) {
        let (remote, orders) = Remote::new();
        let board = Arc::new(Board::without_requests());
        for name in ["alpha_spot", "beta_spot"] {
            board.post(SessionStatus::named(name));
        }
        let port = HealthPort {
            token: token.map(Secret::new),
            ..HealthPort::default()
        };
        let control = Control {
            remote,
            faults,
            adapters,
        };
        let desk = Desk::new(&port, board.clone(), control);
        let router = routes::router(desk);
        (Self { router, board }, orders)
    }

    /// One with the token, whose supervisor does what it is told.
    fn served() -> (Self, Played) {
        let (api, orders) = Self::new(Some(TOKEN), None);
        let played = Played::default();
        tokio::spawn(played.clone().serve(orders));
        (api, played)
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().call(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = head.headers.iter();
        Answer {
            status: head.status.as_u16(),
            headers: headers.map(|(k, v)| (k.to_string(), text(v))).collect(),
            body: serde_json::from_slice(&body).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(post(path, Some(TOKEN), body.to_owned())).await
    }

    async fn order(&self, action: &str, name: &str) -> Answer {
        let body = json!({ "service_name": name }).to_string();
        self.post(&path_of(action), &body).await
    }
}

fn path_of(action: &str) -> String {
    format!("/api/v1/orchestrator/services/{action}")
}

fn post(path: &str, token: Option<&str>, body: String) -> Request<Body> {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(body.into()).unwrap()
}

/// A supervisor that knows no session but `alpha_spot`, and notes what it is told.
#[derive(Clone, Default)]
struct Played {
    states: Arc<Mutex<Vec<Command>>>,
    reloads: Arc<Mutex<u32>>,
    replaced: Arc<Mutex<Vec<Wanted>>>,
    decided: Arc<Mutex<Vec<(u64, Decision)>>>,
}

impl Played {
    async fn serve(self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Reload(answer) => {
                    *self.reloads.lock().unwrap() += 1;
                    let _ = answer.send(Ok(()));
                }
                Order::Session(name, command, answer) => {
                    let _ = answer.send(self.obey(name, command));
                }
                Order::Replace(name, Wanted::Rollback, answer) => {
                    let why = format!("{name} has no earlier version");
                    let _ = answer.send(Err(CommandError::Failed(why)));
                }
                Order::Replace(_, wanted, answer) => {
                    self.replaced.lock().unwrap().push(wanted);
                    let _ = answer.send(Ok(7));
                }
                Order::Decide(operation, decision, answer) => {
                    self.decided.lock().unwrap().push((operation, decision));
                    let _ = answer.send(Ok(()));
                }
            }
        }
    }

    fn obey(&self, name: String, command: Command) -> Result<State, CommandError> {
        if name != "alpha_spot" {
            return Err(CommandError::Unknown {
                wanted: name,
                present: "alpha_spot, beta_spot".to_owned(),
            });
        }
        let state = match &command {
            Command::Stop => State::Stopped,
            _ => State::Running,
        };
        self.states.lock().unwrap().push(command);
        Ok(state)
    }

    fn told(&self) -> Vec<Command> {
        self.states.lock().unwrap().clone()
    }

    fn replaced(&self) -> Vec<Wanted> {
        self.replaced.lock().unwrap().clone()
    }
}

fn is_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    let keys: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["error", "hint"]);
    assert!(
        answer.body["error"]
            .as_str()
            .is_some_and(|it| !it.is_empty())
    );
    assert!(
        answer.body["hint"]
            .as_str()
            .is_some_and(|it| !it.is_empty())
    );
}

#[tokio::test]
async fn the_description_has_every_route_and_no_other() {
    let (remote, _orders) = Remote::new();
    let board = Arc::new(Board::without_requests());
    let control = Control {
        remote,
        faults: None,
        adapters: None,
    };
    let desk = Desk::new(&HealthPort::default(), board, control);
    let mut served = routes::listed(&desk);
    served.sort_unstable();
    let description: Value = serde_json::from_str(super::DESCRIPTION).unwrap();
    let mut told = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            assert_eq!(
                method == "post",
                call["security"] == json!([{ "token": [] }]),
                "{path}: who may change something needs the token"
            );
            told.push((method.as_str(), path.as_str()));
        }
    }
    told.sort_unstable();
    assert_eq!(told, served);
    assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn the_description_names_every_limit_state_kind_and_stage() {
    let description: Value = serde_json::from_str(super::DESCRIPTION).unwrap();
    let schemas = &description["components"]["schemas"];
    let limits = serde_json::to_value(Limits::default()).unwrap();
    let names: Vec<&String> = limits.as_object().unwrap().keys().collect();
    for schema in ["Limits", "LimitsChange"] {
        let told = schemas[schema]["properties"].as_object().unwrap();
        let mut told: Vec<&String> = told.keys().collect();
        told.sort();
        let mut names = names.clone();
        names.sort();
        assert_eq!(told, names, "{schema}");
    }
    let states: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
    assert_eq!(schemas["State"]["enum"], json!(states));
    let kinds = OperationKind::ALL.map(OperationKind::name);
    assert_eq!(schemas["OperationKind"]["enum"], json!(kinds));
    let stages = Stage::ALL.map(Stage::name);
    assert_eq!(schemas["Stage"]["enum"], json!(stages));
}

#[tokio::test]
async fn a_command_given_twice_is_answered_twice_the_same() {
    let (api, played) = Api::served();
    for (action, state) in [
        ("stop", "stopped"),
        ("start", "running"),
        ("restart", "running"),
    ] {
        for _ in 0..2 {
            let answer = api.order(action, "alpha_spot").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let wanted = json!({ "service_name": "alpha_spot", "action": action, "state": state });
            assert_eq!(answer.body, wanted);
        }
    }
    use Command::{Restart, Start, Stop};
    assert_eq!(played.told(), [Stop, Stop, Start, Start, Restart, Restart]);
    let answer = api.post("/api/v1/reload", "").await;
    assert_eq!(
        (answer.status, &answer.body["reloaded"]),
        (200, &json!(true))
    );
    assert_eq!(*played.reloads.lock().unwrap(), 1);
}

#[tokio::test]
async fn who_does_not_know_the_token_changes_nothing_and_is_told_so() {
    let (api, played) = Api::served();
    let body = json!({ "service_name": "alpha_spot" }).to_string();
    for token in [None, Some("wrong-token"), Some(""), Some("right-token2")] {
        let answer = api.ask(post(&path_of("stop"), token, body.clone())).await;
        is_refused(&answer, 401);
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert!(!answer.body.to_string().contains(TOKEN));
    }
    assert_eq!(played.told(), []);
}

#[tokio::test]
async fn without_a_token_nothing_can_be_changed_and_everything_be_read() {
    let (api, mut orders) = Api::new(None, None);
    for token in [None, Some(""), Some("any")] {
        for path in [path_of("stop"), "/api/v1/reload".to_owned()] {
            let answer = api.ask(post(&path, token, "{}".to_owned())).await;
            is_refused(&answer, 403);
            let hint = answer.body["hint"].as_str().unwrap();
            assert!(hint.contains("MARKETPRISM_CONTROL_TOKEN"), "{hint}");
        }
    }
    assert!(orders.try_recv().is_err());
    for path in [
        "/api/v1/adapters",
        "/api/v1/faults",
        "/api/v1/orchestrator/services",
    ] {
        assert_eq!(api.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_used_is_refused_with_its_reason() {
    let (api, played) = Api::served();
    let path = path_of("stop");
    for (status, body) in [
        (400, String::new()),
        (400, "{".to_owned()),
        (400, "[]".to_owned()),
        (400, "{}".to_owned()),
        (400, r#"{"service_name": 1}"#.to_owned()),
        (400, "[".repeat(10_000)),
        (
            413,
            format!("{{\"service_name\":\"{}\"}}", "a".repeat(20_000)),
        ),
    ] {
        is_refused(&api.post(&path, &body).await, status);
    }
    // A body whose length nobody tells beforehand.
    let piece = || Ok::<_, std::io::Error>("a".repeat(1_000));
    let pieces = futures_util::stream::iter((0..100).map(move |_| piece()));
    let mut request = post(&path, Some(TOKEN), String::new());
    *request.body_mut() = Body::from_stream(pieces);
    is_refused(&api.ask(request).await, 413);
    let mut request = post(
        &path,
        Some(TOKEN),
        r#"{"service_name":"alpha_spot"}"#.to_owned(),
    );
    request
        .headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    is_refused(&api.ask(request).await, 415);
    assert_eq!(played.told(), []);
}

#[tokio::test]
async fn a_session_that_there_is_not_is_told_with_those_that_there_are() {
    let (api, _played) = Api::served();
    for name in ["gamma_spot", "../alpha_spot", "", &"a".repeat(500)] {
        let answer = api.order("stop", name).await;
        is_refused(&answer, 404);
        assert_eq!(answer.body["hint"], "there are: alpha_spot, beta_spot");
    }
    let answer = api.post("/api/v1/adapters/gamma_spot/limits", "{}").await;
    is_refused(&answer, 404);
}

#[tokio::test]
async fn a_method_or_a_path_that_there_is_not_is_told_in_json() {
    let (api, _played) = Api::served();
    let answer = api.get(&path_of("stop")).await;
    is_refused(&answer, 405);
    assert_eq!(answer.headers["allow"], "POST");
    let answer = api.post("/api/v1/adapters", "{}").await;
    is_refused(&answer, 405);
    assert!(answer.headers["allow"].contains("GET"));
    is_refused(&api.get("/api/v1/nothing").await, 404);
}

#[tokio::test]
async fn a_flood_of_changes_is_held_up_and_told_when_to_come_again() {
    let (api, played) = Api::served();
    let mut refused = 0;
    for _ in 0..100 {
        let answer = api.order("start", "alpha_spot").await;
        if answer.status != 200 {
            is_refused(&answer, 429);
            assert!(answer.headers["retry-after"].parse::<u32>().unwrap() >= 1);
            refused += 1;
        }
    }
    // However slow this machine is, it is not as slow as the rate.
    assert!(refused > 0, "{refused}");
    assert_eq!(played.told().len(), 100 - refused);
    assert_eq!(api.get("/api/v1/adapters").await.status, 200);
}

#[tokio::test]
async fn who_guesses_is_held_up_before_the_token_is_looked_at() {
    let (api, played) = Api::served();
    let body = json!({ "service_name": "alpha_spot" }).to_string();
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let request = post(&path_of("stop"), Some("guess"), body.clone());
        statuses.push(api.ask(request).await.status);
    }
    assert_eq!(statuses[0], 401);
    assert_eq!(*statuses.last().unwrap(), 429);
    assert_eq!(api.order("stop", "alpha_spot").await.status, 429);
    assert_eq!(played.told(), []);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_does_not_answer_is_waited_for_some_seconds() {
    let (api, orders) = Api::new(Some(TOKEN), None);
    let before = tokio::time::Instant::now();
    for path in [
        path_of("stop"),
        "/api/v1/adapters/alpha_spot/limits".to_owned(),
        "/api/v1/reload".to_owned(),
    ] {
        let body = match path.contains("limits") {
            true => "{}",
            false => r#"{"service_name":"alpha_spot"}"#,
        };
        let answer = api.post(&path, body).await;
        is_refused(&answer, 503);
        assert!(answer.headers.contains_key("retry-after"));
    }
    assert!(before.elapsed() < Duration::from_secs(60));
    drop(orders);
    let answer = api.order("stop", "alpha_spot").await;
    is_refused(&answer, 503);
}

#[tokio::test(start_paused = true)]
async fn commands_that_come_together_are_all_answered() {
    let (api, played) = Api::served();
    let calls = (0..15).map(|number| {
        let action = ["start", "stop", "restart"][number % 3];
        api.order(action, "alpha_spot")
    });
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(played.told().len(), 15);
}

#[tokio::test]
async fn limits_that_are_named_change_and_the_others_stay_even_before_the_board_tells_them() {
    let (api, played) = Api::served();
    let path = "/api/v1/adapters/alpha_spot/limits";
    let first = api.post(path, r#"{"alarms_max": 7}"#).await;
    assert_eq!(first.status, 200, "{first:?}");
    let second = api.post(path, r#"{"connections_max": 3}"#).await;
    let wanted = Limits {
        alarms_max: 7,
        connections_max: 3,
        ..Limits::default()
    };
    assert_eq!(
        second.body["limits"],
        serde_json::to_value(&wanted).unwrap()
    );
    assert_eq!(second.body["state"], "running");
    let last = played.told().pop().unwrap();
    assert_eq!(last, Command::Limits(Box::new(wanted)));
    // Once the board is newer than the order, it is right: the configuration may have been read again.
    api.board.post(SessionStatus {
        limits: Limits {
            memory_soft_mb: 10,
            ..Limits::default()
        },
        ..SessionStatus::named("alpha_spot")
    });
    let third = api.post(path, "{}").await;
    assert_eq!(third.body["limits"]["memory_soft_mb"], 10);
    assert_eq!(third.body["limits"]["alarms_max"], 4096);
}

#[tokio::test]
async fn limits_that_cannot_be_are_refused_with_the_reasons() {
    let (api, played) = Api::served();
    let path = "/api/v1/adapters/alpha_spot/limits";
    let body = r#"{"memory": 5, "alarms_max": "all", "memory_soft_mb": 999}"#;
    let answer = api.post(path, body).await;
    is_refused(&answer, 400);
    let error = answer.body["error"].as_str().unwrap();
    for key in [
        "limits.memory:",
        "limits.alarms_max:",
        "limits.memory_soft_mb:",
    ] {
        assert!(error.contains(key), "{key} is not in {error}");
    }
    assert_eq!(played.told(), []);
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder_of_bundles() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    let entry = FaultEntry {
        id: Some("alpha-1".to_owned()),
        session: "alpha_spot".to_owned(),
        time: "2026-01-01T00:00:00Z".to_owned(),
        text: "out of fuel".to_owned(),
    };
    let listed = entry.clone();
    let faults = Faults {
        list: Arc::new(move || Ok(vec![listed.clone()])),
        read: Arc::new(move |id| {
            noted.lock().unwrap().push(id.to_owned());
            Ok((id == "alpha-1").then(|| json!({ "id": id })))
        }),
    };
    let (api, _orders) = Api::new(None, Some(faults));
    let answer = api.get("/api/v1/faults").await;
    assert_eq!(answer.body, json!({ "faults": [entry] }));
    let answer = api.get("/api/v1/faults/alpha-1").await;
    assert_eq!(
        (answer.status, &answer.body["id"]),
        (200, &json!("alpha-1"))
    );
    for path in [
        "/api/v1/faults/..%2f..%2fetc%2fpasswd",
        "/api/v1/faults/%2e%2e",
        "/api/v1/faults/../../etc/passwd",
        "/api/v1/faults/%2Fetc%2Fpasswd",
        "/api/v1/faults/a%00b",
        "/api/v1/faults/a%5C..%5Cb",
        "/api/v1/faults/",
        "/api/v1/adapters/..%2f..%2fx/limits",
    ] {
        let answer = api.get(path).await;
        assert!(matches!(answer.status, 404 | 405), "{path}: {answer:?}");
    }
    assert_eq!(*asked.lock().unwrap(), ["alpha-1"]);
    assert_eq!(api.get("/api/v1/faults/a%ff").await.status, 400);
}

#[tokio::test]
async fn without_bundles_the_last_fault_of_each_session_is_told() {
    let (api, _orders) = Api::new(None, None);
    api.board.post(SessionStatus {
        history: History {
            last_fault: Some((SystemTime::UNIX_EPOCH, "out of fuel".to_owned())),
            ..History::default()
        },
        ..SessionStatus::named("beta_spot")
    });
    let answer = api.get("/api/v1/faults").await;
    let faults = answer.body["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0]["session"], "beta_spot");
    assert_eq!(faults[0]["id"], Value::Null);
    is_refused(&api.get("/api/v1/faults/beta_spot").await, 404);
}
