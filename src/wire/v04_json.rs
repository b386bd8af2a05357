//! The JSON form of v0.4: the same names, numbers possibly as strings.
//!
//! ```json
//! [[{"name": "get", "trace_id": 5, "span_id": "6", "meta": {"env": "dev"}}]]
//! ```
//! Sent by clients of long ago, and what the test agent prints as a session's traces. Read through serde_json: the
//! format is rare and small. Ids are 64-bit integers and never take the way over a float.

use super::codes::{BAD_JSON, BYTE_ORDER_MARK, INTEGER_RANGE, NIL_VALUE, TOO_DEEP, UNKNOWN_FIELD, WRONG_TYPE};
use super::cursor::trace_id_high;
use super::{Options, json_tags};
use crate::diagnostic::{BodyScope, Code, Diagnostic};
use crate::trace::{
    AttributeRecord, Batch, ChunkRecord, ExtraRecord, Keep, Kind, NO_PRIORITY, Range, SpanKind, SpanRecord, StrRef,
};
use serde_json::{Map, Value};

/// Decodes a body into `batch`, which is empty.
pub(super) fn payload(body: &[u8], options: &Options<'_>, batch: &mut Batch, out: &mut BodyScope<'_>) {
    let text = match body.strip_prefix(b"\xef\xbb\xbf") {
        Some(text) => {
            out.report(BYTE_ORDER_MARK, 0, "", "a byte order mark before the JSON");
            text
        }
        None => body,
    };
    let chunks: Value = match serde_json::from_slice(text) {
        Ok(chunks) => chunks,
        Err(error) => return unreadable(body, &error, out),
    };
    let mut reader = Reader { batch, out, options, path: String::new(), tid: None };
    let Value::Array(chunks) = chunks else { return reader.wrong("an array of traces", &chunks) };
    for (number, chunk) in chunks.iter().enumerate() {
        if !reader.chunk(number, chunk) {
            return;
        }
    }
    batch.complete = true;
}

fn unreadable(body: &[u8], error: &serde_json::Error, out: &mut BodyScope<'_>) {
    let line_start = body.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len);
    let offset = (line_start.sum::<usize>() + error.column().saturating_sub(1)).min(body.len());
    // serde_json stops at 128 levels, whatever the reader would allow.
    let code = if error.to_string().starts_with("recursion limit") { TOO_DEEP } else { BAD_JSON };
    out.report(code, offset, "", error.to_string());
}

struct Reader<'x, 'd> {
    batch: &'x mut Batch,
    out: &'x mut BodyScope<'d>,
    options: &'x Options<'x>,
    /// Path of the span at hand.
    path: String,
    /// Low and high half of the trace id of the chunk at hand.
    tid: Option<(u64, u64)>,
}

impl Reader<'_, '_> {
    fn report(&mut self, code: Code, field: &str, message: String) {
        let path = if field.is_empty() { self.path.clone() } else { format!("{}.{field}", self.path) };
        self.out.take(Diagnostic::new(code, message), None, path);
    }

    fn wrong(&mut self, expected: &str, found: &Value) {
        self.wrong_field("", expected, found);
    }

    #[cold]
    fn wrong_field(&mut self, field: &str, expected: &str, found: &Value) {
        let mut text = found.to_string();
        if let Some((at, _)) = text.char_indices().nth(40) {
            text.truncate(at);
            text.push_str("...");
        }
        self.report(WRONG_TYPE, field, format!("expected {expected}, found {text}"));
    }

    /// False when the span limit ended the payload.
    fn chunk(&mut self, number: usize, chunk: &Value) -> bool {
        let start = self.batch.spans.len();
        let range = Range::new(start, start);
        self.batch.chunks.push(ChunkRecord { spans: range, ..ChunkRecord::default() });
        self.tid = None;
        self.path = format!("[{number}]");
        let mut whole = true;
        match chunk {
            Value::Null => {}
            Value::Array(spans) => {
                for (position, span) in spans.iter().enumerate() {
                    if self.batch.spans.len() >= self.options.limits.spans {
                        let message = format!("more than {} spans; the rest is left out", self.options.limits.spans);
                        self.report(crate::encoding::codes::TOO_LARGE, "", message);
                        whole = false;
                        break;
                    }
                    self.path = format!("[{number}][{position}]");
                    match span {
                        Value::Object(members) => self.span(members),
                        other => self.wrong("a span object", other),
                    }
                }
            }
            other => self.wrong("an array of spans", other),
        }
        let end = self.batch.spans.len();
        if let Some(chunk) = self.batch.chunks.last_mut() {
            chunk.spans = Range::new(start, end);
        }
        if let Some((low, high)) = self.tid {
            let same = |span: &&mut SpanRecord| span.trace_low == low && span.trace_high == 0;
            self.batch.spans[start..].iter_mut().filter(same).for_each(|span| span.trace_high = high);
        }
        whole
    }

