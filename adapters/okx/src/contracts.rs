//! What one contract is: how many coins a number of contracts are.
//! <https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments>

use marketprism_kit::arithmetic;
use marketprism_kit::decimal::{SCALE_MAX, power_of_ten};
use marketprism_kit::wit::Decimal;

/// One contract of an instrument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contract {
    /// `ctType`: of an inverse one the size is money, of a linear one coins.
    is_inverse: bool,
    /// `ctVal` times `ctMult`.
    size: Decimal,
}

impl Contract {
    /// A contract of a `ctType`; none of a type that is not known, or whose size does not fit.
    pub fn of(kind: &str, value: Decimal, multiplier: Decimal) -> Option<Self> {
        let is_inverse = match kind {
            "linear" => false,
            "inverse" => true,
            _ => return None,
        };
        let size = value.checked_mul(multiplier)?;
        Some(Self { is_inverse, size })
    }

    /// So many contracts at this price in coins: exact where that is possible, else with as many digits as fit, ties to
    /// the even one. None when no decimal holds it.
    pub fn coins(self, contracts: Decimal, price: Decimal) -> Option<Decimal> {
        let size = contracts.checked_mul(self.size)?;
        if self.is_inverse {
            divided(size, price)
        } else {
            Some(size)
        }
    }

    /// As [`Contract::coins`], as text: with 28 digits where it is not exact.
    pub fn coins_text(self, contracts: Decimal, price: Decimal) -> Option<String> {
        let size = contracts.checked_mul(self.size)?;
        if self.is_inverse {
            arithmetic::quotient(size, price)
        } else {
            Some(without_end_zeros(arithmetic::product(contracts, self.size)))
        }
    }
}

fn without_end_zeros(text: String) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// `a / b`, both not negative, with as many of 18 decimal places as fit.
fn divided(a: Decimal, b: Decimal) -> Option<Decimal> {
    let divisor = i128::from(b.mantissa);
    if divisor <= 0 || a.mantissa < 0 {
        return None;
    }
    (0..=SCALE_MAX).rev().find_map(|scale| {
        // a.mantissa / 10^a.scale / (b.mantissa / 10^b.scale), times 10^scale
        let up = u32::from(b.scale) + u32::from(scale);
        let dividend = match up.checked_sub(u32::from(a.scale)) {
            Some(up) => i128::from(a.mantissa).checked_mul(10_i128.checked_pow(up)?)?,
            // Then fewer places would lose digits that are there.
            None => return None,
        };
        let (whole, rest) = (dividend / divisor, dividend % divisor);
        let twice = rest.checked_mul(2)?;
        let is_up = twice > divisor || (twice == divisor && whole % 2 == 1);
        let mantissa = i64::try_from(whole + i128::from(is_up)).ok()?;
        Some(without_zeros(Decimal { mantissa, scale }))
    })
}

fn without_zeros(mut number: Decimal) -> Decimal {
    while number.scale > 0 && number.mantissa % 10 == 0 {
        number.mantissa /= 10;
        number.scale -= 1;
    }
    debug_assert!(power_of_ten(number.scale).is_some());
    number
}

#[cfg(test)]
mod tests {
    use super::Contract;
    use marketprism_kit::decimal::parse;

    fn coins(kind: &str, contracts: &str, price: &str) -> (String, String) {
        let number = |text: &str| parse(text.as_bytes()).unwrap();
        let value = if kind == "linear" { "0.1" } else { "10" };
        let contract = Contract::of(kind, number(value), number("1")).unwrap();
        (
            contract
                .coins(number(contracts), number(price))
                .unwrap()
                .to_string(),
            contract
                .coins_text(number(contracts), number(price))
                .unwrap(),
        )
    }

    #[test]
    fn linear_contracts_are_coins_and_inverse_ones_are_money() {
        assert_eq!(
            coins("linear", "8", "196.11"),
            ("0.8".to_owned(), "0.8".to_owned())
        );
        assert_eq!(
            coins("inverse", "100", "5.123"),
            (
                "195.1981260979894593".to_owned(),
                "195.1981260979894593011907086".to_owned()
            )
        );
        assert_eq!(
            coins("inverse", "3", "40"),
            ("0.75".to_owned(), "0.75".to_owned())
        );
        assert_eq!(coins("inverse", "1", "30").0, "0.333333333333333333");
        assert_eq!(coins("inverse", "2", "30").0, "0.666666666666666667");
    }

    #[test]
    fn what_no_decimal_holds_is_none() {
        let number = |text: &str| parse(text.as_bytes()).unwrap();
        let inverse = Contract::of("inverse", number("100"), number("1")).unwrap();
        assert_eq!(inverse.coins(number("1"), number("0")), None);
        assert_eq!(
            inverse.coins(number("9000000000000000"), number("0.000000000000000001")),
            None
        );
        assert_eq!(Contract::of("", number("1"), number("1")), None);
    }
}
