//! Spans as new ones: other ids, later times, tags set and hidden. What belonged together still does.
//!
//! ```
//! use spanglass::rewrite::{Ids, Rewrite};
//! use spanglass::trace::{Batch, SpanDraft};
//! use spanglass::id::{SpanId, TraceId};
//!
//! let mut batch = Batch::default();
//! batch.push(&SpanDraft { trace_id: TraceId(1), span_id: SpanId(2), ..SpanDraft::default() });
//! batch.push(&SpanDraft { trace_id: TraceId(1), span_id: SpanId(3), parent_id: Some(SpanId(2)), ..SpanDraft::default() });
//! let rewrite = Rewrite { ids: Some(Ids::of(7)), ..Rewrite::default() };
//! let new = rewrite.apply(batch.view(&[]));
//! let spans: Vec<_> = new.view(&[]).spans().collect();
//! assert_ne!(spans[0].span_id(), SpanId(2));
//! assert_eq!(spans[1].parent_id(), Some(spans[0].span_id()));
//! ```

use crate::id::{SpanId, TraceId, mix};
use crate::rule::Glob;
use crate::time::Timestamp;
use crate::trace::{Batch, ChunkDraft, OwnedValue, Payload, ResourceDraft, SpanDraft};
use serde_json::Value;

/// What a hidden value becomes.
pub const HIDDEN: &str = "***";

/// New ids for old ones: the same for the same, in every payload and whatever came before, so that no list of them is kept.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    span: u64,
    low: u64,
    high: u64,
}

impl Ids {
    /// Ids that follow from `seed`.
    pub fn of(seed: u64) -> Ids {
        let [span, low, high] = [1, 2, 3].map(|number| mix(seed.wrapping_mul(4).wrapping_add(number)));
        Ids { span, low, high }
    }

    /// A span's new id; 0 stays 0.
    pub fn span(self, id: SpanId) -> SpanId {
        SpanId(other(id.0, self.span))
    }

    /// A trace's new id. A high half that is 0 stays so, and one of seconds and zeros keeps its form.
    pub fn trace(self, id: TraceId) -> TraceId {
        TraceId::from_halves(self.high(id.high()), other(id.low(), self.low))
    }

    fn high(self, high: u64) -> u64 {
        if high & 0xffff_ffff == 0 { high } else { other(high, self.high) }
    }
}

/// One of the 2^64 - 1 numbers other than 0 for each of them: mixing can be undone, so no two become the same.
fn other(id: u64, key: u64) -> u64 {
    match (id, mix(id ^ key)) {
        (0, _) => 0,
        (_, 0) => mix(key),
        (_, other) => other,
    }
}

/// How spans are changed.
#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    /// Ids of spans, parents, links and of the tags and tracestate members that hold some.
    pub ids: Option<Ids>,
    /// Nanoseconds by which starts and the times of events move.
    pub shift: i64,
    /// Tags that every span gets; `service` is its service.
    pub set: Vec<(String, String)>,
    /// Keys of tags whose values are hidden.
    pub redact: Vec<Glob>,
}

impl Rewrite {
    /// Whether nothing is changed.
    pub fn is_nothing(&self) -> bool {
        self.ids.is_none() && self.shift == 0 && self.set.is_empty() && self.redact.is_empty()
    }

    /// The spans of `payload`, changed.
    pub fn apply(&self, payload: Payload<'_>) -> Batch {
        let mut batch = Batch::default();
        batch.set_dialect(payload.dialect());
        for resource in payload.resources() {
            let mut draft = ResourceDraft::from(resource);
            self.hide(&mut draft.attributes);
            batch.push_resource(&draft);
        }
        for chunk in payload.chunks() {
            let mut draft = ChunkDraft::from(chunk);
            if let Some(ids) = self.ids {
                draft.trace_id = ids.trace(draft.trace_id);
                draft.attributes.iter_mut().for_each(|(key, value)| tag(ids, key, value));
            }
            self.hide(&mut draft.attributes);
            batch.begin_chunk(&draft);
            for span in chunk.spans() {
                batch.push(&self.span(span.into()));
            }
        }
        if payload.complete() {
            batch.finish();
        }
        batch
    }

