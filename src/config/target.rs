//! One environment, and where each of its values came from.

use super::ReadFile;
use super::document::Node;
use super::finding::Finding;
use crate::diagnostic::{Place, Source};
use std::sync::Arc;

/// One variable as it is written somewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Name of the variable.
    pub name: String,
    /// Its value, after the unquoting and interpolation of its source.
    pub value: String,
    /// Where the name stands; `None` for the process environment.
    pub name_place: Option<Place>,
    /// Where the value stands; for the process environment [`crate::diagnostic::Source::Env`] with the whole value.
    pub value_place: Option<Place>,
    /// The bytes at `value_place` are the value itself, without quotes, escapes or interpolation, so that a part of the
    /// value has a place too.
    pub verbatim: bool,
}

impl Entry {
    /// The place of bytes `range` of the value, or of the whole value when its parts have no place of their own.
    pub fn place_of(&self, range: std::ops::Range<usize>) -> Option<Place> {
        match self.value_place.clone() {
            Some(Place::Text { source, range: whole, line }) if self.verbatim => {
                let start = (whole.start + range.start).min(whole.end);
                let end = (whole.start + range.end).clamp(start, whole.end);
                Some(Place::Text { source, range: start..end, line })
            }
            whole => whole,
        }
    }
}

/// One environment: a process, a `.env` file, a container.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Name of the service or container, or of the file.
    pub name: String,
    /// Variables in the order of their source; of a name that stands twice the last counts. What could not be resolved
    /// is not in it.
    pub env: Vec<Entry>,
    /// Names that are set to something that cannot be known here (TC004): neither validated nor reported as missing.
    pub unresolved: Vec<String>,
    /// Code-level settings (`--config`), with the document's file in each place.
    pub code: Option<Node>,
    /// The profile's own file: flowbot.yaml, the CodeQ file, an OpenTelemetry declarative configuration.
    pub file: Option<Node>,
    /// The text of `file`, when it is at hand: flowbot expands it before it is read, CodeQ takes scalars as written.
    pub file_text: Option<Arc<str>>,
    /// Whether it runs in a container, where a loopback agent is another machine (TC309).
    pub container: bool,
    /// What reading the inputs found, in the order of the inputs (TC0xx).
    pub findings: Vec<Finding>,
}

impl Target {
    /// The variable `name`: the last of that name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.env.iter().rev().find(|entry| entry.name == name)
    }

    /// The text of `file`: what is at hand, else read again.
    pub(super) fn file_text(&self, read: ReadFile<'_>) -> Option<Arc<str>> {
        if let Some(text) = &self.file_text {
            return Some(Arc::clone(text));
        }
        match &*self.file.as_ref()?.source {
            Source::File(path) if path.as_os_str() != "-" => Some(String::from_utf8(read(path).ok()?).ok()?.into()),
            _ => None,
        }
    }
}

/// Which source a setting was taken from, lowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Built in.
    #[default]
    Default,
    /// Code-level configuration, or the profile's own file.
    Code,
    /// A variable.
    Env,
}

impl Origin {
    /// Its word in documents.
    pub fn word(self) -> &'static str {
        match self {
            Origin::Default => "default",
            Origin::Code => "code",
            Origin::Env => "env",
        }
    }
}

/// A value with where it came from and what it won over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// The kind of source it was taken from.
    pub origin: Origin,
    /// The variable or key that gave it; empty for a default.
    pub from: String,
    /// Where that stands.
    pub place: Option<Place>,
    /// Values of lower sources that were set and not used, as `name=value`, secrets masked.
    pub overridden: Vec<String>,
}

impl<T> Setting<T> {
    /// A built-in value.
    pub fn default_of(value: T) -> Self {
        Setting { value, origin: Origin::Default, from: String::new(), place: None, overridden: Vec::new() }
    }

    /// The same setting with another value.
    pub fn with<U>(&self, value: impl FnOnce(&T) -> U) -> Setting<U> {
        Setting {
            value: value(&self.value),
            origin: self.origin,
            from: self.from.clone(),
            place: self.place.clone(),
            overridden: self.overridden.clone(),
        }
    }

    /// The setting as it is shown, under `key` with `value` as its text.
    pub fn shown(&self, key: &str, value: impl Into<String>) -> Shown {
        Shown {
            key: key.to_owned(),
            value: value.into(),
            origin: self.origin,
            from: self.from.clone(),
            place: self.place.clone(),
            overridden: self.overridden.clone(),
        }
    }
}

/// A finalized setting as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Dotted key in the finalized configuration, such as `agent.url`.
    pub key: String,
    /// Its value, secrets masked.
    pub value: String,
    /// The kind of source it was taken from.
    pub origin: Origin,
    /// The variable or key that gave it; empty for a default.
    pub from: String,
    /// Where that stands.
    pub place: Option<Place>,
    /// Values of lower sources that were set and not used, as `name=value`, secrets masked.
    pub overridden: Vec<String>,
}
