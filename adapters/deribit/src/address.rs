//! Addresses of requests and what they cost. Names of instruments and currencies are checked before
//! ([`crate::names::symbol`]), so nothing in them needs an escape.
//!
//! Costs are in the exchange's credits: 500 for a request, more for a few, 10,000 refilled in a second.
//! <https://docs.deribit.com/articles/rate-limits>

use crate::settings::Settings;

/// An address and its cost in credits.
pub type Request = (String, u32);

/// What most requests cost.
const CREDITS: u32 = 500;

/// What a list of instruments costs.
const CREDITS_OF_LIST: u32 = 10_000;

fn address(settings: &Settings, method: &str, query: &str) -> String {
    format!("{}/api/v2/public/{method}{query}", settings.base_url)
}

/// The exchange's time.
pub fn time(settings: &Settings) -> Request {
    (address(settings, "get_time", ""), CREDITS)
}

/// The instruments that are listed under a currency.
pub fn instruments(settings: &Settings, currency: &str) -> Request {
    let query = format!("?currency={currency}&expired=false");
    (
        address(settings, "get_instruments", &query),
        CREDITS_OF_LIST,
    )
}

/// The candles of a currency's volatility index between two times in milliseconds.
pub fn candles(
    settings: &Settings,
    currency: &str,
    (from, to): (u64, u64),
    resolution: &str,
) -> Request {
    let query = format!(
        "?currency={currency}&start_timestamp={from}&end_timestamp={to}&resolution={resolution}"
    );
    (
        address(settings, "get_volatility_index_data", &query),
        CREDITS,
    )
}

/// An instrument's trades by their `trade_seq`, both ends included, oldest first.
pub fn trades(settings: &Settings, name: &str, (first, last): (u64, u64)) -> Request {
    let count = last - first + 1;
    let query = format!(
        "?instrument_name={name}&start_seq={first}&end_seq={last}&count={count}&sorting=asc"
    );
    (
        address(settings, "get_last_trades_by_instrument", &query),
        CREDITS,
    )
}
