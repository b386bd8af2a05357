//! Between Datadog's two shapes of a span: v0.3 to v0.7, where attributes are `meta`, `metrics` and `meta_struct`, and
//! v1.0, where they are typed and some stand beside them.
//!
//! ```text
//! v0.4                                   v1.0
//! meta["env"], meta["version"], ...      fields of the span
//! meta["span.kind"] = "server"           kind 2
//! meta["_dd.p.tid"], trace_id            trace id of the chunk
//! meta["_dd.p.dm"] = "-4"                sampling mechanism 4; the tag stays
//! metrics["_sampling_priority_v1"]       priority of the chunk; the metric stays
//! ```
//! A conversion is a copy of the batch with other records: texts stay where they are. What the other shape cannot carry
//! is counted; what it carries elsewhere, so that converting back yields it again, is not.

use super::cursor::trace_id_high;
use super::json_tags;
use super::losses::Losses;
use crate::trace::{
    AttributeRecord, Batch, ChunkRecord, Dialect, ExtraRecord, Kind, NO_PRIORITY, Payload, Range, ResourceRecord,
    Sender, SpanKind, SpanRecord, SpanStatus, StrRef, Value,
};
use std::collections::HashMap;

/// What a protocol of the older shape carries beyond spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// v0.3, v0.4: links and events of their own.
    V04,
    /// v0.5: links and events as tags.
    V05,
    /// v0.7: as v0.4, and the payload and its chunks have members.
    V07,
}

/// Whether `batch` can be written for `target` record by record: nothing has to move.
pub(super) fn is_plain(batch: &Batch, body: &[u8], target: Target) -> bool {
    batch.dialect == Dialect::Datadog && batch.chunks.iter().all(|chunk| is_complete(batch, body, chunk, target))
}

/// Whether a span has beside its attributes only what v0.4 has there too.
pub(super) fn has_only_links_and_events(batch: &Batch, body: &[u8], record: &SpanRecord) -> bool {
    let Some(extra) = (record.extra as usize).checked_sub(1).and_then(|row| batch.extras.get(row)) else { return true };
    let mut losses = Losses::default();
    otlp_losses(batch, body, extra, &mut losses);
    let promoted = [extra.env, extra.version, extra.component];
    losses.is_empty() && promoted.iter().all(|text| batch.bytes(body, *text).is_empty())
}

/// Whether the spans of a chunk say what the chunk says.
fn is_complete(batch: &Batch, body: &[u8], chunk: &ChunkRecord, target: Target) -> bool {
    let spans = chunk.spans.of(&batch.spans);
    let members = target == Target::V07;
    if !members && (chunk.attributes.len > 0 || chunk.resource > 0 || chunk.dropped) || chunk.mechanism.is_some() {
        return false;
    }
    let said = |key, kind| spans.iter().find_map(|span| find(batch, body, span, key, kind));
    if chunk.priority != NO_PRIORITY && !members {
        match said(b"_sampling_priority_v1", Kind::Float) {
            Some(found) if f64::from_bits(found.bits) as i32 == chunk.priority => {}
            _ => return false,
        }
    }
    let origin = batch.bytes(body, chunk.origin);
    if !origin.is_empty() && !members {
        let last = spans.iter().rev().find_map(|span| find(batch, body, span, b"_dd.origin", Kind::Str));
        if last.is_none_or(|last| text(batch, body, last) != origin) {
            return false;
        }
    }
    high_halves_are_said(batch, body, spans)
}

/// Whether a decoder finds the high half of every span's trace id: in its own tag, or in the chunk's first one.
fn high_halves_are_said(batch: &Batch, body: &[u8], spans: &[SpanRecord]) -> bool {
    let tid =
        |span| find(batch, body, span, b"_dd.p.tid", Kind::Str).and_then(|tag| trace_id_high(text(batch, body, tag)));
    let Some((first, rest)) = spans.split_first() else { return true };
    let said = tid(first);
    // Nearly always: one trace, said by its first span or by none.
    let alike = rest.iter().all(|span| (span.trace_high, span.trace_low) == (first.trace_high, first.trace_low));
    if alike && said == Some(first.trace_high) {
        return true;
    }
    let spread = spans.iter().find_map(|span| tid(span).map(|high| (span.trace_low, high)));
    spans.iter().all(|span| {
        let spread = spread.filter(|(low, _)| *low == span.trace_low).map(|(_, high)| high);
        tid(span).or(spread).unwrap_or_default() == span.trace_high
    })
}

