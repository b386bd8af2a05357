//! How work got from a span to one that began after it had ended.

use crate::trace::{Span, SpanKind};
use crate::tree::says_remote_parent;

/// What carried the context, by what the later span says of itself; `None` when nothing tells.
pub fn handoff(child: Span<'_>) -> Option<&'static str> {
    let tags = child.attributes();
    let receives = tags.text("messaging.operation") == Some("receive")
        || child.kind() == SpanKind::Consumer
        || tags.text("span.kind") == Some("consumer");
    match () {
        () if tags.get("trace_linked").is_some() => Some("trace-context-store"),
        () if child.name().starts_with("codeq.task.") && says_remote_parent(child) => Some("persisted-traceparent"),
        () if receives => Some("message-metadata"),
        () => None,
    }
}
