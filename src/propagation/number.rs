//! Numbers of headers: hex digits of either case, decimal of 64 and 32 bits.
//!
//! ```text
//! 4bf92f3577b34da6    12379814468735227512    +2    -1
//! ```

/// A digit's value; bit 4 for A-F, bit 7 for what is no hex digit.
const DIGITS: [u8; 256] = {
    let mut digits = [0x80; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        if value >= 10 {
            digits[b"0123456789ABCDEF"[value] as usize] = value as u8 | 0x10;
        }
        value += 1;
    }
    digits
};

/// One to 32 hex digits: their value, and whether any is upper-case.
pub(super) fn hex(text: &str) -> Option<(u128, bool)> {
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > 32 {
        return None;
    }
    let (high, low) = digits.split_at(digits.len().saturating_sub(16));
    let (high, seen_high) = half(high);
    let (low, seen_low) = half(low);
    let seen = seen_high | seen_low;
    (seen & 0x80 == 0).then_some(((u128::from(high) << 64) | u128::from(low), seen & 0x10 != 0))
}

/// One to 16 hex digits.
pub(super) fn hex64(text: &str) -> Option<(u64, bool)> {
    if text.len() > 16 {
        return None;
    }
    hex(text).map(|(value, upper)| (value as u64, upper))
}

/// Exactly `count` lower-case hex digits.
pub(super) fn lower_hex(text: &str, count: usize) -> Option<u128> {
    if text.len() != count {
        return None;
    }
    hex(text).filter(|(_, upper)| !upper).map(|(value, _)| value)
}

fn half(digits: &[u8]) -> (u64, u8) {
    let mut seen = 0;
    let mut value = 0;
    for digit in digits {
        let digit = DIGITS[usize::from(*digit)];
        seen |= digit;
        value = (value << 4) | u64::from(digit & 0x0f);
    }
    (value, seen)
}

/// Appends 16 lower-case hex digits.
pub(super) fn push_hex(text: &mut String, value: u64) {
    let mut digits = [0; 16];
    for (at, digit) in digits.iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(value >> (60 - 4 * at)) as usize & 15];
    }
    text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

/// Whether a byte is a hex digit.
pub(super) fn is_hex(byte: u8) -> bool {
    DIGITS[usize::from(byte)] & 0x80 == 0
}

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotANumber {
    Malformed,
    Overflow,
}

/// `[+]?[0-9]+` in 64 bits, and whether the plus is there.
pub(super) fn unsigned(text: &str) -> Result<(u64, bool), NotANumber> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let plus = digits.len() != text.len();
    if digits.is_empty() {
        return Err(NotANumber::Malformed);
    }
    let mut value = Some(0u64);
    // 19 digits always fit.
    for (at, byte) in digits.bytes().enumerate() {
        if !byte.is_ascii_digit() {
            return Err(NotANumber::Malformed);
        }
        let digit = u64::from(byte - b'0');
        value = match value {
            Some(value) if at < 19 => Some(value * 10 + digit),
            Some(value) => value.checked_mul(10).and_then(|value| value.checked_add(digit)),
            None => None,
        };
    }
    value.map(|value| (value, plus)).ok_or(NotANumber::Overflow)
}

/// `[+-]?[0-9]+` in 32 bits, and whether there is a plus.
pub(super) fn int32(text: &str) -> Option<(i32, bool)> {
    let (minus, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if minus && digits.starts_with('+') {
        return None;
    }
    let (value, plus) = unsigned(digits).ok()?;
    let value = i64::try_from(value).ok()?;
    i32::try_from(if minus { -value } else { value }).ok().map(|value| (value, plus))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_has_one_to_32_digits() {
        assert_eq!(hex("0f"), Some((15, false)));
        assert_eq!(hex("0F"), Some((15, true)));
        assert_eq!(hex(&"f".repeat(32)), Some((u128::MAX, false)));
        assert_eq!(hex("10000000000000000"), Some((1 << 64, false)));
        for text in ["", "g", "0x1", " 1", "\u{661}", &"0".repeat(33)] {
            assert_eq!(hex(text), None, "{text}");
        }
        assert_eq!(hex64("1".repeat(17).as_str()), None);
        assert_eq!(lower_hex("aB", 2), None);
        assert_eq!(lower_hex("ab", 2), Some(0xab));
    }

    #[test]
    fn hex_is_written_with_its_zeros() {
        for value in [0, 1, 0xcafe_f00d, u64::MAX] {
            let mut text = String::new();
            push_hex(&mut text, value);
            assert_eq!(text, format!("{value:016x}"));
        }
    }

    #[test]
    fn decimal_knows_its_limits() {
        assert_eq!(unsigned("18446744073709551615"), Ok((u64::MAX, false)));
        assert_eq!(unsigned("+0018446744073709551615"), Ok((u64::MAX, true)));
        assert_eq!(unsigned("18446744073709551616"), Err(NotANumber::Overflow));
        for text in ["", "+", "-1", "1_0", "1 ", "\u{661}", "99999999999999999999999x"] {
            assert_eq!(unsigned(text), Err(NotANumber::Malformed), "{text}");
        }
        assert_eq!(int32("-2147483648"), Some((i32::MIN, false)));
        assert_eq!(int32("+2147483647"), Some((i32::MAX, true)));
        for text in ["2147483648", "-2147483649", "-+1", "+-1", "--1", "-", "", "2.0"] {
            assert_eq!(int32(text), None, "{text}");
        }
    }
}
