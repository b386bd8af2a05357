//! The small grammars of dd-trace-cpp's variables (config.md section 2): booleans, integers, decimals, lists, tags.
//!
//! Every parser takes the text of a variable and answers with byte ranges in it, so that a fault can be underlined:
//! `5s` is no decimal, and the fault is at byte 1. What is accepted is what dd-trace-cpp 2.2.1 accepts when it is built
//! with a library whose streams read neither `nan` nor `inf` nor hexadecimal floats.

use std::ops::Range;

/// What C's `isspace` takes for white space; [`u8::is_ascii_whitespace`] lacks the vertical tab.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The text without white space at its ends.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii() && is_space(c as u8))
}

/// Whether dd-trace-cpp takes the text for false. Everything else, also the empty text, is true.
pub(super) fn falsy(text: &str) -> bool {
    ["0", "false", "no"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Why a text is no integer of 64 bits without sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IntegerFault {
    /// Something that is no digit, or nothing at all, is at these bytes.
    Invalid(Range<usize>),
    /// Digits only, but above 2^64-1.
    OutOfRange,
}

/// A decimal integer: digits and nothing else.
pub(super) fn unsigned(text: &str) -> Result<u64, IntegerFault> {
    if text.is_empty() {
        return Err(IntegerFault::Invalid(0..0));
    }
    if let Some((at, c)) = text.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        // A sign or a blank is one character too many; anything else spoils the rest with it.
        let end = if at == 0 && text.len() > 1 && matches!(c, '+' | '-' | ' ' | '\t') { at + 1 } else { text.len() };
        return Err(IntegerFault::Invalid(at..end));
    }
    text.parse().map_err(|_| IntegerFault::OutOfRange)
}

/// Why a text is no decimal number, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DecimalFault {
    /// The bytes that are wrong.
    pub at: Range<usize>,
    /// What is wrong with them.
    pub why: &'static str,
}

/// A decimal number as C++ streams read it: leading white space, a sign, `5`, `5.`, `.5`, `5e-1`; to the end of the
/// text. Too small for a double is 0, too large is a fault.
pub(super) fn decimal(text: &str) -> Result<f64, DecimalFault> {
    let bytes = text.as_bytes();
    let fault = |at: Range<usize>, why: &'static str| Err(DecimalFault { at, why });
    let start = bytes.iter().take_while(|byte| is_space(**byte)).count();
    if start == bytes.len() {
        return fault(0..bytes.len(), if bytes.is_empty() { "it is empty" } else { "it is blank" });
    }
    let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = start + usize::from(matches!(bytes.get(start), Some(b'+' | b'-')));
    let whole = digits(at);
    at += whole;
    let mut fraction = 0;
    if bytes.get(at) == Some(&b'.') {
        fraction = digits(at + 1);
        at += 1 + fraction;
    }
    if whole + fraction == 0 {
        return fault(start..bytes.len(), "it is not a number");
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return fault(at..bytes.len(), "the exponent has no digits");
        }
        at += 1 + sign + exponent;
    }
    if at < bytes.len() {
        let why = match bytes[at] {
            b',' => "a decimal point is needed, not a comma",
            byte if is_space(byte) && bytes[at..].iter().all(|byte| is_space(*byte)) => {
                "white space follows the number"
            }
            _ => "something follows the number",
        };
        return fault(at..bytes.len(), why);
    }
    match text.get(start..).unwrap_or_default().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => fault(start..bytes.len(), "it is too large for a double"),
    }
}

/// The items of a list, by their bytes: separated by white space with at most one comma in it. Two commas, or a comma at
/// either end, leave an empty item.
pub(super) fn list(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let end = bytes.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    let mut items = Vec::new();
    let mut at = 0;
    let from = |at: usize, stop: &dyn Fn(u8) -> bool| {
        bytes.iter().take(end).skip(at).position(|byte| stop(*byte)).map_or(end, |found| at + found)
    };
    if end == 0 {
        return items;
    }
    loop {
        let begin = from(at, &|byte| !is_space(byte));
        let stop = from(begin, &|byte| is_space(byte) || byte == b',');
        items.push(begin..stop);
        if stop == end {
            return items;
        }
        at = from(stop, &|byte| !is_space(byte));
        if bytes.get(at) == Some(&b',') && at < end {
            at += 1;
        }
    }
}

/// One entry of `DD_TAGS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag<'t> {
    /// Before the first colon, trimmed; an entry whose key is empty is dropped.
    pub key: &'t str,
    /// After it, trimmed; empty without a colon.
    pub value: &'t str,
    /// Whether there is a colon.
    pub colon: bool,
    /// The entry's bytes.
    pub at: Range<usize>,
}

