//! What a protocol could not carry, counted while a payload is encoded: nothing is lost silently.

use std::collections::BTreeMap;

/// Counts of what was left out or changed, by what it was (`"span links"`, `"boolean attributes written as text"`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(BTreeMap<&'static str, u64>);

impl Losses {
    /// Counts `count` more of `what`; nothing when `count` is 0.
    pub fn add(&mut self, what: &'static str, count: u64) {
        if count > 0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    /// Counts all that `other` counted.
    pub fn merge(&mut self, other: Losses) {
        other.0.into_iter().for_each(|(what, count)| self.add(what, count));
    }

    /// Whether everything was carried.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was lost and how often, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(what, count)| (*what, *count))
    }
}
