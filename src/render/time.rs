//! Lengths of time with four significant digits, dates in RFC 3339.

use crate::time::{Nanos, Timestamp};
use chrono::{DateTime, SecondsFormat, Utc};

/// Longest text that [`write_duration`] makes, in columns.
pub const DURATION_WIDTH: usize = 8;

const UNITS: [(u64, &str, &str); 7] = [
    (1, "ns", "ns"),
    (1_000, "µs", "us"),
    (1_000_000, "ms", "ms"),
    (1_000_000_000, "s", "s"),
    (60_000_000_000, "m", "m"),
    (3_600_000_000_000, "h", "h"),
    (86_400_000_000_000, "d", "d"),
];

/// Appends a length with four significant digits: `412.0ms`, `38.20µs`, `1.234s`, `250ns`, `2.500h`.
pub fn write_duration(out: &mut Vec<u8>, length: Nanos, ascii: bool) {
    let nanos = length.0.unsigned_abs();
    if length.0 < 0 {
        out.push(b'-');
    }
    if nanos < 1_000 {
        write_number(out, nanos);
        out.extend_from_slice(b"ns");
        return;
    }
    let mut unit = match nanos {
        0..1_000_000 => 1,
        1_000_000..1_000_000_000 => 2,
        1_000_000_000..60_000_000_000 => 3,
        60_000_000_000..3_600_000_000_000 => 4,
        3_600_000_000_000..86_400_000_000_000 => 5,
        _ => 6,
    };
    let (mut rounded, mut decimals) = four_digits_in(unit, nanos);
    let overflows = |unit: usize, rounded: u64, decimals: u32| {
        let next = UNITS.get(unit + 1).map(|(next, ..)| next / UNITS[unit].0);
        next.is_some_and(|next| rounded >= next * POWERS[decimals as usize])
    };
    if overflows(unit, rounded, decimals) {
        // 999.96 rounds to 1000.0, which is one of the next unit.
        unit += 1;
        (rounded, decimals) = four_digits_in(unit, nanos);
    }
    if decimals > 0 && rounded >= 10_000 {
        (rounded, decimals) = (rounded / 10, decimals - 1);
    }
    let (_, name, ascii_name) = UNITS[unit];
    let (whole, fraction) = match decimals {
        0 => (rounded, 0),
        1 => (rounded / 10, rounded % 10),
        2 => (rounded / 100, rounded % 100),
        _ => (rounded / 1_000, rounded % 1_000),
    };
    write_number(out, whole);
    let digits = [b'.', b'0' + (fraction / 100) as u8, b'0' + (fraction / 10 % 10) as u8, b'0' + (fraction % 10) as u8];
    match decimals {
        0 => {}
        1 => out.extend_from_slice(&[b'.', digits[3]]),
        2 => out.extend_from_slice(&[b'.', digits[2], digits[3]]),
        _ => out.extend_from_slice(&digits),
    }
    out.extend_from_slice(if ascii { ascii_name } else { name }.as_bytes());
}

const POWERS: [u64; 4] = [1, 10, 100, 1_000];

/// The length in a unit with four digits, as an integer and how many of its digits are decimals. Divisors are constants:
/// a million rows have two million lengths.
#[inline]
fn four_digits_in(unit: usize, nanos: u64) -> (u64, u32) {
    match unit {
        0 => four_digits::<1>(nanos),
        1 => four_digits::<1_000>(nanos),
        2 => four_digits::<1_000_000>(nanos),
        3 => four_digits::<1_000_000_000>(nanos),
        4 => four_digits::<60_000_000_000>(nanos),
        5 => four_digits::<3_600_000_000_000>(nanos),
        _ => four_digits::<86_400_000_000_000>(nanos),
    }
}

#[inline]
fn four_digits<const UNIT: u64>(nanos: u64) -> (u64, u32) {
    // Never over 10,000 units of a nanosecond day times a power of ten: far below 2^64.
    match nanos / UNIT {
        0..10 => ((nanos * 1_000 + UNIT / 2) / UNIT, 3),
        10..100 => ((nanos * 100 + UNIT / 2) / UNIT, 2),
        100..1_000 => ((nanos * 10 + UNIT / 2) / UNIT, 1),
        _ => (nanos / UNIT + u64::from(nanos % UNIT >= UNIT.div_ceil(2)), 0),
    }
}

/// Appends a number in decimal.
pub(crate) fn write_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// A length as text.
pub fn duration(length: Nanos, ascii: bool) -> String {
    let mut text = Vec::with_capacity(DURATION_WIDTH);
    write_duration(&mut text, length, ascii);
    String::from_utf8(text).unwrap_or_default()
}

/// A point in time as RFC 3339 in UTC with as many decimals as it needs.
pub fn date(time: Timestamp) -> String {
    DateTime::<Utc>::from_timestamp_nanos(time.0).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Reads RFC 3339, or integer nanoseconds since the epoch.
pub fn parse_date(text: &str) -> Option<Timestamp> {
    if let Ok(nanos) = text.parse::<i64>() {
        return Some(Timestamp(nanos));
    }
    DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_in_the_fitting_unit() {
        for (nanos, text) in [
            (0, "0ns"),
            (999, "999ns"),
            (1_000, "1.000µs"),
            (38_204, "38.20µs"),
            (999_949, "999.9µs"),
            (999_960, "1.000ms"),
            (412_000_000, "412.0ms"),
            (9_999_600, "10.00ms"),
            (59_999_900_000, "1.000m"),
            (1_234_000_000, "1.234s"),
            (5_400_000_000_000, "1.500h"),
            (i64::MAX, "106752d"),
            (-1_500_000, "-1.500ms"),
            (i64::MIN, "-106752d"),
        ] {
            assert_eq!(duration(Nanos(nanos), false), text, "{nanos}");
        }
        assert_eq!(duration(Nanos(1_000), true), "1.000us");
    }

    #[test]
    fn every_length_fits_its_column() {
        let mut nanos = 1i64;
        while nanos < i64::MAX / 20 {
            for near in [nanos - 1, nanos, nanos + 1, nanos * 2, nanos / 2 * 3] {
                let text = duration(Nanos(near), true);
                assert!(text.len() < DURATION_WIDTH, "{near} {text}");
            }
            nanos *= 10;
        }
    }

    #[test]
    fn dates_are_read_and_printed() {
        assert_eq!(date(Timestamp(1_767_225_600_000_000_000)), "2026-01-01T00:00:00Z");
        assert_eq!(parse_date("2026-01-01T01:00:00.5+01:00"), Some(Timestamp(1_767_225_600_500_000_000)));
        assert_eq!(parse_date("1767225600000000000"), Some(Timestamp(1_767_225_600_000_000_000)));
        assert_eq!(parse_date("yesterday"), None);
    }
}
