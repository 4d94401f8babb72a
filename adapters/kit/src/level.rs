//! One price level, and the packed form in which levels cross to the host.

/// One price level of an order book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Mantissa of the price.
    pub price: i64,
    /// Mantissa of the quantity.
    pub quantity: i64,
    /// Decimal places of the price; at most 18.
    pub price_scale: u8,
    /// Decimal places of the quantity; at most 18.
    pub quantity_scale: u8,
}

/// Levels as the contract's `levels`: three numbers each.
pub fn pack(levels: &[Level]) -> Vec<i64> {
    let mut packed = Vec::with_capacity(levels.len() * 3);
    for level in levels {
        let scales = (i64::from(level.price_scale) << 8) | i64::from(level.quantity_scale);
        packed.extend_from_slice(&[level.price, level.quantity, scales]);
    }
    packed
}

/// The levels in the contract's form; a rest that is no whole level is left out.
pub fn unpack(packed: &[i64]) -> Vec<Level> {
    let (levels, _) = packed.as_chunks::<3>();
    let level = |[price, quantity, scales]: &[i64; 3]| {
        let [.., price_scale, quantity_scale] = scales.to_be_bytes();
        Level {
            price: *price,
            quantity: *quantity,
            price_scale,
            quantity_scale,
        }
    };
    levels.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::{Level, pack, unpack};

    #[test]
    fn levels_come_out_as_they_went_in() {
        let level = |price, quantity, price_scale, quantity_scale| Level {
            price,
            quantity,
            price_scale,
            quantity_scale,
        };
        let levels = [
            level(i64::MAX, i64::MIN, 18, 0),
            level(0, 1, 0, 18),
            level(-5, 7, 8, 8),
        ];
        assert_eq!(unpack(&pack(&levels)), levels);
    }
}
