//! What was recorded, read back as dd-apm-test-agent gives it: `/test/session/traces`, `/test/session/requests`,
//! `/test/session/clear`, `/test/session/start`. It is read from the file, so that a recorder holds nothing in memory.

use super::answer;
use crate::capture::{self, CaptureLimits, CaptureRecord, OpenError};
use crate::diagnostic::Diagnostics;
use crate::encoding;
use crate::http::{Request, Response};
use crate::intake::Decoder;
use crate::trace::Keep;
use crate::wire::{self, Losses, Options, Protocol};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Traces,
    Requests,
    /// Begin anew: what is in the file already is not shown any more.
    Clear,
}

/// What a request asks for, when it is one of these.
pub(super) fn asked(request: &Request) -> Option<Asked> {
    match request.path.split('?').next()?.strip_prefix("/test/session/")? {
        "traces" => Some(Asked::Traces),
        "requests" => Some(Asked::Requests),
        "clear" | "start" => Some(Asked::Clear),
        _ => None,
    }
}

/// The answer out of the file `path` from byte `since` on.
pub(super) fn answer_from(asked: Asked, request: &Request, path: Option<&Path>, since: u64) -> Response {
    let token =
        request.path.split_once("test_session_token=").map(|(_, token)| token.split('&').next().unwrap_or(token));
    let token = token.or_else(|| request.headers.get("x-datadog-test-session-token"));
    let records = match path {
        Some(path) => match records(path, since) {
            Ok(records) => records,
            Err(error) => return answer::text(500, &format!("cannot read {}: {error}\n", path.display())),
        },
        None => Vec::new(),
    };
    let of_session = |record: &CaptureRecord| {
        token.is_none_or(|token| record.request.headers.get("x-datadog-test-session-token") == Some(token))
    };
    let records: Vec<_> = records.into_iter().filter(of_session).collect();
    let document = match asked {
        Asked::Requests => {
            let host = request.headers.get("host").unwrap_or("localhost");
            records.iter().map(|record| shown(&record.request, host)).collect()
        }
        Asked::Traces => traces(records),
        Asked::Clear => Value::Array(Vec::new()),
    };
    answer::answer(200, "application/json; charset=utf-8", document.to_string().as_bytes())
}

fn records(path: &Path, since: u64) -> io::Result<Vec<CaptureRecord>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(since))?;
    let mut bytes = Vec::new();
    let (_, mut plain) = encoding::unwrap_layers(file, encoding::Limits::default())?;
    plain.read_to_end(&mut bytes)?;
    let mut capture = match capture::open(Cursor::new(bytes), path, CaptureLimits::default()) {
        Ok(capture) => capture,
        Err(OpenError::Empty) => return Ok(Vec::new()),
        Err(error) => return Err(io::Error::other(error)),
    };
    let mut found = Diagnostics::default();
    Ok(std::iter::from_fn(|| capture.next_record(&mut found)).collect())
}

fn shown(request: &Request, host: &str) -> Value {
    let headers: Map<String, Value> =
        request.headers.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    json!({
        "headers": headers,
        "body": STANDARD.encode(&request.body),
        "url": format!("http://{host}{}", request.path),
        "method": request.method,
    })
}

/// Traces in the members of v0.4, the newest first; the chunks of a trace are joined.
fn traces(records: Vec<CaptureRecord>) -> Value {
    let mut decoder = Decoder::default();
    let mut traces: Vec<(Value, Vec<Value>)> = Vec::new();
    let options = Options { keep: Keep::All, ..Options::default() };
    for record in records {
        let mut found = Diagnostics::default();
        let Some((_, payload)) = decoder.decode(record, &options, &mut found) else { continue };
        let Some(request) = wire::encode(Protocol::V04, payload, &mut Losses::default()) else { continue };
        let Ok(Document(chunks)) = rmp_serde::from_slice(&request.body) else { continue };
        for span in chunks.as_array().into_iter().flatten().flat_map(|chunk| chunk.as_array()).flatten() {
            let id = span["trace_id"].clone();
            match traces.iter_mut().rev().find(|(other, _)| *other == id) {
                Some((_, spans)) => spans.push(span.clone()),
                None => traces.push((id, vec![span.clone()])),
            }
        }
    }
    traces.into_iter().rev().map(|(_, spans)| Value::Array(spans)).collect()
}

/// A msgpack document as JSON; binary data is one of its own (meta_struct), or base64 when it is none.
struct Document(Value);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Document;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a msgpack value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Document, E> {
                Ok(Document(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Document, E> {
                Ok(Document(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Document, E> {
                Ok(Document(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Document, E> {
                Ok(Document(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Document, E> {
                Ok(Document(value.into()))
            }
            fn visit_unit<E>(self) -> Result<Document, E> {
                Ok(Document(Value::Null))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Document, E> {
                let document = rmp_serde::from_slice(bytes).ok();
                Ok(document.unwrap_or_else(|| Document(STANDARD.encode(bytes).into())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Document, A::Error> {
                let mut all = Vec::new();
                while let Some(Document(item)) = items.next_element()? {
                    all.push(item);
                }
                Ok(Document(all.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Document, A::Error> {
                let mut all = Map::new();
                while let Some((Document(key), Document(value))) = members.next_entry()? {
                    let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                    all.insert(key, value);
                }
                Ok(Document(all.into()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