/// The last attribute of a span with this key in the map of its kind: a metric named like a tag is none.
#[inline]
fn find(batch: &Batch, body: &[u8], span: &SpanRecord, key: &[u8], kind: Kind) -> Option<AttributeRecord> {
    let attributes = span.attributes.of(&batch.attributes);
    attributes.iter().rev().find(|record| record.kind() == kind && batch.bytes(body, record.key()) == key).copied()
}

fn text<'b>(batch: &'b Batch, body: &'b [u8], record: AttributeRecord) -> &'b [u8] {
    batch.bytes(body, StrRef::from_bits(record.bits))
}

/// The number of a sampling mechanism: `-4` or `hash-4` is 4.
fn mechanism(dm: &[u8]) -> Option<u32> {
    let (_, digits) = std::str::from_utf8(dm).ok()?.rsplit_once('-')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

// ---- to the older shape -------------------------------------------------------------------------------------

/// The same payload as `target` carries it.
pub(super) fn to_datadog(payload: Payload<'_>, target: Target, losses: &mut Losses) -> Batch {
    let body = payload.body();
    let mut made = Conversion { from: payload.batch(), body, made: payload.batch().clone(), losses };
    made.made.attributes.clear();
    for (index, span) in payload.spans().enumerate() {
        made.span(index, span, target);
    }
    for chunk in 0..made.made.chunks.len() {
        made.chunk(chunk, target);
    }
    made.resources(target);
    made.made.dialect = Dialect::Datadog;
    // What stood beside the attributes is a tag now, or was counted.
    for extra in &mut made.made.extras {
        *extra = ExtraRecord { links: extra.links, events: extra.events, ..ExtraRecord::default() };
    }
    made.made.links.iter_mut().for_each(|link| link.dropped = 0);
    made.made.events.iter_mut().for_each(|event| event.dropped = 0);
    made.made
}

struct Conversion<'c> {
    from: &'c Batch,
    body: &'c [u8],
    made: Batch,
    losses: &'c mut Losses,
}

