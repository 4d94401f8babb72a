//! What is collected: instruments and volatility indices, found by the names that frames carry.

use marketprism_kit::book::empty_report;
use marketprism_kit::decimal::power_of_ten;
use marketprism_kit::index::Index;
use marketprism_kit::streams::{StreamId, Streams};
use marketprism_kit::wit::{Decimal, InstrumentReport};

use crate::sync::BookSync;
use crate::trades::Trades;

/// What the exchange's list says of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// The list has not come yet.
    Unknown,
    /// It is there.
    Listed,
    /// It is not there: never listed, or expired.
    Missing,
}

/// One thing that is collected under a name of its own: an instrument, or a currency's volatility index.
#[derive(Debug)]
pub struct Instrument {
    /// The exchange's name: "BTC-PERPETUAL", or the currency of an index.
    pub name: String,
    /// It is a currency's volatility index.
    pub is_index: bool,
    /// Collected now.
    pub active: bool,
    /// Whether the exchange lists it.
    pub listing: Listing,
    /// Why it cannot be collected, where the configuration asks for what there is not.
    pub problem: Option<&'static str>,
    /// Its book, when books are collected.
    pub book: Option<BookSync>,
    /// The stream of its book.
    pub book_stream: Option<StreamId>,
    /// Its trades.
    pub trades: Trades,
    /// The stream of its trades.
    pub trade_stream: Option<StreamId>,
}

impl Instrument {
    /// An instrument, or an index, that is not collected yet.
    pub fn new(id: u32, name: String, is_index: bool) -> Self {
        Self {
            trades: Trades::new(id, &name),
            name,
            is_index,
            active: false,
            listing: Listing::Unknown,
            problem: None,
            book: None,
            book_stream: None,
            trade_stream: None,
        }
    }

    /// Its state, with `levels` of each side of its book.
    pub fn report(&self, id: u32, streams: &Streams, levels: usize) -> InstrumentReport {
        let mut report = empty_report(id);
        self.trades.report(&mut report.counters);
        if let Some(book) = &self.book {
            book.report(&mut report, levels);
        }
        let both = [
            ("orderbook", self.book_stream),
            ("trade", self.trade_stream),
        ];
        for (data_type, stream) in both {
            let Some(stream) = stream else {
                continue;
            };
            report.streams.extend(streams.report(stream, data_type));
            if report.problem.is_none() {
                report.problem = streams.refusal(stream).map(str::to_owned);
            }
        }
        if self.listing == Listing::Missing {
            report.problem = Some("the exchange does not list it".to_owned());
        }
        if let Some(problem) = self.problem {
            report.problem = Some(problem.to_owned());
        }
        report
    }
}

/// Everything that is collected or was.
#[derive(Debug, Default)]
pub struct Instruments {
    all: Vec<Instrument>,
    /// Instruments by name; indices have currencies' names, which no channel carries.
    markets: Index,
}

impl Instruments {
    /// All, active or not.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Instrument)> {
        (0..).zip(&mut self.all)
    }

    /// All, active or not.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Instrument)> {
        (0..).zip(&self.all)
    }

    /// Those that are collected.
    pub fn active(&self) -> impl Iterator<Item = (u32, &Instrument)> {
        self.iter().filter(|(_, instrument)| instrument.active)
    }

    /// One by its number.
    #[inline]
    pub fn get_mut(&mut self, id: u32) -> Option<&mut Instrument> {
        self.all.get_mut(id as usize)
    }

    /// One by its number.
    #[inline]
    pub fn get(&self, id: u32) -> Option<&Instrument> {
        self.all.get(id as usize)
    }

    /// The number of the next new one.
    pub fn next_id(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    /// Adds one.
    pub fn add(&mut self, instrument: Instrument) {
        if !instrument.is_index {
            self.markets
                .insert(instrument.name.as_bytes(), self.next_id());
        }
        self.all.push(instrument);
    }

    /// The active instrument of a name that a channel carries.
    #[inline]
    pub fn market(&self, name: &str) -> Option<u32> {
        let id = self.markets.get(name.as_bytes())?;
        self.get(id)?.active.then_some(id)
    }

    /// One by its name, active or not.
    pub fn find(&self, name: &str, is_index: bool) -> Option<u32> {
        let mut all = self.iter();
        all.find(|(_, it)| it.is_index == is_index && it.name == name)
            .map(|(id, _)| id)
    }
}

/// Most significant digits of a quantity in coins that was divided.
const DIGITS_MAX: u32 = 18;

/// The coins that so many US dollars of an inverse future are worth at a price: 18 significant digits, ties to even.
/// None when the price is zero.
pub fn coins(dollars: Decimal, price: Decimal) -> Option<Decimal> {
    let dividend = u128::from(dollars.mantissa.unsigned_abs());
    let divisor = u128::from(price.mantissa.unsigned_abs());
    let mut digits = dividend.checked_div(divisor)?;
    let mut rest = dividend % divisor;
    let mut scale = i16::from(dollars.scale) - i16::from(price.scale);
    let limit = 10_u128.pow(DIGITS_MAX - 1);
    while scale < 18 && digits < limit && (rest != 0 || scale < 0) {
        rest *= 10;
        digits = digits * 10 + rest / divisor;
        rest %= divisor;
        scale += 1;
    }
    let twice = rest * 2;
    if twice > divisor || (twice == divisor && digits % 2 == 1) {
        digits += 1;
    }
    // A scale below zero: more whole digits than a decimal holds.
    let raise = power_of_ten(u8::try_from((-scale).max(0)).ok()?)?;
    let digits = digits.checked_mul(u128::from(raise.unsigned_abs()))?;
    let mantissa = i64::try_from(digits).ok()?;
    let negative = (dollars.mantissa < 0) != (price.mantissa < 0);
    Some(Decimal::of(
        if negative { -mantissa } else { mantissa },
        u8::try_from(scale.max(0)).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::coins;
    use marketprism_kit::decimal;

    #[test]
    fn dollars_are_coins_at_a_price() {
        for (dollars, price, expected) in [
            ("10.0", "50000.0", "0.0002"),
            ("1", "3", "0.333333333333333333"),
            ("2", "3", "0.666666666666666667"),
            ("750.0", "92288.5", "0.008126689674228100"),
            ("0.0", "5", "0.0"),
            ("60", "56168.0", "0.001068223899729383"),
            ("9000000000000000000", "0.5", ""),
            ("10", "0", ""),
        ] {
            let read = |text: &str| decimal::parse(text.as_bytes()).unwrap();
            let found = coins(read(dollars), read(price)).map(|coins| coins.to_string());
            assert_eq!(found.unwrap_or_default(), expected, "{dollars} at {price}");
        }
    }
}
