//! Reading the answer to a request for trades.

use marketprism_kit::Refusal;
use marketprism_kit::session::failure_text;
use marketprism_kit::wit::Response;

use crate::parse::{self, TradeMade};

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

/// The trades of an answer, oldest first, at most `most`.
pub fn read(
    instrument: u32,
    name: &str,
    response: &Response,
    most: u64,
) -> Result<Vec<TradeMade>, Unusable> {
    let answer = match &response.outcome {
        Ok(answer) => answer,
        Err(failure) => return Err(Unusable::Failed(failure_text(*failure))),
    };
    let mut trades = parse::old_trades(answer, instrument, name).map_err(Unusable::Refused)?;
    if trades.len() as u64 > most {
        let found = format!("{} where {most} were asked for", trades.len());
        return Err(Unusable::Refused(Refusal::new("too many trades", found)));
    }
    trades.sort_by_key(|trade| trade.sequence);
    let mut pairs = trades.iter().zip(trades.iter().skip(1));
    match pairs.find(|(trade, next)| next.sequence == trade.sequence) {
        Some((trade, _)) => {
            let found = format!("{} twice", trade.sequence);
            Err(Unusable::Refused(Refusal::new(
                "trade ids out of order",
                found,
            )))
        }
        None => Ok(trades),
    }
}
