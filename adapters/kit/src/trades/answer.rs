//! Reading the answer to a request for trades.

use super::Market;
use crate::Refusal;
use crate::session::failure_text;
use crate::wit::Response;

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
pub fn read<M: Market>(
    market: &M,
    settings: &M::Settings,
    response: &Response,
    most: u64,
) -> Result<Vec<M::Trade>, Unusable> {
    let answer = match &response.outcome {
        Ok(answer) => answer,
        Err(failure) => return Err(Unusable::Failed(failure_text(*failure))),
    };
    let trades = market.read(settings, answer).map_err(Unusable::Refused)?;
    if trades.len() as u64 > most {
        let found = format!("{} where {most} were asked for", trades.len());
        return Err(Unusable::Refused(Refusal::new("too many trades", found)));
    }
    let ids = trades.iter().map(M::id);
    let mut pairs = ids.clone().zip(ids.skip(1));
    match pairs.find(|(id, next)| next <= id) {
        Some((id, next)) => {
            let found = format!("{next} behind {id}");
            let refusal = Refusal::new("trade ids out of order", found);
            Err(Unusable::Refused(refusal))
        }
        None => Ok(trades),
    }
}
