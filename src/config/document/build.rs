//! saphyr's events to a tree, on a stack of our own.

use super::{Data, MAX_ANCHORS, MAX_DEPTH, MAX_REPEATED, Node, Offsets};
use crate::diagnostic::Source;
use rustc_hash::{FxHashMap, FxHashSet};
use saphyr::{Scalar, ScalarStyle, Tag};
use saphyr_parser::{Event, Marker, Parser, Span};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Why a text was given up, and where.
pub struct Fault {
    /// The file.
    pub source: Source,
    /// Byte of it.
    pub at: usize,
    /// Line, from 1.
    pub line: u64,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<&'static str>,
}

/// A finished node, with what is needed to put it elsewhere again.
struct Built {
    node: Node,
    /// Containers on the longest way down.
    height: usize,
    /// Values in it, itself included.
    count: usize,
    /// Bytes of text in it.
    bytes: usize,
}

/// A container whose end is still to come.
struct Open {
    start: usize,
    line: u64,
    anchor: usize,
    height: usize,
    count: usize,
    bytes: usize,
    /// End of the last child, which is where a container without brackets ends.
    end: usize,
    /// Items of a sequence; keys and values in turn of a mapping.
    items: Items,
}

enum Items {
    Seq(Vec<Node>),
    Map { entries: Vec<(Node, Node)>, key: Option<Node>, merges: bool },
}

struct Builder<'t> {
    source: &'t Arc<Source>,
    offsets: &'t Offsets<'t>,
    /// Whether nodes with an anchor are to be remembered.
    aliases: bool,
    anchors: FxHashMap<usize, Built>,
    stack: Vec<Open>,
    documents: Vec<Node>,
    /// Values so far, those that anchors and aliases copied included.
    nodes: usize,
    most: usize,
    /// Those that were copied, and the bytes of their text.
    copied: usize,
    repeated: usize,
}

/// The documents of a text that holds at most `most` values.
pub fn documents(source: &Arc<Source>, offsets: &Offsets<'_>, most: usize) -> Result<Vec<Node>, Fault> {
    let mut builder = Builder {
        source,
        offsets,
        aliases: offsets.text().contains('*'),
        anchors: FxHashMap::default(),
        stack: Vec::new(),
        documents: Vec::new(),
        nodes: 0,
        most,
        copied: 0,
        repeated: 0,
    };
    let mut parser = Parser::new_from_str(offsets.text());
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => return Err(builder.fault(*error.marker(), error.info())),
        }
    }
    Ok(builder.documents)
}

