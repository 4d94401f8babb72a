//! OKX, spot and perpetual swaps. Rules and forms: <https://www.okx.com/docs-v5/en/>
//!
//! A stream's name here is channel and instrument (or instrument type): `books:BTC-USDT`, `liquidation-orders:SWAP`.

mod instruments;
mod payload;
mod polled;
mod rest;
mod subscriptions;
mod teller;

use std::collections::BTreeSet;
use std::time::Duration;

use super::dialect::{Cost, Desk, Dialect, Heard, Opening, Quota, Reply, Talk, Trouble};
use super::frame::{Frame, Item};
use super::http::{Answer, Request};
use super::limits::Limits;
use super::numbers;
use super::parameters::Parameters;
use super::settings::Settings;
use super::teller::Teller;
use crate::market::{Market, Terms};
use teller::OkxTeller;

const TWO_SECONDS: Duration = Duration::from_secs(2);

/// Its dialect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Okx {
    swap: bool,
}

impl Okx {
    pub(super) const SPOT: Self = Self { swap: false };
    pub(super) const SWAP: Self = Self { swap: true };

    const fn instrument_type(self) -> &'static str {
        if self.swap { "SWAP" } else { "SPOT" }
    }
}

impl Dialect for Okx {
    fn terms(&self, symbol: &str) -> Terms {
        instruments::terms(symbol)
    }

    fn number(&self, count: u64, decimals: u32) -> String {
        numbers::trimmed(count, decimals)
    }

    fn teller(&self, market: &Market, settings: &Settings) -> Box<dyn Teller> {
        Box::new(OkxTeller::new(*self, market, settings))
    }

    fn opening(&self, request: &Request) -> Option<Opening> {
        (request.path() == "/ws/v5/public").then(|| Opening {
            combined: false,
            streams: BTreeSet::new(),
            carries: |_| true,
        })
    }

    fn hear(&self, talk: &mut Talk<'_>, text: &str) -> Heard {
        subscriptions::hear(talk, text)
    }

    /// Announced a minute before: <https://www.okx.com/docs-v5/en/#overview-websocket-notification>
    fn notice(&self, time_ms: u64) -> Option<Frame> {
        let text = r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#;
        let stream = "notice".into();
        let time_ns = time_ms * 1_000_000;
        Some(Frame::plain(stream, Item::Other, time_ns, text.to_owned()))
    }

    fn cost(&self, path: &str, parameters: &Parameters, limits: &Limits) -> Cost {
        let instrument = parameters.get("instId").unwrap_or_default();
        let of = |key: &str, most, window| {
            Some(Quota {
                name: format!("{path} {key}"),
                most,
                window,
            })
        };
        let quota = match path {
            "/api/v5/market/books" => of("", 40, TWO_SECONDS),
            "/api/v5/market/trades" => of("", 100, TWO_SECONDS),
            "/api/v5/public/instruments" => {
                let kind = parameters.get("instType").unwrap_or_default();
                of(kind, 20, TWO_SECONDS)
            }
            "/api/v5/market/history-trades" => of("", 20, TWO_SECONDS),
            "/api/v5/public/open-interest" => of(instrument, 20, TWO_SECONDS),
            "/api/v5/public/funding-rate" | "/api/v5/public/mark-price" => {
                of(instrument, 10, TWO_SECONDS)
            }
            "/api/v5/public/time" => of("", 10, TWO_SECONDS),
            path if path.starts_with("/api/v5/rubik/") => {
                of(instrument, limits.ratios_max, limits.ratios_window)
            }
            _ => None,
        };
        Cost { weight: 0, quota }
    }

    fn reply(&self, desk: &Desk<'_>, request: &Request, parameters: &Parameters) -> Reply {
        rest::reply(*self, desk, request.path(), parameters)
    }

    fn refuse(&self, trouble: &Trouble) -> Answer {
        let (status, code, message) = match trouble {
            Trouble::Limited { .. } | Trouble::Banned { .. } => (429, 50_011, "Too Many Requests"),
            Trouble::Failing => (500, 50_013, "Systems are busy. Please try again later."),
            Trouble::NotFound => (404, 404, "Not Found"),
        };
        let body = format!(r#"{{"code":"{code}","data":[],"msg":"{message}"}}"#);
        Answer::new(status, body)
    }
}
