//! The checksum of old books: <https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel>,
//! "Checksum". CRC-32 (IEEE 802.3) over the best 25 levels, read as a signed number.

use std::fmt::Write;

use marketprism_kit::book::Book;
use marketprism_kit::wit::{Decimal, Level};

/// How many levels of a side it covers.
const LEVELS: usize = 25;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    #[allow(clippy::indexing_slicing, reason = "checked when the constant is made")]
    while byte < table.len() {
        let (mut value, mut bit) = (byte as u32, 0);
        while bit < 8 {
            value = (value >> 1) ^ (0xEDB8_8320 & (value & 1).wrapping_neg());
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        let place = (crc ^ u32::from(*byte)) & 0xFF;
        TABLE.get(place as usize).copied().unwrap_or(0) ^ (crc >> 8)
    })
}

/// The checksum of a book: `bid:size:ask:size:...`, where one side has no more levels those of the other alone.
pub fn of(book: &Book) -> i32 {
    let (bids, asks) = (
        book.top_bids(LEVELS).to_vec(),
        book.top_asks(LEVELS).to_vec(),
    );
    let mut text = String::new();
    for place in 0..LEVELS {
        for level in [bids.get(place), asks.get(place)].into_iter().flatten() {
            write_level(level, &mut text);
        }
    }
    text.pop();
    crc32(text.as_bytes()).cast_signed()
}

fn write_level(level: &Level, text: &mut String) {
    let price = Decimal::of(level.price, level.price_scale);
    let quantity = Decimal::of(level.quantity, level.quantity_scale);
    // Writing to a string cannot fail.
    let _ = write!(text, "{price}:{quantity}:");
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn it_is_the_crc_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
