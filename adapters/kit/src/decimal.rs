//! Exact decimals: reading the exchange's text, printing the digits that were sent, comparing, multiplying.
//!
//! A number's text follows the JSON grammar (RFC 8259, section 6) wherever it stands, bare or in a string: no leading
//! plus sign, no leading zeros, no bare point.

use std::cmp::Ordering;
use std::fmt;

use crate::wit::Decimal;

/// Most decimal places.
pub const SCALE_MAX: u8 = 18;

/// Most digits that an `i64` may have.
const DIGITS_MAX: usize = 19;

/// Why a text is not a [`Decimal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalError {
    /// The text is no number.
    NotANumber,
    /// More digits or decimal places than a decimal holds, trailing zeros of the fraction aside.
    OutOfRange,
}

/// `POWERS[n]` is 10 to the power of n.
const POWERS: [i64; 19] = {
    let mut powers = [1_i64; 19];
    let mut n = 1;
    #[allow(clippy::indexing_slicing, reason = "checked when the constant is made")]
    while n < powers.len() {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// 10 to the power of `exponent`, where an `i64` holds it.
#[inline]
pub fn power_of_ten(exponent: u8) -> Option<i64> {
    POWERS.get(usize::from(exponent)).copied()
}

/// Reads an exact number. Zeros at the end of the fraction are kept, as far as they fit.
pub fn parse(text: &[u8]) -> Result<Decimal, DecimalError> {
    let parts = Parts::split(text).ok_or(DecimalError::NotANumber)?;
    parts.to_decimal().ok_or(DecimalError::OutOfRange)
}

/// The pieces of a number's text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) negative: bool,
    pub(crate) whole: &'a [u8],
    pub(crate) fraction: &'a [u8],
    /// Far more than any text of ours needs; larger ones are cut to this, which no number survives unless it is zero.
    pub(crate) exponent: i64,
}

/// Beyond this an exponent only says "far too large" or "far too small".
const EXPONENT_MAX: i64 = 1 << 40;

impl<'a> Parts<'a> {
    pub(crate) fn split(text: &'a [u8]) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, rest) = digits(rest);
        if whole.is_empty() || (whole.len() > 1 && whole.first() == Some(&b'0')) {
            return None;
        }
        let (fraction, rest) = match rest.strip_prefix(b".") {
            Some(rest) => match digits(rest) {
                ([], _) => return None,
                found => found,
            },
            None => (&[][..], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return None,
        };
        Some(Self {
            negative,
            whole,
            fraction,
            exponent,
        })
    }

    fn to_decimal(self) -> Option<Decimal> {
        let Self {
            negative,
            whole,
            fraction,
            exponent,
        } = self;
        let places = i64::try_from(fraction.len()).ok()? - exponent;
        let leading_zeros = zeros(whole.iter().chain(fraction));
        let significant = whole.len() + fraction.len() - leading_zeros;
        if significant == 0 {
            let scale = u8::try_from(places.clamp(0, i64::from(SCALE_MAX))).ok()?;
            return Some(Decimal { mantissa: 0, scale });
        }
        // Zeros at the end of the fraction say nothing about the value: they go first when there is no room.
        let spare =
            zeros(whole.iter().chain(fraction).rev()).min(usize::try_from(places).unwrap_or(0));
        let too_long = significant.saturating_sub(DIGITS_MAX);
        let too_fine = usize::try_from(places - i64::from(SCALE_MAX)).unwrap_or(0);
        let mut drop = too_long.max(too_fine);
        loop {
            if drop > spare {
                return None;
            }
            if let Some(mantissa) = mantissa(whole, fraction, drop) {
                let places = places - i64::try_from(drop).ok()?;
                let (mantissa, scale) = match u8::try_from(places) {
                    Ok(scale) => (mantissa, scale),
                    Err(_) => (
                        mantissa.checked_mul(power_of_ten(u8::try_from(-places).ok()?)?)?,
                        0,
                    ),
                };
                let mantissa = if negative { -mantissa } else { mantissa };
                return Some(Decimal { mantissa, scale });
            }
            drop += 1;
        }
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn exponent(text: &[u8]) -> Option<i64> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = text.iter().fold(0_i64, |value, byte| {
        (value * 10 + i64::from(byte - b'0')).min(EXPONENT_MAX)
    });
    Some(sign * value)
}

fn zeros<'a>(digits: impl Iterator<Item = &'a u8>) -> usize {
    digits.take_while(|digit| **digit == b'0').count()
}

fn mantissa(whole: &[u8], fraction: &[u8], drop: usize) -> Option<i64> {
    let kept = (whole.len() + fraction.len()).checked_sub(drop)?;
    whole
        .iter()
        .chain(fraction)
        .take(kept)
        .try_fold(0_i64, |value, digit| {
            value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
        })
}

impl Decimal {
    /// `mantissa` with `scale` decimal places.
    pub const fn of(mantissa: i64, scale: u8) -> Self {
        Self { mantissa, scale }
    }

    /// Which of two numbers is larger, whatever their scales.
    pub fn compare(self, other: Self) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        let raise = |number: Self, by: u8| {
            i128::from(number.mantissa) * i128::from(power_of_ten(by.min(SCALE_MAX)).unwrap_or(1))
        };
        raise(self, other.scale.saturating_sub(self.scale))
            .cmp(&raise(other, self.scale.saturating_sub(other.scale)))
    }

    /// The exact product, where a decimal holds it.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let mut mantissa = i128::from(self.mantissa) * i128::from(other.mantissa);
        let mut scale = self.scale.checked_add(other.scale)?;
        while (scale > SCALE_MAX || i64::try_from(mantissa).is_err())
            && scale > 0
            && mantissa % 10 == 0
        {
            mantissa /= 10;
            scale -= 1;
        }
        (scale <= SCALE_MAX).then_some(Self {
            mantissa: i64::try_from(mantissa).ok()?,
            scale,
        })
    }

    /// The exact sum, where a decimal holds it.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let raise = |number: Self| {
            number
                .mantissa
                .checked_mul(power_of_ten(scale - number.scale)?)
        };
        Some(Self {
            mantissa: raise(self)?.checked_add(raise(other)?)?,
            scale,
        })
    }
}

