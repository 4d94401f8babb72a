//! Times as payloads carry them: integer milliseconds, and ISO 8601 in UTC with microseconds.

use std::time::{SystemTime, UNIX_EPOCH};

use super::number::integer;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// Nanoseconds since the epoch as whole milliseconds.
pub(super) const fn millis(nanos: u64) -> u64 {
    nanos / NANOS_PER_MILLI
}

/// Appends milliseconds, or `null` where the time is not known.
pub(super) fn millis_or_null(out: &mut Vec<u8>, nanos: Option<u64>) {
    match nanos {
        Some(nanos) => integer(out, millis(nanos)),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends a time as `2025-10-09T08:53:20.500000+00:00`.
pub(super) fn iso(out: &mut Vec<u8>, nanos: u64) {
    let micros = nanos / 1_000;
    let seconds = micros / 1_000_000;
    let (year, month, day) = civil_from_days(seconds / 86_400);
    padded(out, year, 4);
    for (mark, value, width) in [
        (b'-', month, 2),
        (b'-', day, 2),
        (b'T', seconds / 3_600 % 24, 2),
        (b':', seconds / 60 % 60, 2),
        (b':', seconds % 60, 2),
        (b'.', micros % 1_000_000, 6),
    ] {
        out.push(mark);
        padded(out, value, width);
    }
    out.extend_from_slice(b"+00:00");
}

/// A time as `2025-10-09T08:53:20.500000+00:00`.
pub fn iso_text(nanos: u64) -> String {
    let mut out = Vec::with_capacity(32);
    iso(&mut out, nanos);
    String::from_utf8(out).unwrap_or_default()
}

/// A moment as [`iso_text`] writes it.
pub fn iso_time(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    iso_text(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar. Years begin in March here, so
/// that the leap day is the last day of a year: 719,468 days lie between 0000-03-01 and the epoch, 146,097 in 400 years.
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// Appends an integer with leading zeros up to `width` digits.
fn padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    out.extend(std::iter::repeat_n(
        b'0',
        width.saturating_sub(digits.len()),
    ));
    out.extend_from_slice(digits);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use proptest::prelude::*;

    fn text(nanos: u64) -> String {
        let mut out = Vec::new();
        iso(&mut out, nanos);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_times_are_written_as_known() {
        for (seconds, written) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (951_868_800, "2000-03-01T00:00:00"),
            (1_709_164_800, "2024-02-29T00:00:00"),
            (1_735_603_200, "2024-12-31T00:00:00"),
            (1_735_689_600, "2025-01-01T00:00:00"),
            (1_740_787_200, "2025-03-01T00:00:00"),
            (1_760_000_000, "2025-10-09T08:53:20"),
            (4_107_456_000, "2100-02-28T00:00:00"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            assert_eq!(
                text(seconds * 1_000_000_000),
                format!("{written}.000000+00:00")
            );
        }
        assert_eq!(
            text(1_760_000_000_500_001_999),
            "2025-10-09T08:53:20.500001+00:00"
        );
        assert_eq!(text(u64::MAX), "2554-07-21T23:34:33.709551+00:00");
    }

    #[test]
    fn milliseconds_are_cut_not_rounded() {
        let mut out = Vec::new();
        millis_or_null(&mut out, Some(1_760_000_000_455_999_999));
        millis_or_null(&mut out, None);
        assert_eq!(out, b"1760000000455null");
    }

    proptest! {
        #[test]
        fn the_days_of_a_month_follow_each_other(day in 0u64..200_000) {
            let (year, month, date) = civil_from_days(day);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month { 2 => 28 + u64::from(leap), 4 | 6 | 9 | 11 => 30, _ => 31 };
            prop_assert!((1..=12).contains(&month) && (1..=length).contains(&date));
            let next = if date < length { (year, month, date + 1) }
                else if month < 12 { (year, month + 1, 1) }
                else { (year + 1, 1, 1) };
            prop_assert_eq!(civil_from_days(day + 1), next);
        }
    }
}
