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
    ticks: BTreeMap<String, u64>,
    /// Snapshots at fixed times.
    pub snapshots: u64,
    /// Ticks without one.
    pub missed: u64,
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

    /// A snapshot at a fixed time: of a tick that had none.
    fn tick(&mut self, subject: &str, payload: &Value) -> Result<(), String> {
        let received = payload["received_ts_ns"].as_u64().ok_or("no time")?;
        let tick = received / TICK_NS;
        self.snapshots += 1;
        match self.ticks.insert(subject.to_owned(), tick) {
            Some(before) if before >= tick => {
                Err(format!("a snapshot of tick {tick} after that of {before}"))
            }
            Some(before) => {
                self.missed += tick - before - 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// Ids of other currencies than BTC have it in front on Deribit.
fn trade_id(payload: &Value) -> Result<u64, String> {
    let written = payload["trade_id"].as_str().unwrap_or_default();
    let id = written.rsplit('-').next().unwrap_or_default().parse();
    id.map_err(|_| format!("trade {written:?}"))
}