    fn span(&mut self, members: &Map<String, Value>) {
        let first = self.batch.attributes.len();
        let chunk = self.batch.chunks.len() as u32 - 1;
        let mut span = SpanRecord { chunk, ..SpanRecord::default() };
        let mut tid = None;
        let mut extra = ExtraRecord::default();
        let all = matches!(self.options.keep, Keep::All);
        for (key, value) in members {
            if value.is_null() {
                self.report(NIL_VALUE, key, "null; read as if it were absent".to_owned());
                continue;
            }
            match key.as_str() {
                "service" => span.service = self.text(key, value),
                "name" => span.name = self.text(key, value),
                "resource" => span.resource = self.text(key, value),
                "type" => span.type_ = self.text(key, value),
                "trace_id" => span.trace_low = self.id(key, value),
                "span_id" => span.span_id = self.id(key, value),
                "parent_id" => span.parent_id = self.id(key, value),
                "start" => span.start = self.int(key, value),
                "duration" => span.duration = self.int(key, value),
                "error" => span.error = self.int(key, value).clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16,
                "meta" => self.meta(value, &mut span, &mut tid, &mut extra),
                "metrics" => self.metrics(value),
                "meta_struct" | "span_links" | "span_events" if !all => {}
                "span_links" => extra.links = json_tags::links_of(self.batch, value),
                "span_events" => extra.events = json_tags::events_of(self.batch, value),
                "meta_struct" => self.meta_struct(value),
                _ => self.report(UNKNOWN_FIELD, "", format!("unknown key {key:?}")),
            }
        }
        span.attributes = Range::new(first, self.batch.attributes.len());
        if let Some(high) = tid {
            span.trace_high = high;
            self.tid.get_or_insert((span.trace_low, high));
        }
        if extra.links.len + extra.events.len > 0 {
            self.batch.extras.push(extra);
            span.extra = self.batch.extras.len() as u32;
        }
        self.batch.spans.push(span);
    }

    fn text(&mut self, field: &str, value: &Value) -> StrRef {
        match value {
            Value::String(text) => self.batch.intern(text),
            other => {
                self.wrong_field(field, "a string", other);
                StrRef::default()
            }
        }
    }

    fn id(&mut self, field: &str, value: &Value) -> u64 {
        let read = match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        read.unwrap_or_else(|| {
            self.no_integer(field, value, "0 to 2^64-1");
            0
        })
    }

    fn int(&mut self, field: &str, value: &Value) -> i64 {
        let read = match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        read.unwrap_or_else(|| {
            self.no_integer(field, value, "-2^63 to 2^63-1");
            0
        })
    }

    #[cold]
    fn no_integer(&mut self, field: &str, value: &Value, range: &str) {
        if matches!(value, Value::Number(number) if !number.is_f64()) {
            self.report(INTEGER_RANGE, field, format!("{value} is outside {range}; the field is left at 0"));
        } else {
            self.wrong_field(field, "an integer", value);
        }
    }

    fn keeps(&self, key: &str) -> bool {
        match self.options.keep {
            Keep::All => true,
            Keep::Only(keys) => keys.contains(&key),
        }
    }

    fn push(&mut self, key: &str, kind: Kind, bits: u64) {
        let key = self.batch.intern(key);
        self.batch.attributes.push(AttributeRecord::new(key, kind, bits));
    }

    fn meta(&mut self, value: &Value, span: &mut SpanRecord, tid: &mut Option<u64>, extra: &mut ExtraRecord) {
        let Value::Object(entries) = value else { return self.wrong_field("meta", "an object of strings", value) };
        for (key, value) in entries {
            let Value::String(text) = value else {
                self.wrong_field(&format!("meta[{key:?}]"), "a string", value);
                continue;
            };
            let all = matches!(self.options.keep, Keep::All);
            match key.as_str() {
                "_dd.p.tid" => *tid = trace_id_high(text.as_bytes()),
                "span.kind" => span.kind = SpanKind::from_word(text.as_bytes()).unwrap_or_default(),
                "_dd.origin" => {
                    let origin = self.batch.intern(text);
                    if let Some(chunk) = self.batch.chunks.last_mut() {
                        chunk.origin = origin;
                    }
                }
                "events" if all => extra.events = json_tags::events_in(self.batch, text.as_bytes()),
                "_dd.span_links" if all => extra.links = json_tags::links_in(self.batch, text.as_bytes()),
                _ => {}
            }
            if self.keeps(key) {
                let text = self.batch.intern(text);
                self.push(key, Kind::Str, text.bits());
            }
        }
    }