impl Conversion<'_> {
    fn intern(&mut self, text: &str) -> StrRef {
        self.made.intern(text)
    }

    fn tag(&mut self, key: &str, value: StrRef) -> AttributeRecord {
        AttributeRecord::new(self.intern(key), Kind::Str, value.bits())
    }

    fn tag_text(&mut self, key: &str, value: &str) -> AttributeRecord {
        let value = self.intern(value);
        self.tag(key, value)
    }

    /// The attributes of a span as tags, metrics and documents, and what stands beside them as tags.
    fn span(&mut self, index: usize, span: crate::trace::Span<'_>, target: Target) {
        let first = self.made.attributes.len();
        let Some(record) = self.from.spans.get(index).copied() else { return };
        let (mut links, mut events) = (span.links().len() > 0, span.events().len() > 0);
        if target == Target::V05 {
            links &= !json_tags::links_stand(span);
            events &= !json_tags::events_stand(span);
        } else {
            (links, events) = (false, false);
        }
        for (key, value) in span.attributes().iter() {
            let replaced = (links && key == json_tags::LINKS) || (events && key == json_tags::EVENTS);
            if replaced && matches!(value, Value::Str(_)) {
                self.losses.add("tags replaced by the links or events that the span has", 1);
                continue;
            }
            let tag = self.older(key, value);
            self.made.attributes.push(tag);
        }
        if links {
            let json = json_tags::links_json(span, self.losses);
            let tag = self.tag_text(json_tags::LINKS, &json);
            self.made.attributes.push(tag);
        }
        if events {
            let json = json_tags::events_json(span, self.losses);
            let tag = self.tag_text(json_tags::EVENTS, &json);
            self.made.attributes.push(tag);
        }
        let beside = [("env", span.env()), ("version", span.version()), ("component", span.component())]
            .into_iter()
            .chain([("span.kind", span.kind().word().unwrap_or_default())]);
        for (key, value) in beside.filter(|(_, value)| !value.is_empty()) {
            match span.attributes().text(key) {
                None => {
                    let tag = self.tag_text(key, value);
                    self.made.attributes.push(tag);
                }
                Some(said) if said == value => {}
                Some(said) => {
                    self.losses.add("fields of a span that a tag of the same name contradicts", 1);
                    if let Some(record) = self.made.spans.get_mut(index).filter(|_| key == "span.kind") {
                        record.kind = SpanKind::from_word(said.as_bytes()).unwrap_or_default();
                    }
                }
            }
        }
        self.extra(&record);
        let attributes = Range::new(first, self.made.attributes.len());
        if let Some(record) = self.made.spans.get_mut(index) {
            record.attributes = attributes;
        }
    }

    /// Counts what only OTLP carries.
    fn extra(&mut self, record: &SpanRecord) {
        let row = (record.extra as usize).checked_sub(1).and_then(|row| self.from.extras.get(row));
        if let Some(extra) = row {
            otlp_losses(self.from, self.body, extra, self.losses);
        }
    }

    /// One attribute in the older shape.
    fn older(&mut self, key: &str, value: Value<'_>) -> AttributeRecord {
        let text = match value {
            Value::Str(text) => return self.tag_text(key, text),
            Value::Float(value) => return AttributeRecord::new(self.intern(key), Kind::Float, value.to_bits()),
            Value::Bytes(bytes) => {
                let bytes = self.made.intern_bytes(bytes);
                return AttributeRecord::new(self.intern(key), Kind::Bytes, bytes.bits());
            }
            Value::Int(value) if value.unsigned_abs() <= 1 << 53 => {
                self.losses.add("integer attributes written as floats", 1);
                return AttributeRecord::new(self.intern(key), Kind::Float, (value as f64).to_bits());
            }
            Value::Int(value) => {
                self.losses.add("integer attributes over 2^53 written as text", 1);
                value.to_string()
            }
            Value::Bool(value) => {
                self.losses.add("boolean attributes written as text", 1);
                value.to_string()
            }
            Value::List(_) => {
                self.losses.add("list attributes written as JSON text", 1);
                json_tags::json(value, self.losses).to_string()
            }
            Value::Map(_) => {
                self.losses.add("map attributes written as JSON text", 1);
                json_tags::json(value, self.losses).to_string()
            }
        };
        self.tag_text(key, &text)
    }

    /// Puts what a chunk says where `target` has it: members of the chunk, or tags of its first span.
    fn chunk(&mut self, index: usize, target: Target) {
        let Some(chunk) = self.made.chunks.get(index).copied() else { return };
        let members = target == Target::V07;
        let mut tags = Vec::new();
        let attributes = chunk.attributes.of(&self.from.nested);
        let view = self.from.view(self.body);
        let view = view.chunks().nth(index);
        for (key, value) in view.into_iter().flat_map(|chunk| chunk.attributes().iter()) {
            tags.push(match value {
                Value::Str(text) => self.tag_text(key, text),
                other => {
                    self.losses.add("attributes of a chunk written as text", 1);
                    let text = json_tags::plain_text(other, self.losses);
                    self.tag_text(key, &text)
                }
            });
        }
        let has = |made: &Batch, body: &[u8], tags: &[AttributeRecord], key: &[u8]| {
            let spans = chunk.spans.of(&made.spans);
            let on_span = spans.iter().any(|span| find(made, body, span, key, Kind::Str).is_some());
            on_span || tags.iter().any(|tag| made.bytes(body, tag.key()) == key)
        };
        if let Some(mechanism) = chunk.mechanism
            && !has(&self.made, self.body, &tags, b"_dd.p.dm")
        {
            let tag = self.tag_text("_dd.p.dm", &format!("-{mechanism}"));
            tags.push(tag);
        }
        if members {
            let range = self.made.push_nested(&tags);
            if let Some(record) = self.made.chunks.get_mut(index) {
                (record.attributes, record.mechanism) = (range, None);
            }
            self.high_half(index);
            return;
        }
        self.losses.add("attributes of a chunk written as tags of its first span", attributes.len() as u64);
        self.losses.add("marks of a trace as dropped", u64::from(chunk.dropped));
        let said = chunk.priority != NO_PRIORITY || !self.from.bytes(self.body, chunk.origin).is_empty();
        self.losses.add("chunks without spans that say something", u64::from(said && chunk.spans.len == 0));
        if chunk.priority != NO_PRIORITY {
            let key = self.intern("_sampling_priority_v1");
            self.set(index, AttributeRecord::new(key, Kind::Float, f64::from(chunk.priority).to_bits()), true);
        }
        if !self.from.bytes(self.body, chunk.origin).is_empty() {
            let tag = self.tag("_dd.origin", chunk.origin);
            self.set(index, tag, true);
        }
        tags.extend(self.sender_tags(&chunk));
        for tag in tags {
            self.set(index, tag, false);
        }
        self.high_half(index);
        if let Some(record) = self.made.chunks.get_mut(index) {
            (record.attributes, record.mechanism, record.resource) = (Range::default(), None, 0);
        }
    }

    /// What a sender says about itself, as the agent reads it from the first span of a chunk.
    fn sender_tags(&mut self, chunk: &ChunkRecord) -> Vec<AttributeRecord> {
        let row = (chunk.resource as usize).checked_sub(1);
        let Some(resource) = row.and_then(|row| self.from.view(self.body).resources().nth(row)) else {
            return Vec::new();
        };
        let mut tags = Vec::new();
        for (member, key) in [
            (Sender::RuntimeId, "runtime-id"),
            (Sender::Env, "env"),
            (Sender::Hostname, "_dd.hostname"),
            (Sender::AppVersion, "version"),
        ] {
            if !resource.sender(member).is_empty() {
                tags.push(self.tag_text(key, resource.sender(member)));
            }
        }
        for (key, value) in resource.attributes().iter() {
            // What that loses is counted once, with the payload.
            let text = json_tags::plain_text(value, &mut Losses::default());
            tags.push(self.tag_text(key, &text));
        }
        tags
    }

    /// Gives the first span of a chunk an attribute: in place of all in the chunk with its key and kind, or only when none has it.
    fn set(&mut self, chunk: usize, attribute: AttributeRecord, instead: bool) {
        let Some(spans) = self.made.chunks.get(chunk).map(|chunk| chunk.spans) else { return };
        let (key, kind) = (self.made.bytes(self.body, attribute.key()).to_vec(), attribute.kind());
        let has = |span| find(&self.made, self.body, span, &key, kind).is_some();
        let said = spans.of(&self.made.spans).iter().any(has);
        if said {
            if instead {
                for index in spans.start..spans.start + spans.len {
                    let Some(span) = self.made.spans.get(index as usize) else { continue };
                    let range = span.attributes;
                    for at in range.start..range.start + range.len {
                        let old = self.made.attributes.get(at as usize).copied();
                        if old.is_some_and(|old| old.kind() == kind && self.made.bytes(self.body, old.key()) == key)
                            && let Some(place) = self.made.attributes.get_mut(at as usize)
                        {
                            *place = attribute;
                        }
                    }
                }
            }
            return;
        }
        if spans.len > 0 {
            self.append(spans.start as usize, attribute);
        }
    }

    /// Appends an attribute to a span, whose attributes move to the end.
    fn append(&mut self, span: usize, attribute: AttributeRecord) {
        let Some(range) = self.made.spans.get(span).map(|span| span.attributes) else { return };
        let end = (range.start + range.len) as usize;
        let first = if end == self.made.attributes.len() {
            range.start as usize
        } else {
            let first = self.made.attributes.len();
            self.made.attributes.extend_from_within(range.start as usize..end);
            first
        };
        self.made.attributes.push(attribute);
        let range = Range::new(first, self.made.attributes.len());
        if let Some(span) = self.made.spans.get_mut(span) {
            span.attributes = range;
        }
    }

    /// Says the high halves of the trace ids: on the first span, or on each when there are several traces.
    fn high_half(&mut self, chunk: usize) {
        let Some(spans) = self.made.chunks.get(chunk).map(|chunk| chunk.spans) else { return };
        if high_halves_are_said(&self.made, self.body, spans.of(&self.made.spans)) {
            return;
        }
        let first = spans.of(&self.made.spans).first().copied().unwrap_or_default();
        let one = spans
            .of(&self.made.spans)
            .iter()
            .all(|span| (span.trace_high, span.trace_low) == (first.trace_high, first.trace_low));
        for (number, index) in (spans.start..spans.start + spans.len).enumerate() {
            let Some(span) = self.made.spans.get(index as usize).copied() else { continue };
            let kept: Vec<AttributeRecord> = span
                .attributes
                .of(&self.made.attributes)
                .iter()
                .filter(|record| record.kind() != Kind::Str || self.made.bytes(self.body, record.key()) != b"_dd.p.tid")
                .copied()
                .collect();
            let start = self.made.attributes.len();
            let had = kept.len() < span.attributes.len as usize;
            self.made.attributes.extend(kept);
            if had || !one || number == 0 {
                let tag = self.tag_text("_dd.p.tid", &format!("{:016x}", span.trace_high));
                self.made.attributes.push(tag);
            }
            let range = Range::new(start, self.made.attributes.len());
            if let Some(span) = self.made.spans.get_mut(index as usize) {
                span.attributes = range;
            }
        }
    }

    /// The payload's own members: v0.7 carries one sender, the others none.
    fn resources(&mut self, target: Target) {
        let payload = self.from.view(self.body);
        if target == Target::V07 {
            let mut rows = Vec::new();
            for resource in payload.resources() {
                let mut tags = Vec::new();
                for (key, value) in resource.attributes().iter() {
                    tags.push(match value {
                        Value::Str(text) => self.tag_text(key, text),
                        other => {
                            self.losses.add("attributes of the payload written as text", 1);
                            let text = json_tags::plain_text(other, self.losses);
                            self.tag_text(key, &text)
                        }
                    });
                }
                rows.push(self.made.push_nested(&tags));
            }
            for (record, attributes) in self.made.resources.iter_mut().zip(rows) {
                record.attributes = attributes;
            }
            return;
        }
        for resource in payload.resources() {
            self.losses.add("attributes of the payload written as tags", resource.attributes().len() as u64);
            for (_, value) in resource.attributes().iter() {
                json_tags::plain_text(value, self.losses);
            }
            let members = [Sender::RuntimeId, Sender::Env, Sender::Hostname, Sender::AppVersion];
            let said = members.into_iter().filter(|member| !resource.sender(*member).is_empty()).count();
            self.losses.add("members of the payload written as tags", said as u64);
            let debug = !resource.sender(Sender::ContainerDebug).is_empty();
            self.losses.add("container debug texts", u64::from(debug));
        }
    }
}

