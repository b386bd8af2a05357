//! A msgpack cursor over a body in memory: offsets, bounds, skipping; no knowledge of spans.
//!
//! Format: <https://github.com/msgpack/msgpack/blob/master/spec.md>. Lengths are checked against what is left
//! before anything is taken, nothing is allocated by a declared length, and skipping is a loop with a bounded
//! stack.
//!
//! ```text
//! 81              fixmap, 1 entry
//!    a4 6e616d65  fixstr "name"
//!    07           fixint 7
//! ```

use super::WireError;
use super::codes::{BAD_MARKER, IMPOSSIBLE_LENGTH, TOO_DEEP, TRUNCATED, WRONG_TYPE};
pub(crate) use super::text::{is_ascii, is_utf8};
use std::fmt;

/// A number as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Unsigned(u64),
    /// Only negative values.
    Negative(i64),
    Float(f64),
}

/// Text or bytes with its place in the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a> {
    pub(crate) start: usize,
    pub(crate) bytes: &'a [u8],
    /// It came as msgpack bin rather than str.
    pub(crate) bin: bool,
}

/// The cursor. `Copy`, so a position can be kept and gone back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    body: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Reader { body, rest: body }
    }

    /// Bytes read so far: the offset of the next value.
    #[inline(always)]
    pub(crate) fn offset(&self) -> usize {
        self.body.len() - self.rest.len()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Goes to `offset` of the same body.
    pub(crate) fn go_to(&mut self, offset: usize) {
        self.rest = self.body.get(offset..).unwrap_or_default();
    }

    /// The marker of the next value, not taken.
    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    #[cold]
    fn truncated(&self) -> WireError {
        WireError { code: TRUNCATED, offset: self.body.len() }
    }

    /// A declared length that no input of this size could hold is a lie; a smaller one was cut off.
    #[cold]
    fn short(&self, at: usize, declared: usize) -> WireError {
        if declared > self.body.len() { WireError { code: IMPOSSIBLE_LENGTH, offset: at } } else { self.truncated() }
    }

    /// The marker at `at` cannot start what is wanted.
    #[cold]
    fn wrong(&self, at: usize) -> WireError {
        match self.body.get(at) {
            None => self.truncated(),
            Some(0xc1) => WireError { code: BAD_MARKER, offset: at },
            Some(_) => WireError { code: WRONG_TYPE, offset: at },
        }
    }

    #[inline(always)]
    fn take_byte(&mut self) -> Result<u8, WireError> {
        let Some((&byte, rest)) = self.rest.split_first() else { return Err(self.truncated()) };
        self.rest = rest;
        Ok(byte)
    }

    #[inline(always)]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<N>() else { return Err(self.truncated()) };
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline(always)]
    fn take_slice(&mut self, at: usize, len: usize) -> Result<&'a [u8], WireError> {
        let Some((bytes, rest)) = self.rest.split_at_checked(len) else { return Err(self.short(at, len)) };
        self.rest = rest;
        Ok(bytes)
    }

    /// The number of elements of an array.
    #[inline]
    pub(crate) fn array(&mut self) -> Result<usize, WireError> {
        let at = self.offset();
        let count = match self.take_byte()? {
            marker @ 0x90..=0x9f => usize::from(marker & 0x0f),
            0xdc => usize::from(u16::from_be_bytes(self.take()?)),
            0xdd => u32::from_be_bytes(self.take()?) as usize,
            _ => return Err(self.wrong(at)),
        };
        if count > self.body.len() { Err(self.short(at, count)) } else { Ok(count) }
    }

    /// The number of entries of a map.
    #[inline]
    pub(crate) fn map(&mut self) -> Result<usize, WireError> {
        let at = self.offset();
        let count = match self.take_byte()? {
            marker @ 0x80..=0x8f => usize::from(marker & 0x0f),
            0xde => usize::from(u16::from_be_bytes(self.take()?)),
            0xdf => u32::from_be_bytes(self.take()?) as usize,
            _ => return Err(self.wrong(at)),
        };
        if count > self.body.len() / 2 { Err(self.short(at, count.saturating_mul(2))) } else { Ok(count) }
    }

    /// Text of less than 256 bytes and where it begins; `None` takes nothing that counts. Nearly every string is short,
    /// and a jump table over all markers costs more than these two tests.
    #[inline(always)]
    pub(crate) fn short_text(&mut self) -> Option<(usize, &'a [u8])> {
        let (bytes, rest) = match self.rest {
            [marker @ 0xa0..=0xbf, rest @ ..] => rest.split_at_checked(usize::from(marker & 0x1f)),
            [0xd9, len, rest @ ..] => rest.split_at_checked(usize::from(*len)),
            _ => None,
        }?;
        self.rest = rest;
        Some((self.offset() - bytes.len(), bytes))
    }

    /// Text, or bytes in its place.
    #[inline(always)]
    pub(crate) fn text(&mut self) -> Result<Bytes<'a>, WireError> {
        match self.short_text() {
            Some((start, bytes)) => Ok(Bytes { start, bytes, bin: false }),
            None => self.other_text(),
        }
    }

    #[inline(never)]
    fn other_text(&mut self) -> Result<Bytes<'a>, WireError> {
        let at = self.offset();
        let marker = self.take_byte()?;
        let len = match marker {
            0xa0..=0xbf => usize::from(marker & 0x1f),
            0xd9 | 0xc4 => usize::from(self.take_byte()?),
            0xda | 0xc5 => usize::from(u16::from_be_bytes(self.take()?)),
            0xdb | 0xc6 => u32::from_be_bytes(self.take()?) as usize,
            _ => return Err(self.wrong(at)),
        };
        let start = self.offset();
        let bytes = self.take_slice(at, len)?;
        Ok(Bytes { start, bytes, bin: matches!(marker, 0xc4..=0xc6) })
    }

    /// A number in the forms in which ids, times and string indexes usually come; `None` takes nothing.
    #[inline(always)]
    pub(crate) fn common_unsigned(&mut self) -> Option<u64> {
        let (value, rest) = match self.rest {
            [small @ 0..=0x7f, rest @ ..] => (u64::from(*small), rest),
            [0xcf, rest @ ..] => {
                let (bytes, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*bytes), rest)
            }
            [0xcc, byte, rest @ ..] => (u64::from(*byte), rest),
            [0xcd, high, low, rest @ ..] => (u64::from(u16::from_be_bytes([*high, *low])), rest),
            [0xce, rest @ ..] => {
                let (bytes, rest) = rest.split_first_chunk()?;
                (u64::from(u32::from_be_bytes(*bytes)), rest)
            }
            _ => return None,
        };
        self.rest = rest;
        Some(value)
    }

    /// A float64, as metrics usually come; `None` takes nothing.
    #[inline(always)]
    pub(crate) fn common_float(&mut self) -> Option<f64> {
        let (bytes, rest) = self.rest.strip_prefix(&[0xcb])?.split_first_chunk()?;
        self.rest = rest;
        Some(f64::from_be_bytes(*bytes))
    }

    /// Bytes: bin only.
    pub(crate) fn bin(&mut self) -> Result<Bytes<'a>, WireError> {
        match self.peek() {
            Some(0xc4..=0xc6) => self.text(),
            _ => Err(self.wrong(self.offset())),
        }
    }

    /// A number of any width.
    #[inline(never)]
    pub(crate) fn number(&mut self) -> Result<Number, WireError> {
        let at = self.offset();
        let signed = |value: i64| if value < 0 { Number::Negative(value) } else { Number::Unsigned(value as u64) };
        Ok(match self.take_byte()? {
            marker @ 0..=0x7f => Number::Unsigned(u64::from(marker)),
            0xcf => Number::Unsigned(u64::from_be_bytes(self.take()?)),
            0xcb => Number::Float(f64::from_be_bytes(self.take()?)),
            0xce => Number::Unsigned(u64::from(u32::from_be_bytes(self.take()?))),
            0xcd => Number::Unsigned(u64::from(u16::from_be_bytes(self.take()?))),
            0xcc => Number::Unsigned(u64::from(self.take_byte()?)),
            0xd3 => signed(i64::from_be_bytes(self.take()?)),
            0xd2 => signed(i64::from(i32::from_be_bytes(self.take()?))),
            0xd1 => signed(i64::from(i16::from_be_bytes(self.take()?))),
            0xd0 => signed(i64::from(i8::from_be_bytes(self.take()?))),
            marker @ 0xe0..=0xff => Number::Negative(i64::from(marker as i8)),
            0xca => Number::Float(f64::from(f32::from_be_bytes(self.take()?))),
            _ => return Err(self.wrong(at)),
        })
    }

    /// True or false.
    pub(crate) fn bool(&mut self) -> Result<bool, WireError> {
        let at = self.offset();
        match self.take_byte()? {
            0xc2 => Ok(false),
            0xc3 => Ok(true),
            _ => Err(self.wrong(at)),
        }
    }

    /// Takes a nil if one is next.
    #[inline(always)]
    pub(crate) fn nil(&mut self) -> bool {
        match self.rest.split_first() {
            Some((0xc0, rest)) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes a type number of v1.0 and a scalar value of that type; false when something else stands there.
    pub(crate) fn typed_scalar(&mut self) -> bool {
        match (self.number(), self.peek()) {
            (Ok(Number::Unsigned(1)), Some(0..=0x7f | 0xa0..=0xbf | 0xcc..=0xcf | 0xd9..=0xdb))
            | (Ok(Number::Unsigned(2)), Some(0xc2 | 0xc3))
            | (Ok(Number::Unsigned(3)), Some(0xca | 0xcb))
            | (Ok(Number::Unsigned(4)), Some(0..=0x7f | 0xcc..=0xd3 | 0xe0..=0xff))
            | (Ok(Number::Unsigned(5)), Some(0xc4..=0xc6)) => self.skip(1).is_ok(),
            _ => false,
        }
    }

    /// Skips one value, whatever it is, nested at most `depth` levels.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<(), WireError> {
        let mut open: Vec<u64> = Vec::new();
        loop {
            let at = self.offset();
            let inside = match self.take_byte()? {
                0..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 0,
                marker @ 0x80..=0x8f => 2 * u64::from(marker & 0x0f),
                marker @ 0x90..=0x9f => u64::from(marker & 0x0f),
                marker @ 0xa0..=0xbf => self.skip_bytes(at, usize::from(marker & 0x1f))?,
                0xcc | 0xd0 => self.skip_bytes(at, 1)?,
                0xcd | 0xd1 => self.skip_bytes(at, 2)?,
                0xce | 0xd2 | 0xca => self.skip_bytes(at, 4)?,
                0xcf | 0xd3 | 0xcb => self.skip_bytes(at, 8)?,
                0xd4 => self.skip_bytes(at, 2)?,
                0xd5 => self.skip_bytes(at, 3)?,
                0xd6 => self.skip_bytes(at, 5)?,
                0xd7 => self.skip_bytes(at, 9)?,
                0xd8 => self.skip_bytes(at, 17)?,
                marker @ (0xc4 | 0xd9 | 0xc7) => {
                    let len = usize::from(self.take_byte()?) + usize::from(marker == 0xc7);
                    self.skip_bytes(at, len)?
                }
                marker @ (0xc5 | 0xda | 0xc8) => {
                    let len = usize::from(u16::from_be_bytes(self.take()?)) + usize::from(marker == 0xc8);
                    self.skip_bytes(at, len)?
                }
                marker @ (0xc6 | 0xdb | 0xc9) => {
                    let len = u32::from_be_bytes(self.take()?) as usize + usize::from(marker == 0xc9);
                    self.skip_bytes(at, len)?
                }
                0xdc => u64::from(u16::from_be_bytes(self.take()?)),
                0xdd => u64::from(u32::from_be_bytes(self.take()?)),
                0xde => 2 * u64::from(u16::from_be_bytes(self.take()?)),
                0xdf => 2 * u64::from(u32::from_be_bytes(self.take()?)),
                0xc1 => return Err(WireError { code: BAD_MARKER, offset: at }),
            };
            if inside > self.body.len() as u64 {
                return Err(WireError { code: IMPOSSIBLE_LENGTH, offset: at });
            }
            if inside > 0 {
                if open.len() >= depth {
                    return Err(WireError { code: TOO_DEEP, offset: at });
                }
                open.push(inside);
            } else {
                while let Some(left) = open.last_mut() {
                    *left -= 1;
                    if *left > 0 {
                        break;
                    }
                    open.pop();
                }
                if open.is_empty() {
                    return Ok(());
                }
            }
        }
    }

    fn skip_bytes(&mut self, at: usize, len: usize) -> Result<u64, WireError> {
        self.take_slice(at, len).map(|_| 0)
    }

    /// What stands at `offset`, in words for a message: `uint8 200 (0xcc)`.
    #[cold]
    pub(crate) fn describe(&self, offset: usize) -> Found<'a> {
        let mut reader = *self;
        reader.go_to(offset);
        Found(reader)
    }
}

