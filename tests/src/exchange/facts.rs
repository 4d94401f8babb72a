//! What is polled: rates, open interest, ratios, volatility. Each value belongs to a span of the market's time and is
//! the same whenever it is asked for; it depends on nothing but the seed, the symbol and that span.

use std::collections::BTreeMap;
use std::time::Duration;

use super::datum::DatumKind;
use super::settings::Scales;
use crate::market::Market;
use crate::random::Random;

/// Decimals of a mark price.
pub(crate) const MARK_DECIMALS: u32 = 8;
/// Values of a volatility index in one candle.
const VALUES_OF_CANDLE: u64 = 12;

/// The values of a market.
#[derive(Debug)]
pub(crate) struct Facts {
    seed: u64,
    scales: Scales,
    marks: BTreeMap<String, Mark>,
}

/// A mark price and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) time_ms: u64,
    /// In units of the eighth decimal.
    pub(crate) price: u64,
    pub(crate) index: u64,
    /// In units of the eighth decimal, may be negative.
    pub(crate) funding_rate: i64,
}

/// A candle of a volatility index, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candle {
    pub(crate) time_ms: u64,
    pub(crate) open: u64,
    pub(crate) high: u64,
    pub(crate) low: u64,
    pub(crate) close: u64,
}

/// The beginning of the span in which a time lies.
pub(crate) fn span(time_ms: u64, length: Duration) -> u64 {
    let length = (length.as_millis() as u64).max(1);
    time_ms / length * length
}

impl Facts {
    pub(crate) const fn new(seed: u64, scales: Scales) -> Self {
        Self {
            seed,
            scales,
            marks: BTreeMap::new(),
        }
    }

    fn dice(&self, what: &str, symbol: &str, at: u64) -> Random {
        Random::new(self.seed, &format!("{what} {symbol} {at}"))
    }

    /// Takes new mark prices from the market when their time has come; the symbols that have one.
    pub(crate) fn advance(&mut self, market: &Market, time_ms: u64) -> Vec<String> {
        let time_ms = span(time_ms, self.scales.marks);
        let mut renewed = Vec::new();
        for listing in market.listings() {
            let terms = listing.terms();
            let old = self.marks.get(&terms.symbol);
            if old.is_some_and(|mark| mark.time_ms == time_ms) {
                continue;
            }
            let best = listing.snapshot(1).levels;
            let (Some(bid), Some(ask)) = (best.bids.first(), best.asks.first()) else {
                continue;
            };
            let mut dice = self.dice("mark", &terms.symbol, time_ms);
            let middle =
                (bid.price + ask.price) * 10_u64.pow(MARK_DECIMALS - terms.price_decimals) / 2;
            let price = middle + dice.below(middle / 20_000 + 1);
            let mark = Mark {
                time_ms,
                price,
                index: middle + dice.below(middle / 20_000 + 1),
                funding_rate: dice.below(30_000) as i64 - 10_000,
            };
            self.marks.insert(terms.symbol.clone(), mark);
            renewed.push(terms.symbol.clone());
        }
        renewed
    }

    pub(crate) fn mark(&self, symbol: &str) -> Option<Mark> {
        self.marks.get(symbol).copied()
    }

    /// Time and open interest, in thousandths.
    pub(crate) fn open_interest(&self, symbol: &str, time_ms: u64) -> (u64, u64) {
        let time_ms = span(time_ms, self.scales.open_interest);
        let mut dice = self.dice("open interest", symbol, time_ms);
        (time_ms, dice.between(80_000_000, 90_000_000))
    }

    /// When the next funding is.
    pub(crate) fn next_funding_ms(time_ms: u64, hours: u64) -> u64 {
        let interval = Duration::from_secs(hours * 3_600);
        span(time_ms, interval) + interval.as_millis() as u64
    }

    /// Rows of a ratio, oldest first: time, and the long share in ten-thousandths. `period` is like `5m`, `1h`; none
    /// for what is no period.
    pub(crate) fn ratios(
        &self,
        kind: DatumKind,
        symbol: &str,
        period: &str,
        time_ms: u64,
        rows: u64,
    ) -> Option<Vec<(u64, u64)>> {
        let minutes = minutes(period)?;
        let length = self.scales.ratio_period * u32::try_from(minutes).ok()? / 5;
        let last = span(time_ms, length);
        let step = (length.as_millis() as u64).max(1);
        let what = format!("{kind:?} {period}");
        let row = |back: u64| {
            let at = last.checked_sub(back * step)?;
            let mut dice = self.dice(&what, symbol, at);
            Some((at, dice.between(3_000, 7_500)))
        };
        Some((0..rows).rev().filter_map(row).collect())
    }

