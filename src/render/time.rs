//! Lengths of time with four significant digits, dates in RFC 3339.

use crate::time::{Nanos, Timestamp};
use chrono::{DateTime, SecondsFormat, Utc};

/// Longest text that [`write_duration`] makes, in columns.
pub const DURATION_WIDTH: usize = 8;

/// Appends a length with four significant digits: `412.0ms`, `38.20µs`, `1.234s`, `250ns`, `2.500h`.
pub fn write_duration(out: &mut Vec<u8>, length: Nanos, ascii: bool) {
    let nanos = length.0.unsigned_abs();
    if length.0 < 0 {
        out.push(b'-');
    }
    const UNITS: [(u64, &str, &str); 7] = [
        (1, "ns", "ns"),
        (1_000, "µs", "us"),
        (1_000_000, "ms", "ms"),
        (1_000_000_000, "s", "s"),
        (60_000_000_000, "m", "m"),
        (3_600_000_000_000, "h", "h"),
        (86_400_000_000_000, "d", "d"),
    ];
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
    loop {
        let (size, name, ascii_name) = UNITS[unit];
        let whole = nanos / size;
        let decimals = match whole {
            0..10 => 3,
            10..100 => 2,
            100..1_000 => 1,
            _ => 0,
        };
        let scale = 10u64.pow(decimals);
        let rounded = ((u128::from(nanos) * u128::from(scale) + u128::from(size / 2)) / u128::from(size)) as u64;
        // 999.96 rounds to 1000.0: one digit too many, so the next unit or one decimal less.
        let next = UNITS.get(unit + 1).map(|(size, ..)| *size);
        if next.is_some_and(|next| u128::from(rounded) * u128::from(size) >= u128::from(next) * u128::from(scale)) {
            unit += 1;
            continue;
        }
        let (mut rounded, mut decimals) = (rounded, decimals);
        if decimals > 0 && rounded >= 10_000 {
            rounded /= 10;
            decimals -= 1;
        }
        let scale = 10u64.pow(decimals);
        write_number(out, rounded / scale);
        if decimals > 0 {
            out.push(b'.');
            let mut fraction = rounded % scale;
            let mut place = scale / 10;
            while place > 0 {
                out.push(b'0' + (fraction / place) as u8);
                fraction %= place;
                place /= 10;
            }
        }
        out.extend_from_slice(if ascii { ascii_name } else { name }.as_bytes());
        return;
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
        while nanos < i64::MAX / 3 {
            for near in [nanos - 1, nanos, nanos + 1, nanos * 2, nanos / 2 * 3] {
                let text = duration(Nanos(near), true);
                assert!(text.len() <= DURATION_WIDTH - 1, "{near} {text}");
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
