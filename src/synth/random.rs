//! Ids, lengths and chances that follow from a seed.

use crate::id::{SpanId, TraceId, mix};
use crate::time::{Nanos, Timestamp};

/// Numbers one after the other, the same for the same seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers that follow from `seed`.
    pub fn new(seed: u64) -> Random {
        Random(mix(seed))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A span id; never 0.
    pub fn span_id(&mut self) -> SpanId {
        SpanId(self.number().max(1))
    }

    /// A trace id as tracers of Datadog make them: 32 bits of the time in seconds, 32 of zeros, 64 of chance.
    pub fn datadog_trace_id(&mut self, now: Timestamp) -> TraceId {
        let seconds = u64::try_from(now.0 / 1_000_000_000).unwrap_or_default() & 0xffff_ffff;
        TraceId::from_halves(seconds << 32, self.number().max(1))
    }

    /// A trace id as SDKs of OpenTelemetry make them: 128 bits of chance.
    pub fn trace_id(&mut self) -> TraceId {
        TraceId::from_halves(self.number(), self.number().max(1))
    }

    /// A number from `least` to `most`, both included; `least` where that is not below.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        let number = self.number();
        match most.checked_sub(least).map(|range| range.checked_add(1)) {
            None => least,
            Some(Some(range)) => least + number % range,
            Some(None) => number,
        }
    }

    /// A length from `least` to `most`.
    pub fn length(&mut self, least: Nanos, most: Nanos) -> Nanos {
        let positive = |length: Nanos| u64::try_from(length.0).unwrap_or_default();
        let chosen = self.between(positive(least), positive(most));
        Nanos(i64::try_from(chosen).unwrap_or(i64::MAX))
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        // 53 bits are what a double holds.
        ((self.number() >> 11) as f64) < probability * (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_from_the_seed_and_keep_their_bounds() {
        let (mut one, mut same, mut other) = (Random::new(1), Random::new(1), Random::new(2));
        let numbers: Vec<u64> = (0..100).map(|_| one.number()).collect();
        assert!(numbers.iter().all(|number| *number == same.number()));
        assert!(numbers.iter().all(|number| *number != other.number()));
        assert!((0..1000).all(|_| (3..=5).contains(&one.between(3, 5))));
        assert_eq!(one.between(7, 3), 7);
        assert_eq!(one.length(Nanos(-5), Nanos(0)), Nanos(0));
        assert!((0..1000).all(|_| !one.chance(0.0)) && (0..1000).all(|_| one.chance(1.0)));
        let hits = (0..10_000).filter(|_| one.chance(0.25)).count();
        assert!((2_200..2_800).contains(&hits), "{hits}");
        let id = one.datadog_trace_id(Timestamp(1_767_225_600_000_000_000));
        assert_eq!(id.datadog_seconds(), Some(1_767_225_600));
    }
}
