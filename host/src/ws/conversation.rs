//! An open connection: messages both ways, keep-alive, and its proper end.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::dial::WebSocket;
use super::{End, Settings};

/// What came of one turn.
pub(super) enum Turn {
    /// A message of the peer.
    Frame(Bytes),
    /// The connection has lived long enough to count as a success; said once.
    Proven,
    /// It is over.
    Over(End),
}

/// An open connection and what it must remember.
pub(super) struct Conversation {
    socket: WebSocket,
    last_life: Instant,
    pinged: bool,
    proven_at: Option<Instant>,
    silence_limit: Duration,
    write_limit: Duration,
    close_limit: Duration,
}

impl Conversation {
    pub(super) fn new(socket: WebSocket, settings: &Settings) -> Self {
        let now = Instant::now();
        Self {
            socket,
            last_life: now,
            pinged: false,
            proven_at: now.checked_add(settings.spacing.proven),
            silence_limit: settings.silence_limit,
            write_limit: settings.write_limit,
            close_limit: settings.close_limit,
        }
    }

    /// Goes on until something is worth telling; after a frame the caller says [`Self::alive`] once it is passed on.
    /// Writes what `texts` brings meanwhile. May be dropped at any point:
    /// nothing that was begun is torn, a half-written message is finished by the next write.
    pub(super) async fn turn(&mut self, texts: &mut mpsc::Receiver<String>) -> Turn {
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                Some(text) = texts.recv() => {
                    if let Err(end) = self.write(Message::text(text)).await {
                        return Turn::Over(end);
                    }
                }
                message = self.socket.next() => match self.received(message).await {
                    Ok(Some(bytes)) => return Turn::Frame(bytes),
                    Ok(None) => {}
                    Err(end) => return Turn::Over(end),
                },
                () = sleep_until(due) => match self.on_time().await {
                    Ok(None) => {}
                    Ok(Some(turn)) => return turn,
                    Err(end) => return Turn::Over(end),
                },
            }
        }
    }

    /// Ends the connection: what is still in `texts` is written, then a close frame, then TCP is shut down. Bounded by
    /// the close limit, whatever the peer does.
    pub(super) async fn close(mut self, texts: &mut mpsc::Receiver<String>, end: &End) {
        let code = match end {
            End::TooLarge => CloseCode::Size,
            End::Broken(_) => CloseCode::Protocol,
            _ => CloseCode::Normal,
        };
        let parting = async {
            if matches!(end, End::Peer { .. }) {
                // The answer to its close frame is queued.
                return self.socket.flush().await;
            }
            if matches!(end, End::Silent | End::Stuck) {
                return Ok(());
            }
            while let Ok(text) = texts.try_recv() {
                self.socket.feed(Message::text(text)).await?;
            }
            let frame = CloseFrame {
                code,
                reason: "".into(),
            };
            self.socket.send(Message::Close(Some(frame))).await?;
            // What the peer still sends before its own close frame is of no use any more.
            while let Some(Ok(message)) = self.socket.next().await {
                if message.is_close() {
                    break;
                }
            }
            Ok::<(), Error>(())
        };
        // A failure here ends in the same shutdown; the reason is known already.
        let _ = timeout(self.close_limit, parting).await;
        let _ = timeout(self.close_limit / 4, self.socket.get_mut().shutdown()).await;
    }

    /// The peer lives; or, while the reader of a frame was slow and nothing was read, the silence was ours.
    pub(super) fn alive(&mut self) {
        self.last_life = Instant::now();
        self.pinged = false;
    }

    /// When time itself is the next event.
    fn due(&self) -> Instant {
        let silent_for = if self.pinged {
            self.silence_limit
        } else {
            self.silence_limit / 2
        };
        let due = self.last_life + silent_for;
        self.proven_at.map_or(due, |proven| proven.min(due))
    }

    async fn on_time(&mut self) -> Result<Option<Turn>, End> {
        let now = Instant::now();
        if self.proven_at.is_some_and(|proven| proven <= now) {
            self.proven_at = None;
            return Ok(Some(Turn::Proven));
        }
        if now < self.due() {
            return Ok(None);
        }
        if self.pinged {
            return Err(End::Silent);
        }
        self.pinged = true;
        self.write(Message::Ping(Bytes::new())).await?;
        Ok(None)
    }

    async fn received(
        &mut self,
        message: Option<Result<Message, Error>>,
    ) -> Result<Option<Bytes>, End> {
        match message {
            Some(Ok(Message::Text(text))) => Ok(Some(text.into())),
            Some(Ok(Message::Binary(bytes))) => Ok(Some(bytes)),
            Some(Ok(Message::Ping(_))) => {
                // The answer, with the same payload, is queued; it must not wait for our next message.
                self.alive();
                written(timeout(self.write_limit, self.socket.flush()).await)?;
                Ok(None)
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => {
                self.alive();
                Ok(None)
            }
            Some(Ok(Message::Close(frame))) => Err(match frame {
                Some(frame) => End::Peer {
                    code: frame.code.into(),
                    words: frame.reason.as_str().to_owned(),
                },
                None => End::Peer {
                    code: CloseCode::Status.into(),
                    words: String::new(),
                },
            }),
            Some(Err(error)) => Err(ended(&error)),
            None => Err(End::Broken("the peer hung up".to_owned())),
        }
    }

    async fn write(&mut self, message: Message) -> Result<(), End> {
        written(timeout(self.write_limit, self.socket.send(message)).await)
    }
}

fn written(outcome: Result<Result<(), Error>, Elapsed>) -> Result<(), End> {
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(ended(&error)),
        Err(_) => Err(End::Stuck),
    }
}

fn ended(error: &Error) -> End {
    match error {
        Error::Capacity(_) => End::TooLarge,
        error => End::Broken(error.to_string()),
    }
}
