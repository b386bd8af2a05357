//! Datadog's formulas: the hash of tracers, the pair it sends on in tracestate, and the sampler of the Agent.
//!
//! A tracer keeps a trace at a rate if `low * 1111111111111111111 mod 2^64 <= rate * 2^64`, where `low` is the low half
//! of the trace id; dd-trace-go before 2.1 and the Agent's score and priority samplers compare with `<`. The Agent's
//! probabilistic sampler is another function altogether: FNV-1a into 16384 buckets.
//!
//! ```
//! use spanglass::{id::TraceId, rule::Rate, sampling::datadog};
//!
//! let half = Rate::new(0.5)?;
//! assert_eq!(datadog::hash(TraceId(10)), 11_111_111_111_111_111_110);
//! assert_eq!(datadog::threshold(half), 9_223_372_036_854_775_808);
//! assert!(!datadog::keeps(TraceId(10), half));
//! # Ok::<(), spanglass::rule::RateError>(())
//! ```

use super::otel::{self, Ot, threshold_text};
use crate::id::TraceId;
use crate::rule::Rate;

/// The factor of the hash, Knuth's in the sources of all tracers.
pub const FACTOR: u64 = 1_111_111_111_111_111_111;

/// 2^64, which is also what the tracers get when they convert 2^64 - 1 to a float.
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

/// A tracer that has its own way of deciding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracer {
    /// dd-trace-cpp.
    Cpp,
    /// dd-trace-go.
    Go,
    /// dd-trace-js.
    Js,
    /// ddtrace, for Python.
    Python,
}

/// The hash of a trace id; only its low half counts. A span sampler hashes the span id in the same way.
pub fn hash(id: TraceId) -> u64 {
    id.low().wrapping_mul(FACTOR)
}

/// The largest hash that is kept at `rate`.
pub fn threshold(rate: Rate) -> u64 {
    if rate == Rate::ONE { u64::MAX } else { (rate.get() * TWO_TO_64) as u64 }
}

/// Whether dd-trace-cpp, ddtrace, dd-trace-js, libdatadog and dd-trace-go from 2.1 keep it.
pub fn keeps(id: TraceId, rate: Rate) -> bool {
    hash(id) <= threshold(rate)
}

/// Whether dd-trace-go before 2.1 and the Agent's score and priority samplers keep it: at a hash equal to the threshold
/// they do not.
pub fn keeps_strict(id: TraceId, rate: Rate) -> bool {
    rate == Rate::ONE || hash(id) < threshold(rate)
}

/// The text of the tag `_dd.p.ksr`: up to six decimals. Rounds the exact value, as dd-trace-cpp and dd-trace-js do;
/// ddtrace rounds half up first, so 0.0000005 is `0` here and `0.000001` there.
pub fn ksr(rate: Rate) -> String {
    trimmed(format!("{:.6}", rate.get()))
}

/// A decimal number without the zeros at its end.
pub(super) fn trimmed(number: String) -> String {
    if !number.contains('.') {
        return number;
    }
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The random value and the threshold that a tracer puts into tracestate for a decision by the hash; `None` at rate 0,
/// which they cannot express. They lie on the right sides of each other even where 56 bits are too few to say so.
pub fn random_and_threshold(id: TraceId, rate: Rate, keep: bool) -> Option<(u64, u64)> {
    if rate == Rate::ZERO {
        return None;
    }
    let th = otel::threshold(rate).min((1 << 56) - 1);
    let rv = !hash(id) >> 8;
    let rv = if keep { rv.max(th) } else { rv.min(th.saturating_sub(1)) };
    Some((rv, th))
}

/// The `ot` member of tracestate that a tracer sends on after its decision, `inherited` being the one it received;
/// `None` when it sends none. `by_rate` is false for a manual decision and one of the limiter.
pub fn ot_after(inherited: Option<&str>, id: TraceId, rate: Rate, keep: bool, by_rate: bool) -> Option<String> {
    let inherited = inherited.map(Ot::parse).unwrap_or_default();
    let by_rate = by_rate && rate != Rate::ZERO;
    let pair = random_and_threshold(id, rate, keep).filter(|_| by_rate && inherited.is_empty());
    let mut fields = match pair {
        Some((rv, th)) => vec![format!("rv:{rv:014x}"), format!("th:{}", threshold_text(th))],
        None => Vec::new(),
    };
    fields.extend(inherited.rv_text.map(|rv| format!("rv:{rv}")));
    fields.extend(inherited.th_text.filter(|_| by_rate).map(|th| format!("th:{th}")));
    fields.extend(inherited.rest.iter().map(|field| (*field).to_owned()));
    (!fields.is_empty()).then(|| fields.join(";"))
}

/// Which part of the id the Agent's probabilistic sampler hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentIds {
    /// The low half, the default.
    Low,
    /// All of it, with the feature `probabilistic_sampler_full_trace_id`.
    Full,
}

