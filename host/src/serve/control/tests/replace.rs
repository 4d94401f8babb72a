//! Replacing adapters while they run, and what is told of it.

use super::*;
use crate::sandbox::ADAPTER_BYTES_MAX;
use crate::status::Version;
use crate::supervisor::Candidate;

const SWAP: &str = "/api/v1/adapters/alpha_spot/swap";
const SHADOW: &str = "/api/v1/adapters/alpha_spot/shadow";
const ROLLBACK: &str = "/api/v1/adapters/alpha_spot/rollback";
const ADAPTER: &str = "application/wasm";

/// The hash of the only version that is kept.
const KEPT: &str = "00000000000000000000000000000000000000000000000000000000000000ab";

fn upload(path: &str, media_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header("content-type", media_type)
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(body.into())
        .unwrap()
}

fn sent(bytes: &[u8]) -> Candidate {
    Candidate {
        bytes: bytes.to_vec(),
        source: "sent with the call".to_owned(),
    }
}

fn is_begun(answer: &Answer, operation: u64) {
    let location = format!("/api/v1/operations/{operation}");
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.headers["location"], location);
    let wanted = json!({ "operation": operation, "location": location });
    assert_eq!(answer.body, wanted);
}

/// A body that never ends, and of which nothing comes.
fn silence() -> Body {
    Body::from_stream(futures_util::stream::pending::<std::io::Result<String>>())
}

/// One whose folder holds `a.wasm`, and `bad.wasm` which cannot be read; with the names that were looked for.
fn with_folder() -> (Api, Played, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    let adapters = AdapterFiles {
        file: Arc::new(move |name| {
            noted.lock().unwrap().push(name.to_owned());
            match name {
                "a.wasm" => Ok(Some(b"of the folder".to_vec())),
                "bad.wasm" => Err(std::io::Error::other("the disk is broken")),
                _ => Ok(None),
            }
        }),
        kept: Arc::new(|hash| Ok((hash == KEPT).then(|| b"kept".to_vec()))),
    };
    let (api, orders) = Api::with_adapters(Some(TOKEN), None, Some(adapters));
    let played = Played::default();
    tokio::spawn(played.clone().serve(orders));
    (api, played, asked)
}

#[tokio::test]
async fn an_adapter_that_is_sent_comes_to_the_supervisor_whole() {
    let (api, played) = Api::served();
    // Longer than what a server takes by default.
    let bytes = vec![7; 5 << 20];
    let answer = api.ask(upload(SWAP, ADAPTER, bytes.clone())).await;
    is_begun(&answer, 7);
    let media_type = "Application/WASM; charset=binary";
    let path = format!("{SHADOW}?seconds=5");
    is_begun(&api.ask(upload(&path, media_type, "tiny")).await, 7);
    is_begun(&api.ask(upload(SHADOW, ADAPTER, "tiny")).await, 7);
    let shadow = |seconds| Wanted::Shadow(sent(b"tiny"), Duration::from_secs(seconds));
    let wanted = [Wanted::Swap(sent(&bytes)), shadow(5), shadow(60)];
    assert!(played.replaced() == wanted, "{:?}", played.replaced());
}

