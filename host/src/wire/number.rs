//! Exact numbers as text: never a float, never an exponent, never a digit more or less than was sent.

use super::WireError;
use super::error::cut;

/// Most decimal places of a decimal.
const SCALE_MAX: u8 = 18;
/// Most significant digits of a decimal text.
const DIGITS_MAX: usize = 38;
/// `0.` and the zeros that may follow it.
const LEADING: &[u8] = b"0.000000000000000000";

/// Appends `mantissa` divided by 10 to the power of `scale`.
pub(super) fn decimal(out: &mut Vec<u8>, mantissa: i64, scale: u8) -> Result<(), WireError> {
    if scale > SCALE_MAX {
        return Err(WireError::Scale { scale });
    }
    if mantissa < 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(mantissa.unsigned_abs()).as_bytes();
    let places = usize::from(scale);
    if places == 0 {
        out.extend_from_slice(digits);
    } else if let Some((whole, fraction)) = digits
        .len()
        .checked_sub(places)
        .and_then(|at| digits.split_at_checked(at))
        && !whole.is_empty()
    {
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(fraction);
    } else {
        let zeros = places.saturating_sub(digits.len());
        out.extend_from_slice(LEADING.get(..2 + zeros).unwrap_or(LEADING));
        out.extend_from_slice(digits);
    }
    Ok(())
}

/// Appends an integer.
pub(super) fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A decimal as plain text with exactly its digits; more than 18 decimal places show as "?".
pub fn digits(mantissa: i64, scale: u8) -> String {
    let mut out = Vec::new();
    match decimal(&mut out, mantissa, scale) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => "?".to_owned(),
    }
}

/// The text itself, if it is a plain decimal: an optional minus sign, digits, optionally a point and digits, at most
/// 38 significant digits. `field` is for the error.
pub(super) fn plain<'a>(field: &'static str, text: &'a str) -> Result<&'a str, WireError> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => ("", ""),
        None => (unsigned, ""),
    };
    let digits = || whole.bytes().chain(fraction.bytes());
    let significant = digits().skip_while(|digit| *digit == b'0').count();
    if whole.is_empty()
        || text.len() > 2 * DIGITS_MAX
        || significant > DIGITS_MAX
        || !digits().all(|digit| digit.is_ascii_digit())
    {
        return Err(WireError::Number {
            field,
            text: cut(text),
        });
    }
    Ok(text)
}

/// Appends a decimal text as a JSON number: the same digits, without the leading zeros that JSON does not allow.
pub(super) fn json_number(
    out: &mut Vec<u8>,
    field: &'static str,
    text: &str,
) -> Result<(), WireError> {
    let text = plain(field, text)?;
    let unsigned = match text.strip_prefix('-') {
        Some(unsigned) => {
            out.push(b'-');
            unsigned
        }
        None => text,
    };
    let trimmed = unsigned.trim_start_matches('0');
    if trimmed.is_empty() || trimmed.starts_with('.') {
        out.push(b'0');
    }
    out.extend_from_slice(trimmed.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use proptest::prelude::*;

    fn text(mantissa: i64, scale: u8) -> String {
        let mut out = Vec::new();
        decimal(&mut out, mantissa, scale).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn number(digits: &str) -> Result<String, WireError> {
        let mut out = Vec::new();
        json_number(&mut out, "price", digits)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn decimals_keep_the_digits_that_were_sent() {
        assert_eq!(text(12_155_001_000_000, 8), "121550.01000000");
        assert_eq!(text(1, 8), "0.00000001");
        assert_eq!(text(0, 8), "0.00000000");
        assert_eq!(text(0, 0), "0");
        assert_eq!(text(150, 2), "1.50");
        assert_eq!(text(99, 2), "0.99");
        assert_eq!(text(-5, 1), "-0.5");
        assert_eq!(text(-1234, 2), "-12.34");
        assert_eq!(text(i64::MAX, 18), "9.223372036854775807");
        assert_eq!(text(i64::MIN, 0), "-9223372036854775808");
        assert_eq!(text(i64::MIN, 18), "-9.223372036854775808");
        assert_eq!(text(7, 18), "0.000000000000000007");
    }

    #[test]
    fn a_nineteenth_decimal_place_is_refused() {
        assert_eq!(
            decimal(&mut Vec::new(), 1, 19),
            Err(WireError::Scale { scale: 19 })
        );
    }

    #[test]
    fn only_plain_decimals_become_numbers() {
        for good in [
            "0",
            "-0.5",
            "81234.567",
            "121512.40000000",
            "-57.72345678",
            "0.00000000000000000000000001",
        ] {
            assert_eq!(number(good).unwrap(), good);
        }
        for bad in [
            "", "-", ".", "1.", ".5", "-.5", "+1", "1e5", "1E-8", "0x1", "NaN", "1,5", " 1", "1 ",
            "1.2.3", "١",
        ] {
            assert!(number(bad).is_err(), "{bad:?} was taken");
        }
        assert!(number(&"1".repeat(38)).is_ok());
        assert!(number(&"1".repeat(39)).is_err());
        assert!(number(&"0".repeat(100)).is_err());
    }

    #[test]
    fn leading_zeros_are_left_out_of_json_numbers() {
        assert_eq!(number("007.50").unwrap(), "7.50");
        assert_eq!(number("00").unwrap(), "0");
        assert_eq!(number("-00.1").unwrap(), "-0.1");
    }

    proptest! {
        #[test]
        fn a_decimal_reads_back_as_its_mantissa_and_scale(mantissa: i64, scale in 0u8..=18) {
            let written = text(mantissa, scale);
            let fraction = written.split_once('.').map_or("", |(_, fraction)| fraction);
            prop_assert_eq!(fraction.len(), usize::from(scale));
            prop_assert_eq!(written.replace('.', "").parse::<i64>().unwrap(), mantissa);
            prop_assert_eq!(plain("price", &written).unwrap(), written.as_str());
        }

        #[test]
        fn no_text_becomes_a_number_that_json_cannot_read(digits in "[-+0-9.eE]{0,45}") {
            if let Ok(written) = number(&digits) {
                let read: f64 = serde_json::from_str(&written).unwrap();
                prop_assert_eq!(read.to_bits(), digits.parse::<f64>().unwrap().to_bits());
            }
        }
    }
}
