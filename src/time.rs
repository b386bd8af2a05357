//! Points in time and lengths of time as the protocols carry them: integer nanoseconds.
//!
//! Arithmetic saturates: times in captures may be anything, and a viewer must not panic on them. Dates are
//! printed and read at the edge (`render::time`, the command line), never here.

use std::ops::{Add, Sub};

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A length of time in nanoseconds, signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub i64);

impl Add<Nanos> for Timestamp {
    type Output = Timestamp;
    fn add(self, length: Nanos) -> Timestamp {
        Timestamp(self.0.saturating_add(length.0))
    }
}

impl Sub for Timestamp {
    type Output = Nanos;
    fn sub(self, earlier: Timestamp) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Nanos {
    type Output = Nanos;
    fn add(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_add(other.0))
    }
}

impl Sub for Nanos {
    type Output = Nanos;
    fn sub(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(other.0))
    }
}

impl Nanos {
    /// Reads `250ns`, `1.5ms`, `10us`, `3s`, `2m`, `1h`; `None` when it is no such length or too long for 292
    /// years.
    pub fn parse(text: &str) -> Option<Nanos> {
        let text = text.trim();
        let number = text.trim_end_matches(|c: char| c.is_alphabetic() || c == 'µ' || c == 'μ');
        let unit: i64 = match &text[number.len()..] {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let number = number.trim_end();
        let digits =
            number.bytes().all(|b| b.is_ascii_digit() || b == b'.') && number.bytes().any(|b| b.is_ascii_digit());
        if !digits {
            return None;
        }
        if let Ok(whole) = number.parse::<i64>() {
            return whole.checked_mul(unit).map(Nanos);
        }
        let nanos = number.parse::<f64>().ok()? * unit as f64;
        (nanos.is_finite() && nanos < i64::MAX as f64).then(|| Nanos(nanos.round() as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_every_unit() {
        for (text, nanos) in [
            ("250ns", 250),
            ("10us", 10_000),
            ("10µs", 10_000),
            ("1.5ms", 1_500_000),
            ("3s", 3_000_000_000),
            ("2 m", 120_000_000_000),
            ("1h", 3_600_000_000_000),
            (".5s", 500_000_000),
        ] {
            assert_eq!(Nanos::parse(text), Some(Nanos(nanos)), "{text}");
        }
        for text in ["", "5", "ms", "1.2.3s", "-1s", "9e9s", "99999999999999h", "1 fortnight"] {
            assert_eq!(Nanos::parse(text), None, "{text}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp(i64::MAX) + Nanos(1), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MIN) - Timestamp(1), Nanos(i64::MIN));
    }
}