#[tokio::test]
async fn an_adapter_that_is_there_already_is_named_by_its_file_or_its_hash() {
    let (api, played, _) = with_folder();
    let of = |bytes: &[u8], source: &str| Candidate {
        bytes: bytes.to_vec(),
        source: source.to_owned(),
    };
    is_begun(&api.post(SWAP, r#"{"file": "a.wasm"}"#).await, 7);
    let by_hash = json!({ "sha256": KEPT, "seconds": 9 }).to_string();
    is_begun(&api.post(SHADOW, &by_hash).await, 7);
    let wanted = [
        Wanted::Swap(of(b"of the folder", "a.wasm")),
        Wanted::Shadow(
            of(b"kept", "kept version 000000000000"),
            Duration::from_secs(9),
        ),
    ];
    assert_eq!(played.replaced(), wanted);
    for body in [
        json!({ "file": "b.wasm" }),
        json!({ "sha256": KEPT.replace('a', "c") }),
    ] {
        is_refused(&api.post(SWAP, &body.to_string()).await, 404);
    }
    is_refused(&api.post(SWAP, r#"{"file": "bad.wasm"}"#).await, 500);
    let (api, _played) = Api::served();
    is_refused(&api.post(SWAP, r#"{"file": "a.wasm"}"#).await, 404);
}

#[tokio::test]
async fn no_name_leads_out_of_the_adapters_folder() {
    let (api, played, asked) = with_folder();
    for name in [
        "../a.wasm",
        "..",
        "/etc/a.wasm",
        "x/../a.wasm",
        "x\\a.wasm",
        ".a.wasm",
        "a\u{0}.wasm",
        "a.txt",
        "",
    ] {
        let body = json!({ "file": name }).to_string();
        is_refused(&api.post(SWAP, &body).await, 400);
    }
    for hash in ["", "ab", "../ab", &"g".repeat(64)] {
        let body = json!({ "sha256": hash }).to_string();
        is_refused(&api.post(SWAP, &body).await, 400);
    }
    assert_eq!(*asked.lock().unwrap(), [""; 0]);
    assert_eq!(played.replaced(), []);
}

#[tokio::test]
async fn a_body_that_is_no_version_is_refused_with_its_reason() {
    let (api, played, _) = with_folder();
    for (status, body) in [
        (400, "{"),
        (400, "{}"),
        (400, r#"{"file": 1}"#),
        (400, r#"{"file": "a.wasm", "sha256": "ab"}"#),
        (400, r#"{"file": "a.wasm", "seconds": 5}"#),
    ] {
        is_refused(&api.post(SWAP, body).await, status);
    }
    is_refused(&api.ask(upload(SWAP, ADAPTER, "")).await, 400);
    for media_type in ["text/plain", "application/wasm2", ""] {
        is_refused(&api.ask(upload(SWAP, media_type, "tiny")).await, 415);
    }
    for query in ["0", "86401", "-1", "1.5", "x", ""] {
        let path = format!("{SHADOW}?seconds={query}");
        is_refused(&api.ask(upload(&path, ADAPTER, "tiny")).await, 400);
    }
    let (api, _, _) = with_folder();
    for seconds in [json!(0), json!("5"), json!(null), json!(86_401)] {
        let body = json!({ "file": "a.wasm", "seconds": seconds }).to_string();
        is_refused(&api.post(SHADOW, &body).await, 400);
    }
    let twice = format!("{SHADOW}?seconds=5");
    let answer = api
        .post(&twice, r#"{"file": "a.wasm", "seconds": 5}"#)
        .await;
    is_refused(&answer, 400);
    assert_eq!(played.replaced(), []);
}

#[tokio::test]
async fn what_is_longer_than_any_adapter_is_refused_and_so_are_keys_longer_than_keys() {
    let (api, played) = Api::served();
    let mut told = upload(SWAP, ADAPTER, silence());
    let length = (ADAPTER_BYTES_MAX + 1).into();
    told.headers_mut().insert("content-length", length);
    is_refused(&api.ask(told).await, 413);
    let piece = || Ok::<_, std::io::Error>(vec![0_u8; 1 << 20]);
    let pieces = (ADAPTER_BYTES_MAX >> 20) + 1;
    let pieces = futures_util::stream::iter((0..pieces).map(move |_| piece()));
    let untold = upload(SWAP, ADAPTER, Body::from_stream(pieces));
    is_refused(&api.ask(untold).await, 413);
    let keys = json!({ "file": "a".repeat(20_000) }).to_string();
    for path in [SWAP, SHADOW] {
        is_refused(&api.post(path, &keys).await, 413);
    }
    assert_eq!(played.replaced(), []);
}

#[tokio::test]
async fn who_does_not_know_the_token_replaces_nothing() {
    let promote = "/api/v1/operations/1/promote";
    let drop = "/api/v1/operations/1/drop";
    for path in [SWAP, SHADOW, ROLLBACK, promote, drop] {
        let (api, mut orders) = Api::new(Some(TOKEN), None);
        api.board
            .operations()
            .begin(OperationKind::Shadow, "alpha_spot", "", None);
        for token in ["wrong-token", ""] {
            let mut request = upload(path, ADAPTER, silence());
            let token = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert("authorization", token);
            is_refused(&api.ask(request).await, 401);
        }
        assert!(orders.try_recv().is_err());
        let (api, mut orders) = Api::new(None, None);
        is_refused(&api.ask(upload(path, ADAPTER, silence())).await, 403);
        assert!(orders.try_recv().is_err());
    }
}

#[tokio::test]
async fn what_the_supervisor_will_not_begin_is_told() {
    let (api, _played) = Api::served();
    for action in ["swap", "shadow", "rollback"] {
        let path = format!("/api/v1/adapters/gamma_spot/{action}");
        let answer = api.ask(upload(&path, ADAPTER, "tiny")).await;
        is_refused(&answer, 404);
        assert_eq!(answer.body["hint"], "there are: alpha_spot, beta_spot");
    }
    let answer = api.post(ROLLBACK, "").await;
    is_refused(&answer, 409);
    assert_eq!(answer.body["error"], "alpha_spot has no earlier version");
    let (api, orders) = Api::new(Some(TOKEN), None);
    drop(orders);
    let answer = api.ask(upload(SWAP, ADAPTER, "tiny")).await;
    is_refused(&answer, 503);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test(start_paused = true)]
async fn one_adapter_is_on_its_way_at_a_time_and_not_for_long() {
    let (api, played) = Api::served();
    let slow = api.ask(upload(SWAP, ADAPTER, silence()));
    let second = async {
        // The other one has its place by then.
        tokio::task::yield_now().await;
        api.ask(upload(SWAP, ADAPTER, "tiny")).await
    };
    let (slow, second) = tokio::join!(slow, second);
    is_refused(&slow, 408);
    is_refused(&second, 503);
    assert!(second.headers.contains_key("retry-after"));
    is_begun(&api.ask(upload(SWAP, ADAPTER, "tiny")).await, 7);
    assert_eq!(played.replaced(), [Wanted::Swap(sent(b"tiny"))]);
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_the_supervisor_has_not_looked_at_keeps_its_place() {
    let (api, orders) = Api::new(Some(TOKEN), None);
    let late = api.ask(upload(SWAP, ADAPTER, "first")).await;
    is_refused(&late, 503);
    let second = api.ask(upload(SWAP, ADAPTER, "second")).await;
    is_refused(&second, 503);
    let error = second.body["error"].as_str().unwrap();
    assert!(error.contains("another adapter"), "{error}");
    let played = Played::default();
    tokio::spawn(played.clone().serve(orders));
    is_begun(&api.ask(upload(SWAP, ADAPTER, "third")).await, 7);
    let wanted = ["first", "third"].map(|it| Wanted::Swap(sent(it.as_bytes())));
    assert_eq!(played.replaced(), wanted);
}

/// A swap that is done, a shadow run that waits for a decision with a report, and a swap of the neighbour.
fn busy(board: &Board) {
    let operations = board.operations();
    let begin = |kind, session| operations.begin(kind, session, "a.wasm", None);
    let done = begin(OperationKind::Swap, "alpha_spot");
    operations.update(done, |it| it.stage = Stage::Done);
    let shadow = begin(OperationKind::Shadow, "alpha_spot");
    operations.update(shadow, |it| {
        it.stage = Stage::Comparing;
        (it.books.ready, it.books.of) = (3, 5);
        it.to = Some(Version {
            version: "2.0.0".to_owned(),
            sha256: KEPT.to_owned(),
        });
        it.report = Some(json!({ "is_same": true }));
    });
    begin(OperationKind::Swap, "beta_spot");
}

#[tokio::test]
async fn operations_are_told_the_newest_first_and_one_by_its_number() {
    let (api, _orders) = Api::new(None, None);
    assert_eq!(
        api.get("/api/v1/operations").await.body["operations"],
        json!([])
    );
    busy(&api.board);
    let ids = |answer: &Answer| -> Vec<u64> {
        assert_eq!(answer.status, 200, "{answer:?}");
        let all = answer.body["operations"].as_array().unwrap();
        assert!(all.iter().all(|it| it.get("report").is_none()));
        all.iter().map(|it| it["id"].as_u64().unwrap()).collect()
    };
    assert_eq!(ids(&api.get("/api/v1/operations").await), [3, 2, 1]);
    for (name, wanted) in [
        ("alpha_spot", &[2, 1][..]),
        ("beta_spot", &[3]),
        ("gamma_spot", &[]),
        ("", &[]),
    ] {
        let path = format!("/api/v1/operations?session={name}");
        assert_eq!(ids(&api.get(&path).await), wanted, "{name}");
    }
    let one = api.get("/api/v1/operations/2").await;
    assert_eq!(one.status, 200);
    for (key, value) in [
        ("kind", json!("shadow")),
        ("stage", json!("comparing")),
        ("session", json!("alpha_spot")),
        ("books", json!({ "ready": 3, "of": 5 })),
        ("ended", json!(null)),
        ("report", json!({ "is_same": true })),
    ] {
        assert_eq!(one.body[key], value, "{key}");
    }
    for id in ["0", "4", "-1", "x", "18446744073709551616", "1%2f2"] {
        is_refused(&api.get(&format!("/api/v1/operations/{id}")).await, 404);
    }
}

#[tokio::test]
async fn a_decision_goes_to_the_operation_that_is_named() {
    let (api, played) = Api::served();
    busy(&api.board);
    is_begun(&api.post("/api/v1/operations/2/promote", "").await, 2);
    is_begun(&api.post("/api/v1/operations/2/drop", "").await, 2);
    let wanted = [(2, Decision::Promote), (2, Decision::Drop)];
    assert_eq!(*played.decided.lock().unwrap(), wanted);
    for path in ["4/promote", "x/drop"] {
        let path = format!("/api/v1/operations/{path}");
        is_refused(&api.post(&path, "").await, 404);
    }
    assert_eq!(played.decided.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_under_way_is_told_with_its_session_which_is_no_worse_for_it() {
    let (api, _orders) = Api::new(None, None);
    let before = api.get("/health").await;
    busy(&api.board);
    let health = api.get("/health").await;
    assert_eq!(health.body["status"], before.body["status"]);
    let shadow = json!({
        "id": 2,
        "kind": "shadow",
        "stage": "comparing",
        "books": { "ready": 3, "of": 5 },
        "streams": { "ready": 0, "of": 0 },
        "to": { "version": "2.0.0", "sha256": KEPT },
    });
    let process = &health.body["processes"]["alpha_spot"];
    assert_eq!(process["operation"], shadow);
    let unchanged = &before.body["processes"]["alpha_spot"];
    assert_eq!(unchanged["operation"], json!(null));
    assert_eq!(process["status"], unchanged["status"]);
    assert_eq!(process["problems"], unchanged["problems"]);
    let adapters = api.get("/api/v1/adapters").await.body;
    assert_eq!(adapters["adapters"][0]["operation"], shadow);
    assert_eq!(adapters["adapters"][1]["operation"]["id"], 3);
    let operations = api.board.operations();
    operations.update(2, |it| it.stage = Stage::Done);
    let adapters = api.get("/api/v1/adapters").await.body;
    assert_eq!(adapters["adapters"][0]["operation"], json!(null));
}
