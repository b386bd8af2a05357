//! JSON texts of variables and rules files in which every value keeps its bytes: `[{"sample_rate": 1.5}]`.
//!
//! serde_json does the reading. A part is looked at through [`RawValue`], whose text lies inside the text it was read
//! from, so that its position says where it stands. The whole text is checked once (RFC 8259, numbers that fit a double,
//! complete surrogate pairs), at any depth: the raw reader does not recurse.

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::ops::Range;

/// A text that is no JSON, and where it ceases to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JsonFault {
    /// What is wrong.
    pub why: String,
    /// Where, in bytes of the whole text.
    pub at: Range<usize>,
    /// Whether it is only a number that is too large for a double, which dd-trace-cpp 2.2.1 dies of.
    pub overflow: bool,
}

/// A value inside a JSON text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'t> {
    text: &'t str,
    at: usize,
}

/// A member of an object.
#[derive(Clone, Debug)]
pub(super) struct Member<'t> {
    /// Its name, escapes resolved.
    pub name: String,
    /// The bytes of the name, with its quotes.
    pub name_at: Range<usize>,
    /// Its value.
    pub value: Json<'t>,
}

/// Checks that the whole `text` is one JSON value. A byte order mark before it is skipped, as nlohmann's parser does.
pub(super) fn read(text: &str) -> Result<Json<'_>, JsonFault> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let at = text.len() - body.len();
    if let Err(error) = serde_json::from_str::<IgnoredAny>(body) {
        let offset = at + offset_of(body, error.line(), error.column());
        let end = text.get(offset..).and_then(|rest| rest.chars().next()).map_or(offset, |c| offset + c.len_utf8());
        let why = error.to_string();
        let why = why.split(" at line ").next().unwrap_or_default().to_owned();
        return Err(JsonFault { why, at: offset..end, overflow: false });
    }
    scalars(body, at)?;
    let value = body.trim_matches(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    Ok(Json { text: value, at: at + body.find(value).unwrap_or_default() })
}

/// Byte offset of serde_json's place: lines from 1, and the column counts the bytes of the line up to the one at fault.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start = match line {
        0 | 1 => 0,
        _ => text.match_indices('\n').nth(line - 2).map_or(text.len(), |(at, _)| at + 1),
    };
    let mut offset = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// What the raw reader passes over: every string and number of a syntactically valid text.
fn scalars(body: &str, shift: usize) -> Result<(), JsonFault> {
    let bytes = body.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let from = at;
        match byte {
            b'"' => {
                at += 1;
                while bytes.get(at).is_some_and(|byte| *byte != b'"') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
                let token = body.get(from..at).unwrap_or_default();
                if token.contains("\\u")
                    && let Err(error) = serde_json::from_str::<String>(token)
                {
                    let why = error.to_string();
                    let why = why.split(" at line ").next().unwrap_or_default().to_owned();
                    return Err(JsonFault { why, at: shift + from..shift + at, overflow: false });
                }
            }
            b'-' | b'0'..=b'9' => {
                while bytes.get(at).is_some_and(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
                    at += 1;
                }
                let number = body.get(from..at).and_then(|token| token.parse::<f64>().ok());
                if !number.is_some_and(f64::is_finite) {
                    let why = "number too large for a double".to_owned();
                    return Err(JsonFault { why, at: shift + from..shift + at, overflow: true });
                }
            }
            _ => at += 1,
        }
    }
    Ok(())
}

impl<'t> Json<'t> {
    /// Its bytes in the whole text.
    pub fn range(self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    /// It as written.
    pub fn text(self) -> &'t str {
        self.text
    }

    /// The word for its type, as in `expected a string, found an array`.
    pub fn type_word(self) -> &'static str {
        match self.text.as_bytes().first() {
            Some(b'{') => "object",
            Some(b'[') => "array",
            Some(b'"') => "string",
            Some(b't' | b'f') => "boolean",
            Some(b'n') => "null",
            _ => "number",
        }
    }

    /// Its elements, when it is an array.
    pub fn items(self) -> Option<Vec<Json<'t>>> {
        let items: Vec<&'t RawValue> = serde_json::from_str(self.text).ok()?;
        Some(items.into_iter().map(|item| self.part(item.get())).collect())
    }

    /// Its members in order of the text, also those that stand twice, when it is an object.
    pub fn members(self) -> Option<Vec<Member<'t>>> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(&'de RawValue, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        let members = serde_json::Deserializer::from_str(self.text).deserialize_map(Members).ok()?;
        let member = |(name, value): (&'t RawValue, &'t RawValue)| Member {
            name: serde_json::from_str(name.get()).unwrap_or_default(),
            name_at: self.part(name.get()).range(),
            value: self.part(value.get()),
        };
        Some(members.into_iter().map(member).collect())
    }

    /// Its text, when it is a string.
    pub fn string(self) -> Option<String> {
        serde_json::from_str(self.text).ok()
    }

    /// Its number, when it is one.
    pub fn number(self) -> Option<f64> {
        (self.type_word() == "number").then(|| self.text.parse().ok()).flatten()
    }

    /// The bytes of a string without its quotes; of anything else all of it.
    pub fn inner(self) -> Range<usize> {
        let range = self.range();
        if self.type_word() == "string" { range.start + 1..range.end - 1 } else { range }
    }

    /// `part` lies in this value's text: where.
    fn part(self, part: &'t str) -> Json<'t> {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        debug_assert!(offset <= self.text.len());
        Json { text: part, at: self.at + offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_their_bytes() {
        let text = "\u{feff} [ {\"a\\u0062\": 1.5 , \"a\":[ ]},\n \"x\" ]\n";
        let items = read(text).unwrap().items().unwrap();
        let members = items[0].members().unwrap();
        assert_eq!(&text[members[0].name_at.clone()], "\"a\\u0062\"");
        assert_eq!((members[0].name.as_str(), members[0].value.number()), ("ab", Some(1.5)));
        assert_eq!(&text[members[0].value.range()], "1.5");
        assert_eq!(members[1].value.type_word(), "array");
        assert_eq!((&text[items[1].range()], &text[items[1].inner()]), ("\"x\"", "x"));
        assert_eq!(items[1].string().as_deref(), Some("x"));
        assert!(items[1].members().is_none() && items[0].items().is_none());
    }

    #[test]
    fn faults_have_a_place() {
        let fault = |text: &str| {
            let fault = read(text).unwrap_err();
            (text.get(fault.at.clone()).unwrap_or("?").to_owned(), fault.at.start, fault.overflow)
        };
        assert_eq!(fault("[{\"a\":1},]"), ("]".into(), 9, false));
        assert_eq!(fault("[1] x"), ("x".into(), 4, false));
        assert_eq!(fault("[\n {a:1}]"), ("a".into(), 4, false));
        assert_eq!(fault("[1e999]"), ("1e999".into(), 1, true));
        assert_eq!(fault("[\"\\ud800\"]"), ("\"\\ud800\"".into(), 1, false));
        assert_eq!(fault("[NaN]").1, 1);
        for text in ["", " ", "[1", "{\"a\"", "//x\n[]", "[01]", "[\"\t\"]", "['a']"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn depth_is_no_fault_of_syntax() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(&deep).unwrap().items().unwrap()[0].type_word(), "array");
    }
}
