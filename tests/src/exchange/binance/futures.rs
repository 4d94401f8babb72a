//! Binance USD-M futures. Rules and forms:
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures>
//!
//! Since 2026-04-23 a stream's data comes only on the path it belongs to: `/public` or `/market`. Anywhere else it is
//! acknowledged and silent.

use super::futures_teller::FuturesTeller;
use super::{futures_rest, query};
use crate::exchange::dialect::{
    Carries, Cost, Desk, Dialect, Heard, Opening, Quota, Reply, Talk, Trouble,
};
use crate::exchange::http::{Answer, Request};
use crate::exchange::limits::Limits;
use crate::exchange::numbers;
use crate::exchange::parameters::Parameters;
use crate::exchange::settings::Settings;
use crate::exchange::teller::Teller;
use crate::market::{Market, Terms};

/// Quantities have at most so many decimals.
const QUANTITY_DECIMALS_MAX: u32 = 3;

/// Its dialect.
#[derive(Debug)]
pub(in crate::exchange) struct Futures;

/// Of `btcusdt@depth@100ms`: depth.
fn kind(stream: &str) -> &str {
    match stream.strip_prefix('!') {
        Some(all) => all.split('@').next().unwrap_or(all),
        None => stream.split('@').nth(1).unwrap_or_default(),
    }
}

fn is_public(stream: &str) -> bool {
    let kind = kind(stream);
    // `depth5@100ms` and the others of its kind are told on the same path.
    kind.starts_with("depth") || matches!(kind, "bookTicker" | "trade")
}

impl Dialect for Futures {
    fn terms(&self, symbol: &str) -> Terms {
        let terms = Terms::of(symbol);
        let quantity_decimals = terms.quantity_decimals.min(QUANTITY_DECIMALS_MAX);
        terms.renamed(symbol, terms.price_decimals, quantity_decimals)
    }

    fn number(&self, count: u64, decimals: u32) -> String {
        numbers::fixed(count, decimals)
    }

    /// One count for all symbols: between `pu` and the next `U` there is a gap, as on the exchange.
    fn update_id_factor(&self) -> u64 {
        3
    }

    fn teller(&self, market: &Market, _settings: &Settings) -> Box<dyn Teller> {
        Box::new(FuturesTeller::new(market))
    }

    fn opening(&self, request: &Request) -> Option<Opening> {
        let paths: [(&str, Carries); 4] = [
            ("/public", is_public),
            ("/market", |stream| !is_public(stream)),
            ("/private", |_| false),
            ("", |_| false),
        ];
        paths.into_iter().find_map(|(path, carries)| {
            let (combined, streams) = super::asked_streams(request, path)?;
            Some(Opening {
                combined,
                streams,
                carries,
            })
        })
    }

    fn hear(&self, talk: &mut Talk<'_>, text: &str) -> Heard {
        super::hear(talk, text)
    }

    fn cost(&self, path: &str, parameters: &Parameters, limits: &Limits) -> Cost {
        let quota = path.starts_with("/futures/data/").then(|| Quota {
            name: "/futures/data".to_owned(),
            most: limits.ratios_max,
            window: limits.ratios_window,
        });
        Cost {
            weight: futures_rest::weight(path, parameters),
            quota,
        }
    }

    fn reply(&self, desk: &Desk<'_>, request: &Request, parameters: &Parameters) -> Reply {
        query::reply(futures_rest::endpoint(desk, request.path(), parameters))
    }

    fn refuse(&self, trouble: &Trouble) -> Answer {
        super::refuse(trouble)
    }

    fn headers(&self, used: u64) -> Vec<String> {
        vec![format!("X-MBX-USED-WEIGHT-1M: {used}")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_belongs_to_one_path() {
        for stream in [
            "btcusdt@depth@100ms",
            "btcusdt@depth",
            "btcusdt@depth20@100ms",
            "btcusdt@bookTicker",
            "!bookTicker",
            "btcusdt@trade",
        ] {
            assert!(is_public(stream), "{stream}");
        }
        for stream in [
            "btcusdt@aggTrade",
            "btcusdt@markPrice@1s",
            "btcusdt@forceOrder",
            "!forceOrder@arr",
            "btcusdt@kline_1m",
        ] {
            assert!(!is_public(stream), "{stream}");
        }
    }
}
