//! rmp-serde on v0.5: the table of strings borrows from the body and spans keep their indices into it, the cheapest
//! form from which every field can still be read.

use super::serde_v04::Pairs;
use super::{Decoder, Sums};
use anyhow::{Context, Result};
use std::hint::black_box;

/// `[strings, traces]`.
#[derive(serde::Deserialize)]
struct Payload<'b>(#[serde(borrow)] Vec<&'b str>, Vec<Vec<Span>>);

/// Read by position: the names are for the reader. All are kept, so that every one can be read; the sums look at two of them.
#[expect(dead_code)]
#[derive(serde::Deserialize)]
struct Span {
    service: u32,
    name: u32,
    resource: u32,
    trace_id: u64,
    span_id: u64,
    parent_id: u64,
    start: i64,
    duration: i64,
    error: i32,
    meta: Pairs<u32, u32>,
    metrics: Pairs<u32, f64>,
    type_: u32,
}

pub fn borrowed(body: &[u8]) -> Decoder<'_> {
    Box::new(|sums| check(rmp_serde::from_slice(body), sums))
}

fn check(decoded: Result<Payload<'_>, rmp_serde::decode::Error>, sums: Option<&mut Sums>) -> Result<()> {
    let Payload(strings, traces) = black_box(decoded).context("rmp-serde")?;
    if let Some(sums) = sums {
        let string = |index: u32| strings.get(index as usize).copied().context("index outside the string table");
        for span in traces.iter().flatten() {
            let meta: Vec<(&str, &str)> =
                span.meta.0.iter().map(|&(key, value)| Ok((string(key)?, string(value)?))).collect::<Result<_>>()?;
            sums.add(span.duration, meta);
        }
    }
    Ok(())
}
