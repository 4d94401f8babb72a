//! Addresses of the exchange. Names are letters, digits and dashes, so they stand in an address as they are.

use crate::instruments::Kind;
use crate::settings::Settings;

/// A book's snapshot, as deep as the exchange keeps the pushed one.
/// <https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-order-book>
pub fn book(settings: &Settings, name: &str) -> String {
    let (base, depth) = (&settings.base_url, settings.window());
    format!("{base}/api/v5/market/books?instId={name}&sz={depth}")
}

/// All instruments of a kind: one request, however many are configured.
/// <https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments>
pub fn instruments(settings: &Settings, kind: Kind) -> String {
    let (base, kind) = (&settings.base_url, kind.name());
    format!("{base}/api/v5/public/instruments?instType={kind}")
}

/// The exchange's time.
/// <https://www.okx.com/docs-v5/en/#public-data-rest-api-get-system-time>
pub fn time(settings: &Settings) -> String {
    format!("{}/api/v5/public/time", settings.base_url)
}

/// Whether a text can be the name of an instrument.
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
