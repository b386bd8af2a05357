//! One span with the fields that it should have, and children below it.

use super::Random;
use super::sketch::{Failure, Sketch, Writer};
use crate::context::SpanContext;
use crate::id::SpanId;
use crate::time::{Nanos, Timestamp};
use crate::trace::{Batch, ChunkDraft, EventDraft, LinkDraft, OwnedValue, SpanDraft, SpanKind};

/// What is made: a span, and below it so many children, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    /// Service.
    pub service: String,
    /// Operation.
    pub name: String,
    /// Resource; of OTLP the attribute `resource.name`.
    pub resource: String,
    /// Datadog's type of span; of OTLP the attribute `span.type`.
    pub type_: String,
    /// Kind; of Datadog the tag `span.kind`.
    pub kind: SpanKind,
    /// Tags in their order.
    pub attributes: Vec<(String, OwnedValue)>,
    /// What went wrong, when something did.
    pub error: Option<String>,
    /// Length of the span.
    pub duration: Nanos,
    /// Spans below it.
    pub children: u32,
    /// What it continues: a trace with a parent, or (with a span id of 0) a trace alone.
    pub parent: Option<SpanContext>,
    /// What it points at.
    pub links: Vec<LinkDraft>,
    /// Sampling priority; that of the parent, or 1, when it is not said.
    pub priority: Option<i32>,
    /// Origin; that of the parent when it is not said.
    pub origin: Option<String>,
}

impl Recipe {
    /// The trace as one chunk: on OTLP with typed attributes and a resource, else with Datadog's tags.
    pub fn batch(&self, otlp: bool, start: Timestamp, random: &mut Random) -> Batch {
        let parent = self.parent.as_ref();
        let trace_id = match parent {
            Some(parent) => parent.trace_id,
            None if otlp => random.trace_id(),
            None => random.datadog_trace_id(start),
        };
        let priority = self.priority.or_else(|| Some(parent?.priority?.0)).unwrap_or(1);
        let origin = self.origin.as_deref().or_else(|| parent?.origin.as_deref()).unwrap_or_default();
        let mut root = self.root(otlp, start, priority, origin);
        root.span.trace_id = trace_id;
        root.span.span_id = random.span_id();
        let count = i64::from(self.children);
        let share = self.duration.0.checked_div(count).unwrap_or_default();
        let mut spans = vec![root];
        for number in 0..count {
            let child = SpanDraft {
                trace_id,
                span_id: random.span_id(),
                parent_id: Some(spans[0].span.span_id),
                service: self.service.clone(),
                name: format!("{}.child", self.name),
                resource: if otlp { String::new() } else { format!("child {}", number + 1) },
                kind: SpanKind::Internal,
                start: Timestamp(start.0.saturating_add(share.saturating_mul(number))),
                duration: Nanos(share),
                ..SpanDraft::default()
            };
            spans.push(Sketch { span: child, scope: SCOPE.to_owned(), ..Sketch::default() });
        }
        let mut writer = Writer::new(otlp, Vec::new());
        let chunk = ChunkDraft {
            priority: (!otlp).then_some(priority),
            origin: if otlp { String::new() } else { origin.to_owned() },
            trace_id,
            ..ChunkDraft::default()
        };
        writer.chunk(chunk, spans);
        writer.finish()
    }

    fn root(&self, otlp: bool, start: Timestamp, priority: i32, origin: &str) -> Sketch {
        let mut attributes = self.attributes.clone();
        let mut events = Vec::new();
        let text = |text: &str| OwnedValue::Str(text.to_owned());
        let parent = self.parent.as_ref();
        if otlp {
            for (key, value) in [("resource.name", &self.resource), ("span.type", &self.type_)] {
                if !value.is_empty() {
                    attributes.push((key.to_owned(), text(value)));
                }
            }
            if let Some(message) = &self.error {
                let time = Timestamp(start.0.saturating_add(self.duration.0));
                let attributes = vec![("exception.message".to_owned(), text(message))];
                events.push(EventDraft { time, name: "exception".to_owned(), attributes, dropped: 0 });
            }
        } else {
            for (key, value) in parent.iter().flat_map(|parent| parent.trace_tags.iter()) {
                attributes.push((key.to_owned(), text(value)));
            }
            if !origin.is_empty() {
                attributes.push(("_dd.origin".to_owned(), text(origin)));
            }
            attributes.push(("_sampling_priority_v1".to_owned(), OwnedValue::Float(f64::from(priority))));
        }
        let span = SpanDraft {
            parent_id: parent.map(|parent| parent.span_id).filter(|id| *id != SpanId(0)),
            service: self.service.clone(),
            name: self.name.clone(),
            resource: if otlp { String::new() } else { self.resource.clone() },
            type_: if otlp { String::new() } else { self.type_.clone() },
            kind: self.kind,
            start,
            duration: self.duration,
            attributes,
            links: self.links.clone(),
            events,
            tracestate: parent.filter(|_| otlp).map(|parent| parent.tracestate.as_str().to_owned()).unwrap_or_default(),
            flags: otlp.then(|| u32::from(priority > 0) | 0x100 | if parent.is_some() { 0x200 } else { 0 }),
            ..SpanDraft::default()
        };
        let failure = |message: &String| Failure { message: message.clone(), ..Failure::default() };
        Sketch { span, error: self.error.as_ref().map(failure), scope: SCOPE.to_owned() }
    }
}

/// Who made the spans.
const SCOPE: &str = "spanglass";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;
    use crate::wire::{self, Losses, Protocol};

    #[test]
    fn every_protocol_carries_it() {
        let mut parent = SpanContext { trace_id: TraceId(1 << 100 | 5), span_id: SpanId(6), ..SpanContext::default() };
        parent.tracestate.push("dd", "s:2");
        let recipe = Recipe {
            service: "web".to_owned(),
            name: "get".to_owned(),
            resource: "GET /".to_owned(),
            type_: "web".to_owned(),
            kind: SpanKind::Server,
            attributes: vec![("k".to_owned(), OwnedValue::Str("v".to_owned()))],
            error: Some("broken".to_owned()),
            duration: Nanos(10),
            children: 3,
            parent: Some(parent),
            ..Recipe::default()
        };
        for (protocol, otlp) in
            [(Protocol::V04, false), (Protocol::V05, false), (Protocol::V1, false), (Protocol::OtlpProto, true)]
        {
            let batch = recipe.batch(otlp, Timestamp(100), &mut Random::new(1));
            let mut lost = Losses::default();
            let request = wire::encode(protocol, batch.view(&[]), &mut lost).expect("a protocol that is written");
            assert!(lost.is_empty(), "{protocol:?}: {lost:?}");
            let mut found = crate::diagnostic::Diagnostics::default();
            let mut read = Batch::default();
            let options = wire::Options { keep: crate::trace::Keep::All, ..wire::Options::default() };
            wire::decode(protocol, &request.body, &options, &mut read, &mut found.body(0));
            let spans: Vec<_> = read.view(&request.body).spans().collect();
            assert_eq!(spans.len(), 4, "{protocol:?}");
            let root = spans[0];
            assert_eq!((root.trace_id(), root.parent_id()), (TraceId(1 << 100 | 5), Some(SpanId(6))), "{protocol:?}");
            assert!(root.error() && spans[1].parent_id() == Some(root.span_id()), "{protocol:?}");
            assert_eq!(spans[3].end().0 + 1, root.end().0, "{protocol:?}");
        }
    }
}
