//! The connection as the courier uses it: messages and questions go out with a number, and answers come back with it.

use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::{Client, HeaderMap, Subject, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::watch;

use crate::bus::nats::Nats;
use crate::wire::Message;

/// How long the library may take to accept what is published.
const HAND_OVER_LIMIT: Duration = Duration::from_secs(1);

/// The connection.
pub(super) struct Link {
    nats: Nats,
    /// Begins the subject of every answer.
    inbox: String,
    answers: Subscriber,
    /// Changes whenever the connection is lost or stands again.
    changes: watch::Receiver<u64>,
}

/// Why something did not go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotSent {
    /// The server takes nothing of this size.
    TooLarge,
    /// It may go later.
    Later,
}

/// What the connection has to say.
pub(super) enum News {
    /// An answer, with the number of what it answers.
    Answer(u64, async_nats::Message),
    /// It was lost, or stands again.
    Changed,
}

impl Link {
    /// Over a connection; none when it is closed for good.
    pub(super) async fn over(nats: Nats) -> Option<Self> {
        // One subscription for all answers, so that one that comes late or never costs nothing.
        let inbox = nats.client().new_inbox();
        let answers = nats.client().subscribe(format!("{inbox}.*")).await.ok()?;
        let changes = nats.changes();
        Some(Self {
            nats,
            inbox,
            answers,
            changes,
        })
    }

    pub(super) fn client(&self) -> &Client {
        self.nats.client()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.nats.is_connected()
    }

    /// Waits for what comes next. Safe to drop.
    pub(super) async fn next(&mut self) -> News {
        loop {
            tokio::select! {
                biased;
                Ok(()) = self.changes.changed() => return News::Changed,
                Some(message) = self.answers.next() => {
                    let number = message.subject.rsplit('.').next().map(str::parse);
                    if let Some(Ok(number)) = number {
                        return News::Answer(number, message);
                    }
                }
                else => std::future::pending().await,
            }
        }
    }

    /// Sends a message to be acknowledged.
    pub(super) async fn send(&self, number: u64, message: &Message) -> Result<(), NotSent> {
        let mut headers = HeaderMap::new();
        if let Some(id) = &message.msg_id {
            headers.insert(Message::ID_HEADER, id.as_str());
        }
        let subject = Subject::from(message.subject.to_string());
        let reply = self.reply_to(number);
        let payload = message.payload.clone();
        let sending = self
            .client()
            .publish_with_reply_and_headers(subject, reply, headers, payload);
        match tokio::time::timeout(HAND_OVER_LIMIT, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Err(NotSent::TooLarge)
            }
            _ => Err(NotSent::Later),
        }
    }

    /// Asks for the last message that a stream holds of a subject.
    pub(super) async fn ask_last(
        &self,
        number: u64,
        stream: &str,
        subject: &str,
    ) -> Result<(), NotSent> {
        let question = json!({ "last_by_subj": subject }).to_string();
        let sending = self.client().publish_with_reply(
            format!("$JS.API.STREAM.MSG.GET.{stream}"),
            self.reply_to(number),
            question.into(),
        );
        match tokio::time::timeout(HAND_OVER_LIMIT, sending).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(NotSent::Later),
        }
    }

    /// Publishes without an answer.
    pub(super) async fn say(&self, subject: String, payload: Bytes) {
        let sending = self.client().publish(subject, payload);
        let _ = tokio::time::timeout(HAND_OVER_LIMIT, sending).await;
    }

    fn reply_to(&self, number: u64) -> String {
        format!("{}.{number}", self.inbox)
    }
}
