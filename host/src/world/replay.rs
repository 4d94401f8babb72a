//! A recording as a world: virtual time, and answers from the file.
//!
//! Time is the recorded receive time. Connections open at once; alarms fire at their due time, before the line that
//! lies at or behind it; a request is answered by the recorded answer that lies ahead, at its place, else by the
//! latest one at once, else by a 404. Budgets and time limits are off.

use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::time::{Duration, Instant};

use super::alarms::Alarms;
use crate::bus::Bus;
use crate::record::{AnswerKey, Capture, CaptureError, Kind, Line};
use crate::sandbox::contract::{Answer, Closed, Event, Frame, Response};
use crate::session::{Happening, World};
use crate::wire::Message;

/// How fast a recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Pace {
    /// As it was recorded.
    Recorded,
    /// As fast as the machine can.
    Max,
}

/// A recorded world.
pub struct ReplayWorld {
    capture: Capture,
    /// The line that comes next, and the number of the one that was played last.
    ahead: Option<Line>,
    played: u64,
    now: u64,
    pace: Pace,
    began: (Instant, u64),
    /// What happens before the next line, at the current time.
    at_once: VecDeque<Event>,
    alarms: Alarms,
    /// Connections in the order of their opening, with their addresses.
    open: Vec<(u32, String)>,
    /// Connections asked for while the exchange was away.
    wanted: Vec<(u32, String)>,
    /// The exchange lets no connection open.
    away: bool,
    /// Addresses whose connections were lost alone.
    lost: Vec<String>,
    /// Requests that wait for a line ahead.
    waiting: Vec<(u32, AnswerKey)>,
    latest: HashMap<AnswerKey, (u16, Vec<u8>)>,
    /// Frames that came while no connection was open.
    unheard: u64,
    output: Box<dyn Write>,
    bus: Option<Bus>,
    unpublished: VecDeque<Message>,
    /// What was published since this was last asked, for whoever wants to have it.
    kept: Option<Vec<Message>>,
    failure: Option<anyhow::Error>,
}

impl ReplayWorld {
    /// A world from a recording. Every message is written to `output` as one JSON object a line, and published on
    /// `bus` where there is one.
    pub fn new(
        mut capture: Capture,
        pace: Pace,
        output: Box<dyn Write>,
        bus: Option<Bus>,
    ) -> Result<Self, CaptureError> {
        let ahead = capture.next_line()?;
        let now = ahead.as_ref().map_or(0, |line| line.time);
        Ok(Self {
            capture,
            ahead,
            played: 0,
            now,
            pace,
            began: (Instant::now(), now),
            at_once: VecDeque::new(),
            alarms: Alarms::default(),
            open: Vec::new(),
            wanted: Vec::new(),
            away: false,
            lost: Vec::new(),
            waiting: Vec::new(),
            latest: HashMap::new(),
            unheard: 0,
            output,
            bus,
            unpublished: VecDeque::new(),
            kept: None,
            failure: None,
        })
    }

    /// A world that keeps every message until it is taken with [`ReplayWorld::take_published`].
    pub fn keeping(capture: Capture) -> Result<Self, CaptureError> {
        let world = Self::new(capture, Pace::Max, Box::new(std::io::sink()), None)?;
        Ok(Self {
            kept: Some(Vec::new()),
            ..world
        })
    }

