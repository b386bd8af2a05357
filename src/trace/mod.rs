//! The model: spans of every protocol in one shape.
//!
//! A decoder fills a [`Batch`], flat vectors of records whose strings are references into the body it read. The
//! rest of the program sees [`Span`], a `Copy` view over the batch and the body. Records are made and read here
//! and in `wire` only.

mod batch;
mod draft;
mod set;
mod view;

pub(crate) use batch::{
    AttributeRecord, ChunkRecord, EventRecord, ExtraRecord, Kind, LinkRecord, NO_PRIORITY, Range, ResourceRecord,
    ScopeRecord, SpanRecord, StrRef, TableString,
};
pub use batch::{Batch, Keep};
pub use draft::{ChunkDraft, EventDraft, LinkDraft, OwnedValue, ResourceDraft, SpanDraft};
pub use set::{Trace, TraceJoin};
pub use view::{
    Attributes, Chunk, Dialect, Dropped, Payload, Resource, Sender, Span, SpanEvent, SpanKind, SpanLink, SpanStatus,
    Value, Values,
};
