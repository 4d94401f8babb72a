//! A session, of BTCUSDT if nothing else is said, in text.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod usdm;

use marketprism_binance::Binance;
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::Event;

pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000 * MS;

pub struct World {
    driver: Driver<Binance>,
    pub start: u64,
    pub now: u64,
}

impl World {
    /// A started session with its connection open; `orderbook` is that part of the settings.
    pub fn start(orderbook: &str) -> Self {
        Self::with(&format!(r#"{{"orderbook":{orderbook}}}"#), &["BTCUSDT"])
    }

    /// A started session with its first connection open and its streams acknowledged.
    pub fn with(settings: &str, instruments: &[&str]) -> Self {
        let start = 1_760_000_000 * SECOND;
        let mut world = Self {
            driver: Driver::default(),
            start,
            now: start,
        };
        world.tell(&testing::start(settings, instruments));
        world.open(0);
        world
    }

    /// The connection opens, and the exchange acknowledges what was asked for through it.
    pub fn open(&mut self, connection: u32) -> String {
        let told = self.tell(&Event::Opened(connection));
        for id in asked(&told) {
            let answer = format!(r#"{{"result":null,"id":{id}}}"#);
            self.tell(&testing::frame(connection, answer));
        }
        told
    }

    pub fn tell(&mut self, event: &Event) -> String {
        self.driver.told(self.now, event)
    }

    pub fn frame(&mut self, text: &str) -> String {
        self.tell(&testing::frame(0, text))
    }

    pub fn answer(&mut self, request: u32, body: &str) -> String {
        self.tell(&testing::answer(request, 200, body))
    }

    pub fn alarm(&mut self, number: u32) -> String {
        self.tell(&Event::Alarm(number))
    }

    pub fn report(&mut self) -> String {
        self.tell(&Event::ReportWanted(5))
    }
}

pub fn depth(first: u64, last: u64, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1000,"s":"BTCUSDT","U":{first},"u":{last},"b":[{bids}],"a":[{asks}]}}}}"#
    )
}

pub fn trade(id: u64, price: &str) -> String {
    format!(
        r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":1001,"s":"BTCUSDT","t":{id},"p":"{price}","q":"0.5","T":1000,"m":false,"M":true}}}}"#
    )
}

/// The numbers of the messages that were sent to the exchange.
pub fn asked(told: &str) -> Vec<u64> {
    let sent = told.lines().filter(|line| line.starts_with("send "));
    let number = |line: &str| {
        line.rsplit_once("\"id\":")?
            .1
            .strip_suffix('}')?
            .parse()
            .ok()
    };
    sent.filter_map(number).collect()
}
