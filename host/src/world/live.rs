//! The live world: sockets, requests, the clock and the bus, all on the session's own thread.
//!
//! Nothing here waits but [`World::next`], and that waits for everything at once. Messages go through a bounded
//! outbox, so a NATS server that is away or slow never holds up a socket.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, watch};

use super::alarms::Alarms;
use crate::bus::{self, Bus, Outbox};
use crate::rest;
use crate::sandbox::contract::{Answer, Closed, Event, Frame, RequestFailure, Response};
use crate::session::{Happening, World};
use crate::wire::Message;
use crate::ws;

/// Socket events that wait for the session; beyond them TCP waits.
const SOCKET_EVENTS_MAX: usize = 1_024;

/// Longest pause between two attempts to reach NATS for the first time.
const BUS_PAUSE_MAX: Duration = Duration::from_secs(30);

/// How long a stopping session may take to publish what is queued.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// What a live world is made of.
pub struct LiveParts {
    /// Opens the session's connections.
    pub dialer: ws::Dialer,
    /// Sends the session's requests.
    pub client: rest::Client,
    /// Where to publish; without it messages are dropped and counted.
    pub bus: Option<bus::Settings>,
    /// Messages that wait at most while the server is away.
    pub outbox: Outbox,
    /// Seed of the adapter's jitter.
    pub seed: u64,
    /// Turns true when the session is to end.
    pub stop: watch::Receiver<bool>,
}

/// The world as it is.
pub struct LiveWorld {
    now: u64,
    dialer: ws::Dialer,
    sockets: HashMap<u32, ws::Handle>,
    /// Openings whose end is still to come after `close`.
    closing: HashMap<u32, ws::Opening>,
    socket_events: (mpsc::Sender<ws::Event>, mpsc::Receiver<ws::Event>),
    client: rest::Client,
    answers: (mpsc::Sender<rest::Done>, mpsc::Receiver<rest::Done>),
    alarms: Alarms,
    outbox: Outbox,
    bus: Way,
    seed: u64,
    stop: watch::Receiver<bool>,
}

/// What ended the waiting.
enum Heard {
    Socket(ws::Event),
    Answer(rest::Done),
    Alarm,
}

/// The way to the bus.
enum Way {
    Connecting(mpsc::Receiver<Bus>),
    Open(Bus),
    None,
}

impl LiveWorld {
    /// A world on the current tokio runtime. NATS is tried in the background, for as long as it takes.
    pub fn new(parts: LiveParts) -> Self {
        let bus = match parts.bus {
            Some(settings) => {
                let (sender, receiver) = mpsc::channel(1);
                tokio::spawn(reach_bus(settings, sender));
                Way::Connecting(receiver)
            }
            None => Way::None,
        };
        Self {
            now: wall_clock(),
            dialer: parts.dialer,
            sockets: HashMap::new(),
            closing: HashMap::new(),
            socket_events: mpsc::channel(SOCKET_EVENTS_MAX),
            client: parts.client,
            answers: mpsc::channel(SOCKET_EVENTS_MAX),
            alarms: Alarms::default(),
            outbox: parts.outbox,
            bus,
            seed: parts.seed,
            stop: parts.stop,
        }
    }

    /// Publishes what is queued, within some seconds, and closes the bus. Tells how many messages were left.
    pub async fn drain(&mut self) -> usize {
        let drained = async {
            while !self.outbox.is_empty() {
                send_next(&mut self.bus, &mut self.outbox).await;
            }
            if let Way::Open(bus) = &self.bus
                && let Err(error) = bus.flush().await
            {
                tracing::warn!("the last messages may be lost: {error}");
            }
        };
        let _ = tokio::time::timeout(DRAIN_LIMIT, drained).await;
        std::iter::from_fn(|| self.outbox.pop()).count()
    }

    /// What waits for the bus, and what it lost.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Whether the session was told to end.
    pub fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    fn advance(&mut self, to: u64) -> u64 {
        // The wall clock may step back; the adapter's time never does.
        self.now = self.now.max(to);
        self.now
    }

    fn on_socket(&mut self, event: ws::Event) -> Option<Event> {
        let ws::Event {
            connection,
            opening,
            what,
            ..
        } = event;
        let is_current = self
            .sockets
            .get(&connection)
            .is_some_and(|handle| handle.opening() == opening);
        let is_closing = self.closing.get(&connection) == Some(&opening);
        match what {
            ws::What::Opened if is_current => Some(Event::Opened(connection)),
            ws::What::Frame(data) if is_current => Some(Event::Frame(Frame {
                connection,
                data: data.into(),
            })),
            ws::What::Closed(end) if is_current || is_closing => {
                if is_closing {
                    self.closing.remove(&connection);
                } else {
                    self.sockets.remove(&connection);
                }
                let reason = end.to_string();
                Some(Event::Closed(Closed { connection, reason }))
            }
            // Of an opening that is no longer the session's.
            _ => None,
        }
    }
}

