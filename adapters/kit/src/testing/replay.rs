//! A recording as an adapter's world: frames and answers at their places, alarms in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it, and they fail by a panic"
)]

use std::collections::BTreeMap;

use super::recording::Record;
use super::{Driver, answer, closed, frame, start};
use crate::Adapter;
use crate::wit::{Action, Event, InstrumentReport, MarketEvent, RequestFailure, Response};

/// What of an address says whom a request is about.
const SUBJECTS: [&str; 4] = ["symbol=", "instId=", "currency=", "instrument_name="];

/// A recording's run through a fresh adapter, and what came of it.
#[derive(Debug)]
pub struct Replay<A> {
    driver: Driver<A>,
    now: u64,
    /// The place of the record that is told.
    at: usize,
    alarms: BTreeMap<u32, u64>,
    open: Vec<u32>,
    /// Connections that the adapter wants while there are none.
    wanted: Vec<u32>,
    is_away: bool,
    /// Requests that wait for the record of this place.
    answers: BTreeMap<usize, Vec<u32>>,
    /// Names of the instruments by number.
    pub names: Vec<String>,
    /// What was published.
    pub events: Vec<MarketEvent>,
    /// For each of them, the place of the record at which it was.
    pub places: Vec<usize>,
    /// What was sent through connections.
    pub sent: Vec<String>,
    /// Addresses of the requests.
    pub requests: Vec<String>,
    /// Frames that nobody asked for.
    pub ignored: usize,
    /// Frames and answers that were refused: the rule and what was found.
    pub refused: Vec<String>,
}

impl<A: Adapter> Replay<A> {
    /// Runs a recording. Between the records "ws_close" and "ws_open" no connection can be had; before and after, each
    /// opens at once.
    ///
    /// # Panics
    /// When no record has a time.
    pub fn run(records: &[Record], settings: &str, symbols: &[&str]) -> Self {
        let mut replay = Self {
            driver: Driver::default(),
            now: records.iter().find_map(|record| record.t_ns).unwrap(),
            at: 0,
            alarms: BTreeMap::new(),
            open: Vec::new(),
            wanted: Vec::new(),
            is_away: false,
            answers: BTreeMap::new(),
            names: Vec::new(),
            events: Vec::new(),
            places: Vec::new(),
            sent: Vec::new(),
            requests: Vec::new(),
            ignored: 0,
            refused: Vec::new(),
        };
        replay.tell(records, &start(settings, symbols));
        for (at, record) in records.iter().enumerate() {
            replay.at = at;
            replay.wake(records, record.t_ns.unwrap_or(replay.now));
            replay.record(records, record);
        }
        replay
    }

    fn record(&mut self, records: &[Record], record: &Record) {
        match record.kind.as_str() {
            "ws" => {
                if let Some(connection) = self.open.first().copied() {
                    self.tell(records, &frame(connection, record.data.as_str()));
                }
            }
            "ws_close" => {
                self.is_away = true;
                for connection in std::mem::take(&mut self.open) {
                    self.tell(records, &closed(connection));
                }
            }
            "ws_open" => {
                self.is_away = false;
                for connection in std::mem::take(&mut self.wanted) {
                    self.open(records, connection);
                }
            }
            _ => {}
        }
        for request in self.answers.remove(&self.at).unwrap_or_default() {
            let answer = answer(request, record.status, record.data.as_str());
            self.tell(records, &answer);
        }
    }

    fn open(&mut self, records: &[Record], connection: u32) {
        self.open.push(connection);
        self.tell(records, &Event::Opened(connection));
    }

    /// Lets the time go on with every alarm on the way.
    fn wake(&mut self, records: &[Record], until: u64) {
        let until = until.max(self.now);
        while let Some(alarm) = super::next_alarm(&mut self.alarms, until) {
            self.now = self.now.max(alarm.time);
            self.tell(records, &Event::Alarm(alarm.alarm));
        }
        self.now = until;
    }

    fn tell(&mut self, records: &[Record], event: &Event) {
        for action in self.driver.tell(self.now, event) {
            match action {
                Action::Connect(connect) if self.is_away => self.wanted.push(connect.connection),
                Action::Connect(connect) => self.open(records, connect.connection),
                Action::Close(connection) => {
                    self.open.retain(|open| *open != connection);
                    self.tell(records, &closed(connection));
                }
                Action::Send(send) => self.sent.push(send.text),
                Action::WakeAt(alarm) => {
                    self.alarms.insert(alarm.alarm, alarm.time);
                }
                Action::Request(request) => {
                    self.request(records, request.request, &request.address);
                    self.requests.push(request.address);
                }
                Action::Declare(instrument) => self.names.push(instrument.exchange_symbol),
                Action::Publish(event) => {
                    self.events.push(event);
                    self.places.push(self.at);
                }
                Action::Ignored => self.ignored += 1,
                Action::Refused(refusal) => {
                    let refused = format!("{}: {}", refusal.rule, refusal.detail);
                    self.refused.push(refused);
                }
                _ => {}
            }
        }
    }

    /// Answered by the next fitting record, at its place; by the latest one at once when none lies ahead; what the recording
    /// has no answer to fails.
    fn request(&mut self, records: &[Record], request: u32, address: &str) {
        let asked = subject(address);
        let fits = |record: &Record| record.kind == "http" && subject(&record.url) == asked;
        if let Some(ahead) = records[self.at..].iter().position(fits) {
            let place = self.at + ahead;
            self.answers.entry(place).or_default().push(request);
            return;
        }
        let latest = records.iter().rev().find(|record| fits(record));
        let answer = match latest {
            Some(record) => answer(request, record.status, record.data.as_str()),
            None => Event::Response(Response {
                request,
                outcome: Err(RequestFailure::Unreachable),
            }),
        };
        self.tell(records, &answer);
    }

    /// The number of an instrument.
    ///
    /// # Panics
    /// When it was not declared.
    pub fn id(&self, name: &str) -> u32 {
        let place = self.names.iter().position(|it| it == name).unwrap();
        place.try_into().unwrap()
    }

    /// What the adapter reports of every instrument, with so many levels of each side of its book.
    ///
    /// # Panics
    /// When it does not.
    pub fn report(&mut self, levels: u32) -> Vec<InstrumentReport> {
        let wanted = Event::ReportWanted(levels);
        match self.driver.tell(self.now, &wanted).pop() {
            Some(Action::Report(reports)) => reports,
            other => panic!("no report: {other:?}"),
        }
    }
}

/// The endpoint of a request and whom it asks about.
fn subject(url: &str) -> (Option<&str>, Option<&str>) {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let is_subject = |part: &&str| SUBJECTS.iter().any(|name| part.starts_with(name));
    (path.rsplit('/').next(), query.split('&').find(is_subject))
}
