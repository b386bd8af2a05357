//! The arena: records of one decoded body, without lifetimes, so that a batch can be cleared and filled again.
//!
//! A string is an 8-byte reference into the body, or into the batch's own side text when the text had to change
//! (replaced UTF-8, unescaped JSON). An attribute is 16 bytes, a span 104. References are checked when they are
//! followed; a batch viewed with another body yields wrong texts, never a panic.

use super::view::{Dialect, Dropped, Payload, Sender, SpanKind, SpanStatus};

/// Which attributes a decoder stores. Keys that the decoder itself needs (high half of the trace id, priority,
/// origin, span kind) are always read.
#[derive(Clone, Copy, Debug, Default)]
pub enum Keep<'k> {
    /// Everything, links and events included.
    #[default]
    All,
    /// Attributes with one of these keys; no links, no events.
    Only(&'k [&'k str]),
}

impl Keep<'_> {
    /// Stores no attribute, link or event.
    pub const NOTHING: Keep<'static> = Keep::Only(&[]);
}

/// Text of the body, or of the side text when bit 31 of `start` is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StrRef {
    start: u32,
    len: u32,
}

const SIDE: u32 = 1 << 31;

impl StrRef {
    /// No text at all, as opposed to empty text.
    pub(crate) const NONE: StrRef = StrRef { start: u32::MAX, len: u32::MAX };

    /// Empty text in place of none.
    #[inline]
    pub(crate) fn or_empty(self) -> Self {
        if self == StrRef::NONE { StrRef::default() } else { self }
    }

    /// `len` bytes of the body from `start`; bodies are below 2 GiB.
    #[inline]
    pub(crate) fn body(start: usize, len: usize) -> Self {
        StrRef { start: start as u32, len: len as u32 }
    }

    /// Where it begins in the body, when it is text of the body.
    #[inline(always)]
    pub(crate) fn in_body(self) -> Option<usize> {
        (self.start & SIDE == 0).then_some(self.start as usize)
    }

    /// How many bytes.
    #[inline]
    pub(crate) fn len(self) -> usize {
        if self == StrRef::NONE { 0 } else { self.len as usize }
    }

    #[inline]
    pub(crate) fn bits(self) -> u64 {
        (u64::from(self.start) << 32) | u64::from(self.len)
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        StrRef { start: (bits >> 32) as u32, len: bits as u32 }
    }
}

/// Consecutive entries of one of the batch's vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Range {
    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Range { start: start as u32, len: (end - start) as u32 }
    }

    /// As the value of a list or map.
    pub(crate) fn bits(self) -> u64 {
        (u64::from(self.start) << 32) | u64::from(self.len)
    }

    #[inline]
    pub(crate) fn of<T>(self, all: &[T]) -> &[T] {
        let start = self.start as usize;
        all.get(start..start + self.len as usize).unwrap_or_default()
    }
}

/// What an attribute's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Str = 0,
    Bool = 1,
    Int = 2,
    Float = 3,
    Bytes = 4,
    List = 5,
    Map = 6,
}

/// A key and a value. The kind stands in the top four bits of the key's length: a key is below 256 MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttributeRecord {
    key_start: u32,
    key_len_kind: u32,
    pub(crate) bits: u64,
}

/// Longest key, in bytes, that an [`AttributeRecord`] can refer to.
pub(crate) const MAX_KEY: usize = (1 << 28) - 1;

impl AttributeRecord {
    #[inline]
    pub(crate) fn new(key: StrRef, kind: Kind, bits: u64) -> Self {
        AttributeRecord {
            key_start: key.start,
            key_len_kind: (key.len.min(MAX_KEY as u32)) | ((kind as u32) << 28),
            bits,
        }
    }

    #[inline]
    pub(crate) fn key(self) -> StrRef {
        StrRef { start: self.key_start, len: self.key_len_kind & MAX_KEY as u32 }
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        match self.key_len_kind >> 28 {
            0 => Kind::Str,
            1 => Kind::Bool,
            2 => Kind::Int,
            3 => Kind::Float,
            4 => Kind::Bytes,
            5 => Kind::List,
            _ => Kind::Map,
        }
    }
}

