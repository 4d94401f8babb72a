//! A session in text: what it is told and what it says.
#![allow(dead_code, reason = "each test binary uses its part")]

use marketprism_deribit::Deribit;
use marketprism_kit::testing;
use marketprism_kit::wit::Event;

pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000 * MS;

/// A whole minute since the epoch.
pub const START: u64 = 1_760_000_040 * SECOND;

pub type World = testing::World<Deribit>;

/// A session that was just started; no connection is open.
pub fn start(settings: &str, symbols: &[&str]) -> (World, String) {
    let mut world = World::at(START);
    let said = world.tell(&testing::start(settings, symbols));
    (world, said)
}

/// A session with its first connection open and everything asked for acknowledged.
pub fn open(settings: &str, symbols: &[&str]) -> World {
    let (mut world, _) = start(settings, symbols);
    opened(&mut world, 0);
    world
}

/// A connection opens, and the exchange accepts every channel that is asked for.
pub fn opened(world: &mut World, connection: u32) -> String {
    let said = world.tell(&Event::Opened(connection));
    accept(world, connection, &said);
    said
}

/// The exchange accepts the channels that these messages ask for.
pub fn accept(world: &mut World, connection: u32, said: &str) {
    for (id, channels) in subscriptions(said) {
        let reply = serde_json::json!({"jsonrpc": "2.0", "id": id, "result": channels});
        world.frame_on(connection, &reply.to_string());
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
