//! The JSON documents of the command line: serialize-only views that borrow from the model.
//!
//! First member `schema`, ids as lower-case hex, times and durations as integer nanoseconds. A trace nests as deep as
//! its spans do and is written with an explicit stack.

use crate::analysis::{Operations, Segment, Stitch, critical_path, handoff};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, Source};
use crate::id::SpanId;
use crate::time::Nanos;
use crate::trace::{Attributes, Dialect, OwnedValue, Span, SpanEvent, SpanLink, Value};
use crate::tree::TraceTree;
use crate::wire::{ClientStats, StatsCounts, StatsGroup, datadog_tags, json_bytes, json_float, meta_struct_document};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use std::io::{self, Write};

/// Writes a value as compact JSON in which nothing can steer a terminal: control characters beyond those that JSON
/// escapes anyway, and characters that turn the direction of text, are written as `\u` escapes.
pub fn write(w: &mut (impl Write + ?Sized), value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(w, Harmless)).map_err(io::Error::from)
}

struct Harmless;

impl serde_json::ser::Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, w: &mut W, fragment: &str) -> io::Result<()> {
        if super::is_simple(fragment.as_bytes()) {
            return w.write_all(fragment.as_bytes());
        }
        let bytes = fragment.as_bytes();
        let mut written = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| super::steers(*c)) {
            w.write_all(&bytes[written..at])?;
            write!(w, "\\u{:04x}", u32::from(c))?;
            written = at + c.len_utf8();
        }
        w.write_all(&bytes[written..])
    }
}

/// An attribute value as JSON: bytes `{"base64": s}`, numbers that are not finite `{"float": "nan"}`.
pub fn value(value: Value<'_>) -> Json {
    match value {
        Value::Str(text) => text.into(),
        Value::Bool(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::Float(value) => json_float(value),
        Value::Bytes(bytes) => json_bytes(bytes),
        Value::List(values) => values.iter().map(self::value).collect(),
        Value::Map(map) => entries(map, |_| true, self::value),
    }
}

/// The attributes that `take` takes; of a key that stands twice, the last.
fn entries<'b>(
    attributes: Attributes<'b>,
    take: impl Fn(&Value<'b>) -> bool,
    as_json: impl Fn(Value<'b>) -> Json,
) -> Json {
    let taken = attributes.iter().filter(|(_, value)| take(value));
    Json::Object(taken.map(|(key, value)| (key.to_owned(), as_json(value))).collect())
}

/// Attributes written straight to the output, without building a map; of a key that stands twice, the last.
struct Entries<'b, T>(Attributes<'b>, T);

impl<'b, T: Fn(&Value<'b>) -> bool> Serialize for Entries<'b, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let taken = || self.0.iter().filter(|(_, value)| (self.1)(value));
        // Keys rarely stand twice. For a few entries comparing all is cheapest; for many it must not be quadratic.
        let twice = if self.0.len() <= 16 {
            taken().enumerate().any(|(index, (key, _))| taken().take(index).any(|(other, _)| other == key))
        } else {
            let mut seen = HashSet::with_capacity(self.0.len());
            !taken().all(|(key, _)| seen.insert(key))
        };
        if twice {
            return entries(self.0, &self.1, typed).serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in taken() {
            match value {
                Value::Str(text) => map.serialize_entry(key, text)?,
                Value::Float(number) if number.is_finite() => map.serialize_entry(key, &number)?,
                other => map.serialize_entry(key, &typed(other))?,
            }
        }
        map.end()
    }
}

/// A value of a span's own attributes: a `meta_struct` document is shown decoded.
fn typed(value: Value<'_>) -> Json {
    match value {
        Value::Bytes(bytes) => meta_struct_document(bytes).unwrap_or_else(|| json_bytes(bytes)),
        other => self::value(other),
    }
}

fn is_meta(value: &Value<'_>) -> bool {
    matches!(value, Value::Str(_))
}

fn is_metric(value: &Value<'_>) -> bool {
    matches!(value, Value::Float(_))
}

fn is_struct(value: &Value<'_>) -> bool {
    matches!(value, Value::Bytes(_))
}

/// What Datadog's protocols up to v0.7 would have as `meta`, `metrics` and `meta_struct`.
enum DatadogTags<'b> {
    /// They are the span's own attributes.
    Own(Attributes<'b>),
    Mapped(Vec<(String, OwnedValue)>),
}

impl<'b> DatadogTags<'b> {
    fn of(span: Span<'b>) -> Self {
        match span.dialect() {
            Dialect::Datadog => DatadogTags::Own(span.attributes()),
            Dialect::V1 | Dialect::Otlp => DatadogTags::Mapped(datadog_tags(span)),
        }
    }

