//! A span before it is decided which protocol carries it.

use crate::trace::{Batch, ChunkDraft, Dialect, OwnedValue, ResourceDraft, SpanDraft, SpanKind, SpanStatus};
use serde::Deserialize;
use std::collections::HashMap;

/// What went wrong in a span.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Failure {
    #[serde(default, rename = "type")]
    pub(super) type_: String,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) stack: String,
}

/// A span as it is meant: `span` without what the two worlds write differently.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    pub(super) span: SpanDraft,
    pub(super) error: Option<Failure>,
    /// Instrumentation scope.
    pub(super) scope: String,
}

impl Sketch {
    /// The span as Datadog's tracers send it (kind and error in tags), or as an SDK of OpenTelemetry does (resource and type
    /// in attributes, error as status).
    fn draft(mut self, otlp: bool) -> SpanDraft {
        let span = &mut self.span;
        let mut tag = |key: &str, text: &str| {
            if !text.is_empty() && !span.attributes.iter().any(|(other, _)| other == key) {
                span.attributes.push((key.to_owned(), OwnedValue::Str(text.to_owned())));
            }
        };
        let failed = self.error.is_some();
        let failure = self.error.unwrap_or_default();
        tag("error.type", &failure.type_);
        if otlp {
            span.status = if failed { SpanStatus::Error } else { SpanStatus::default() };
            span.status_message = failure.message;
        } else {
            tag("span.kind", span.kind.word().unwrap_or_default());
            tag("error.message", &failure.message);
            tag("error.stack", &failure.stack);
            span.kind = SpanKind::Unspecified;
        }
        span.error = i16::from(failed);
        self.span
    }
}

/// A batch that grows by chunks of sketches.
pub(super) struct Writer {
    batch: Batch,
    otlp: bool,
    resource_attributes: Vec<(String, OwnedValue)>,
    /// Numbers of resources by service.
    resources: HashMap<String, usize>,
}

impl Writer {
    /// `resource_attributes` go to every resource of OTLP.
    pub(super) fn new(otlp: bool, resource_attributes: Vec<(String, OwnedValue)>) -> Writer {
        let mut batch = Batch::default();
        batch.set_dialect(if otlp { Dialect::Otlp } else { Dialect::Datadog });
        Writer { batch, otlp, resource_attributes, resources: HashMap::new() }
    }

    /// Writes a chunk: spans of one service and scope.
    pub(super) fn chunk(&mut self, mut chunk: ChunkDraft, spans: impl IntoIterator<Item = Sketch>) {
        let mut spans = spans.into_iter().peekable();
        let Some(first) = spans.peek() else { return };
        chunk.scope_name = first.scope.clone();
        if self.otlp {
            let service = first.span.service.clone();
            chunk.resource = Some(self.resource(service));
        }
        self.batch.begin_chunk(&chunk);
        for span in spans {
            self.batch.push(&span.draft(self.otlp));
        }
    }

    fn resource(&mut self, service: String) -> usize {
        if let Some(number) = self.resources.get(&service) {
            return *number;
        }
        let mut attributes = self.resource_attributes.clone();
        attributes.retain(|(key, _)| key != "service.name");
        attributes.insert(0, ("service.name".to_owned(), OwnedValue::Str(service.clone())));
        let number = self.batch.push_resource(&ResourceDraft { attributes, ..ResourceDraft::default() });
        self.resources.insert(service, number);
        number
    }

    /// Everything that was written.
    pub(super) fn finish(mut self) -> Batch {
        self.batch.finish();
        self.batch
    }
}
