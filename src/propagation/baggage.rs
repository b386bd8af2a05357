//! `baggage`: values of the application that travel with the trace (W3C Baggage, section 3).
//!
//! ```text
//! baggage: tenant=blue,na%20me=Zo%C3%AB;ttl=5
//!          │      │    │                └ properties, dropped
//!          │      │    └ percent-encoded UTF-8
//!          │      └ value
//!          └ key
//! ```

use super::carrier::{Carrier, Name, Value, shown, split, visible, without_blanks};
use super::codes;
use crate::context::Baggage;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::http::Headers;
use std::borrow::Cow;

/// Most members of a header.
const MEMBERS: usize = 64;
/// Most bytes of a header.
const BYTES: usize = 8192;

/// Reads `baggage`.
pub(super) fn extract(carrier: &mut Carrier, baggage: &mut Baggage) {
    let Some(values) = carrier.values(Name::Baggage) else { return };
    let values = values.as_slice();
    if let Some(second) = values.get(1) {
        carrier.fault(codes::HEADER_DUPLICATE_JOINED, second, 0..second.text.len(), || {
            let joined: Vec<&str> = values.iter().map(|value| value.text).collect();
            let message = format!("baggage came in {} fields; most tracers read only the first", values.len());
            (message, format!("baggage: {}", joined.join(",")))
        });
    } else if values.iter().all(|value| value.text.is_empty()) {
        return;
    }
    let (mut members, mut bytes, mut malformed, mut unread) = (0, 0, false, false);
    'reading: for value in values {
        if unread {
            carrier.reject(value);
            continue;
        }
        for (start, member) in split(value.text, b',') {
            bytes += member.len() + usize::from(members > 0);
            members += 1;
            if over_limit(carrier, value, start, members, bytes) {
                unread = true;
                continue 'reading;
            }
            malformed |= !take(carrier, baggage, value, start, member);
        }
    }
    if malformed {
        baggage.clear();
        for value in values {
            carrier.reject(value);
        }
    }
    carrier.mark_used(crate::context::PropagationStyle::Baggage);
}

/// `baggage-too-many-items`, `baggage-too-long`
fn over_limit(carrier: &mut Carrier, value: &Value<'_>, start: usize, members: usize, bytes: usize) -> bool {
    if members > MEMBERS {
        carrier.fault(codes::BAGGAGE_TOO_MANY_ITEMS, value, start..value.text.len(), || {
            (format!("baggage has more than {MEMBERS} members; the rest is not read"), "send fewer members".into())
        });
    }
    if bytes > BYTES {
        carrier.fault(codes::BAGGAGE_TOO_LONG, value, start..value.text.len(), || {
            (
                format!("baggage has more than {BYTES} bytes; the rest is not read"),
                "send fewer or shorter members".into(),
            )
        });
    }
    members > MEMBERS || bytes > BYTES
}

/// Reads a member; whether it is one.
fn take(carrier: &mut Carrier, baggage: &mut Baggage, field: &Value<'_>, start: usize, member: &str) -> bool {
    let (item, properties) = match member.split_once(';') {
        Some((item, properties)) => (item, Some(properties)),
        None => (member, None),
    };
    if let Some(properties) = properties {
        let from = start + item.len();
        carrier.fault(codes::BAGGAGE_PROPERTIES_DROPPED, field, from..start + member.len(), || {
            let message = format!("properties {} are dropped; ddtrace keeps them in the value", shown(properties));
            let item = without_blanks(item).1;
            (message, if item.is_empty() { "remove the semicolon".into() } else { item.to_owned() })
        });
    }
    let (key, value) = item.split_once('=').unwrap_or((item, ""));
    let (key_at, value_at) = (start, start + key.len() + 1);
    let (key_blanks, key) = without_blanks(key);
    let (value_blanks, value) = without_blanks(value);
    let (key_at, value_at) = (key_at + key_blanks, value_at + value_blanks);
    if key.is_empty() || value.is_empty() {
        carrier.fault(codes::BAGGAGE_MALFORMED_MEMBER, field, visible(field, start, member), || {
            let what = match (item.trim_matches([' ', '\t']).is_empty(), item.contains('='), key.is_empty()) {
                (true, ..) => "an empty member".to_owned(),
                (_, false, _) => format!("member {} without `=`", shown(member)),
                (_, _, true) => format!("member {} without a key", shown(member)),
                _ => format!("member {} without a value", shown(member)),
            };
            (format!("baggage has {what}; all baggage is dropped"), "members are key=value, joined by one comma".into())
        });
        return false;
    }
    if !key.bytes().all(is_token) {
        carrier.fault(codes::BAGGAGE_KEY_NOT_TOKEN, field, key_at..key_at + key.len(), || {
            (
                format!("key {} is no token; some receivers drop the member, or all", shown(key)),
                encoded(key, is_written_in_key),
            )
        });
    }
    if !value.bytes().all(is_value) {
        let bad = |c: char| !u8::try_from(c).is_ok_and(is_value);
        let first = value.find(bad).unwrap_or_default();
        let end = value.rfind(bad).map_or(value.len(), |at| at + value[at..].chars().next().map_or(1, char::len_utf8));
        carrier.fault(codes::BAGGAGE_VALUE_NOT_ENCODED, field, value_at + first..value_at + end, || {
            let message = format!(
                "value {} has {} unencoded; dd-trace-cpp drops all baggage",
                shown(value),
                shown(&value[first..end])
            );
            (message, format!("{key}={}", encoded(value, is_written_in_value)))
        });
    }
    let key = decoded(carrier, field, key_at, key);
    let value = decoded(carrier, field, value_at, value);
    if baggage.insert(&key, &value) {
        carrier.fault(codes::BAGGAGE_DUPLICATE_KEY, field, start..start + member.len(), || {
            let message = format!("key {} stands twice; the last value, {}, counts", shown(&key), shown(&value));
            (message, format!("send {} once", shown(&key)))
        });
    }
    true
}

