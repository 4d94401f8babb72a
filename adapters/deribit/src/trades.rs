//! The trades of one instrument: by their `trade_seq` the kit keeps them in order and complete.

use marketprism_kit::alarm::Kind;
use marketprism_kit::trades::{self, Backlog, Pace, TradeSync};
use marketprism_kit::wit::{Answer, Trade};
use marketprism_kit::{Output, Refusal};

use crate::parse::{self, TradeMade};
use crate::settings::Settings;
use crate::{address, alarm, contracts};

/// Requests for trades under way at once. Each is a connection while it lasts, and one address may have 32.
const REQUESTS_MAX: usize = 2;

/// What requests for trades may cost, in credits: two requests a second, ten after a rest, a tenth of what the exchange
/// allows.
const PACE: Pace = Pace {
    weight_per_minute: 60_000,
    weight_at_once: 5_000,
};

/// What the trades of all instruments share.
pub const fn backlog() -> Backlog {
    Backlog::new(REQUESTS_MAX, PACE, alarm::TURN)
}

/// The trades of one instrument.
pub type Trades = TradeSync<Market>;

/// What the exchange says of an instrument's trades.
#[derive(Debug)]
pub struct Market {
    instrument: u32,
    name: String,
    /// Amounts are US dollars, to be divided by the price for coins. Known once the exchange's list has come.
    is_inverse: bool,
}

impl Market {
    /// Nothing came yet.
    pub fn trades(instrument: u32, name: &str) -> Trades {
        let market = Self {
            instrument,
            name: name.to_owned(),
            is_inverse: false,
        };
        Trades::new(instrument, market)
    }

    /// The exchange's list says what its amounts are.
    pub const fn measured(&mut self, is_inverse: bool) {
        self.is_inverse = is_inverse;
    }
}

impl trades::Market for Market {
    type Settings = Settings;
    type Trade = TradeMade;

    const ALARM: Kind = alarm::TRADES;

    /// <https://docs.deribit.com/api-reference/market-data/public-get_last_trades_by_instrument>
    const PAGE_MAX: u64 = 1_000;

    fn name(&self) -> &str {
        &self.name
    }

    #[inline]
    fn id(trade: &TradeMade) -> u64 {
        trade.sequence
    }

    #[inline]
    fn publish(&self, trade: &TradeMade, out: &mut Output) -> bool {
        let coins = || contracts::coins(trade.quantity, trade.price);
        out.trade(Trade {
            instrument: trade.instrument,
            sequence: trade.sequence,
            id: Some(trade.id.clone()),
            time: trade.time,
            price: trade.price,
            quantity: trade.quantity,
            quantity_base: self.is_inverse.then(coins).flatten(),
            side: trade.side,
        });
        true
    }

    fn address(&self, settings: &Settings, ids: (u64, u64)) -> Option<(String, u32)> {
        Some(address::trades(settings, &self.name, ids))
    }

    fn read(&self, _: &Settings, answer: &Answer) -> Result<Vec<TradeMade>, Refusal> {
        let mut trades = parse::old_trades(answer, self.instrument, &self.name)?;
        trades.sort_by_key(|trade| trade.sequence);
        Ok(trades)
    }
}
