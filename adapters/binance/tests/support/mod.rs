//! A recording as an adapter's world: frames and answers at their places, alarms in virtual time.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use marketprism_binance::Binance;
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{Action, Event, MarketEvent};
use serde::Deserialize;

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

/// Where recordings are; they are no part of the project.
pub fn captures() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let folder = std::env::var_os("MARKETPRISM_SHARED")
        .map_or_else(|| PathBuf::from(beside), PathBuf::from)
        .join("captures");
    assert!(
        folder.is_dir(),
        "{} is missing: set MARKETPRISM_SHARED to the folder that holds captures/",
        folder.display()
    );
    folder
}

/// One of the single messages and answers.
pub fn sample(venue: &str, name: &str) -> String {
    let path = captures().join("samples").join(venue).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn recording(name: &str) -> Vec<Record> {
    let path = captures().join(format!("{name}.jsonl"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap())
        .filter(|record| record.kind != "meta")
        .collect()
}

/// Runs a recording through a fresh adapter.
#[derive(Default)]
pub struct Replay {
    pub driver: Driver<Binance>,
    pub now: u64,
    alarms: BTreeMap<u32, u64>,
    /// Requests that wait for the record with this number.
    answers: BTreeMap<usize, Vec<u32>>,
    pub events: Vec<MarketEvent>,
    pub ignored: usize,
    pub refused: Vec<String>,
    pub requests: usize,
}

impl Replay {
    pub fn run(records: &[Record], settings: &str, symbols: &[&str]) -> Self {
        let mut replay = Self {
            now: records.iter().find_map(|record| record.t_ns).unwrap(),
            ..Self::default()
        };
        replay.tell(records, 0, &testing::start(settings, symbols));
        for (at, record) in records.iter().enumerate() {
            let now = record.t_ns.unwrap_or(replay.now).max(replay.now);
            while let Some((&alarm, &time)) = replay
                .alarms
                .iter()
                .min_by_key(|(alarm, time)| (**time, **alarm))
            {
                if time > now {
                    break;
                }
                replay.alarms.remove(&alarm);
                replay.now = replay.now.max(time);
                replay.tell(records, at, &Event::Alarm(alarm));
            }
            replay.now = now;
            match record.kind.as_str() {
                "ws" => replay.tell(records, at, &testing::frame(0, record.data.as_str())),
                "ws_close" => replay.tell(records, at, &testing::closed(0)),
                _ => {}
            }
            for request in replay.answers.remove(&at).unwrap_or_default() {
                replay.tell(
                    records,
                    at,
                    &testing::answer(request, record.status, record.data.as_str()),
                );
            }
        }
        replay
    }

    pub fn tell(&mut self, records: &[Record], at: usize, event: &Event) {
        for action in self.driver.tell(self.now, event) {
            match action {
                Action::Connect(connect) => {
                    self.tell(records, at, &Event::Opened(connect.connection))
                }
                Action::WakeAt(alarm) => {
                    self.alarms.insert(alarm.alarm, alarm.time);
                }
                Action::Request(request) => {
                    self.request(records, at, request.request, &request.address)
                }
                Action::Publish(event) => self.events.push(event),
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
        // The exchange's clock is in no recording.
        self.requests += usize::from(!address.ends_with("/time"));
        let key = |url: &str| {
            let (path, query) = url.split_once('?').unwrap_or((url, ""));
            let symbol = query.split('&').find(|part| part.starts_with("symbol="));
            (
                path.rsplit('/').next().map(str::to_owned),
                symbol.map(str::to_owned),
            )
        };
        let fits = |record: &Record| record.kind == "http" && key(&record.url) == key(address);
        if let Some(ahead) = records[at..].iter().position(fits) {
            self.answers.entry(at + ahead).or_default().push(request);
        } else if let Some(record) = records.iter().rev().find(|record| fits(record)) {
            let answer = testing::answer(request, record.status, record.data.as_str());
            self.tell(records, at, &answer);
        }
    }
}