/// Percent-decoded. A `%` without two hex digits stays; bytes that are not UTF-8 become U+FFFD.
fn decoded<'t>(carrier: &mut Carrier, field: &Value<'_>, start: usize, text: &'t str) -> Cow<'t, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8);
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                plain.push(high << 4 | low);
                at += 3;
            }
            (byte, ..) => {
                if *byte == b'%' {
                    carrier.fault(codes::BAGGAGE_BAD_PERCENT_ENCODING, field, start + at..start + at + 1, || {
                        (
                            format!("% in {} is not followed by two hex digits; it stays as it is", shown(text)),
                            "%25".into(),
                        )
                    });
                }
                plain.push(*byte);
                at += 1;
            }
        }
    }
    match String::from_utf8(plain) {
        Ok(plain) => Cow::Owned(plain),
        Err(error) => {
            carrier.fault(codes::BAGGAGE_INVALID_UTF8, field, start..start + text.len(), || {
                let message = format!("{} is not UTF-8 when decoded; the bytes are replaced", shown(text));
                (message, "percent-encode the UTF-8 bytes of the text".into())
            });
            Cow::Owned(String::from_utf8_lossy(error.as_bytes()).into_owned())
        }
    }
}

/// Writes `baggage`.
pub(super) fn inject(baggage: &Baggage, headers: &mut Headers, out: &mut Diagnostics) {
    let mut text = String::new();
    let mut written = 0;
    for (key, value) in baggage.iter() {
        let key = encoded(without_blanks(key).1, is_written_in_key);
        let value = encoded(without_blanks(value).1, is_written_in_value);
        if key.is_empty() || value.is_empty() {
            // A receiver would drop all baggage for it.
            continue;
        }
        let comma = usize::from(written > 0);
        if written == MEMBERS || text.len() + comma + key.len() + 1 + value.len() > BYTES {
            break;
        }
        if written > 0 {
            text.push(',');
        }
        text.push_str(&key);
        text.push('=');
        text.push_str(&value);
        written += 1;
    }
    if written < baggage.len() {
        let message = format!("{} of {} baggage items are left out", baggage.len() - written, baggage.len());
        let help = format!("at most {MEMBERS} items and {BYTES} bytes are sent, each with key and value");
        out.report(Diagnostic::new(codes::INJECT_BAGGAGE_TRUNCATED, message).help(help));
    }
    if written > 0 {
        headers.push("baggage", text);
    }
}

