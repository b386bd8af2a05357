//! Operations over many spans: how often, how long, how often failing.

use crate::time::Nanos;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

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
    /// In the order in which they were met.
    all: Vec<(OperationKey, Operation)>,
    by_name: FxHashMap<Box<str>, FxHashMap<Box<str>, u32>>,
    /// Positions of operations met lately, by a hash that costs less than a look-up.
    lately: Vec<u32>,
}

impl Operations {
    /// Counts a span.
    pub fn add(&mut self, service: &str, name: &str, duration: Nanos, self_time: Nanos, error: bool) {
        let Some(operation) = self.operation(service, name) else { return };
        operation.count += 1;
        operation.errors += u64::from(error);
        operation.total = operation.total + Nanos(duration.0.max(0));
        operation.self_time = operation.self_time + self_time;
        operation.durations.add(duration.0.max(0));
    }

    /// Takes everything that `others` counted. The order of such calls makes no difference to what is shown.
    pub fn append(&mut self, others: Operations) {
        for (key, other) in others.all {
            let Some(operation) = self.operation(&key.service, &key.name) else { continue };
            operation.count += other.count;
            operation.errors += other.errors;
            operation.total = operation.total + other.total;
            operation.self_time = operation.self_time + other.self_time;
            operation.durations.append(other.durations);
        }
    }

    /// Whether none was counted.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The names of a million spans are few, and most come again soon.
    fn operation(&mut self, service: &str, name: &str) -> Option<&mut Operation> {
        const SLOTS: usize = 256;
        let same = |key: &OperationKey| *key.service == *service && *key.name == *name;
        let slot = (mixed(service).rotate_left(17) ^ mixed(name)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        let lately = self.lately.get(slot as usize).copied().unwrap_or(u32::MAX) as usize;
        let at = if self.all.get(lately).is_some_and(|(key, _)| same(key)) {
            lately
        } else {
            let at = self.look_up(service, name);
            self.lately.resize(SLOTS, u32::MAX);
            if let Some(place) = self.lately.get_mut(slot as usize) {
                *place = at as u32;
            }
            at
        };
        self.all.get_mut(at).map(|(_, operation)| operation)
    }

    fn look_up(&mut self, service: &str, name: &str) -> usize {
        if let Some(at) = self.by_name.get(service).and_then(|names| names.get(name)) {
            return *at as usize;
        }
        let at = self.all.len();
        self.by_name.entry(service.into()).or_default().insert(name.into(), at as u32);
        self.all.push((OperationKey { service: service.into(), name: name.into() }, Operation::default()));
        at
    }

    /// Spans, failed ones and the sum of their durations by service, longest sum first, ties by name.
    pub fn services(&self) -> Vec<(&str, Operation)> {
        let mut by_service: BTreeMap<&str, Operation> = BTreeMap::new();
        for (key, operation) in &self.all {
            let service = by_service.entry(&key.service).or_default();
            service.count += operation.count;
            service.errors += operation.errors;
            service.total = service.total + operation.total;
        }
        let mut all: Vec<_> = by_service.into_iter().collect();
        all.sort_by_key(|(_, service)| std::cmp::Reverse(service.total));
        all
    }

    /// All operations, longest total first, ties by name.
    pub fn sorted(&self) -> Vec<(OperationKey, &Operation)> {
        let mut all: Vec<_> = self.all.iter().map(|(key, operation)| (key.clone(), operation)).collect();
        all.sort_by(|(a, x), (b, y)| y.total.cmp(&x.total).then_with(|| a.cmp(b)));
        all
    }
}

/// Length, beginning and end of a text.
fn mixed(text: &str) -> u64 {
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    let bytes = text.as_bytes();
    word(bytes.first_chunk()) ^ word(bytes.last_chunk()).rotate_left(29) ^ bytes.len() as u64
}

/// Quantiles of durations in bounded memory: exact up to 4,096 values, then from buckets that are at most 1.6 % wide.
#[derive(Clone, Debug, Default)]
pub struct Quantiles {
    exact: Vec<i64>,
    /// None, or one count for each bucket there is.
    buckets: Vec<u64>,
    count: u64,
    max: i64,
}

const EXACT: usize = 4096;
/// For values up to 2^63 - 1: as much memory as the exact values have.
const BUCKETS: usize = 63 << 6;

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
        self.spill();
        self.in_bucket(value);
    }

    /// Takes all values of `others`.
    pub fn append(&mut self, others: Quantiles) {
        self.count += others.count;
        self.max = self.max.max(others.max);
        if self.buckets.is_empty() && others.buckets.is_empty() && self.exact.len() + others.exact.len() <= EXACT {
            self.exact.extend(others.exact);
            return;
        }
        self.spill();
        others.exact.iter().for_each(|value| self.in_bucket(*value));
        self.buckets.iter_mut().zip(&others.buckets).for_each(|(own, other)| *own += other);
    }

    fn spill(&mut self) {
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS];
        }
        for value in std::mem::take(&mut self.exact) {
            self.in_bucket(value);
        }
    }

    fn in_bucket(&mut self, value: i64) {
        if let Some(bucket) = self.buckets.get_mut(bucket(value) as usize) {
            *bucket += 1;
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
        let mut seen = 0;
        for (bucket, count) in (0u32..).zip(&self.buckets) {
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
    fn what_is_counted_apart_and_joined_is_the_same() {
        for count in [10, 4096, 4097, 9000] {
            for cut in [0, 1, count / 2, count] {
                let [mut whole, mut a, mut b] = [(); 3].map(|()| Operations::default());
                for value in 0..count {
                    let add = |to: &mut Operations| {
                        to.add(
                            "s",
                            ["x", "y", "a name that is longer"][value % 3],
                            Nanos(value as i64 * 77),
                            Nanos(1),
                            value % 5 == 0,
                        );
                    };
                    add(&mut whole);
                    add(if value < cut { &mut a } else { &mut b });
                }
                a.append(b);
                let shown = |operations: &Operations| -> Vec<_> {
                    let quantiles = |operation: &Operation| [50, 95, 99].map(|percent| operation.quantile(percent));
                    let sorted = operations.sorted().into_iter();
                    sorted.map(|(key, o)| (key, o.count, o.errors, o.total, o.max(), quantiles(o))).collect()
                };
                assert_eq!(shown(&a), shown(&whole), "{count} {cut}");
            }
        }
    }

    #[test]
    fn bucket_ends_hold_their_values() {
        for value in [0, 1, 63, 64, 65, 127, 128, 1_000_000, i64::MAX] {
            let end = upper_end(bucket(value));
            assert!(end >= value && (end - value) as f64 <= value as f64 / 63.0, "{value} {end}");
        }
    }
}
