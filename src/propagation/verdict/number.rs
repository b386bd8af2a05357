//! How the languages of the tracers read numbers and trim text: the same `1_000`, `+1`, `0x1f` or `123abc` is a
//! number to one, junk to another and half a number to a third.

/// Reads an integer out of text as some language's standard reader does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Python's `int()`: blanks around, sign, `_` between digits, digits of any script, `0x` in base 16, any size.
    Python,
    /// dd-trace-js `id()`: an optional `-`, the digits up to the first other character, modulo 2^64. Never fails.
    JsId,
    /// JavaScript's `parseInt`: leading blanks, sign, the digits up to the first other character.
    JsInt,
    /// dd-trace-go's ids: with a leading `-` an int64 whose bits are taken as unsigned, else plain digits.
    GoId,
    /// Digits only, after the signs that are allowed: `from_chars`, `from_str_radix`, `ParseUint`, `ParseInt`.
    Digits { plus: bool, minus: bool },
}

/// C++ `std::from_chars` into an unsigned integer, and Go's `ParseUint`.
pub(super) const PLAIN: Reader = Reader::Digits { plus: false, minus: false };
/// C++ `std::from_chars` into an `int`.
pub(super) const CPP_INT: Reader = Reader::Digits { plus: false, minus: true };
/// Rust's `from_str_radix` into an unsigned integer.
pub(super) const RUST: Reader = Reader::Digits { plus: true, minus: false };
/// Rust's `parse` into a signed integer, and Go's `ParseInt`.
pub(super) const SIGNED: Reader = Reader::Digits { plus: true, minus: true };

/// What was read. Python's integers know no largest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Int {
    pub negative: bool,
    /// `None` when it needs more than 128 bits.
    pub magnitude: Option<u128>,
    /// The lowest bit, which is all that most flags need.
    pub odd: bool,
}

impl Int {
    /// The value when it is not negative and fits into `bits`.
    pub fn unsigned(self, bits: u32) -> Option<u128> {
        self.magnitude.filter(|value| (!self.negative || *value == 0) && (bits >= 128 || value >> bits == 0))
    }

    /// The value when a two's complement integer of `bits` holds it.
    pub fn signed(self, bits: u32) -> Option<i64> {
        let value = self.saturated();
        let limit = 1i128 << (bits - 1);
        let exact = if self.negative { -(limit) <= value } else { value < limit };
        if exact && self.magnitude.is_some() { i64::try_from(value).ok() } else { None }
    }

    /// The value, or the nearest one that an `i64` holds: enough to see its sign.
    pub fn clamped(self) -> i64 {
        self.saturated().clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    fn saturated(self) -> i128 {
        let magnitude = self.magnitude.and_then(|value| i128::try_from(value).ok()).unwrap_or(i128::MAX);
        if self.negative { -magnitude } else { magnitude }
    }
}

impl Reader {
    /// The number that `text` is, in base 10 or 16; `None` when the language would refuse it.
    pub fn read(self, text: &str, base: u32) -> Option<Int> {
        match self {
            Reader::Python => python(text, base),
            Reader::JsId => Some(js_id(text)),
            Reader::JsInt => js_int(text),
            Reader::GoId if text.starts_with('-') => {
                let value = SIGNED.read(text, base)?.signed(64)?;
                Some(Int { negative: false, magnitude: Some(u128::from(value as u64)), odd: value & 1 == 1 })
            }
            Reader::GoId => digits(text, base, false),
            Reader::Digits { plus, minus } => {
                if let Some(rest) = text.strip_prefix('-').filter(|_| minus) {
                    return digits(rest, base, true);
                }
                digits(text.strip_prefix('+').filter(|_| plus).unwrap_or(text), base, false)
            }
        }
    }
}

/// One digit or more and nothing else.
fn digits(text: &str, base: u32, negative: bool) -> Option<Int> {
    let (mut magnitude, mut last) = (Some(0u128), None);
    for c in text.chars() {
        let digit = c.to_digit(base)?;
        magnitude = magnitude.and_then(|value| value.checked_mul(u128::from(base))?.checked_add(u128::from(digit)));
        last = Some(digit);
    }
    // Both bases are even, so the last digit alone says whether the number is odd.
    last.map(|digit| Int { negative, magnitude, odd: digit & 1 == 1 })
}

/// Python refuses longer decimal texts to bound the time of the conversion.
const PYTHON_MAX_DECIMALS: usize = 4300;

fn python(text: &str, base: u32) -> Option<Int> {
    let text: String = text.trim().chars().map(ascii_decimal).collect();
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text.as_str()),
    };
    if base == 16
        && let Some(after) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"))
    {
        rest = after.strip_prefix('_').unwrap_or(after);
    }
    if rest.starts_with('_') || rest.ends_with('_') || rest.contains("__") {
        return None;
    }
    let bare = rest.replace('_', "");
    if base == 10 && bare.len() > PYTHON_MAX_DECIMALS {
        return None;
    }
    digits(&bare, base, negative)
}

