//! Deribit: JSON-RPC on a WebSocket, the same methods by HTTP. Rules and forms: <https://docs.deribit.com>
//!
//! A stream's name here is its channel: `book.BTC-PERPETUAL.100ms`.

mod methods;
mod payload;
mod rpc;
mod teller;

use std::collections::BTreeSet;

use super::dialect::{Cost, Desk, Dialect, Heard, Opening, Reply, Talk, Trouble};
use super::http::{Answer, Request};
use super::limits::Limits;
use super::numbers;
use super::parameters::Parameters;
use super::settings::Settings;
use super::teller::Teller;
use crate::market::{Market, Terms};
use teller::DeribitTeller;

/// Its dialect.
#[derive(Debug)]
pub(super) struct Deribit;

/// `BTC` of `BTC-PERPETUAL`.
fn currency(symbol: &str) -> &str {
    symbol.split(['-', '_']).next().unwrap_or(symbol)
}

/// `btc_usd` of BTC.
fn index_name(currency: &str) -> String {
    format!("{}_usd", currency.to_ascii_lowercase())
}

impl Dialect for Deribit {
    /// A currency by itself stands for its perpetual. Quantities are US dollars.
    fn terms(&self, symbol: &str) -> Terms {
        let base = currency(symbol);
        let terms = Terms::of(&format!("{base}USDT"));
        let price_decimals = if base == "BTC" {
            1
        } else {
            terms.price_decimals
        };
        let symbol = if base == symbol {
            format!("{base}-PERPETUAL")
        } else {
            symbol.to_owned()
        };
        terms.renamed(&symbol, price_decimals, 0)
    }

    fn number(&self, count: u64, decimals: u32) -> String {
        numbers::floating(count, decimals)
    }

    fn teller(&self, market: &Market, _settings: &Settings) -> Box<dyn Teller> {
        Box::new(DeribitTeller::new(market))
    }

    fn opening(&self, request: &Request) -> Option<Opening> {
        (request.path() == "/ws/api/v2").then(|| Opening {
            combined: false,
            streams: BTreeSet::new(),
            carries: |_| true,
        })
    }

    fn hear(&self, talk: &mut Talk<'_>, text: &str) -> Heard {
        rpc::hear(talk, text)
    }

    fn heartbeat(&self) -> Vec<String> {
        let text = |kind| {
            format!(r#"{{"jsonrpc":"2.0","method":"heartbeat","params":{{"type":"{kind}"}}}}"#)
        };
        vec![text("heartbeat"), text("test_request")]
    }

    fn cost(&self, _path: &str, _parameters: &Parameters, _limits: &Limits) -> Cost {
        Cost::default()
    }

    fn reply(&self, desk: &Desk<'_>, request: &Request, parameters: &Parameters) -> Reply {
        let Some(method) = request.path().strip_prefix("/api/v2/") else {
            return Reply::new(404, "{}");
        };
        rpc::reply(desk, method, parameters)
    }

    fn refuse(&self, trouble: &Trouble) -> Answer {
        let (status, code, message) = match trouble {
            Trouble::Limited { .. } | Trouble::Banned { .. } => (429, 10_028, "too_many_requests"),
            Trouble::Failing => (500, 11_094, "internal_server_error"),
            Trouble::NotFound => (404, -32_601, "Method not found"),
        };
        let body =
            format!(r#"{{"jsonrpc":"2.0","error":{{"message":"{message}","code":{code}}}}}"#);
        Answer::new(status, body)
    }
}
