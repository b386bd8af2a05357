//! What a span of a capture says about how its trace was sampled.

use super::Incoming;
use super::evidence::{evidence, priority_in_words};
use crate::trace::{Span, Value};

/// In words, one statement each: the priority, who decided, at what rate, and what a rule for single spans did. Empty where a span says
/// nothing, which is every span but the first of a process's part.
pub fn recorded(span: Span<'_>) -> Vec<String> {
    let tags = span.attributes();
    let number = |key: &str| match tags.get(key)? {
        Value::Float(number) => Some(number),
        Value::Int(number) => Some(number as f64),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    };
    let mut said = Vec::new();
    let priority = number("_sampling_priority_v1").map(|priority| priority as i32);
    said.extend(priority.map(|priority| format!("priority {}", priority_in_words(priority))));
    let member = |name: &str| {
        span.tracestate().split(',').find_map(|member| member.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let input = Incoming {
        trace_id: span.trace_id(),
        priority,
        decision_maker: tags.text("_dd.p.dm"),
        ksr: tags.text("_dd.p.ksr"),
        ot: member("ot"),
        ..Incoming::default()
    };
    said.extend(evidence(&input).into_iter().map(|evidence| match evidence.contradicts {
        true => format!("{} (contradicts the rest)", evidence.text),
        false => evidence.text,
    }));
    for (key, what) in [
        ("_dd.rule_psr", "a sampling rule at rate"),
        ("_dd.agent_psr", "the agent's rate"),
        ("_dd.limit_psr", "the rate limiter let pass a share of"),
    ] {
        said.extend(number(key).map(|rate| format!("{what} {rate}")));
    }
    if number("_dd.span_sampling.mechanism") == Some(8.0) {
        let rate = number("_dd.span_sampling.rule_rate").map(|rate| format!(" at rate {rate}")).unwrap_or_default();
        let most = number("_dd.span_sampling.max_per_second");
        let most = most.map(|most| format!(", at most {most} a second")).unwrap_or_default();
        said.push(format!("kept alone by a span sampling rule{rate}{most}, whatever became of its trace"));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use crate::trace::{Batch, OwnedValue, SpanDraft};

    fn said(tags: &[(&str, OwnedValue)], tracestate: &str) -> Vec<String> {
        let mut batch = Batch::default();
        batch.push(&SpanDraft {
            trace_id: TraceId(1),
            span_id: SpanId(2),
            attributes: tags.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
            tracestate: tracestate.to_owned(),
            ..SpanDraft::default()
        });
        batch.finish();
        let view = batch.view(&[]);
        view.spans().next().map(recorded).unwrap_or_default()
    }

    #[test]
    fn decisions_are_read_back() {
        let text = |text: &str| OwnedValue::Str(text.to_owned());
        assert_eq!(said(&[], ""), Vec::<String>::new());
        let rule = [
            ("_sampling_priority_v1", OwnedValue::Float(2.0)),
            ("_dd.p.dm", text("-3")),
            ("_dd.rule_psr", OwnedValue::Float(0.5)),
            ("_dd.limit_psr", OwnedValue::Float(1.0)),
        ];
        assert_eq!(
            said(&rule, ""),
            [
                "priority 2 user keep",
                "decided by local rule (_dd.p.dm -3)",
                "a sampling rule at rate 0.5",
                "the rate limiter let pass a share of 1"
            ]
        );
        let alone = [
            ("_dd.span_sampling.mechanism", OwnedValue::Float(8.0)),
            ("_dd.span_sampling.rule_rate", OwnedValue::Float(1.0)),
            ("_dd.span_sampling.max_per_second", OwnedValue::Float(50.0)),
        ];
        assert_eq!(
            said(&alone, ""),
            ["kept alone by a span sampling rule at rate 1, at most 50 a second, whatever became of its trace"]
        );
        assert!(
            said(&[], "acme=1,ot=th:8").iter().any(|text| text.contains("ot probability 0.5")),
            "{:?}",
            said(&[], "acme=1,ot=th:8")
        );
    }
}