    /// Writes `meta` and `metrics` into the map of a span, and `meta_struct` if asked for.
    fn serialize<M: SerializeMap>(&self, map: &mut M, structs: bool) -> Result<(), M::Error> {
        match self {
            DatadogTags::Own(attributes) => {
                map.serialize_entry("meta", &Entries(*attributes, is_meta))?;
                map.serialize_entry("metrics", &Entries(*attributes, is_metric))?;
                if structs {
                    map.serialize_entry("meta_struct", &Entries(*attributes, is_struct))?;
                }
            }
            DatadogTags::Mapped(tags) => {
                let mut maps = [serde_json::Map::new(), serde_json::Map::new(), serde_json::Map::new()];
                for (key, tag) in tags {
                    let (which, json) = match tag {
                        OwnedValue::Str(text) => (0, text.as_str().into()),
                        OwnedValue::Float(number) => (1, json_float(*number)),
                        OwnedValue::Bytes(bytes) => (2, typed(Value::Bytes(bytes))),
                        _ => continue,
                    };
                    maps[which].insert(key.clone(), json);
                }
                let [meta, metrics, meta_struct] = maps;
                map.serialize_entry("meta", &meta)?;
                map.serialize_entry("metrics", &metrics)?;
                if structs {
                    map.serialize_entry("meta_struct", &meta_struct)?;
                }
            }
        }
        Ok(())
    }
}

/// The typed attributes of v1.0 and OTLP; null for the other protocols.
fn typed_attributes(span: Span<'_>) -> Option<Json> {
    (span.dialect() != Dialect::Datadog).then(|| entries(span.attributes(), |_| true, value))
}

struct Links<'b>(Span<'b>);

impl Serialize for Links<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        self.0.links().try_for_each(|link| list.serialize_element(&self::link(link)))?;
        list.end()
    }
}

fn link(link: SpanLink<'_>) -> Json {
    let tracestate = Some(link.tracestate()).filter(|text| !text.is_empty());
    json!({
        "trace_id": link.trace_id().to_string(),
        "span_id": link.span_id().to_string(),
        "flags": link.flags(),
        "tracestate": tracestate,
        "attributes": entries(link.attributes(), |_| true, value),
    })
}

struct Events<'b>(Span<'b>);

impl Serialize for Events<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        self.0.events().try_for_each(|event| list.serialize_element(&self::event(event)))?;
        list.end()
    }
}

fn event(event: SpanEvent<'_>) -> Json {
    json!({
        "time_ns": event.time().0,
        "name": event.name(),
        "attributes": entries(event.attributes(), |_| true, value),
    })
}

fn kind(span: Span<'_>) -> Option<&str> {
    span.kind().word().or_else(|| span.attributes().text("span.kind"))
}

/// One line of `replay-capture --decoded jsonl`.
pub struct DecodedSpan<'b> {
    /// Number of the record it came in.
    pub record: usize,
    /// The span.
    pub span: Span<'b>,
}

impl Serialize for DecodedSpan<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let span = self.span;
        let mut map = serializer.serialize_map(Some(18))?;
        map.serialize_entry("record", &self.record)?;
        map.serialize_entry("trace_id", &Hex(span.trace_id()))?;
        map.serialize_entry("span_id", &Hex(span.span_id()))?;
        map.serialize_entry("parent_id", &span.parent_id().map(Hex))?;
        map.serialize_entry("service", span.service())?;
        map.serialize_entry("name", span.name())?;
        map.serialize_entry("resource", span.resource())?;
        map.serialize_entry("type", span.type_())?;
        map.serialize_entry("kind", &kind(span))?;
        map.serialize_entry("start_ns", &span.start().0)?;
        map.serialize_entry("duration_ns", &span.duration().0)?;
        map.serialize_entry("error", &u8::from(span.error()))?;
        DatadogTags::of(span).serialize(&mut map, true)?;
        map.serialize_entry("attributes", &typed_attributes(span))?;
        map.serialize_entry("links", &Links(span))?;
        map.serialize_entry("events", &Events(span))?;
        map.end()
    }
}

struct Hex<T>(T);

impl<T: std::fmt::Display> Serialize for Hex<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A span without its children, open for `"children":[`.
struct NodeHead<'b> {
    span: Span<'b>,
    self_ns: i64,
}

impl Serialize for NodeHead<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let span = self.span;
        let mut map = serializer.serialize_map(Some(15))?;
        map.serialize_entry("span_id", &Hex(span.span_id()))?;
        map.serialize_entry("parent_id", &span.parent_id().map(Hex))?;
        map.serialize_entry("service", span.service())?;
        map.serialize_entry("name", span.name())?;
        map.serialize_entry("resource", span.resource())?;
        map.serialize_entry("type", &Some(span.type_()).filter(|type_| !type_.is_empty()))?;
        map.serialize_entry("kind", &kind(span))?;
        map.serialize_entry("start_ns", &span.start().0)?;
        map.serialize_entry("duration_ns", &span.duration().0)?;
        map.serialize_entry("self_ns", &self.self_ns)?;
        map.serialize_entry("error", &error(span))?;
        DatadogTags::of(span).serialize(&mut map, false)?;
        map.serialize_entry("links", &Links(span))?;
        map.serialize_entry("events", &Events(span))?;
        map.end()
    }
}

