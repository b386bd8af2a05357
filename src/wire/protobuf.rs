//! A protobuf cursor over a message in memory: tags, varints, fixed numbers, length-delimited fields, skipping; no
//! knowledge of spans.
//!
//! Format: <https://protobuf.dev/programming-guides/encoding/>. A message is a sequence of fields, each a tag (field
//! number × 8 + wire type) and a value. Lengths are checked before anything is taken, nothing is allocated by a
//! declared length, and skipping is a loop.
//!
//! ```text
//! 2a 03 676574    field 5, length-delimited, "get"
//! 30 02           field 6, varint 2
//! ```

use super::WireError;
use super::codes::{BAD_PROTOBUF, IMPOSSIBLE_LENGTH, TOO_DEEP, TRUNCATED};

/// Wire types, the low three bits of a tag.
pub(crate) const VARINT: u32 = 0;
pub(crate) const FIXED64: u32 = 1;
pub(crate) const BYTES: u32 = 2;
pub(crate) const GROUP: u32 = 3;
pub(crate) const END_GROUP: u32 = 4;
pub(crate) const FIXED32: u32 = 5;

/// Whether a field that is not all there was cut off, rather than never meant: bodies are not longer than 64 MiB unless
/// told otherwise, and of a longer one a quarter should be there.
fn plausible(length: u64, body: usize) -> bool {
    length <= (64 << 20).max(4 * body as u64)
}