/// A span. Ids are split so that nothing is 16-aligned; 104 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SpanRecord {
    pub(crate) trace_high: u64,
    pub(crate) trace_low: u64,
    pub(crate) span_id: u64,
    pub(crate) parent_id: u64,
    pub(crate) start: i64,
    pub(crate) duration: i64,
    pub(crate) service: StrRef,
    pub(crate) name: StrRef,
    pub(crate) resource: StrRef,
    pub(crate) type_: StrRef,
    pub(crate) attributes: Range,
    /// Row of links and events plus one; 0 for none.
    pub(crate) extra: u32,
    pub(crate) chunk: u32,
    /// Byte of the body where the span begins.
    pub(crate) offset: u32,
    pub(crate) kind: SpanKind,
    /// The error field as received, clipped to 16 bits.
    pub(crate) error: i16,
}

const _: () = assert!(size_of::<SpanRecord>() == 104 && size_of::<AttributeRecord>() == 16);

/// What few spans have: a row beside the span.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExtraRecord {
    pub(crate) links: Range,
    pub(crate) events: Range,
    /// W3C tracestate of the span's own context (OTLP).
    pub(crate) tracestate: StrRef,
    pub(crate) status: SpanStatus,
    pub(crate) status_message: StrRef,
    /// As received; `None` when the field was absent (OTLP).
    pub(crate) flags: Option<u32>,
    pub(crate) dropped: Dropped,
    /// The three that v1.0 promotes out of the attributes.
    pub(crate) env: StrRef,
    pub(crate) version: StrRef,
    pub(crate) component: StrRef,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LinkRecord {
    pub(crate) trace_high: u64,
    pub(crate) trace_low: u64,
    pub(crate) span_id: u64,
    pub(crate) attributes: Range,
    pub(crate) tracestate: StrRef,
    /// As received; `None` when the field was absent.
    pub(crate) flags: Option<u32>,
    /// Attributes that the sender left out.
    pub(crate) dropped: u32,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventRecord {
    pub(crate) time: i64,
    pub(crate) name: StrRef,
    pub(crate) attributes: Range,
    /// Attributes that the sender left out.
    pub(crate) dropped: u32,
}

/// No sampling priority in the chunk.
pub(crate) const NO_PRIORITY: i32 = i32::MIN;

#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkRecord {
    pub(crate) spans: Range,
    /// [`NO_PRIORITY`] for none.
    pub(crate) priority: i32,
    pub(crate) origin: StrRef,
    /// Byte of the body where the chunk begins.
    pub(crate) offset: u32,
    /// Of the batch's nested attributes: tags of a v0.7 chunk, attributes of a v1.0 chunk or of an OTLP scope.
    pub(crate) attributes: Range,
    /// Row of the batch's resources plus one; 0 for none.
    pub(crate) resource: u32,
    pub(crate) scope: ScopeRecord,
    /// v1.0: how the sampling decision was made.
    pub(crate) mechanism: Option<u32>,
    /// v0.7, v1.0: the tracer had decided to drop this trace.
    pub(crate) dropped: bool,
    /// v1.0 says the trace id once, for the chunk.
    pub(crate) trace_high: u64,
    pub(crate) trace_low: u64,
}

impl Default for ChunkRecord {
    fn default() -> Self {
        ChunkRecord {
            spans: Range::default(),
            priority: NO_PRIORITY,
            origin: StrRef::default(),
            offset: 0,
            attributes: Range::default(),
            resource: 0,
            scope: ScopeRecord::default(),
            mechanism: None,
            dropped: false,
            trace_high: 0,
            trace_low: 0,
        }
    }
}

/// The instrumentation scope of OTLP; its attributes are the chunk's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ScopeRecord {
    pub(crate) name: StrRef,
    pub(crate) version: StrRef,
    pub(crate) schema_url: StrRef,
    pub(crate) dropped: u32,
}

/// What a sender said about itself: the payload's members in v0.7 and v1.0, a Resource in OTLP.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ResourceRecord {
    /// By [`Sender`].
    pub(crate) sender: [StrRef; Sender::ALL.len()],
    /// Of the batch's nested attributes.
    pub(crate) attributes: Range,
    /// Attributes that the sender left out.
    pub(crate) dropped: u32,
    pub(crate) schema_url: StrRef,
}

/// An entry of a string table, and what it means as a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableString {
    pub(crate) text: StrRef,
    pub(crate) class: u8,
}

