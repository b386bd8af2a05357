//! YAML and JSON documents in which every value keeps its place in the file.
//!
//! Read through saphyr's marked events, whose index counts characters: converted to bytes here. Resolved by the YAML 1.2
//! core schema, so JSON is read by the same code. The tree is built on a stack of our own with a limit on depth, values
//! and what aliases repeat, so hostile input costs a bounded amount of time and memory.

mod build;
mod offsets;

use super::codes::forms::{SYNTAX, UNREADABLE};
use super::finding::Finding;
use crate::diagnostic::{Place, Source};
use offsets::Offsets;
use std::ops::Range;
use std::sync::Arc;

/// Levels of nesting that a document may have, aliases included.
pub const MAX_DEPTH: usize = 128;

/// Values that one text may hold, those that aliases repeat included.
pub const MAX_NODES: usize = 400_000;

/// Anchors that one text may have: the reader keeps every name.
pub const MAX_ANCHORS: usize = 50_000;

/// Bytes of text that aliases may repeat.
pub const MAX_REPEATED: usize = 16 << 20;

/// The part of a source that a message names: the last component of a file's path.
pub fn file_name(source: &Source) -> String {
    match source {
        Source::File(path) => path.file_name().map_or_else(|| source.to_string(), |name| name.to_string_lossy().into()),
        _ => source.to_string(),
    }
}

/// The text of a file: UTF-8 without NUL. A byte order mark stays in it; [`parse`] and the other readers skip it, so that
/// byte ranges count from the start of the file.
///
/// # Errors
/// [`UNREADABLE`] at the first byte that is no text.
pub fn text<'b>(source: &Source, bytes: &'b [u8]) -> Result<&'b str, Finding> {
    let fault = |at: usize, message: String| {
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        let range = at..(at + 1).min(bytes.len());
        let place = Place::Text { source: source.clone(), range, line: Some(line) };
        Finding::new(UNREADABLE, file_name(source), message).at(Some(place))
    };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(fault(0, "the text is UTF-16, not UTF-8".into()).help("save the file as UTF-8"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        fault(at, format!("not UTF-8: byte 0x{byte:02x} at offset {at} belongs to no character"))
            .help("save the file as UTF-8")
    })?;
    match text.find('\0') {
        Some(at) => Err(fault(at, format!("a NUL byte at offset {at}: not a text file"))),
        None => Ok(text),
    }
}

/// The documents of a YAML or JSON text. Empty documents are [`Data::Null`]; a text without any gives none.
///
/// # Errors
/// [`SYNTAX`] with the place, also for what goes beyond [`MAX_DEPTH`], [`MAX_NODES`] or [`MAX_REPEATED`].
pub fn parse(source: Source, text: &str) -> Result<Vec<Node>, Finding> {
    parse_within(source, text, MAX_NODES)
}

fn parse_within(source: Source, text: &str, most: usize) -> Result<Vec<Node>, Finding> {
    let offsets = Offsets::new(text);
    build::documents(&Arc::new(source), &offsets, most).map_err(|fault| {
        let start = fault.at.min(text.len());
        let end = start + text[start..].chars().next().map_or(0, char::len_utf8);
        let source = fault.source;
        let about = file_name(&source);
        let place = Place::Text { source, range: start..end, line: Some(fault.line) };
        let finding = Finding::new(SYNTAX, about, fault.message).at(Some(place));
        match fault.help {
            Some(help) => finding.help(help),
            None => finding,
        }
    })
}

/// What a plain scalar with this text is by the core schema.
pub(super) fn resolve(text: &str) -> Data {
    build::resolve(text, None)
}

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
    /// Written as text on purpose: in quotes, as a block or with a string tag.
    pub quoted: bool,
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

#[cfg(test)]
mod tests;
