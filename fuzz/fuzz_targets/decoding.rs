//! What every target of a decoder asserts: no panic, findings with places inside the body, texts that can be read, the same
//! spans whatever is kept, and that a payload which was encoded reads back as itself.

use spanglass::diagnostic::{Diagnostics, Place};
use spanglass::trace::{Batch, ChunkDraft, Dialect, Keep, OwnedValue, Payload, ResourceDraft, SpanDraft};
use spanglass::wire::{self, Limits, Losses, Options, Protocol};

/// Decodes `body`, looks at everything in it, and takes it through the encoder.
pub fn look_at(protocol: Protocol, body: &[u8]) {
    let limits = Limits { depth: 40, spans: 1000 };
    let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
    wire::decode(protocol, body, &Options { limits, keep: Keep::All }, &mut batch, &mut found.body(0));
    let payload = batch.view(body);
    for finding in found.iter() {
        let Some(Place::Body { record: 0, offset, .. }) = finding.place() else { panic!("no place: {finding}") };
        assert!(offset.is_none_or(|offset| offset <= body.len()), "outside {} bytes: {finding}", body.len());
        assert!(!finding.message().is_empty(), "{finding:?}");
    }
    assert!(payload.complete() || !found.is_empty(), "incomplete without a word");
    let whole = whole(payload);

    // What is not stored changes nothing else.
    let (mut bare, mut said) = (Batch::default(), Diagnostics::default());
    wire::decode(protocol, body, &Options { limits, keep: Keep::NOTHING }, &mut bare, &mut said.body(0));
    let view = bare.view(body);
    assert_eq!((view.complete(), view.spans().len()), (payload.complete(), payload.spans().len()));
    for (bare, full) in view.spans().zip(payload.spans()) {
        let ids = |span: spanglass::trace::Span<'_>| (span.trace_id(), span.span_id(), span.parent_id());
        assert_eq!(ids(bare), ids(full));
        assert_eq!((bare.service(), bare.name(), bare.resource()), (full.service(), full.name(), full.resource()));
        assert_eq!((bare.start(), bare.duration(), bare.error()), (full.start(), full.duration(), full.error()));
    }

    if payload.complete() {
        encode(protocol, payload, &whole);
    }
}

fn encode(protocol: Protocol, payload: Payload<'_>, whole: &str) {
    let mut losses = Losses::default();
    let Some(request) = wire::encode(protocol, payload, &mut losses) else { return };
    let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
    wire::decode(protocol, &request.body, &Options::default(), &mut batch, &mut found.body(0));
    let again = batch.view(&request.body);
    assert!(again.complete(), "what was encoded does not decode: {:?}", found.iter().next());
    if losses.is_empty() {
        let again = self::whole(again);
        let differs = whole.lines().zip(again.lines()).find(|(was, is)| was != is);
        assert!(whole == again, "was and is: {differs:#?}");
    }
    let twice = wire::encode(protocol, again, &mut Losses::default()).map(|request| request.body);
    assert!(twice.as_ref() == Some(&request.body), "written differently the second time");
}

/// Everything in a payload as text, so that NaN is itself.
fn whole(payload: Payload<'_>) -> String {
    let mut text = String::new();
    for resource in payload.resources() {
        text += &format!("{:?}\n", ResourceDraft::from(resource));
    }
    for chunk in payload.chunks() {
        text += &format!("{:?} {}\n", ChunkDraft::from(chunk), chunk.spans().len());
    }
    for span in payload.spans() {
        let mut span = SpanDraft::from(span);
        if payload.dialect() == Dialect::Datadog {
            // What a chunk says is written as a tag, where the protocol has no other place for it.
            span.attributes.retain(|(key, value)| match value {
                OwnedValue::Str(_) => !["_dd.p.tid", "_dd.origin", "_dd.p.dm"].contains(&key.as_str()),
                OwnedValue::Float(_) => key != "_sampling_priority_v1",
                _ => true,
            });
            // Tags and metrics are maps of their own, and may stand in either order.
            span.attributes.sort_by_key(|(_, value)| match value {
                OwnedValue::Str(_) => 0,
                OwnedValue::Float(_) => 1,
                _ => 2,
            });
        }
        if payload.dialect() == Dialect::Otlp {
            // A number of 0 that is written is the same as one that is not (proto3).
            span.flags = span.flags.filter(|flags| *flags != 0);
            span.links.iter_mut().for_each(|link| link.flags = link.flags.filter(|flags| *flags != 0));
        }
        text += &format!("{span:?}\n");
    }
    text
}
