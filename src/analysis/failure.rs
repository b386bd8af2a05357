//! How a span says that it failed: four ways that mean four things, and are searched for in four ways.

use crate::trace::{Span, SpanStatus, Value};

/// A sign of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The error flag of Datadog, or the error status of OpenTelemetry: what a search for errors finds.
    Status,
    /// An exception event; alone it sets no status.
    Exception(String),
    /// An HTTP status from 400 on.
    Http(i64),
    /// A tag that only success sets is missing, or false.
    NoSuccess(&'static str),
}

/// Spans whose success is a tag, and nothing else says that they failed.
const SUCCESS: [(&str, &str); 1] = [("xmtpd.sync.connect_to_node", "connection_success")];

/// Every sign that a span has.
pub fn signs(span: Span<'_>) -> Vec<Sign> {
    let tags = span.attributes();
    let mut signs = Vec::new();
    if span.error() || span.status() == SpanStatus::Error {
        signs.push(Sign::Status);
    }
    for event in span.events().filter(|event| event.name() == "exception") {
        let attributes = event.attributes();
        let kind = attributes.text("exception.type").or_else(|| attributes.text("exception.message"));
        signs.push(Sign::Exception(kind.unwrap_or_default().to_owned()));
    }
    let status = ["http.status_code", "http.response.status_code"].into_iter().find_map(|key| match tags.get(key)? {
        Value::Int(status) => Some(status),
        Value::Float(status) => Some(status as i64),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    });
    signs.extend(status.filter(|status| *status >= 400).map(Sign::Http));
    for (_, tag) in SUCCESS.iter().filter(|(name, _)| *name == span.name()) {
        let succeeded = matches!(tags.get(tag), Some(Value::Bool(true)) | Some(Value::Str("true")));
        if !succeeded {
            signs.push(Sign::NoSuccess(tag));
        }
    }
    signs
}

/// The signs in words, with what they are not; `None` for a span that shows none, or the status alone.
pub fn in_words(signs: &[Sign]) -> Option<String> {
    let has_status = signs.contains(&Sign::Status);
    let words: Vec<String> = signs
        .iter()
        .filter_map(|sign| match sign {
            Sign::Status => None,
            Sign::Exception(kind) if kind.is_empty() => Some("an exception event".to_owned()),
            Sign::Exception(kind) => Some(format!("an exception event ({kind})")),
            Sign::Http(status) => Some(format!("HTTP status {status}")),
            Sign::NoSuccess(tag) => Some(format!("{tag} is not true")),
        })
        .collect();
    if words.is_empty() {
        return None;
    }
    let status =
        if has_status { "with the error status" } else { "without an error status: no search for errors finds it" };
    Some(format!("{}, {status}", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use crate::trace::{Batch, EventDraft, OwnedValue, SpanDraft};

    fn words(span: SpanDraft) -> Option<String> {
        let mut batch = Batch::default();
        batch.push(&SpanDraft { trace_id: TraceId(1), span_id: SpanId(2), ..span });
        batch.finish();
        in_words(&signs(batch.view(&[]).spans().next()?))
    }

    #[test]
    fn signs_are_kept_apart() {
        let http = vec![("http.status_code".to_owned(), OwnedValue::Int(503))];
        let exception = EventDraft {
            name: "exception".to_owned(),
            attributes: vec![("exception.type".to_owned(), OwnedValue::Str("Timeout".to_owned()))],
            ..EventDraft::default()
        };
        assert_eq!(words(SpanDraft::default()), None);
        assert_eq!(words(SpanDraft { error: 1, ..SpanDraft::default() }), None);
        let lost = "without an error status: no search for errors finds it";
        let span = SpanDraft { attributes: http.clone(), ..SpanDraft::default() };
        assert_eq!(words(span.clone()), Some(format!("HTTP status 503, {lost}")));
        assert_eq!(words(SpanDraft { error: 1, ..span }).as_deref(), Some("HTTP status 503, with the error status"));
        let span = SpanDraft { events: vec![exception], ..SpanDraft::default() };
        assert_eq!(words(span), Some(format!("an exception event (Timeout), {lost}")));
        let connect = |value: Option<OwnedValue>| SpanDraft {
            name: "xmtpd.sync.connect_to_node".to_owned(),
            attributes: value.map(|value| ("connection_success".to_owned(), value)).into_iter().collect(),
            ..SpanDraft::default()
        };
        assert_eq!(words(connect(None)), Some(format!("connection_success is not true, {lost}")));
        assert_eq!(words(connect(Some(OwnedValue::Str("true".to_owned())))), None);
    }
}
