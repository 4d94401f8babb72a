//! How venues write numbers.

use std::fmt::Write as _;

/// With all its decimals: 61496.50.
pub(crate) fn fixed(count: u64, decimals: u32) -> String {
    wide(u128::from(count), decimals)
}

/// The same of larger numbers.
pub(crate) fn wide(count: u128, decimals: u32) -> String {
    let unit = 10_u128.pow(decimals);
    let width = decimals as usize;
    let mut text = (count / unit).to_string();
    if width > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, ".{:0width$}", count % unit);
    }
    text
}

/// Without zeros at the end: 61496.5.
pub(crate) fn trimmed(count: u64, decimals: u32) -> String {
    let text = fixed(count, decimals);
    if decimals == 0 {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// As a number that is no whole one even where it is: 61496.0.
pub(crate) fn floating(count: u64, decimals: u32) -> String {
    let mut text = trimmed(count, decimals);
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_venue_writes_numbers_in_its_way() {
        assert_eq!(fixed(6_149_650, 2), "61496.50");
        assert_eq!(fixed(14, 3), "0.014");
        assert_eq!(fixed(14, 0), "14");
        assert_eq!(trimmed(6_149_650, 2), "61496.5");
        assert_eq!(trimmed(6_149_600, 2), "61496");
        assert_eq!(trimmed(100, 0), "100");
        assert_eq!(trimmed(0, 8), "0");
        assert_eq!(floating(2_960, 0), "2960.0");
        assert_eq!(floating(373_115, 1), "37311.5");
    }
}
