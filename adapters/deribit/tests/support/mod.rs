//! A recording as an adapter's world: frames and answers at their places, alarms in virtual time.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use marketprism_deribit::Deribit;
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{Action, Event, InstrumentReport, MarketEvent};
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

impl Record {
    /// Whether it is a frame of this instrument's book.
    pub fn is_book_of(&self, name: &str) -> bool {
        self.kind == "ws" && self.data.contains(&format!("\"channel\":\"book.{name}."))
    }
}

/// Data for tests that is no part of the project.
pub fn shared(path: &str) -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let path = std::env::var_os("MARKETPRISM_SHARED")
        .map_or_else(|| PathBuf::from(beside), PathBuf::from)
        .join(path);
    assert!(
        path.exists(),
        "{} is missing: set MARKETPRISM_SHARED to the folder that holds captures/ and marketprism/",
        path.display()
    );
    path
}

pub fn text(path: &str) -> String {
    let path = shared(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The one recording of this exchange.
pub fn recording() -> Vec<Record> {
    text("captures/deribit.cf-2021-07.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap())
        .filter(|record| record.kind != "meta")
        .collect()
}

/// What the reference replay of the recording found, by symbol.
pub fn oracle() -> serde_json::Map<String, serde_json::Value> {
    let oracle: serde_json::Value =
        serde_json::from_str(&text("captures/oracle/deribit.cf-2021-07.json")).unwrap();
    let symbols = oracle["sessions"]["cf-2021-07"]["symbols"].as_object();
    symbols.unwrap().clone()
}

/// Runs a recording through a fresh adapter.
#[derive(Default)]
pub struct Replay {
    pub driver: Driver<Deribit>,
    pub now: u64,
    alarms: BTreeMap<u32, u64>,
    /// Requests that wait for the record with this number.
    answers: BTreeMap<usize, Vec<u32>>,
    is_away: bool,
    open: Vec<u32>,
    wanted: Vec<u32>,
    /// Names of the instruments by number.
    pub names: Vec<String>,
    pub events: Vec<MarketEvent>,
    pub ignored: usize,
    pub refused: Vec<String>,
    pub sent: Vec<String>,
}

impl Replay {
    pub fn run(records: &[Record], settings: &str, symbols: &[&str]) -> Self {
        let mut replay = Self {
            now: records.iter().find_map(|record| record.t_ns).unwrap(),
            ..Self::default()
        };
        replay.tell(records, 0, &testing::start(settings, symbols));
        for (at, record) in records.iter().enumerate() {
            replay.advance(records, at, record.t_ns.unwrap_or(replay.now));
            match record.kind.as_str() {
                "ws" if !replay.is_away => {
                    replay.tell(records, at, &testing::frame(0, record.data.as_str()));
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

    /// Lets the time go on to `time` with every alarm on the way.
    fn advance(&mut self, records: &[Record], at: usize, time: u64) {
        let time = time.max(self.now);
        while let Some((&alarm, &due)) = self
            .alarms
            .iter()
            .min_by_key(|(alarm, due)| (**due, **alarm))
        {
            if due > time {
                break;
            }
            self.alarms.remove(&alarm);
            self.now = self.now.max(due);
            self.tell(records, at, &Event::Alarm(alarm));
        }
        self.now = time;
    }

    pub fn tell(&mut self, records: &[Record], at: usize, event: &Event) {
        for action in self.driver.tell(self.now, event) {
            match action {
                Action::Connect(connect) if self.is_away => self.wanted.push(connect.connection),
                Action::Connect(connect) => {
                    self.open.push(connect.connection);
                    self.tell(records, at, &Event::Opened(connect.connection));
                }
                Action::Send(send) => self.sent.push(send.text),
                Action::WakeAt(alarm) => {
                    self.alarms.insert(alarm.alarm, alarm.time);
                }
                Action::Request(request) => {
                    self.request(records, at, request.request, &request.address)
                }
                Action::Declare(instrument) => self.names.push(instrument.exchange_symbol),
                Action::Publish(event) => self.events.push(event),
                Action::Ignored => self.ignored += 1,
                Action::Refused(refusal) => self
                    .refused
                    .push(format!("{}: {}", refusal.rule, refusal.detail)),
                _ => {}
            }
        }
    }

    /// Answered by the next fitting record, at its place; by the latest one at once when none lies ahead; else by 404.
    fn request(&mut self, records: &[Record], at: usize, request: u32, address: &str) {
        let key = |url: &str| {
            let (path, query) = url.split_once('?').unwrap_or((url, ""));
            let about = query
                .split('&')
                .find(|part| part.starts_with("currency=") || part.starts_with("instrument_name="));
            (
                path.rsplit('/').next().map(str::to_owned),
                about.map(str::to_owned),
            )
        };
        let fits = |record: &Record| record.kind == "http" && key(&record.url) == key(address);
        if let Some(ahead) = records[at..].iter().position(fits) {
            self.answers.entry(at + ahead).or_default().push(request);
        } else {
            let latest = records.iter().rev().find(|record| fits(record));
            let (status, data) = latest.map_or((404, ""), |it| (it.status, it.data.as_str()));
            self.tell(records, at, &testing::answer(request, status, data));
        }
    }

    /// The number of an instrument.
    pub fn id(&self, name: &str) -> u32 {
        let place = self.names.iter().position(|it| it == name).unwrap();
        place.try_into().unwrap()
    }

    /// What the adapter reports of every instrument.
    pub fn report(&mut self) -> Vec<InstrumentReport> {
        let actions = self.driver.tell(self.now, &Event::ReportWanted(20));
        let [Action::Report(reports)] = actions.as_slice() else {
            panic!("no report")
        };
        reports.clone()
    }
}
