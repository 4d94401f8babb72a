//! Primitives of the fast path: they read one known shape byte for byte. `None` means "not my shape", never "wrong":
//! the general path decides what such a frame is. What they accept, the general path reads to the same value.

use crate::wit::{Decimal, Level};

/// What is left of a frame.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    /// Starts at the first byte.
    pub const fn new(frame: &'a [u8]) -> Self {
        Self { rest: frame }
    }

    /// What is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads exactly `text`, whose length is known when the program is built.
    #[inline(always)]
    pub fn literal<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let (found, rest) = self.rest.split_first_chunk::<N>()?;
        // Eight bytes at a time: a comparison of whole arrays becomes a call where the target has no fast one.
        let (found_words, found_tail) = found.as_chunks::<8>();
        let (words, tail) = text.as_chunks::<8>();
        let mut different = 0_u64;
        for (a, b) in found_words.iter().zip(words) {
            different |= u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        }
        for (a, b) in found_tail.iter().zip(tail) {
            different |= u64::from(a ^ b);
        }
        self.rest = rest;
        (different == 0).then_some(())
    }

    /// Reads exactly `text`.
    #[inline]
    pub fn text(&mut self, text: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Reads up to `stop` and over it; gives what stands before.
    #[inline]
    pub fn until(&mut self, stop: u8) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|byte| *byte == stop)?;
        let (before, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.split_first()?.1;
        Some(before)
    }

    /// Reads `true` or `false`.
    #[inline]
    pub fn boolean(&mut self) -> Option<bool> {
        if self.rest.first() == Some(&b't') {
            self.literal(b"true")?;
            Some(true)
        } else {
            self.literal(b"false")?;
            Some(false)
        }
    }

    /// Reads a whole number without sign, of at most 18 digits.
    #[inline]
    pub fn unsigned(&mut self) -> Option<u64> {
        let first = *self.rest.first()?;
        let (value, count) = digits(self.rest)?;
        if count == 0 || (first == b'0' && count > 1) {
            return None;
        }
        self.rest = self.rest.get(count..)?;
        Some(value)
    }

    /// Reads the digits of a decimal without sign and exponent, of at most 18 digits.
    #[inline(always)]
    pub fn decimal(&mut self) -> Option<Decimal> {
        let first = *self.rest.first()?;
        let (whole, count) = digits(self.rest)?;
        if count == 0 || (first == b'0' && count > 1) {
            return None;
        }
        let after = self.rest.get(count..)?;
        if after.first() != Some(&b'.') {
            self.rest = after;
            return Some(Decimal {
                mantissa: whole as i64,
                scale: 0,
            });
        }
        let fraction = after.get(1..)?;
        let (value, places) = digits(fraction)?;
        if places == 0 || count + places > 18 {
            return None;
        }
        self.rest = fraction.get(places..)?;
        // At most 18 digits: neither step can overflow.
        let mantissa = whole.wrapping_mul(power(places)).wrapping_add(value);
        Some(Decimal {
            mantissa: mantissa as i64,
            scale: places as u8,
        })
    }

    /// Reads `[["price","quantity"],...]` to its end into `levels`.
    #[inline]
    pub fn levels(&mut self, levels: &mut Vec<Level>) -> Option<()> {
        self.literal(b"[")?;
        if self.rest.first() == Some(&b']') {
            return self.literal(b"]");
        }
        loop {
            self.literal(b"[\"")?;
            let price = self.decimal()?;
            self.literal(b"\",\"")?;
            let quantity = self.decimal()?;
            levels.push(Level {
                price: price.mantissa,
                quantity: quantity.mantissa,
                price_scale: price.scale,
                quantity_scale: quantity.scale,
            });
            self.literal(b"\"]")?;
            let (next, rest) = self.rest.split_first()?;
            self.rest = rest;
            match next {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Accepts the end of the frame.
    #[inline]
    pub fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

#[inline(always)]
fn power(exponent: usize) -> u64 {
    crate::decimal::power_of_ten(exponent as u8).unwrap_or(0) as u64
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Reads the digits at the start of `text`: their value and how many they are. None when they are more than 18 or
/// stand too near the end of the text to tell.
#[inline(always)]
fn digits(text: &[u8]) -> Option<(u64, usize)> {
    let Some(word) = text.first_chunk::<8>() else {
        return digits_one_by_one(text);
    };
    let word = u64::from_le_bytes(*word) ^ ZEROS;
    let count = digits_in(word);
    if count < 8 {
        return Some((value_of(word, count), count));
    }
    let Some(second) = text.get(8..).and_then(|text| text.first_chunk::<8>()) else {
        return digits_one_by_one(text);
    };
    let second = u64::from_le_bytes(*second) ^ ZEROS;
    let more = digits_in(second);
    if more == 8 {
        return digits_one_by_one(text);
    }
    if more == 0 {
        return Some((eight(word), 8));
    }
    Some((eight(word) * power(more) + value_of(second, more), 8 + more))
}

#[cold]
fn digits_one_by_one(text: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    let mut count = 0;
    for byte in text.iter().take_while(|byte| byte.is_ascii_digit()) {
        count += 1;
        if count > 18 {
            return None;
        }
        value = value * 10 + u64::from(byte - b'0');
    }
    Some((value, count))
}

/// How many of the word's bytes, from the first, are below ten.
#[inline(always)]
const fn digits_in(word: u64) -> usize {
    // A byte above nine reaches 0x80 when 0x76 is added. Its carry spoils only bytes behind it.
    let other = (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
    (other.trailing_zeros() / 8) as usize
}

/// The value of the first `count` (1 to 7) bytes.
#[inline(always)]
const fn value_of(word: u64, count: usize) -> u64 {
    // Moved to the end of the word, so that zeros stand before the digits.
    if count == 0 {
        0
    } else {
        eight(word << (64 - 8 * count as u32))
    }
}

/// The value of eight digits, the first in the lowest byte.
#[inline(always)]
const fn eight(word: u64) -> u64 {
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let low = (pairs & 0x0000_00FF_0000_00FF).wrapping_mul(0x000F_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00FF_0000_00FF).wrapping_mul(0x0000_2710_0000_0001);
    low.wrapping_add(high) >> 32
}

#[cfg(test)]
mod tests {
    use super::Scan;
    use crate::decimal;

    fn read(text: &str) -> Option<(String, usize)> {
        let mut scan = Scan::new(text.as_bytes());
        let number = scan.decimal()?;
        Some((number.to_string(), text.len() - scan.rest().len()))
    }

    #[test]
    fn a_decimal_is_read_wherever_its_point_stands() {
        for digits in [
            "1",
            "12345678",
            "123456789",
            "1234567890123456",
            "123456789012345678",
        ] {
            for tail in ["", "\"", "\"],[\"123456789\""] {
                let text = format!("{digits}{tail}");
                assert_eq!(
                    read(&text),
                    Some((digits.to_owned(), digits.len())),
                    "{text}"
                );
                for at in 1..digits.len() {
                    let number = format!("{}.{}", &digits[..at], &digits[at..]);
                    let text = format!("{number}{tail}");
                    assert_eq!(read(&text), Some((number.clone(), number.len())), "{text}");
                }
            }
        }
    }

    #[test]
    fn what_the_general_path_must_decide_is_left_to_it() {
        for text in [
            "",
            "-1",
            "+1",
            "01.5\"",
            "1.\"",
            ".5\"",
            "1234567890123456789",
            "1.234567890123456789\"",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn whatever_is_read_the_general_path_reads_the_same() {
        let mut seed = 7_u64;
        for _ in 0..200_000 {
            let mut text = Vec::new();
            for _ in 0..24 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push(
                    b"0123456789012345678901234567890123456789.\"-:/~\xff "
                        [(seed >> 33) as usize % 48],
                );
            }
            let mut scan = Scan::new(&text);
            if let Some(number) = scan.decimal() {
                let read = &text[..text.len() - scan.rest().len()];
                assert_eq!(decimal::parse(read), Ok(number), "{read:?}");
            }
        }
    }

    #[test]
    fn a_literal_is_read_whole_or_not_at_all() {
        assert!(
            Scan::new(b"{\"stream\":\"x")
                .literal(b"{\"stream\":\"")
                .is_some()
        );
        assert!(
            Scan::new(b"{\"stream\":x")
                .literal(b"{\"stream\":\"")
                .is_none()
        );
        assert!(Scan::new(b"{\"str").literal(b"{\"stream\":\"").is_none());
    }

    #[test]
    fn levels_are_read_to_the_closing_bracket() {
        let mut levels = Vec::new();
        let mut scan = Scan::new(br#"[["61737.63000000","0.00000000"],["1","2.5"]]}"#);
        assert!(scan.levels(&mut levels).is_some());
        assert_eq!(scan.rest(), b"}");
        assert_eq!(levels.len(), 2);
        assert_eq!(
            (levels[0].price, levels[0].price_scale),
            (6_173_763_000_000, 8)
        );
        for broken in [
            "[[\"1\",\"2\"]",
            "[[\"1\",\"2\"],]",
            "[[\"1\" ,\"2\"]]",
            "[[1,2]]",
            "[[\"\",\"2\"]]",
            "[",
        ] {
            assert!(
                Scan::new(broken.as_bytes())
                    .levels(&mut Vec::new())
                    .is_none(),
                "{broken}"
            );
        }
    }
}
