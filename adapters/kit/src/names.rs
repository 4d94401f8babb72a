//! Normalised names: `BASE-QUOTE` from an exchange's joined symbol.

/// Currencies that instruments are quoted in. The longest that fits wins, so "BTCFDUSD" is BTC-FDUSD.
const QUOTES: [&str; 42] = [
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDP", "USDS", "USD1", "USD", "BTC", "ETH", "BNB",
    "EUR", "EURI", "GBP", "JPY", "DAI", "TRY", "BRL", "AUD", "RUB", "UAH", "NGN", "ZAR", "PLN",
    "RON", "ARS", "MXN", "COP", "CZK", "IDRT", "BIDR", "VAI", "PAX", "XRP", "TRX", "DOGE", "DOT",
    "SOL", "BKRW", "BVND", "GYEN",
];

/// "BTCUSDT" is "BTC-USDT". A symbol that already has a dash, or that ends in no known quote currency, is only put in
/// capitals.
pub fn base_quote(symbol: &str) -> String {
    let symbol = symbol.to_uppercase();
    if symbol.contains('-') {
        return symbol;
    }
    let quote = QUOTES
        .iter()
        .filter(|quote| symbol.len() > quote.len() && symbol.ends_with(**quote))
        .max_by_key(|quote| quote.len());
    match quote.and_then(|quote| Some((symbol.strip_suffix(quote)?, quote))) {
        Some((base, quote)) => format!("{base}-{quote}"),
        None => symbol,
    }
}

#[cfg(test)]
mod tests {
    use super::base_quote;

    #[test]
    fn the_longest_known_quote_currency_wins() {
        for (symbol, name) in [
            ("BTCUSDT", "BTC-USDT"),
            ("NKNUSDT", "NKN-USDT"),
            ("BLZETH", "BLZ-ETH"),
            ("LRCBTC", "LRC-BTC"),
            ("RUNEEUR", "RUNE-EUR"),
            ("BTCFDUSD", "BTC-FDUSD"),
            ("BTCTUSD", "BTC-TUSD"),
            ("ethusd", "ETH-USD"),
            ("1000SATSTRY", "1000SATS-TRY"),
        ] {
            assert_eq!(base_quote(symbol), name);
        }
    }

    #[test]
    fn a_symbol_without_a_known_quote_stays_as_it_is() {
        assert_eq!(base_quote("FOOBAR"), "FOOBAR");
        assert_eq!(base_quote("USDT"), "USDT");
        assert_eq!(base_quote("BTC-USDT"), "BTC-USDT");
        assert_eq!(base_quote(""), "");
    }
}
