//! Names and units of OKX: a swap's quantities are contracts, each worth a number of coins.

use crate::exchange::numbers::trimmed;
use crate::market::Terms;

/// Decimals of contracts.
const CONTRACT_DECIMALS: u32 = 2;
/// Decimals of coins, at most.
const COIN_DECIMALS_MAX: u32 = 8;

/// `BTC` and `USDT` of `BTC-USDT-SWAP`.
pub(super) fn currencies(symbol: &str) -> (&str, &str) {
    let mut parts = symbol.split('-');
    (
        parts.next().unwrap_or(symbol),
        parts.next().unwrap_or_default(),
    )
}

/// `BTC-USDT` of `BTC-USDT-SWAP`.
pub(super) fn family(symbol: &str) -> &str {
    symbol.strip_suffix("-SWAP").unwrap_or(symbol)
}

/// What is traded under a name.
pub(super) fn terms(symbol: &str) -> Terms {
    let (base, quote) = currencies(symbol);
    let terms = Terms::of(&format!("{base}{quote}"));
    let price_decimals = if base == "BTC" {
        1
    } else {
        terms.price_decimals
    };
    let quantity_decimals = if symbol.ends_with("-SWAP") {
        CONTRACT_DECIMALS
    } else {
        (terms.quantity_decimals + 1).min(COIN_DECIMALS_MAX)
    };
    terms.renamed(symbol, price_decimals, quantity_decimals)
}

/// Coins of a contract, and how many decimals that count has.
pub(super) fn contract_value(symbol: &str) -> (u64, u32) {
    match currencies(symbol).0 {
        "BTC" => (1, 2),
        "ETH" => (1, 1),
        "XRP" => (100, 0),
        _ => (1, 0),
    }
}

/// One row of GET /api/v5/public/instruments.
pub(super) fn row(terms: &Terms, kind: &str) -> String {
    let symbol = &terms.symbol;
    let (base, quote) = currencies(symbol);
    let is_swap = kind == "SWAP";
    let (value, decimals) = contract_value(symbol);
    let of_swap = |text: String| if is_swap { text } else { String::new() };
    let of_spot = |text: &str| {
        if is_swap {
            String::new()
        } else {
            text.to_owned()
        }
    };
    let value = of_swap(trimmed(value, decimals));
    let (multiplier, contract) = (of_swap("1".to_owned()), of_swap("linear".to_owned()));
    let (value_currency, settle) = (of_swap(base.to_owned()), of_swap(quote.to_owned()));
    let family = of_swap(family(symbol).to_owned());
    let (base, quote) = (of_spot(base), of_spot(quote));
    let (tick, lot) = (
        trimmed(1, terms.price_decimals),
        trimmed(1, terms.quantity_decimals),
    );
    format!(
        r#"{{"alias":"","auctionEndTime":"","baseCcy":"{base}","category":"1","contTdSwTime":"","ctMult":"{multiplier}","ctType":"{contract}","ctVal":"{value}","ctValCcy":"{value_currency}","expTime":"","futureSettlement":false,"instFamily":"{family}","instId":"{symbol}","instIdCode":10459,"instType":"{kind}","lever":"","listTime":"1573557408000","lotSz":"{lot}","maxLmtSz":"100000000","maxMktSz":"12000","minSz":"{lot}","openType":"","optType":"","quoteCcy":"{quote}","ruleType":"normal","settleCcy":"{settle}","state":"live","stk":"","tickSz":"{tick}","uly":"{family}"}}"#
    )
}
