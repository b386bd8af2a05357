//! The samplers by name: which formula each applies, what it honours in the headers, and its sums in words.

use super::datadog::{self, AgentIds, Tracer};
use super::decision::by_rule;
use super::otel::{self, Ot};
use super::{Incoming, short};
use crate::rule::{Rate, shortest};
use crate::time::Timestamp;

/// A sampler that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    /// For `--sampler` and the JSON.
    pub name: &'static str,
    /// Who samples like this.
    pub about: &'static str,
    family: Family,
}

/// What comes before the formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Honours {
    Nothing,
    Priority,
    Parent,
    Tracestate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Dd,
    DdStrict,
    OtelGo,
    OtelPython,
    OtelJs,
    OtelJava,
    OtelDotnet,
    Agent(AgentIds),
    Xmtpd,
    Flowbot,
    Codeq,
    DdTraceCpp,
    OtelConsistent,
}

/// The samplers, in the order of answers.
const SAMPLERS: &[Sampler] = &[
    sampler("dd", "dd-trace-cpp, ddtrace, dd-trace-js, libdatadog, dd-trace-go from 2.1", Family::Dd),
    sampler("dd-strict", "dd-trace-go before 2.1; the Agent's score and priority samplers", Family::DdStrict),
    sampler("otel-go", "TraceIDRatioBased of OpenTelemetry Go and Rust", Family::OtelGo),
    sampler("otel-python", "TraceIDRatioBased of OpenTelemetry Python", Family::OtelPython),
    sampler("otel-js", "TraceIDRatioBased of OpenTelemetry JavaScript", Family::OtelJs),
    sampler("otel-java", "TraceIDRatioBased of OpenTelemetry Java", Family::OtelJava),
    sampler("otel-dotnet", "TraceIDRatioBased of OpenTelemetry .NET", Family::OtelDotnet),
    sampler("agent", "the Datadog Agent's probabilistic sampler, 64-bit mode", Family::Agent(AgentIds::Low)),
    sampler("agent-full-id", "the same with full trace ids", Family::Agent(AgentIds::Full)),
    sampler("xmtpd", "xmtpd with APM_SAMPLE_RATE", Family::Xmtpd),
    sampler("flowbot", "flowbot with tracing.sample_rate", Family::Flowbot),
    sampler("codeq", "CodeQ with tracingSampleRatio", Family::Codeq),
    sampler("dd-trace-cpp", "dd-trace-cpp with DD_TRACE_SAMPLE_RATE", Family::DdTraceCpp),
    sampler("otel-consistent", "the probability in tracestate, ot=rv:..;th:..", Family::OtelConsistent),
];

const fn sampler(name: &'static str, about: &'static str, family: Family) -> Sampler {
    Sampler { name, about, family }
}

/// Every known sampler.
pub fn samplers() -> &'static [Sampler] {
    SAMPLERS
}

impl Sampler {
    pub(super) fn honours(&self) -> Honours {
        match self.family {
            Family::Dd | Family::DdStrict | Family::Xmtpd | Family::DdTraceCpp => Honours::Priority,
            Family::Flowbot | Family::Codeq => Honours::Parent,
            Family::OtelConsistent => Honours::Tracestate,
            // TraceIDRatioBased alone does not look at the parent; the Agent's sampler overrides every priority.
            Family::OtelGo | Family::OtelPython | Family::OtelJs | Family::OtelJava | Family::OtelDotnet => {
                Honours::Nothing
            }
            Family::Agent(_) => Honours::Nothing,
        }
    }

    /// Whether it keeps the trace when the rate is configured.
    pub(super) fn keeps(&self, input: &Incoming<'_>, ot: &Ot<'_>, rate: Rate) -> Option<bool> {
        self.formula_keeps(input, ot, self.effective(rate))
    }

    /// The rate that a system makes of a configured one: flowbot and CodeQ take 0 for "not set".
    fn effective(&self, rate: Rate) -> Rate {
        match self.family {
            Family::Flowbot | Family::Codeq if rate == Rate::ZERO => Rate::ONE,
            _ => rate,
        }
    }

