//! Names of files that sort by time and are safe whatever is in them.

use crate::wire::iso_text;

/// Longest part of a name, in bytes.
const PART_BYTES_MAX: usize = 64;

/// `20261121T013500.123Z_PART_PART_0001EXTENSION`, for a time in nanoseconds since the epoch.
pub(super) fn name(time_ns: u64, parts: &[&str], number: u64, extension: &str) -> String {
    let mut name: String = iso_text(time_ns)
        .chars()
        .filter(|c| !matches!(c, '-' | ':'))
        // To the millisecond: the rest is the microseconds and the zone.
        .take("20261121T013500.123".len())
        .collect();
    name.push('Z');
    for part in parts {
        name.push('_');
        let safe = |c: char| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => c,
            _ => '-',
        };
        name.extend(part.chars().take(PART_BYTES_MAX).map(safe));
    }
    format!("{name}_{:04}{extension}", number % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_the_time_the_parts_and_a_number() {
        let made = name(
            1_795_224_900_123_456_789,
            &["alpha_spot", "out-of-fuel"],
            1,
            ".x",
        );
        assert_eq!(made, "20261121T013500.123Z_alpha_spot_out-of-fuel_0001.x");
    }

    #[test]
    fn nothing_in_a_name_leads_anywhere() {
        let made = name(0, &["../../etc/pass wd\0", &"x".repeat(300)], 10_001, ".x");
        assert!(
            made.starts_with("19700101T000000.000Z_------etc-pass-wd-_xxx"),
            "{made}"
        );
        assert!(made.ends_with("x_0001.x") && made.len() < 200, "{made}");
    }
}
