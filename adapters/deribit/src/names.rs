//! Names: what market an instrument belongs to, which currency it is listed under, and what a configured symbol asks for.

use marketprism_kit::wit::MarketType;

/// What one configured symbol may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symbol {
    /// A currency, for example "BTC": its volatility index, and its perpetual where books or trades are collected.
    Currency,
    /// An instrument, for example "BTC-PERPETUAL".
    Instrument,
}

/// The exchange's spelling of a configured symbol and what it stands for; none when the exchange can have nothing of
/// that name. Names are in capitals, but for the `d` that is the point of a strike price: "XRP_USDC-30JUN23-0d625-C".
pub fn symbol(configured: &str) -> Option<(String, Symbol)> {
    let is_name = (1..=64).contains(&configured.len())
        && configured
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        && configured.starts_with(|first: char| first.is_ascii_alphanumeric());
    if !is_name {
        return None;
    }
    let mut name = configured.to_ascii_uppercase();
    if let Some(point) = name.as_bytes().windows(3).position(|three| {
        matches!(three, [before, b'D', after] if before.is_ascii_digit() && after.is_ascii_digit())
    }) {
        name.replace_range(point + 1..point + 2, "d");
    }
    let is_currency = !name.contains(['-', '_']);
    let symbol = if is_currency {
        Symbol::Currency
    } else {
        Symbol::Instrument
    };
    Some((name, symbol))
}

/// The perpetual of a currency: what a consumer of a currency's market is most likely to want, and there is one for
/// sure where there is a volatility index.
pub fn perpetual(currency: &str) -> String {
    format!("{currency}-PERPETUAL")
}

/// The market of an instrument by its name: `-C` and `-P` end options; a letter behind the first dash names a
/// combination of options (`BTC-CS-...`), unless it begins a perpetual or a spread of futures (`BTC-FS-...`); a pair
/// without a dash is spot.
/// <https://docs.deribit.com/articles/instrument-naming-convention>
pub fn market_type(name: &str) -> MarketType {
    let mut parts = name.split('-').skip(1);
    let Some(second) = parts.next() else {
        return MarketType::Spot;
    };
    let is_option = parts.last().is_some_and(|last| matches!(last, "C" | "P"));
    let is_date = second.starts_with(|first: char| first.is_ascii_digit());
    let is_combination = !is_date && !matches!(second, "PERPETUAL" | "FS");
    if is_option || is_combination {
        MarketType::Options
    } else {
        MarketType::Perpetual
    }
}

/// The currency under which the exchange lists an instrument: what it is settled in.
/// "BTC-PERPETUAL" is listed under BTC, "LINK_USDC-PERPETUAL" under USDC.
pub fn listed_under(name: &str) -> &str {
    let base = name.split('-').next().unwrap_or(name);
    base.rsplit('_').next().unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::{Symbol, listed_under, market_type, symbol};
    use marketprism_kit::wit::MarketType;

    #[test]
    fn a_name_says_the_market_and_the_currency_of_the_listing() {
        use MarketType::{Options, Perpetual, Spot};
        for (name, market, currency) in [
            ("BTC-PERPETUAL", Perpetual, "BTC"),
            ("LINK_USDC-PERPETUAL", Perpetual, "USDC"),
            ("BTC-24SEP21", Perpetual, "BTC"),
            ("ETH-8OCT21", Perpetual, "ETH"),
            ("BTC-24SEP21-34000-P", Options, "BTC"),
            ("ETH-24JUN22-1600-C", Options, "ETH"),
            ("XRP_USDC-30JUN23-0d625-C", Options, "USDC"),
            ("BTC-FS-19MAY26_PERP", Perpetual, "BTC"),
            ("BTC-CS-19MAY26-70000_75000", Options, "BTC"),
            ("BTC-STRG-19MAY26-74000_79000", Options, "BTC"),
            ("BTC-CSR12-16SEP22-21000_23000", Options, "BTC"),
            ("BTC_USDC", Spot, "USDC"),
        ] {
            assert_eq!(market_type(name), market, "{name}");
            assert_eq!(listed_under(name), currency, "{name}");
            let found = Some((name.to_owned(), Symbol::Instrument));
            assert_eq!(symbol(&name.to_lowercase()), found, "{name}");
        }
    }

    #[test]
    fn a_bare_word_is_a_currency_and_anything_odd_is_nothing() {
        assert_eq!(symbol("btc"), Some(("BTC".to_owned(), Symbol::Currency)));
        for odd in ["", "BTC.PERP", "BTC PERP", "-BTC", "BTC\"", "币"] {
            assert_eq!(symbol(odd), None, "{odd}");
        }
        assert_eq!(symbol(&"A".repeat(65)), None);
    }
}
