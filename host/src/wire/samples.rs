//! Market events for the tests of this room.

use crate::sandbox::contract::*;
use crate::wire::{Stamp, Subjects, Writer};

pub(super) const STAMP: Stamp = Stamp {
    published_ns: 1_760_000_000_500_000_000,
    received_ns: 1_760_000_000_499_123_456,
};
pub(super) const EVENT_NS: u64 = 1_760_000_000_455_000_000;

pub(super) fn instrument() -> Instrument {
    Instrument {
        id: 0,
        exchange_symbol: "BTCUSDT".to_owned(),
        exchange: "alpha".to_owned(),
        market_type: MarketType::Spot,
        symbol: "BTC-USDT".to_owned(),
    }
}

/// A writer that knows [`instrument`].
pub(super) fn writer() -> Writer {
    let mut writer = Writer::new("alpha_spot", Subjects::default(), 2)
        .unwrap_or_else(|error| unreachable!("{error}"));
    writer
        .declare(instrument())
        .unwrap_or_else(|error| unreachable!("{error}"));
    writer
}

pub(super) fn trade() -> Trade {
    Trade {
        instrument: 0,
        sequence: 77,
        id: None,
        time: EVENT_NS,
        price: Decimal {
            mantissa: 12_155_001_000_000,
            scale: 8,
        },
        quantity: Decimal {
            mantissa: 123_000,
            scale: 8,
        },
        quantity_base: None,
        side: Side::Sell,
    }
}

pub(super) fn level(price: i64, quantity: i64) -> Level {
    Level {
        price,
        quantity,
        price_scale: 2,
        quantity_scale: 3,
    }
}

pub(super) fn book(occasion: BookOccasion, levels: i64) -> Book {
    Book {
        instrument: 0,
        sequence: 9,
        last_update_id: Some(9),
        time: Some(EVENT_NS),
        occasion,
        first_update_id: None,
        previous_update_id: None,
        bids: (0..levels)
            .flat_map(|i| pack(&[level(12_155_000 - i, 1_000 + i)]))
            .collect(),
        asks: (0..levels)
            .flat_map(|i| pack(&[level(12_155_001 + i, 2_000 + i)]))
            .collect(),
    }
}

pub(super) fn status() -> BookStatus {
    BookStatus {
        instrument: 0,
        sequence: 7,
        state: BookState::Resyncing,
        reason: "gap: 10 follows 7".to_owned(),
        time: EVENT_NS,
        gaps: 1,
        resyncs: 1,
        updates_applied: 40,
    }
}

pub(super) fn ratio(kind: RatioKind) -> LongShortRatio {
    LongShortRatio {
        instrument: 0,
        sequence: EVENT_NS / 1_000_000,
        time: EVENT_NS,
        kind,
        ratio: "1.7871".to_owned(),
        long: "0.6412".to_owned(),
        short: "0.3588".to_owned(),
        period: "5m".to_owned(),
    }
}

pub(super) fn open_interest(value: &str) -> OpenInterest {
    OpenInterest {
        instrument: 0,
        sequence: EVENT_NS / 1_000_000,
        time: EVENT_NS,
        value: value.to_owned(),
        usd: None,
        mark_price: None,
    }
}
