//! libdd-trace-utils: `from_slice` (strings borrow from the body) and `from_bytes` (strings hold a counted reference
//! to it), v0.4 and v0.5.

use super::{Decoder, Sums};
use anyhow::{Result, anyhow};
use libdd_tinybytes::Bytes;
use libdd_trace_utils::msgpack_decoder::decode::error::DecodeError;
use libdd_trace_utils::msgpack_decoder::{v04, v05};
use libdd_trace_utils::span::TraceData;
use libdd_trace_utils::span::v04::Span;
use std::borrow::Borrow;
use std::hint::black_box;

type Decoded<T> = Result<(Vec<Vec<Span<T>>>, usize), DecodeError>;

fn check<T: TraceData>(decoded: Decoded<T>, sums: Option<&mut Sums>) -> Result<()> {
    let (traces, _) = black_box(decoded).map_err(|error| anyhow!("libdd: {error}"))?;
    if let Some(sums) = sums {
        for span in traces.iter().flatten() {
            sums.add(span.duration, span.meta.iter().map(|(key, value)| (key.borrow(), value.borrow())));
        }
    }
    Ok(())
}

pub fn v04_slice(body: &[u8]) -> Decoder<'_> {
    Box::new(|sums| check(v04::from_slice(body), sums))
}

pub fn v05_slice(body: &[u8]) -> Decoder<'_> {
    Box::new(|sums| check(v05::from_slice(body), sums))
}

pub fn v04_bytes(body: &[u8]) -> Decoder<'_> {
    let body = Bytes::copy_from_slice(body);
    Box::new(move |sums| check(v04::from_bytes(body.clone()), sums))
}

pub fn v05_bytes(body: &[u8]) -> Decoder<'_> {
    let body = Bytes::copy_from_slice(body);
    Box::new(move |sums| check(v05::from_bytes(body.clone()), sums))
}
