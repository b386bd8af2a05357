//! The order in which a Datadog tracer decides about a new trace, and what it writes on the local root span.
//!
//! Rules first: the first whose patterns fit decides by the hash, then the limiter. Then the rate that the Agent sent
//! for `service:xmtpd,env:prod`, or, except with ddtrace, for `service:,env:`. Else everything is kept. A kept rule of
//! rate 0.5 leaves priority 2, `_dd.p.dm` -3, `_dd.rule_psr` 0.5, `_dd.limit_psr` 1 and `_dd.p.ksr` 0.5. An extracted
//! priority comes before all this.

use super::datadog::{self, Tracer};
use super::limiter::Limiter;
use crate::id::TraceId;
use crate::rule::{Rate, SamplingRule, Subject};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Mechanism of a decision without any rate.
const DEFAULT: u8 = 0;
/// Mechanism of a rate that the Agent sent.
const AGENT_RATE: u8 = 1;
/// Mechanism of a rule.
const LOCAL_RULE: u8 = 3;

/// The local root span that is decided about.
#[derive(Clone, Copy, Debug)]
pub struct Root<'s> {
    /// Its trace.
    pub trace_id: TraceId,
    /// The environment of the service; empty when there is none.
    pub env: &'s str,
    /// What rules look at.
    pub span: Subject<'s>,
}

/// What was decided, and the tags that it leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// -1, 0, 1 or 2: the metric `_sampling_priority_v1`.
    pub priority: i32,
    /// Who decided.
    pub mechanism: u8,
    /// `_dd.p.dm`. Most tracers remove it from a trace that they drop.
    pub decision_maker: Option<String>,
    /// Further metrics of the local root.
    pub metrics: Vec<(&'static str, f64)>,
    /// `_dd.p.ksr`.
    pub ksr: Option<String>,
}

impl Decision {
    /// Whether the trace is kept.
    pub fn keeps(&self) -> bool {
        self.priority > 0
    }

    fn new(tracer: Tracer, mechanism: u8, rate: Option<Rate>, priority: i32) -> Decision {
        let named = priority > 0 || tracer == Tracer::Python;
        Decision {
            priority,
            mechanism,
            decision_maker: named.then(|| format!("-{mechanism}")),
            metrics: Vec::new(),
            ksr: rate.map(datadog::ksr),
        }
    }
}

/// Decides about a trace that came without a priority. `agent_rates` are the keys and rates of the Agent's answer;
/// without a `limiter` what a rule keeps stays kept.
pub fn decide(
    tracer: Tracer,
    root: Root<'_>,
    rules: &[SamplingRule],
    agent_rates: &BTreeMap<String, Rate>,
    limiter: Option<&mut Limiter>,
    now: Timestamp,
) -> Decision {
    let fits = |rule: &&SamplingRule| match tracer {
        Tracer::Cpp => rule.matches_bytes(root.span),
        Tracer::Go | Tracer::Js | Tracer::Python => rule.matches(root.span),
    };
    if let Some(rule) = rules.iter().find(fits) {
        return by_rule(tracer, root.trace_id, rule.rate, limiter, now);
    }
    let rate = |service: &str, env: &str| agent_rates.get(&format!("service:{service},env:{env}")).copied();
    let default = || if tracer == Tracer::Python { None } else { rate("", "") };
    let agent_psr = |rate: Rate| vec![("_dd.agent_psr", rate.get())];
    match rate(root.span.service, root.env).or_else(default) {
        Some(rate) => {
            let priority = i32::from(datadog::keeps(root.trace_id, rate));
            let decision = Decision::new(tracer, AGENT_RATE, Some(rate), priority);
            Decision { metrics: agent_psr(rate), ..decision }
        }
        None => {
            // dd-trace-go takes its built-in rate 1 for one of the Agent's.
            let mechanism = if tracer == Tracer::Go { AGENT_RATE } else { DEFAULT };
            let metrics = if tracer == Tracer::Python { Vec::new() } else { agent_psr(Rate::ONE) };
            Decision { metrics, ..Decision::new(tracer, mechanism, None, 1) }
        }
    }
}

/// Decides by a rule that fits, or by `DD_TRACE_SAMPLE_RATE`, which is a last rule that fits everything.
pub fn by_rule(
    tracer: Tracer,
    trace_id: TraceId,
    rate: Rate,
    limiter: Option<&mut Limiter>,
    now: Timestamp,
) -> Decision {
    let mut metrics = vec![("_dd.rule_psr", rate.get())];
    let mut keep = datadog::keeps(trace_id, rate);
    if keep {
        let asked = limiter.map(|limiter| limiter.request(now));
        metrics.push(("_dd.limit_psr", asked.map_or(1.0, |asked| asked.effective_rate)));
        keep = asked.is_none_or(|asked| asked.allowed);
    }
    Decision { metrics, ..Decision::new(tracer, LOCAL_RULE, Some(rate), if keep { 2 } else { -1 }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Glob;

    fn root(service: &str) -> Root<'_> {
        Root { trace_id: TraceId(10), env: "prod", span: Subject { service, ..Subject::default() } }
    }

    #[test]
    fn the_rate_for_everything_else_is_not_read_by_ddtrace() {
        let rates = BTreeMap::from([("service:,env:".to_owned(), Rate::new(0.2).unwrap())]);
        let decide = |tracer| decide(tracer, root("svc"), &[], &rates, None, Timestamp(0));
        for tracer in [Tracer::Cpp, Tracer::Go, Tracer::Js] {
            let decision = decide(tracer);
            assert_eq!((decision.priority, decision.mechanism, decision.ksr.as_deref()), (0, 1, Some("0.2")));
        }
        let python = decide(Tracer::Python);
        assert_eq!((python.priority, python.decision_maker.as_deref(), python.ksr), (1, Some("-0"), None));
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rule = |service: &str, rate| SamplingRule {
            service: Glob::new(service),
            rate: Rate::new(rate).unwrap(),
            ..SamplingRule::default()
        };
        let rules = [rule("other", 1.0), rule("s?c", 0.25), rule("*", 1.0)];
        let decision = decide(Tracer::Cpp, root("svc"), &rules, &BTreeMap::new(), None, Timestamp(0));
        assert_eq!(
            decision,
            Decision {
                priority: -1,
                mechanism: 3,
                decision_maker: None,
                metrics: vec![("_dd.rule_psr", 0.25)],
                ksr: Some("0.25".into()),
            }
        );
        assert!(!decision.keeps());
    }
}