/// FNV-1a over the seed 0 and 16 bytes of id, in the Agent's order.
pub fn agent_hash(id: TraceId, ids: AgentIds) -> u32 {
    let id = match ids {
        AgentIds::Low => u128::from(id.low()) << 64,
        AgentIds::Full => id.0,
    };
    let seed = 0_u32.to_le_bytes();
    seed.into_iter()
        .chain(id.to_be_bytes())
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// The bucket of a trace, 0 to 16383.
pub fn agent_bucket(id: TraceId, ids: AgentIds) -> u32 {
    agent_hash(id, ids) & 0x3fff
}

/// How many of the 16384 buckets are kept. The Agent's setting is a percentage in 32 bits.
pub fn agent_buckets_kept(rate: Rate) -> u32 {
    ((rate.get() * 100.0) as f32 * 163.84) as u32
}

/// Whether the Agent's probabilistic sampler keeps it.
pub fn agent_keeps(id: TraceId, ids: AgentIds, rate: Rate) -> bool {
    agent_bucket(id, ids) < agent_buckets_kept(rate)
}

/// The mechanism of a decision maker, `-3` being 3; `None` when it is not `-0` to `-255`.
pub fn mechanism(decision_maker: &str) -> Option<u8> {
    let digits = decision_maker.strip_prefix('-')?;
    let canonical = digits == "0" || !digits.starts_with('0');
    if !canonical || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Who decided, in words.
pub fn mechanism_name(mechanism: u8) -> &'static str {
    match mechanism {
        0 => "default",
        1 => "agent rate",
        2 | 6 | 7 => "remote rate (reserved)",
        3 => "local rule",
        4 => "manual",
        5 => "app security",
        8 => "span rule",
        9 => "OTLP ingest",
        10 => "data jobs",
        11 => "remote user rule",
        12 => "remote dynamic rule",
        13 => "another product",
        _ => "unknown mechanism",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(rate: f64) -> Rate {
        Rate::new(rate).unwrap()
    }

    #[test]
    fn the_ends_of_the_range() {
        for id in [1, 2, u128::from(u64::MAX), u128::MAX, 1 << 127 | 5] {
            assert!(!keeps(TraceId(id), Rate::ZERO) && !keeps_strict(TraceId(id), Rate::ZERO), "{id}");
            assert!(keeps(TraceId(id), Rate::ONE) && keeps_strict(TraceId(id), Rate::ONE), "{id}");
        }
        // The id 0 hashes to 0, the threshold of rate 0: valid ids never do.
        assert!(keeps(TraceId(0), Rate::ZERO) && !keeps_strict(TraceId(0), Rate::ZERO));
        assert!(!keeps(TraceId(1), rate(5e-324)) && !keeps_strict(TraceId(0), rate(f64::MIN_POSITIVE)));
        assert_eq!(threshold(rate(1.0 - f64::EPSILON / 2.0)), u64::MAX - 2047);
        assert_eq!((agent_buckets_kept(Rate::ZERO), agent_buckets_kept(Rate::ONE)), (0, 16384));
        assert_eq!(agent_buckets_kept(rate(5e-324)), 0);
    }

    #[test]
    fn a_rate_of_whole_buckets_keeps_that_many() {
        for buckets in 0..=16384_u32 {
            assert_eq!(agent_buckets_kept(rate(f64::from(buckets) / 16384.0)), buckets);
        }
    }

    #[test]
    fn the_pair_never_contradicts_the_decision() {
        for id in [0, 1, 10, 263_811_222_310_854_400, 5_401_449_561_355_763_072, u64::MAX] {
            for r in [5e-324, 1e-300, 1e-17, 0.05, 0.1, 0.5, 0.99, 1.0 - f64::EPSILON / 2.0, 1.0] {
                let id = TraceId(u128::from(id));
                let keep = keeps(id, rate(r));
                let (rv, th) = random_and_threshold(id, rate(r), keep).unwrap();
                assert_eq!(rv >= th, keep, "{id} {r}");
                assert!(rv < 1 << 56 && th < 1 << 56, "{id} {r}");
            }
        }
    }

    #[test]
    fn what_was_received_is_sent_on() {
        let after = |inherited, keep, by_rate| ot_after(inherited, TraceId(1), rate(0.1), keep, by_rate);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(after(None, true, true), text("rv:f0948a54d43b8e;th:e6666666666668"));
        assert_eq!(after(None, true, false), None);
        assert_eq!(after(Some("x:1"), true, true), text("rv:f0948a54d43b8e;th:e6666666666668;x:1"));
        assert_eq!(after(Some("th:8;rv:00000000000001;x:1"), true, true), text("rv:00000000000001;th:8;x:1"));
        assert_eq!(after(Some("th:8;rv:00000000000001"), true, false), text("rv:00000000000001"));
        assert_eq!(after(Some("th:8"), true, false), None);
        assert_eq!(after(Some("th:XYZ;rv:1;;x"), false, false), text("x"));
        assert_eq!(ot_after(Some("th:8;x:1"), TraceId(1), Rate::ZERO, false, true), text("x:1"));
    }

    #[test]
    fn decision_makers_are_read_strictly() {
        for (text, number) in [("-0", Some(0)), ("-3", Some(3)), ("-255", Some(255))] {
            assert_eq!(mechanism(text), number, "{text}");
        }
        for text in ["", "-", "3", "-256", "-03", "-00", "--3", "-+3", "-3 ", "-1-2"] {
            assert_eq!(mechanism(text), None, "{text}");
        }
    }
}
