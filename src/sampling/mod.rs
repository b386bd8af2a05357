//! Sampling: would this sampler keep this trace at this rate, and why.
//!
//! [`explain`] asks every known sampler, or one of them. A decision in the headers comes first where a sampler honours
//! one: Datadog's tracers follow an extracted priority, a ParentBased sampler the flag of traceparent. Otherwise its
//! formula is applied to the trace id, and the answer has the numbers put in:
//!
//! ```
//! use spanglass::{id::TraceId, rule::Rate, sampling::{Incoming, explain}};
//!
//! let input = Incoming { trace_id: TraceId(10), ..Incoming::default() };
//! let answer = &explain(&input, Rate::new(0.5)?, Some("dd"))[0];
//! assert_eq!(answer.keep, Some(false));
//! assert!(answer.detail.contains("11111111111111111110 > 9223372036854775808 = trunc(0.5 * 2^64)"));
//! # Ok::<(), spanglass::rule::RateError>(())
//! ```
//!
//! | file | what |
//! |---|---|
//! | [`datadog`] | the hash of Datadog's tracers, `_dd.p.ksr`, the pair in tracestate, the Agent's sampler |
//! | [`otel`] | TraceIDRatioBased of five SDKs, the `ot` member |
//! | [`decision`], [`limiter`] | how a Datadog tracer decides about a new trace, and the tags it leaves |
//! | `evidence.rs` | what the headers say about a decision, and whether it adds up |
//! | `recorded.rs` | what a recorded span says about it |

pub mod datadog;
pub mod decision;
mod evidence;
mod families;
pub mod limiter;
pub mod otel;
mod recorded;

pub use evidence::{Evidence, evidence};
pub use families::{Sampler, samplers};
pub use recorded::recorded;

use crate::id::{SpanId, TraceId};
use crate::rule::Rate;
use families::Honours;
use otel::Ot;
use serde::Serialize;

/// What was received, as far as samplers look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incoming<'h> {
    /// The trace.
    pub trace_id: TraceId,
    /// The span it comes from.
    pub parent_id: Option<SpanId>,
    /// Datadog's priority, of `x-datadog-sampling-priority`, of `s` in tracestate or of another style's decision.
    pub priority: Option<i32>,
    /// Bit 0 of the flags of a traceparent that was accepted; `None` without one.
    pub sampled: Option<bool>,
    /// Bit 1 of the flags: the id is random.
    pub random: Option<bool>,
    /// The value of the member `ot` of tracestate.
    pub ot: Option<&'h str>,
    /// `_dd.p.dm`, such as `-3`.
    pub decision_maker: Option<&'h str>,
    /// `_dd.p.ksr`, such as `0.1`.
    pub ksr: Option<&'h str>,
}

impl Incoming<'_> {
    /// Whether anything in the headers marks the trace as kept or dropped.
    pub fn has_decision(&self) -> bool {
        self.marked().is_some()
    }

    /// Whether the headers mark it as kept.
    pub(crate) fn marked(&self) -> Option<bool> {
        self.priority.map(|priority| priority > 0).or(self.sampled)
    }

    /// The flag of a parent that OpenTelemetry takes for valid: no id of it may be zero.
    fn parent_sampled(&self) -> Option<bool> {
        let valid = self.trace_id != TraceId(0) && self.parent_id != Some(SpanId(0));
        self.sampled.filter(|_| valid)
    }
}

/// What an answer follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The trace id and the rate.
    Formula,
    /// The sampled flag of the parent.
    Parent,
    /// The sampling priority.
    Priority,
    /// The probability in tracestate.
    Tracestate,
}

/// What one sampler does with the trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SamplingAnswer {
    /// Its name.
    pub sampler: &'static str,
    /// Whether it keeps the trace; `None` when it fails on the id.
    pub keep: Option<bool>,
    /// What that follows from.
    pub by: By,
    /// The lowest rate at which its formula keeps the trace; `None` when there is none, or the rate does not matter.
    pub keeps_from_rate: Option<f64>,
    /// Why, in a sentence with the numbers.
    pub detail: String,
}

/// Asks `sampler`, or every sampler, whether it keeps the trace at `rate`. An unknown name gets no answer. Of all
/// samplers, `otel-consistent` answers only when tracestate carries a threshold.
pub fn explain(input: &Incoming<'_>, rate: Rate, sampler: Option<&str>) -> Vec<SamplingAnswer> {
    let ot = input.ot.map(Ot::parse).unwrap_or_default();
    let asked = |known: &&Sampler| match sampler {
        Some(name) => known.name.eq_ignore_ascii_case(name),
        None => known.honours() != Honours::Tracestate || ot.th().is_some(),
    };
    samplers().iter().filter(asked).map(|sampler| answer(sampler, input, &ot, rate)).collect()
}