/// The zero of every script that has decimal digits besides ASCII; nine more digits follow each.
const ZEROS: [u32; 65] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0,
    0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0,
    0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// The ASCII digit of the same value for a decimal digit of another script; any other character is left.
pub(super) fn ascii_decimal(c: char) -> char {
    let code = u32::from(c);
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last();
    zero.and_then(|zero| char::from_digit(code.checked_sub(*zero).filter(|value| *value < 10)?, 10)).unwrap_or(c)
}

const TWO_32: f64 = 4_294_967_296.0;

/// dd-trace-js keeps the number in two doubles, so more than about 25 digits are rounded before they wrap.
fn js_id(text: &str) -> Int {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mut high, mut low) = (0f64, 0f64);
    for digit in rest.chars().map_while(|c| c.to_digit(10)) {
        low = low * 10.0 + f64::from(digit);
        high = high * 10.0 + (low / TWO_32).floor();
        low %= TWO_32;
    }
    let (high, low) = (if high.is_finite() { (high % TWO_32) as u32 } else { 0 }, low as u32);
    let value = (u64::from(high) << 32) | u64::from(low);
    let value = if negative { value.wrapping_neg() } else { value };
    Int { negative: false, magnitude: Some(u128::from(value)), odd: value & 1 == 1 }
}

fn js_int(text: &str) -> Option<Int> {
    let text = text.trim_start_matches(js_space);
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    digits(&rest[..end], 10, negative)
}

/// What a tracer removes around a value before it reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trim {
    /// Nothing.
    No,
    /// SP and HTAB.
    Blank,
    /// SP and HTAB, and one line feed at the very end: a regular expression `[ \t]*$` of Python.
    BlankAndNewline,
    /// SP, HTAB and `-`.
    BlankAndDash,
    /// What C's `isspace` takes.
    C,
    /// Unicode white space: Rust's `trim`.
    Unicode,
    /// Python's `strip`: Unicode white space and the ASCII separators 1C to 1F.
    Python,
    /// JavaScript's `trim`.
    Js,
    /// At most one character of JavaScript's white space on each side: `^\s?...\s?$`.
    JsOne,
}

impl Trim {
    pub fn apply(self, text: &str) -> &str {
        match self {
            Trim::BlankAndNewline => text.strip_suffix('\n').unwrap_or(text).trim_matches(blank),
            Trim::JsOne => {
                let text = text.strip_prefix(js_space).unwrap_or(text);
                text.strip_suffix(js_space).unwrap_or(text)
            }
            _ => text.trim_matches(|c| self.takes(c)),
        }
    }

    /// Only at the end.
    pub fn apply_end(self, text: &str) -> &str {
        text.trim_end_matches(|c| self.takes(c))
    }

    pub fn takes(self, c: char) -> bool {
        match self {
            Trim::No => false,
            Trim::Blank | Trim::BlankAndNewline => blank(c),
            Trim::BlankAndDash => blank(c) || c == '-',
            Trim::C => c_space(c),
            Trim::Unicode => c.is_whitespace(),
            Trim::Python => c.is_whitespace() || ('\x1c'..='\x1f').contains(&c),
            Trim::Js | Trim::JsOne => js_space(c),
        }
    }
}

pub(super) fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn c_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