/// Plain digits, with as many decimal places as the scale says.
impl fmt::Display for Decimal {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        plain(
            to,
            self.mantissa < 0,
            u128::from(self.mantissa.unsigned_abs()),
            self.scale,
        )
    }
}

/// Writes `digits` with a point before the last `scale` of them.
pub(crate) fn plain(
    to: &mut impl fmt::Write,
    negative: bool,
    digits: u128,
    scale: u8,
) -> fmt::Result {
    let sign = if negative { "-" } else { "" };
    let scale = usize::from(scale);
    let text = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    write!(to, "{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::{DecimalError, parse};
    use crate::wit::Decimal;

    fn read(text: &str) -> Result<String, DecimalError> {
        parse(text.as_bytes()).map(|number| number.to_string())
    }

    #[test]
    fn the_digits_that_were_sent_come_back() {
        for text in [
            "0",
            "1",
            "61737.63000000",
            "0.00000001",
            "-0.50",
            "9223372036854775807",
            "0.000000000000000001",
        ] {
            assert_eq!(read(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn exponents_become_plain_digits() {
        assert_eq!(read("1e-8").as_deref(), Ok("0.00000001"));
        assert_eq!(read("1.50E+1").as_deref(), Ok("15.0"));
        assert_eq!(read("12e3").as_deref(), Ok("12000"));
        assert_eq!(read("0e999999999999999999999999").as_deref(), Ok("0"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "", "-", "+1", "01", "00", ".5", "5.", "1.e5", "1e", "1e+", "1,5", " 1", "1 ", "0x1",
            "NaN", "--1", "1.2.3",
        ] {
            assert_eq!(read(text), Err(DecimalError::NotANumber), "{text}");
        }
    }

    #[test]
    fn trailing_zeros_go_before_a_number_is_refused() {
        assert_eq!(
            read("1.0000000000000000000000").as_deref(),
            Ok("1.000000000000000000")
        );
        assert_eq!(
            read("12345678901.1234567000000000").as_deref(),
            Ok("12345678901.12345670")
        );
        assert_eq!(read("12345678901.123456789"), Err(DecimalError::OutOfRange));
        assert_eq!(read("9223372036854775808"), Err(DecimalError::OutOfRange));
        assert_eq!(read("9223372036854775808.0"), Err(DecimalError::OutOfRange));
        assert_eq!(read("0.0000000000000000001"), Err(DecimalError::OutOfRange));
        assert_eq!(
            read("1e99999999999999999999"),
            Err(DecimalError::OutOfRange)
        );
        assert_eq!(read(&"9".repeat(100_000)), Err(DecimalError::OutOfRange));
    }

    #[test]
    fn numbers_compare_across_scales() {
        assert!(Decimal::of(15, 1).compare(Decimal::of(150, 2)).is_eq());
        assert!(
            Decimal::of(i64::MAX, 0)
                .compare(Decimal::of(i64::MAX, 18))
                .is_gt()
        );
        assert!(Decimal::of(-1, 0).compare(Decimal::of(1, 18)).is_lt());
    }

    #[test]
    fn products_and_sums_are_exact_or_none() {
        let product = Decimal::of(150, 2).checked_mul(Decimal::of(-4, 1)).unwrap();
        assert_eq!(product.to_string(), "-0.600");
        assert!(
            Decimal::of(i64::MAX, 0)
                .checked_mul(Decimal::of(2, 0))
                .is_none()
        );
        let sum = Decimal::of(1, 0).checked_add(Decimal::of(25, 2)).unwrap();
        assert_eq!(sum.to_string(), "1.25");
    }
}
