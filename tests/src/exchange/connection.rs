//! One WebSocket connection: its streams, the exchange's rules about it, and what goes wrong on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};

use super::commands;
use super::damage;
use super::faults::FrameFault;
use super::frame::Frame;
use super::ledger::{Entry, Fate};
use super::records::{ConnectionRecord, End, Violation};
use super::state::{Control, Outlet, Shared, State};
use crate::random::Random;

const SECOND: Duration = Duration::from_secs(1);
/// How long a client has to take the rest and to answer a close frame.
const FAREWELL: Duration = Duration::from_secs(2);
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
    faults: Line,
    too_slow: Arc<Notify>,
}

struct Ping {
    sent: Instant,
    payload: Bytes,
    /// The ledger's next number then.
    ledger: u64,
}

/// What goes wrong on the way.
struct Line {
    dice: Random,
    /// Frames that wait for the next one of their stream.
    held: BTreeMap<Arc<str>, Frame>,
    /// The market's time until which the connection is silent.
    stalled_until: u64,
    /// The same of streams.
    muted_until: BTreeMap<Arc<str>, u64>,
}

/// What to do about a frame.
#[derive(Default)]
struct Plan {
    texts: Vec<Utf8Bytes>,
    wait: Option<Duration>,
    end: Option<FrameFault>,
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
        faults: Line {
            dice: Random::new(shared.settings.seed, &format!("connection {number}")),
            held: BTreeMap::new(),
            stalled_until: 0,
            muted_until: BTreeMap::new(),
        },
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

    fn hard_end(&self) -> Instant {
        let limits = &self.shared.settings.limits;
        let pong = self
            .pings
            .front()
            .map(|ping| ping.sent + limits.pong_within);
        let cut = self.opened + limits.cut_after;
        pong.map_or(cut, |pong| pong.min(cut))
    }

    fn notice_time(&self) -> Option<Instant> {
        let limits = &self.shared.settings.limits;
        let notice = limits.shutdown_notice.filter(|_| !self.noticed)?;
        Some(self.opened + limits.cut_after.saturating_sub(notice))
    }

    fn next_time(&self) -> Instant {
        let next = self.hard_end().min(self.next_ping);
        self.notice_time().map_or(next, |notice| notice.min(next))
    }

    /// Pings, the notice, and the ends that time brings.
    async fn on_time(&mut self, socket: &mut Socket) -> Result<(), End> {
        let now = Instant::now();
        let limits = &self.shared.settings.limits;
        if now >= self.opened + limits.cut_after {
            return Err(End::TooOld);
        }
        if now >= self.hard_end() {
            return Err(End::NoPong);
        }
        if self.notice_time().is_some_and(|notice| now >= notice) {
            self.notice(socket).await?;
        }
        if now >= self.next_ping {
            self.next_ping = now + self.shared.settings.limits.ping_every;
            let ledger = self.shared.lock().ledger.next();
            // The exchange sends a time; what matters is that no two are the same.
            let micros = self.shared.began.elapsed().as_micros();
            let payload = Bytes::from(format!("{}{micros:012}", self.number));
            self.pings.push_back(Ping {
                sent: now,
                payload: payload.clone(),
                ledger,
            });
            self.write(socket, Message::Ping(payload)).await?;
            self.flush(socket).await?;
        }
        Ok(())
    }

