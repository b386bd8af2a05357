//! Findings that OTLP alone has (wire.md section 12, O). Those on the form of ids and enums are raised in decoding.
//!
//! ```text
//! resource { attributes: [] }                      O006: no service.name
//! span { traceId: 00..., end < start,              O003, O005
//!        droppedAttributesCount: 3,                O009
//!        attributes: [{key: ""}, {key: "a"}, {key: "a"}] }     O011, O010
//! ```

use super::codes::*;
use super::counted;
use super::site::{Field, Site, shown};
use crate::context::PropagationStyle;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, Severity};
use crate::http::Headers;
use crate::propagation::{ExtractOptions, Extraction, extract};
use crate::trace::{Attributes, Chunk, Dropped, Payload};
use std::collections::HashSet;

/// Numbers chunks as their ResourceSpans and ScopeSpans are numbered in the body.
#[derive(Default)]
pub(super) struct Numbers {
    resource: usize,
    next_scope: usize,
}

impl Numbers {
    /// Of the next chunk: the number of its ResourceSpans, and its own in there.
    pub(super) fn of(&mut self, chunk: Chunk<'_>) -> (usize, usize) {
        let resource = chunk.resource_index().unwrap_or(0);
        if resource != self.resource {
            (self.resource, self.next_scope) = (resource, 0);
        }
        self.next_scope += 1;
        (resource, self.next_scope - 1)
    }
}

/// Reports `code` on a part of the body that is no span.
fn note(out: &mut Diagnostics, record: usize, path: &str, code: Code, help: &str, message: impl FnOnce() -> String) {
    if !out.keeps(code, code.severity()) {
        return out.count(code, code.severity());
    }
    let place = Place::Body { record, offset: None, path: path.to_owned() };
    out.report(Diagnostic::new(code, message()).help(help).at(place));
}

/// Checks the resources: O006, O009 to O011.
pub(super) fn resources(record: usize, payload: Payload<'_>, out: &mut Diagnostics) {
    let mut used = vec![false; payload.resources().len()];
    for chunk in payload.chunks().filter(|chunk| chunk.spans().len() > 0) {
        if let Some(used) = chunk.resource_index().and_then(|index| used.get_mut(index)) {
            *used = true;
        }
    }
    for (number, resource) in payload.resources().enumerate() {
        let path = format!("resourceSpans[{number}].resource");
        if used.get(number) == Some(&true) {
            service_name_missing(record, &path, resource.attributes(), out);
        }
        if resource.dropped() > 0 {
            dropped_data(record, &path, resource.dropped(), out);
        }
        attributes(record, &path, resource.attributes(), out);
    }
}

/// O006, once for a resource that has spans.
fn service_name_missing(record: usize, path: &str, attributes: Attributes<'_>, out: &mut Diagnostics) {
    let service = attributes.text("service.name").unwrap_or_default();
    if service.is_empty() || service == "unknown_service" || service.starts_with("unknown_service:") {
        let help = "set OTEL_SERVICE_NAME, or service.name in the SDK's resource";
        note(out, record, path, SERVICE_NAME_MISSING, help, || match service {
            "" => "the resource has no service.name".to_owned(),
            default => format!("service.name is {}, what an SDK puts there that was told none", shown(default)),
        });
    }
}

fn dropped_data(record: usize, path: &str, count: u32, out: &mut Diagnostics) {
    let help = "raise the SDK's attribute limits if they are needed";
    note(out, record, path, DROPPED_DATA, help, || {
        format!("{} left out by the sender", counted(count as usize, "attribute"))
    });
}

/// O010 and O011 on a resource or scope.
fn attributes(record: usize, path: &str, attributes: Attributes<'_>, out: &mut Diagnostics) {
    if let Some(key) = duplicate(attributes) {
        note(out, record, path, DUPLICATE_ATTRIBUTE, DUPLICATE_HELP, || duplicate_message(key));
    }
    if attributes.iter().any(|(key, _)| key.is_empty()) {
        note(out, record, path, EMPTY_ATTRIBUTE_KEY, EMPTY_HELP, || "an attribute whose key is empty".to_owned());
    }
}

/// Checks a scope: O009 to O011.
pub(super) fn scope(record: usize, numbers: (usize, usize), chunk: Chunk<'_>, out: &mut Diagnostics) {
    if chunk.attributes().is_empty() && chunk.scope_dropped() == 0 {
        return;
    }
    let path = format!("resourceSpans[{}].scopeSpans[{}].scope", numbers.0, numbers.1);
    if chunk.scope_dropped() > 0 {
        dropped_data(record, &path, chunk.scope_dropped(), out);
    }
    attributes(record, &path, chunk.attributes(), out);
}

/// Checks one span: O003, O005, O009 to O012.
pub(super) fn span(site: &mut Site<'_, '_>) {
    id_zero(site);
    end_before_start(site);
    dropped(site);
    duplicate_attribute(site);
    empty_attribute_key(site);
    tracestate_invalid(site);
}

/// O003
fn id_zero(site: &mut Site<'_, '_>) {
    let help = "receivers drop the span: make ids of random bytes that are not all zero";
    if site.span.trace_id().0 == 0 {
        site.note(ID_ZERO, Field::Member("trace_id"), help, || "no trace id, or one of zeros".to_owned());
    }
    if site.span.span_id().0 == 0 {
        site.note(ID_ZERO, Field::Member("span_id"), help, || "no span id, or one of zeros".to_owned());
    }
}

