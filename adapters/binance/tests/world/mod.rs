//! A session, of BTCUSDT if nothing else is said, in text.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod usdm;

use marketprism_binance::Binance;
use marketprism_kit::testing;
use marketprism_kit::wit::Event;

pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000 * MS;

pub type World = testing::World<Binance>;

/// A started session with its connection open; `orderbook` is that part of the settings.
pub fn start(orderbook: &str) -> World {
    with(&format!(r#"{{"orderbook":{orderbook}}}"#), &["BTCUSDT"])
}

/// A started session with its first connection open and its streams acknowledged.
pub fn with(settings: &str, instruments: &[&str]) -> World {
    let mut world = World::at(1_760_000_000 * SECOND);
    world.tell(&testing::start(settings, instruments));
    open(&mut world, 0);
    world
}

/// The connection opens, and the exchange acknowledges what was asked for through it.
pub fn open(world: &mut World, connection: u32) -> String {
    let told = world.tell(&Event::Opened(connection));
    for id in asked(&told) {
        let answer = format!(r#"{{"result":null,"id":{id}}}"#);
        world.tell(&testing::frame(connection, answer));
    }
    told
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