/// A span as it stands in the documents of traces, without its children.
pub fn node(span: Span<'_>, self_time: Nanos) -> Json {
    serde_json::to_value(NodeHead { span, self_ns: self_time.0 }).unwrap_or(Json::Null)
}

/// `{"message", "type", "stack"}` of a failed span, from its tags or its exception event.
fn error(span: Span<'_>) -> Option<Json> {
    if !span.error() {
        return None;
    }
    let exception = span.events().find(|event| event.name() == "exception");
    let said = |tags: &[&str], of_exception: &str| {
        tags.iter()
            .find_map(|tag| span.attributes().text(tag))
            .or_else(|| exception.and_then(|event| event.attributes().text(of_exception)))
            .map(str::to_owned)
    };
    let status = Some(span.status_message()).filter(|message| !message.is_empty());
    Some(json!({
        "message": said(&["error.message", "error.msg"], "exception.message").or(status.map(str::to_owned)),
        "type": said(&["error.type"], "exception.type"),
        "stack": said(&["error.stack"], "exception.stacktrace"),
    }))
}

/// What is told of a trace beside its tree, when it was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'b> {
    /// The parts that one process made each.
    pub segments: Option<&'b [Segment]>,
    /// Relations that no parent id says.
    pub stitched: Option<&'b [Stitch]>,
    /// Lines of logs, by their number, with the span that they were written in.
    pub logs: Option<&'b [(usize, Option<SpanId>)]>,
}

impl Beside<'_> {
    fn write(&self, w: &mut dyn Write, tree: &TraceTree<'_, '_>) -> io::Result<()> {
        let id = |at: usize| tree.span(at).map(|span| span.span_id().to_string());
        let segment = |segment: &Segment| json!({"root": id(segment.root), "spans": segment.spans.iter().filter_map(|at| id(*at)).collect::<Vec<_>>()});
        let stitch = |stitch: &Stitch| {
            json!({
                "by": stitch.by,
                "value": stitch.value,
                "from": stitch.from.map(|id| id.to_string()),
                "to": stitch.to.to_string(),
                "reason": stitch.reason,
                "confidence": stitch.confidence.word(),
            })
        };
        let log =
            |(line, span): &(usize, Option<SpanId>)| json!({"line": line, "span_id": span.map(|id| id.to_string())});
        let list = |list: Option<Vec<Json>>| list.map_or(Json::Null, Json::Array);
        w.write_all(b",\"segments\":")?;
        write(w, &list(self.segments.map(|all| all.iter().map(segment).collect())))?;
        w.write_all(b",\"stitched\":")?;
        write(w, &list(self.stitched.map(|all| all.iter().map(stitch).collect())))?;
        w.write_all(b",\"logs\":")?;
        write(w, &list(self.logs.map(|all| all.iter().map(log).collect())))
    }
}

