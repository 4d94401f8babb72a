//! A message ready to be sent, and the id by which a stream recognises it.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;

use super::names::{Prepared, event_token};
use super::time::millis;
use super::{DataType, Transport, WireError};
use crate::sandbox::contract::MarketEvent;

/// A message ready to be sent. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it goes.
    pub subject: Arc<str>,
    /// The id by which a stream recognises it: the same datum of an exchange always has the same id.
    pub msg_id: Option<String>,
    /// The JSON document.
    pub payload: Bytes,
    /// What it tells.
    pub data_type: DataType,
    /// How it travels.
    pub transport: Transport,
    /// Whose data it is.
    pub source: Arc<Source>,
    /// When what it tells came in, and when it was written.
    pub stamp: Stamp,
}

/// The names of the instrument that a message is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The exchange, as payloads name it.
    pub exchange: String,
    /// The market, as payloads name it.
    pub market_type: &'static str,
    /// The instrument, in the exchange's own name.
    pub exchange_symbol: String,
}

impl Message {
    /// Name of the header that carries the id.
    pub const ID_HEADER: &'static str = "Nats-Msg-Id";

    /// Writes the message as one line: `{"subject":..,"headers":{..},"payload":{..}}`.
    ///
    /// # Errors
    /// Those of `output`.
    pub fn write_line(&self, output: &mut impl Write) -> std::io::Result<()> {
        // Subject and id consist of tokens that JSON needs no escapes for; the payload is JSON.
        write!(output, "{{\"subject\":\"{}\",\"headers\":{{", self.subject)?;
        if let Some(id) = &self.msg_id {
            write!(output, "\"{}\":\"{id}\"", Self::ID_HEADER)?;
        }
        output.write_all(b"},\"payload\":")?;
        output.write_all(&self.payload)?;
        output.write_all(b"}\n")
    }
}

/// The host's times of one message, in nanoseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// When the message is published.
    pub published_ns: u64,
    /// When the host received what the message was made from.
    pub received_ns: u64,
}

/// `type:venue:symbol:` and then what makes the datum unique: the exchange's time in milliseconds, for a ratio with
/// its period, for a liquidation its own id. Nothing in it depends on when or by whom it is published.
pub(super) fn message_id(
    data_type: DataType,
    instrument: &Prepared,
    event: &MarketEvent,
) -> Result<Option<String>, WireError> {
    let unique = match event {
        MarketEvent::Trade(_)
        | MarketEvent::Book(_)
        | MarketEvent::BookChange(_)
        | MarketEvent::BookStatus(_) => {
            return Ok(None);
        }
        MarketEvent::FundingRate(rate) => millis(rate.time).to_string(),
        MarketEvent::OpenInterest(interest) => millis(interest.time).to_string(),
        MarketEvent::VolatilityIndex(index) => millis(index.time).to_string(),
        MarketEvent::LongShortRatio(ratio) => {
            format!(
                "{}:{}",
                millis(ratio.time),
                event_token("period", &ratio.period)?
            )
        }
        MarketEvent::Liquidation(liquidation) => {
            event_token("liquidation_id", &liquidation.id)?.to_owned()
        }
    };
    Ok(Some(format!(
        "{}{}{unique}",
        data_type.name(),
        instrument.id_middle
    )))
}
