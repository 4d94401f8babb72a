//! What holds on a day without faults beside that each message is true: trades come in their order, the update ids of a
//! book never fall, and each tick has one snapshot.

use std::collections::BTreeMap;

use marketprism_tests::daemon::Published;
use serde_json::Value;

/// Nanoseconds between two snapshots.
const TICK_NS: u64 = 1_000_000_000;

/// What came last, by subject.
#[derive(Default)]
pub struct Order {
    last: BTreeMap<String, u64>,
    ticks: BTreeMap<String, Vec<u64>>,
}

impl Order {
    /// Notes a message; the answer is what is wrong with its place.
    pub fn hear(&mut self, published: &Published) -> Result<(), String> {
        let payload = published.json();
        let subject = published.subject.as_str();
        let (data_type, _) = subject.split_once('.').unwrap_or_default();
        match data_type {
            "trade" => {
                let id = trade_id(&payload)?;
                match self.last.insert(subject.to_owned(), id) {
                    Some(before) if before >= id => Err(format!("trade {id} comes after {before}")),
                    _ => Ok(()),
                }
            }
            "orderbook" => {
                let id = payload["last_update_id"].as_u64().ok_or("no update id")?;
                if payload["update_type"].is_null() {
                    self.tick(subject, &payload)?;
                }
                match self.last.insert(subject.to_owned(), id) {
                    Some(before) if before > id => Err(format!("a book of {id} after {before}")),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// A snapshot at a fixed time: of the next tick.
    fn tick(&mut self, subject: &str, payload: &Value) -> Result<(), String> {
        let received = payload["received_ts_ns"].as_u64().ok_or("no time")?;
        let tick = received / TICK_NS;
        let ticks = self.ticks.entry(subject.to_owned()).or_default();
        let before = ticks.last().copied();
        ticks.push(tick);
        match before {
            Some(before) if before + 1 != tick => Err(format!(
                "the snapshot of tick {tick} after that of {before}"
            )),
            _ => Ok(()),
        }
    }

    /// Snapshots at fixed times.
    pub fn ticks(&self) -> usize {
        self.ticks.values().map(Vec::len).sum()
    }
}

/// Ids of other currencies than BTC have it in front on Deribit.
fn trade_id(payload: &Value) -> Result<u64, String> {
    let written = payload["trade_id"].as_str().unwrap_or_default();
    let id = written.rsplit('-').next().unwrap_or_default().parse();
    id.map_err(|_| format!("trade {written:?}"))
}
