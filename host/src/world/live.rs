//! The live world: sockets, requests, the clock and the bus, all on the session's own thread.
//!
//! Nothing here waits but [`World::next`], and that waits for everything at once. Messages go through a bounded
//! outbox, so a NATS server that is away or slow never holds up a socket.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::alarms::Alarms;
use super::clock::{until, wall_clock};
use super::fence::Fence;
use super::outbound::Outbound;
use super::tape::Tape;
use crate::bus::{self, Delivered, Deposit, Outbox, Storing};
use crate::record::Recorder;
use crate::rest;
use crate::sandbox::contract::{Answer, Closed, Event, Frame, RequestFailure, Response};
use crate::session::{Happening, World};
use crate::wire::Message;
use crate::ws;

/// Socket events that wait for the session; beyond them TCP waits.
const SOCKET_EVENTS_MAX: usize = 1_024;

/// Between two questions for a report, in nanoseconds.
const REPORT_EVERY_NS: u64 = 1_000_000_000;

/// The same while the session stands by: whoever waits for it looks often.
const STANDBY_REPORT_EVERY_NS: u64 = 100_000_000;

/// Levels a side that a report is to hold.
const REPORT_LEVELS: u32 = 1;

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
    /// Takes what a stream is to store; without it everything goes out over Core NATS.
    pub deposit: Option<Deposit>,
    /// The session's `exchange`.
    pub venue: Arc<str>,
    /// Messages that wait at most while the server is away.
    pub outbox: Outbox,
    /// Seed of the adapter's jitter.
    pub seed: u64,
    /// Where to record what the session sees and sends.
    pub recorder: Option<Recorder>,
    /// Turns true when the session is to end.
    pub stop: watch::Receiver<bool>,
    /// Once it is up nothing is published any more.
    pub fence: Fence,
    /// Another version is at work until [`LiveWorld::promoted`].
    pub standby: bool,
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
    /// When the next report is due, in nanoseconds since the epoch.
    report_at: u64,
    report_every: u64,
    outbound: Outbound,
    seed: u64,
    tape: Option<Tape>,
    stop: watch::Receiver<bool>,
}

/// What ended the waiting.
enum Heard {
    Socket(ws::Event),
    Answer(rest::Done),
    Clock,
}

impl LiveWorld {
    /// A world on the current tokio runtime. NATS is tried in the background, for as long as it takes.
    pub fn new(parts: LiveParts) -> Self {
        let now = wall_clock();
        let report_every = if parts.standby {
            STANDBY_REPORT_EVERY_NS
        } else {
            REPORT_EVERY_NS
        };
        Self {
            now,
            dialer: parts.dialer,
            sockets: HashMap::new(),
            closing: HashMap::new(),
            socket_events: mpsc::channel(SOCKET_EVENTS_MAX),
            client: parts.client,
            answers: mpsc::channel(SOCKET_EVENTS_MAX),
            alarms: Alarms::default(),
            report_at: now.saturating_add(report_every),
            report_every,
            outbound: Outbound::new(
                parts.outbox,
                parts.bus,
                parts.fence,
                parts.deposit,
                &parts.venue,
            ),
            seed: parts.seed,
            tape: parts.recorder.map(Tape::new),
            stop: parts.stop,
        }
    }

    /// Publishes what is queued, within some seconds. Tells how many messages were left.
    pub async fn drain(&mut self) -> usize {
        let _ = tokio::time::timeout(DRAIN_LIMIT, self.outbound.send_all()).await;
        self.outbound.give_up()
    }