    fn metrics(&mut self, value: &Value) {
        let Value::Object(entries) = value else { return self.wrong_field("metrics", "an object of numbers", value) };
        for (key, value) in entries {
            let read = match value {
                Value::String(text) => text.parse().ok(),
                other => other.as_f64(),
            };
            let Some(number) = read else {
                self.wrong_field(&format!("metrics[{key:?}]"), "a number", value);
                continue;
            };
            if key == "_sampling_priority_v1"
                && let Some(chunk) = self.batch.chunks.last_mut().filter(|chunk| chunk.priority == NO_PRIORITY)
            {
                chunk.priority = number as i32;
            }
            if self.keeps(key) {
                self.push(key, Kind::Float, number.to_bits());
            }
        }
    }

    /// Documents that came decoded: kept as the msgpack that they stand for.
    fn meta_struct(&mut self, value: &Value) {
        let Value::Object(entries) = value else { return self.wrong_field("meta_struct", "an object", value) };
        for (key, value) in entries {
            let Ok(document) = rmp_serde::to_vec_named(value) else { continue };
            let document = self.batch.intern_bytes(&document);
            self.push(key, Kind::Bytes, document.bits());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Diagnostics;
    use crate::trace::Batch;
    use crate::wire::{Options, Protocol, decode};

    fn read(json: &str) -> (Vec<String>, Vec<&'static str>, bool) {
        let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
        decode(Protocol::V04Json, json.as_bytes(), &Options::default(), &mut batch, &mut found.body(0));
        let payload = batch.view(json.as_bytes());
        let line = |span: crate::trace::Span<'_>| {
            let links =
                span.links().map(|link| format!(" ->{}/{}", link.trace_id(), link.span_id())).collect::<String>();
            let events = span.events().map(|event| format!(" @{}{}", event.time().0, event.name())).collect::<String>();
            format!("{} {} {} {:?}{links}{events}", span.trace_id(), span.span_id(), span.name(), span.parent_id())
        };
        let spans = payload.spans().map(line).collect();
        (spans, found.iter().map(|finding| finding.code().id()).collect(), payload.complete())
    }

    #[test]
    fn numbers_come_as_numbers_and_as_strings() {
        let json = r#"[[{"name":"a","trace_id":18446744073709551615,"span_id":"7","parent_id":"0","meta":{"_dd.p.tid":
            "00000000000000ff"}},{"name":"b","trace_id":"18446744073709551615","span_id":8,"parent_id":7}]]"#;
        let trace = "00000000000000ffffffffffffffffff";
        let spans = [format!("{trace} 0000000000000007 a None"), format!("{trace} 0000000000000008 b Some(SpanId(7))")];
        assert_eq!(read(json), (spans.to_vec(), vec![], true));
    }

    #[test]
    fn links_and_events_come_as_lists_and_as_tags() {
        let json = r#"[[{"trace_id":1,"span_id":2,"span_links":[{"trace_id":5,"trace_id_high":6,"span_id":7}],
            "span_events":[{"name":"e","time_unix_nano":9}]},{"trace_id":1,"span_id":3,"meta":{"events":
            "[{\"name\":\"t\",\"time_unix_nano\":4}]","_dd.span_links":"[{\"trace_id\":\"0a\",\"span_id\":\"0b\"}]"}}]]"#;
        let (spans, codes, complete) = read(json);
        assert!(spans[0].ends_with("->00000000000000060000000000000005/0000000000000007 @9e"), "{spans:?}");
        assert!(spans[1].ends_with("->0000000000000000000000000000000a/000000000000000b @4t"), "{spans:?}");
        assert_eq!((codes, complete), (vec![], true));
    }

    #[test]
    fn what_is_wrong_costs_its_field() {
        for (json, codes, spans, complete) in [
            (r#"[[{"name":7,"trace_id":1.5,"span_id":2}]]"#, vec!["D003", "D003"], 1, true),
            (r#"[[{"span_id":-2,"start":9223372036854775808}]]"#, vec!["D009", "D009"], 1, true),
            (r#"[[{"service":null,"colour":"red"}]]"#, vec!["D023", "D018"], 1, true),
            (r#"[null,[5],{}]"#, vec!["D003", "D003"], 0, true),
            (r#"{"a":1}"#, vec!["D003"], 0, true),
            (r#"[[{"name":"a"]"#, vec!["D011"], 0, false),
            ("\u{feff}[[]]", vec!["D026"], 0, true),
        ] {
            let (read, found, whole) = read(json);
            assert_eq!((found, read.len()), (codes, spans), "{json}");
            assert!(json.starts_with('{') || whole == complete, "{json}");
        }
        let deep = format!("[[{{\"span_links\":{}{}}}]]", "[".repeat(200), "]".repeat(200));
        assert_eq!(read(&deep).1, ["D005"]);
    }
}
