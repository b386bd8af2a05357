//! What the decoders of trace documents share: JSON that other programs write for people and browsers, read through
//! serde_json, a [`SpanDraft`] per span. Such documents are small beside what tracers send; their findings carry a path
//! instead of an offset.

use super::codes::{BAD_JSON, BYTE_ORDER_MARK, TOO_DEEP, WRONG_TYPE};
use super::{Losses, Options};
use crate::diagnostic::{BodyScope, Code, Diagnostic};
use crate::encoding::codes::TOO_LARGE;
use crate::trace::{Batch, Keep, OwnedValue, Span, SpanDraft, Value as Attribute};
use serde_json::{Map, Value};
use std::fmt::Display;

/// The values of a text: one document, or several after each other. What follows a fault is left out.
pub(super) fn values(body: &[u8], out: &mut BodyScope<'_>) -> (Vec<Value>, bool) {
    let mark = if body.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    if mark > 0 {
        out.report(BYTE_ORDER_MARK, 0, "", "a byte order mark before the JSON");
    }
    let text = &body[mark..];
    let mut stream = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    let mut values = Vec::new();
    loop {
        match stream.next() {
            Some(Ok(value)) => values.push(value),
            Some(Err(error)) => {
                // serde_json stops at 128 levels, whatever the reader would allow.
                let code = if error.to_string().starts_with("recursion limit") { TOO_DEEP } else { BAD_JSON };
                out.report(code, mark + offset_of(text, &error), "", error.to_string());
                return (values, false);
            }
            None => return (values, true),
        }
    }
}

/// The byte that serde_json means by line and column.
pub(super) fn offset_of(text: &[u8], error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    (lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1)).min(text.len())
}

/// Reads one document into a batch, with the path of where it is.
pub(super) struct Reader<'x, 'd> {
    pub(super) batch: &'x mut Batch,
    out: &'x mut BodyScope<'d>,
    options: &'x Options<'x>,
    path: String,
    /// The span limit was reached: said once.
    full: bool,
}

impl<'x, 'd> Reader<'x, 'd> {
    pub(super) fn new(batch: &'x mut Batch, out: &'x mut BodyScope<'d>, options: &'x Options<'x>) -> Self {
        Reader { batch, out, options, path: String::new(), full: false }
    }

    /// Does `read` one step further down.
    pub(super) fn inside<T>(&mut self, step: impl Display, read: impl FnOnce(&mut Self) -> T) -> T {
        let here = self.path.len();
        let dot = if here == 0 { "" } else { "." };
        self.path.push_str(&format!("{dot}{step}").replace(".[", "["));
        let result = read(self);
        self.path.truncate(here);
        result
    }

    pub(super) fn report(&mut self, code: Code, message: impl Into<String>) {
        self.out.take(Diagnostic::new(code, message), None, self.path.clone());
    }

    /// Reports that `found` is not what belongs here.
    #[cold]
    pub(super) fn wrong(&mut self, expected: &str, found: &Value) {
        let mut text = found.to_string();
        if let Some((at, _)) = text.char_indices().nth(40) {
            text.truncate(at);
            text.push_str("...");
        }
        self.report(WRONG_TYPE, format!("expected {expected}, found {text}"));
    }

