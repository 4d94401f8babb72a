//! The kinds of message, their names outside, and the way each one travels.

use crate::sandbox::contract::{MarketEvent, RatioKind};

/// How a message reaches its consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Core NATS: sent once, kept by nobody.
    Core,
    /// A JetStream stream, de-duplicated by the message's id.
    Stream,
}

/// What a message tells. The first token of its subject unless the configuration says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataType {
    /// One trade.
    Trade,
    /// The top of a synced book.
    Orderbook,
    /// A change of a book's state.
    OrderbookStatus,
    /// The levels that one update of a book changed.
    OrderbookDelta,
    /// A funding rate.
    FundingRate,
    /// An open interest.
    OpenInterest,
    /// A forced order.
    Liquidation,
    /// Long/short ratio of the top traders' positions.
    LsrTopPosition,
    /// Long/short ratio of all accounts.
    LsrAllAccount,
    /// A candle of a volatility index.
    VolatilityIndex,
}

impl DataType {
    /// Every data type.
    pub const ALL: [Self; 10] = [
        Self::Trade,
        Self::Orderbook,
        Self::OrderbookStatus,
        Self::OrderbookDelta,
        Self::FundingRate,
        Self::OpenInterest,
        Self::Liquidation,
        Self::LsrTopPosition,
        Self::LsrAllAccount,
        Self::VolatilityIndex,
    ];

    /// The name in subjects, payloads, configuration and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Orderbook => "orderbook",
            Self::OrderbookStatus => "orderbook_status",
            Self::OrderbookDelta => "orderbook_delta",
            Self::FundingRate => "funding_rate",
            Self::OpenInterest => "open_interest",
            Self::Liquidation => "liquidation",
            Self::LsrTopPosition => "lsr_top_position",
            Self::LsrAllAccount => "lsr_all_account",
            Self::VolatilityIndex => "volatility_index",
        }
    }

    /// The data type of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|data_type| data_type.name() == name)
    }

    /// How messages of this type travel: what comes often goes out once on Core NATS, the rest is stored.
    pub const fn transport(self) -> Transport {
        match self {
            Self::Trade | Self::Orderbook | Self::OrderbookStatus | Self::OrderbookDelta => {
                Transport::Core
            }
            Self::FundingRate
            | Self::OpenInterest
            | Self::Liquidation
            | Self::LsrTopPosition
            | Self::LsrAllAccount
            | Self::VolatilityIndex => Transport::Stream,
        }
    }

    /// The type of the message that a market event becomes.
    pub const fn of(event: &MarketEvent) -> Self {
        match event {
            MarketEvent::Trade(_) => Self::Trade,
            MarketEvent::Book(_) => Self::Orderbook,
            MarketEvent::BookStatus(_) => Self::OrderbookStatus,
            MarketEvent::BookChange(_) => Self::OrderbookDelta,
            MarketEvent::FundingRate(_) => Self::FundingRate,
            MarketEvent::OpenInterest(_) => Self::OpenInterest,
            MarketEvent::Liquidation(_) => Self::Liquidation,
            MarketEvent::LongShortRatio(ratio) => match ratio.kind {
                RatioKind::TopPosition => Self::LsrTopPosition,
                RatioKind::AllAccount => Self::LsrAllAccount,
            },
            MarketEvent::VolatilityIndex(_) => Self::VolatilityIndex,
        }
    }
}

/// One value for each data type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PerType<T>([T; 10]);

#[allow(clippy::indexing_slicing)] // there is one place for each data type, in their order
impl<T> PerType<T> {
    /// Asks `make` for the value of each data type.
    pub(crate) fn new(make: impl FnMut(DataType) -> T) -> Self {
        Self(DataType::ALL.map(make))
    }

    /// The value of one data type.
    pub(crate) const fn get(&self, data_type: DataType) -> &T {
        &self.0[data_type as usize]
    }

    /// The value of one data type, to be changed.
    pub(crate) const fn get_mut(&mut self, data_type: DataType) -> &mut T {
        &mut self.0[data_type as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_data_type_has_its_own_value() {
        let names = PerType::new(DataType::name);
        for data_type in DataType::ALL {
            assert_eq!(*names.get(data_type), data_type.name());
        }
    }

    #[test]
    fn a_name_leads_back_to_its_data_type() {
        for data_type in DataType::ALL {
            assert_eq!(DataType::from_name(data_type.name()), Some(data_type));
        }
        assert_eq!(DataType::from_name("orderbooks"), None);
    }

    #[test]
    fn six_data_types_are_stored_and_four_are_not() {
        let stored = DataType::ALL
            .into_iter()
            .filter(|t| t.transport() == Transport::Stream)
            .count();
        assert_eq!(stored, 6);
    }
}
