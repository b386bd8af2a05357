//! The documented traces of real systems, and whatever else a file of their form describes (seeds-scenarios.md section 1).
//!
//! ```json
//! [{"id": "tutorial-hello", "wire": "datadog", "defaults": {"env": "dev"}, "spans": [
//!   {"key": "root", "parent": null, "trace": "t1", "service": "web", "name": "web.request", "resource": "GET /",
//!    "type": "web", "start_us": 0, "duration_us": 5000, "tags": {"http.status_code": 200},
//!    "trace_id": "4d70f30cb7aa2c7343d26bbe6c49d168", "span_id": "fe08c1bd5c250870"}]}]
//! ```
//! On the Datadog wire texts and booleans become tags of text, numbers metrics; on OTLP values keep their types, and every
//! service has a resource of its own. A span without a parent in the scenario, or with one in another process, begins a chunk.

use super::sketch::{Failure, Sketch, Writer};
use crate::id::{SpanId, TraceId};
use crate::time::{Nanos, Timestamp};
use crate::trace::{Batch, ChunkDraft, EventDraft, LinkDraft, OwnedValue, SpanDraft, SpanKind};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fmt;

/// The documented traces of five systems, as `--list-scenarios` lists them.
const DOCUMENTED: &str = include_str!("scenarios.json");

/// The documented traces of xmtpd, dd-trace-cpp, flowbot, CodeQ and the Datadog go-chi tutorial.
pub fn documented() -> Result<Vec<Scenario>, ScenarioError> {
    Scenario::parse_all(DOCUMENTED.as_bytes())
}

/// Traces with the ids and times that a file gives them.
#[derive(Clone, Debug, Deserialize)]
pub struct Scenario {
    /// Its name.
    pub id: String,
    /// What it shows.
    #[serde(default)]
    pub description: String,
    /// The protocol that the real system speaks: `datadog` or `otlp`.
    pub wire: String,
    #[serde(default)]
    defaults: Map<String, Value>,
    #[serde(default)]
    resource_attributes: Map<String, Value>,
    spans: Vec<ScenarioSpan>,
}

