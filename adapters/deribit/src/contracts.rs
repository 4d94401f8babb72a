//! What the amounts of inverse futures are in coins.

use marketprism_kit::arithmetic::decimal_quotient;
use marketprism_kit::wit::Decimal;

/// The coins that so many US dollars of an inverse future are worth at a price: 18 significant digits, ties to even.
/// None when the price is zero.
pub fn coins(dollars: Decimal, price: Decimal) -> Option<Decimal> {
    decimal_quotient(dollars, price)
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