impl World for LiveWorld {
    fn now(&self) -> u64 {
        self.now.max(wall_clock())
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    async fn next(&mut self) -> Option<Happening> {
        loop {
            let alarm = self.alarms.due();
            let is_due = alarm.is_some_and(|due| due <= wall_clock());
            // Rare things first: under load there is always one more frame.
            let heard = tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => return None,
                () = std::future::ready(()), if is_due => Heard::Alarm,
                Some(done) = self.answers.1.recv() => Heard::Answer(done),
                () = send_next(&mut self.bus, &mut self.outbox), if !self.outbox.is_empty() => continue,
                Some(event) = self.socket_events.1.recv() => Heard::Socket(event),
                () = until(alarm), if alarm.is_some() => Heard::Alarm,
            };
            let (now, event) = match heard {
                Heard::Socket(event) => (event.noticed_ns, self.on_socket(event)),
                Heard::Answer(done) => (wall_clock(), Some(Event::Response(response(done)))),
                Heard::Alarm => (wall_clock(), self.alarms.take().map(Event::Alarm)),
            };
            let now = self.advance(now);
            if let Some(event) = event {
                return Some(Happening { now, event });
            }
        }
    }

    fn connect(&mut self, connection: u32, address: url::Url) {
        let handle = self
            .dialer
            .open(connection, address, self.socket_events.0.clone());
        self.sockets.insert(connection, handle);
    }

    fn send(&mut self, connection: u32, text: String) {
        if let Some(socket) = self.sockets.get(&connection)
            && let Err(error) = socket.send(text)
        {
            tracing::warn!("connection {connection}: a message was not sent: {error}");
        }
    }

    fn close(&mut self, connection: u32) {
        if let Some(socket) = self.sockets.remove(&connection) {
            self.closing.insert(connection, socket.opening());
            socket.close();
        }
    }

    fn request(&mut self, request: u32, address: url::Url, weight: u32) {
        self.client
            .get(request, address, weight, self.answers.0.clone());
    }

    fn wake_at(&mut self, alarm: u32, time: u64) {
        self.alarms.set(alarm, time);
    }

    fn publish(&mut self, message: Message) {
        self.outbox.push(message);
    }

    fn abandon(&mut self) {
        // Dropping a handle ends its connection without an event; what is under way comes through the old channels.
        self.sockets.clear();
        self.closing.clear();
        self.client.abandon();
        self.socket_events = mpsc::channel(SOCKET_EVENTS_MAX);
        self.answers = mpsc::channel(SOCKET_EVENTS_MAX);
        self.alarms.clear();
    }
}

/// Sends the message that is next, once there is a way. Safe to drop while it waits: a message leaves the outbox only
/// when the bus has it.
async fn send_next(way: &mut Way, outbox: &mut Outbox) {
    if let Way::Connecting(found) = way {
        match found.recv().await {
            Some(bus) => *way = Way::Open(bus),
            None => *way = Way::None,
        }
    }
    let Some(message) = outbox.next() else {
        return;
    };
    if let Way::Open(bus) = way
        && let Err(error) = bus.publish(message).await
    {
        tracing::error!("{}: not published: {error}", message.subject);
    }
    outbox.pop();
}

/// Tries to reach NATS until it is there.
async fn reach_bus(settings: bus::Settings, found: mpsc::Sender<Bus>) {
    let mut pause = Duration::from_millis(500);
    loop {
        match Bus::connect(&settings).await {
            Ok(bus) => {
                let _ = found.send(bus).await;
                return;
            }
            Err(error) => {
                tracing::warn!("{error}; trying again in {:.1} s", pause.as_secs_f64());
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = found.closed() => return,
        }
        pause = (pause * 2).min(BUS_PAUSE_MAX);
    }
}

fn response(done: rest::Done) -> Response {
    let outcome = match done.outcome {
        Ok(answer) => Ok(Answer {
            status: answer.status,
            body: answer.body.into(),
        }),
        Err(failure) => {
            tracing::warn!("request {}: {failure}", done.request);
            Err(match failure {
                rest::Failure::TimedOut => RequestFailure::TimedOut,
                rest::Failure::Unreachable(_) => RequestFailure::Unreachable,
                rest::Failure::TooLarge => RequestFailure::TooLarge,
                rest::Failure::OverBudget(_) => RequestFailure::OverBudget,
            })
        }
    };
    Response {
        request: done.request,
        outcome,
    }
}

/// Ends when the wall clock shows `time`; ends at once without one.
async fn until(time: Option<u64>) {
    let wait = time.map_or(0, |time| time.saturating_sub(wall_clock()));
    tokio::time::sleep(Duration::from_nanos(wait)).await;
}

/// Nanoseconds since the epoch.
fn wall_clock() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
