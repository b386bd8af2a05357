//! OpenTelemetry's formulas: TraceIDRatioBased, which five SDKs compute in five ways, and the probability in tracestate.
//!
//! All compare a number made of the trace id with a bound made of the ratio, but Go and Rust drop the lowest bit, Python
//! takes the low half, JavaScript folds the id into 32 bits, Java takes the amount of the low half and .NET that of the
//! high half. None of them has anything to do with Datadog's hash.
//!
//! The member `ot=rv:f0948a54d43b8e;th:e6666666666668` of tracestate carries a decision with its probability: a random
//! value of 56 bits (without `rv`, the low 56 bits of the trace id) and the threshold below which traces were dropped.

use crate::id::TraceId;
use crate::rule::Rate;

/// 2^63; what 2^63 - 1 becomes as a float.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// Whether Go and Rust keep it: `(low >> 1) < trunc(rate * 2^63)`.
pub fn go_keeps(id: TraceId, rate: Rate) -> bool {
    id.low() >> 1 < go_bound(rate)
}

/// The bound of Go and Rust.
pub fn go_bound(rate: Rate) -> u64 {
    (rate.get() * TWO_TO_63) as u64
}

/// Whether Python keeps it: `low < round(rate * 2^64)`.
pub fn python_keeps(id: TraceId, rate: Rate) -> bool {
    u128::from(id.low()) < python_bound(rate)
}

/// The bound of Python, whose `round` takes halves to the even neighbour.
pub fn python_bound(rate: Rate) -> u128 {
    (rate.get() * 2.0 * TWO_TO_63).round_ties_even() as u128
}

/// Whether JavaScript keeps it: the four words of the id joined by XOR `< floor(rate * 0xffffffff)`. An invalid id is
/// never kept.
pub fn js_keeps(id: TraceId, rate: Rate) -> bool {
    id != TraceId(0) && u64::from(js_word(id)) < js_bound(rate)
}

/// The number that JavaScript makes of an id.
pub fn js_word(id: TraceId) -> u32 {
    js_words(id).into_iter().fold(0, |all, word| all ^ word)
}

/// The four words of an id, the first first.
pub fn js_words(id: TraceId) -> [u32; 4] {
    [96, 64, 32, 0].map(|shift| (id.0 >> shift) as u32)
}

/// The bound of JavaScript: 2^32 at rate 1.
pub fn js_bound(rate: Rate) -> u64 {
    if rate == Rate::ONE { 1 << 32 } else { (rate.get() * f64::from(u32::MAX)) as u64 }
}

/// Whether Java keeps it: `abs(low) < trunc(rate * (2^63 - 1))` in signed arithmetic. The smallest number has no
/// positive counterpart and stays negative, so it is kept at every rate but 0; the largest is kept at none.
pub fn java_keeps(id: TraceId, rate: Rate) -> bool {
    (id.low() as i64).wrapping_abs() < java_bound(rate)
}

/// Whether .NET keeps it: Java's formula over the first eight bytes of the id, the high half. `None` for the smallest
/// number, of which `Math.Abs` throws an OverflowException.
pub fn dotnet_keeps(id: TraceId, rate: Rate) -> Option<bool> {
    (id.high() as i64).checked_abs().map(|abs| abs < java_bound(rate))
}

/// The bound of Java and .NET. At rate 0 it is the smallest number, so that nothing is below.
pub fn java_bound(rate: Rate) -> i64 {
    if rate == Rate::ZERO { i64::MIN } else { (rate.get() * TWO_TO_63) as i64 }
}

/// The `ot` member of tracestate. Fields that are not well-formed count as absent; of a repeated one the last counts,
/// as in ddtrace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ot<'t> {
    /// The random value, 14 lower-case hex digits.
    pub rv_text: Option<&'t str>,
    /// The threshold, 1 to 14 lower-case hex digits.
    pub th_text: Option<&'t str>,
    /// Other fields, as received.
    pub rest: Vec<&'t str>,
}

