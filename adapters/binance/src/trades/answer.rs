//! Reading the answer to a request for trades.

use marketprism_kit::Refusal;
use marketprism_kit::session::failure_text;
use marketprism_kit::wit::Response;

use crate::parse::{self, TradeMade};
use crate::session::Context;
use crate::settings::TradeStream;

/// Why there are no trades.
pub enum Unusable {
    /// There is no answer.
    Failed(&'static str),
    /// The answer could not be used.
    Refused(Refusal),
}

impl Unusable {
    /// In a few words.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Failed(reason) => reason,
            Self::Refused(refusal) => refusal.rule,
        }
    }
}

/// The trades of an answer, their ids ascending, at most `most`.
pub fn read(
    cx: &Context<'_>,
    instrument: u32,
    response: &Response,
    most: u64,
) -> Result<Vec<TradeMade>, Unusable> {
    let answer = match &response.outcome {
        Ok(answer) => answer,
        Err(failure) => return Err(Unusable::Failed(failure_text(*failure))),
    };
    if answer.status != 200 {
        let body = String::from_utf8_lossy(&answer.body);
        let found = format!("status {}: {body}", answer.status);
        return Err(Unusable::Refused(Refusal::new("trades refused", found)));
    }
    let stream = cx.settings.trades.unwrap_or(TradeStream::Trade);
    let trades = parse::old_trades(&answer.body, stream, instrument).map_err(Unusable::Refused)?;
    if trades.len() as u64 > most {
        let found = format!("{} where {most} were asked for", trades.len());
        return Err(Unusable::Refused(Refusal::new("too many trades", found)));
    }
    let mut pairs = trades.iter().zip(trades.iter().skip(1));
    match pairs.find(|(trade, next)| next.id <= trade.id) {
        Some((trade, next)) => {
            let found = format!("{} behind {}", next.id, trade.id);
            let refusal = Refusal::new("trade ids out of order", found);
            Err(Unusable::Refused(refusal))
        }
        None => Ok(trades),
    }
}
