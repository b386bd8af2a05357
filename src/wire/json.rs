//! A JSON cursor over a body in memory: tokens, strings found by words of eight bytes, skipping; no knowledge of spans.
//!
//! Grammar: RFC 8259. A string is taken as it stands between its quotes, with a note whether it has escapes and whether
//! it is ASCII; unescaping is a second step, for the few that need it.
//!
//! ```text
//! {"name": "get", "kind": 2}
//!   member "name", string `get`, member "kind", number `2`
//! ```

use super::WireError;
use super::codes::{BAD_JSON, TOO_DEEP};

/// A string between its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    /// Offset of the first byte behind the opening quote.
    pub(crate) start: usize,
    pub(crate) bytes: &'a [u8],
    pub(crate) escaped: bool,
    pub(crate) ascii: bool,
}

/// The cursor. `Copy`, so a position can be kept and gone back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    body: &'a [u8],
    rest: &'a [u8],
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The high bit of every byte of `word` that ends a plain run of a string: quote, backslash, control character. Only the
/// lowest bit that is set can be trusted: what is above it may be its carry.
#[inline(always)]
fn special(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGH
}

impl<'a> Reader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Reader { body, rest: body }
    }

    /// Offset of what is next.
    #[inline(always)]
    pub(crate) fn offset(&self) -> usize {
        self.body.len() - self.rest.len()
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn bad(&self) -> WireError {
        WireError { code: BAD_JSON, offset: self.offset() }
    }

    /// Skips white space and returns the byte behind it, not taken; 0 at the end.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> u8 {
        match self.rest {
            [byte @ 0x21..=0xff, ..] => *byte,
            _ => self.peek_behind_space(),
        }
    }

    #[inline(never)]
    fn peek_behind_space(&mut self) -> u8 {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
        self.rest.first().copied().unwrap_or(0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes `expected` if it is what follows at once, white space included.
    #[inline(always)]
    pub(crate) fn literal<const N: usize>(&mut self, expected: &[u8; N]) -> bool {
        match self.rest.split_first_chunk::<N>() {
            Some((found, rest)) if found == expected => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes `byte`, behind white space.
    #[inline(always)]
    fn punctuation(&mut self, byte: u8) -> Result<(), WireError> {
        if self.peek() != byte {
            return Err(self.bad());
        }
        self.rest = self.rest.get(1..).unwrap_or_default();
        Ok(())
    }

    /// Takes the brace or bracket that opens a container; the caller has seen it.
    #[inline(always)]
    pub(crate) fn open(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// The name of the next member of an object; `None` behind the last one. `first` must be true for the first call.
    #[inline(always)]
    pub(crate) fn member(&mut self, first: &mut bool) -> Result<Option<Text<'a>>, WireError> {
        if !self.next_in(b'}', first)? {
            return Ok(None);
        }
        let name = self.string()?;
        match self.rest {
            [b':', rest @ ..] => self.rest = rest,
            _ => self.punctuation(b':')?,
        }
        Ok(Some(name))
    }

    /// Whether another element of an array follows.
    #[inline(always)]
    pub(crate) fn element(&mut self, first: &mut bool) -> Result<bool, WireError> {
        self.next_in(b']', first)
    }

    #[inline(always)]
    fn next_in(&mut self, end: u8, first: &mut bool) -> Result<bool, WireError> {
        let next = self.peek();
        if next == end {
            self.open();
            return Ok(false);
        }
        if !std::mem::replace(first, false) {
            if next != b',' {
                return Err(self.bad());
            }
            self.open();
            // A comma promises more.
            if self.peek() == end {
                return Err(self.bad());
            }
        }
        Ok(true)
    }

    /// A string, behind white space.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<Text<'a>, WireError> {
        self.punctuation(b'"')?;
        self.string_body()
    }

    /// The rest of a string whose opening quote was taken.
    #[inline(always)]
    pub(crate) fn string_body(&mut self) -> Result<Text<'a>, WireError> {
        let start = self.offset();
        let mut at = 0;
        let mut joined = 0u64;
        while let Some(word) = self.rest.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*word);
            let found = special(word);
            if found == 0 {
                joined |= word;
                at += 8;
                continue;
            }
            let bits = found.trailing_zeros() & !7;
            joined |= word & ((1u64 << bits) - 1);
            at += bits as usize / 8;
            return self.string_end(start, at, joined & HIGH == 0);
        }
        self.string_tail(start, at, joined & HIGH == 0)
    }

    /// The string ends in the last bytes of the body.
    #[inline(never)]
    fn string_tail(&mut self, start: usize, mut at: usize, mut ascii: bool) -> Result<Text<'a>, WireError> {
        while let Some(byte) = self.rest.get(at).filter(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
            ascii &= byte.is_ascii();
            at += 1;
        }
        self.string_end(start, at, ascii)
    }

    /// At `at` stands what ended a plain run.
    #[inline(always)]
    fn string_end(&mut self, start: usize, at: usize, ascii: bool) -> Result<Text<'a>, WireError> {
        if let Some((bytes, [b'"', rest @ ..])) = self.rest.split_at_checked(at) {
            self.rest = rest;
            return Ok(Text { start, bytes, escaped: false, ascii });
        }
        self.escaped_string(start, at)
    }

    /// A string in which something is escaped, from the first escape on.
    #[inline(never)]
    fn escaped_string(&mut self, start: usize, mut at: usize) -> Result<Text<'a>, WireError> {
        let whole = self.rest;
        loop {
            match whole.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    let escape = whole.get(at + 1).copied();
                    let length = match escape {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                        Some(b'u')
                            if whole.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) =>
                        {
                            6
                        }
                        _ => return Err(WireError { code: BAD_JSON, offset: start + at }),
                    };
                    at += length;
                }
                None | Some(0..=0x1f) => return Err(WireError { code: BAD_JSON, offset: start + at }),
                Some(_) => at += 1,
            }
            // On to the next of them, by words.
            while let Some(word) = whole.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
                let found = special(u64::from_le_bytes(*word));
                if found != 0 {
                    at += found.trailing_zeros() as usize / 8;
                    break;
                }
                at += 8;
            }
        }
        let bytes = whole.get(..at).unwrap_or_default();
        self.rest = whole.get(at + 1..).unwrap_or_default();
        Ok(Text { start, bytes, escaped: true, ascii: bytes.is_ascii() })
    }

    /// The characters of a number, behind white space; its grammar is checked.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<&'a [u8], WireError> {
        self.peek();
        let whole = self.rest;
        let digits =
            |from: usize| whole.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
        let mut at = usize::from(whole.first() == Some(&b'-'));
        let integer = digits(at);
        if integer == 0 || (integer > 1 && whole.get(at) == Some(&b'0')) {
            return Err(self.bad());
        }
        at += integer;
        if whole.get(at) == Some(&b'.') {
            let fraction = digits(at + 1);
            if fraction == 0 {
                return Err(self.bad());
            }
            at += 1 + fraction;
        }
        if let Some(b'e' | b'E') = whole.get(at) {
            at += 1 + usize::from(matches!(whole.get(at + 1), Some(b'+' | b'-')));
            let exponent = digits(at);
            if exponent == 0 {
                return Err(self.bad());
            }
            at += exponent;
        }
        let (number, rest) = whole.split_at_checked(at).unwrap_or_default();
        self.rest = rest;
        Ok(number)
    }

    /// `true`, `false` or `null`, behind white space.
    pub(crate) fn word(&mut self) -> Result<&'static str, WireError> {
        self.peek();
        for word in ["true", "false", "null"] {
            if let Some(rest) = self.rest.strip_prefix(word.as_bytes()) {
                self.rest = rest;
                return Ok(word);
            }
        }
        Err(self.bad())
    }

    /// Takes a null if one is next.
    #[inline(always)]
    pub(crate) fn null(&mut self) -> Result<bool, WireError> {
        if self.peek() != b'n' {
            return Ok(false);
        }
        self.word().map(|_| true)
    }

    /// Skips one value, whatever it is, nested at most `depth` levels.
    #[inline(never)]
    pub(crate) fn skip(&mut self, depth: usize) -> Result<(), WireError> {
        // Of every open container, whether it is an object.
        let mut open: Vec<bool> = Vec::new();
        let mut first = false;
        loop {
            match self.peek() {
                b'"' => drop(self.string()?),
                opening @ (b'{' | b'[') => {
                    if open.len() >= depth {
                        return Err(WireError { code: TOO_DEEP, offset: self.offset() });
                    }
                    self.open();
                    open.push(opening == b'{');
                    first = true;
                }
                b'-' | b'0'..=b'9' => drop(self.number()?),
                _ => drop(self.word()?),
            }
            loop {
                let Some(object) = open.last() else { return Ok(()) };
                let more = if *object { self.member(&mut first)?.is_some() } else { self.element(&mut first)? };
                if more {
                    break;
                }
                first = false;
                open.pop();
            }
        }
    }

    /// What stands here, in words for a message.
    #[cold]
    pub(crate) fn describe(&self) -> String {
        let mut reader = *self;
        match reader.peek() {
            0 => "the end of the text".to_owned(),
            b'{' => "an object".to_owned(),
            b'[' => "an array".to_owned(),
            b'"' => match reader.string() {
                Ok(text) => format!("the string {:?}", clipped(text.bytes)),
                Err(_) => "a string".to_owned(),
            },
            b'-' | b'0'..=b'9' => match reader.number() {
                Ok(number) => format!("the number {}", clipped(number)),
                Err(_) => "a number".to_owned(),
            },
            _ => reader.word().map_or("no JSON value", |word| word).to_owned(),
        }
    }
}

