//! Writing v0.7 bodies: the members of the payload, then the chunks with the spans of v0.4.

use super::PRIORITY_NONE;
use crate::trace::{Batch, ChunkRecord, Kind, NO_PRIORITY, Payload, Range, ResourceRecord, Sender, StrRef};
use crate::wire::convert::{self, Target};
use crate::wire::losses::Losses;
use crate::wire::v04::encode as v04;
use crate::wire::writer::Writer;

/// The body of a request.
pub(in crate::wire) fn body(payload: Payload<'_>, losses: &mut Losses) -> Vec<u8> {
    let further = payload.resources().len().saturating_sub(1);
    losses.add("what further senders say about themselves", further as u64);
    if convert::is_plain(payload.batch(), payload.body(), Target::V07) {
        let mut counted = Losses::default();
        if let Some(body) = plain(payload, false, &mut counted) {
            losses.merge(counted);
            return body;
        }
    }
    let converted = convert::to_datadog(payload, Target::V07, losses);
    plain(converted.view(payload.body()), true, losses).unwrap_or_default()
}

/// The body of what needs no conversion, or `had` one; `None` when a span needs one.
fn plain(payload: Payload<'_>, had: bool, losses: &mut Losses) -> Option<Vec<u8>> {
    let (batch, body) = (payload.batch(), payload.body());
    let mut writer = Writer::with_capacity(v04::room(batch));
    let sender = batch.resources.first().copied().unwrap_or_default();
    let said: Vec<Sender> =
        Sender::ALL.into_iter().filter(|member| !batch.bytes(body, value(&sender, *member)).is_empty()).collect();
    writer.map(said.len() + usize::from(sender.attributes.len > 0) + 1);
    for member in said {
        writer.text(member.name().as_bytes());
        writer.text(batch.bytes(body, value(&sender, member)));
    }
    if sender.attributes.len > 0 {
        tags(&mut writer, batch, body, sender.attributes);
    }
    writer.raw(b"\xa6chunks");
    writer.array(batch.chunks.len());
    for record in &batch.chunks {
        chunk(&mut writer, payload, record, had, losses)?;
    }
    Some(writer.out)
}

fn value(sender: &ResourceRecord, member: Sender) -> StrRef {
    sender.sender.get(member as usize).copied().unwrap_or_default()
}

fn chunk(
    writer: &mut Writer,
    payload: Payload<'_>,
    record: &ChunkRecord,
    had: bool,
    losses: &mut Losses,
) -> Option<()> {
    let (batch, body) = (payload.batch(), payload.body());
    writer.map(4 + usize::from(record.attributes.len > 0));
    writer.raw(b"\xa8priority");
    writer.int(i64::from(if record.priority == NO_PRIORITY { PRIORITY_NONE } else { record.priority }));
    writer.raw(b"\xa6origin");
    writer.text(batch.bytes(body, record.origin));
    writer.raw(b"\xa5spans");
    v04::spans(writer, payload, record.spans, had, losses)?;
    if record.attributes.len > 0 {
        tags(writer, batch, body, record.attributes);
    }
    writer.raw(b"\xaddropped_trace");
    writer.bool(record.dropped);
    Some(())
}

fn tags(writer: &mut Writer, batch: &Batch, body: &[u8], range: Range) {
    let tags = range.of(&batch.nested).iter().filter(|tag| tag.kind() == Kind::Str);
    writer.raw(b"\xa4tags");
    writer.map(tags.clone().count());
    for tag in tags {
        writer.text(batch.bytes(body, tag.key()));
        writer.text(batch.bytes(body, StrRef::from_bits(tag.bits)));
    }
}