/// The records of one decoded body.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) spans: Vec<SpanRecord>,
    pub(crate) attributes: Vec<AttributeRecord>,
    pub(crate) nested: Vec<AttributeRecord>,
    pub(crate) extras: Vec<ExtraRecord>,
    pub(crate) links: Vec<LinkRecord>,
    pub(crate) events: Vec<EventRecord>,
    pub(crate) chunks: Vec<ChunkRecord>,
    pub(crate) resources: Vec<ResourceRecord>,
    /// The string table of v0.5 and v1.0.
    pub(crate) strings: Vec<TableString>,
    /// Texts met lately, by hash: see [`Batch::canonical`].
    lately: Vec<StrRef>,
    side: Vec<u8>,
    pub(crate) dialect: Dialect,
    /// False when the body ended or broke before its end.
    pub(crate) complete: bool,
}

impl Batch {
    /// A batch with room for a body of `bytes` bytes, so that decoding it does not grow vectors.
    pub fn with_body_len(bytes: usize) -> Self {
        let mut batch = Batch::default();
        batch.reserve(bytes, true);
        batch
    }

    /// Forgets the records and keeps the memory.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.attributes.clear();
        self.nested.clear();
        self.extras.clear();
        self.links.clear();
        self.events.clear();
        self.chunks.clear();
        self.resources.clear();
        self.strings.clear();
        self.lately.clear();
        self.side.clear();
        self.dialect = Dialect::default();
        self.complete = false;
    }

    /// Bytes of heap that the batch holds on to.
    pub fn heap_bytes(&self) -> usize {
        self.spans.capacity() * size_of::<SpanRecord>()
            + (self.attributes.capacity() + self.nested.capacity()) * size_of::<AttributeRecord>()
            + self.extras.capacity() * size_of::<ExtraRecord>()
            + self.links.capacity() * size_of::<LinkRecord>()
            + self.events.capacity() * size_of::<EventRecord>()
            + self.chunks.capacity() * size_of::<ChunkRecord>()
            + self.resources.capacity() * size_of::<ResourceRecord>()
            + self.strings.capacity() * size_of::<TableString>()
            + self.side.capacity()
    }

    /// The records as spans of `body`, which must be the body they were decoded from.
    pub fn view<'b>(&'b self, body: &'b [u8]) -> Payload<'b> {
        Payload::new(self, body)
    }

    /// Room for a body of `bytes` bytes: sized by what is there, never by a length that the body declares.
    pub(crate) fn reserve(&mut self, bytes: usize, attributes: bool) {
        self.spans.reserve(bytes / 600);
        if attributes {
            self.attributes.reserve(bytes / 35);
        }
    }

    /// Copies `text` into the side text.
    pub(crate) fn intern(&mut self, text: &str) -> StrRef {
        self.intern_bytes(text.as_bytes())
    }

    /// Copies bytes beside the side text; empty when that is full at 2 GiB.
    pub(crate) fn intern_bytes(&mut self, text: &[u8]) -> StrRef {
        let start = self.side.len();
        if start + text.len() >= SIDE as usize {
            return StrRef::default();
        }
        self.side.extend_from_slice(text);
        StrRef { start: start as u32 | SIDE, len: text.len() as u32 }
    }

    /// An earlier reference to the same text, when there was one lately: names repeat, and drawing a million spans whose
    /// names all lie in one place is much faster than with names all over the body.
    #[inline]
    pub(crate) fn canonical(&mut self, body: &[u8], text: StrRef) -> StrRef {
        const SLOTS: usize = 1024;
        if self.lately.len() < SLOTS {
            self.lately.resize(SLOTS, StrRef::default());
        }
        let bytes = self.bytes(body, text);
        let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes));
        let mixed = word(bytes.first_chunk()) ^ word(bytes.last_chunk()).rotate_left(29) ^ bytes.len() as u64;
        let slot = (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize % SLOTS;
        let earlier = self.lately.get(slot).copied().unwrap_or_default();
        if earlier.len == text.len && self.bytes(body, earlier) == bytes {
            return earlier;
        }
        if let Some(place) = self.lately.get_mut(slot) {
            *place = text;
        }
        text
    }

    /// The bytes of `body` that `text` refers to; empty for side text.
    pub(crate) fn body_bytes(body: &[u8], text: StrRef) -> &[u8] {
        let start = text.start as usize;
        body.get(start..start.saturating_add(text.len as usize)).unwrap_or_default()
    }

    /// The bytes that `text` refers to.
    #[inline]
    pub(crate) fn bytes<'b>(&'b self, body: &'b [u8], text: StrRef) -> &'b [u8] {
        let (from, start) =
            if text.start & SIDE == 0 { (body, text.start) } else { (self.side.as_slice(), text.start & !SIDE) };
        let start = start as usize;
        from.get(start..start + text.len as usize).unwrap_or_default()
    }
}
