//! Binance spot. Rules and forms: <https://developers.binance.com/docs/binance-spot-api-docs>

use super::spot_teller::SpotTeller;
use super::{query, spot_rest};
use crate::binance_form::decimal;
use crate::exchange::dialect::{Cost, Desk, Dialect, Heard, Opening, Reply, Talk, Trouble};
use crate::exchange::frame::{Frame, Item};
use crate::exchange::http::{Answer, Request};
use crate::exchange::limits::Limits;
use crate::exchange::parameters::Parameters;
use crate::exchange::settings::Settings;
use crate::exchange::teller::Teller;
use crate::market::{Market, Terms};

/// Its dialect.
#[derive(Debug)]
pub(in crate::exchange) struct Spot;

impl Dialect for Spot {
    fn terms(&self, symbol: &str) -> Terms {
        Terms::of(symbol)
    }

    fn number(&self, count: u64, decimals: u32) -> String {
        decimal(count, decimals)
    }

    fn teller(&self, market: &Market, _settings: &Settings) -> Box<dyn Teller> {
        Box::new(SpotTeller::new(market))
    }

    fn opening(&self, request: &Request) -> Option<Opening> {
        let (combined, streams) = super::asked_streams(request, "")?;
        Some(Opening {
            combined,
            streams,
            carries: |_| true,
        })
    }

    fn hear(&self, talk: &mut Talk<'_>, text: &str) -> Heard {
        super::hear(talk, text)
    }

    fn notice(&self, time_ms: u64) -> Option<Frame> {
        let data = format!(r#"{{"e":"serverShutdown","E":{time_ms}}}"#);
        let stream = "!serverShutdown".into();
        Some(Frame::new(stream, Item::Other, time_ms * 1_000_000, &data))
    }

    fn cost(&self, path: &str, parameters: &Parameters, _limits: &Limits) -> Cost {
        Cost {
            weight: spot_rest::weight(path, parameters),
            quota: None,
        }
    }

    fn reply(&self, desk: &Desk<'_>, request: &Request, parameters: &Parameters) -> Reply {
        query::reply(spot_rest::endpoint(desk, request.path(), parameters))
    }

    fn refuse(&self, trouble: &Trouble) -> Answer {
        super::refuse(trouble)
    }

    fn headers(&self, used: u64) -> Vec<String> {
        vec![
            format!("X-MBX-USED-WEIGHT: {used}"),
            format!("X-MBX-USED-WEIGHT-1M: {used}"),
        ]
    }
}