/// The character that separates the entries of a tags text: a comma when there is one anywhere, else the space.
pub(super) fn tag_separator(text: &str) -> char {
    if text.contains(',') { ',' } else { ' ' }
}

/// The entries of a tags text in order, also those that will be dropped.
pub(super) fn tags(text: &str) -> Vec<Tag<'_>> {
    let mut at = 0;
    text.split(tag_separator(text))
        .map(|entry| {
            let range = at..at + entry.len();
            at = range.end + 1;
            let (key, value, colon) = match entry.split_once(':') {
                Some((key, value)) => (key, value, true),
                None => (entry, "", false),
            };
            Tag { key: trimmed(key), value: trimmed(value), colon, at: range }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_words_are_false() {
        for text in ["0", "false", "FALSE", "no", "No"] {
            assert!(falsy(text), "{text}");
        }
        for text in ["", "off", "n", "f", " false", "false ", "00", "never", "1"] {
            assert!(!falsy(text), "{text}");
        }
    }

    #[test]
    fn integers_are_digits() {
        assert_eq!(unsigned("007"), Ok(7));
        assert_eq!(unsigned("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(unsigned("18446744073709551616"), Err(IntegerFault::OutOfRange));
        let invalid = |text: &str| match unsigned(text) {
            Err(IntegerFault::Invalid(at)) => at,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(invalid(""), 0..0);
        assert_eq!(invalid("-1"), 0..1);
        assert_eq!(invalid("+1"), 0..1);
        assert_eq!(invalid(" 1"), 0..1);
        assert_eq!(invalid("1 "), 1..2);
        assert_eq!(invalid("0x10"), 1..4);
        assert_eq!(invalid("99999999999999999999999x"), 23..24);
        assert_eq!(invalid("1\u{661}"), 1..3);
    }

    #[test]
    fn decimals_are_what_streams_read() {
        for (text, number) in [
            ("5", 5.0),
            ("5.", 5.0),
            (".5", 0.5),
            ("5e-1", 0.5),
            ("+.5E+1", 5.0),
            (" \t\u{b}0.5", 0.5),
            ("-0", 0.0),
            ("1e-400", 0.0),
            ("5e-324", 5e-324),
            ("1.0000000000000001", 1.0),
        ] {
            assert_eq!(decimal(text), Ok(number), "{text:?}");
        }
        for (text, at) in [
            ("", 0..0),
            ("  ", 0..2),
            ("0.5 ", 3..4),
            ("0,25", 1..4),
            ("5s", 1..2),
            ("nan", 0..3),
            ("inf", 0..3),
            ("-Infinity", 0..9),
            ("0x1p-1", 1..6),
            ("1e", 1..2),
            ("1e+", 1..3),
            ("1e400", 0..5),
            ("1_000", 1..5),
            (".", 0..1),
            ("+", 0..1),
            ("--1", 0..3),
            ("1.2.3", 3..5),
            ("\u{661}", 0..2),
        ] {
            assert_eq!(decimal(text).map_err(|fault| fault.at), Err(at), "{text:?}");
        }
    }

    #[test]
    fn lists_are_split_at_blanks_and_single_commas() {
        let items = |text: &'static str| -> Vec<&str> { list(text).into_iter().map(|at| &text[at]).collect() };
        assert_eq!(items("a,b"), ["a", "b"]);
        assert_eq!(items(" a  ,b\t"), ["a", "b"]);
        assert_eq!(items("a b , c"), ["a", "b", "c"]);
        assert_eq!(items("a,,b"), ["a", "", "b"]);
        assert_eq!(items(",a"), ["", "a"]);
        assert_eq!(items("a,"), ["a", ""]);
        assert_eq!(items("a , "), ["a", ""]);
        assert_eq!(items(","), ["", ""]);
        assert_eq!(items(""), [""; 0]);
        assert_eq!(items(" \n "), [""; 0]);
    }

    #[test]
    fn tags_are_split_at_commas_or_spaces() {
        let pairs = |text: &'static str| -> Vec<(&str, &str)> {
            tags(text).into_iter().filter(|tag| !tag.key.is_empty()).map(|tag| (tag.key, tag.value)).collect()
        };
        assert_eq!(pairs("a:1, b:2"), [("a", "1"), ("b", "2")]);
        assert_eq!(pairs("a:1  b:2"), [("a", "1"), ("b", "2")]);
        assert_eq!(pairs("a:1\tb:2"), [("a", "1\tb:2")]);
        assert_eq!(pairs("a:x y,b"), [("a", "x y"), ("b", "")]);
        assert_eq!(pairs(":v, ,url:http://h:1/"), [("url", "http://h:1/")]);
        assert_eq!(pairs(""), []);
        assert_eq!(tags("a:1,b:2")[1].at, 4..7);
    }
}