/// A character of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A character that may stand in a value as it is.
fn is_value(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

fn is_written_in_key(byte: u8) -> bool {
    is_token(byte) && byte != b'%'
}

fn is_written_in_value(byte: u8) -> bool {
    is_value(byte) && byte != b'%' && byte != b'='
}

/// Percent-encoded where a byte is not written as it is.
fn encoded(text: &str, as_it_is: impl Fn(u8) -> bool) -> String {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if as_it_is(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes_of, headers, only_codes};
    use super::super::{ExtractOptions, Extraction, extract};
    use super::*;
    use crate::context::PropagationStyle;

    const STYLES: &[PropagationStyle] = &[PropagationStyle::Baggage];

    fn read(fields: &[&str]) -> Baggage {
        let fields: Vec<_> = fields.iter().map(|value| ("baggage", *value)).collect();
        let mut extraction = Extraction::default();
        extract(&headers(&fields), &ExtractOptions::default(), &mut extraction, &mut Diagnostics::default());
        extraction.baggage().clone()
    }

    fn map(items: &[(&str, &str)]) -> Baggage {
        items.iter().copied().collect()
    }

    #[test]
    fn members() {
        for (value, items, codes) in [
            ("", &[][..], &[][..]),
            (" ", &[], &[]),
            ("a=1", &[("a", "1")], &[]),
            ("a=1;", &[("a", "1")], &["baggage-properties-dropped"]),
            ("a=1;p=2;q,b = 2 ; r", &[("a", "1"), ("b", "2")], &["baggage-properties-dropped"; 2]),
            ("a;p=1", &[], &["baggage-properties-dropped", "baggage-malformed-member"]),
            ("=1", &[], &["baggage-malformed-member"]),
            ("a=1,", &[], &["baggage-malformed-member"]),
            ("a=%20", &[("a", " ")], &[]),
            ("a b=1", &[("a b", "1")], &["baggage-key-not-token"]),
            ("a=b c\"d", &[("a", "b c\"d")], &["baggage-value-not-encoded"]),
            ("a=\u{e9}", &[("a", "\u{e9}")], &["baggage-value-not-encoded"]),
            ("a=%,b=%4,c=%zz%41", &[("a", "%"), ("b", "%4"), ("c", "%zzA")], &["baggage-bad-percent-encoding"; 3]),
            ("%41=1,A=2", &[("A", "2")], &["baggage-duplicate-key"]),
            ("a=%E2%82", &[("a", "\u{fffd}")], &["baggage-invalid-utf8"]),
        ] {
            assert_eq!(read(&[value]), map(items), "{value}");
            assert_eq!(only_codes(&[("baggage", value)], STYLES), codes, "{value}");
        }
        assert_eq!(read(&["a=1", "b=2", "a=3"]), map(&[("a", "3"), ("b", "2")]));
    }

    #[test]
    fn limits() {
        let long = |length: usize| format!("k={}", "v".repeat(length - 2));
        let several: Vec<String> = vec!["a=1".into(), long(8192 - 4)];
        assert_eq!(read(&[&several.join(",")]).len(), 2);
        let several = ["a=1".to_owned(), long(8192 - 3)].join(",");
        assert_eq!(read(&[&several]), map(&[("a", "1")]));
        assert_eq!(only_codes(&[("baggage", &several)], STYLES), ["baggage-too-long"]);
        // The limit comes before the grammar: what is beyond it is not read.
        let many = (0..64).map(|at| format!("k{at}=1")).collect::<Vec<_>>().join(",") + ",oops";
        assert_eq!(read(&[&many]).len(), 64);
        let halves = [many.as_str(), "oops"];
        assert_eq!(read(&halves).len(), 64);
    }

    #[test]
    fn places_are_narrow() {
        let found = codes_of(&[("baggage", " a b = x y\u{e9}z ,c=%;p,,d")], STYLES);
        let places: Vec<_> = found.into_iter().map(|(code, range, _)| (code, range)).collect();
        let expected = [
            ("baggage-key-not-token", 1..4),
            ("baggage-value-not-encoded", 8..12),
            ("baggage-properties-dropped", 18..20),
            ("baggage-bad-percent-encoding", 17..18),
            ("baggage-malformed-member", 20..21),
            ("baggage-malformed-member", 22..23),
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let written = |items: &[(&str, &str)]| {
            let (mut headers, mut out) = (Headers::default(), Diagnostics::default());
            inject(&map(items), &mut headers, &mut out);
            (headers.get("baggage").map(str::to_owned), out.iter().count())
        };
        assert_eq!(written(&[]), (None, 0));
        assert_eq!(written(&[(" a ", "\tb ")]), (Some("a=b".into()), 0));
        assert_eq!(written(&[("a=/\u{e9}", "50%,;\"\\=")]), (Some("a%3D%2F%C3%A9=50%25%2C%3B%22%5C%3D".into()), 0));
        assert_eq!(written(&[("a", ""), ("b", " "), ("c", "1")]), (Some("c=1".into()), 1));
        let big = "v".repeat(8190);
        assert_eq!(written(&[("k", &big), ("a", "1")]), (Some(format!("k={big}")), 1));
        assert_eq!(written(&[("kk", &big), ("a", "1")]), (None, 1));
    }
}
