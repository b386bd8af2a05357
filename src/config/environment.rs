//! One environment while it is being read: the last value of each name counts, what cannot be known is remembered, and
//! everything that hostile input could multiply is bounded.

use super::ReadFile;
use super::codes::forms::{TWICE, UNREADABLE, UNRESOLVED};
use super::document::Node;
use super::finding::{Finding, Findings};
use super::target::{Entry, Target};
use crate::diagnostic::{Code, Place, Source};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::hash_map::Entry as Slot;
use std::path::Path;

/// Variables that all targets of one call may have together.
pub const MAX_VARIABLES: usize = 100_000;

/// Targets that one call may give.
pub const MAX_TARGETS: usize = 1_000;

/// Bytes that interpolation may give in one call.
const MAX_EXPANDED: usize = 16 << 20;

/// Bytes of further files (`env_file`) that are read in one call.
const MAX_FOLLOWED: usize = 64 << 20;

/// What all inputs of one call share.
pub struct Context<'c> {
    /// The process environment, when it is to be used.
    pub process: FxHashMap<&'c str, &'c str>,
    in_order: &'c [(String, String)],
    /// Bytes that interpolation may still give.
    pub room: usize,
    read: ReadFile<'c>,
    variables: usize,
    targets: usize,
    over: bool,
    followed: usize,
}

impl<'c> Context<'c> {
    /// The start of a call.
    pub fn new(process: Option<&'c [(String, String)]>, read: ReadFile<'c>) -> Self {
        let in_order = process.unwrap_or_default();
        Context {
            process: in_order.iter().map(|(name, value)| (&**name, &**value)).collect(),
            in_order,
            room: MAX_EXPANDED,
            read,
            variables: MAX_VARIABLES,
            targets: MAX_TARGETS,
            over: false,
            followed: MAX_FOLLOWED,
        }
    }

    /// Reads a further file.
    ///
    /// # Errors
    /// Why it cannot be read, also when too much was read already.
    pub fn follow(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let bytes = (self.read)(path).map_err(|error| error.to_string())?;
        self.followed = self.followed.checked_sub(bytes.len()).ok_or_else(|| {
            format!("the files that the inputs name are larger than {} MiB together", MAX_FOLLOWED >> 20)
        })?;
        Ok(bytes)
    }

    /// Whether one more target may be made; counts it.
    pub fn one_more(&mut self) -> bool {
        match self.targets.checked_sub(1) {
            Some(left) => self.targets = left,
            None => self.over = true,
        }
        !self.over
    }

    /// Notes that something of the input is not looked at because there is too much.
    pub fn leave_out(&mut self) {
        self.over = true;
    }

    /// Whether something of the input was not looked at because there was too much.
    pub fn left_out(&self) -> bool {
        self.over
    }
}

/// One environment.
#[derive(Debug, Default)]
pub struct Environment {
    /// Names in order of their first appearance, with their last value; `None` is one that is not known.
    slots: Vec<(String, Option<Entry>)>,
    index: FxHashMap<String, usize>,
    /// Names that the current source gave.
    given: FxHashSet<String>,
    findings: Findings,
    full: bool,
}

impl Environment {
    /// Begins a source whose values win over those of the sources before. Inside one source a name may stand once.
    pub fn source(&mut self) {
        self.given.clear();
    }

    /// The value of `name` so far.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, entry) = self.slots.get(*self.index.get(name)?)?;
        entry.as_ref().map(|entry| &*entry.value)
    }

    /// Whether `name` is set to something that is not known.
    pub fn is_unknown(&self, name: &str) -> bool {
        let slot = self.index.get(name).and_then(|at| self.slots.get(*at));
        slot.is_some_and(|(_, entry)| entry.is_none())
    }

    /// Whether nothing was set and nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.findings.is_empty()
    }

    /// Whether a variable was left out because there were too many.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Reports something.
    pub fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Reports something of which a file may hold millions.
    pub fn report_with(&mut self, code: Code, finding: impl FnOnce() -> Finding) {
        self.findings.push_with(code, finding);
    }

    /// Sets a variable.
    pub fn set(&mut self, entry: Entry, context: &mut Context<'_>) {
        let name = entry.name.clone();
        if self.give(&name, entry.name_place.as_ref(), context) {
            self.put(name, Some(entry));
        }
    }

    /// Says that `name` is set to something that cannot be known here, and why (TC004).
    pub fn unresolved(&mut self, name: &str, places: [Option<Place>; 2], why: &str, context: &mut Context<'_>) {
        let [name_place, value_place] = places;
        // The process environment, when it counts, decides the value; and one note is enough.
        let quiet = context.process.contains_key(name) || self.is_unknown(name);
        self.refused(name, name_place, context);
        if !quiet {
            self.report_with(UNRESOLVED, || {
                Finding::new(UNRESOLVED, name, format!("{name} cannot be resolved here: {why}")).at(value_place)
            });
        }
    }

    /// Says that `name` is set to something that does not count; what is wrong with it is reported by the caller.
    pub fn refused(&mut self, name: &str, name_place: Option<Place>, context: &mut Context<'_>) {
        if self.give(name, name_place.as_ref(), context) {
            self.put(name.to_owned(), None);
        }
    }

    fn put(&mut self, name: String, entry: Option<Entry>) {
        match self.index.entry(name) {
            Slot::Occupied(slot) => {
                if let Some((_, old)) = self.slots.get_mut(*slot.get()) {
                    *old = entry;
                }
            }
            Slot::Vacant(slot) => {
                self.slots.push((slot.key().clone(), entry));
                slot.insert(self.slots.len() - 1);
            }
        }
    }

    /// Counts a variable and reports a name that stands twice in one source.
    fn give(&mut self, name: &str, place: Option<&Place>, context: &mut Context<'_>) -> bool {
        if context.variables == 0 {
            if !self.full {
                self.full = true;
                let message = format!("more than {MAX_VARIABLES} variables: {name} and what follows it was not read");
                self.report(Finding::new(UNREADABLE, name, message).at(place.cloned()));
            }
            return false;
        }
        context.variables -= 1;
        if !self.given.insert(name.to_owned()) {
            self.report_with(TWICE, || {
                Finding::new(TWICE, name, format!("{name} is given twice in one source; this one, the last, counts"))
                    .at(place.cloned())
            });
        }
        true
    }

    /// Puts the process environment on top.
    pub fn overlay(&mut self, context: &mut Context<'_>) {
        self.source();
        for (name, value) in context.in_order {
            self.set(Entry::process(name, value), context);
        }
    }

    /// The target of this environment.
    pub fn target(self, name: impl Into<String>, container: bool) -> Target {
        let mut target = Target { name: name.into(), container, findings: self.findings.finish(), ..Target::default() };
        for (name, entry) in self.slots {
            match entry {
                Some(entry) => target.env.push(entry),
                None => target.unresolved.push(name),
            }
        }
        target
    }
}

impl Entry {
    /// A variable of the process environment.
    pub fn process(name: &str, value: &str) -> Entry {
        let source = Source::Env(name.to_owned());
        let value_place = Some(Place::Text { source, range: 0..value.len(), line: None });
        Entry { name: name.to_owned(), value: value.to_owned(), name_place: None, value_place, verbatim: true }
    }

    /// A variable whose value `text` stands at `value`.
    pub(super) fn at(name: &str, text: String, name_place: Place, value: &Node) -> Entry {
        let verbatim = value.verbatim && value.text().is_none_or(|written| written == text);
        Entry {
            name: name.to_owned(),
            value: text,
            name_place: Some(name_place),
            value_place: Some(value.place()),
            verbatim,
        }
    }
}
