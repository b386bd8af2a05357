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
    if let Some(value) = text.as_bytes().try_into().ok().and_then(sixteen_lower) {
        return Some((value, false));
    }
    hex(text).map(|(value, upper)| (value as u64, upper))
}

/// Exactly `count` lower-case hex digits.
pub(super) fn lower_hex(text: &str, count: usize) -> Option<u128> {
    if text.len() != count {
        return None;
    }
    if let Ok(digits) = text.as_bytes().try_into() {
        return sixteen_lower(digits).map(u128::from);
    }
    hex(text).filter(|(_, upper)| !upper).map(|(value, _)| value)
}

/// The value of sixteen lower-case hex digits.
#[inline]
pub(super) fn sixteen_lower(digits: &[u8; 16]) -> Option<u64> {
    let (eights, _) = digits.as_chunks::<8>();
    let [high, low] = eights else { return None };
    Some((u64::from(eight_lower(*high)?) << 32) | u64::from(eight_lower(*low)?))
}

/// The value of two lower-case hex digits.
#[inline]
pub(super) fn two_lower(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| DIGITS[usize::from(digit)]);
    (high | low < 0x10).then_some((high << 4) | low)
}

/// The value of lower-case hex digits, all eight at once.
#[inline]
fn eight_lower(digits: [u8; 8]) -> Option<u32> {
    let text = u64::from_be_bytes(digits);
    // Letters are 61 to 66: bit 6 tells them from 30 to 39.
    let letters = (text >> 6) & 0x0101_0101_0101_0101;
    let mut nibbles = (text & 0x0f0f_0f0f_0f0f_0f0f) + letters * 9;
    // Whatever else there is has another spelling, or more than a nibble.
    if with_letters(nibbles) != text || nibbles & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
        return None;
    }
    nibbles = (nibbles | (nibbles >> 4)) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | (nibbles >> 8)) & 0x0000_ffff_0000_ffff;
    Some((nibbles | (nibbles >> 16)) as u32)
}

fn half(digits: &[u8]) -> (u64, u8) {
    if let Some(value) = digits.try_into().ok().and_then(sixteen_lower) {
        return (value, 0);
    }
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
    digits[..8].copy_from_slice(&eight_digits((value >> 32) as u32));
    digits[8..].copy_from_slice(&eight_digits(value as u32));
    text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

/// Lower-case hex digits, all eight at once: each nibble in a byte of its own, then `0` added, or what leads to `a`.
fn eight_digits(value: u32) -> [u8; 8] {
    let mut nibbles = u64::from(value);
    nibbles = ((nibbles << 16) | nibbles) & 0x0000_ffff_0000_ffff;
    nibbles = ((nibbles << 8) | nibbles) & 0x00ff_00ff_00ff_00ff;
    nibbles = ((nibbles << 4) | nibbles) & 0x0f0f_0f0f_0f0f_0f0f;
    with_letters(nibbles).to_be_bytes()
}

/// The spelling of eight nibbles.
fn with_letters(nibbles: u64) -> u64 {
    let letters = ((nibbles + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    nibbles + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10)
}

/// Appends decimal digits.
pub(super) fn push_decimal(text: &mut String, value: u64) {
    let mut digits = [0; 20];
    let (mut at, mut rest) = (digits.len(), value);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

/// Appends decimal digits, after a minus where there is one.
pub(super) fn push_int(text: &mut String, value: i32) {
    if value < 0 {
        text.push('-');
    }
    push_decimal(text, u64::from(value.unsigned_abs()));
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
    // 19 digits always fit.
    let (head, tail) = digits.as_bytes().split_at(digits.len().min(19));
    let mut value = 0u64;
    let (eights, head) = head.as_chunks();
    for digits in eights {
        value = value * 100_000_000 + u64::from(eight_decimal(*digits).ok_or(NotANumber::Malformed)?);
    }
    for byte in head {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(NotANumber::Malformed);
        }
        value = value * 10 + u64::from(digit);
    }
    if !tail.iter().all(u8::is_ascii_digit) {
        return Err(NotANumber::Malformed);
    }
    let add = |value: u64, byte: &u8| value.checked_mul(10)?.checked_add(u64::from(byte - b'0'));
    tail.iter().try_fold(value, add).map(|value| (value, plus)).ok_or(NotANumber::Overflow)
}

/// The value of decimal digits, all eight at once: by pairs, then by fours.
#[inline]
fn eight_decimal(digits: [u8; 8]) -> Option<u32> {
    let text = u64::from_le_bytes(digits);
    let high = (text & 0xf0f0_f0f0_f0f0_f0f0) ^ 0x3030_3030_3030_3030;
    let above_nine = (text & 0x0f0f_0f0f_0f0f_0f0f) + 0x0606_0606_0606_0606;
    if high | (above_nine & 0xf0f0_f0f0_f0f0_f0f0) != 0 {
        return None;
    }
    let pairs = (text & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul((10 << 8) | 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul((100 << 16) | 1) >> 16;
    let eight = (fours & 0x0000_ffff_0000_ffff).wrapping_mul((10_000 << 32) | 1) >> 32;
    Some(eight as u32)
}

/// `[+-]?[0-9]+` in 32 bits, and whether there is a plus.
pub(super) fn int32(text: &str) -> Option<(i32, bool)> {
    // What is met nearly always.
    if let [digit @ b'0'..=b'9'] = text.as_bytes() {
        return Some((i32::from(digit - b'0'), false));
    }
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
    fn digits_are_those_of_the_formatter() {
        let mut value = 0x9e37_79b9_7f4a_7c15u64;
        for shift in 0..64 {
            for value in [value >> shift, value << shift, u64::MAX >> shift, 10u64.pow(shift % 20)] {
                let mut text = String::new();
                push_hex(&mut text, value);
                text.push(' ');
                push_decimal(&mut text, value);
                text.push(' ');
                push_int(&mut text, value as i32);
                assert_eq!(text, format!("{value:016x} {value} {}", value as i32));
            }
            value = value.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        }
        let mut text = String::new();
        push_decimal(&mut text, 0);
        push_int(&mut text, i32::MIN);
        assert_eq!(text, "0-2147483648");
    }

    #[test]
    fn eight_digits_at_once_are_the_digits_one_by_one() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut digits = *b"0123cdef";
                digits[at] = byte;
                let one_by_one = std::str::from_utf8(&digits).ok().and_then(hex).filter(|(_, upper)| !upper);
                assert_eq!(eight_lower(digits).map(u128::from), one_by_one.map(|(value, _)| value), "{digits:?}");
            }
        }
        assert_eq!(lower_hex("67f3a2b400000000c0ffee1234abcd01", 32), Some(0x67f3_a2b4_0000_0000_c0ff_ee12_34ab_cd01));
    }

    #[test]
    fn eight_decimal_digits_at_once_are_the_digits_one_by_one() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut digits = *b"19370465";
                digits[at] = byte;
                let one_by_one = std::str::from_utf8(&digits).ok().filter(|_| byte.is_ascii_digit());
                assert_eq!(eight_decimal(digits), one_by_one.and_then(|text| text.parse().ok()), "{digits:?}");
            }
        }
    }

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
