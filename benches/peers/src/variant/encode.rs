//! Encoders of v0.4: the spans of the body, decoded once outside the timer, to a body. Summed up is what was written, as
//! libdd-trace-utils reads it. A copy of the body is what no encoder can beat.

use super::{Decoder, Sums};
use anyhow::{Context, Result, anyhow};
use libdd_trace_utils::msgpack_decoder::v04::from_slice;
use libdd_trace_utils::msgpack_encoder::v04::to_vec_from_v04;
use std::hint::black_box;

fn add(written: &[u8], sums: Option<&mut Sums>) -> Result<()> {
    let Some(sums) = sums else { return Ok(()) };
    super::libdd::v04_slice(written)(Some(sums))
}

pub fn memcpy(body: &[u8]) -> Decoder<'_> {
    Box::new(move |sums| add(&black_box(body.to_vec()), sums))
}

pub fn libdd(body: &[u8]) -> Result<Decoder<'_>> {
    let (traces, _) = from_slice(body).map_err(|error| anyhow!("libdd: {error}"))?;
    Ok(Box::new(move |sums| add(&black_box(to_vec_from_v04(&traces)), sums)))
}

/// spanglass must write the very bytes that it read.
#[cfg(feature = "ours")]
pub fn ours(body: &[u8]) -> Result<Decoder<'_>> {
    use spanglass::diagnostic::Diagnostics;
    use spanglass::trace::Batch;
    use spanglass::wire::{self, Losses, Options, Protocol};

    let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
    wire::decode(Protocol::V04, body, &Options::default(), &mut batch, &mut found.body(0));
    Ok(Box::new(move |sums| {
        let mut losses = Losses::default();
        let request = wire::encode(Protocol::V04, batch.view(body), &mut losses).context("spanglass: not written")?;
        if sums.is_some() && (request.body != body || !losses.is_empty()) {
            return Err(anyhow!("spanglass: not the bytes that were read"));
        }
        add(&black_box(request.body), sums)
    }))
}
