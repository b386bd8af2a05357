//! zerompk: derived structs that borrow their strings; meta and metrics are vectors of pairs, read by hand because
//! zerompk itself only knows hash and tree maps.

use super::{Decoder, Sums};
use anyhow::{Result, anyhow};
use std::hint::black_box;
use zerompk::{FromMessagePack, Read};

/// Fields are unsigned where the bodies have unsigned integers: zerompk does not convert between the two.
/// All are kept, so that every one can be read; the sums look at two of them.
#[expect(dead_code)]
#[derive(FromMessagePack)]
#[msgpack(map, allow_unknown_fields)]
struct Span<'b> {
    #[msgpack(default)]
    service: &'b str,
    #[msgpack(default)]
    name: &'b str,
    #[msgpack(default)]
    resource: &'b str,
    #[msgpack(default)]
    trace_id: u64,
    #[msgpack(default)]
    span_id: u64,
    #[msgpack(default)]
    parent_id: u64,
    #[msgpack(default)]
    start: u64,
    #[msgpack(default)]
    duration: u64,
    #[msgpack(default)]
    error: u32,
    #[msgpack(default)]
    meta: Pairs<&'b str, &'b str>,
    #[msgpack(default)]
    metrics: Pairs<&'b str, f64>,
    #[msgpack(default, key = "type")]
    type_: &'b str,
}

struct Pairs<K, V>(Vec<(K, V)>);

impl<K, V> Default for Pairs<K, V> {
    fn default() -> Self {
        Pairs(Vec::new())
    }
}

impl<'b, K: FromMessagePack<'b>, V: FromMessagePack<'b>> FromMessagePack<'b> for Pairs<K, V> {
    fn read<R: Read<'b>>(reader: &mut R) -> zerompk::Result<Self> {
        reader.increment_depth()?;
        let len = reader.read_map_len()?;
        // A reader does not tell how much is left, so a lying length is capped rather than refused.
        let mut pairs = Vec::with_capacity(len.min(1024));
        for _ in 0..len {
            pairs.push((K::read(reader)?, V::read(reader)?));
        }
        reader.decrement_depth();
        Ok(Pairs(pairs))
    }
}

pub fn v04(body: &[u8]) -> Decoder<'_> {
    Box::new(|sums| check(zerompk::from_msgpack(body), sums))
}

fn check(decoded: zerompk::Result<Vec<Vec<Span<'_>>>>, sums: Option<&mut Sums>) -> Result<()> {
    let traces = black_box(decoded).map_err(|error| anyhow!("zerompk: {error}"))?;
    if let Some(sums) = sums {
        for span in traces.iter().flatten() {
            sums.add(i64::try_from(span.duration)?, span.meta.0.iter().copied());
        }
    }
    Ok(())
}