/// Names the value that a cursor stands at.
pub(crate) struct Found<'a>(Reader<'a>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reader = self.0;
        let Some(marker) = reader.peek() else { return f.write_str("the end of the input") };
        match marker {
            0xc0 => f.write_str("nil")?,
            0xc1 => f.write_str("the reserved marker")?,
            0xc2 => f.write_str("false")?,
            0xc3 => f.write_str("true")?,
            0xc7..=0xc9 | 0xd4..=0xd8 => f.write_str("an extension value")?,
            0x80..=0x8f | 0xde | 0xdf => match reader.map() {
                Ok(count) => write!(f, "a map of {count}")?,
                Err(_) => f.write_str("a map")?,
            },
            0x90..=0x9f | 0xdc | 0xdd => match reader.array() {
                Ok(count) => write!(f, "an array of {count}")?,
                Err(_) => f.write_str("an array")?,
            },
            0xa0..=0xbf | 0xd9..=0xdb | 0xc4..=0xc6 => match reader.text() {
                Ok(text) if text.bin => write!(f, "{} bytes", text.bytes.len())?,
                Ok(text) => {
                    let shown = String::from_utf8_lossy(text.bytes.get(..24).unwrap_or(text.bytes));
                    let more = if text.bytes.len() > 24 { "..." } else { "" };
                    write!(f, "the string {:?}{more}", shown)?;
                }
                Err(_) => f.write_str("a string")?,
            },
            _ => match reader.number() {
                Ok(Number::Unsigned(value)) => write!(f, "the integer {value}")?,
                Ok(Number::Negative(value)) => write!(f, "the integer {value}")?,
                Ok(Number::Float(value)) => write!(f, "the float {value}")?,
                Err(_) => f.write_str("a number")?,
            },
        }
        write!(f, " (0x{marker:02x})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_judged_before_anything_is_taken() {
        let mut reader = Reader::new(&[0xdd, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(reader.array(), Err(WireError { code: IMPOSSIBLE_LENGTH, offset: 0 }));
        let mut reader = Reader::new(&[0xa9]);
        assert_eq!(reader.text().map(|t| t.start), Err(WireError { code: IMPOSSIBLE_LENGTH, offset: 0 }));
        let mut reader = Reader::new(&[0x90, 0x90, 0x90, 0xa3, b'a']);
        reader.go_to(3);
        assert_eq!(reader.text().map(|t| t.start), Err(WireError { code: TRUNCATED, offset: 5 }));
    }

    #[test]
    fn skipping_nests_to_the_limit_and_no_further() {
        let deep = vec![0x91; 50_000];
        assert_eq!(Reader::new(&deep).skip(128), Err(WireError { code: TOO_DEEP, offset: 128 }));
        let fits = [&[0x91; 128][..], &[0xc0]].concat();
        assert_eq!(Reader::new(&fits).skip(128), Ok(()));
    }

    proptest! {
        #[test]
        fn skipping_agrees_with_rmp(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut ours = Reader::new(&bytes);
            let skipped = ours.skip(1000).is_ok();
            let mut theirs = rmp_serde::Deserializer::new(&bytes[..]);
            let read = <serde::de::IgnoredAny as serde::Deserialize>::deserialize(&mut theirs).is_ok();
            prop_assert_eq!(skipped, read, "{:02x?}", bytes);
        }
    }
}
