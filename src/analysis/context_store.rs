//! xmtpd's TraceContextStore: the contexts of publish requests, kept until a worker takes them (seeds-scenarios.md section 5).

use crate::time::{Nanos, Timestamp};
use std::collections::HashMap;

/// How long a context is kept.
pub const TTL: Nanos = Nanos(300_000_000_000);
/// How many are kept; further ones are dropped.
const CAPACITY: usize = 10_000;
/// Expired ones are taken out at most so often, and only when one is stored.
const CLEANUP: Nanos = Nanos(60_000_000_000);

/// What a worker gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retrieved<C> {
    /// The context: the worker's span becomes a child.
    Linked(C),
    /// Nothing, because a worker took it before.
    AlreadyRetrieved,
    /// Nothing, because it was stored longer ago than [`TTL`].
    Expired,
    /// Nothing, because there were too many when it was to be stored.
    DroppedAtCapacity,
    /// Nothing, because nobody stored one.
    NeverStored,
}

/// The store, as xmtpd runs it.
#[derive(Clone, Debug)]
pub struct ContextStore<C> {
    kept: HashMap<String, (C, Timestamp)>,
    /// Why an id is not there any more.
    gone: HashMap<String, Retrieved<C>>,
    cleaned: Timestamp,
}

impl<C: Clone> ContextStore<C> {
    /// An empty store, made at `now`.
    pub fn new(now: Timestamp) -> Self {
        ContextStore { kept: HashMap::new(), gone: HashMap::new(), cleaned: now }
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Keeps a context under an id, in place of an earlier one; without room it is dropped.
    pub fn store(&mut self, id: &str, context: C, now: Timestamp) {
        if now - self.cleaned >= CLEANUP {
            self.cleaned = now;
            let expired: Vec<String> =
                self.kept.iter().filter(|(_, (_, at))| now - *at > TTL).map(|(id, _)| id.clone()).collect();
            for id in expired {
                self.kept.remove(&id);
                self.gone.insert(id, Retrieved::Expired);
            }
        }
        if self.kept.len() >= CAPACITY {
            if !self.kept.contains_key(id) {
                self.gone.insert(id.to_owned(), Retrieved::DroppedAtCapacity);
            }
            return;
        }
        self.gone.remove(id);
        self.kept.insert(id.to_owned(), (context, now));
    }

    /// Takes a context out.
    pub fn retrieve(&mut self, id: &str, now: Timestamp) -> Retrieved<C> {
        let Some((context, at)) = self.kept.remove(id) else {
            return self.gone.get(id).cloned().unwrap_or(Retrieved::NeverStored);
        };
        let (result, later) = match now - at > TTL {
            true => (Retrieved::Expired, Retrieved::Expired),
            false => (Retrieved::Linked(context), Retrieved::AlreadyRetrieved),
        };
        self.gone.insert(id.to_owned(), later);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp(ms * 1_000_000)
    }

    fn store() -> ContextStore<char> {
        ContextStore::new(at(0))
    }

    fn full(time: i64) -> ContextStore<char> {
        let mut store = store();
        (0..10_000).for_each(|id| store.store(&format!("f{id}"), 'f', at(time)));
        store
    }

    /// The ten rows of seeds-scenarios.md section 5; the last, a disabled tracer, stores nothing and retrieves as ever.
    #[test]
    fn contexts_are_kept_as_xmtpd_keeps_them() {
        // 1, 2: retrieving takes it out.
        let mut one = store();
        one.store("1", 'a', at(0));
        assert_eq!((one.retrieve("1", at(2_000)), one.len()), (Retrieved::Linked('a'), 0));
        assert_eq!(one.retrieve("1", at(3_000)), Retrieved::AlreadyRetrieved);
        // 3, 4: it expires after 300 s, not with them.
        for (time, wanted) in [(300_000, Retrieved::Linked('a')), (300_001, Retrieved::Expired)] {
            let mut one = store();
            one.store("1", 'a', at(0));
            assert_eq!((one.retrieve("1", at(time)), one.len()), (wanted, 0), "{time}");
        }
        // 5
        assert_eq!(store().retrieve("9", at(0)), Retrieved::NeverStored);
        // 6: no room.
        let mut many = full(0);
        many.store("10001", 'x', at(1_000));
        assert_eq!((many.retrieve("10001", at(2_000)), many.len()), (Retrieved::DroppedAtCapacity, 10_000));
        // 7: storing cleans up first.
        let mut many = full(0);
        many.store("X", 'x', at(301_000));
        assert_eq!((many.len(), many.retrieve("X", at(301_001))), (1, Retrieved::Linked('x')));
        // 8: not within 60 s, and nothing has expired.
        let mut many = full(0);
        many.store("A", 'a', at(30_000));
        many.store("X", 'x', at(59_000));
        for id in ["A", "X"] {
            assert_eq!(many.retrieve(id, at(59_500)), Retrieved::DroppedAtCapacity, "{id}");
        }
        // 9: a second one takes the place of the first; not when the store is full.
        let mut one = store();
        one.store("1", 'a', at(0));
        one.store("1", 'b', at(1_000));
        assert_eq!(one.retrieve("1", at(2_000)), Retrieved::Linked('b'));
        let mut many = store();
        many.store("1", 'a', at(0));
        (0..9_999).for_each(|id| many.store(&format!("f{id}"), 'f', at(0)));
        many.store("1", 'b', at(1_000));
        assert_eq!(many.retrieve("1", at(2_000)), Retrieved::Linked('a'));
        // 10: what is not stored was never there, and what is there can be had.
        let mut off = store();
        off.store("1", 'a', at(0));
        assert_eq!(
            (off.retrieve("1", at(1)), off.retrieve("2", at(1))),
            (Retrieved::Linked('a'), Retrieved::NeverStored)
        );
    }
}
