//! Arithmetic of the rarely published types, whose numbers are decimal text: products exact, quotients to 28
//! significant digits with ties to the even digit, never more than 38 significant digits.

use crate::decimal::{DecimalError, Parts, SCALE_MAX, plain};
use crate::wit::Decimal;

/// Most significant digits of a decimal text.
pub const TEXT_DIGITS_MAX: usize = 38;

/// Significant digits of a quotient.
pub const QUOTIENT_DIGITS: u32 = 28;

/// Significant digits of a quotient that is a decimal.
const DECIMAL_DIGITS: u32 = 18;

/// Most zeros that writing out an exponent may add; no field of an exchange comes near.
const PLACES_MAX: i64 = 60;

/// The number as plain digits: the same text, or its exponent written out.
pub fn plain_text(text: &[u8]) -> Result<String, DecimalError> {
    let parts = Parts::split(text).ok_or(DecimalError::NotANumber)?;
    let digits: String = parts
        .whole
        .iter()
        .chain(parts.fraction)
        .map(|byte| char::from(*byte))
        .collect();
    let places = i64::try_from(parts.fraction.len())
        .unwrap_or(i64::MAX)
        .saturating_sub(parts.exponent);
    let digits = digits.trim_start_matches('0');
    if digits.trim_end_matches('0').len() > TEXT_DIGITS_MAX || places.abs() > PLACES_MAX {
        return Err(DecimalError::OutOfRange);
    }
    let mut text = digits.to_owned();
    let mut places = usize::try_from(places).unwrap_or_else(|_| {
        text.extend(std::iter::repeat_n(
            '0',
            usize::try_from(-places).unwrap_or(0),
        ));
        0
    });
    while text.len() > TEXT_DIGITS_MAX && places > 0 && text.ends_with('0') {
        text.pop();
        places -= 1;
    }
    if text.len() > TEXT_DIGITS_MAX {
        return Err(DecimalError::OutOfRange);
    }
    let value = text.parse().unwrap_or(0);
    let scale = u8::try_from(places).map_err(|_| DecimalError::OutOfRange)?;
    Ok(written(parts.negative, value, scale))
}

/// The exact product.
pub fn product(a: Decimal, b: Decimal) -> String {
    let digits = u128::from(a.mantissa.unsigned_abs()) * u128::from(b.mantissa.unsigned_abs());
    written(
        (a.mantissa < 0) != (b.mantissa < 0),
        digits,
        a.scale + b.scale,
    )
}

/// `a / b` to [`QUOTIENT_DIGITS`] significant digits, ties to even; exact quotients without zeros at the end of the
/// fraction. None when `b` is zero.
pub fn quotient(a: Decimal, b: Decimal) -> Option<String> {
    let (mut digits, mut scale) = divided(a, b, QUOTIENT_DIGITS, u8::MAX)?;
    while scale > 0 && digits.is_multiple_of(10) {
        digits /= 10;
        scale -= 1;
    }
    let negative = (a.mantissa < 0) != (b.mantissa < 0);
    Some(written(negative, digits, scale))
}

/// `a / b` to 18 significant digits and 18 decimal places at most, ties to even. None when `b` is zero or no decimal
/// holds it.
pub fn decimal_quotient(a: Decimal, b: Decimal) -> Option<Decimal> {
    let (digits, scale) = divided(a, b, DECIMAL_DIGITS, SCALE_MAX)?;
    let mantissa = i64::try_from(digits).ok()?;
    let negative = (a.mantissa < 0) != (b.mantissa < 0);
    Some(Decimal::of(
        if negative { -mantissa } else { mantissa },
        scale,
    ))
}

/// Digits and scale of `a / b` without its sign, rounded to so many significant digits and decimal places, ties to even.
fn divided(a: Decimal, b: Decimal, digits_max: u32, scale_max: u8) -> Option<(u128, u8)> {
    let (dividend, divisor) = (
        u128::from(a.mantissa.unsigned_abs()),
        u128::from(b.mantissa.unsigned_abs()),
    );
    let mut digits = dividend.checked_div(divisor)?;
    let mut rest = dividend % divisor;
    let mut scale = i32::from(a.scale) - i32::from(b.scale);
    let limit = 10_u128.pow(digits_max - 1);
    // Both stay far inside u128: `rest` is below 2^63, `digits` below 10^28.
    while rest != 0 && digits < limit && scale < i32::from(scale_max) {
        rest *= 10;
        digits = digits * 10 + rest / divisor;
        rest %= divisor;
        scale += 1;
    }
    let twice = rest * 2;
    if twice > divisor || (twice == divisor && digits % 2 == 1) {
        digits += 1;
    }
    if scale < 0 {
        digits = digits.checked_mul(10_u128.pow(scale.unsigned_abs()))?;
        scale = 0;
    }
    Some((digits, u8::try_from(scale).ok()?))
}

fn written(negative: bool, digits: u128, scale: u8) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = plain(&mut text, negative && digits != 0, digits, scale);
    text
}

#[cfg(test)]
mod tests {
    use super::{plain_text, product, quotient};
    use crate::decimal::DecimalError;
    use crate::wit::Decimal;

    #[test]
    fn ratios_have_28_digits_and_round_half_to_even() {
        assert_eq!(
            quotient(Decimal::of(2, 0), Decimal::of(3, 0)).unwrap(),
            "0.6666666666666666666666666667"
        );
        assert_eq!(
            quotient(Decimal::of(12345, 4), Decimal::of(22345, 4)).unwrap(),
            "0.5524725889460729469680017901"
        );
        assert_eq!(
            quotient(Decimal::of(1, 0), Decimal::of(4, 0)).unwrap(),
            "0.25"
        );
        assert_eq!(
            quotient(Decimal::of(-1200, 0), Decimal::of(4, 2)).unwrap(),
            "-30000"
        );
        assert_eq!(quotient(Decimal::of(1, 0), Decimal::of(0, 0)), None);
    }

    #[test]
    fn products_are_exact() {
        assert_eq!(
            product(Decimal::of(i64::MAX, 18), Decimal::of(-i64::MAX, 0)),
            "-85070591730234615847.396907784232501249"
        );
        assert_eq!(product(Decimal::of(0, 2), Decimal::of(-5, 0)), "0.00");
    }

    #[test]
    fn text_keeps_its_digits_and_loses_its_exponent() {
        assert_eq!(plain_text(b"0.00010000").as_deref(), Ok("0.00010000"));
        assert_eq!(plain_text(b"-1.5e-3").as_deref(), Ok("-0.0015"));
        assert_eq!(plain_text(b"2E3").as_deref(), Ok("2000"));
        assert_eq!(
            plain_text("9".repeat(39).as_bytes()),
            Err(DecimalError::OutOfRange)
        );
        assert_eq!(plain_text(b"1e999999999"), Err(DecimalError::OutOfRange));
        assert_eq!(plain_text(b"x"), Err(DecimalError::NotANumber));
    }
}
