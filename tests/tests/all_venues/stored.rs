//! What the JetStream server has stored, asked for by its own protocol.
//! <https://docs.nats.io/reference/reference-protocols/nats_api_reference>

use std::collections::BTreeMap;

use async_nats::Client;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

const STREAM: &str = "MARKET_DATA";
const ID: &str = "Nats-Msg-Id:";
/// Questions at one time.
const AT_ONCE: usize = 64;

/// How often each message id is in the stream.
pub fn ids(nats: String) -> BTreeMap<String, u64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("tokio").block_on(async {
        let client = async_nats::connect(nats).await.expect("a client");
        let info = ask(&client, "INFO", json!({})).await;
        let last = info["state"]["last_seq"].as_u64().expect("a number");
        let get = async |number| {
            let answer = ask(&client, "MSG.GET", json!({ "seq": number })).await;
            let headers = answer["message"]["hdrs"].as_str().unwrap_or_default();
            let headers = BASE64_STANDARD.decode(headers).expect("base64");
            let headers = String::from_utf8(headers).expect("text");
            let id = headers.lines().find_map(|line| line.strip_prefix(ID));
            id.unwrap_or_default().trim().to_owned()
        };
        let ids: Vec<String> = stream::iter(1..=last)
            .map(get)
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut times = BTreeMap::new();
        for id in ids {
            *times.entry(id).or_default() += 1;
        }
        times
    })
}

async fn ask(client: &Client, what: &str, body: Value) -> Value {
    let subject = format!("$JS.API.STREAM.{what}.{STREAM}");
    let answer = client.request(subject, body.to_string().into()).await;
    serde_json::from_slice(&answer.expect("an answer").payload).expect("JSON")
}
