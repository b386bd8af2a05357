//! OTLP the usual way: opentelemetry-proto's messages, read by prost from protobuf and by serde_json from JSON.

use super::{Decoder, Sums};
use anyhow::{Context, Result};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;
use std::hint::black_box;

pub fn protobuf(body: &[u8]) -> Decoder<'_> {
    Box::new(move |sums| {
        add(&black_box(ExportTraceServiceRequest::decode(body).context("prost")?), sums);
        Ok(())
    })
}

pub fn json_lines(body: &[u8]) -> Decoder<'_> {
    Box::new(move |mut sums| {
        super::lines(body).try_for_each(|line| -> Result<()> {
            let request: ExportTraceServiceRequest = serde_json::from_slice(line).context("serde_json")?;
            add(&black_box(request), sums.as_deref_mut());
            Ok(())
        })
    })
}

fn add(request: &ExportTraceServiceRequest, sums: Option<&mut Sums>) {
    let Some(sums) = sums else { return };
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    for span in scopes.flat_map(|scope| &scope.spans) {
        let texts = span.attributes.iter().filter_map(|attribute| match attribute.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) => Some((attribute.key.as_str(), text.as_str())),
            _ => None,
        });
        sums.add((span.end_time_unix_nano - span.start_time_unix_nano) as i64, texts);
    }
}
