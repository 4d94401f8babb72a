//! One WebSocket connection: its streams, its messages and the rules about them. What time brings is in `times`, what
//! goes wrong on the way in `line`, its end in `farewell`.

mod farewell;
mod line;
mod times;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep_until;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::dialect::{Heard, Manners, Opening, Talk};
use super::faults::FrameFault;
use super::frame::Frame;
use super::records::{ConnectionRecord, End, Violation};
use super::state::{Control, OnTheWay, Outlet, Shared};
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
    manners: Manners,
    next_heartbeat: Option<Instant>,
    /// When the client sent its last text.
    last_text: Instant,
    /// When the exchange sent its last frame.
    last_data: Instant,
    /// When it is ended on request.
    leaves: Option<Instant>,
    /// The market's time at which streams began that have a beginning: older frames are none of theirs.
    began: BTreeMap<Arc<str>, u64>,
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
    opening: Opening,
    counted: OnTheWay,
) {
    let Opening {
        combined,
        streams,
        carries,
    } = opening;
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
            carries,
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
    drop(counted);
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
        manners: Manners::default(),
        next_heartbeat: None,
        last_text: now,
        last_data: now,
        leaves: None,
        began: BTreeMap::new(),
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
                    Some(Ok(message)) => self.on_message(socket, message, frames).await,
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
            Control::Leave(after) => {
                self.leaves = Some(Instant::now() + after);
                self.notice(socket).await
            }
            Control::Close => Err(End::Ordered),
            Control::Abort => Err(End::Fault(FrameFault::Abort)),
        }
    }

    async fn on_message(
        &mut self,
        socket: &mut Socket,
        message: Message,
        frames: &mut mpsc::Receiver<Frame>,
    ) -> Result<(), End> {
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
            Message::Text(text) => self.on_text(socket, &text, frames).await,
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

    async fn on_text(
        &mut self,
        socket: &mut Socket,
        text: &str,
        frames: &mut mpsc::Receiver<Frame>,
    ) -> Result<(), End> {
        self.last_text = Instant::now();
        let (heard, mut batch) = self.hear(text, frames)?;
        self.shared.subscribed.notify_waiters();
        self.shared.happened();
        let sent = self.send_all(socket, &mut batch).await;
        self.give_up(&mut batch);
        sent?;
        if heard.heartbeat_set {
            self.next_heartbeat = self.manners.heartbeat.map(|every| Instant::now() + every);
        }
        for answer in heard.answers {
            self.write(socket, Message::text(answer)).await?;
        }
        self.flush(socket).await?;
        if let Some(end) = heard.end {
            return Err(end);
        }
        batch.extend(heard.first);
        let sent = self.send_all(socket, &mut batch).await;
        self.give_up(&mut batch);
        sent
    }

    /// What a text brings about, and the frames that are to be sent before: those that wait already when a stream
    /// begins anew.
    fn hear(
        &mut self,
        text: &str,
        frames: &mut mpsc::Receiver<Frame>,
    ) -> Result<(Heard, Vec<Frame>), End> {
        let mut state = self.shared.lock();
        let state = &mut *state;
        let Some(outlet) = state.outlets.get_mut(&self.number) else {
            return Err(End::Ordered);
        };
        let mut talk = Talk {
            connection: self.number,
            streams: &mut outlet.streams,
            combined: &mut self.combined,
            manners: &mut self.manners,
            feed: &mut state.feed,
            settings: &self.shared.settings,
            now: self.last_text,
        };
        let heard = self.shared.dialect.hear(&mut talk, text);
        let streams = outlet.streams.len();
        let mut batch = Vec::new();
        if !heard.first.is_empty() {
            while let Ok(frame) = frames.try_recv() {
                batch.push(frame);
            }
        }
        for stream in &heard.asked {
            self.line.speak(stream);
        }
        for frame in &heard.first {
            self.began.insert(frame.stream.clone(), frame.time_ns);
        }
        if let Some(violation) = heard.violation {
            state.violation(violation);
        }
        if streams > self.shared.settings.limits.streams_max {
            state.violation(Violation::Streams(self.number));
            return Err(End::TooManyStreams);
        }
        Ok((heard, batch))
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
            () = sleep_until(self.deadline().0.into()) => Err(self.deadline().1),
            () = self.too_slow.notified() => Err(End::TooSlow),
        }
    }
}