    /// What was published since this was last asked.
    pub fn take_published(&mut self) -> Vec<Message> {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// How far it has come: the number of the last line that was played, and the time. Only rises.
    pub fn place(&self) -> (u64, u64) {
        (self.played, self.now)
    }

    /// Sends what is left and closes the bus; tells what went wrong with the file, the output or the bus.
    pub async fn finish(&mut self) -> anyhow::Result<()> {
        self.send_published().await;
        if let Some(bus) = &mut self.bus
            && let Err(error) = bus.flush().await
        {
            self.failure.get_or_insert(error.into());
        }
        if let Err(error) = self.output.flush() {
            self.failure.get_or_insert(error.into());
        }
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Frames that came while no connection was open.
    pub fn unheard(&self) -> u64 {
        self.unheard
    }

    /// Lines of the file that are no JSON object of a recording.
    pub fn unreadable(&self) -> u64 {
        self.capture.unreadable()
    }

    /// Safe to drop while it waits: a message leaves the queue only when the bus has it.
    async fn send_published(&mut self) {
        let Some(bus) = &mut self.bus else {
            return;
        };
        while let Some(message) = self.unpublished.front() {
            if let Err(error) = bus.publish(message).await {
                self.failure.get_or_insert(error.into());
            }
            self.unpublished.pop_front();
        }
    }

    async fn wait_until(&self, time: u64) {
        if self.pace == Pace::Recorded {
            let (began, first) = self.began;
            let due = began + Duration::from_nanos(time.saturating_sub(first));
            tokio::time::sleep_until(due.into()).await;
        }
    }

    /// What `line` brings, if it brings anything to the adapter.
    fn play(&mut self, line: Line) {
        self.now = self.now.max(line.time);
        self.played = line.number;
        match line.kind {
            Kind::Frame(data) => {
                let connection = self
                    .open
                    .iter()
                    .find(|(_, address)| *address == line.address)
                    .or(self.open.first())
                    .map(|(connection, _)| *connection);
                match connection {
                    Some(connection) => {
                        self.at_once
                            .push_back(Event::Frame(Frame { connection, data }));
                    }
                    None => self.unheard += 1,
                }
            }
            Kind::Answer(key, status, body) => {
                let (answered, waiting) = std::mem::take(&mut self.waiting)
                    .into_iter()
                    .partition(|(_, asked)| *asked == key);
                self.waiting = waiting;
                for (request, _) in answered {
                    self.answer(request, status, body.clone());
                }
                self.latest.insert(key, (status, body));
            }
            Kind::Close => {
                let is_alone = |(_, address): &mut (u32, String)| *address == line.address;
                let mut closed: Vec<_> = self.open.extract_if(.., is_alone).collect();
                if closed.is_empty() {
                    // Of a connection that the recording does not name, or that this adapter has not: all of them.
                    self.away = true;
                    closed = std::mem::take(&mut self.open);
                } else {
                    self.lost.push(line.address);
                }
                for (connection, _) in closed {
                    let reason = "the recording lost its connections here".to_string();
                    self.at_once
                        .push_back(Event::Closed(Closed { connection, reason }));
                }
            }
            Kind::Promoted => self.at_once.push_back(Event::Promoted),
            Kind::Open => {
                if let Some(place) = self.lost.iter().position(|lost| *lost == line.address) {
                    self.lost.swap_remove(place);
                } else if !self.open.iter().any(|(_, open)| *open == line.address) {
                    self.away = false;
                    self.lost.clear();
                }
                let wanted = std::mem::take(&mut self.wanted);
                let (wanted, opened) = wanted.into_iter().partition(|(_, to)| self.is_away(to));
                self.wanted = wanted;
                for (connection, address) in opened {
                    self.open.push((connection, address));
                    self.at_once.push_back(Event::Opened(connection));
                }
            }
        }
    }

    /// Whether no connection to the address can be opened now.
    fn is_away(&self, address: &str) -> bool {
        self.away || self.lost.iter().any(|lost| lost == address)
    }

    fn answer(&mut self, request: u32, status: u16, body: Vec<u8>) {
        let outcome = Ok(Answer { status, body });
        self.at_once
            .push_back(Event::Response(Response { request, outcome }));
    }
}

impl World for ReplayWorld {
    fn now(&self) -> u64 {
        self.now
    }

    fn seed(&self) -> u64 {
        0
    }

    async fn next(&mut self) -> Option<Happening> {
        loop {
            self.send_published().await;
            if self.failure.is_some() {
                return None;
            }
            if let Some(event) = self.at_once.pop_front() {
                return Some(Happening {
                    now: self.now,
                    event,
                });
            }
            let time = self.ahead.as_ref()?.time;
            if let Some(due) = self.alarms.due().filter(|due| *due <= time) {
                self.wait_until(due).await;
                self.now = self.now.max(due);
                let event = Event::Alarm(self.alarms.take()?);
                return Some(Happening {
                    now: self.now,
                    event,
                });
            }
            self.wait_until(time).await;
            let line = self.ahead.take()?;
            match self.capture.next_line() {
                Ok(ahead) => self.ahead = ahead,
                Err(error) => {
                    self.failure.get_or_insert(error.into());
                }
            }
            self.play(line);
        }
    }

    fn connect(&mut self, connection: u32, address: url::Url) {
        if self.is_away(address.as_str()) {
            self.wanted.push((connection, address.into()));
        } else {
            self.open.push((connection, address.into()));
            self.at_once.push_back(Event::Opened(connection));
        }
    }

    fn send(&mut self, _connection: u32, _text: String) {}

    fn close(&mut self, connection: u32) {
        self.open.retain(|(open, _)| *open != connection);
        self.wanted.retain(|(wanted, _)| *wanted != connection);
        let reason = "closed by the adapter".to_string();
        self.at_once
            .push_back(Event::Closed(Closed { connection, reason }));
    }

    fn request(&mut self, request: u32, address: url::Url, _weight: u32) {
        let key = AnswerKey::of(&address);
        if self.capture.lies_ahead(&key, self.played) {
            self.waiting.push((request, key));
        } else if let Some((status, body)) = self.latest.get(&key).cloned() {
            self.answer(request, status, body);
        } else {
            self.answer(request, 404, Vec::new());
        }
    }

    fn wake_at(&mut self, alarm: u32, time: u64) {
        self.alarms.set(alarm, time);
    }

    fn publish(&mut self, message: Message) {
        if let Err(error) = message.write_line(&mut self.output) {
            self.failure.get_or_insert(error.into());
        }
        if let Some(kept) = &mut self.kept {
            kept.push(message.clone());
        }
        if self.bus.is_some() {
            self.unpublished.push_back(message);
        }
    }

    fn abandon(&mut self) {
        self.at_once.clear();
        self.alarms.clear();
        self.open.clear();
        self.wanted.clear();
        self.waiting.clear();
    }
}