    fn span(&self, mut span: SpanDraft) -> SpanDraft {
        let moved = |time: Timestamp| Timestamp(time.0.saturating_add(self.shift));
        span.start = moved(span.start);
        span.events.iter_mut().for_each(|event| event.time = moved(event.time));
        if let Some(ids) = self.ids {
            span.trace_id = ids.trace(span.trace_id);
            span.span_id = ids.span(span.span_id);
            span.parent_id = span.parent_id.map(|id| ids.span(id));
            span.tracestate = tracestate(ids, &span.tracestate);
            for link in &mut span.links {
                link.trace_id = ids.trace(link.trace_id);
                link.span_id = ids.span(link.span_id);
                link.tracestate = tracestate(ids, &link.tracestate);
            }
            span.attributes.iter_mut().for_each(|(key, value)| tag(ids, key, value));
        }
        for (key, value) in &self.set {
            let value = OwnedValue::Str(value.clone());
            match span.attributes.iter_mut().find(|(other, _)| other == key) {
                _ if key == "service" => span.service = text_of(&value),
                Some((_, old)) => *old = value,
                None => span.attributes.push((key.clone(), value)),
            }
        }
        self.hide(&mut span.attributes);
        for event in &mut span.events {
            self.hide(&mut event.attributes);
        }
        for link in &mut span.links {
            self.hide(&mut link.attributes);
        }
        span
    }

    fn hide(&self, attributes: &mut [(String, OwnedValue)]) {
        for (key, value) in attributes {
            if self.redact.iter().any(|glob| glob.matches(key)) {
                *value = OwnedValue::Str(HIDDEN.to_owned());
            }
        }
    }
}

fn text_of(value: &OwnedValue) -> String {
    match value {
        OwnedValue::Str(text) => text.clone(),
        _ => String::new(),
    }
}

/// Changes the ids in a tag that holds some.
fn tag(ids: Ids, key: &str, value: &mut OwnedValue) {
    let OwnedValue::Str(text) = value else { return };
    match key {
        "_dd.p.tid" => {
            if let Some(high) = hex(text, 16) {
                *text = format!("{:016x}", ids.high(high as u64));
            }
        }
        "_dd.parent_id" => {
            if let Some(id) = hex(text, 16) {
                *text = ids.span(SpanId(id as u64)).to_string();
            }
        }
        "_dd.span_links" => {
            if let Ok(Value::Array(mut links)) = serde_json::from_str(text) {
                links.iter_mut().for_each(|link| link_of(ids, link));
                *text = Value::Array(links).to_string();
            }
        }
        _ => {}
    }
}

/// A link in JSON, as Datadog's tracers write them.
fn link_of(ids: Ids, link: &mut Value) {
    if let Some(id) = link["trace_id"].as_str().and_then(|text| hex(text, 32)) {
        link["trace_id"] = ids.trace(TraceId(id)).to_string().into();
    }
    if let Some(id) = link["span_id"].as_str().and_then(|text| hex(text, 16)) {
        link["span_id"] = ids.span(SpanId(id as u64)).to_string().into();
    }
    if let Some(state) = link["tracestate"].as_str().map(|state| tracestate(ids, state)) {
        link["tracestate"] = state.into();
    }
}

/// A tracestate whose `dd` member names a new parent.
fn tracestate(ids: Ids, state: &str) -> String {
    let field = |field: &str| match field.strip_prefix("p:").and_then(|text| hex(text, 16)) {
        Some(id) => format!("p:{}", ids.span(SpanId(id as u64))),
        None => field.to_owned(),
    };
    let member = |member: &str| match member.split_once('=') {
        Some((key, dd)) if key.trim() == "dd" => {
            format!("{key}={}", dd.split(';').map(field).collect::<Vec<_>>().join(";"))
        }
        _ => member.to_owned(),
    };
    state.split(',').map(member).collect::<Vec<_>>().join(",")
}