/// Writes the document of one trace, without a line end. `anomalies` are findings on its structure.
pub fn trace(
    w: &mut dyn Write,
    tree: &TraceTree<'_, '_>,
    anomalies: &[(Code, SpanId)],
    beside: &Beside<'_>,
) -> io::Result<()> {
    let (start, end) = tree.extent().unwrap_or_default();
    let mut services: Vec<&str> = tree.trace().spans().map(Span::service).collect();
    services.sort_unstable();
    services.dedup();
    let errors = tree.trace().spans().filter(|span| span.error()).count();
    write!(w, r#"{{"schema":"spanglass.trace/1","trace_id":"{}","start_ns":{}"#, tree.trace().id(), start.0)?;
    write!(w, r#","duration_ns":{},"span_count":{},"error_count":{errors}"#, (end - start).0, tree.len())?;
    w.write_all(b",\"services\":")?;
    write(w, &services)?;
    w.write_all(b",\"roots\":[")?;
    nodes(w, tree)?;
    w.write_all(b"],\"gaps\":")?;
    list(w, tree, |index| Some(json!({"ns": tree.gap(index)?.0, "via": handoff(tree.span(index)?)})))?;
    w.write_all(b",\"overhangs\":")?;
    list(w, tree, |index| Some(json!({"ns": tree.overhang(index)?.0})))?;
    let path = critical_path(tree);
    let path: Vec<Json> = path.iter().map(|(span, ns)| json!({"span_id": span.to_string(), "ns": ns.0})).collect();
    let anomalies: Vec<Json> =
        anomalies.iter().map(|(code, span)| json!({"code": code.id(), "span_id": span.to_string()})).collect();
    w.write_all(b",\"critical_path\":")?;
    write(w, &path)?;
    w.write_all(b",\"anomalies\":")?;
    write(w, &anomalies)?;
    beside.write(w, tree)?;
    w.write_all(b"}")
}

fn nodes(w: &mut dyn Write, tree: &TraceTree<'_, '_>) -> io::Result<()> {
    let mut depth = 0usize;
    let mut first = true;
    let mut buffer = Vec::new();
    for node in tree.walk() {
        let Some(span) = tree.span(node.index) else { continue };
        if !first {
            // Close what is not an ancestor of this node.
            let closing = (depth + 1).saturating_sub(node.depth);
            for _ in 0..closing {
                w.write_all(b"]}")?;
            }
            if closing > 0 {
                w.write_all(b",")?;
            }
        }
        first = false;
        depth = node.depth;
        buffer.clear();
        write(&mut buffer, &NodeHead { span, self_ns: tree.self_time(node.index).0 })?;
        buffer.pop();
        w.write_all(&buffer)?;
        w.write_all(b",\"children\":[")?;
    }
    if !first {
        for _ in 0..=depth {
            w.write_all(b"]}")?;
        }
    }
    Ok(())
}

/// A list of `{"from", "to", ...}` over parent and child, in the order of the tree.
fn list(w: &mut dyn Write, tree: &TraceTree<'_, '_>, relation: impl Fn(usize) -> Option<Json>) -> io::Result<()> {
    let mut all = Vec::new();
    for node in tree.walk() {
        let Some(Json::Object(members)) = relation(node.index) else { continue };
        let (Some(parent), Some(child)) = (tree.parent(node.index).and_then(|p| tree.span(p)), tree.span(node.index))
        else {
            continue;
        };
        let mut entry = serde_json::Map::new();
        entry.insert("from".to_owned(), parent.span_id().to_string().into());
        entry.insert("to".to_owned(), child.span_id().to_string().into());
        entry.extend(members);
        all.push(Json::Object(entry));
    }
    write(w, &all)
}

/// Findings as they stand in the documents of check-capture and replay-capture. `file_of` names the file of a record.
pub fn findings(found: &Diagnostics, file_of: &dyn Fn(usize) -> Option<String>) -> Vec<Json> {
    found.iter().map(|finding| self::finding(finding, file_of)).collect()
}

fn finding(finding: &Diagnostic, file_of: &dyn Fn(usize) -> Option<String>) -> Json {
    let (record, offset, path, file) = match finding.place() {
        Some(Place::Body { record, offset, path }) => {
            (Some(*record), *offset, Some(path.as_str()).filter(|path| !path.is_empty()), file_of(*record))
        }
        Some(Place::Text { source: Source::File(file), range, .. }) => {
            (None, Some(range.start), None, Some(file.display().to_string()))
        }
        _ => (None, None, None, None),
    };
    json!({
        "code": finding.code().id(),
        "name": finding.code().name(),
        "severity": finding.severity().word(),
        "message": finding.message(),
        "help": finding.help_text(),
        "count": finding.count(),
        "record": record,
        "offset": offset,
        "path": path,
        "trace_id": finding.trace_id().map(|id| id.to_string()),
        "span_id": finding.span_id().map(|id| id.to_string()),
        "file": file,
    })
}

/// Client statistics as in the document of replay-capture.
pub fn client_stats(stats: &ClientStats) -> Vec<Json> {
    let entry = |(group, counts): (&StatsGroup, &StatsCounts)| {
        json!({
            "service": group.service,
            "name": group.name,
            "resource": group.resource,
            "type": group.type_,
            "kind": Some(&group.kind).filter(|kind| !kind.is_empty()),
            "http_status": Some(group.http_status).filter(|status| *status != 0),
            "env": group.env,
            "hits": counts.hits,
            "errors": counts.errors,
            "mean_ns": counts.mean(),
        })
    };
    stats.groups.iter().map(entry).collect()
}

/// Operations as they stand in the document of replay-capture.
pub fn operations(operations: &Operations) -> Vec<Json> {
    let entry = |(key, operation): (crate::analysis::OperationKey, &crate::analysis::Operation)| {
        json!({
            "service": key.service,
            "name": key.name,
            "count": operation.count,
            "errors": operation.errors,
            "p50_ns": operation.quantile(50).0,
            "p95_ns": operation.quantile(95).0,
            "p99_ns": operation.quantile(99).0,
            "max_ns": operation.max().0,
        })
    };
    operations.sorted().into_iter().map(entry).collect()
}
