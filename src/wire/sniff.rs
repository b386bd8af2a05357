//! What JSON a body is, by the members that tell: read no further than they stand.

use super::Protocol;
use super::json::Reader;

/// Deepest nesting that is looked through.
const DEPTH: usize = 128;

/// The protocol of a JSON body; `None` when nothing in it tells one.
pub(super) fn json(text: &[u8]) -> Option<Protocol> {
    let mut reader = Reader::new(text);
    match reader.peek() {
        b'{' => is_otlp(&mut reader, 0).then_some(Protocol::OtlpJson),
        b'[' => array(&mut reader),
        _ => None,
    }
}

/// Whether the object that comes next holds `resourceSpans`, under one of its names, or holds an object that does.
fn is_otlp(reader: &mut Reader<'_>, level: usize) -> bool {
    reader.open();
    let mut first = true;
    while let Ok(Some(name)) = reader.member(&mut first) {
        match name.bytes {
            b"resourceSpans" | b"resource_spans" | b"batches" => return true,
            b"result" | b"trace" if level < 4 && reader.peek() == b'{' => {
                let mut inside = *reader;
                if is_otlp(&mut inside, level + 1) {
                    return true;
                }
            }
            _ => {}
        }
        if reader.skip(DEPTH).is_err() {
            return false;
        }
    }
    false
}

fn array(reader: &mut Reader<'_>) -> Option<Protocol> {
    reader.open();
    match reader.peek() {
        b']' => Some(Protocol::V04Json),
        b'{' => {
            let mut zipkin = *reader;
            if is_zipkin_span(&mut zipkin) {
                return Some(Protocol::Zipkin);
            }
            is_otlp(reader, 0).then_some(Protocol::OtlpJson)
        }
        b'[' => {
            reader.open();
            // Arrays of arrays are v0.4, unless their items are Zipkin's.
            let zipkin = reader.peek() == b'{' && is_zipkin_span(reader);
            Some(if zipkin { Protocol::Zipkin } else { Protocol::V04Json })
        }
        _ => None,
    }
}

/// Whether a v0.4 body in JSON is a snapshot of the test agent: its traces count from 0 and its spans from 1.
pub fn is_snapshot(body: &[u8]) -> bool {
    let mut reader = Reader::new(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    for _ in 0..2 {
        if reader.peek() != b'[' {
            return false;
        }
        reader.open();
    }
    if reader.peek() != b'{' {
        return false;
    }
    reader.open();
    let (mut first, mut trace, mut span) = (true, false, false);
    while let Ok(Some(name)) = reader.member(&mut first) {
        let mut value = reader;
        match name.bytes {
            b"trace_id" => trace = value.number().is_ok_and(|number| number == b"0"),
            b"span_id" => span = value.number().is_ok_and(|number| number == b"1"),
            _ => {}
        }
        if (trace && span) || reader.skip(DEPTH).is_err() {
            break;
        }
    }
    trace && span
}

fn is_zipkin_span(reader: &mut Reader<'_>) -> bool {
    reader.open();
    let (mut first, mut trace, mut id) = (true, false, false);
    while let Ok(Some(name)) = reader.member(&mut first) {
        trace |= name.bytes == b"traceId";
        id |= name.bytes == b"id";
        if (trace && id) || reader.skip(DEPTH).is_err() {
            break;
        }
    }
    trace && id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_member_may_stand_anywhere() {
        for (text, protocol) in [
            (r#"{"resourceSpans":[]}"#, Some(Protocol::OtlpJson)),
            (r#" {"x":{"resourceSpans":1},"resource_spans":[]}"#, Some(Protocol::OtlpJson)),
            (r#"{"a":[1,{"b":"}"}],"batches":[]}"#, Some(Protocol::OtlpJson)),
            (r#"{"result":{"resourceSpans":[]}}"#, Some(Protocol::OtlpJson)),
            (r#"{"trace":{"status":"ok","resourceSpans":[]}}"#, Some(Protocol::OtlpJson)),
            (r#"[{"resource_spans":[]}]"#, Some(Protocol::OtlpJson)),
            (r#"{"result":[{"resourceSpans":[]}]}"#, None),
            (r#"{"resourceMetrics":[]}"#, None),
            ("{}", None),
            ("[]", Some(Protocol::V04Json)),
            ("[[]]", Some(Protocol::V04Json)),
            (r#"[[{"trace_id":1,"span_id":2}]]"#, Some(Protocol::V04Json)),
            (r#"[[{"traceId":"1","id":"2"}]]"#, Some(Protocol::Zipkin)),
            (r#"[{"traceId":"1","id":"2"}]"#, Some(Protocol::Zipkin)),
            (r#"[{"id":"2","kind":"SERVER","traceId":"1"}]"#, Some(Protocol::Zipkin)),
            (r#"[[{"trace_id":1,"id":"2"}]]"#, Some(Protocol::V04Json)),
            ("[5]", None),
            ("{", None),
        ] {
            assert_eq!(json(text.as_bytes()), protocol, "{text}");
        }
        assert!(is_snapshot(br#" [[{"name":"a","trace_id": 0,"span_id":1}]]"#));
        assert!(!is_snapshot(br#"[[{"trace_id":0,"span_id":12}]]"#) && !is_snapshot(b"[]") && !is_snapshot(b"{}"));
    }
}
