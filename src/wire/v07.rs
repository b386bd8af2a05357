//! Datadog v0.7 trace payloads: one map that says who sends, and chunks of the spans of v0.4.
//!
//! ```text
//! 82                              payload: map, any order
//!   a3 env  a4 prod               who sends: see `Sender`; also `tags`, map str to str
//!   a6 chunks 91                  array of 1 chunk
//!     82                          chunk: map, any order
//!       a8 priority  01           further: `origin` str, `tags` map str to str, `dropped_trace` bool
//!       a5 spans  91 8c ...       array of span maps as in v0.4
//! ```
//! All but `chunks` may be absent. No tracer is known to send it; libdatadog's and the agent's types encode it. The agent
//! writes priority -128 for none.

pub(super) mod encode;

use super::WireError;
use super::cursor::{Cursor, Field, trace_id_high};
use super::v04;
use crate::trace::{AttributeRecord, Kind, NO_PRIORITY, Range, ResourceRecord, Sender, StrRef};

/// The priority that the agent writes when there is none.
pub(super) const PRIORITY_NONE: i32 = -128;

/// Reads the payload map.
pub(super) fn payload(cursor: &mut Cursor<'_, '_, '_>) -> Result<(), WireError> {
    cursor.named = true;
    let entries = cursor.reader.map().map_err(|error| cursor.fatal(error, Field::Root("")))?;
    let mut sender = ResourceRecord::default();
    let read = members(cursor, entries, &mut sender);
    if let Some(record) = cursor.batch.resources.first_mut() {
        *record = sender;
    }
    read
}

fn members(cursor: &mut Cursor<'_, '_, '_>, entries: usize, sender: &mut ResourceRecord) -> Result<(), WireError> {
    cursor.batch.resources.push(ResourceRecord::default());
    const CHUNKS: u32 = 1 << 30;
    const TAGS: u32 = 1 << 31;
    let mut seen = 0u32;
    for _ in 0..entries {
        let at = cursor.reader.offset();
        let Some((key, _)) = cursor.key(Field::Root(""))? else { continue };
        let field = match key.bytes {
            b"chunks" => {
                if seen & CHUNKS != 0 {
                    cursor.forget_chunks();
                }
                let whole = chunks(cursor)?;
                if !whole {
                    return Ok(());
                }
                CHUNKS
            }
            b"tags" => {
                sender.attributes = tags(cursor, Field::Root("tags"), |key| Field::RootTag("tags", key))?.0;
                TAGS
            }
            name => match Sender::ALL.into_iter().find(|member| member.name().as_bytes() == name) {
                Some(member) => {
                    sender.sender[member as usize] = cursor.text(Field::Root(member.name()))?.or_empty();
                    1 << member as u32
                }
                None => {
                    cursor.unknown(key, at, Field::Root(""))?;
                    0
                }
            },
        };
        if seen & field != 0 {
            cursor.duplicate(key.bytes, at, Field::Root(""));
        }
        seen |= field;
    }
    if seen & CHUNKS == 0 {
        cursor.missing("a payload without `chunks`", 0, Field::Root("chunks"));
    }
    Ok(())
}

/// Reads the chunks; false when the span limit ended the payload.
fn chunks(cursor: &mut Cursor<'_, '_, '_>) -> Result<bool, WireError> {
    let Some(count) = cursor.array(Field::Root("chunks"), "an array of chunks")? else { return Ok(true) };
    for _ in 0..count {
        let at = cursor.reader.offset();
        cursor.begin_chunk(at);
        let mut chunk = ChunkMembers::default();
        let read = chunk_members(cursor, &mut chunk);
        cursor.end_chunk();
        chunk.put(cursor);
        if !read? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a chunk says beside its spans, which may come before or after it.
#[derive(Default)]
struct ChunkMembers {
    priority: Option<i32>,
    origin: StrRef,
    tags: Range,
    trace_high: Option<u64>,
    dropped: bool,
}

impl ChunkMembers {
    /// The chunk's own word counts before that of its spans.
    fn put(self, cursor: &mut Cursor<'_, '_, '_>) {
        let Some(chunk) = cursor.batch.chunks.last_mut() else { return };
        chunk.resource = 1;
        chunk.attributes = self.tags;
        chunk.dropped = self.dropped;
        match self.priority {
            Some(PRIORITY_NONE) | None => {}
            Some(priority) => chunk.priority = priority,
        }
        if self.origin != StrRef::default() {
            chunk.origin = self.origin;
        }
        if let Some(high) = self.trace_high {
            let spans = chunk.spans;
            let end = (spans.start + spans.len) as usize;
            for span in cursor.batch.spans.get_mut(spans.start as usize..end).unwrap_or_default() {
                if span.trace_high == 0 {
                    span.trace_high = high;
                }
            }
        }
    }
}

/// Reads one chunk; false when the span limit ended the payload.
fn chunk_members(cursor: &mut Cursor<'_, '_, '_>, chunk: &mut ChunkMembers) -> Result<bool, WireError> {
    let begin = cursor.reader.offset();
    let Some(entries) = cursor.map(Field::Chunk, "a chunk map")? else { return Ok(true) };
    let mut seen = 0u32;
    for _ in 0..entries {
        let at = cursor.reader.offset();
        let Some((key, _)) = cursor.key(Field::Chunk)? else { continue };
        let field = match key.bytes {
            b"priority" => {
                chunk.priority = cursor.i32(Field::ChunkName("priority"))?.filter(|priority| *priority != NO_PRIORITY);
                1
            }
            b"origin" => {
                chunk.origin = cursor.text(Field::ChunkName("origin"))?.or_empty();
                1 << 1
            }
            b"spans" => {
                if seen & 1 << 2 != 0 {
                    cursor.forget_spans();
                }
                if !v04::chunk(cursor)? {
                    return Ok(false);
                }
                1 << 2
            }
            b"tags" => {
                let tags = tags(cursor, Field::ChunkName("tags"), |key| Field::ChunkTag("tags", key))?;
                (chunk.tags, chunk.trace_high) = tags;
                1 << 3
            }
            b"dropped_trace" => {
                chunk.dropped = cursor.bool(Field::ChunkName("dropped_trace"))?.unwrap_or_default();
                1 << 4
            }
            _ => {
                cursor.unknown(key, at, Field::Chunk)?;
                0
            }
        };
        if seen & field != 0 {
            cursor.duplicate(key.bytes, at, Field::Chunk);
        }
        seen |= field;
    }
    if seen & 1 << 2 == 0 {
        cursor.missing("a chunk without `spans`", begin, Field::Chunk);
    }
    Ok(true)
}

/// Reads a map of strings, and the high half of the trace id that is among them.
fn tags<'a>(
    cursor: &mut Cursor<'a, '_, '_>,
    field: Field<'static>,
    entry: impl Fn(&'a [u8]) -> Field<'a>,
) -> Result<(Range, Option<u64>), WireError> {
    let Some(count) = cursor.map(field, "a map of strings")? else { return Ok(Default::default()) };
    let mut tags = Vec::new();
    let mut high = None;
    for _ in 0..count {
        let Some((key, name)) = cursor.key(field)? else { continue };
        let value = cursor.text(entry(key.bytes))?;
        if value == StrRef::NONE {
            continue;
        }
        if key.bytes == b"_dd.p.tid" {
            high = trace_id_high(cursor.bytes(value));
        }
        if cursor.keeps(key.bytes) {
            tags.push(AttributeRecord::new(name, Kind::Str, value.bits()));
        }
    }
    Ok((cursor.push_nested(&tags), high))
}
