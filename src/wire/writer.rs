//! A msgpack writer: every value in its shortest form, into memory.
//!
//! ```text
//! Writer::map(1)              81
//! Writer::text(b"name")       a4 6e616d65
//! Writer::unsigned(7)         07
//! ```

/// Appends msgpack values to a buffer.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) out: Vec<u8>,
}

impl Writer {
    /// A writer with room for that many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Writer { out: Vec::with_capacity(bytes) }
    }

    /// Bytes that are msgpack already.
    #[inline(always)]
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// The head of a map of so many entries.
    #[inline(always)]
    pub(super) fn map(&mut self, entries: usize) {
        self.head(entries, 0x80, 0xde);
    }

    /// The head of an array of so many items.
    #[inline(always)]
    pub(super) fn array(&mut self, items: usize) {
        self.head(items, 0x90, 0xdc);
    }

    #[inline(always)]
    fn head(&mut self, count: usize, short: u8, long: u8) {
        match count {
            0..=15 => self.out.push(short | count as u8),
            16..=0xffff => {
                let [high, low] = (count as u16).to_be_bytes();
                self.raw(&[long, high, low]);
            }
            _ => {
                let [a, b, c, d] = (count as u32).to_be_bytes();
                self.raw(&[long + 1, a, b, c, d]);
            }
        }
    }

    /// Text, which must be UTF-8.
    #[inline(always)]
    pub(super) fn text(&mut self, text: &[u8]) {
        match text.len() {
            len @ 0..=31 => self.out.push(0xa0 | len as u8),
            len @ 32..=255 => self.raw(&[0xd9, len as u8]),
            len => self.long(len, 0xda),
        }
        self.raw(text);
    }

    /// Bytes.
    pub(super) fn bin(&mut self, bytes: &[u8]) {
        match bytes.len() {
            len @ 0..=255 => self.raw(&[0xc4, len as u8]),
            len => self.long(len, 0xc5),
        }
        self.raw(bytes);
    }

    #[inline(never)]
    fn long(&mut self, len: usize, marker: u8) {
        match u16::try_from(len) {
            Ok(len) => {
                let [high, low] = len.to_be_bytes();
                self.raw(&[marker, high, low]);
            }
            Err(_) => {
                let [a, b, c, d] = (len as u32).to_be_bytes();
                self.raw(&[marker + 1, a, b, c, d]);
            }
        }
    }

    /// An unsigned integer of 64 bits, whatever its value: the form of an id.
    #[inline(always)]
    pub(super) fn id(&mut self, id: u64) {
        let [a, b, c, d, e, f, g, h] = id.to_be_bytes();
        self.raw(&[0xcf, a, b, c, d, e, f, g, h]);
    }

    /// An unsigned integer.
    #[inline(always)]
    pub(super) fn unsigned(&mut self, value: u64) {
        match value {
            0..=0x7f => self.out.push(value as u8),
            0x80..=0xffff_ffff => self.middle(value as u32),
            _ => self.id(value),
        }
    }

    #[inline]
    fn middle(&mut self, value: u32) {
        let [a, b, c, d] = value.to_be_bytes();
        match value {
            0..=0xff => self.raw(&[0xcc, d]),
            0x100..=0xffff => self.raw(&[0xcd, c, d]),
            _ => self.raw(&[0xce, a, b, c, d]),
        }
    }

    /// A signed integer; one that is not negative is written as an unsigned one.
    #[inline(always)]
    pub(super) fn int(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.unsigned(value),
            Err(_) => self.negative(value),
        }
    }

    #[inline(never)]
    fn negative(&mut self, value: i64) {
        let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
        match value {
            -32..=-1 => self.out.push(h),
            -0x80..-32 => self.raw(&[0xd0, h]),
            -0x8000..-0x80 => self.raw(&[0xd1, g, h]),
            -0x8000_0000..-0x8000 => self.raw(&[0xd2, e, f, g, h]),
            _ => self.raw(&[0xd3, a, b, c, d, e, f, g, h]),
        }
    }

    /// A float of 64 bits.
    #[inline(always)]
    pub(super) fn float(&mut self, value: f64) {
        let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
        self.raw(&[0xcb, a, b, c, d, e, f, g, h]);
    }

    /// True or false.
    pub(super) fn bool(&mut self, value: bool) {
        self.out.push(0xc2 | u8::from(value));
    }
}

#[cfg(test)]
mod tests {
    use super::super::msgpack::{Number, Reader};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_and_as_short_as_rmp_writes_it(
            unsigned in prop_oneof![any::<u64>(), any::<u64>().prop_map(|value| value >> (value % 64))],
            negative in prop_oneof![any::<i64>(), any::<i64>().prop_map(|value| value >> (value & 63))],
            float in any::<f64>(),
            text in ".{0,300}",
        ) {
            let mut writer = Writer::default();
            writer.unsigned(unsigned);
            writer.int(negative);
            writer.float(float);
            writer.bool(unsigned % 2 == 0);
            writer.text(text.as_bytes());
            let expected = rmp_serde::to_vec(&(unsigned, negative, float, unsigned % 2 == 0, &text)).expect("msgpack");
            prop_assert_eq!(&writer.out, &expected[1..]);
            let mut reader = Reader::new(&writer.out);
            prop_assert_eq!(reader.number(), Ok(Number::Unsigned(unsigned)));
        }
    }

    #[test]
    fn long_values_have_long_heads() {
        for length in [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536] {
            let mut writer = Writer::default();
            writer.text(&vec![b'a'; length]);
            writer.bin(&vec![0; length]);
            writer.array(length);
            writer.map(length);
            let mut reader = Reader::new(&writer.out);
            assert_eq!(reader.text().map(|text| text.bytes.len()), Ok(length));
            assert_eq!(reader.bin().map(|bytes| bytes.bytes.len()), Ok(length));
            assert_eq!(reader.array(), Ok(length));
            assert_eq!(reader.map(), Ok(length));
        }
    }
}
