//! The names of one instrument, checked and made ready: its subjects and the parts of its payloads that never change.

use std::sync::Arc;

use super::data_type::PerType;
use super::error::cut;
use super::json::quoted;
use super::{DataType, Source, Subjects, WireError};
use crate::sandbox::contract::{Instrument, MarketType};

/// Longest name of an exchange, a symbol or a venue, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Longest text of a market event that must be taken as it is, in bytes.
const TOKEN_BYTES_MAX: usize = 256;

/// One declared instrument, ready to be written.
#[derive(Debug)]
pub(super) struct Prepared {
    /// As declared.
    pub(super) instrument: Instrument,
    /// Its names, for whoever counts its messages.
    pub(super) source: Arc<Source>,
    /// The subject of each data type.
    pub(super) subjects: PerType<Arc<str>>,
    /// `{"exchange":"..","market_type":"..","symbol":".."`: how every payload begins.
    pub(super) opening: Vec<u8>,
    /// `,"normalized_symbol":".."`.
    pub(super) normalized_symbol: Vec<u8>,
    /// `,"instrument_id":".."`.
    pub(super) instrument_id: Vec<u8>,
    /// `:venue:symbol:`, the middle of a message id.
    pub(super) id_middle: String,
}

impl Prepared {
    /// Checks the names of an instrument and makes its constant parts.
    ///
    /// # Errors
    /// [`WireError::Name`] for a name that could not be a subject token or part of a payload.
    pub(super) fn new(
        venue: &str,
        subjects: &Subjects,
        instrument: Instrument,
    ) -> Result<Self, WireError> {
        let market_type = market_type_name(instrument.market_type);
        let exchange = exchange("exchange", &instrument.exchange)?;
        let symbol = symbol(&instrument.symbol)?;
        token(
            "exchange symbol",
            &instrument.exchange_symbol,
            NAME_BYTES_MAX,
        )?;

        let mut opening = br#"{"exchange":"#.to_vec();
        quoted(&mut opening, exchange);
        opening.extend_from_slice(br#","market_type":"#);
        quoted(&mut opening, market_type);
        opening.extend_from_slice(br#","symbol":"#);
        quoted(&mut opening, symbol);
        let mut normalized_symbol = br#","normalized_symbol":"#.to_vec();
        quoted(&mut normalized_symbol, symbol);
        let mut instrument_id = br#","instrument_id":"#.to_vec();
        quoted(&mut instrument_id, &instrument.exchange_symbol);

        Ok(Self {
            subjects: PerType::new(|data_type: DataType| {
                subjects
                    .fill(data_type, exchange, market_type, symbol)
                    .into()
            }),
            opening,
            normalized_symbol,
            instrument_id,
            source: Arc::new(Source {
                exchange: exchange.to_owned(),
                market_type,
                exchange_symbol: instrument.exchange_symbol.clone(),
            }),
            id_middle: format!(":{venue}:{symbol}:"),
            instrument,
        })
    }
}

/// The market as subjects and payloads name it.
pub const fn market_type_name(market_type: MarketType) -> &'static str {
    match market_type {
        MarketType::Spot => "spot",
        MarketType::Perpetual => "perpetual",
        MarketType::Options => "options",
    }
}

fn refused(what: &'static str, name: &str, why: &'static str) -> WireError {
    WireError::Name {
        what,
        name: cut(name),
        why,
    }
}

/// Checks the name of an exchange or a venue: lower-case ASCII letters, digits, `_` and `-`.
pub(super) fn exchange<'a>(what: &'static str, name: &'a str) -> Result<&'a str, WireError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(refused(what, name, "it must have 1 to 64 bytes"));
    }
    if !name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
    {
        return Err(refused(
            what,
            name,
            "only lower-case letters, digits, _ and - can be in it",
        ));
    }
    Ok(name)
}

/// Checks a normalised symbol: letters and digits of any script (coins have names in Chinese too), `-`, `_`, `+`, `:`.
fn symbol(name: &str) -> Result<&str, WireError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(refused("symbol", name, "it must have 1 to 64 bytes"));
    }
    if !name
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '+' | ':'))
    {
        return Err(refused(
            "symbol",
            name,
            "only letters, digits and - _ + : can be in it",
        ));
    }
    Ok(name)
}

/// Checks a text that consumers take as it is: they put it into message ids, headers and SQL without escaping, so it
/// has no control character, no quotation mark of either kind and no backslash.
pub(super) fn token<'a>(
    what: &'static str,
    text: &'a str,
    bytes_max: usize,
) -> Result<&'a str, WireError> {
    if text.is_empty() || text.len() > bytes_max {
        return Err(refused(what, text, "it is empty or too long"));
    }
    if text
        .chars()
        .any(|c| c.is_control() || matches!(c, '"' | '\'' | '\\'))
    {
        return Err(refused(
            what,
            text,
            "control characters, quotation marks and \\ cannot be in it",
        ));
    }
    Ok(text)
}

/// Checks a text of a market event as [`token`] does.
pub(super) fn event_token<'a>(what: &'static str, text: &'a str) -> Result<&'a str, WireError> {
    token(what, text, TOKEN_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::instrument;

    fn prepared(change: impl FnOnce(&mut Instrument)) -> Result<Prepared, WireError> {
        let mut instrument = instrument();
        change(&mut instrument);
        Prepared::new("alpha_spot", &Subjects::default(), instrument)
    }

    #[test]
    fn the_constant_parts_are_made_once() {
        let prepared = prepared(|_| {}).unwrap_or_else(|error| unreachable!("{error}"));
        assert_eq!(
            &**prepared.subjects.get(DataType::Trade),
            "trade.alpha.spot.BTC-USDT"
        );
        assert_eq!(
            prepared.opening,
            br#"{"exchange":"alpha","market_type":"spot","symbol":"BTC-USDT""#
        );
        assert_eq!(prepared.instrument_id, br#","instrument_id":"BTCUSDT""#);
        assert_eq!(prepared.id_middle, ":alpha_spot:BTC-USDT:");
    }

    #[test]
    fn a_name_that_is_no_subject_token_is_refused() {
        for bad in [
            "",
            "BTC.USDT",
            "BTC USDT",
            "*",
            ">",
            "BTC\nUSDT",
            "BTC\0",
            "B'C",
            "B\"C",
            "B\\C",
            "B\u{2028}C",
        ] {
            assert!(
                prepared(|i| i.symbol = bad.to_owned()).is_err(),
                "symbol {bad:?} was taken"
            );
            assert!(
                prepared(|i| i.exchange = bad.to_owned()).is_err(),
                "exchange {bad:?} was taken"
            );
        }
        assert!(prepared(|i| i.exchange = "Alpha".to_owned()).is_err());
        assert!(prepared(|i| i.symbol = "B".repeat(65)).is_err());
        assert!(prepared(|i| i.symbol = "币安人生-USDT".to_owned()).is_ok());
    }

    #[test]
    fn an_exchange_symbol_that_a_consumer_could_not_take_is_refused() {
        for bad in ["", "BTC\"", "BTC\\", "BTC'", "BTC\r\n"] {
            assert!(
                prepared(|i| i.exchange_symbol = bad.to_owned()).is_err(),
                "{bad:?} was taken"
            );
        }
        assert!(prepared(|i| i.exchange_symbol = "BTC_USDC-PERPETUAL".to_owned()).is_ok());
    }
}
