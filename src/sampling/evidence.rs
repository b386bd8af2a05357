//! What the headers say about a decision that was already made: priority and flag, who decided (`_dd.p.dm`), at what
//! rate (`_dd.p.ksr`), and the probability in tracestate (`ot=rv:f0948a54d43b8e;th:e6666666666668`); and whether these
//! agree.

use super::otel::{Ot, threshold_text};
use super::{Incoming, datadog, short};
use crate::context::SamplingPriority;
use crate::rule::Rate;

/// One statement about the decision in the headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// In words, with the numbers.
    pub text: String,
    /// Whether it cannot be true together with the rest.
    pub contradicts: bool,
}

impl Evidence {
    fn fits(text: String) -> Evidence {
        Evidence { text, contradicts: false }
    }
}

/// Everything that the headers say about how the decision came about.
pub fn evidence(input: &Incoming<'_>) -> Vec<Evidence> {
    let ot = input.ot.map(Ot::parse).unwrap_or_default();
    let mut found: Vec<Evidence> = Vec::new();
    found.extend(input.decision_maker.map(decision_maker));
    found.extend(input.ksr.map(|text| knuth_rate(input, text)));
    found.extend(threshold(input, &ot));
    found.extend(two_rates(input, &ot));
    found
}

/// `2 user keep`
pub(super) fn priority_in_words(priority: i32) -> String {
    match SamplingPriority(priority).name() {
        Some(name) => format!("{priority} {name}"),
        None if priority > 0 => format!("{priority} (no known value, above 0 keeps)"),
        None => format!("{priority} (no known value, 0 and below drops)"),
    }
}

fn decision_maker(text: &str) -> Evidence {
    Evidence::fits(match datadog::mechanism(text) {
        Some(number) => format!("decided by {} (_dd.p.dm {text})", datadog::mechanism_name(number)),
        None => format!("_dd.p.dm {text:?} names nobody: it is not -0 to -255"),
    })
}

/// The rate of `_dd.p.ksr`, when it is one.
fn rate_of(ksr: &str) -> Option<Rate> {
    let plain = ksr.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    ksr.parse().ok().filter(|_| plain)
}

fn knuth_rate(input: &Incoming<'_>, text: &str) -> Evidence {
    let Some(rate) = rate_of(text) else {
        return Evidence::fits(format!("_dd.p.ksr {text:?} is not a rate"));
    };
    // Six decimals were sent: the rate may have been half a unit higher.
    let at_most = Rate::new((rate.get() + 0.000_000_5).min(1.0)).unwrap_or(Rate::ONE);
    let keeps = datadog::keeps(input.trace_id, at_most);
    let by_rate = input.decision_maker.is_none_or(|dm| matches!(datadog::mechanism(dm), Some(1 | 3 | 11 | 12)));
    // The other way round proves nothing: a limiter may have dropped what the rate kept.
    let contradicts = by_rate && !keeps && input.marked() == Some(true);
    let mut words =
        format!("at the rate {text} of _dd.p.ksr Datadog's hash {} it", if keeps { "keeps" } else { "drops" });
    if contradicts {
        words += ": inconsistent, the trace is marked kept";
    }
    Evidence { text: words, contradicts }
}

fn threshold(input: &Incoming<'_>, ot: &Ot<'_>) -> Option<Evidence> {
    let th = ot.th()?;
    let keeps = ot.keeps(input.trace_id)?;
    let relation = if keeps { ">=" } else { "<" };
    let source = match ot.rv_text {
        Some(rv) => format!("rv {rv}"),
        None => format!("the low 56 bits of the trace id {:014x}", ot.randomness(input.trace_id)),
    };
    let name = if ot.rv_text.is_some() { "rv" } else { "id" };
    let probability = short(ot.probability()?);
    let mut text = format!("ot probability {probability}, {source} {relation} th {}: ", threshold_text(th));
    let (verdict, contradicts) = match input.marked() {
        Some(kept) if kept == keeps => ("consistent", false),
        Some(_) => ("inconsistent", true),
        None => (if keeps { "kept" } else { "dropped" }, false),
    };
    text += verdict;
    if contradicts {
        let mark = if keeps { "dropped" } else { "kept" };
        text += &format!(", {name} {relation} th but the trace is marked {mark}");
    }
    if ot.rv_text.is_none() && input.random == Some(false) {
        text += " (the random flag is off: the id need not be random)";
    }
    Some(Evidence { text, contradicts })
}

