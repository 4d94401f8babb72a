//! Decimals against an arbitrary-precision library.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, Zero};
use marketprism_kit::arithmetic::{plain_text, product, quotient};
use marketprism_kit::decimal::{DecimalError, parse};
use marketprism_kit::scan::Scan;
use marketprism_kit::wit::Decimal;
use proptest::prelude::*;

fn big(text: &str) -> BigDecimal {
    BigDecimal::from_str(text).unwrap()
}

/// Whether `value` is a whole number below 2^63 at some scale up to 18.
fn fits(value: &BigDecimal) -> bool {
    let (digits, scale) = value.normalized().into_bigint_and_exponent();
    let digits = if scale < 0 {
        digits * BigInt::from(10).pow(scale.unsigned_abs().min(64) as u32)
    } else {
        digits
    };
    scale <= 18 && i64::try_from(digits).is_ok_and(|digits| digits != i64::MIN)
}

fn decimals() -> impl Strategy<Value = Decimal> {
    let mantissa = prop_oneof![any::<i64>(), -1_000_i64..1_000, Just(i64::MAX)];
    (mantissa, 0_u8..=18).prop_map(|(mantissa, scale)| Decimal::of(mantissa.max(-i64::MAX), scale))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_text_is_read_to_its_exact_value_or_refused(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,22}0{0,6})?([eE][+-]?[0-9]{1,2})?") {
        let value = big(&text);
        match parse(text.as_bytes()) {
            Ok(number) => prop_assert_eq!(big(&number.to_string()), value),
            Err(error) => {
                prop_assert_eq!(error, DecimalError::OutOfRange);
                prop_assert!(!fits(&value), "{} fits", text);
            }
        }
    }

    #[test]
    fn the_fast_reader_reads_the_same(text in "(0|[1-9][0-9]{0,18})(\\.[0-9]{1,18})?[\",\\]}]{0,9}") {
        let mut scan = Scan::new(text.as_bytes());
        if let Some(number) = scan.decimal() {
            let read = &text[..text.len() - scan.rest().len()];
            prop_assert_eq!(parse(read.as_bytes()), Ok(number));
            prop_assert_eq!(number.to_string(), read);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,30}") {
        let _ = parse(text.as_bytes());
        let _ = plain_text(text.as_bytes());
    }

    #[test]
    fn comparing_is_comparing_values(a in decimals(), b in decimals()) {
        prop_assert_eq!(a.compare(b), big(&a.to_string()).cmp(&big(&b.to_string())));
    }

    #[test]
    fn products_are_exact(a in decimals(), b in decimals()) {
        let exact = big(&a.to_string()) * big(&b.to_string());
        prop_assert_eq!(big(&product(a, b)), exact.clone());
        if let Some(small) = a.checked_mul(b) {
            prop_assert_eq!(big(&small.to_string()), exact);
        } else {
            prop_assert!(!fits(&exact) || exact.is_zero());
        }
    }

    #[test]
    fn quotients_round_half_to_even_at_28_digits(a in decimals(), b in decimals()) {
        prop_assume!(b.mantissa != 0);
        let text = quotient(a, b).unwrap();
        let (a, b) = (big(&a.to_string()), big(&b.to_string()));
        let precision = std::num::NonZeroU64::new(28).unwrap();
        // Far more digits than decide the rounding; a sticky last digit keeps ties apart from what is above them.
        let exact = bigdecimal::Context::new(std::num::NonZeroU64::new(120).unwrap(), RoundingMode::Down).multiply(&a, &BigDecimal::from(1));
        let quotient = exact / b;
        prop_assert_eq!(big(&text), quotient.with_precision_round(precision, RoundingMode::HalfEven));
    }

    #[test]
    fn plain_text_is_the_same_value_without_exponent(text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?") {
        if let Ok(plain) = plain_text(text.as_bytes()) {
            prop_assert!(!plain.contains(['e', 'E']));
            prop_assert_eq!(big(&plain), big(&text));
        }
    }
}