#[derive(Clone, Debug, Deserialize)]
struct ScenarioSpan {
    key: String,
    parent: Option<String>,
    service: String,
    name: String,
    #[serde(default)]
    resource: String,
    #[serde(default, rename = "type")]
    type_: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    remote: bool,
    start_us: i64,
    duration_us: i64,
    #[serde(default)]
    tags: Map<String, Value>,
    error: Option<Failure>,
    #[serde(default)]
    events: Vec<Happening>,
    #[serde(default)]
    link: Vec<Reference>,
    remote_parent_span_id: Option<String>,
    trace_id: String,
    span_id: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Happening {
    name: String,
    time_us: i64,
    #[serde(default)]
    attributes: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
struct Reference {
    to: String,
    #[serde(default)]
    attributes: Map<String, Value>,
    flags: Option<u32>,
}

/// Why a text is no list of scenarios.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError(pub String);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScenarioError {}

impl Scenario {
    /// Reads a list of scenarios.
    pub fn parse_all(text: &[u8]) -> Result<Vec<Scenario>, ScenarioError> {
        serde_json::from_slice(text).map_err(|error| ScenarioError(error.to_string()))
    }

    /// Key and id of every span.
    pub fn spans(&self) -> impl Iterator<Item = (&str, SpanId)> {
        self.spans.iter().map(|span| (span.key.as_str(), SpanId(hex(&span.span_id) as u64)))
    }

    /// The trace of every span.
    pub fn traces(&self) -> impl Iterator<Item = TraceId> {
        self.spans.iter().map(|span| TraceId(hex(&span.trace_id)))
    }

    /// Whether the real system speaks OTLP.
    pub fn is_otlp(&self) -> bool {
        self.wire == "otlp"
    }

    /// From the start of its first span to the end of its last.
    pub fn length(&self) -> Nanos {
        let start = self.spans.iter().map(|span| span.start_us).min().unwrap_or_default();
        let end =
            self.spans.iter().map(|span| span.start_us.saturating_add(span.duration_us)).max().unwrap_or_default();
        Nanos(end.saturating_sub(start).saturating_mul(1000))
    }

    /// The spans with the ids of the file, on the wire that the system speaks; `base` is the time 0.
    pub fn batch(&self, base: Timestamp) -> Batch {
        let mut writer = Writer::new(self.is_otlp(), values(&self.resource_attributes, true));
        for (root, _) in self.spans.iter().enumerate().filter(|(_, span)| self.begins_segment(span)) {
            let members = (0..self.spans.len()).filter(|at| self.segment_of(*at) == Some(root));
            let members = members.filter_map(|at| Some(self.sketch(self.spans.get(at)?, base)));
            writer.chunk(ChunkDraft::default(), members);
        }
        writer.finish()
    }

    fn by_key(&self, key: &str) -> Option<usize> {
        self.spans.iter().position(|span| span.key == key)
    }

    fn begins_segment(&self, span: &ScenarioSpan) -> bool {
        let parent = span.parent.as_deref().and_then(|key| self.by_key(key)).map(|at| &self.spans[at]);
        // On OTLP a scope and a resource belong to the spans around.
        parent.is_none_or(|parent| span.remote || parent.service != span.service || parent.scope != span.scope)
    }

    /// The span that begins the segment of the one at `at`.
    fn segment_of(&self, at: usize) -> Option<usize> {
        let mut at = at;
        // Parents that lead in a circle are a fault of the file, and end here.
        for _ in 0..=self.spans.len() {
            let span = self.spans.get(at)?;
            if self.begins_segment(span) {
                return Some(at);
            }
            at = self.by_key(span.parent.as_deref()?)?;
        }
        None
    }

    fn sketch(&self, span: &ScenarioSpan, base: Timestamp) -> Sketch {
        let otlp = self.is_otlp();
        let at = |us: i64| Timestamp(base.0.saturating_add(us.saturating_mul(1000)));
        let parent = match (&span.parent, &span.remote_parent_span_id) {
            (Some(key), _) => self.by_key(key).map(|at| hex(&self.spans[at].span_id) as u64),
            (None, Some(id)) => Some(hex(id) as u64),
            (None, None) => None,
        };
        let mut attributes = values(&self.defaults, otlp);
        attributes.extend(values(&span.tags, otlp));
        let draft = SpanDraft {
            trace_id: TraceId(hex(&span.trace_id)),
            span_id: SpanId(hex(&span.span_id) as u64),
            parent_id: parent.map(SpanId),
            service: span.service.clone(),
            name: span.name.clone(),
            resource: if otlp { String::new() } else { span.resource.clone() },
            type_: if otlp { String::new() } else { span.type_.clone() },
            kind: SpanKind::from_word(span.kind.as_bytes()).unwrap_or_default(),
            start: at(span.start_us),
            duration: Nanos(span.duration_us.saturating_mul(1000)),
            attributes,
            links: span.link.iter().filter_map(|link| self.link(link)).collect(),
            events: span.events.iter().map(|event| happening(event, at(event.time_us))).collect(),
            flags: otlp.then_some(if span.remote || span.remote_parent_span_id.is_some() { 0x301 } else { 0x101 }),
            ..SpanDraft::default()
        };
        Sketch { span: draft, error: span.error.clone(), scope: span.scope.clone() }
    }

    fn link(&self, link: &Reference) -> Option<LinkDraft> {
        let to = &self.spans[self.by_key(&link.to)?];
        Some(LinkDraft {
            trace_id: TraceId(hex(&to.trace_id)),
            span_id: SpanId(hex(&to.span_id) as u64),
            flags: link.flags,
            attributes: values(&link.attributes, true),
            ..LinkDraft::default()
        })
    }
}

fn happening(event: &Happening, time: Timestamp) -> EventDraft {
    EventDraft { time, name: event.name.clone(), attributes: values(&event.attributes, true), dropped: 0 }
}

fn values(tags: &Map<String, Value>, typed: bool) -> Vec<(String, OwnedValue)> {
    let value = |value: &Value| match value {
        Value::Bool(value) if typed => OwnedValue::Bool(*value),
        Value::Number(number) if typed && number.is_i64() => OwnedValue::Int(number.as_i64().unwrap_or_default()),
        Value::Number(number) => OwnedValue::Float(number.as_f64().unwrap_or_default()),
        Value::String(text) => OwnedValue::Str(text.clone()),
        other => OwnedValue::Str(other.to_string()),
    };
    tags.iter().map(|(key, given)| (key.clone(), value(given))).collect()
}

/// An id of hex digits; 0 for what is none.
fn hex(text: &str) -> u128 {
    u128::from_str_radix(text, 16).unwrap_or_default()
}
