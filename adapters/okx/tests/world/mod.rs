//! A session, of BTC-USDT if nothing else is said, in text.
#![allow(dead_code, reason = "each test binary uses its part")]

use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{Action, Event};
use marketprism_okx::Okx;

pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000 * MS;

pub struct World {
    driver: Driver<Okx>,
    pub start: u64,
    pub now: u64,
}

impl World {
    /// A started session of spot with its connection open; `orderbook` is that part of the settings.
    pub fn start(orderbook: &str) -> Self {
        let settings = format!(r#"{{"exchange":"okx_spot","orderbook":{orderbook}}}"#);
        Self::with(&settings, &["BTC-USDT"])
    }

    /// As [`World::start`], publishing every change.
    pub fn live() -> Self {
        Self::start(r#"{"method":"websocket"}"#)
    }

    /// A started session with its first connection open.
    pub fn with(settings: &str, instruments: &[&str]) -> Self {
        let start = 1_760_000_000 * SECOND;
        let mut world = Self {
            driver: Driver::default(),
            start,
            now: start,
        };
        world.tell(&testing::start(settings, instruments));
        world.tell(&Event::Opened(0));
        world
    }

    pub fn tell(&mut self, event: &Event) -> String {
        self.driver.told(self.now, event)
    }

    pub fn actions(&mut self, event: &Event) -> Vec<Action> {
        self.driver.tell(self.now, event)
    }

    pub fn frame(&mut self, text: &str) -> String {
        self.tell(&testing::frame(0, text))
    }

    pub fn frame_on(&mut self, connection: u32, text: &str) -> String {
        self.tell(&testing::frame(connection, text))
    }

    pub fn answer(&mut self, request: u32, body: &str) -> String {
        self.tell(&testing::answer(request, 200, body))
    }

    /// The alarm of a kind, of the first instrument.
    pub fn alarm(&mut self, kind: u32) -> String {
        self.tell(&Event::Alarm(kind))
    }

    pub fn report(&mut self) -> String {
        self.tell(&Event::ReportWanted(5))
    }
}

/// A push of BTC-USDT's book.
pub fn book(action: &str, ids: (i64, i64), asks: &str, bids: &str) -> String {
    let (previous, sequence) = ids;
    format!(
        r#"{{"arg":{{"channel":"books","instId":"BTC-USDT"}},"action":"{action}","data":[{{"asks":[{asks}],"bids":[{bids}],"ts":"1760000000455","checksum":0,"seqId":{sequence},"prevSeqId":{previous}}}]}}"#
    )
}

pub const ASKS: &str = r#"["11","1","0","1"],["12","2","0","1"]"#;
pub const BIDS: &str = r#"["10","1","0","1"],["9","2","0","1"]"#;

pub fn snapshot(id: i64) -> String {
    book("snapshot", (-1, id), ASKS, BIDS)
}

/// An update that sets the second bid.
pub fn update(previous: i64, sequence: i64) -> String {
    book("update", (previous, sequence), "", r#"["9","3","0","1"]"#)
}
