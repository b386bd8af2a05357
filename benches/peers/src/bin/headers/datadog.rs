//! datadog-opentelemetry: the propagator of dd-trace-rs, of which the feature `_unstable_propagation` makes the parts
//! public. It cannot be given the members of other vendors from outside (`InjectTraceState` has no public constructor),
//! so it writes none.

use crate::work::{Fields, Pass, get};
use anyhow::Result;
use datadog_opentelemetry::configuration::Config;
use datadog_opentelemetry::propagation::carrier::{Extractor, Injector};
use datadog_opentelemetry::propagation::context::{InjectSpanContext, SpanContext};
use datadog_opentelemetry::propagation::{DatadogCompositePropagator, ExtractResult, TracePropagationStyle};
use std::hint::black_box;
use std::sync::Arc;

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

fn propagator() -> DatadogCompositePropagator<Config> {
    let styles = || vec![TracePropagationStyle::Datadog, TracePropagationStyle::TraceContext];
    let mut config = Config::builder();
    config.set_trace_propagation_style_extract(styles()).set_trace_propagation_style_inject(styles());
    DatadogCompositePropagator::new(Arc::new(config.build()))
}

fn context(propagator: &DatadogCompositePropagator<Config>, set: &Fields) -> Option<SpanContext> {
    match propagator.extract(&Carrier(set)) {
        ExtractResult::Continue(context) => Some(context),
        _ => None,
    }
}

pub(crate) fn extract(sets: &[Fields]) -> Pass<'_> {
    let propagator = propagator();
    Box::new(move |mut sums| {
        for set in sets {
            if let (Some(context), Some(sums)) = (black_box(context(&propagator, set)), &mut sums) {
                let priority = context.sampling.priority.map_or(0, |priority| i64::from(priority.into_i8()));
                sums.add_context(context.trace_id, context.span_id, priority);
            }
        }
        Ok(())
    })
}

pub(crate) fn inject(sets: &[Fields]) -> Result<Pass<'_>> {
    let propagator = propagator();
    let mut contexts: Vec<SpanContext> = sets.iter().filter_map(|set| context(&propagator, set)).collect();
    Ok(Box::new(move |mut sums| {
        for context in &mut contexts {
            let mut sent = Sent(Fields::new());
            let mut outgoing = InjectSpanContext {
                trace_id: context.trace_id,
                span_id: context.span_id,
                sampling: context.sampling,
                origin: context.origin.as_deref(),
                tags: &mut context.tags,
                is_remote: false,
                tracestate: None,
                ot_member: None,
            };
            propagator.inject(&mut outgoing, &mut sent);
            let sent = black_box(sent);
            if let Some(sums) = &mut sums {
                sums.add_message(sent.0.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            }
        }
        Ok(())
    }))
}
