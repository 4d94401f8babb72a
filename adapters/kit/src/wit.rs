//! The contract's types under their own names. What each means is written once, in `wit/adapter.wit`.

pub use crate::bindings::marketprism::adapter::types::{
    Action, Answer, Book, BookChange, BookOccasion, BookState, BookStatus, Closed, Connect,
    ConnectLimit, Counters, Decimal, Description, Event, Frame, FundingRate, Instrument,
    InstrumentReport, Liquidation, LogLevel, LogLine, LongShortRatio, MarketEvent, MarketType,
    OpenInterest, RatioKind, Request, RequestFailure, Response, Send, Side, Start, StreamReport,
    StreamState, Trade, Venue, VolatilityIndex, WakeAt,
};

pub use crate::level::{Level, pack, unpack};
