//! Rates, open interest, mark prices and ratios: the same rows by REST and on their channels.

use super::Okx;
use super::instruments::{contract_value, currencies};
use crate::exchange::datum::{Datum, DatumKind};
use crate::exchange::facts::{Facts, MARK_DECIMALS};
use crate::exchange::numbers::{fixed, trimmed, wide};

/// Hours between two fundings.
const FUNDING_HOURS: u64 = 8;
const RATE_DECIMALS: u32 = 8;
const INTEREST_DECIMALS: u32 = 3;
const USD_DECIMALS: u32 = 2;
/// Decimals of a ratio, and of a share.
const RATIO_DECIMALS: u32 = 4;
const WHOLE: u64 = 10_000;

/// A row and what is in it.
pub(super) type Row = (String, Datum);

fn row(kind: DatumKind, symbol: &str, time_ms: u64, fields: Vec<(&'static str, String)>) -> Row {
    let texts: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!(r#""{name}":"{value}""#))
        .collect();
    let datum = Datum {
        kind,
        symbol: symbol.to_owned(),
        time_ms,
        fields,
    };
    (format!("{{{}}}", texts.join(",")), datum)
}

impl Okx {
    pub(super) fn funding_rate(self, facts: &Facts, symbol: &str) -> Option<Row> {
        let mark = facts.mark(symbol)?;
        let next_ms = Facts::next_funding_ms(mark.time_ms, FUNDING_HOURS);
        let sign = if mark.funding_rate < 0 { "-" } else { "" };
        let rate = trimmed(mark.funding_rate.unsigned_abs(), RATE_DECIMALS);
        let fields = vec![
            ("formulaType", "noRate".to_owned()),
            ("fundingRate", format!("{sign}{rate}")),
            ("fundingTime", next_ms.to_string()),
            ("impactValue", "20000".to_owned()),
            ("instId", symbol.to_owned()),
            ("instType", self.instrument_type().to_owned()),
            ("interestRate", "0.0001".to_owned()),
            ("maxFundingRate", "0.00375".to_owned()),
            ("method", "current_period".to_owned()),
            ("minFundingRate", "-0.00375".to_owned()),
            ("nextFundingRate", String::new()),
            (
                "nextFundingTime",
                (next_ms + FUNDING_HOURS * 3_600_000).to_string(),
            ),
            ("premium", "0.0001".to_owned()),
            ("settFundingRate", "0.0000456".to_owned()),
            ("settState", "settled".to_owned()),
            ("ts", mark.time_ms.to_string()),
        ];
        Some(row(DatumKind::Funding, symbol, mark.time_ms, fields))
    }

    pub(super) fn open_interest(self, facts: &Facts, symbol: &str, time_ms: u64) -> Option<Row> {
        let mark = facts.mark(symbol)?;
        let (time_ms, contracts) = facts.open_interest(symbol, time_ms);
        let (value, value_decimals) = contract_value(symbol);
        let coins = contracts * value;
        let coin_decimals = INTEREST_DECIMALS + value_decimals;
        let dollars = u128::from(coins) * u128::from(mark.price)
            / 10_u128.pow(coin_decimals + MARK_DECIMALS - USD_DECIMALS);
        let fields = vec![
            ("instId", symbol.to_owned()),
            ("instType", self.instrument_type().to_owned()),
            ("oi", trimmed(contracts, INTEREST_DECIMALS)),
            ("oiCcy", trimmed(coins, coin_decimals)),
            ("oiUsd", wide(dollars, USD_DECIMALS)),
            ("ts", time_ms.to_string()),
        ];
        Some(row(DatumKind::OpenInterest, symbol, time_ms, fields))
    }

    pub(super) fn mark_price(self, facts: &Facts, symbol: &str) -> Option<Row> {
        let mark = facts.mark(symbol)?;
        let fields = vec![
            ("instId", symbol.to_owned()),
            ("instType", self.instrument_type().to_owned()),
            ("markPx", trimmed(mark.price, MARK_DECIMALS)),
            ("ts", mark.time_ms.to_string()),
        ];
        Some(row(DatumKind::MarkPrice, symbol, mark.time_ms, fields))
    }
}

/// Rows of a ratio, newest first; none for what is no period.
pub(super) fn ratios(
    facts: &Facts,
    kind: DatumKind,
    symbol: &str,
    period: &str,
    time_ms: u64,
    rows: u64,
) -> Option<Vec<Row>> {
    let rows = facts.ratios(kind, symbol, period, time_ms, rows)?;
    let row = |(time_ms, long): (u64, u64)| {
        let ratio = (long * WHOLE * 2 / (WHOLE - long)).div_ceil(2);
        let ratio = fixed(ratio, RATIO_DECIMALS);
        let text = format!(r#"["{time_ms}","{ratio}"]"#);
        let datum = Datum {
            kind,
            symbol: symbol.to_owned(),
            time_ms,
            fields: vec![("ratio", ratio), ("period", period.to_owned())],
        };
        (text, datum)
    };
    Some(rows.into_iter().rev().map(row).collect())
}

/// Whether an instrument is of a coin.
pub(super) fn is_of(symbol: &str, currency: &str) -> bool {
    currencies(symbol).0 == currency
}
