//! Snapshots: what traces look like when everything is taken away that differs from run to run, and where two of them
//! differ. The form is that of the Datadog test agent's snapshot files, so those can be compared with, too.
//!
//! ```text
//! [[{"name": "web.request", "service": "web", "resource": "GET /", "trace_id": 0, "span_id": 1, "parent_id": 0,
//!    "type": "web", "error": 0, "meta": {"http.method": "GET"}, "metrics": {"_sampling_priority_v1": 1.0}}]]
//! ```
//! Traces count from 0 in the order of their times, spans from 1, level by level. Starts and durations are left out, and
//! so are process ids, runtime ids and hashes.

use crate::id::{SpanId, TraceId};
use crate::trace::Value as Attribute;
use crate::tree::TraceTree;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::fmt;

/// Attributes that differ from run to run (those that the test agent ignores too).
pub(super) const VOLATILE: [&str; 8] = [
    "runtime-id",
    "_dd.p.tid",
    "_dd.tracer_kr",
    "_dd.tracer_hostname",
    "pathway.hash",
    "process_id",
    "system.pid",
    "system.process_id",
];

/// Members of a span that are compared, maps aside.
const MEMBERS: [&str; 6] = ["name", "service", "resource", "type", "error", "parent_id"];

/// Where a trace is not that of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The span of the capture; `None` for one that is missing.
    pub span: Option<(TraceId, SpanId)>,
    /// What differs, with both values.
    pub message: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The traces of a capture as a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    traces: Vec<Shape>,
}

/// What is left of a trace.
#[derive(Clone, Debug, Default)]
struct Shape {
    start: i64,
    spans: Vec<Value>,
    /// By span, what it is called in the capture; empty for what was read from a file.
    ids: Vec<(TraceId, SpanId)>,
}

/// Why a text is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotError(pub String);

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SnapshotError {}

impl Snapshot {
    /// Reads a snapshot file.
    pub fn parse(text: &[u8]) -> Result<Snapshot, SnapshotError> {
        let fault =
            |what: &str| SnapshotError(format!("{what}; a snapshot is a list of traces, which are lists of spans"));
        let traces: Vec<Vec<Value>> = serde_json::from_slice(text).map_err(|error| fault(&error.to_string()))?;
        if traces.iter().flatten().any(|span| !span.is_object()) {
            return Err(fault("a span is no object"));
        }
        let shape = |spans| Shape { start: 0, spans, ids: Vec::new() };
        Ok(Snapshot { traces: traces.into_iter().map(shape).collect() })
    }

    /// Adds a trace.
    pub fn add(&mut self, tree: &TraceTree<'_, '_>) {
        // Level by level.
        let mut order: Vec<(usize, u64)> = Vec::with_capacity(tree.len());
        let mut queue: VecDeque<(usize, u64)> = tree.roots().iter().map(|root| (*root as usize, 0)).collect();
        while let Some((number, parent)) = queue.pop_front() {
            order.push((number, parent));
            let id = order.len() as u64;
            queue.extend(tree.children(number).map(|child| (child, id)));
        }
        let mut shape = Shape { start: tree.extent().map_or(0, |(start, _)| start.0), ..Shape::default() };
        for (&(number, parent), id) in order.iter().zip(1u64..) {
            let Some(span) = tree.span(number) else { continue };
            let (mut meta, mut metrics) = (Map::new(), Map::new());
            for (key, value) in span.attributes().iter().filter(|(key, _)| !VOLATILE.contains(key)) {
                match value {
                    Attribute::Str(text) => drop(meta.insert(key.to_owned(), text.into())),
                    Attribute::Bool(value) => drop(meta.insert(key.to_owned(), value.to_string().into())),
                    Attribute::Int(value) => drop(metrics.insert(key.to_owned(), (value as f64).into())),
                    Attribute::Float(value) => drop(metrics.insert(key.to_owned(), value.into())),
                    // Bytes and lists have no place in this form.
                    _ => {}
                }
            }
            meta.sort_keys();
            metrics.sort_keys();
            shape.ids.push((span.trace_id(), span.span_id()));
            shape.spans.push(json!({
                "name": span.name(),
                "service": span.service(),
                "resource": span.resource(),
                "trace_id": 0,
                "span_id": id,
                "parent_id": parent,
                "type": span.type_(),
                "error": i32::from(span.error()),
                "meta": meta,
                "metrics": metrics,
            }));
        }
        self.traces.push(shape);
    }

    /// Brings the traces into the order of their times; what began together in that of the input.
    pub fn sort(&mut self) {
        self.traces.sort_by_key(|trace| trace.start);
        for (number, trace) in self.traces.iter_mut().enumerate() {
            trace.spans.iter_mut().for_each(|span| span["trace_id"] = number.into());
        }
    }

    /// The text of a snapshot file.
    pub fn text(&self) -> String {
        let traces: Vec<&Vec<Value>> = self.traces.iter().map(|trace| &trace.spans).collect();
        let text = serde_json::to_string_pretty(&traces).unwrap_or_default();
        text + "\n"
    }

    /// How many spans there are.
    pub fn spans(&self) -> usize {
        self.traces.iter().map(|trace| trace.spans.len()).sum()
    }