    /// Whether its formula keeps the trace; `None` when it fails. Holds for every rate above one for which it holds.
    pub(super) fn formula_keeps(&self, input: &Incoming<'_>, ot: &Ot<'_>, rate: Rate) -> Option<bool> {
        let id = input.trace_id;
        Some(match self.family {
            Family::Dd | Family::DdTraceCpp => datadog::keeps(id, rate),
            Family::DdStrict | Family::Xmtpd => datadog::keeps_strict(id, rate),
            Family::OtelGo | Family::Flowbot | Family::Codeq => otel::go_keeps(id, rate),
            Family::OtelPython => otel::python_keeps(id, rate),
            Family::OtelJs => otel::js_keeps(id, rate),
            Family::OtelJava => otel::java_keeps(id, rate),
            Family::OtelDotnet => return otel::dotnet_keeps(id, rate),
            Family::Agent(ids) => datadog::agent_keeps(id, ids, rate),
            Family::OtelConsistent => ot.randomness(id) >= otel::threshold(rate),
        })
    }

    /// What has to be known before the sum.
    pub(super) fn before_formula(&self, input: &Incoming<'_>, rate: Rate) -> String {
        let mut text = String::new();
        if self.honours() == Honours::Parent && input.has_decision() {
            let name = self.name;
            text +=
                &format!("{name} reads traceparent alone, here is none that is valid: it starts a trace of its own; ");
        }
        if self.effective(rate) != rate {
            text += &format!("{} takes rate {rate} for 1; ", self.name);
        }
        text
    }

    /// The formula with the numbers put in.
    pub(super) fn arithmetic(&self, input: &Incoming<'_>, ot: &Ot<'_>, rate: Rate) -> String {
        let (id, rate) = (input.trace_id, self.effective(rate));
        let low = id.low();
        match self.family {
            Family::DdStrict if rate == Rate::ONE => "rate 1 keeps everything, without the hash".to_owned(),
            Family::Xmtpd if rate == Rate::ONE => "at rate 1 xmtpd installs no sampler".to_owned(),
            Family::Dd | Family::DdTraceCpp | Family::DdStrict | Family::Xmtpd => {
                let (hash, threshold) = (datadog::hash(id), datadog::threshold(rate));
                let strict = matches!(self.family, Family::DdStrict | Family::Xmtpd);
                let relation = match strict {
                    true => less(hash < threshold),
                    false if hash <= threshold => "<=",
                    false => ">",
                };
                let product = if rate == Rate::ONE { "2^64 - 1".to_owned() } else { format!("trunc({rate} * 2^64)") };
                let factor = datadog::FACTOR;
                format!("h = {low} * {factor} mod 2^64 = {hash} {relation} {threshold} = {product}")
            }
            Family::OtelGo | Family::Flowbot | Family::Codeq => {
                let bound = otel::go_bound(rate);
                let (half, relation) = (low >> 1, less(low >> 1 < bound));
                format!("lo >> 1 = {half} {relation} {bound} = trunc({rate} * 2^63)")
            }
            Family::OtelPython => {
                let bound = otel::python_bound(rate);
                format!("lo = {low} {} {bound} = round({rate} * 2^64)", less(u128::from(low) < bound))
            }
            Family::OtelJs if id.0 == 0 => "the id is zero, which JavaScript never samples".to_owned(),
            Family::OtelJs => {
                let [a, b, c, d] = otel::js_words(id);
                let (word, bound) = (otel::js_word(id), otel::js_bound(rate));
                let product = if rate == Rate::ONE { "2^32".to_owned() } else { format!("floor({rate} * 0xffffffff)") };
                let relation = less(u64::from(word) < bound);
                format!("{a:08x} ^ {b:08x} ^ {c:08x} ^ {d:08x} = {word} {relation} {bound} = {product}")
            }
            Family::OtelJava => {
                let (number, bound) = (low as i64, otel::java_bound(rate));
                let abs = number.wrapping_abs();
                format!("abs(lo = {number}) = {abs} {} {}", less(abs < bound), java_product(rate))
            }
            Family::OtelDotnet => {
                let (number, bound) = (id.high() as i64, otel::java_bound(rate));
                match number.checked_abs() {
                    Some(abs) => format!("abs(hi = {number}) = {abs} {} {}", less(abs < bound), java_product(rate)),
                    None => format!("abs(hi = {number}) throws an OverflowException in .NET"),
                }
            }
            Family::Agent(ids) => {
                let hash = datadog::agent_hash(id, ids);
                let (bucket, kept) = (datadog::agent_bucket(id, ids), datadog::agent_buckets_kept(rate));
                let (hashed, relation) = (if ids == AgentIds::Low { "lo" } else { "hi, lo" }, less(bucket < kept));
                let percent = short(rate.get() * 100.0);
                format!(
                    "FNV-1a(0, {hashed}) = {hash:#010x} & 0x3fff = {bucket} {relation} {kept} = trunc({percent} * 163.84)"
                )
            }
            Family::OtelConsistent => {
                let (random, th) = (ot.randomness(id), otel::threshold(rate));
                let source = if ot.rv().is_some() { "rv" } else { "low 56 bits" };
                let relation = if random >= th { ">=" } else { "<" };
                format!("{source} = {random:014x} {relation} {th:014x} = round((1 - {rate}) * 2^56)")
            }
        }
    }

