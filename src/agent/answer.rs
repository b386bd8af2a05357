//! What an agent or a collector answers (wire.md sections 8 and 10).

use crate::http::{Headers, Request, Response};
use crate::wire::{CLIENT_STATS, Endpoint, Protocol};

/// The rate of every service: keep all.
const RATES: &[u8] = br#"{"rate_by_service":{"service:,env:":1}}"#;

const INFO: &str = r#"{"version":"7.70.0","endpoints":["/v0.3/traces","/v0.4/traces","/v0.5/traces","/v0.7/traces","/v1.0/traces","/v0.6/stats","/telemetry/proxy/","/v0.7/config","/v1/traces"],"client_drop_p0s":false,"span_meta_structs":true,"long_running_spans":true,"span_events":true,"config":{"default_env":"none","receiver_timeout":0,"max_request_bytes":MAX}}"#;

/// The answer to `request`. `rates` stands in for the sampling rates that trace requests of Datadog tracers get.
pub fn to(request: &Request, max_body: usize, rates: Option<&[u8]>) -> Response {
    if request.headers.get("sec-fetch-site").is_some_and(|site| site.trim() == "cross-site") {
        return text(403, "cross-site request rejected\n");
    }
    match Protocol::of_path(&request.path) {
        Some(Endpoint::Traces(Protocol::V03 | Protocol::V04Json)) => text(200, "OK\n"),
        Some(Endpoint::Traces(Protocol::OtlpProto)) => {
            let said = request.headers.get("content-type").unwrap_or("application/x-protobuf");
            let json = said.trim_start().to_ascii_lowercase().starts_with("application/json");
            answer(
                200,
                if json { "application/json" } else { "application/x-protobuf" },
                if json { b"{}" } else { b"" },
            )
        }
        Some(Endpoint::Traces(Protocol::OtlpGrpc)) => answer(200, "application/grpc", &[0; 5]),
        Some(Endpoint::Traces(Protocol::Zipkin)) => answer(202, "text/plain", b""),
        Some(Endpoint::Traces(_)) => answer(200, "application/json", rates.unwrap_or(RATES)),
        Some(Endpoint::Other(CLIENT_STATS)) => text(200, ""),
        Some(Endpoint::Other("agent info")) => {
            answer(200, "application/json", INFO.replace("MAX", &max_body.to_string()).as_bytes())
        }
        // There is no remote configuration here, and tracers go on without.
        Some(Endpoint::Other("remote configuration")) | None => text(404, "404 page not found\n"),
        Some(Endpoint::Other(_)) => answer(200, "application/json", b"{}"),
    }
}

/// An answer in plain text.
pub fn text(status: u16, body: &str) -> Response {
    answer(status, "text/plain; charset=utf-8", body.as_bytes())
}

/// An answer of any kind.
pub fn answer(status: u16, content_type: &str, body: &[u8]) -> Response {
    let mut headers = Headers::default();
    headers.push("Content-Type", content_type);
    Response { status, headers, body: body.to_vec(), ..Response::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_has_the_answer_that_its_clients_expect() {
        for (path, content_type, status, body) in [
            ("/v0.3/traces", "", 200, "OK\n"),
            ("/v0.4/traces", "application/msgpack", 200, r#"{"rate_by_service":{"service:,env:":1}}"#),
            ("/base/v1.0/traces?x", "", 200, r#"{"rate_by_service":{"service:,env:":1}}"#),
            ("/v0.6/stats", "", 200, ""),
            ("/telemetry/proxy/api/v2/apmtelemetry", "", 200, "{}"),
            ("/v0.7/config", "", 404, "404 page not found\n"),
            ("/nothing", "", 404, "404 page not found\n"),
            ("/v1/traces", "application/x-protobuf", 200, ""),
            ("/v1/traces", "application/json; charset=utf-8", 200, "{}"),
        ] {
            let mut request = Request { path: path.to_owned(), ..Request::default() };
            request.headers.push("Content-Type", content_type);
            let response = to(&request, 1, None);
            assert_eq!((response.status, String::from_utf8_lossy(&response.body).as_ref()), (status, body), "{path}");
        }
        let info = to(&Request { path: "/info".into(), ..Request::default() }, 77, None);
        let info: serde_json::Value = serde_json::from_slice(&info.body).expect("JSON");
        assert_eq!(info["config"]["max_request_bytes"], 77);
    }
}
