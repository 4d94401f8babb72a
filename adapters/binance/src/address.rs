//! Addresses of the exchange's REST interface.

use std::fmt::Write;

use crate::settings::{Settings, TradeStream};

/// Stands in an address as it is; everything else is written as percent signs and hexadecimal digits (some symbols
/// are in Chinese).
pub fn encoded(text: &str) -> String {
    let mut to = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte) {
            to.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(to, "%{byte:02X}");
        }
    }
    to
}

/// A market data endpoint, with parameters where it has some.
pub fn market(settings: &Settings, endpoint: &str) -> String {
    let path = settings.venue.rest_path();
    format!("{}{path}/{endpoint}", settings.base_url)
}

/// The address of a depth snapshot, and what it costs of the request budget.
pub fn depth(settings: &Settings, symbol: &str) -> (String, u32) {
    let limit = settings.book.depth_limit;
    let endpoint = format!("depth?symbol={}&limit={limit}", encoded(symbol));
    (
        market(settings, &endpoint),
        settings.venue.depth_weight(limit),
    )
}

/// The address that gives the trades of these first and last ids, and what it costs of the request budget; none where
/// past trades cannot be had by their ids.
pub fn old_trades(
    settings: &Settings,
    stream: TradeStream,
    symbol: &str,
    (first, last): (u64, u64),
) -> Option<(String, u32)> {
    let (endpoint, weight) = settings.venue.old_trades(stream)?;
    let (symbol, count) = (encoded(symbol), last - first + 1);
    let endpoint = format!("{endpoint}?symbol={symbol}&fromId={first}&limit={count}");
    Some((market(settings, &endpoint), weight))
}