/// The cursor over one message. `Copy`, so a position can be kept and gone back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Offset in the body of the end of the message.
    end: usize,
    /// Whether the message ends where the body does: what runs over its end was cut off.
    last: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Reader { rest: body, end: body.len(), last: true }
    }

    /// A message that begins at `start` of the body; `cut` when it is not all there.
    pub(crate) fn part(message: &'a [u8], start: usize, cut: bool) -> Self {
        Reader { rest: message, end: start + message.len(), last: cut }
    }

    /// Offset in the body of what is next.
    #[inline(always)]
    pub(crate) fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes `rest`, which must be an end of what was left.
    #[inline(always)]
    pub(crate) fn go_on(&mut self, rest: &'a [u8]) {
        self.rest = rest;
    }

    /// The message ended inside a value that begins at `at`.
    #[cold]
    #[inline(never)]
    fn short(&self, at: usize, declared: u64) -> WireError {
        let code = if !plausible(declared, self.end) {
            IMPOSSIBLE_LENGTH
        } else if self.last {
            return WireError { code: TRUNCATED, offset: self.end };
        } else {
            // The message around it is whole, so its inside is wrong.
            BAD_PROTOBUF
        };
        WireError { code, offset: at }
    }

    /// The next tag; `None` at the end of the message.
    #[inline(always)]
    pub(crate) fn tag(&mut self) -> Result<Option<u32>, WireError> {
        match self.rest {
            [tag @ 8..=0x7f, rest @ ..] => {
                self.rest = rest;
                Ok(Some(u32::from(*tag)))
            }
            [] => Ok(None),
            _ => self.long_tag(),
        }
    }

    #[inline(never)]
    fn long_tag(&mut self) -> Result<Option<u32>, WireError> {
        let at = self.offset();
        let tag = self.varint()?;
        match u32::try_from(tag) {
            Ok(tag) if tag >= 8 && tag & 7 <= FIXED32 => Ok(Some(tag)),
            _ => Err(WireError { code: BAD_PROTOBUF, offset: at }),
        }
    }

    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, WireError> {
        match self.rest {
            [byte @ 0..=0x7f, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            [low, high @ 0..=0x7f, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(low & 0x7f) | (u64::from(*high) << 7))
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, WireError> {
        let at = self.offset();
        let mut value = 0u64;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                // The tenth byte has room for one bit.
                if index == 9 && *byte > 1 {
                    break;
                }
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        if self.rest.len() < 10 { Err(self.short(at, 0)) } else { Err(WireError { code: BAD_PROTOBUF, offset: at }) }
    }

    #[inline(always)]
    pub(crate) fn fixed64(&mut self) -> Result<u64, WireError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else { return Err(self.short(self.offset(), 8)) };
        self.rest = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    #[inline(always)]
    pub(crate) fn fixed32(&mut self) -> Result<u32, WireError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else { return Err(self.short(self.offset(), 4)) };
        self.rest = rest;
        Ok(u32::from_le_bytes(*bytes))
    }

    /// The bytes of a length-delimited field, with the offset where they begin.
    #[inline(always)]
    pub(crate) fn bytes(&mut self) -> Result<(usize, &'a [u8]), WireError> {
        let at = self.offset();
        let length = self.varint()?;
        let taken = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let Some((bytes, rest)) = taken else { return Err(self.short(at, length)) };
        self.rest = rest;
        Ok((self.offset() - bytes.len(), bytes))
    }

    /// A nested message.
    #[inline(always)]
    pub(crate) fn message(&mut self) -> Result<Reader<'a>, WireError> {
        let (start, rest) = self.bytes()?;
        Ok(Reader { rest, end: start + rest.len(), last: self.last && self.rest.is_empty() })
    }

    /// A nested message; when the body was cut inside of it, what there is of it, and the cut is found where it is.
    pub(crate) fn message_or_rest(&mut self) -> Result<(Reader<'a>, bool), WireError> {
        let mut again = *self;
        match again.message() {
            Ok(message) => {
                *self = again;
                Ok((message, false))
            }
            Err(error) if error.code == BAD_PROTOBUF => Err(error),
            Err(error) => {
                let length = self.varint()?;
                if !self.last || !plausible(length, self.end) {
                    return Err(error);
                }
                let message = *self;
                self.rest = &[];
                Ok((message, true))
            }
        }
    }

    /// The end of a message that was cut: nothing was wrong up to there.
    #[cold]
    pub(crate) fn cut(&self) -> WireError {
        WireError { code: TRUNCATED, offset: self.end }
    }

    /// Skips the value of a field whose tag was taken; groups nest at most `depth` levels.
    #[inline(never)]
    pub(crate) fn skip(&mut self, tag: u32, depth: usize) -> Result<(), WireError> {
        let at = self.offset();
        match tag & 7 {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed64().map(drop),
            BYTES => self.bytes().map(drop),
            FIXED32 => self.fixed32().map(drop),
            GROUP => self.skip_group(tag >> 3, depth),
            _ => Err(WireError { code: BAD_PROTOBUF, offset: at }),
        }
    }

    /// Skips a group up to its end tag.
    fn skip_group(&mut self, field: u32, depth: usize) -> Result<(), WireError> {
        let mut open = vec![field];
        while let Some(field) = open.last() {
            let at = self.offset();
            let Some(tag) = self.tag()? else { return Err(self.short(at, 0)) };
            match tag & 7 {
                END_GROUP if tag >> 3 == *field => drop(open.pop()),
                END_GROUP => return Err(WireError { code: BAD_PROTOBUF, offset: at }),
                GROUP if open.len() >= depth => return Err(WireError { code: TOO_DEEP, offset: at }),
                GROUP => open.push(tag >> 3),
                _ => self.skip(tag, depth)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_every_length() {
        for value in [0, 1, 127, 128, 300, 16_383, 16_384, u64::from(u32::MAX), i64::MAX as u64, u64::MAX] {
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(value, &mut bytes);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.varint(), Ok(value));
            assert!(reader.is_empty());
        }
        let long = [0xff; 11];
        assert_eq!(Reader::new(&long).varint(), Err(WireError { code: BAD_PROTOBUF, offset: 0 }));
        assert_eq!(Reader::new(&long[..3]).varint(), Err(WireError { code: TRUNCATED, offset: 3 }));
        let over = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(Reader::new(&over).varint(), Err(WireError { code: BAD_PROTOBUF, offset: 0 }));
    }

    #[test]
    fn lengths_are_judged_before_anything_is_taken() {
        let mut lie = Reader::new(&[0x0a, 0xff, 0xff, 0xff, 0x7f, 1]);
        assert_eq!(lie.tag(), Ok(Some(0x0a)));
        assert_eq!(lie.bytes(), Err(WireError { code: IMPOSSIBLE_LENGTH, offset: 1 }));
        let mut cut = Reader::new(&[0x0a, 3, 1, 2]);
        cut.tag().unwrap();
        assert_eq!(cut.bytes(), Err(WireError { code: TRUNCATED, offset: 4 }));
        // A field that runs over the end of the message around it, with more of the body behind.
        let mut outer = Reader::new(&[0x0a, 2, 0x12, 2, 0x2a, 0]);
        outer.tag().unwrap();
        let mut inner = outer.message().unwrap();
        inner.tag().unwrap();
        assert_eq!(inner.bytes(), Err(WireError { code: BAD_PROTOBUF, offset: 3 }));
    }

    #[test]
    fn groups_are_skipped_to_the_limit_and_no_further() {
        let deep = [0x0b; 50_000];
        let mut reader = Reader::new(&deep);
        let tag = reader.tag().unwrap().unwrap();
        assert_eq!(reader.skip(tag, 128).map_err(|error| error.code), Err(TOO_DEEP));
        let mut reader = Reader::new(&[0x0b, 0x13, 0x08, 5, 0x14, 0x0c, 0x10, 1]);
        let tag = reader.tag().unwrap().unwrap();
        assert_eq!(reader.skip(tag, 128), Ok(()));
        assert_eq!(reader.offset(), 6);
        let mut wrong = Reader::new(&[0x0b, 0x14]);
        let tag = wrong.tag().unwrap().unwrap();
        assert_eq!(wrong.skip(tag, 128).map_err(|error| error.code), Err(BAD_PROTOBUF));
    }

    proptest! {
        #[test]
        fn skipping_agrees_with_prost(bytes in prop::collection::vec(any::<u8>(), 0..48)) {
            fn ours(bytes: &[u8]) -> Result<(), WireError> {
                let mut reader = Reader::new(bytes);
                while let Some(tag) = reader.tag()? {
                    reader.skip(tag, 100)?;
                }
                Ok(())
            }
            // A message without fields skips everything.
            let theirs = <() as prost::Message>::decode(&bytes[..]);
            prop_assert_eq!(ours(&bytes).is_ok(), theirs.is_ok(), "{:02x?}: {:?} {:?}", bytes, ours(&bytes), theirs);
        }
    }
}
