//! What an adapter reports and published of a recording against what an independent reading of it found.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it, and they fail by a panic"
)]

use serde_json::Value;

use crate::wit::{BookState, Decimal, InstrumentReport, MarketEvent, Trade, unpack};

/// Compares an instrument's counters and its book, of which 20 levels were asked for.
///
/// # Panics
/// When they do not agree.
pub fn agrees(report: &InstrumentReport, expected: &Value, symbol: &str) {
    let counters = &report.counters;
    assert_eq!(report.problem, None, "{symbol}");
    assert_eq!(counters.trades, expected["trades"], "{symbol}");
    let applied = &expected["book_updates_applied"];
    assert_eq!(counters.updates_applied, *applied, "{symbol}");
    assert_eq!(counters.gaps, expected["gaps"], "{symbol}");
    assert_eq!(report.book_state, Some(BookState::Synced), "{symbol}");
    let last = &expected["last_update_id"];
    assert_eq!(Value::from(report.last_update_id), *last, "{symbol}");
    let book = &expected["final_book"];
    let found = (levels(&report.bids), levels(&report.asks));
    assert_eq!(
        found,
        (book["bids"].clone(), book["asks"].clone()),
        "{symbol}"
    );
    let count = |name: &str| u32::try_from(book[name].as_u64().unwrap()).unwrap();
    let found = (report.bid_levels, report.ask_levels);
    assert_eq!(found, (count("n_bids"), count("n_asks")), "{symbol}");
}

fn levels(side: &[i64]) -> Value {
    let text = |mantissa, scale| Value::from(Decimal::of(mantissa, scale).to_string());
    let pair = |level: &crate::wit::Level| {
        vec![
            text(level.price, level.price_scale),
            text(level.quantity, level.quantity_scale),
        ]
    };
    unpack(side).iter().map(pair).collect()
}

/// The exact sum of one figure of an instrument's trades, without zeros at its end.
///
/// # Panics
/// When no decimal holds it.
pub fn sum(
    events: &[MarketEvent],
    instrument: u32,
    figure: impl Fn(&Trade) -> Option<Decimal>,
) -> String {
    let trades = events.iter().filter_map(|event| match event {
        MarketEvent::Trade(trade) if trade.instrument == instrument => figure(trade),
        _ => None,
    });
    let sum = trades.fold(Decimal::of(0, 0), |sum, figure| {
        sum.checked_add(figure).unwrap()
    });
    let sum = sum.to_string();
    if sum.contains('.') {
        sum.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        sum
    }
}
