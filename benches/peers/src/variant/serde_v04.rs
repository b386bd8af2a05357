//! rmp-serde on v0.4: derived structs with owned or borrowed strings; meta and metrics are vectors of pairs, which cost
//! far less than hash maps.

use super::{Decoder, Sums};
use anyhow::{Context, Result};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::hint::black_box;
use std::marker::PhantomData;

/// All fields are kept, so that every one can be read; the sums look at two of them.
#[derive(serde::Deserialize)]
#[serde(default)]
#[serde(bound(deserialize = "S: Deserialize<'de> + Default"))]
struct Span<S> {
    service: S,
    name: S,
    resource: S,
    trace_id: u64,
    span_id: u64,
    parent_id: u64,
    start: i64,
    duration: i64,
    error: i32,
    meta: Pairs<S, S>,
    metrics: Pairs<S, f64>,
    #[serde(rename = "type")]
    type_: S,
}

impl<S: Default> Default for Span<S> {
    fn default() -> Self {
        Span {
            service: S::default(),
            name: S::default(),
            resource: S::default(),
            trace_id: 0,
            span_id: 0,
            parent_id: 0,
            start: 0,
            duration: 0,
            error: 0,
            meta: Pairs::default(),
            metrics: Pairs::default(),
            type_: S::default(),
        }
    }
}

/// A map as the pairs it was written as.
pub(super) struct Pairs<K, V>(pub Vec<(K, V)>);

impl<K, V> Default for Pairs<K, V> {
    fn default() -> Self {
        Pairs(Vec::new())
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Pairs<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

struct PairsVisitor<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for PairsVisitor<K, V> {
    type Value = Pairs<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // The declared length is not trusted: serde's own collections cap it the same way.
        let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(0).min(1024));
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

pub fn owned(body: &[u8]) -> Decoder<'_> {
    Box::new(|sums| check::<String>(rmp_serde::from_slice(body), sums))
}

pub fn borrowed(body: &[u8]) -> Decoder<'_> {
    Box::new(|sums| check::<&str>(rmp_serde::from_slice(body), sums))
}

fn check<S: AsRef<str>>(
    decoded: Result<Vec<Vec<Span<S>>>, rmp_serde::decode::Error>,
    sums: Option<&mut Sums>,
) -> Result<()> {
    let traces = black_box(decoded).context("rmp-serde")?;
    if let Some(sums) = sums {
        for span in traces.iter().flatten() {
            sums.add(span.duration, span.meta.0.iter().map(|(key, value)| (key.as_ref(), value.as_ref())));
        }
    }
    Ok(())
}