fn clipped(bytes: &[u8]) -> String {
    let shown = String::from_utf8_lossy(bytes.get(..40).unwrap_or(bytes));
    if bytes.len() > 40 { format!("{shown}...") } else { shown.into_owned() }
}

/// The characters that a string with escapes stands for, into `out`. Returns false when half a surrogate pair had to be
/// replaced. The escapes were checked when the string was read.
pub(crate) fn unescape(text: &str, out: &mut String) -> bool {
    let mut whole = true;
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at).unwrap_or_default());
        let escape = rest.as_bytes().get(at + 1).copied().unwrap_or_default();
        rest = rest.get(at + 2..).unwrap_or_default();
        let plain = match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut unit = take_unit(&mut rest);
                if (0xd800..0xdc00).contains(&unit)
                    && let Some(mut behind) = rest.strip_prefix("\\u")
                {
                    let low = take_unit(&mut behind);
                    if (0xdc00..0xe000).contains(&low) {
                        unit = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        rest = behind;
                    }
                }
                char::from_u32(unit).unwrap_or_else(|| {
                    whole = false;
                    char::REPLACEMENT_CHARACTER
                })
            }
            other => char::from(other),
        };
        out.push(plain);
    }
    out.push_str(rest);
    whole
}

/// Four hex digits.
fn take_unit(rest: &mut &str) -> u32 {
    let (digits, behind) = rest.split_at_checked(4).unwrap_or((rest, ""));
    *rest = behind;
    u32::from_str_radix(digits, 16).unwrap_or(0xd800)
}