    /// What follows from the decision.
    pub(super) fn after_formula(&self, input: &Incoming<'_>, rate: Rate) -> String {
        let id = input.trace_id;
        let equal = rate != Rate::ONE && datadog::hash(id) == datadog::threshold(rate);
        match self.family {
            Family::Dd if equal => "; equal, so dd-trace-go before 2.1 and the Agent drop it".to_owned(),
            Family::DdStrict | Family::Xmtpd if equal => "; equal, so other Datadog tracers keep it".to_owned(),
            Family::Dd => {
                let sent = datadog::ot_after(None, id, rate, datadog::keeps(id, rate), true);
                sent.map(|ot| format!("; sent on as ot={ot}")).unwrap_or_default()
            }
            Family::DdTraceCpp => leaves(input, rate),
            Family::OtelGo | Family::OtelPython | Family::OtelJs | Family::OtelJava | Family::OtelDotnet => {
                match input.parent_sampled() {
                    Some(true) => "; inside ParentBased the sampled parent decides: kept".to_owned(),
                    Some(false) => "; inside ParentBased the unsampled parent decides: dropped".to_owned(),
                    None => String::new(),
                }
            }
            Family::Agent(_) | Family::Flowbot | Family::Codeq | Family::DdStrict => String::new(),
            Family::Xmtpd | Family::OtelConsistent => String::new(),
        }
    }
}

/// `<` or `>=`
fn less(is_less: bool) -> &'static str {
    if is_less { "<" } else { ">=" }
}

fn java_product(rate: Rate) -> String {
    match rate {
        Rate::ZERO => "the smallest number, the bound of rate 0".to_owned(),
        rate => format!("{} = trunc({rate} * (2^63 - 1))", otel::java_bound(rate)),
    }
}

/// The tags that dd-trace-cpp leaves after its catch-all rule.
fn leaves(input: &Incoming<'_>, rate: Rate) -> String {
    let decision = by_rule(Tracer::Cpp, input.trace_id, rate, None, Timestamp::default());
    let mut text = format!("; leaves priority {}", decision.priority);
    if let Some(dm) = &decision.decision_maker {
        text += &format!(", _dd.p.dm {dm}");
    }
    for (name, value) in &decision.metrics {
        text += &format!(", {name} {}", shortest(*value));
    }
    if let Some(ksr) = &decision.ksr {
        text += &format!(", _dd.p.ksr {ksr}");
    }
    if decision.keeps() {
        text += ", unless the limiter drops it";
    }
    text
}