/// O005
fn end_before_start(site: &mut Site<'_, '_>) {
    let (start, duration) = (site.span.start(), site.span.duration());
    if duration.0 < 0 {
        let help = "end spans before they are exported, and take both times from one clock";
        site.note(END_BEFORE_START, Field::Member("duration"), help, || match start.0 + duration.0 {
            0 => "the end is 0 or absent".to_owned(),
            _ => format!("the span ends {} ns before it starts", duration.0.unsigned_abs()),
        });
    }
}

/// O009 on the span, its events and its links.
fn dropped(site: &mut Site<'_, '_>) {
    let Dropped { attributes, events, links } = site.span.dropped();
    let of_events: u64 = site.span.events().map(|event| u64::from(event.dropped())).sum();
    let of_links: u64 = site.span.links().map(|link| u64::from(link.dropped())).sum();
    if u64::from(attributes) + u64::from(events) + u64::from(links) + of_events + of_links == 0 {
        return;
    }
    site.note(DROPPED_DATA, Field::Member("dropped"), "raise the SDK's span limits if they are needed", || {
        let counts = [
            (u64::from(attributes), "attribute"),
            (u64::from(events), "event"),
            (u64::from(links), "link"),
            (of_events, "attribute of events"),
            (of_links, "attribute of links"),
        ];
        let said = counts.into_iter().filter(|(count, _)| *count > 0);
        let said: Vec<String> = said.map(|(count, noun)| counted(count as usize, noun)).collect();
        format!("left out by the sender: {}", said.join(", "))
    });
}

const DUPLICATE_HELP: &str = "set each attribute once: receivers disagree on which one counts";
const EMPTY_HELP: &str = "give the attribute a name; receivers drop it";

fn duplicate_message(key: &str) -> String {
    format!("the attribute {} stands twice; the last one counts", shown(key))
}

/// O010 on the span, its events and its links.
fn duplicate_attribute(site: &mut Site<'_, '_>) {
    if let Some(key) = duplicate(site.span.attributes()) {
        site.note(DUPLICATE_ATTRIBUTE, Field::Tag("attributes", key), DUPLICATE_HELP, || duplicate_message(key));
    }
    let span = site.span;
    for (index, event) in span.events().enumerate() {
        if let Some(key) = duplicate(event.attributes()) {
            let field = Field::Item("events", index, "attributes");
            site.note(DUPLICATE_ATTRIBUTE, field, DUPLICATE_HELP, || duplicate_message(key));
        }
    }
    for (index, link) in span.links().enumerate() {
        if let Some(key) = duplicate(link.attributes()) {
            let field = Field::Item("links", index, "attributes");
            site.note(DUPLICATE_ATTRIBUTE, field, DUPLICATE_HELP, || duplicate_message(key));
        }
    }
}

/// A key that stands twice. For a few attributes comparing all is cheapest; for many it must not be quadratic.
fn duplicate<'b>(attributes: Attributes<'b>) -> Option<&'b str> {
    if attributes.len() <= 12 {
        let keys = || attributes.iter().map(|(key, _)| key);
        return keys()
            .enumerate()
            .find(|(index, key)| keys().take(*index).any(|other| other == *key))
            .map(|(_, key)| key);
    }
    let mut seen = HashSet::with_capacity(attributes.len());
    attributes.iter().map(|(key, _)| key).find(|key| !seen.insert(*key))
}

/// O011 on the span, its events and its links.
fn empty_attribute_key(site: &mut Site<'_, '_>) {
    let span = site.span;
    let lacks = |attributes: Attributes<'_>| attributes.iter().any(|(key, _)| key.is_empty());
    let message = || "an attribute whose key is empty".to_owned();
    if lacks(span.attributes()) {
        site.note(EMPTY_ATTRIBUTE_KEY, Field::Member("attributes"), EMPTY_HELP, message);
    }
    for (index, event) in span.events().enumerate().filter(|(_, event)| lacks(event.attributes())) {
        let _ = event;
        site.note(EMPTY_ATTRIBUTE_KEY, Field::Item("events", index, "attributes"), EMPTY_HELP, message);
    }
    for (index, link) in span.links().enumerate().filter(|(_, link)| lacks(link.attributes())) {
        let _ = link;
        site.note(EMPTY_ATTRIBUTE_KEY, Field::Item("links", index, "attributes"), EMPTY_HELP, message);
    }
}

/// O012 on the span and its links.
fn tracestate_invalid(site: &mut Site<'_, '_>) {
    let span = site.span;
    let help = "W3C Trace Context: up to 32 members key=value, joined by commas";
    if let Some(fault) = tracestate_fault(span.tracestate()) {
        site.note(TRACESTATE_INVALID, Field::Member("traceState"), help, || fault);
    }
    for (index, link) in span.links().enumerate() {
        if let Some(fault) = tracestate_fault(link.tracestate()) {
            site.note(TRACESTATE_INVALID, Field::Item("links", index, "traceState"), help, || fault);
        }
    }
}

/// The first thing that is wrong with the grammar of a tracestate, as the header's reader finds it.
fn tracestate_fault(tracestate: &str) -> Option<String> {
    if tracestate.is_empty() {
        return None;
    }
    let mut headers = Headers::default();
    headers.push("traceparent", "00-00000000000000000000000000000001-0000000000000001-00");
    headers.push("tracestate", tracestate);
    let options = ExtractOptions { styles: vec![PropagationStyle::TraceContext], ..ExtractOptions::default() };
    let mut found = Diagnostics::default();
    extract(&headers, &options, &mut Extraction::default(), &mut found);
    let of_grammar = |finding: &&Diagnostic| {
        finding.code().id().starts_with("tracestate-") && finding.severity() >= Severity::Warning
    };
    found.iter().find(of_grammar).map(|finding| finding.message().to_owned())
}