/// The value that byte `offset` of a document belongs to: `resourceSpans[0].scopeSpans[1].spans[3].name`. Reads as far
/// as the text is JSON.
#[cold]
pub(crate) fn path_of(body: &[u8], offset: usize) -> String {
    let mut reader = Reader::new(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    let shift = body.len() - reader.body.len();
    // Of every open container: the name of the current member, or the number of the current element.
    let mut open: Vec<(Option<String>, usize)> = Vec::new();
    let mut first = false;
    let behind = |reader: &Reader<'_>| reader.offset() + shift > offset || reader.is_empty();
    'values: loop {
        let read = match reader.peek() {
            b'"' => reader.string().map(drop),
            opening @ (b'{' | b'[') => {
                if behind(&reader) {
                    break;
                }
                reader.open();
                open.push(((opening == b'{').then(String::new), usize::MAX));
                first = true;
                Ok(())
            }
            b'-' | b'0'..=b'9' => reader.number().map(drop),
            _ => reader.word().map(drop),
        };
        if read.is_err() || (behind(&reader) && !first) {
            break;
        }
        loop {
            let Some((name, number)) = open.last_mut() else {
                if behind(&reader) || reader.peek() == 0 {
                    break 'values;
                }
                break;
            };
            let more = match name {
                Some(name) => reader.member(&mut first).map(|member| {
                    let found = member.is_some();
                    *name = member.map_or(String::new(), |member| shown_name(member.bytes));
                    found
                }),
                None => {
                    *number = number.wrapping_add(1);
                    reader.element(&mut first)
                }
            };
            match more {
                Ok(true) if behind(&reader) && name.is_some() => break 'values,
                Ok(true) => break,
                Ok(false) => {
                    first = false;
                    open.pop();
                    if behind(&reader) {
                        break 'values;
                    }
                }
                Err(_) => break 'values,
            }
        }
    }
    let mut path = String::new();
    for (name, number) in open {
        match name {
            Some(name) if name.is_empty() => {}
            Some(name) if path.is_empty() || name.starts_with('[') => path.push_str(&name),
            Some(name) => {
                path.push('.');
                path.push_str(&name);
            }
            None if number == usize::MAX => {}
            None => path.push_str(&format!("[{number}]")),
        }
    }
    path
}

