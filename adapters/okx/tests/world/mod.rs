//! A session, of BTC-USDT if nothing else is said, in text.
#![allow(dead_code, reason = "each test binary uses its part")]

use marketprism_kit::testing;
use marketprism_kit::wit::Event;
use marketprism_okx::Okx;

pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000 * MS;

pub type World = testing::World<Okx>;

/// A started session of spot with its connection open; `orderbook` is that part of the settings.
pub fn start(orderbook: &str) -> World {
    let settings = format!(r#"{{"exchange":"okx_spot","orderbook":{orderbook}}}"#);
    with(&settings, &["BTC-USDT"])
}

/// As [`start`], publishing every change.
pub fn live() -> World {
    start(r#"{"method":"websocket"}"#)
}

/// A started session with its first connection open.
pub fn with(settings: &str, instruments: &[&str]) -> World {
    let mut world = World::at(1_760_000_000 * SECOND);
    world.tell(&testing::start(settings, instruments));
    world.tell(&Event::Opened(0));
    world
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