impl<'t> Ot<'t> {
    /// Reads the value of the member.
    pub fn parse(value: &'t str) -> Ot<'t> {
        let hex = |text: &&str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let mut ot = Ot::default();
        for field in value.split(';').filter(|field| !field.is_empty()) {
            match field.split_once(':').unwrap_or((field, "")) {
                ("rv", digits) => ot.rv_text = Some(digits).filter(|d| d.len() == 14).filter(hex),
                ("th", digits) => ot.th_text = Some(digits).filter(|d| (1..=14).contains(&d.len())).filter(hex),
                _ => ot.rest.push(field),
            }
        }
        ot
    }

    /// Whether there is neither a random value nor a threshold.
    pub fn is_empty(&self) -> bool {
        self.rv_text.is_none() && self.th_text.is_none()
    }

    /// The random value sent along.
    pub fn rv(&self) -> Option<u64> {
        self.rv_text.and_then(|digits| u64::from_str_radix(digits, 16).ok())
    }

    /// The threshold, in 56 bits.
    pub fn th(&self) -> Option<u64> {
        let digits = self.th_text?;
        let value = u64::from_str_radix(digits, 16).ok()?;
        let missing = 14_usize.saturating_sub(digits.len());
        Some(value << (4 * missing))
    }

    /// The number that is compared with thresholds: `rv`, else the low 56 bits of the trace id.
    pub fn randomness(&self, id: TraceId) -> u64 {
        self.rv().unwrap_or(id.low() & ((1 << 56) - 1))
    }

    /// How much of all traces was kept where the threshold was set.
    pub fn probability(&self) -> Option<f64> {
        self.th().map(|th| 1.0 - th as f64 / (1_u64 << 56) as f64)
    }

    /// Whether the trace passes the threshold that was sent along.
    pub fn keeps(&self, id: TraceId) -> Option<bool> {
        self.th().map(|th| self.randomness(id) >= th)
    }
}

/// A threshold as it is sent: without the zeros at its end.
pub fn threshold_text(th: u64) -> String {
    let digits = format!("{th:014x}");
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
}

/// The threshold of a sampler by the convention at `rate`; 2^56, which no random value reaches, at rate 0.
pub fn threshold(rate: Rate) -> u64 {
    ((1.0 - rate.get()) * (1_u64 << 56) as f64).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(rate: f64) -> Rate {
        Rate::new(rate).unwrap()
    }

    #[test]
    fn the_ends_of_the_range() {
        let ends = [0, 1, 1 << 63, (1 << 63) - 1, u64::MAX];
        for id in ends.iter().flat_map(|high| ends.iter().map(|low| TraceId::from_halves(*high, *low))) {
            assert!(!go_keeps(id, Rate::ZERO) && !python_keeps(id, Rate::ZERO) && !js_keeps(id, Rate::ZERO), "{id}");
            assert!(!java_keeps(id, Rate::ZERO) && dotnet_keeps(id, Rate::ZERO) != Some(true), "{id}");
            assert!(go_keeps(id, Rate::ONE) && python_keeps(id, Rate::ONE), "{id}");
            assert_eq!(js_keeps(id, Rate::ONE), id != TraceId(0), "{id}");
            assert_eq!(java_keeps(id, Rate::ONE), ![(1 << 63) - 1, (1 << 63) + 1].contains(&id.low()), "{id}");
            assert_eq!(dotnet_keeps(id, Rate::ONE).is_none(), id.high() == 1 << 63, "{id}");
        }
        assert!(java_keeps(TraceId(1 << 63), rate(5e-324)));
        assert!(!go_keeps(TraceId(0), rate(5e-324)) && !python_keeps(TraceId(0), rate(5e-324)));
    }

    #[test]
    fn python_rounds_where_go_cuts() {
        // 2^-64 * 1.5 and 2.5: to the even neighbour.
        let unit = 0.5_f64.powi(64);
        assert_eq!([0.5, 1.5, 2.5, 3.5].map(|x| python_bound(rate(x * unit))), [0, 2, 2, 4]);
        assert_eq!([0.5, 1.5, 2.5, 3.5].map(|x| go_bound(rate(x * unit * 2.0))), [0, 1, 2, 3]);
        let low = TraceId(1);
        assert!(python_keeps(low, rate(1.5 * unit)) && !go_keeps(low, rate(1.5 * unit)));
    }

    #[test]
    fn the_member_is_read_field_by_field() {
        let ot = Ot::parse("rv:f0948a54d43b8e;;th:e6666666666668;x:1;y");
        assert_eq!((ot.rv(), ot.th()), (Some(0xf0948a54d43b8e), Some(0xe6666666666668)));
        assert_eq!(ot.rest, ["x:1", "y"]);
        assert_eq!(ot.keeps(TraceId(0)), Some(true));
        assert_eq!(Ot::parse("th:8").th(), Some(1 << 55));
        assert_eq!(Ot::parse("th:0").probability(), Some(1.0));
        assert_eq!(Ot::parse("th:8").probability(), Some(0.5));
        for value in ["", "rv:1;th:", "rv:F0948A54D43B8E;th:E", "rv;th", "th:123456789012345", "rv:00000000000001x"] {
            assert!(Ot::parse(value).is_empty(), "{value}");
        }
        let id = TraceId(u128::MAX);
        assert_eq!(Ot::parse("th:8").randomness(id), (1 << 56) - 1);
        assert_eq!(Ot::parse("x").keeps(id), None);
    }

    #[test]
    fn thresholds_lose_their_last_zeros() {
        for (th, text) in [(0, "0"), (1 << 55, "8"), (0xe6666666666668, "e6666666666668"), (0x10, "0000000000001")] {
            assert_eq!(threshold_text(th), text);
            assert_eq!(Ot::parse(&format!("th:{text}")).th(), Some(th), "{text}");
        }
    }
}
