//! opentelemetry_sdk: its W3C propagator.

use crate::work::{Fields, Pass, get};
use anyhow::Result;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::hint::black_box;

struct Carrier<'s>(&'s Fields);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        get(self.0, key)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}

struct Sent(Fields);

impl Injector for Sent {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((key.to_owned(), value));
    }
}

pub(crate) fn extract(sets: &[Fields]) -> Pass<'_> {
    let (propagator, root) = (TraceContextPropagator::new(), Context::new());
    Box::new(move |mut sums| {
        for set in sets {
            let context = black_box(propagator.extract_with_context(&root, &Carrier(set)));
            if let Some(sums) = &mut sums
                && context.has_active_span()
            {
                let span = context.span();
                let span = span.span_context();
                let ids =
                    (u128::from_be_bytes(span.trace_id().to_bytes()), u64::from_be_bytes(span.span_id().to_bytes()));
                sums.add_context(ids.0, ids.1, i64::from(span.is_sampled()));
            }
        }
        Ok(())
    })
}

pub(crate) fn inject(sets: &[Fields]) -> Result<Pass<'_>> {
    let (propagator, root) = (TraceContextPropagator::new(), Context::new());
    let contexts: Vec<Context> = sets
        .iter()
        .map(|set| propagator.extract_with_context(&root, &Carrier(set)))
        .filter(|context| context.has_active_span())
        .collect();
    Ok(Box::new(move |mut sums| {
        for context in &contexts {
            let mut sent = Sent(Fields::new());
            propagator.inject_context(context, &mut sent);
            let sent = black_box(sent);
            if let Some(sums) = &mut sums {
                sums.add_message(sent.0.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            }
        }
        Ok(())
    }))
}
