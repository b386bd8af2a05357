//! Looking up variables of a target for the profiles whose programs read them one by one.

use super::document::{Data, Node};
use super::secret::masked;
use super::{Entry, Origin, Setting, Target};
use crate::diagnostic::Place;

/// A variable in a target.
#[derive(Clone, Copy, Debug)]
pub enum Var<'t> {
    /// It is not set.
    Unset,
    /// It is set to something that cannot be known here.
    Unknown,
    /// It is set.
    Set(&'t Entry),
}

/// The variable `name` of `target`.
pub fn var<'t>(target: &'t Target, name: &str) -> Var<'t> {
    match target.get(name) {
        Some(entry) => Var::Set(entry),
        None if target.unresolved.iter().any(|unknown| unknown == name) => Var::Unknown,
        None => Var::Unset,
    }
}

/// The variable `name`, where an empty value is as good as none.
pub fn filled<'t>(target: &'t Target, name: &str) -> Var<'t> {
    match var(target, name) {
        Var::Set(entry) if entry.value.is_empty() => Var::Unset,
        found => found,
    }
}

impl Entry {
    /// The place of the whole value, or of the name when the value has none.
    pub(super) fn place(&self) -> Option<Place> {
        match &self.value_place {
            Some(_) => self.place_of(0..self.value.len()),
            None => self.name_place.clone(),
        }
    }

    /// `value` as a setting that this variable gave.
    pub(super) fn setting<T>(&self, value: T) -> Setting<T> {
        Setting { value, origin: Origin::Env, from: self.name.clone(), place: self.place(), overridden: Vec::new() }
    }
}

/// A value that one of several sources gives for a setting.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The variable or key.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The kind of source.
    pub origin: Origin,
    /// Where the value stands.
    pub place: Option<Place>,
}

/// Sources of one setting, highest first, as far as they are set.
#[derive(Debug, Default)]
pub struct Candidates {
    found: Vec<Candidate>,
    /// A source cannot be known here; those found before it are higher.
    unknown_after: Option<usize>,
}

impl Candidates {
    /// Adds a variable, unless it is unset or empty.
    pub fn variable(&mut self, target: &Target, name: &str) {
        match filled(target, name) {
            Var::Unset => {}
            Var::Unknown => self.unknown(),
            Var::Set(entry) => self.found.push(Candidate {
                name: name.to_owned(),
                value: entry.value.clone(),
                origin: Origin::Env,
                place: entry.place(),
            }),
        }
    }

    /// Adds a value of a file.
    pub fn file(&mut self, name: &str, value: String, place: Option<Place>) {
        self.found.push(Candidate { name: name.to_owned(), value, origin: Origin::Code, place });
    }

    fn unknown(&mut self) {
        self.unknown_after.get_or_insert(self.found.len());
    }

    /// The highest value and what it won over; `default` when no source is set; `None` when the highest source cannot be
    /// known here.
    pub fn choose(self, default: &str) -> Option<(Candidate, Vec<String>)> {
        if self.unknown_after == Some(0) {
            return None;
        }
        let mut found = self.found.into_iter();
        let first = found.next().unwrap_or_else(|| Candidate {
            name: String::new(),
            value: default.to_owned(),
            origin: Origin::Default,
            place: None,
        });
        Some((first, found.map(|lower| format!("{}={}", lower.name, masked(&lower.name, &lower.value))).collect()))
    }
}

/// The name among `known` that `word` was probably meant to be: equal but for case and separators, or at most two edits
/// away (three from 20 characters on).
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    if word.len() > 100 {
        return None;
    }
    let plain = |text: &str| text.replace(['_', '-', '.'], "").to_lowercase();
    let word_plain = plain(word);
    let limit = if word.chars().count() >= 20 { 3 } else { 2 };
    known
        .iter()
        .map(|name| (strsim::osa_distance(&word_plain, &plain(name)), *name))
        .filter(|(distance, name)| *distance <= limit && *distance < name.len() / 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The number that yaml.v3 reads in a scalar which the core schema takes for text: `1_000`.
pub fn underscored(node: &Node) -> Option<f64> {
    match &node.data {
        Data::Str(text) if !node.quoted && text.contains('_') && !text.starts_with('_') => {
            text.replace('_', "").parse().ok()
        }
        _ => None,
    }
}

/// What a text that is no rate was probably meant to be: `35%` and `35` are 0.35, `0,35` has a decimal comma.
pub fn meant_rate(text: &str) -> Option<String> {
    let plain = text.trim();
    let number = plain.trim_end_matches('%').trim_end().replace(',', ".").parse::<f64>().ok()?;
    let rate = if plain.ends_with('%') || number > 1.0 { number / 100.0 } else { number };
    (0.0..=1.0).contains(&rate).then(|| rate.to_string())
}
