//! The trades of one instrument: by their ids the kit keeps them in order and complete.

use marketprism_kit::alarm::Kind;
use marketprism_kit::trades::{self, Backlog, Pace, TradeSync};
use marketprism_kit::wit::{Answer, Trade};
use marketprism_kit::{Output, Refusal};

use crate::parse::{self, TradeMade};
use crate::settings::{Settings, TradeStream};
use crate::venue::Venue;
use crate::{address, alarm};

/// Requests for trades under way at once. Depth snapshots go on beside them, and every one counts among the host's.
const REQUESTS_MAX: usize = 4;

/// What requests for trades may cost: a third of what a session may spend, because no book shall wait for its snapshot
/// so that an old trade comes sooner.
const fn pace(venue: Venue) -> Pace {
    let weight = venue.request_weight_per_minute();
    Pace {
        weight_per_minute: weight / 3,
        weight_at_once: weight / 12,
    }
}

/// What the trades of all instruments share.
pub const fn backlog(venue: Venue) -> Backlog {
    Backlog::new(REQUESTS_MAX, pace(venue), alarm::TURN)
}

/// The trades of one instrument.
pub type Trades = TradeSync<Market>;

/// What the exchange says of an instrument's trades.
#[derive(Debug)]
pub struct Market {
    instrument: u32,
    symbol: String,
}

impl Market {
    /// Nothing came yet.
    pub fn trades(instrument: u32, symbol: &str) -> Trades {
        let symbol = symbol.to_owned();
        Trades::new(instrument, Self { instrument, symbol })
    }
}

impl trades::Market for Market {
    type Settings = Settings;
    type Trade = TradeMade;

    const ALARM: Kind = alarm::TRADES;

    /// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#old-trade-lookup>
    const PAGE_MAX: u64 = 1_000;

    fn name(&self) -> &str {
        &self.symbol
    }

    #[inline]
    fn id(trade: &TradeMade) -> u64 {
        trade.id
    }

    #[inline]
    fn publish(&self, trade: &TradeMade, out: &mut Output) -> bool {
        // USD-M sends such events, of type NA, with a price of 0 too.
        if trade.quantity.mantissa == 0 {
            return false;
        }
        out.trade(Trade {
            instrument: trade.instrument,
            sequence: trade.id,
            id: None,
            time: trade.time,
            price: trade.price,
            quantity: trade.quantity,
            quantity_base: None,
            side: trade.side,
        });
        true
    }

    fn can_fetch(&self, settings: &Settings) -> bool {
        let stream = settings.trades;
        stream.is_some_and(|stream| settings.venue.old_trades(stream).is_some())
    }

    fn address(&self, settings: &Settings, ids: (u64, u64)) -> Option<(String, u32)> {
        address::old_trades(settings, settings.trades?, &self.symbol, ids)
    }

    fn read(&self, settings: &Settings, answer: &Answer) -> Result<Vec<TradeMade>, Refusal> {
        if answer.status != 200 {
            let body = String::from_utf8_lossy(&answer.body);
            let found = format!("status {}: {body}", answer.status);
            return Err(Refusal::new("trades refused", found));
        }
        let stream = settings.trades.unwrap_or(TradeStream::Trade);
        parse::old_trades(&answer.body, stream, self.instrument)
    }
}
