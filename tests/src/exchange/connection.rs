//! One WebSocket connection: its streams, its messages and the rules about them. What time brings is in `times`, what
//! goes wrong on the way in `line`, its end in `farewell`.

mod farewell;
mod line;
mod times;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep_until;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::commands;
use super::faults::FrameFault;
use super::frame::Frame;
use super::records::{ConnectionRecord, End, Violation};
use super::state::{Control, Outlet, Shared};
use crate::random::Random;
use farewell::farewell;
use line::Line;

const SECOND: Duration = Duration::from_secs(1);
/// Frames written between two looks at the client and the clock.
const BATCH_FRAMES: usize = 256;

type Socket = WebSocketStream<TcpStream>;

/// A connection's own state.
pub(crate) struct Connection {
    shared: Arc<Shared>,
    number: u64,
    combined: bool,
    opened: Instant,
    next_ping: Instant,
    noticed: bool,
    pings: VecDeque<Ping>,
    /// When messages came, within a second.
    received: VecDeque<Instant>,
    line: Line,
    too_slow: Arc<Notify>,
}

struct Ping {
    sent: Instant,
    payload: Bytes,
    /// The ledger's next number then.
    ledger: u64,
}

/// Serves a connection from its handshake to its end.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    mut socket: Socket,
    target: &str,
    combined: bool,
    streams: BTreeSet<Arc<str>>,
) {
    let (sender, mut frames) = mpsc::channel(shared.settings.queue_frames_max.max(1));
    let (control, mut orders) = mpsc::unbounded_channel();
    let too_slow = Arc::new(Notify::new());
    let too_many = streams.len() > shared.settings.limits.streams_max;
    let number = {
        let mut state = shared.lock();
        state.figures.connections_total += 1;
        let number = state.figures.connections_total;
        let outlet = Outlet {
            streams,
            frames: sender,
            control,
            too_slow: too_slow.clone(),
        };
        state.outlets.insert(number, outlet);
        state.connections.insert(
            number,
            ConnectionRecord {
                number,
                target: target.to_owned(),
                opened: shared.began.elapsed(),
                ended: None,
                complete: false,
                confirmed: 0,
                pongs: 0,
            },
        );
        number
    };
    shared.subscribed.notify_waiters();
    shared.happened();
    let now = Instant::now();
    let mut connection = Connection {
        number,
        combined,
        opened: now,
        next_ping: now + shared.settings.limits.ping_every,
        noticed: false,
        pings: VecDeque::new(),
        received: VecDeque::new(),
        line: Line::new(Random::new(
            shared.settings.seed,
            &format!("connection {number}"),
        )),
        shared: shared.clone(),
        too_slow,
    };
    let end = if too_many {
        shared.lock().violation(Violation::Streams(number));
        End::TooManyStreams
    } else {
        connection.run(&mut socket, &mut frames, &mut orders).await
    };
    // No frame is promised to it from here on.
    shared.lock().outlets.remove(&number);
    let complete = farewell(socket, end).await;
    connection.finish(end, complete, frames);
}

impl Connection {
    async fn run(
        &mut self,
        socket: &mut Socket,
        frames: &mut mpsc::Receiver<Frame>,
        orders: &mut mpsc::UnboundedReceiver<Control>,
    ) -> End {
        let mut batch = Vec::with_capacity(BATCH_FRAMES);
        loop {
            if let Err(end) = self.on_time(socket).await {
                return end;
            }
            let done = tokio::select! {
                biased;
                message = socket.next() => match message {
                    Some(Ok(message)) => self.on_message(socket, message).await,
                    Some(Err(_)) | None => Err(End::Client),
                },
                Some(order) = orders.recv() => {
                    if matches!(order, Control::Close) {
                        while let Ok(frame) = frames.try_recv() {
                            batch.push(frame);
                        }
                    }
                    let end = self.send_all(socket, &mut batch).await;
                    self.give_up(&mut batch);
                    match end {
                        Ok(()) => self.on_order(socket, order).await,
                        Err(end) => Err(end),
                    }
                }
                () = sleep_until(self.next_time().into()) => Ok(()),
                () = self.too_slow.notified() => Err(End::TooSlow),
                _ = frames.recv_many(&mut batch, BATCH_FRAMES) => {
                    let end = self.send_all(socket, &mut batch).await;
                    self.give_up(&mut batch);
                    end
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn on_order(&mut self, socket: &mut Socket, order: Control) -> Result<(), End> {
        match order {
            Control::Notice => self.notice(socket).await,
            Control::Close => Err(End::Ordered),
            Control::Abort => Err(End::Fault(FrameFault::Abort)),
        }
    }

    async fn on_message(&mut self, socket: &mut Socket, message: Message) -> Result<(), End> {
        let now = Instant::now();
        if matches!(message, Message::Close(_) | Message::Frame(_)) {
            // The answer to it is written by whoever reads on until the end.
            return Ok(());
        }
        self.received.push_back(now);
        while self
            .received
            .pop_front_if(|received| now.duration_since(*received) >= SECOND)
            .is_some()
        {}
        if self.received.len() > self.shared.settings.limits.messages_per_second {
            let violation = Violation::Messages(self.number);
            self.shared.lock().violation(violation);
            return Err(End::TooManyMessages);
        }
        match message {
            Message::Pong(payload) => {
                self.on_pong(&payload);
                Ok(())
            }
            Message::Text(text) => self.on_text(socket, &text).await,
            _ => Ok(()),
        }
    }

    fn on_pong(&mut self, payload: &Bytes) {
        // An unsolicited pong does not count as an answer.
        let Some(place) = self.pings.iter().position(|ping| ping.payload == *payload) else {
            return;
        };
        let mut state = self.shared.lock();
        if let Some(record) = state.connections.get_mut(&self.number) {
            record.confirmed = self.pings[place].ledger;
            record.pongs += 1;
        }
        drop(state);
        self.pings.drain(..=place);
        self.shared.happened();
    }

    async fn on_text(&mut self, socket: &mut Socket, text: &str) -> Result<(), End> {
        let answer = {
            let mut state = self.shared.lock();
            let Some(outlet) = state.outlets.get_mut(&self.number) else {
                return Err(End::Ordered);
            };
            let answer = commands::answer(text, &mut outlet.streams, &mut self.combined);
            if outlet.streams.len() > self.shared.settings.limits.streams_max {
                state.violation(Violation::Streams(self.number));
                return Err(End::TooManyStreams);
            }
            answer
        };
        self.shared.subscribed.notify_waiters();
        self.shared.happened();
        self.write(socket, Message::text(answer)).await?;
        self.flush(socket).await
    }

    async fn write(&self, socket: &mut Socket, message: Message) -> Result<(), End> {
        self.while_it_may(socket.feed(message)).await
    }

    async fn flush(&self, socket: &mut Socket) -> Result<(), End> {
        self.while_it_may(socket.flush()).await
    }

    /// Waits for the client, but not beyond the time at which the connection must end.
    async fn while_it_may<E>(&self, done: impl Future<Output = Result<(), E>>) -> Result<(), End> {
        tokio::select! {
            biased;
            done = done => done.map_err(|_| End::Client),
            () = sleep_until(self.hard_end().into()) => Err(self.late()),
            () = self.too_slow.notified() => Err(End::TooSlow),
        }
    }
}
