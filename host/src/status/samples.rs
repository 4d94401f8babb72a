//! Instruments and streams for the tests of whoever reads the board.

use super::session::InstrumentStatus;
use crate::sandbox::contract::{
    Counters, Instrument, InstrumentReport, MarketType, StreamReport, StreamState,
};
use crate::wire::DataType;

pub(crate) fn instrument(symbol: &str, streams: &[StreamReport]) -> InstrumentStatus {
    InstrumentStatus {
        names: Instrument {
            id: 0,
            exchange_symbol: symbol.to_owned(),
            exchange: "alpha".to_owned(),
            market_type: MarketType::Spot,
            symbol: symbol.to_owned(),
        },
        report: Some(InstrumentReport {
            instrument: 0,
            problem: None,
            book_state: None,
            last_update_id: None,
            counters: Counters {
                trades: 0,
                duplicate_trades: 0,
                missing_trades: 0,
                fetched_trades: 0,
                updates_applied: 0,
                gaps: 0,
                resyncs: 0,
            },
            streams: streams.to_vec(),
            bids: Vec::new(),
            asks: Vec::new(),
            bid_levels: 0,
            ask_levels: 0,
        }),
    }
}

pub(crate) fn stream(data_type: DataType, state: StreamState) -> StreamReport {
    StreamReport {
        data_type: data_type.name().to_owned(),
        state,
        heard: None,
        silence_max: None,
        resubscribed: 0,
    }
}