fn hex(text: &str, most: usize) -> Option<u128> {
    let digits = !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Nanos;
    use crate::trace::{EventDraft, LinkDraft};
    use proptest::prelude::*;

    fn through(rewrite: &Rewrite, span: SpanDraft) -> SpanDraft {
        let mut batch = Batch::default();
        batch.push(&span);
        batch.finish();
        let made = rewrite.apply(batch.view(&[]));
        made.view(&[]).spans().next().map(SpanDraft::from).unwrap_or_default()
    }

    fn text(value: &str) -> OwnedValue {
        OwnedValue::Str(value.to_owned())
    }

    #[test]
    fn ids_are_new_wherever_they_stand() {
        let ids = Ids::of(1);
        let (trace, span) = (TraceId(0x640c_fd8d_0000_0000_abcd_efab_1234_5678), SpanId(0x3ade_68b1));
        let made = through(
            &Rewrite { ids: Some(ids), ..Rewrite::default() },
            SpanDraft {
                trace_id: trace,
                span_id: SpanId(9),
                parent_id: Some(span),
                links: vec![LinkDraft {
                    trace_id: trace,
                    span_id: span,
                    tracestate: "acme=1,dd=s:1;p:000000003ade68b1".into(),
                    ..LinkDraft::default()
                }],
                attributes: vec![
                    ("_dd.p.tid".into(), text("640cfd8d00000000")),
                    ("_dd.parent_id".into(), text("000000003ade68b1")),
                    ("_dd.span_links".into(), text(&format!("[{{\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"}}]"))),
                    ("n".into(), text("000000003ade68b1")),
                ],
                ..SpanDraft::default()
            },
        );
        let (new_trace, new_span) = (ids.trace(trace), ids.span(span));
        assert_eq!((made.trace_id, made.parent_id), (new_trace, Some(new_span)));
        assert_eq!((made.links[0].trace_id, made.links[0].span_id), (new_trace, new_span));
        assert_eq!(made.links[0].tracestate, format!("acme=1,dd=s:1;p:{new_span}"));
        assert_eq!(made.attributes[0].1, text("640cfd8d00000000"));
        assert_eq!(made.attributes[1].1, text(&new_span.to_string()));
        assert_eq!(
            made.attributes[2].1,
            text(&format!("[{{\"trace_id\":\"{new_trace}\",\"span_id\":\"{new_span}\"}}]"))
        );
        assert_eq!(made.attributes[3].1, text("000000003ade68b1"), "not a tag that holds an id");
    }

    #[test]
    fn times_move_together_and_tags_are_set_and_hidden() {
        let rewrite = Rewrite {
            shift: 1_000,
            set: vec![("env".into(), "load".into()), ("service".into(), "copy".into())],
            redact: vec![Glob::new("*.token")],
            ..Rewrite::default()
        };
        let made = through(
            &rewrite,
            SpanDraft {
                service: "a".into(),
                start: Timestamp(5),
                duration: Nanos(7),
                events: vec![EventDraft {
                    time: Timestamp(6),
                    attributes: vec![("x.token".into(), text("s"))],
                    ..EventDraft::default()
                }],
                attributes: vec![("env".into(), text("prod")), ("user.token".into(), text("s"))],
                ..SpanDraft::default()
            },
        );
        assert_eq!((made.start, made.duration, made.events[0].time), (Timestamp(1005), Nanos(7), Timestamp(1006)));
        assert_eq!(made.attributes, [("env".to_owned(), text("load")), ("user.token".to_owned(), text(HIDDEN))]);
        assert_eq!(made.events[0].attributes[0].1, text(HIDDEN));
        assert_eq!(made.service, "copy");
    }

    proptest! {
        #[test]
        fn different_ids_stay_different(a: u64, b: u64, seed: u64) {
            let ids = Ids::of(seed);
            prop_assert_eq!(a == b, ids.span(SpanId(a)) == ids.span(SpanId(b)));
            prop_assert_eq!(a == 0, ids.span(SpanId(a)) == SpanId(0));
            prop_assert_eq!(ids.trace(TraceId(a.into())).high(), 0);
        }
    }
}