    /// The members of an object; none, and a finding, for anything else.
    pub(super) fn object<'v>(&mut self, value: &'v Value) -> Option<&'v Map<String, Value>> {
        if !value.is_object() {
            self.wrong("an object", value);
        }
        value.as_object()
    }

    /// The items of a list that may be missing; a finding for anything else.
    pub(super) fn list<'v>(&mut self, members: &'v Map<String, Value>, key: &str) -> &'v [Value] {
        match members.get(key) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.inside(key, |reader| reader.wrong("an array", other));
                &[]
            }
        }
    }

    /// A text that may be missing.
    pub(super) fn text(&mut self, members: &Map<String, Value>, key: &str) -> String {
        match members.get(key) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                self.inside(key, |reader| reader.wrong("a string", other));
                String::new()
            }
        }
    }

    /// An integer that may be missing, as a number or as text.
    pub(super) fn integer(&mut self, members: &Map<String, Value>, key: &str) -> Option<i64> {
        let value = members.get(key).filter(|value| !value.is_null())?;
        let read = match value {
            Value::String(text) => text.trim().parse().ok(),
            // Some writers print times as floats without a fraction.
            other => other.as_i64().or_else(|| {
                other.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 9e15).map(|value| value as i64)
            }),
        };
        if read.is_none() {
            self.inside(key, |reader| reader.wrong("an integer", value));
        }
        read
    }

    /// An id of up to `digits` hex digits, leading zeros left out or not; 0 when it is missing or wrong.
    pub(super) fn hex(&mut self, members: &Map<String, Value>, key: &str, digits: usize) -> u128 {
        let Some(value) = members.get(key).filter(|value| !value.is_null()) else { return 0 };
        let text = value.as_str().unwrap_or_default();
        let valid = !text.is_empty() && text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(id) if valid => id,
            // Empty stands for none, as the JSON of some writers has it.
            _ if value.as_str() == Some("") => 0,
            _ => {
                self.inside(key, |reader| reader.wrong(&format!("an id of up to {digits} hex digits"), value));
                0
            }
        }
    }

    /// Whether links and events are wanted.
    pub(super) fn keeps_all(&self) -> bool {
        matches!(self.options.keep, Keep::All)
    }

    /// Takes a span, with the attributes that are wanted; false when the limit is reached.
    pub(super) fn push(&mut self, mut span: SpanDraft) -> bool {
        let most = self.options.limits.spans;
        if self.batch.spans.len() >= most {
            if !self.full {
                self.report(TOO_LARGE, format!("more than {most} spans; the rest is left out"));
            }
            self.full = true;
            return false;
        }
        if let Keep::Only(keys) = self.options.keep {
            span.attributes.retain(|(key, _)| keys.contains(&key.as_str()));
            span.links.clear();
            span.events.clear();
        }
        self.batch.push(&span);
        true
    }

    /// Whether the limit of spans was reached.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }
}

/// A JSON value as the value of an attribute; null is none.
pub(super) fn owned(value: &Value) -> Option<OwnedValue> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => OwnedValue::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => OwnedValue::Int(value),
            None => OwnedValue::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => OwnedValue::Str(text.clone()),
        Value::Array(items) => OwnedValue::List(items.iter().filter_map(owned).collect()),
        Value::Object(members) => {
            OwnedValue::Map(members.iter().filter_map(|(key, value)| Some((key.clone(), owned(value)?))).collect())
        }
    })
}

/// Whether an attribute is the text `wanted`.
pub(super) fn is_text(value: &OwnedValue, wanted: &str) -> bool {
    matches!(value, OwnedValue::Str(text) if text == wanted)
}

/// The value of an attribute as JSON: bytes and floats that are not finite in the forms of [`super::json_bytes`] and
/// [`super::json_float`].
pub(super) fn json(value: Attribute<'_>) -> Value {
    match value {
        Attribute::Str(text) => text.into(),
        Attribute::Bool(value) => value.into(),
        Attribute::Int(value) => value.into(),
        Attribute::Float(value) => super::json_float(value),
        Attribute::Bytes(bytes) => super::json_bytes(bytes),
        Attribute::List(values) => values.iter().map(json).collect(),
        Attribute::Map(map) => {
            map.iter().map(|(key, value)| (key.to_owned(), json(value))).collect::<Map<_, _>>().into()
        }
    }
}
/// Counts what is said around a span, and about what was dropped of it, for which documents of spans have no place.
pub(super) fn lose_surroundings(span: Span<'_>, losses: &mut Losses) {
    losses.add("dropped counts", u64::from(span.dropped() != Default::default()));
    losses.add("dropped counts", span.events().filter(|event| event.dropped() > 0).count() as u64);
    let Some(chunk) = span.chunk() else { return };
    losses.add("attributes of instrumentation scopes", chunk.attributes().len() as u64);
    losses.add("dropped counts", u64::from(chunk.scope_dropped() > 0));
    losses.add("schema URLs", u64::from(!chunk.scope_schema_url().is_empty()));
    let Some(resource) = chunk.resource() else { return };
    losses.add("dropped counts", u64::from(resource.dropped() > 0));
    losses.add("schema URLs", u64::from(!resource.schema_url().is_empty()));
}
