//! What of a market event tells whether it was published before.

use crate::sandbox::contract::MarketEvent;
use crate::wire::DataType;

/// One market event's place in the line of its kind and instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) data_type: DataType,
    pub(super) instrument: u32,
    /// Trade id, update id, or event time in milliseconds.
    pub(super) sequence: u64,
}

impl Place {
    pub(super) const fn of(event: &MarketEvent) -> Self {
        let (instrument, sequence) = match event {
            MarketEvent::Trade(it) => (it.instrument, it.sequence),
            MarketEvent::Book(it) => (it.instrument, it.sequence),
            MarketEvent::BookChange(it) => (it.instrument, it.sequence),
            MarketEvent::BookStatus(it) => (it.instrument, it.sequence),
            MarketEvent::FundingRate(it) => (it.instrument, it.sequence),
            MarketEvent::OpenInterest(it) => (it.instrument, it.sequence),
            MarketEvent::Liquidation(it) => (it.instrument, it.sequence),
            MarketEvent::LongShortRatio(it) => (it.instrument, it.sequence),
            MarketEvent::VolatilityIndex(it) => (it.instrument, it.sequence),
        };
        Self {
            data_type: DataType::of(event),
            instrument,
            sequence,
        }
    }
}