/// A member's name for a path: as it is when it is a plain word.
fn shown_name(bytes: &[u8]) -> String {
    let plain = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if plain && bytes.len() <= 40 {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    format!("[{:?}]", clipped(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_lead_to_the_value() {
        let text = br#" {"a":[1,{"b c":"x"}],"d":{"e":[[],[5]]}}"#;
        let at = |needle: &str| {
            let text = std::str::from_utf8(text).unwrap();
            path_of(text.as_bytes(), text.find(needle).unwrap())
        };
        assert_eq!(at("1,"), "a[0]");
        assert_eq!(at("\"x"), "a[1][\"b c\"]");
        assert_eq!(at("x\""), "a[1][\"b c\"]");
        assert_eq!(at("5]"), "d.e[1][0]");
        assert_eq!(path_of(br#"{"a":{"b":[1,2"#, 14), "a.b[1]");
    }

    #[test]
    fn what_is_no_json_is_said_where() {
        for (text, offset) in [
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            ("{\"a\":1,}", 7),
            ("{\"a\" 1}", 5),
            ("[1 2]", 3),
            ("\"a\nb\"", 2),
            ("\"a\\xb\"", 2),
            ("\"abc", 4),
            ("01", 0),
            ("1.", 0),
            ("nul", 0),
            ("[tru]", 1),
            ("\"\\u12g4\"", 1),
            ("{a:1}", 1),
        ] {
            let found = Reader::new(text.as_bytes()).skip(10);
            assert_eq!(found, Err(WireError { code: BAD_JSON, offset }), "{text}");
        }
        let deep = "[".repeat(50_000);
        assert_eq!(Reader::new(deep.as_bytes()).skip(128), Err(WireError { code: TOO_DEEP, offset: 128 }));
    }

    proptest! {
        #[test]
        fn strings_are_read_as_serde_json_does(text in ".{0,40}", ends in "[a-z]{0,12}") {
            let json = serde_json::to_string(&text).unwrap() + &ends;
            let mut reader = Reader::new(json.as_bytes());
            let read = reader.string().unwrap();
            let mut out = String::new();
            let bytes = std::str::from_utf8(read.bytes).unwrap();
            prop_assert!(unescape(bytes, &mut out));
            prop_assert_eq!(&out, &text);
            prop_assert_eq!(read.ascii, bytes.is_ascii());
            prop_assert_eq!(read.escaped, bytes.contains('\\'));
            prop_assert_eq!(reader.rest, ends.as_bytes());
        }

        #[test]
        fn skipping_agrees_with_serde_json(text in r#"[\[\]{}:,"\\a1.eE \-+0ntrufals\n]{0,24}"#) {
            let mut reader = Reader::new(text.as_bytes());
            let ours = reader.skip(100).is_ok() && reader.peek() == 0 && reader.is_empty();
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(ours, theirs, "{:?}", text);
        }

        #[test]
        fn escapes_of_any_kind(units in prop::collection::vec(any::<u16>(), 0..6)) {
            let text: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let mut out = String::new();
            let whole = unescape(&text, &mut out);
            prop_assert_eq!(&out, &String::from_utf16_lossy(&units));
            prop_assert_eq!(whole, String::from_utf16(&units).is_ok());
        }
    }
}