    /// The candle of a resolution that begins at or before a time, as far as it is known at another.
    pub(crate) fn candle(
        &self,
        currency: &str,
        seconds: u64,
        time_ms: u64,
        now_ms: u64,
    ) -> Option<Candle> {
        let length = self.candle_length(seconds);
        let time_ms = span(time_ms, length);
        let values_ms = (length.as_millis() as u64 / VALUES_OF_CANDLE).max(1);
        let passed = now_ms.checked_sub(time_ms)? / values_ms;
        let values = (0..=passed.min(VALUES_OF_CANDLE - 1))
            .map(|place| self.volatility_of(currency, seconds, time_ms, place));
        let values: Vec<_> = values.collect();
        Some(Candle {
            time_ms,
            open: *values.first()?,
            high: *values.iter().max()?,
            low: *values.iter().min()?,
            close: *values.last()?,
        })
    }

    /// Of a candle, by its resolution in seconds.
    pub(crate) fn candle_length(&self, seconds: u64) -> Duration {
        let length = self.scales.candle_minute.as_millis() as u64 * seconds / 60;
        Duration::from_millis(length.max(VALUES_OF_CANDLE))
    }

    /// Time and value of a volatility index, in hundredths.
    pub(crate) fn volatility(&self, currency: &str, time_ms: u64) -> (u64, u64) {
        let length = self.candle_length(60);
        let start = span(time_ms, length);
        let values_ms = (length.as_millis() as u64 / VALUES_OF_CANDLE).max(1);
        let place = ((time_ms - start) / values_ms).min(VALUES_OF_CANDLE - 1);
        let value = self.volatility_of(currency, 60, start, place);
        (start + place * values_ms, value)
    }

    fn volatility_of(&self, currency: &str, seconds: u64, start_ms: u64, place: u64) -> u64 {
        let base = self
            .dice("volatility", currency, seconds)
            .between(3_500, 6_000);
        let mut dice = self.dice(&format!("volatility {seconds}"), currency, start_ms + place);
        base + dice.below(200)
    }
}

/// Of `5m`, `2H`, `1D` or `1Dutc`.
fn minutes(period: &str) -> Option<u64> {
    let period = period.strip_suffix("utc").unwrap_or(period);
    let unit = period.chars().last()?;
    let count: u64 = period.strip_suffix(unit)?.parse().ok()?;
    let minutes = match unit {
        'm' => count,
        'h' | 'H' => count * 60,
        'd' | 'D' => count * 1_440,
        _ => return None,
    };
    (minutes >= 5).then_some(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts::new(1, Scales::default())
    }

    #[test]
    fn a_row_of_ratios_stays_what_it_was_when_others_follow() {
        let rows = |now_ms| {
            let rows = facts().ratios(DatumKind::RatioAllAccount, "BTCUSDT", "5m", now_ms, 3);
            rows.unwrap()
        };
        let (early, late) = (rows(1_000_000_000), rows(1_000_300_000));
        assert_eq!(early[1..], late[..2]);
        assert_eq!(late[2].0, 1_000_200_000);
        let period = |text| facts().ratios(DatumKind::RatioAllAccount, "B", text, 9_000_000, 1);
        assert!(period("1m").is_none() && period("x").is_none() && period("1D").is_some());
    }

    #[test]
    fn a_candle_grows_until_its_minute_is_over() {
        let at = |now_ms| facts().candle("BTC", 60, 600_000, now_ms).unwrap();
        let (young, old) = (at(600_000), at(659_999));
        assert!(young.open == young.close && young.open == old.open);
        assert!(old.high > old.low && old.high >= young.high && old.low <= young.low);
        assert_eq!(at(900_000), old);
        assert_eq!(facts().candle("BTC", 60, 600_000, 599_999), None);
        assert_eq!(facts().volatility("BTC", 659_999).1, old.close);
    }
}