/// Counts what only OTLP carries of a span.
fn otlp_losses(batch: &Batch, body: &[u8], extra: &ExtraRecord, losses: &mut Losses) {
    let set = |text: StrRef| u64::from(text != StrRef::default() && !batch.bytes(body, text).is_empty());
    losses.add("tracestates of spans", set(extra.tracestate));
    losses.add("statuses of spans", u64::from(extra.status != SpanStatus::Unset));
    losses.add("status messages of spans", set(extra.status_message));
    losses.add("flags of spans", u64::from(extra.flags.is_some()));
    let dropped = extra.dropped;
    losses.add("counts of dropped data", u64::from(dropped.attributes + dropped.events + dropped.links > 0));
    let links = extra.links.of(&batch.links).iter().filter(|link| link.dropped > 0).count();
    let events = extra.events.of(&batch.events).iter().filter(|event| event.dropped > 0).count();
    losses.add("counts of dropped data", (links + events) as u64);
}

// ---- to v1.0 ------------------------------------------------------------------------------------------------

/// Whether `batch` can be written as v1.0 record by record.
pub(super) fn is_v1(batch: &Batch) -> bool {
    batch.dialect == Dialect::V1
        && batch.chunks.iter().all(|chunk| {
            let id = (chunk.trace_high, chunk.trace_low);
            chunk.spans.of(&batch.spans).iter().all(|span| (span.trace_high, span.trace_low) == id)
        })
}