    async fn notice(&mut self, socket: &mut Socket) -> Result<(), End> {
        self.noticed = true;
        let time_ms = self.shared.lock().feed.now_ns() / 1_000_000;
        let data = format!(r#"{{"e":"serverShutdown","E":{time_ms}}}"#);
        let text = if self.combined {
            format!(r#"{{"stream":"!serverShutdown","data":{data}}}"#)
        } else {
            data
        };
        self.write(socket, Message::text(text)).await?;
        self.flush(socket).await
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

    async fn send_all(&mut self, socket: &mut Socket, batch: &mut Vec<Frame>) -> Result<(), End> {
        let mut frames = std::mem::take(batch).into_iter();
        let mut done = Ok(());
        for frame in frames.by_ref() {
            done = self.send(socket, frame).await;
            if done.is_err() {
                break;
            }
        }
        batch.extend(frames);
        if done.is_ok() {
            done = self.flush(socket).await;
        }
        self.shared.happened();
        done
    }

    /// What a connection has not sent when it ends.
    fn give_up(&self, batch: &mut Vec<Frame>) {
        for frame in batch.drain(..) {
            self.enter(&mut self.shared.lock(), &frame, Fate::Unsent);
        }
    }

    async fn send(&mut self, socket: &mut Socket, frame: Frame) -> Result<(), End> {
        let plan = self.plan(frame);
        if let Some(wait) = plan.wait {
            self.flush(socket).await?;
            sleep(wait).await;
        }
        for text in plan.texts {
            self.write(socket, Message::Text(text)).await?;
        }
        match plan.end {
            Some(fault) => Err(End::Fault(fault)),
            None => Ok(()),
        }
    }

    /// Decides what happens to a frame, and writes it down.
    fn plan(&mut self, frame: Frame) -> Plan {
        let mut state = self.shared.lock();
        let state = &mut *state;
        let mut plan = Plan::default();
        // The dice are thrown for every frame, so that what came before changes nothing.
        let thrown = state.faults.throw(&mut self.faults.dice);
        let fault = state.ordered(&frame.stream).or(thrown);
        let silent = if frame.time_ns < self.faults.stalled_until {
            Some(Fate::Stalled)
        } else if self
            .faults
            .muted_until
            .get(&frame.stream)
            .is_some_and(|until| frame.time_ns < *until)
        {
            Some(Fate::Muted)
        } else {
            None
        };
        if let Some(fate) = silent {
            self.enter(state, &frame, fate);
            return plan;
        }
        // One that waits already is not waited for by another.
        let fault = fault.filter(|fault| {
            *fault != FrameFault::Swap || !self.faults.held.contains_key(&frame.stream)
        });
        if let Some(fault) = fault {
            state.count(fault);
        }
        let text = frame.text(self.combined).clone();
        let damaged = |damaged: String| vec![Utf8Bytes::from(damaged)];
        let (fate, texts) = match fault {
            None => (Fate::Whole, vec![text]),
            Some(FrameFault::Drop) => (Fate::Dropped, vec![]),
            Some(FrameFault::Double) => (Fate::Doubled, vec![text.clone(), text]),
            Some(FrameFault::Swap) => {
                self.faults.held.insert(frame.stream.clone(), frame);
                return plan;
            }
            Some(FrameFault::Cut) => (
                Fate::Cut,
                damaged(damage::cut(&text, &mut self.faults.dice)),
            ),
            Some(FrameFault::Garbage) => (
                Fate::Garbage,
                damaged(damage::garbage(&mut self.faults.dice)),
            ),
            Some(FrameFault::Misshape) => (
                Fate::Misshapen,
                damaged(damage::misshapen(&text, &mut self.faults.dice)),
            ),
            Some(fault @ (FrameFault::Close | FrameFault::Abort | FrameFault::Reset)) => {
                plan.end = Some(fault);
                (Fate::Whole, vec![text])
            }
            Some(FrameFault::Stall) => {
                let length = state.faults.stall.as_nanos() as u64;
                self.faults.stalled_until = frame.time_ns + length;
                (Fate::Stalled, vec![])
            }
            Some(FrameFault::Mute) => {
                let until = frame.time_ns + state.faults.mute.as_nanos() as u64;
                self.faults.muted_until.insert(frame.stream.clone(), until);
                (Fate::Muted, vec![])
            }
            Some(FrameFault::Slow) => {
                plan.wait = Some(state.faults.slow);
                (Fate::Whole, vec![text])
            }
        };
        self.enter(state, &frame, fate);
        plan.texts = texts;
        if !plan.texts.is_empty()
            && let Some(held) = self.faults.held.remove(&frame.stream)
        {
            self.enter(state, &held, Fate::Swapped);
            plan.texts.push(held.text(self.combined).clone());
        }
        state.figures.frames += plan.texts.len() as u64;
        state.figures.bytes += plan.texts.iter().map(|text| text.len() as u64).sum::<u64>();
        plan
    }

    fn enter(&self, state: &mut State, frame: &Frame, fate: Fate) {
        state.ledger.push(Entry {
            connection: self.number,
            stream: frame.stream.clone(),
            item: frame.item,
            fate,
        });
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

    fn late(&self) -> End {
        if self.opened.elapsed() >= self.shared.settings.limits.cut_after {
            End::TooOld
        } else {
            End::NoPong
        }
    }

    fn finish(mut self, end: End, complete: bool, mut frames: mpsc::Receiver<Frame>) {
        frames.close();
        let mut state = self.shared.lock();
        for frame in std::mem::take(&mut self.faults.held).into_values() {
            self.enter(&mut state, &frame, Fate::Unsent);
        }
        while let Ok(frame) = frames.try_recv() {
            self.enter(&mut state, &frame, Fate::Unsent);
        }
        let at = self.shared.began.elapsed();
        if let Some(record) = state.connections.get_mut(&self.number) {
            record.ended = Some((at, end));
            record.complete = complete;
        }
        drop(state);
        self.shared.happened();
    }
}

/// Ends a connection in its way; true when the client could read everything.
async fn farewell(mut socket: Socket, end: End) -> bool {
    let (code, reason) = match end {
        End::Client | End::TooSlow | End::NoPong => return false,
        End::Fault(FrameFault::Reset) => {
            drop(timeout(FAREWELL, socket.flush()).await);
            // What fails here fails because the client is gone.
            let _ = socket.get_ref().set_zero_linger();
            return false;
        }
        End::Fault(FrameFault::Abort) => {
            let flushed = matches!(timeout(FAREWELL, socket.flush()).await, Ok(Ok(())));
            let _ = tokio::io::AsyncWriteExt::shutdown(socket.get_mut()).await;
            // Reading on until the client ends it too: unread bytes would turn the end into a reset.
            drop(timeout(FAREWELL, read_out(socket)).await);
            return flushed;
        }
        End::TooManyMessages => (CloseCode::Policy, "Too many requests"),
        End::TooManyStreams => (CloseCode::Policy, "Too many streams"),
        End::TooOld | End::Ordered | End::Fault(_) => (CloseCode::Away, "Going away"),
    };
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    let closed = matches!(
        timeout(FAREWELL, socket.close(Some(frame))).await,
        Ok(Ok(()))
    );
    let answer = async { while let Some(Ok(_)) = socket.next().await {} };
    drop(timeout(FAREWELL, answer).await);
    closed
}

async fn read_out(socket: Socket) {
    let mut tcp = socket.into_inner();
    let mut bytes = [0; 1_024];
    while let Ok(1..) = tokio::io::AsyncReadExt::read(&mut tcp, &mut bytes).await {}
}
