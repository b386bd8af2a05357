//! The grammars of single fields: what a dash-separated part, an id or `_dd.p.tid` may look like, as the quirks say.

use super::number::{PLAIN, Reader, ascii_decimal};
use super::quirks::{Field, HexId, Tid};
use std::borrow::Cow;

/// A field that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// `None` when it is no number, or none that 128 bits hold.
    pub value: Option<u128>,
    pub odd: bool,
}

impl Field {
    /// The value, `None` when the grammar is broken.
    pub fn read(self, text: &str) -> Option<Value> {
        let number = |value: u128| Some(Value { value: Some(value), odd: value & 1 == 1 });
        match self {
            Field::Hex { min, max, upper } => {
                if !(min..=max).contains(&text.len()) || !is_hex(text, upper) {
                    return None;
                }
                number(hex(text)?)
            }
            Field::Number { reader, bits, upper } => {
                if !upper && text.contains(|c: char| c.is_ascii_uppercase()) {
                    return None;
                }
                let int = reader.read(text, 16)?;
                let value = int.unsigned(if bits == 0 { 128 } else { bits });
                if bits != 0 && value.is_none() {
                    return None;
                }
                Some(Value { value, odd: int.odd })
            }
            Field::Halves => number(halves(text)?),
            Field::Binary => {
                let digits = text.len() == 2 && text.bytes().all(|b| matches!(b, b'0' | b'1'));
                number(u128::from_str_radix(text, 2).ok().filter(|_| digits)?)
            }
            Field::Any { digits } => {
                let value = Some(text).filter(|text| text.len() == digits && is_hex(text, true)).and_then(hex);
                Some(Value { value, odd: value.is_some_and(|value| value & 1 == 1) })
            }
        }
    }
}

impl HexId {
    /// The id, `None` when it is unreadable. `before` is what an earlier line of the same name gave.
    pub fn read(self, text: &str, before: u128) -> Option<u128> {
        match self {
            HexId::Number { reader, bits, max } => reader.read(text, 16).filter(|_| text.len() <= max)?.unsigned(bits),
            HexId::Python { bits } => Some(Reader::Python.read(text, 16)?.unsigned(bits).unwrap_or(0)),
            HexId::Exact { bits, scripts } => {
                let text: Cow<str> = if scripts { text.chars().map(ascii_decimal).collect() } else { text.into() };
                let whole = text.len() == 16 || (bits == 128 && text.len() == 32);
                Some(text).filter(|text| whole && is_hex(text, true)).and_then(|text| hex(&text))
            }
            HexId::Padded { bits } => {
                let fits = text.len() <= bits as usize / 4 && is_hex(text, true);
                if !fits {
                    return None;
                }
                // Nothing at all is padded to zeros.
                Some(hex(text).unwrap_or(0))
            }
            HexId::Halves => halves(text),
            HexId::Last32 => Some(last_32(text, before)),
        }
    }
}

impl Tid {
    /// The high half; `None` when it does not count. Python may read a negative number, then there is no trace id
    /// at all: `Some(None)`.
    pub fn read(self, text: &str) -> Option<Option<u64>> {
        let python = self.reader == Reader::Python;
        let length = if python { text.chars().count() } else { text.len() };
        if length != 16 || (!self.upper && text.chars().any(char::is_uppercase)) {
            return None;
        }
        let int = self.reader.read(text, 16)?;
        let magnitude = u64::try_from(int.magnitude?).ok().filter(|value| self.zero || *value != 0)?;
        Some(if int.negative { None } else { Some(magnitude) })
    }
}

/// Whether there are only hex digits, of which there may be none.
pub(super) fn is_hex(text: &str, upper: bool) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f') || (upper && matches!(b, b'A'..=b'F')))
}

/// The number that plain hex digits are.
pub(super) fn hex(text: &str) -> Option<u128> {
    PLAIN.read(text, 16)?.unsigned(128)
}

fn half(text: &str) -> Option<u64> {
    PLAIN.read(text, 16)?.unsigned(64).map(|value| value as u64)
}

fn halves(text: &str) -> Option<u128> {
    if text.len() <= 16 {
        return half(text).map(u128::from);
    }
    let (high, low) = text.split_at_checked(text.len() - 16)?;
    Some(u128::from(half(high)?) << 64 | u128::from(half(low)?))
}

/// Go cuts by bytes; a character cut in two is unreadable, like any that is no digit.
fn last_32(text: &str, before: u128) -> u128 {
    let bytes = text.as_bytes();
    let bytes = &bytes[bytes.len().saturating_sub(32)..];
    let zeros = bytes.iter().take_while(|b| **b == b'0').count();
    let bytes = &bytes[zeros..];
    let read = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(half);
    let (high, low) = bytes.split_at(bytes.len().saturating_sub(16));
    let high = if high.is_empty() { None } else { read(high) };
    u128::from(high.unwrap_or((before >> 64) as u64)) << 64 | u128::from(read(low).unwrap_or(0))
}
