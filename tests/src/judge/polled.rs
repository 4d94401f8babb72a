//! What is polled, and forced orders: compared with what the exchange told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::exchange::{Datum, DatumKind, Item, RequestRecord, RestFault, Simulator, Told, Venue};
use crate::market::Level;
use serde_json::Value;

use super::number::{Exact, exact, level, same};
use super::readable::Readable;

/// One forced order: instrument, time, whether it is a sale, price, quantity.
type Forced = (String, u64, bool, Exact, Exact);

/// What was heard of one venue. Messages that came again with the same id are not in it.
#[derive(Default)]
pub struct Polled {
    /// By kind, instrument and event time.
    data: BTreeMap<(DatumKind, String, u64), Value>,
    forced: BTreeMap<Forced, u64>,
}

/// The exchange's kind of a data type.
fn kind(data_type: &str) -> Option<DatumKind> {
    Some(match data_type {
        "funding_rate" => DatumKind::Funding,
        "open_interest" => DatumKind::OpenInterest,
        "lsr_top_position" => DatumKind::RatioTopPosition,
        "lsr_all_account" => DatumKind::RatioAllAccount,
        "volatility_index" => DatumKind::Volatility,
        _ => return None,
    })
}

/// Fields of a payload and of what the exchange told that say the same.
fn pairs(kind: DatumKind) -> &'static [(&'static str, &'static [&'static str])] {
    match kind {
        DatumKind::Funding => &[("current_funding_rate", &["lastFundingRate", "fundingRate"])],
        DatumKind::OpenInterest => &[
            ("open_interest", &["openInterest", "oi"]),
            ("open_interest_value", &["openInterest", "oi"]),
        ],
        DatumKind::Volatility => &[
            ("open", &["open"]),
            ("high", &["high"]),
            ("low", &["low"]),
            ("volatility_index", &["close"]),
        ],
        _ => &[("long_short_ratio", &["longShortRatio", "ratio"])],
    }
}

impl Polled {
    pub(super) fn hear(
        &mut self,
        data_type: &str,
        symbol: String,
        payload: Value,
    ) -> Result<(), String> {
        if data_type == "liquidation" {
            let number = |name: &str| exact(&payload[name].to_string());
            let forced = (
                symbol,
                payload["liquidation_ts_ms"].as_u64().ok_or("no time")?,
                payload["side"] == "sell",
                number("price")?,
                number("quantity")?,
            );
            *self.forced.entry(forced).or_default() += 1;
            return Ok(());
        }
        let kind = kind(data_type).ok_or("an unknown type")?;
        let time = payload["event_ts_ms"].as_u64().ok_or("no event time")?;
        match self.data.insert((kind, symbol, time), payload) {
            None => Ok(()),
            Some(_) => Err(format!("{time} was published twice")),
        }
    }

    /// Forced orders.
    #[must_use]
    pub fn forced(&self) -> u64 {
        self.forced.values().sum()
    }

