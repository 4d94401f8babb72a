//! A recording as an adapter's world: frames and answers at their places, alarms in virtual time.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{Action, Event, InstrumentReport, MarketEvent};
use marketprism_okx::Okx;
use serde::Deserialize;
use serde_json::Value;

/// One line of a recording.
#[derive(Debug, Clone, Deserialize)]
pub struct Record {
    pub t_ns: Option<u64>,
    pub kind: String,
    #[serde(default)]
    pub url: String,
    #[serde(default)]
    pub status: u16,
    #[serde(default)]
    pub data: String,
}

impl Record {
    /// Whether it is a push of a book of this instrument.
    pub fn is_book_of(&self, name: &str) -> bool {
        let arg = format!("\"instId\":\"{name}\"}},\"action\"");
        self.kind == "ws" && self.data.contains(&arg)
    }
}

/// A file of the shared data, which is no part of the project.
pub fn shared(path: &str) -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let folder =
        std::env::var_os("MARKETPRISM_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let path = folder.join(path);
    assert!(
        path.exists(),
        "{} is missing: set MARKETPRISM_SHARED to the folder that holds captures/",
        path.display()
    );
    path
}

pub fn text(path: &str) -> String {
    let path = shared(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn recording(name: &str) -> Vec<Record> {
    text(&format!("captures/{name}.jsonl"))
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap())
        .filter(|record| record.kind != "meta")
        .collect()
}

/// What the reference replay found of each instrument.
pub fn oracle(name: &str) -> serde_json::Map<String, Value> {
    let oracle = json(&format!("captures/oracle/{name}.json"));
    let (_, session) = name.split_once('.').unwrap();
    oracle["sessions"][session]["symbols"]
        .as_object()
        .unwrap()
        .clone()
}

/// The venue of a recording.
pub fn venue(name: &str) -> &'static str {
    if name.starts_with("okx_spot") {
        "okx_spot"
    } else {
        "okx_derivatives"
    }
}

/// Runs a recording through a fresh adapter.
#[derive(Default)]
pub struct Replay {
    pub driver: Driver<Okx>,
    pub now: u64,
    alarms: BTreeMap<u32, u64>,
    open: Vec<u32>,
    wanted: Vec<u32>,
    is_away: bool,
    /// Requests that wait for the record with this number.
    answers: BTreeMap<usize, Vec<u32>>,
    /// What was published, and at which record.
    pub events: Vec<(usize, MarketEvent)>,
    pub sent: Vec<String>,
    pub ignored: usize,
    pub refused: Vec<String>,
    pub requests: Vec<String>,
}

impl Replay {
    /// Runs a recording with the usual settings and more (`,"key":value` ...).
    pub fn run(records: &[Record], venue: &str, more: &str, symbols: &[&str]) -> Self {
        let mut replay = Self {
            now: records.iter().find_map(|record| record.t_ns).unwrap(),
            ..Self::default()
        };
        let settings = format!(r#"{{"exchange":"{venue}"{more}}}"#);
        replay.tell(records, 0, &testing::start(&settings, symbols));
        for (at, record) in records.iter().enumerate() {
            let now = record.t_ns.unwrap_or(replay.now).max(replay.now);
            replay.wake(records, at, now);
            replay.now = now;
            match record.kind.as_str() {
                "ws" => {
                    if let Some(connection) = replay.open.first().copied() {
                        let frame = testing::frame(connection, record.data.as_str());
                        replay.tell(records, at, &frame);
                    }
                }
                "ws_close" => {
                    replay.is_away = true;
                    for connection in std::mem::take(&mut replay.open) {
                        replay.tell(records, at, &testing::closed(connection));
                    }
                }
                "ws_open" => {
                    replay.is_away = false;
                    for connection in std::mem::take(&mut replay.wanted) {
                        replay.open.push(connection);
                        replay.tell(records, at, &Event::Opened(connection));
                    }
                }
                _ => {}
            }
            for request in replay.answers.remove(&at).unwrap_or_default() {
                let answer = testing::answer(request, record.status, record.data.as_str());
                replay.tell(records, at, &answer);
            }
        }
        replay
    }

    fn wake(&mut self, records: &[Record], at: usize, until: u64) {
        while let Some((&alarm, &time)) = self
            .alarms
            .iter()
            .min_by_key(|(alarm, time)| (**time, **alarm))
        {
            if time > until {
                break;
            }
            self.alarms.remove(&alarm);
            self.now = self.now.max(time);
            self.tell(records, at, &Event::Alarm(alarm));
        }
    }

    pub fn tell(&mut self, records: &[Record], at: usize, event: &Event) {
        for action in self.driver.tell(self.now, event) {
            match action {
                Action::Connect(connect) if self.is_away => self.wanted.push(connect.connection),
                Action::Connect(connect) => {
                    self.open.push(connect.connection);
                    self.tell(records, at, &Event::Opened(connect.connection));
                }
                Action::Close(connection) => {
                    self.open.retain(|open| *open != connection);
                    self.tell(records, at, &testing::closed(connection));
                }
                Action::Send(send) => self.sent.push(send.text),
                Action::WakeAt(alarm) => {
                    self.alarms.insert(alarm.alarm, alarm.time);
                }
                Action::Request(request) => {
                    self.request(records, at, request.request, &request.address);
                }
                Action::Publish(event) => self.events.push((at, event)),
                Action::Ignored => self.ignored += 1,
                Action::Refused(refusal) => self
                    .refused
                    .push(format!("{}: {}", refusal.rule, refusal.detail)),
                _ => {}
            }
        }
    }

    /// Answered by the next fitting record, at its place; by the latest one at once when none lies ahead.
    fn request(&mut self, records: &[Record], at: usize, request: u32, address: &str) {
        self.requests.push(address.to_owned());
        let key = |url: &str| {
            let (path, query) = url.split_once('?').unwrap_or((url, ""));
            let name = query.split('&').find(|part| part.starts_with("instId="));
            (
                path.rsplit('/').next().map(str::to_owned),
                name.map(str::to_owned),
            )
        };
        let fits = |record: &Record| record.kind == "http" && key(&record.url) == key(address);
        if let Some(ahead) = records[at..].iter().position(fits) {
            self.answers.entry(at + ahead).or_default().push(request);
            return;
        }
        let latest = records.iter().rev().find(|record| fits(record));
        let answer = match latest {
            Some(record) => testing::answer(request, record.status, record.data.as_str()),
            None => testing::answer(request, 404, ""),
        };
        self.tell(records, at, &answer);
    }

    pub fn report(&mut self, levels: u32) -> Vec<InstrumentReport> {
        let actions = self.driver.tell(self.now, &Event::ReportWanted(levels));
        let [Action::Report(reports)] = actions.as_slice() else {
            panic!("no report: {actions:?}")
        };
        reports.clone()
    }
}