/// How many chunks a payload makes in v1.0, where each has one trace.
pub(super) fn chunks_in_v1(payload: Payload<'_>) -> usize {
    let batch = payload.batch();
    batch.chunks.iter().map(|chunk| traces_of(chunk.spans.of(&batch.spans)).len().max(1)).sum()
}

/// The spans by trace, in the order in which the traces are seen first.
fn traces_of(spans: &[SpanRecord]) -> Vec<((u64, u64), Vec<&SpanRecord>)> {
    let mut traces: Vec<((u64, u64), Vec<&SpanRecord>)> = Vec::new();
    let mut places = HashMap::new();
    for span in spans {
        let id = (span.trace_high, span.trace_low);
        let place = match traces.last() {
            Some((last, _)) if *last == id => traces.len() - 1,
            _ => *places.entry(id).or_insert(traces.len()),
        };
        match traces.get_mut(place) {
            Some((_, spans)) => spans.push(span),
            None => traces.push((id, vec![span])),
        }
    }
    traces
}

/// The same payload as v1.0 carries it.
pub(super) fn to_v1(payload: Payload<'_>, losses: &mut Losses) -> Batch {
    let (from, body) = (payload.batch(), payload.body());
    let mut made = from.clone();
    made.dialect = Dialect::V1;
    made.chunks.clear();
    made.spans.clear();
    made.attributes.clear();
    if made.resources.is_empty() {
        made.resources.push(ResourceRecord::default());
        let language = payload.spans().next().and_then(|span| span.attributes().text("language"));
        let language = made.intern(language.unwrap_or_default());
        if let Some(record) = made.resources.first_mut() {
            record.sender[Sender::Language as usize] = language;
        }
    }
    for chunk in &from.chunks {
        // One chunk has one trace id: foreign spans get a chunk of their own.
        let mut traces = traces_of(chunk.spans.of(&from.spans));
        losses.add("chunks of several traces, split", u64::from(traces.len() > 1));
        if traces.is_empty() {
            traces.push(((chunk.trace_high, chunk.trace_low), Vec::new()));
        }
        for ((high, low), spans) in traces {
            let start = made.spans.len();
            let mut dm = chunk.mechanism;
            for span in spans {
                promote(from, body, span, &mut made, losses);
                dm = dm.or_else(|| mechanism(text(from, body, find(from, body, span, b"_dd.p.dm", Kind::Str)?)));
            }
            dm = dm.or_else(|| {
                let tags = chunk.attributes.of(&from.nested).iter();
                let tag = tags.rev().find(|tag| from.bytes(body, tag.key()) == b"_dd.p.dm")?;
                mechanism(text(from, body, *tag))
            });
            let (trace_high, trace_low, mechanism) = (high, low, dm);
            let spans = Range::new(start, made.spans.len());
            made.chunks.push(ChunkRecord { spans, trace_high, trace_low, mechanism, resource: 1, ..*chunk });
        }
    }
    made
}