    /// Where these traces are not those of `expected`. Traces that are alike are matched first, whatever their order;
    /// the others in order.
    pub fn differences(&self, expected: &Snapshot) -> Vec<Difference> {
        let mut open: Vec<Option<&[Value]>> =
            expected.traces.iter().map(|trace| Some(trace.spans.as_slice())).collect();
        let mut others = Vec::new();
        for trace in &self.traces {
            let alike =
                |wanted: &&mut Option<&[Value]>| wanted.is_some_and(|wanted| of_trace(trace, wanted).is_empty());
            match open.iter_mut().find(alike) {
                Some(found) => *found = None,
                None => others.push(trace),
            }
        }
        let mut left = open.into_iter().enumerate().filter_map(|(number, trace)| Some((number, trace?)));
        let mut differences = Vec::new();
        for trace in others {
            match left.next() {
                Some((_, wanted)) => differences.extend(of_trace(trace, wanted)),
                None => {
                    let message = format!("the snapshot has no trace like this one: {}", described(&trace.spans));
                    differences.push(Difference { span: trace.ids.first().copied(), message });
                }
            }
        }
        for (number, wanted) in left {
            let message = format!("trace {number} of the snapshot is missing: {}", described(wanted));
            differences.push(Difference { span: None, message });
        }
        differences
    }
}

fn described(trace: &[Value]) -> String {
    let name = trace.first().map_or("", |span| span["name"].as_str().unwrap_or_default());
    format!("{name:?} with {} span{}", trace.len(), if trace.len() == 1 { "" } else { "s" })
}

fn of_trace(trace: &Shape, wanted: &[Value]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let id = |at: usize| trace.ids.get(at).copied();
    for (at, (found, wanted)) in trace.spans.iter().zip(wanted).enumerate() {
        let name = found["name"].as_str().unwrap_or_default();
        let mut differ = |what: String| {
            differences.push(Difference { span: id(at), message: format!("{name:?}: {what}") });
        };
        for member in MEMBERS {
            // Members that the other side does not write are those of a span that has none.
            let (one, other) = (value(&found[member]), value(&wanted[member]));
            if one != other {
                differ(format!("{member} is {one}, the snapshot has {other}"));
            }
        }
        for map in ["meta", "metrics"] {
            let empty = Map::new();
            let (one, other) = (found[map].as_object().unwrap_or(&empty), wanted[map].as_object().unwrap_or(&empty));
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            for key in keys.filter(|key| !VOLATILE.contains(&key.as_str())) {
                match (one.get(key), other.get(key)) {
                    (Some(one), None) => differ(format!("{map}.{key} is {}, the snapshot has none", value(one))),
                    (None, Some(other)) => differ(format!("{map}.{key} is missing, the snapshot has {}", value(other))),
                    (Some(one), Some(other)) if value(one) != value(other) => {
                        differ(format!("{map}.{key} is {}, the snapshot has {}", value(one), value(other)));
                    }
                    _ => {}
                }
            }
        }
    }
    for (at, span) in trace.spans.iter().enumerate().skip(wanted.len()) {
        differences
            .push(Difference { span: id(at), message: format!("{} is not in the snapshot", value(&span["name"])) });
    }
    for span in wanted.iter().skip(trace.spans.len()) {
        let message = format!("{} of the snapshot is missing", value(&span["name"]));
        differences.push(Difference { span: id(0), message });
    }
    differences
}

/// A value for comparison and for messages: numbers by their value, absent as empty.
fn value(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(text: &str) -> Snapshot {
        Snapshot::parse(text.as_bytes()).expect("a snapshot")
    }

    fn messages(found: &str, wanted: &str) -> Vec<String> {
        snapshot(found).differences(&snapshot(wanted)).iter().map(ToString::to_string).collect()
    }

    const ONE: &str = r#"[[{"name":"a","service":"s","parent_id":0,"error":0,"meta":{"k":"v"},"metrics":{"n":1.0}}]]"#;

    #[test]
    fn what_differs_from_run_to_run_is_not_compared() {
        let other = r#"[[{"name":"a","service":"s","parent_id":0,"error":0,"start":5,"duration":7,"trace_id":9,
            "meta":{"k":"v","runtime-id":"x"},"metrics":{"n":1,"process_id":5.0}}]]"#;
        assert_eq!(messages(ONE, other), [""; 0]);
        assert_eq!(messages(other, ONE), [""; 0]);
    }

    #[test]
    fn every_difference_is_told() {
        let other = ONE.replace("\"s\"", "\"t\"").replace("\"v\"", "\"w\"").replace("1.0", "2");
        assert_eq!(
            messages(ONE, &other),
            [
                "\"a\": service is \"s\", the snapshot has \"t\"",
                "\"a\": meta.k is \"v\", the snapshot has \"w\"",
                "\"a\": metrics.n is 1, the snapshot has 2"
            ]
        );
        assert_eq!(messages("[]", ONE), ["trace 0 of the snapshot is missing: \"a\" with 1 span"]);
        assert_eq!(messages(ONE, "[]"), ["the snapshot has no trace like this one: \"a\" with 1 span"]);
        assert_eq!(messages(ONE, "[[]]"), ["\"a\" is not in the snapshot"]);
        assert_eq!(messages("[[]]", ONE), ["\"a\" of the snapshot is missing"]);
    }

    #[test]
    fn the_order_of_traces_does_not_matter() {
        let two = |a: &str, b: &str| format!(r#"[[{{"name":"{a}"}}],[{{"name":"{b}"}}]]"#);
        assert_eq!(messages(&two("a", "b"), &two("b", "a")), [""; 0]);
        assert_eq!(messages(&two("a", "c"), &two("b", "a")), ["\"c\": name is \"c\", the snapshot has \"b\""]);
    }

    #[test]
    fn other_texts_are_no_snapshots() {
        for text in ["", "{}", "[{}]", "[[1]]", "[[{]]"] {
            assert!(Snapshot::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
