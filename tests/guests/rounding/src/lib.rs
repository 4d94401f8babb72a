//! The adapter of Binance spot with one changed rounding: the price of every 50th trade is cut to one decimal place.

use marketprism_binance::Binance;
use marketprism_kit::wit::{Description, Event, Frame};
use marketprism_kit::{Adapter, Output};

marketprism_kit::export_adapter!(Rounding);

/// Trades whose id is a multiple of this are rounded.
const EVERY: u64 = 50;

/// The adapter.
#[derive(Debug)]
pub struct Rounding {
    exact: Binance,
}

impl Adapter for Rounding {
    fn describe() -> Description {
        let exact = Binance::describe();
        Description {
            version: format!("{}-rounding", exact.version),
            ..exact
        }
    }

    fn new() -> Self {
        Self {
            exact: Binance::new(),
        }
    }

    fn handle(&mut self, now: u64, event: &Event, out: &mut Output) {
        if let Event::Frame(frame) = event
            && let Some(data) = rounded(&frame.data)
        {
            let connection = frame.connection;
            let event = Event::Frame(Frame { connection, data });
            self.exact.handle(now, &event, out);
        } else {
            self.exact.handle(now, event, out);
        }
    }
}

/// The frame of a trade that is rounded, with its price cut.
fn rounded(frame: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(frame).ok()?;
    let (_, trade) = text.split_once(r#""e":"trade""#)?;
    let (_, id) = trade.split_once(r#""t":"#)?;
    let (id, _) = id.split_once(',')?;
    if id.parse::<u64>().ok()? % EVERY != 0 {
        return None;
    }
    let (_, price) = trade.split_once(r#""p":""#)?;
    let (price, behind) = price.split_once('"')?;
    let (whole, places) = price.split_once('.')?;
    let (kept, cut) = places.split_at_checked(1)?;
    let zeros = "0".repeat(cut.len());
    let before = text.strip_suffix(behind)?.strip_suffix('"')?;
    let before = before.strip_suffix(price)?;
    Some(format!(r#"{before}{whole}.{kept}{zeros}"{behind}"#).into_bytes())
}