/// Appends a span with what v1.0 has beside the attributes taken out of them.
fn promote(from: &Batch, body: &[u8], span: &SpanRecord, made: &mut Batch, losses: &mut Losses) {
    let row = (span.extra as usize).checked_sub(1);
    let mut extra = row.and_then(|row| from.extras.get(row)).copied().unwrap_or_default();
    if row.is_some() {
        otlp_losses(from, body, &extra, losses);
    }
    let mut record = SpanRecord { chunk: made.chunks.len() as u32, ..*span };
    let first = made.attributes.len();
    for attribute in span.attributes.of(&from.attributes) {
        if from.dialect == Dialect::Datadog && attribute.kind() == Kind::Str {
            let value = StrRef::from_bits(attribute.bits);
            let words = from.bytes(body, value);
            let field = match from.bytes(body, attribute.key()) {
                b"env" => Some(&mut extra.env),
                b"version" => Some(&mut extra.version),
                b"component" => Some(&mut extra.component),
                b"span.kind" if SpanKind::from_word(words) == Some(record.kind) => continue,
                b"_dd.p.tid" if trace_id_high(words) == Some(span.trace_high) => continue,
                _ => None,
            };
            if let Some(field) = field.filter(|_| !words.is_empty()) {
                *field = value;
                continue;
            }
        }
        made.attributes.push(*attribute);
    }
    record.attributes = Range::new(first, made.attributes.len());
    if row.is_some() || [extra.env, extra.version, extra.component] != [StrRef::default(); 3] {
        made.extras.push(extra);
        record.extra = made.extras.len() as u32;
    }
    if !(0..=1).contains(&record.error) {
        losses.add("error values other than 0 and 1", 1);
    }
    made.spans.push(record);
}