fn js_space(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(reader: Reader, text: &str) -> Option<i128> {
        reader.read(text, 10).map(|int| {
            let magnitude = int.magnitude.expect("128 bits") as i128;
            if int.negative { -magnitude } else { magnitude }
        })
    }

    #[test]
    fn each_language_reads_its_own_numbers() {
        let readers = [Reader::Python, Reader::JsInt, PLAIN, CPP_INT, RUST, SIGNED, Reader::GoId];
        let rows: [(&str, [Option<i128>; 7]); 10] = [
            ("12", [Some(12); 7]),
            ("", [None; 7]),
            ("+12", [Some(12), Some(12), None, None, Some(12), Some(12), None]),
            ("-12", [Some(-12), Some(-12), None, Some(-12), None, Some(-12), Some((1 << 64) - 12)]),
            (" 12", [Some(12), Some(12), None, None, None, None, None]),
            ("1_2", [Some(12), Some(1), None, None, None, None, None]),
            ("1__2", [None, Some(1), None, None, None, None, None]),
            ("12x", [None, Some(12), None, None, None, None, None]),
            ("\u{661}2", [Some(12), None, None, None, None, None, None]),
            ("\u{feff}12", [None, Some(12), None, None, None, None, None]),
        ];
        for (text, expected) in rows {
            assert_eq!(readers.map(|reader| decimal(reader, text)), expected, "{text:?}");
        }
    }

    #[test]
    fn dd_trace_js_reads_something_out_of_everything() {
        let id = |text| decimal(Reader::JsId, text);
        assert_eq!(id("18446744073709551616"), Some(0));
        assert_eq!(id("-5"), Some((1 << 64) - 5));
        assert_eq!(id("123,456"), Some(123));
        assert_eq!(id("abc"), Some(0));
        // Beyond what two doubles hold, digits are rounded. What Node prints:
        assert_eq!(id("99999999999999999999999999999999"), Some(0x8580_0000_ffff_ffff));
        assert_eq!(id("-99999999999999999999999999999"), Some(0x928d_efff_6000_0001));
        assert_eq!(decimal(Reader::JsId, &"9".repeat(400)), Some(0xffff_ffff));
    }

    #[test]
    fn python_in_base_16() {
        let hex = |text: &str| Reader::Python.read(text, 16).and_then(|int| int.unsigned(128));
        assert_eq!(hex("0x_1F"), Some(31));
        assert_eq!(hex(" +1f "), Some(31));
        assert_eq!(hex("0x"), None);
        assert_eq!(hex("1f_"), None);
        assert_eq!(hex("-1"), None);
        assert!(Reader::Python.read("-0x1", 16).is_some_and(|int| int.negative && int.odd));
        assert_eq!(Reader::Python.read(&"9".repeat(4301), 10), None);
    }

    #[test]
    fn sizes() {
        let int = |text: &str| SIGNED.read(text, 10).expect("a number");
        assert_eq!((int("127").signed(8), int("128").signed(8)), (Some(127), None));
        assert_eq!((int("-128").signed(8), int("-129").signed(8)), (Some(-128), None));
        assert_eq!((int("-0").unsigned(64), int("-1").unsigned(64)), (Some(0), None));
        assert_eq!(int(&"9".repeat(60)).clamped(), i64::MAX);
        assert_eq!(int(&"9".repeat(60)).unsigned(128), None);
    }

    #[test]
    fn trims() {
        assert_eq!(Trim::JsOne.apply("  a  "), " a ");
        assert_eq!(Trim::BlankAndNewline.apply(" a \n"), "a");
        assert_eq!(Trim::BlankAndNewline.apply("a\n\n"), "a\n");
        assert_eq!(Trim::BlankAndDash.apply("-\ta--"), "a");
        assert_eq!(Trim::Python.apply("\x1ca\u{85}"), "a");
        assert_eq!(Trim::Js.apply("\u{feff}a\u{85}"), "a\u{85}");
        assert_eq!(Trim::C.apply("\x0ba\u{a0}"), "a\u{a0}");
        assert_eq!(Trim::Js.apply_end(" a "), " a");
    }
}
