//! spanglass: every attribute kept; into a batch that is cleared and reused (steady) or one that is made and freed
//! around the decode (cold).

use super::{Decoder, State, Sums};
use anyhow::{Result, ensure};
use spanglass::diagnostic::Diagnostics;
use spanglass::trace::{Batch, Keep, Value};
use spanglass::wire::{self, Options, Protocol};
use std::hint::black_box;

pub fn v04(body: &[u8], state: State) -> Decoder<'_> {
    decoder(Protocol::V04, body, state)
}

pub fn v05(body: &[u8], state: State) -> Decoder<'_> {
    decoder(Protocol::V05, body, state)
}

pub fn otlp(body: &[u8], state: State) -> Decoder<'_> {
    decoder(Protocol::OtlpProto, body, state)
}

pub fn otlp_json_lines(body: &[u8], state: State) -> Decoder<'_> {
    let options = Options { keep: Keep::All, ..Options::default() };
    let mut batch = Batch::default();
    Box::new(move |mut sums| {
        for line in super::lines(body) {
            let mut found = Diagnostics::default();
            wire::decode(Protocol::OtlpJson, line, &options, &mut batch, &mut found.body(0));
            check(black_box(&batch), line, sums.as_deref_mut())?;
        }
        if state == State::Cold {
            batch = Batch::default();
        }
        Ok(())
    })
}

fn decoder(protocol: Protocol, body: &[u8], state: State) -> Decoder<'_> {
    let options = Options { keep: Keep::All, ..Options::default() };
    let mut batch = Batch::default();
    Box::new(move |sums| {
        let mut found = Diagnostics::default();
        wire::decode(protocol, body, &options, &mut batch, &mut found.body(0));
        check(black_box(&batch), body, sums)?;
        if state == State::Cold {
            batch = Batch::default();
        }
        Ok(())
    })
}

fn check(batch: &Batch, body: &[u8], sums: Option<&mut Sums>) -> Result<()> {
    let payload = batch.view(body);
    ensure!(payload.complete(), "spanglass: the body was not read to its end");
    if let Some(sums) = sums {
        for span in payload.spans() {
            let meta = span.attributes().iter().filter_map(|(key, value)| match value {
                Value::Str(text) => Some((key, text)),
                _ => None,
            });
            sums.add(span.duration().0, meta);
        }
    }
    Ok(())
}
