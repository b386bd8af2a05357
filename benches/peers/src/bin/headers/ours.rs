//! spanglass: one extraction, one list of headers and one count of findings that are filled again for every set. Texts of
//! findings are not made, as the others make none.

use crate::work::{Fields, Pass, Sums};
use anyhow::Result;
use spanglass::context::{Baggage, PropagationStyle, SpanContext};
use spanglass::diagnostic::Diagnostics;
use spanglass::http::Headers;
use spanglass::propagation::{self, ExtractOptions, Extraction, InjectOptions, Injected};
use std::hint::black_box;

pub(crate) const BOTH: [PropagationStyle; 2] = [PropagationStyle::Datadog, PropagationStyle::TraceContext];
pub(crate) const W3C: [PropagationStyle; 1] = [PropagationStyle::TraceContext];

fn headers(fields: &Fields) -> Headers {
    let mut headers = Headers::default();
    fields.iter().for_each(|(name, value)| headers.push(name.as_str(), value.as_str()));
    headers
}

fn add(context: &SpanContext, styles: &[PropagationStyle], sums: &mut Sums) {
    let priority = context.priority.map_or(0, |priority| i64::from(priority.0));
    let decision = if styles.len() == 1 { i64::from(priority > 0) } else { priority };
    sums.add_context(context.trace_id.0, context.span_id.0, decision);
}

pub(crate) fn extract<'s>(sets: &'s [Fields], styles: &'s [PropagationStyle]) -> Pass<'s> {
    let sets: Vec<Headers> = sets.iter().map(headers).collect();
    let options = ExtractOptions { styles: styles.to_vec(), ..ExtractOptions::default() };
    let (mut extraction, mut found) = (Extraction::default(), Diagnostics::counting());
    Box::new(move |mut sums| {
        for set in &sets {
            found.clear();
            propagation::extract(set, &options, &mut extraction, &mut found);
            if let (Some(sums), Some(context)) = (&mut sums, black_box(&extraction).context()) {
                add(context, styles, sums);
            }
        }
        Ok(())
    })
}

/// The contexts of the sets, each sent on. The members of other vendors are only written where the peer does.
pub(crate) fn inject<'s>(sets: &'s [Fields], styles: &'s [PropagationStyle], foreign: bool) -> Result<Pass<'s>> {
    let options = ExtractOptions { styles: styles.to_vec(), ..ExtractOptions::default() };
    let mut contexts: Vec<SpanContext> = Vec::new();
    for set in sets {
        let (mut extraction, mut found) = (Extraction::default(), Diagnostics::default());
        propagation::extract(&headers(set), &options, &mut extraction, &mut found);
        if let Some(context) = extraction.context() {
            let mut context = context.clone();
            if !foreign {
                context.tracestate.clear();
            }
            contexts.push(context);
        }
    }
    let options = InjectOptions { styles: styles.to_vec(), ..InjectOptions::default() };
    let (baggage, mut sent, mut found) = (Baggage::default(), Injected::default(), Diagnostics::counting());
    Ok(Box::new(move |mut sums| {
        for context in &contexts {
            found.clear();
            propagation::inject_into(context, &baggage, &options, &mut sent, &mut found);
            if let Some(sums) = &mut sums {
                sums.add_message(black_box(&sent).headers.iter());
            }
        }
        Ok(())
    }))
}
