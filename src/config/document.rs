//! YAML and JSON documents in which every value keeps its place in the file.
//!
//! Read through saphyr's marked events, whose index counts characters: converted to bytes here. Resolved by the YAML 1.2
//! core schema, so JSON is read by the same code.

use crate::diagnostic::{Place, Source};
use std::ops::Range;
use std::sync::Arc;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub data: Data,
    /// The bytes it stands at in its file, without the quotes of a quoted scalar.
    pub range: Range<usize>,
    /// Line of its start, from 1.
    pub line: u64,
    /// The bytes at `range` are the scalar's text itself: plain, or quoted without escapes, on one line.
    pub verbatim: bool,
    /// The file it is in.
    pub source: Arc<Source>,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`, not quoted.
    Bool(bool),
    /// An integer, not quoted.
    Int(i64),
    /// A number that is no integer of 64 bits, not quoted; also `.nan`, `.inf`.
    Float(f64),
    /// Any other scalar.
    Str(String),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping in order of the file, merge keys applied; keys that stand twice are both here, the last one counts.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Its place.
    pub fn place(&self) -> Place {
        Place::Text { source: (*self.source).clone(), range: self.range.clone(), line: Some(self.line) }
    }

    /// The value of `key`, when this is a mapping that has it; the last one when it stands twice.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().rev().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// Its entries; none unless it is a mapping.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Its items; none unless it is a sequence.
    pub fn items(&self) -> &[Node] {
        match &self.data {
            Data::Seq(items) => items,
            _ => &[],
        }
    }

    /// Its text, when it is a string.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The word for its type: `null`, `boolean`, `number`, `string`, `array`, `object`.
    pub fn type_word(&self) -> &'static str {
        match &self.data {
            Data::Null => "null",
            Data::Bool(_) => "boolean",
            Data::Int(_) | Data::Float(_) => "number",
            Data::Str(_) => "string",
            Data::Seq(_) => "array",
            Data::Map(_) => "object",
        }
    }
}
