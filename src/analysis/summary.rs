//! Operations over many spans: how often, how long, how often failing.

use crate::time::Nanos;
use rustc_hash::FxHashMap;

/// Spans of one service and name.
#[derive(Clone, Debug, Default)]
pub struct Operation {
    /// How many.
    pub count: u64,
    /// How many of them failed.
    pub errors: u64,
    /// Sum of their durations.
    pub total: Nanos,
    /// Sum of their self times, where the caller gave them.
    pub self_time: Nanos,
    durations: Quantiles,
}

impl Operation {
    /// The duration below which `percent` of the spans lie.
    pub fn quantile(&self, percent: u32) -> Nanos {
        self.durations.at(percent)
    }

    /// The longest duration.
    pub fn max(&self) -> Nanos {
        Nanos(self.durations.max)
    }
}

/// Service and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationKey {
    /// The service.
    pub service: Box<str>,
    /// The operation name.
    pub name: Box<str>,
}

/// Operations by service and name.
#[derive(Clone, Debug, Default)]
pub struct Operations {
    by_name: FxHashMap<Box<str>, FxHashMap<Box<str>, Operation>>,
}

impl Operations {
    /// Counts a span.
    pub fn add(&mut self, service: &str, name: &str, duration: Nanos, self_time: Nanos, error: bool) {
        // Looked up by reference first: the names of a million spans are few.
        if !self.by_name.contains_key(service) {
            self.by_name.insert(service.into(), FxHashMap::default());
        }
        let Some(names) = self.by_name.get_mut(service) else { return };
        if !names.contains_key(name) {
            names.insert(name.into(), Operation::default());
        }
        let Some(operation) = names.get_mut(name) else { return };
        operation.count += 1;
        operation.errors += u64::from(error);
        operation.total = operation.total + Nanos(duration.0.max(0));
        operation.self_time = operation.self_time + self_time;
        operation.durations.add(duration.0.max(0));
    }

    /// All operations, longest total first, ties by name.
    pub fn sorted(&self) -> Vec<(OperationKey, &Operation)> {
        let mut all: Vec<_> = self
            .by_name
            .iter()
            .flat_map(|(service, names)| {
                names
                    .iter()
                    .map(|(name, operation)| (OperationKey { service: service.clone(), name: name.clone() }, operation))
            })
            .collect();
        all.sort_by(|(a, x), (b, y)| y.total.cmp(&x.total).then_with(|| a.cmp(b)));
        all
    }
}

/// Quantiles of durations in bounded memory: exact up to 4,096 values, then from buckets that are at most 1.6 % wide.
#[derive(Clone, Debug, Default)]
pub struct Quantiles {
    exact: Vec<i64>,
    buckets: FxHashMap<u32, u64>,
    count: u64,
    max: i64,
}

const EXACT: usize = 4096;

impl Quantiles {
    /// Takes a value; below 0 counts as 0.
    pub fn add(&mut self, value: i64) {
        let value = value.max(0);
        self.count += 1;
        self.max = self.max.max(value);
        if self.buckets.is_empty() && self.exact.len() < EXACT {
            self.exact.push(value);
            return;
        }
        for value in self.exact.drain(..).chain([value]) {
            *self.buckets.entry(bucket(value)).or_default() += 1;
        }
    }

    /// The value at `percent` by nearest rank; 0 when there is none.
    pub fn at(&self, percent: u32) -> Nanos {
        let rank = (self.count * u64::from(percent.min(100))).div_ceil(100).max(1);
        if self.count == 0 {
            return Nanos(0);
        }
        if self.buckets.is_empty() {
            let mut sorted = self.exact.clone();
            sorted.sort_unstable();
            return Nanos(sorted.get(rank as usize - 1).copied().unwrap_or(self.max));
        }
        let mut buckets: Vec<(u32, u64)> = self.buckets.iter().map(|(bucket, count)| (*bucket, *count)).collect();
        buckets.sort_unstable();
        let mut seen = 0;
        for (bucket, count) in buckets {
            seen += count;
            if seen >= rank {
                return Nanos(upper_end(bucket).min(self.max));
            }
        }
        Nanos(self.max)
    }
}

/// 64 buckets for every power of two: the exponent and the six bits below the leading one.
fn bucket(value: i64) -> u32 {
    let value = value as u64;
    if value < 64 {
        return value as u32;
    }
    let exponent = 63 - value.leading_zeros();
    (exponent << 6) | ((value >> (exponent - 6)) & 63) as u32
}

fn upper_end(bucket: u32) -> i64 {
    if bucket < 64 {
        return i64::from(bucket);
    }
    let (exponent, step) = (bucket >> 6, u128::from(bucket & 63));
    let end = ((64 + step + 1) << (exponent - 6)) - 1;
    i64::try_from(end).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_exact() {
        let mut quantiles = Quantiles::default();
        (1..=100).for_each(|value| quantiles.add(value * 10));
        assert_eq!([50, 95, 99, 100].map(|p| quantiles.at(p).0), [500, 950, 990, 1000]);
    }

    #[test]
    fn many_values_are_close_and_bounded() {
        let mut quantiles = Quantiles::default();
        (1..=1_000_000).for_each(|value| quantiles.add(value * 1_000));
        for (percent, exact) in [(50, 500_000_000f64), (95, 950_000_000.0), (99, 990_000_000.0)] {
            let off = (quantiles.at(percent).0 as f64 - exact).abs() / exact;
            assert!(off < 0.016, "p{percent} is off by {off}");
        }
        assert_eq!(quantiles.at(100).0, 1_000_000_000);
    }

    #[test]
    fn bucket_ends_hold_their_values() {
        for value in [0, 1, 63, 64, 65, 127, 128, 1_000_000, i64::MAX] {
            let end = upper_end(bucket(value));
            assert!(end >= value && (end - value) as f64 <= value as f64 / 63.0, "{value} {end}");
        }
    }
}