fn answer(sampler: &Sampler, input: &Incoming<'_>, ot: &Ot<'_>, rate: Rate) -> SamplingAnswer {
    let decided = match sampler.honours() {
        Honours::Nothing => None,
        Honours::Priority => input.marked().map(|keep| (keep, By::Priority, by_priority(input))),
        Honours::Parent => input.parent_sampled().map(|keep| (keep, By::Parent, by_parent(keep))),
        Honours::Tracestate => ot.keeps(input.trace_id).map(|keep| (keep, By::Tracestate, told(input))),
    };
    if let Some((keep, by, detail)) = decided {
        return SamplingAnswer { sampler: sampler.name, keep: Some(keep), by, keeps_from_rate: None, detail };
    }
    let keep = sampler.keeps(input, ot, rate);
    let keeps_from_rate = lowest_rate(|rate| sampler.formula_keeps(input, ot, rate) == Some(true));
    let mut detail = sampler.before_formula(input, rate);
    detail += &sampler.arithmetic(input, ot, rate);
    detail += match keep {
        Some(true) => ": kept",
        Some(false) => ": dropped",
        None => "",
    };
    detail += &match keeps_from_rate {
        Some(lowest) if keep == Some(false) && short(lowest) == short(rate.get()) => {
            format!("; kept above rate {}", short(lowest))
        }
        Some(lowest) => format!("; kept from rate {} up", short(lowest)),
        None => "; no rate keeps it".to_owned(),
    };
    detail += &sampler.after_formula(input, rate);
    SamplingAnswer { sampler: sampler.name, keep, by: By::Formula, keeps_from_rate, detail }
}

fn by_parent(keep: bool) -> String {
    match keep {
        true => "parent sampled; ratio not consulted".to_owned(),
        false => "parent not sampled; ratio not consulted".to_owned(),
    }
}

fn by_priority(input: &Incoming<'_>) -> String {
    let priority = match (input.priority, input.sampled) {
        (Some(priority), _) => format!("priority {}", evidence::priority_in_words(priority)),
        (None, Some(true)) => "sampled flag 1, which is priority 1 auto keep".to_owned(),
        (None, _) => "sampled flag 0, which is priority 0 auto drop".to_owned(),
    };
    joined(format!("{priority}; rate not consulted"), input)
}

fn told(input: &Incoming<'_>) -> String {
    joined("decided where the threshold was set; rate not consulted".to_owned(), input)
}

fn joined(mut text: String, input: &Incoming<'_>) -> String {
    for found in evidence(input) {
        text += "; ";
        text += &found.text;
    }
    text
}

/// The lowest rate for which `keeps` holds, to the last bit; `None` if it does not hold even for 1. What holds for a
/// rate must hold for every higher one.
fn lowest_rate(keeps: impl Fn(Rate) -> bool) -> Option<f64> {
    // Floats that are not negative are ordered like their bits.
    let keeps = |bits: u64| Rate::new(f64::from_bits(bits)).is_ok_and(&keeps);
    let (mut low, mut high) = (0, 1.0_f64.to_bits());
    if !keeps(high) {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if keeps(middle) { high = middle } else { low = middle + 1 }
    }
    Some(f64::from_bits(high))
}

/// A rate in at most six decimals, or three digits and an exponent when it is too small for that.
pub(crate) fn short(rate: f64) -> String {
    match rate {
        rate if rate > 0.0 && rate < 0.000_1 => format!("{rate:.2e}"),
        rate => datadog::trimmed(format!("{rate:.6}")),
    }
}

/// In words, which answers part the ways of services that should decide alike: two versions of one tracer, two SDKs of
/// one project, and then the families among each other.
pub fn disagreements(answers: &[SamplingAnswer]) -> Vec<String> {
    let mut found = Vec::new();
    let keep = |name: &str| answers.iter().find(|answer| answer.sampler == name).and_then(|answer| answer.keep);
    if let (Some(inclusive), Some(strict)) = (keep("dd"), keep("dd-strict"))
        && inclusive != strict
    {
        found.push(
            "the hash equals the threshold: dd-trace-cpp, ddtrace, dd-trace-js, libdatadog and dd-trace-go from 2.1 \
             compare with <= and keep the trace, dd-trace-go before 2.1 (xmtpd) and the Agent's score and priority \
             samplers compare with < and drop it"
                .to_owned(),
        );
    }
    let sides = |group: &dyn Fn(&str) -> bool| {
        let side = |kept: bool| -> Vec<&str> {
            let of_side = answers.iter().filter(|answer| answer.keep == Some(kept) && group(answer.sampler));
            of_side.map(|answer| answer.sampler).collect()
        };
        let (kept, dropped) = (side(true), side(false));
        (!kept.is_empty() && !dropped.is_empty()).then(|| (kept.join(", "), dropped.join(", ")))
    };
    let sdk = |name: &str| name.starts_with("otel-") && name != "otel-consistent";
    if let Some((kept, dropped)) = sides(&sdk) {
        found.push(format!(
            "the SDKs of OpenTelemetry compute TraceIDRatioBased differently: kept by {kept}, dropped by {dropped}"
        ));
    }
    if let Some((kept, dropped)) = sides(&|name: &str| name.starts_with("agent")) {
        found.push(format!("the modes of the Agent's sampler disagree: kept by {kept}, dropped by {dropped}"));
    }
    if let Some((kept, dropped)) = sides(&|_: &str| true) {
        found.push(format!(
            "the families disagree: kept by {kept}, dropped by {dropped}; where services of one trace use both, parts \
             of it will be missing"
        ));
    }
    found
}
