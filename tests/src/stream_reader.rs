//! Somebody who asks a NATS server what one of its streams has stored, by JetStream's own protocol.
//! <https://docs.nats.io/reference/reference-protocols/nats_api_reference>

use std::time::{Duration, Instant};

use async_nats::{Client, HeaderMap};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

/// Longest time until there is an answer, and until the server has forgotten an id.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two questions whether it has.
const ASK_EVERY: Duration = Duration::from_millis(10);
/// Messages that are asked for at one time.
const AT_ONCE: usize = 64;

const ID: &str = "Nats-Msg-Id";
/// What a message expects to be stored behind.
const BEHIND: &str = "Nats-Expected-Last-Sequence";
/// The server's code for: something else is the last one.
const NOT_BEHIND_IT: u64 = 10_071;

/// A message of a stream.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// Its subject.
    pub subject: String,
    /// Its `Nats-Msg-Id`; empty when it has none.
    pub id: String,
}

/// Whoever asks.
#[derive(Debug)]
pub struct StreamReader {
    client: Client,
    stream: &'static str,
}

impl StreamReader {
    /// A connection with the server, to ask for a stream.
    pub async fn of(address: String, stream: &'static str) -> Self {
        let client = async_nats::connect(address).await.expect("a client");
        Self { client, stream }
    }

    /// Asks the server for something about the stream, until there is an answer.
    pub async fn ask(&self, what: &str, body: &Value) -> Value {
        let subject = format!("$JS.API.STREAM.{what}.{}", self.stream);
        let asked = Instant::now();
        loop {
            let body = body.to_string().into();
            match self.client.request(subject.clone(), body).await {
                Ok(answer) => return serde_json::from_slice(&answer.payload).expect("JSON"),
                Err(error) => assert!(asked.elapsed() < PATIENCE, "{what}: {error}"),
            }
        }
    }

    /// Every message of the stream, in its order.
    pub async fn everything(&self) -> Vec<StoredMessage> {
        let info = self.ask("INFO", &json!({})).await;
        // A stream that was never made holds nothing.
        let last = info["state"]["last_seq"].as_u64().unwrap_or_default();
        let numbers = stream::iter(1..=last);
        let messages = numbers.map(async |number| {
            let answer = self.ask("MSG.GET", &json!({ "seq": number })).await;
            let message = &answer["message"];
            let headers = message["hdrs"].as_str().unwrap_or_default();
            let headers = BASE64_STANDARD.decode(headers).expect("base64");
            let headers = String::from_utf8(headers).expect("text");
            let mut headers = headers.lines().filter_map(|line| line.split_once(':'));
            let id = headers.find_map(|(name, value)| (name == ID).then_some(value));
            StoredMessage {
                subject: message["subject"].as_str().unwrap_or_default().to_owned(),
                id: id.unwrap_or_default().trim().to_owned(),
            }
        });
        messages.buffered(AT_ONCE).collect().await
    }

    /// Waits until the server would take a message for a new one that has this one's id: its duplicate window is over.
    pub async fn forgets(&self, stored: &StoredMessage) {
        let begun = Instant::now();
        let mut headers = HeaderMap::new();
        headers.insert(ID, stored.id.as_str());
        // There is no such message, so this one is never stored.
        headers.insert(BEHIND, u64::MAX.to_string());
        let mut next = tokio::time::interval(ASK_EVERY);
        loop {
            next.tick().await;
            let (subject, headers) = (stored.subject.clone(), headers.clone());
            let asked = self
                .client
                .request_with_headers(subject, headers, "".into());
            let answer = asked.await.expect("an answer");
            let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
            if answer["duplicate"] != true {
                assert_eq!(answer["error"]["err_code"], NOT_BEHIND_IT, "{answer}");
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{answer}");
        }
    }
}
