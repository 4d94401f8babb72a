//! A session in text: what it is told and what it says.
#![allow(dead_code, reason = "each test binary uses its part")]

use marketprism_deribit::Deribit;
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{Action, Event, InstrumentReport, Request};

pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000 * MS;

/// A whole minute since the epoch.
pub const START: u64 = 1_760_000_040 * SECOND;

pub struct World {
    driver: Driver<Deribit>,
    pub now: u64,
    /// When each alarm is due.
    alarms: std::collections::BTreeMap<u32, u64>,
    /// Every request that was sent.
    pub requests: Vec<Request>,
}

impl World {
    /// A session that was just started; no connection is open.
    pub fn start(settings: &str, symbols: &[&str]) -> (Self, String) {
        let mut world = Self {
            driver: Driver::default(),
            now: START,
            alarms: std::collections::BTreeMap::new(),
            requests: Vec::new(),
        };
        let said = world.tell(&testing::start(settings, symbols));
        (world, said)
    }

    /// A session with its first connection open and everything asked for acknowledged.
    pub fn open(settings: &str, symbols: &[&str]) -> Self {
        let (mut world, _) = Self::start(settings, symbols);
        world.opened(0);
        world
    }

    pub fn tell(&mut self, event: &Event) -> String {
        testing::lines(&self.actions(event))
    }

    pub fn actions(&mut self, event: &Event) -> Vec<Action> {
        let actions = self.driver.tell(self.now, event);
        for action in &actions {
            match action {
                Action::WakeAt(at) => {
                    self.alarms.insert(at.alarm, at.time);
                }
                Action::Request(request) => self.requests.push(request.clone()),
                _ => {}
            }
        }
        actions
    }

    /// A connection opens, and the exchange accepts every channel that is asked for.
    pub fn opened(&mut self, connection: u32) -> String {
        let said = self.tell(&Event::Opened(connection));
        self.accept(connection, &said);
        said
    }

    /// The exchange accepts the channels that these messages ask for.
    pub fn accept(&mut self, connection: u32, said: &str) {
        for (id, channels) in subscriptions(said) {
            let reply = serde_json::json!({"jsonrpc": "2.0", "id": id, "result": channels});
            self.frame(connection, &reply.to_string());
        }
    }

    pub fn frame(&mut self, connection: u32, text: &str) -> String {
        self.tell(&testing::frame(connection, text))
    }

    pub fn answer(&mut self, request: u32, body: &str) -> String {
        self.tell(&testing::answer(request, 200, body))
    }

    /// The number of the last request whose address has this in it.
    pub fn asked(&self, part: &str) -> u32 {
        let mut all = self.requests.iter().rev();
        let found = all.find(|request| request.address.contains(part));
        found
            .unwrap_or_else(|| panic!("no request for {part}"))
            .request
    }

    /// Lets the time go on with every alarm on the way; gives all that is said.
    pub fn wait(&mut self, time: u64) -> String {
        let until = self.now + time;
        let mut said = String::new();
        while let Some((&alarm, &due)) = self
            .alarms
            .iter()
            .min_by_key(|(alarm, due)| (**due, **alarm))
        {
            if due > until {
                break;
            }
            self.alarms.remove(&alarm);
            self.now = self.now.max(due);
            said += &self.tell(&Event::Alarm(alarm));
        }
        self.now = until;
        said
    }

    /// Lets the time go on without telling the alarms of it; gives them in their order.
    pub fn due(&mut self, time: u64) -> Vec<Event> {
        self.now += time;
        let mut due: Vec<_> = self
            .alarms
            .iter()
            .map(|(alarm, at)| (*at, *alarm))
            .collect();
        due.retain(|(at, _)| *at <= self.now);
        due.sort_unstable();
        for (_, alarm) in &due {
            self.alarms.remove(alarm);
        }
        due.into_iter()
            .map(|(_, alarm)| Event::Alarm(alarm))
            .collect()
    }

    pub fn reports(&mut self) -> Vec<InstrumentReport> {
        match self.driver.tell(self.now, &Event::ReportWanted(5)).pop() {
            Some(Action::Report(reports)) => reports,
            other => panic!("{other:?}"),
        }
    }

    pub fn report(&mut self) -> String {
        let said = self.tell(&Event::ReportWanted(5));
        said.trim_end().to_owned()
    }
}

/// Number and channels of each subscribe message.
pub fn subscriptions(said: &str) -> Vec<(u64, Vec<String>)> {
    said.lines()
        .filter_map(|line| line.strip_prefix("send ")?.split_once(' '))
        .filter_map(|(_, text)| {
            let value: serde_json::Value = serde_json::from_str(text).ok()?;
            let is_subscribe = value["method"] == "public/subscribe";
            let channels = value["params"]["channels"].clone();
            is_subscribe.then(|| {
                (
                    value["id"].as_u64().unwrap(),
                    serde_json::from_value(channels).unwrap(),
                )
            })
        })
        .collect()
}

/// Without the lines about alarms.
pub fn quietly(said: &str) -> String {
    said.lines()
        .filter(|line| !line.starts_with("wake "))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// A snapshot of BTC-PERPETUAL's book.
pub fn snapshot(id: u64, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"book.BTC-PERPETUAL.100ms","data":{{"type":"snapshot","timestamp":1000,"instrument_name":"BTC-PERPETUAL","change_id":{id},"bids":[{bids}],"asks":[{asks}]}}}}}}"#
    )
}

/// A change of BTC-PERPETUAL's book.
pub fn change(previous: u64, id: u64, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"book.BTC-PERPETUAL.100ms","data":{{"type":"change","timestamp":1001,"prev_change_id":{previous},"instrument_name":"BTC-PERPETUAL","change_id":{id},"bids":[{bids}],"asks":[{asks}]}}}}}}"#
    )
}

/// A trade of BTC-PERPETUAL as it stands in a list.
pub fn trade(sequence: u64) -> String {
    format!(
        r#"{{"trade_seq":{sequence},"trade_id":"T{sequence}","timestamp":1000,"price":50000.0,"amount":10.0,"direction":"buy","instrument_name":"BTC-PERPETUAL","starbase_match_id":7}}"#
    )
}

/// A frame with trades of BTC-PERPETUAL.
pub fn trades(sequences: &[u64]) -> String {
    let all: Vec<_> = sequences.iter().map(|it| trade(*it)).collect();
    format!(
        r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"trades.BTC-PERPETUAL.100ms","data":[{}]}}}}"#,
        all.join(",")
    )
}