impl Builder<'_> {
    fn fault(&self, mark: Marker, message: impl Into<String>) -> Fault {
        Fault {
            source: (**self.source).clone(),
            at: self.offsets.byte(mark.index()),
            line: mark.line() as u64,
            message: message.into(),
            help: None,
        }
    }

    fn limit(&self, mark: Marker, message: impl Into<String>) -> Fault {
        let help = "no tracer's configuration is like that; when this one is, split the file";
        Fault { help: Some(help), ..self.fault(mark, message) }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        match event {
            // An anchor holds for its document only; saphyr's events go on knowing it.
            Event::DocumentStart(_) => self.anchors.clear(),
            Event::Scalar(value, style, anchor, tag) => {
                let built = self.scalar(value, style, tag.as_deref(), span);
                self.add(built, anchor, span)?;
            }
            Event::SequenceStart(anchor, _) => self.open(anchor, span, Items::Seq(Vec::new()))?,
            Event::MappingStart(anchor, _) => {
                self.open(anchor, span, Items::Map { entries: Vec::new(), key: None, merges: false })?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.stack.pop() {
                    let anchor = open.anchor;
                    let built = self.close(open, span)?;
                    self.add(built, anchor, span)?;
                }
            }
            Event::Alias(anchor) => self.alias(anchor, span)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn open(&mut self, anchor: usize, span: Span, items: Items) -> Result<(), Fault> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.limit(span.start, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let start = self.offsets.byte(span.start.index());
        let line = span.start.line() as u64;
        self.stack.push(Open { start, line, anchor, height: 1, count: 1, bytes: 0, end: start, items });
        Ok(())
    }

    fn close(&self, open: Open, span: Span) -> Result<Built, Fault> {
        let data = match open.items {
            Items::Seq(mut items) => {
                items.shrink_to_fit();
                Data::Seq(items)
            }
            Items::Map { mut entries, merges, .. } => {
                if merges {
                    entries = merged(entries).map_err(|message| self.fault(span.start, message))?;
                }
                entries.shrink_to_fit();
                Data::Map(entries)
            }
        };
        // The end of a block is reported where the next token stands.
        let end = if span.is_empty() { open.end } else { self.offsets.byte(span.end.index()) };
        let range = open.start..end.max(open.start);
        let source = Arc::clone(self.source);
        let node = Node { data, range, line: open.line, verbatim: false, quoted: false, source };
        Ok(Built { node, height: open.height, count: open.count, bytes: open.bytes })
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, built: Built, anchor: usize, span: Span) -> Result<(), Fault> {
        self.nodes += 1;
        // They are numbered from 1 through the whole text.
        if anchor > MAX_ANCHORS {
            return Err(self.limit(span.start, format!("more than {MAX_ANCHORS} anchors in one file")));
        }
        if anchor > 0 && self.aliases {
            self.copy(built.count, built.bytes, span)?;
            let Built { ref node, height, count, bytes } = built;
            self.anchors.insert(anchor, Built { node: node.clone(), height, count, bytes });
        }
        self.within(span)?;
        self.place(built);
        Ok(())
    }

    fn place(&mut self, built: Built) {
        let Built { node, height, count, bytes } = built;
        let Some(open) = self.stack.last_mut() else {
            self.documents.push(node);
            return;
        };
        open.height = open.height.max(height + 1);
        open.count += count;
        open.bytes += bytes;
        if node.range.start >= open.start {
            open.end = open.end.max(node.range.end);
        }
        match &mut open.items {
            Items::Seq(items) => items.push(node),
            Items::Map { entries, key, merges } => match key.take() {
                Some(key) => {
                    *merges |= is_merge(&key);
                    entries.push((key, node));
                }
                None => *key = Some(node),
            },
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fault> {
        let Some(known) = self.anchors.get(&anchor) else {
            return Err(self.fault(span.start, "an alias stands inside its own anchor, or before it in this document"));
        };
        if self.stack.len() + known.height > MAX_DEPTH {
            return Err(self.limit(span.start, format!("nested deeper than {MAX_DEPTH} levels through aliases")));
        }
        let (height, count, bytes) = (known.height, known.count, known.bytes);
        // Counted before the copy is made.
        self.copy(count, bytes, span)?;
        if let Some(known) = self.anchors.get(&anchor) {
            let node = known.node.clone();
            self.place(Built { node, height, count, bytes });
        }
        Ok(())
    }

    /// Counts a copy of nodes.
    fn copy(&mut self, count: usize, bytes: usize, span: Span) -> Result<(), Fault> {
        self.nodes += count;
        self.copied += count;
        self.repeated += bytes;
        self.within(span)
    }

    fn within(&self, span: Span) -> Result<(), Fault> {
        if self.repeated > MAX_REPEATED || (self.nodes > self.most && self.copied > self.most / 2) {
            return Err(self.limit(span.start, "the aliases repeat too much: this is how an alias bomb looks"));
        }
        if self.nodes > self.most {
            return Err(self.limit(span.start, format!("more than {} values in one file", self.most)));
        }
        Ok(())
    }

    fn scalar(&self, value: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Built {
        let (range, line) = self.content(style, &value, span);
        let verbatim = self.offsets.file.get(range.clone()) == Some(&*value);
        let string = tag.is_some_and(|tag| match tag.is_yaml_core_schema() {
            true => tag.suffix == "str",
            false => tag.handle.is_empty() && tag.suffix == "!",
        });
        let quoted = style != ScalarStyle::Plain || string;
        let bytes = value.len();
        // saphyr's own strings have room to spare, which a million of them must not keep.
        let data = if quoted { Data::Str(value.as_ref().to_owned()) } else { resolve(&value, tag) };
        let source = Arc::clone(self.source);
        let node = Node { data, range, line, verbatim, quoted, source };
        Built { node, height: 0, count: 1, bytes }
    }

    /// The bytes of a scalar without its tag, anchor and quotes, and the line they start in.
    fn content(&self, style: ScalarStyle, value: &str, span: Span) -> (Range<usize>, u64) {
        let whole = self.offsets.byte(span.start.index())..self.offsets.byte(span.end.index());
        let all = self.offsets.file.get(whole.clone()).unwrap_or_default();
        let mut inner = all;
        let mut properties = false;
        while inner.starts_with(['&', '!']) {
            properties = true;
            inner = inner.trim_start_matches(|c: char| !c.is_whitespace()).trim_start();
            while inner.starts_with('#') {
                inner = inner.trim_start_matches(|c| c != '\n').trim_start();
            }
        }
        match style {
            ScalarStyle::Plain if value.is_empty() => {
                // Nothing is written: saphyr points at the sign before or at what comes next.
                let at = match properties {
                    true => whole.end,
                    false => whole.start,
                };
                let sign = self.offsets.file.get(at..).is_some_and(|rest| rest.starts_with([':', '-', '?']));
                let at = at + usize::from(sign && !properties);
                return (at..at, span.start.line() as u64);
            }
            ScalarStyle::Plain => inner = inner.trim_end(),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => inner = unquoted(inner),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                // Only behind a property does the header belong to the span.
                if properties {
                    inner = inner.split_once('\n').map_or("", |(_, content)| content);
                }
                inner = inner.trim_start_matches([' ', '\t', '\r', '\n']).trim_end_matches(['\r', '\n']);
            }
        }
        let start = whole.start + offset_in(all, inner);
        let before = all.get(..start - whole.start).unwrap_or_default();
        let line = span.start.line() + before.matches('\n').count();
        (start..start + inner.len(), line as u64)
    }
}

/// Where `part`, a slice of `whole`, starts in it.
fn offset_in(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len() - part.len())
}

/// What stands between the quote that `text` starts with and the one that ends it; saphyr may count blanks behind it to
/// the scalar.
fn unquoted(text: &str) -> &str {
    let Some(quote) = text.bytes().next() else { return text };
    let Some(inner) = text.get(1..) else { return text };
    let bytes = inner.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match *byte {
            b'\\' if quote == b'"' => at += 2,
            b'\'' if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => at += 2,
            byte if byte == quote => return inner.get(..at).unwrap_or(inner),
            _ => at += 1,
        }
    }
    inner
}

/// What a plain scalar is by the core schema and its tag. A tag that the text does not fit leaves it a string.
pub fn resolve(value: &str, tag: Option<&Tag>) -> Data {
    if value.is_empty() {
        return Data::Null;
    }
    let tag = tag.map(Cow::Borrowed);
    match Scalar::parse_from_cow_and_metadata(Cow::Borrowed(value), ScalarStyle::Plain, tag.as_ref()) {
        Some(Scalar::Null) => Data::Null,
        Some(Scalar::Boolean(value)) => Data::Bool(value),
        Some(Scalar::Integer(value)) => Data::Int(value),
        Some(Scalar::FloatingPoint(value)) => Data::Float(*value),
        Some(Scalar::String(_)) | None => Data::Str(value.to_owned()),
    }
}

fn is_merge(key: &Node) -> bool {
    !key.quoted && key.text() == Some("<<")
}

/// Applies merge keys: a mapping's own keys win, then the mappings named earlier.
fn merged(entries: Vec<(Node, Node)>) -> Result<Vec<(Node, Node)>, &'static str> {
    let mut taken: FxHashSet<String> =
        entries.iter().filter(|(key, _)| !is_merge(key)).filter_map(|(key, _)| key.text().map(str::to_owned)).collect();
    let mut all = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if !is_merge(&key) {
            all.push((key, value));
            continue;
        }
        let sources = match value.data {
            Data::Seq(items) => items,
            data => vec![Node { data, ..value }],
        };
        for source in sources {
            let Data::Map(merged) = source.data else {
                return Err("a merge key (<<) takes a mapping or a list of mappings");
            };
            for (key, value) in merged {
                if key.text().is_none_or(|name| taken.insert(name.to_owned())) {
                    all.push((key, value));
                }
            }
        }
    }
    Ok(all)
}