    /// How many data of each kind.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<DatumKind, usize> {
        let mut kinds = BTreeMap::new();
        for (kind, _, _) in self.data.keys() {
            *kinds.entry(*kind).or_default() += 1;
        }
        kinds
    }

    /// What is wrong: every datum that was told is published once, and no other.
    #[must_use]
    pub fn check(&self, exchange: &Simulator) -> Vec<String> {
        let requests = exchange.requests();
        let cut: BTreeSet<_> = requests
            .iter()
            .filter(|request| request.fault == Some(RestFault::Truncated))
            .map(|request| (request.at, request.target.clone()))
            .collect();
        let mut told: BTreeMap<(DatumKind, String, u64), Datum> = BTreeMap::new();
        let mut due = BTreeSet::new();
        for one in exchange.told() {
            let kind = one.datum.kind;
            let key = (kind, one.datum.symbol.clone(), one.datum.time_ms);
            // Candles are published when they are closed, and those before the first are not asked for again.
            let is_due = kind != DatumKind::Volatility
                && !is_for_mark(&requests, &one)
                && !cut.contains(&(one.at, one.by));
            if is_due && pairs(kind).iter().any(|(_, names)| has(&one.datum, names)) {
                due.insert(key.clone());
            }
            told.insert(key, one.datum);
        }
        let mut wrong = Vec::new();
        for key in &due {
            if !self.data.contains_key(key) {
                wrong.push(format!("{key:?} is missing"));
            }
        }
        for (key, payload) in &self.data {
            let Some(datum) = told.get(key) else {
                wrong.push(format!("{key:?} is invented"));
                continue;
            };
            for (name, names) in pairs(key.0) {
                let text = names.iter().map(|name| datum.field(name));
                let text = text.max().unwrap_or_default();
                if !same(&payload[*name], text) {
                    wrong.push(format!("{key:?}: {name} is {}, not {text}", payload[*name]));
                }
            }
        }
        self.check_candles(&mut wrong);
        wrong
    }

    /// No candle is left out.
    fn check_candles(&self, wrong: &mut Vec<String>) {
        let mut before: BTreeMap<&str, u64> = BTreeMap::new();
        for (kind, symbol, time) in self.data.keys() {
            if *kind == DatumKind::Volatility
                && let Some(before) = before.insert(symbol, *time)
                && before + CANDLE_MS != *time
            {
                wrong.push(format!("{symbol}: no candle between {before} and {time}"));
            }
        }
    }

    /// Forced orders as sets: those of frames that were sent whole, and no other.
    #[must_use]
    pub fn check_forced(&self, exchange: &Simulator, readable: &Readable) -> Vec<String> {
        let truth = exchange.truth();
        let mut sent: BTreeMap<u64, bool> = BTreeMap::new();
        for (is_read, entry) in &readable.entries {
            if let Item::Liquidations { first, last } = entry.item
                && entry.fate.is_whole()
            {
                for number in first..=last {
                    *sent.entry(number).or_default() |= *is_read;
                }
            }
        }
        // At least so many of each, and at most.
        let mut due: BTreeMap<Forced, (u64, u64)> = BTreeMap::new();
        for (number, is_read) in sent {
            let Some(one) = truth.liquidation(number) else {
                continue;
            };
            let price = match exchange.venue() {
                Venue::BinanceDerivatives => one.average_price,
                _ => one.price,
            };
            let quantity = one.quantity;
            let (price, quantity) = level(&one.terms, Level { price, quantity });
            let symbol = one.terms.symbol.clone();
            let (least, most) = due
                .entry((symbol, one.time_ms, one.sold, price, quantity))
                .or_default();
            *least += u64::from(is_read);
            *most += 1;
        }
        let all: BTreeSet<_> = due.keys().chain(self.forced.keys()).collect();
        let wrong = all.into_iter().filter_map(|key| {
            let (least, most) = due.get(key).copied().unwrap_or_default();
            let published = self.forced.get(key).copied().unwrap_or_default();
            let is_right = (least..=most).contains(&published);
            (!is_right).then(|| format!("forced order {key:?}: {published} of {most} published"))
        });
        wrong.collect()
    }
}

/// An open interest is answered within this, and within that where the answer is late.
const SOON: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_millis(2_500);

/// On Binance the mark price for an open interest comes with a funding rate that nobody asked for: so may every answer
/// to the next question about its symbol, or to one soon after (what waited for the request budget is asked together).
fn is_for_mark(requests: &[RequestRecord], told: &Told) -> bool {
    if !told.by.contains("premiumIndex?") {
        return false;
    }
    let symbol = format!("symbol={}", told.datum.symbol);
    let about = |one: &&RequestRecord| one.at < told.at && one.target.ends_with(&symbol);
    let mut before = requests.iter().rev().filter(about);
    let last = before.find(|one| one.target.contains("premiumIndex?") || asks_interest(one));
    let mut interests = requests
        .iter()
        .filter(about)
        .filter(|one| asks_interest(one));
    last.is_some_and(asks_interest)
        || interests.any(|one| {
            let is_late = one.fault == Some(RestFault::Late);
            told.at < one.at + if is_late { LATE } else { SOON }
        })
}

fn asks_interest(request: &RequestRecord) -> bool {
    request.target.contains("openInterest?")
}

/// A candle of the volatility index, in milliseconds.
const CANDLE_MS: u64 = 60_000;

fn has(datum: &Datum, names: &[&str]) -> bool {
    names.iter().any(|name| !datum.field(name).is_empty())
}
