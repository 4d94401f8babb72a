//! What differs between the markets of the exchange: addresses, costs, paths of streams.

use marketprism_kit::names;
use marketprism_kit::wit::{self, ConnectLimit, MarketType};

use crate::settings::TradeStream;

/// Where an answer tells how much weight was spent in the running minute; same pages as
/// [`Venue::request_weight_per_minute`].
const USED_WEIGHT_HEADER: &str = "X-MBX-USED-WEIGHT-1M";

/// One market of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Venue {
    /// Coins against coins.
    #[default]
    Spot,
    /// Swaps and futures margined in US dollar coins (USD-M).
    UsdMargined,
}

impl Venue {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Spot, Self::UsdMargined];

    /// The value of a block's `exchange`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spot => "binance_spot",
            Self::UsdMargined => "binance_derivatives",
        }
    }

    /// The venue of a block's `exchange`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.name() == name)
    }

    /// As the contract names it.
    pub const fn market_type(self) -> MarketType {
        match self {
            Self::Spot => MarketType::Spot,
            Self::UsdMargined => MarketType::Perpetual,
        }
    }

    /// The data types that there are.
    pub const fn data_types(self) -> &'static [&'static str] {
        match self {
            Self::Spot => &["orderbook", "trade"],
            Self::UsdMargined => &[
                "orderbook",
                "trade",
                "funding_rate",
                "open_interest",
                "liquidation",
                "lsr_top_position",
                "lsr_all_account",
            ],
        }
    }

    /// Address of the REST interface.
    pub const fn base_url(self) -> &'static str {
        match self {
            Self::Spot => "https://api.binance.com",
            Self::UsdMargined => "https://fapi.binance.com",
        }
    }

    /// Address of the WebSocket interface.
    pub const fn ws_url(self) -> &'static str {
        match self {
            Self::Spot => "wss://stream.binance.com:9443",
            Self::UsdMargined => "wss://fstream.binance.com",
        }
    }

    /// Where market data stands under the REST address.
    pub const fn rest_path(self) -> &'static str {
        match self {
            Self::Spot => "/api/v3",
            Self::UsdMargined => "/fapi/v1",
        }
    }

    /// Where trades come from unless a block says otherwise.
    pub const fn trade_stream(self) -> TradeStream {
        match self {
            Self::Spot => TradeStream::Trade,
            Self::UsdMargined => TradeStream::AggTrade,
        }
    }

    /// Most levels of one depth snapshot.
    pub const fn depth_limit_max(self) -> u64 {
        match self {
            Self::Spot => 5_000,
            Self::UsdMargined => 1_000,
        }
    }

    /// The smallest number of levels that may be asked for and is not below `wanted`. Spot takes any number:
    /// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#order-book>, USD-M a few:
    /// <https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Order-Book>.
    pub fn depth_limit(self, wanted: usize) -> usize {
        match self {
            Self::Spot => wanted,
            Self::UsdMargined => {
                let allowed = [5, 10, 20, 50, 100, 500, 1_000];
                let fits = allowed.into_iter().find(|limit| *limit >= wanted);
                fits.unwrap_or(1_000)
            }
        }
    }

    /// What one address may spend in a minute.
    /// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits>,
    /// <https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info#limits>
    pub const fn request_weight_per_minute(self) -> u32 {
        match self {
            Self::Spot => 6_000,
            Self::UsdMargined => 2_400,
        }
    }

    /// How often one address may ask for a connection. The pages of USD-M name no limit: that of spot is kept there too.
    /// <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#websocket-limits>
    const CONNECTS: ConnectLimit = ConnectLimit {
        count: 300,
        seconds: 300,
    };

    /// As the contract describes it. The exchange names no number of connections that it lets one address hold.
    pub fn described(self) -> wit::Venue {
        wit::Venue {
            name: self.name().to_owned(),
            request_weight_per_minute: self.request_weight_per_minute(),
            used_weight_header: Some(USED_WEIGHT_HEADER.to_owned()),
            connections_max: 0,
            connects: Some(Self::CONNECTS),
        }
    }

    /// The weight of a depth snapshot of so many levels; same pages as [`Venue::depth_limit`].
    pub const fn depth_weight(self, limit: usize) -> u32 {
        match (self, limit) {
            (Self::Spot, 0..=100) => 5,
            (Self::Spot, 101..=500) => 25,
            (Self::Spot, 501..=1_000) => 50,
            (Self::Spot, _) => 250,
            (Self::UsdMargined, 0..=50) => 2,
            (Self::UsdMargined, 51..=100) => 5,
            (Self::UsdMargined, 101..=500) => 10,
            (Self::UsdMargined, _) => 20,
        }
    }

    /// The endpoint that gives past trades by their ids, and its weight; none where it wants an API key, which a
    /// collector of public data does not have.
    ///
    /// Spot asks for no key:
    /// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#old-trade-lookup>.
    /// `aggTrades` is also served by the host for market data only, whose list does not name `historicalTrades`:
    /// <https://github.com/binance/binance-spot-api-docs/blob/master/faqs/market_data_only.md>. Where it is refused, the
    /// trades stay missing. USD-M asks for a key for `historicalTrades`:
    /// <https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Old-Trades-Lookup>.
    pub const fn old_trades(self, stream: TradeStream) -> Option<(&'static str, u32)> {
        match (self, stream) {
            (Self::Spot, TradeStream::Trade) => Some(("historicalTrades", 25)),
            (Self::Spot, TradeStream::AggTrade) => Some(("aggTrades", 4)),
            (Self::UsdMargined, TradeStream::Trade) => None,
            (Self::UsdMargined, TradeStream::AggTrade) => Some(("aggTrades", 20)),
        }
    }

    /// Normalised name: BTCUSDT is BTC-USDT, and BTCUSDT_210924, which is delivered on that day, BTC-USDT-210924.
    pub fn base_quote(self, symbol: &str) -> String {
        match symbol.split_once('_') {
            Some((pair, delivery)) => format!("{}-{delivery}", names::base_quote(pair)),
            None => names::base_quote(symbol),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Venue;

    #[test]
    fn a_venue_is_found_by_its_name() {
        for venue in Venue::ALL {
            assert_eq!(Venue::named(venue.name()), Some(venue));
        }
        assert_eq!(Venue::named("binance"), None);
    }

    #[test]
    fn usd_m_takes_only_some_depths_and_each_has_its_weight() {
        let venue = Venue::UsdMargined;
        for (wanted, limit, weight) in [
            (1, 5, 2),
            (50, 50, 2),
            (51, 100, 5),
            (400, 500, 10),
            (501, 1_000, 20),
            (5_000, 1_000, 20),
        ] {
            assert_eq!(venue.depth_limit(wanted), limit);
            assert_eq!(venue.depth_weight(limit), weight);
        }
        assert_eq!(Venue::Spot.depth_limit(400), 400);
    }
}
