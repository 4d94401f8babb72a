//! What makes a message the same datum on both sides.

use serde::Deserialize;

use crate::wire::{DataType, Message, iso_text};

/// The datum that a message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Its name within its data type and instrument, for people too.
    pub name: String,
    /// When it was, by the exchange's clock, in milliseconds since the epoch.
    pub event_ms: Option<u64>,
    /// A message of this name that comes again from the same side reaches nobody: a stream takes each id once.
    pub is_once: bool,
    /// Of a book's snapshot at a tick: where the book stood then, for two books may be an update apart.
    pub stood: Option<Stood>,
}

/// Where a book stood at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stood {
    /// At this update.
    At(u64),
    /// At the update of this time, in milliseconds since the epoch: it has no number.
    AtTime(u64),
}

impl Stood {
    /// Whether two books are an update apart, told in the same way.
    pub(super) const fn is_apart(self, other: Self) -> bool {
        match (self, other) {
            (Self::At(one), Self::At(another)) | (Self::AtTime(one), Self::AtTime(another)) => {
                one != another
            }
            _ => false,
        }
    }
}

/// The fields of payloads that name a datum.
#[derive(Default, Deserialize)]
struct Names {
    trade_id: Option<String>,
    last_update_id: Option<u64>,
    state: Option<String>,
    event_ts_ms: Option<u64>,
    /// Tops that follow changes say of which kind they are; snapshots at ticks do not.
    update_type: Option<String>,
}

impl Identity {
    /// Trades are named by their id, books and their changes by the last update id, states by what they are and at
    /// which update; everything else by the message's id, which holds the event time, or a liquidation's own id. A
    /// snapshot at a known tick is named by that, whichever update it shows.
    pub(super) fn of(message: &Message, tick: Option<u64>) -> Self {
        let names: Names = serde_json::from_slice(&message.payload).unwrap_or_default();
        let at_update = || match (names.last_update_id, names.event_ts_ms) {
            (Some(id), _) => format!("update {id}"),
            (None, Some(time)) => format!("update of {time}"),
            (None, None) => "update without a number".to_owned(),
        };
        let at_time = names.event_ts_ms.map(Stood::AtTime);
        let stood = names.last_update_id.map(Stood::At).or(at_time);
        let tick = tick
            .filter(|_| message.data_type == DataType::Orderbook && names.update_type.is_none());
        let name = match (&message.msg_id, message.data_type) {
            (Some(id), _) => id.clone(),
            (None, DataType::Trade) => {
                format!("trade {}", names.trade_id.as_deref().unwrap_or("?"))
            }
            (None, DataType::OrderbookStatus) => {
                let state = names.state.as_deref().unwrap_or("?");
                match names.last_update_id {
                    Some(id) => format!("{state} at update {id}"),
                    None => format!("{state} before any update"),
                }
            }
            (None, _) => {
                tick.map_or_else(at_update, |tick| format!("snapshot of {}", iso_text(tick)))
            }
        };
        Self {
            name,
            event_ms: names.event_ts_ms,
            is_once: message.msg_id.is_some(),
            stood: tick.and(stood),
        }
    }
}
