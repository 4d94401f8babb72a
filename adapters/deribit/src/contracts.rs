//! What the amounts of inverse futures are in coins.

use marketprism_kit::decimal::power_of_ten;
use marketprism_kit::wit::Decimal;

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