    /// Publishes what is queued and has NATS confirm it, within `limit`; else everything stays as it is.
    ///
    /// # Errors
    /// Why it cannot be.
    pub async fn settle(&mut self, limit: Duration) -> Result<(), &'static str> {
        if self.is_bus_connected() == Some(false) {
            return Err("NATS is not connected");
        }
        match tokio::time::timeout(limit, self.outbound.send_all()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err("NATS did not confirm the last messages"),
            Err(_) => Err("NATS did not take what is queued in time"),
        }
    }

    /// The session stands by for long: nobody looks often any more.
    pub fn settle_in(&mut self) {
        self.report_every = REPORT_EVERY_NS;
    }

    /// The session's turn has come.
    pub fn promoted(&mut self) {
        self.settle_in();
        let now = self.advance(wall_clock());
        if let Some(tape) = &mut self.tape {
            tape.told(now, &Event::Promoted);
        }
    }

    /// What waits for NATS, and what it lost.
    pub fn outbox(&self) -> &Outbox {
        self.outbound.outbox()
    }

    /// What was handed to NATS, and what streams stored.
    pub fn delivered(&self) -> Delivered {
        self.outbound.delivered()
    }

    /// What became of the messages for streams; none when there are no streams.
    pub fn storing(&self) -> Option<Storing> {
        self.outbound.storing()
    }

    /// Whether NATS is connected; none when no server is configured.
    pub fn is_bus_connected(&self) -> Option<bool> {
        self.outbound.is_connected()
    }

    /// What the session's WebSockets have done so far.
    pub fn sockets(&self) -> ws::Counts {
        self.dialer.counts()
    }

    /// What the session's requests have come to so far.
    pub fn requests(&self) -> rest::Counts {
        self.client.counts()
    }

    fn advance(&mut self, to: u64) -> u64 {
        // The wall clock may step back; the adapter's time never does.
        self.now = self.now.max(to);
        self.now
    }

    /// When the clock has something to tell next.
    fn next_due(&self) -> u64 {
        let alarm = self.alarms.due();
        alarm.map_or(self.report_at, |alarm| alarm.min(self.report_at))
    }

    fn on_clock(&mut self, now: u64) -> Option<Event> {
        if self.alarms.due().is_some_and(|due| due <= now) {
            return self.alarms.take().map(Event::Alarm);
        }
        if self.report_at <= now {
            self.report_at = now.saturating_add(self.report_every);
            return Some(Event::ReportWanted(REPORT_LEVELS));
        }
        None
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
            let due = self.next_due();
            let is_due = due <= wall_clock();
            // Rare things first: under load there is always one more frame.
            let heard = tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => return None,
                () = std::future::ready(()), if is_due => Heard::Clock,
                Some(done) = self.answers.1.recv() => Heard::Answer(done),
                () = self.outbound.send_next(), if self.outbound.is_busy() => continue,
                Some(event) = self.socket_events.1.recv() => Heard::Socket(event),
                () = until(due) => Heard::Clock,
            };
            let (now, event) = match heard {
                Heard::Socket(event) => (event.noticed_ns, self.on_socket(event)),
                Heard::Answer(done) => (wall_clock(), Some(Event::Response(response(done)))),
                Heard::Clock => {
                    let now = wall_clock();
                    (now, self.on_clock(now))
                }
            };
            let now = self.advance(now);
            if let Some(event) = event {
                if let Some(tape) = &mut self.tape {
                    tape.told(now, &event);
                }
                return Some(Happening { now, event });
            }
        }
    }

    fn connect(&mut self, connection: u32, address: url::Url) {
        if let Some(tape) = &mut self.tape {
            tape.connect(self.now, connection, &address);
        }
        let handle = self
            .dialer
            .open(connection, address, self.socket_events.0.clone());
        self.sockets.insert(connection, handle);
    }

    fn send(&mut self, connection: u32, text: String) {
        if let Some(tape) = &mut self.tape {
            tape.send(self.now, connection, &text);
        }
        if let Some(socket) = self.sockets.get(&connection)
            && let Err(error) = socket.send(text)
        {
            tracing::warn!("connection {connection}: a message was not sent: {error}");
        }
    }

    fn close(&mut self, connection: u32) {
        if let Some(socket) = self.sockets.remove(&connection) {
            if let Some(tape) = &mut self.tape {
                tape.close(self.now, connection);
            }
            self.closing.insert(connection, socket.opening());
            socket.close();
        }
    }

    fn request(&mut self, request: u32, address: url::Url, weight: u32) {
        if let Some(tape) = &mut self.tape {
            tape.request(self.now, request, &address, weight);
        }
        self.client
            .get(request, address, weight, self.answers.0.clone());
    }

    fn wake_at(&mut self, alarm: u32, time: u64) {
        self.alarms.set(alarm, time);
    }

    fn publish(&mut self, message: Message) {
        self.outbound.push(message);
    }

    fn abandon(&mut self) {
        if let Some(tape) = &mut self.tape {
            tape.abandon(self.now);
        }
        // Dropping a handle ends its connection without an event; what is under way comes through the old channels.
        self.sockets.clear();
        self.closing.clear();
        self.client.abandon();
        self.socket_events = mpsc::channel(SOCKET_EVENTS_MAX);
        self.answers = mpsc::channel(SOCKET_EVENTS_MAX);
        self.alarms.clear();
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