/// The rate stands twice in headers of Datadog tracers; both are rounded.
fn two_rates(input: &Incoming<'_>, ot: &Ot<'_>) -> Option<Evidence> {
    let (ksr, probability) = (rate_of(input.ksr?)?.get(), ot.probability()?);
    let differ = (ksr - probability).abs() > 0.000_001;
    differ.then(|| Evidence {
        text: format!("_dd.p.ksr says rate {}, th says {}: inconsistent", short(ksr), short(probability)),
        contradicts: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;

    const KEPT: Incoming<'static> = Incoming {
        trace_id: TraceId(1),
        parent_id: None,
        priority: Some(2),
        sampled: Some(true),
        random: None,
        ot: Some("rv:f0948a54d43b8e;th:e6666666666668"),
        decision_maker: Some("-3"),
        ksr: Some("0.1"),
    };

    fn texts(input: &Incoming<'_>) -> Vec<String> {
        let mark = |found: Evidence| if found.contradicts { format!("! {}", found.text) } else { found.text };
        evidence(input).into_iter().map(mark).collect()
    }

    #[test]
    fn a_decision_that_adds_up() {
        assert_eq!(
            texts(&KEPT),
            [
                "decided by local rule (_dd.p.dm -3)",
                "at the rate 0.1 of _dd.p.ksr Datadog's hash keeps it",
                "ot probability 0.1, rv f0948a54d43b8e >= th e6666666666668: consistent",
            ]
        );
    }

    #[test]
    fn decisions_that_do_not() {
        let lower = Incoming { ot: Some("rv:65cd67504a538e;th:e6666666666668"), trace_id: TraceId(10), ..KEPT };
        assert_eq!(
            texts(&lower)[1..],
            [
                "! at the rate 0.1 of _dd.p.ksr Datadog's hash drops it: inconsistent, the trace is marked kept",
                "! ot probability 0.1, rv 65cd67504a538e < th e6666666666668: inconsistent, rv < th but the trace is \
                 marked kept",
            ]
        );
        let dropped = Incoming { priority: Some(0), ot: Some("th:8"), trace_id: TraceId(1 << 55), ..KEPT };
        assert_eq!(
            texts(&Incoming { random: Some(false), ..dropped })[2..],
            [
                "! ot probability 0.5, the low 56 bits of the trace id 80000000000000 >= th 8: inconsistent, id >= th \
                 but the trace is marked dropped (the random flag is off: the id need not be random)",
                "! _dd.p.ksr says rate 0.1, th says 0.5: inconsistent",
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_said_so() {
        let odd = Incoming { decision_maker: Some("3"), ksr: Some("1e-1"), ot: Some("th:X"), ..KEPT };
        assert_eq!(
            texts(&odd),
            ["_dd.p.dm \"3\" names nobody: it is not -0 to -255", "_dd.p.ksr \"1e-1\" is not a rate"]
        );
        let unmarked = Incoming { trace_id: TraceId(10), ot: Some("th:8"), ..Incoming::default() };
        assert_eq!(
            texts(&unmarked),
            ["ot probability 0.5, the low 56 bits of the trace id 0000000000000a < th 8: dropped"]
        );
    }

    #[test]
    fn a_rounded_rate_is_given_the_benefit() {
        // An id whose hash is 0.1234573 of the range: kept at 0.1234574, which is sent as 0.123457.
        let hash = (0.123_457_3 * 2_f64.powi(64)) as u64;
        let id = TraceId(u128::from(hash.wrapping_mul(3_396_998_997_810_348_023)));
        let contradicts = |ksr| knuth_rate(&Incoming { trace_id: id, ..KEPT }, ksr).contradicts;
        assert!(!contradicts("0.123457") && contradicts("0.123456"));
    }
}
