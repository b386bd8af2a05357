//! Requests in the Datadog protocols: the body, and the path and headers that tracers send with it (wire.md section 2).

use super::{Losses, Protocol, v1, v04, v05, v07};
use crate::http::Request;
use crate::trace::{Payload, Sender};

/// A request with `payload` in one of the Datadog protocols; `None` for another protocol.
pub(super) fn datadog(protocol: Protocol, payload: Payload<'_>, losses: &mut Losses) -> Option<Request> {
    let (path, body) = match protocol {
        Protocol::V03 => ("/v0.3/traces", v04::encode::body(payload, losses)),
        Protocol::V04 => ("/v0.4/traces", v04::encode::body(payload, losses)),
        Protocol::V05 => ("/v0.5/traces", v05::encode::body(payload, losses)),
        Protocol::V07 => ("/v0.7/traces", v07::encode::body(payload, losses)),
        Protocol::V1 => ("/v1.0/traces", v1::encode::body(payload, losses)),
        _ => return None,
    };
    let mut request = Request { method: "POST".to_owned(), path: path.to_owned(), body, ..Request::default() };
    request.headers.push("Content-Type", "application/msgpack");
    request.headers.push("X-Datadog-Trace-Count", chunks(protocol, payload).to_string());
    for (name, member) in [
        ("Datadog-Meta-Lang", Sender::Language),
        ("Datadog-Meta-Lang-Version", Sender::LanguageVersion),
        ("Datadog-Meta-Tracer-Version", Sender::TracerVersion),
        ("Datadog-Container-ID", Sender::ContainerId),
    ] {
        let said = payload.resources().next().map(|resource| resource.sender(member)).unwrap_or_default();
        let value = match member {
            Sender::Language if said.is_empty() => {
                payload.spans().next().and_then(|span| span.attributes().text("language")).unwrap_or_default()
            }
            _ => said,
        };
        // A header cannot hold what would end its line.
        if !value.is_empty() && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            request.headers.push(name, value);
        }
    }
    Some(request)
}

/// Chunks in the body: v1.0 splits those that hold several traces.
fn chunks(protocol: Protocol, payload: Payload<'_>) -> usize {
    match protocol {
        Protocol::V1 => super::convert::chunks_in_v1(payload),
        _ => payload.chunks().len(),
    }
}
