//! The `coverage` of the health page: by data type and exchange, when something was last published and whether that is
//! recent. The limits are the old collector's.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::health::seconds_since;
use super::verdict::Verdict;
use crate::status::SessionStatus;
use crate::wire::{DataType, iso_text};

/// Seconds after which a data type of an exchange, or an order book, counts as out of date.
const fn fresh_seconds(data_type: DataType) -> f64 {
    match data_type {
        DataType::Trade | DataType::Orderbook | DataType::OrderbookDelta => 60.0,
        DataType::OrderbookStatus | DataType::Liquidation => 3_600.0,
        DataType::FundingRate
        | DataType::OpenInterest
        | DataType::LsrTopPosition
        | DataType::LsrAllAccount
        | DataType::VolatilityIndex => 28_800.0,
    }
}

/// What was published of one data type of one exchange.
#[derive(Default)]
struct Published {
    last_ns: u64,
    /// Subjects that had a message lately.
    fresh: u64,
}

/// The document, from what all sessions have handed to NATS.
pub(super) fn coverage<'a>(sessions: impl Iterator<Item = &'a SessionStatus>, now: u64) -> Value {
    let mut all: BTreeMap<DataType, BTreeMap<&str, Published>> = BTreeMap::new();
    for session in sessions {
        for subject in session.outgoing.delivered.subjects.values() {
            let exchanges = all.entry(subject.data_type).or_default();
            let published = exchanges.entry(&subject.source.exchange).or_default();
            published.last_ns = published.last_ns.max(subject.last_ns);
            let is_fresh = seconds_since(subject.last_ns, now) < fresh_seconds(subject.data_type);
            published.fresh += u64::from(is_fresh);
        }
    }
    let types = all.into_iter().map(|(data_type, exchanges)| {
        let entries = exchanges
            .into_iter()
            .map(|(exchange, it)| (exchange.to_owned(), entry(data_type, &it, now)));
        let name = data_type.name().to_owned();
        (name, Value::Object(entries.collect()))
    });
    Value::Object(types.collect())
}

fn entry(data_type: DataType, published: &Published, now: u64) -> Value {
    let is_book = data_type == DataType::Orderbook;
    let status = match published.fresh {
        // Of books the old page says more: none that moves is none at all.
        0 if is_book => Verdict::Unhealthy,
        0 => Verdict::Degraded,
        _ => Verdict::Healthy,
    };
    let mut entry = json!({
        "last_success_ts": iso_text(published.last_ns),
        "age_seconds": seconds_since(published.last_ns, now),
        "status": status.word(),
    });
    if is_book && let Some(fields) = entry.as_object_mut() {
        fields.insert("active_symbols".to_owned(), published.fresh.into());
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_760_000_000_000_000_000;

    fn session(published: &[(DataType, &str, u64)]) -> SessionStatus {
        let mut session = SessionStatus::named("alpha_spot");
        for (data_type, symbol, age_s) in published {
            let last_ns = NOW - age_s * 1_000_000_000;
            session.outgoing.publish(*data_type, symbol, last_ns);
        }
        session
    }

    fn status(data_type: DataType, age_s: u64) -> Value {
        let session = session(&[(data_type, "BTC-USDT", age_s)]);
        coverage([&session].into_iter(), NOW)[data_type.name()]["alpha"]["status"].clone()
    }

    #[test]
    fn every_data_type_is_fresh_for_as_long_as_the_old_collector_said() {
        for (data_type, limit_s, after) in [
            (DataType::Trade, 60, "degraded"),
            (DataType::Orderbook, 60, "unhealthy"),
            (DataType::Liquidation, 3_600, "degraded"),
            (DataType::FundingRate, 28_800, "degraded"),
            (DataType::OpenInterest, 28_800, "degraded"),
            (DataType::LsrTopPosition, 28_800, "degraded"),
            (DataType::LsrAllAccount, 28_800, "degraded"),
            (DataType::VolatilityIndex, 28_800, "degraded"),
        ] {
            assert_eq!(status(data_type, limit_s - 1), "healthy", "{data_type:?}");
            assert_eq!(status(data_type, limit_s), after, "{data_type:?}");
        }
    }

    #[test]
    fn the_newest_of_an_exchange_counts_and_books_that_move_are_counted() {
        let spot = session(&[
            (DataType::Orderbook, "BTC-USDT", 1),
            (DataType::Orderbook, "ETH-USDT", 59),
        ]);
        let swaps = session(&[
            (DataType::Orderbook, "SOL-USDT", 61),
            (DataType::Trade, "SOL-USDT", 3),
        ]);
        let page = coverage([&spot, &swaps].into_iter(), NOW);
        let books = &page["orderbook"]["alpha"];
        assert_eq!(books["active_symbols"], 2);
        assert_eq!(books["age_seconds"], 1.0);
        assert_eq!(books["status"], "healthy");
        assert_eq!(page["trade"]["alpha"]["age_seconds"], 3.0);
        assert_eq!(page["trade"]["alpha"].get("active_symbols"), None);
    }
}
