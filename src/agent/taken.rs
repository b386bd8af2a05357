//! What an answer says became of the spans of its request.

use crate::http::Response;
use chrono::DateTime;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest text of a refusal that is kept.
const MOST_TEXT: usize = 300;
/// Bytes before a message of gRPC: whether it is compressed, and its length.
const FRAME: usize = 5;

/// What a target took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// The request was accepted, perhaps without some of its spans.
    pub ok: bool,
    /// `200`, or `grpc-14`.
    pub status: String,
    /// Spans that the target says it did not take.
    pub rejected_spans: u64,
    /// Why, in the words of the target.
    pub reason: Option<String>,
}

impl Taken {
    /// What `response` says.
    pub fn of(response: &Response) -> Taken {
        let grpc = response.headers.get("grpc-status").filter(|_| response.status == 200);
        let ok = (200..300).contains(&response.status) && grpc.is_none_or(|status| status == "0");
        let status = match grpc.filter(|status| *status != "0") {
            Some(status) => format!("grpc-{status}"),
            None => response.status.to_string(),
        };
        let mut taken = Taken { ok, status, ..Taken::default() };
        if !ok {
            let message = response.headers.get("grpc-message").map(str::to_owned);
            let said = message.unwrap_or_else(|| String::from_utf8_lossy(&response.body).into_owned());
            let said: String = said.trim().chars().take(MOST_TEXT).collect();
            taken.reason = Some(said).filter(|said| !said.is_empty());
            return taken;
        }
        if let Some(partial) = partial_success(response) {
            taken.rejected_spans = u64::try_from(partial.rejected_spans).unwrap_or_default();
            taken.reason = Some(partial.error_message).filter(|message| !message.is_empty());
        }
        taken
    }
}

/// The sampling rates that a Datadog agent wants, by `service:S,env:E`.
pub fn rates(response: &Response) -> BTreeMap<String, f64> {
    let document: Option<Value> = serde_json::from_slice(&response.body).ok();
    let rates = document.as_ref().and_then(|document| document["rate_by_service"].as_object());
    rates.into_iter().flatten().filter_map(|(key, rate)| Some((key.clone(), rate.as_f64()?))).collect()
}

fn partial_success(response: &Response) -> Option<ExportTracePartialSuccess> {
    let body = &response.body[..];
    let content_type = response.headers.get("content-type").unwrap_or_default();
    let message = match content_type.split(';').next().unwrap_or_default().trim() {
        "application/x-protobuf" => body,
        "application/json" => return partial_success_in_json(body),
        grpc if grpc.starts_with("application/grpc") => body.get(FRAME..)?,
        _ => return None,
    };
    ExportTraceServiceResponse::decode(message).ok()?.partial_success
}

/// In JSON a 64-bit integer may be a text.
fn partial_success_in_json(body: &[u8]) -> Option<ExportTracePartialSuccess> {
    // Most answers have none, and every request of a replay is asked for it.
    memchr::memmem::find(body, b"partialSuccess")?;
    let document: Value = serde_json::from_slice(body).ok()?;
    let partial = document.get("partialSuccess")?;
    let rejected = &partial["rejectedSpans"];
    let rejected = rejected.as_i64().or_else(|| rejected.as_str()?.parse().ok());
    let error_message = partial["errorMessage"].as_str().unwrap_or_default().to_owned();
    Some(ExportTracePartialSuccess { rejected_spans: rejected.unwrap_or_default(), error_message })
}

/// A refusal that may pass: the target asks to be asked again.
pub(super) fn is_passing(response: &Response) -> bool {
    match response.headers.get("grpc-status") {
        // Cancelled, deadline exceeded, resource exhausted, aborted, out of range, unavailable, data loss.
        Some(status) => matches!(status, "1" | "4" | "8" | "10" | "11" | "14" | "15"),
        None => matches!(response.status, 429 | 502..=504),
    }
}

/// How long the target asks to be left alone: `Retry-After`, in seconds or as a date beside its own.
pub(super) fn asked_pause(response: &Response) -> Option<Duration> {
    let asked = response.headers.get("retry-after")?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(asked).ok()?;
    let now = DateTime::parse_from_rfc2822(response.headers.get("date")?.trim()).ok()?;
    Some((at - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let mut response = Response { status, body: body.to_vec(), ..Response::default() };
        for (name, value) in headers {
            response.headers.push(*name, *value);
        }
        response
    }

    #[test]
    fn answers_say_what_was_taken() {
        let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: "too old".to_owned() };
        let message = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        let framed = [&[0, 0, 0, 0, message.len() as u8][..], &message].concat();
        let json = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#;
        for (kind, body) in
            [("application/x-protobuf", &message[..]), ("application/json", json), ("application/grpc", &framed)]
        {
            let taken = Taken::of(&response(200, &[("content-type", kind), ("grpc-status", "0")], body));
            assert_eq!((taken.ok, taken.rejected_spans, taken.reason.as_deref()), (true, 3, Some("too old")), "{kind}");
        }
        let rates = rates(&response(200, &[], br#"{"rate_by_service":{"service:a,env:b":0.5}}"#));
        assert_eq!(rates.get("service:a,env:b"), Some(&0.5));
        let refused = Taken::of(&response(200, &[("grpc-status", "14"), ("grpc-message", "later")], b""));
        assert_eq!((refused.ok, refused.status.as_str(), refused.reason.as_deref()), (false, "grpc-14", Some("later")));
        assert!(!Taken::of(&response(404, &[("grpc-status", "0")], b"")).ok);
    }

    #[test]
    fn a_pause_is_a_number_or_a_date() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (asked, wanted) in [
            ("2", Some(2)),
            (" 7 ", Some(7)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
        ] {
            let pause = asked_pause(&response(429, &[("retry-after", asked), date], b""));
            assert_eq!(pause, wanted.map(Duration::from_secs), "{asked}");
        }
    }
}
