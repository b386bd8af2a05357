//! Traces as one page for a browser, which asks for nothing else: index and details of every span beside style and program.
//!
//! Spans stand in the order of the tree. Of a trace the index is read at once and holds columns of numbers; the details are one line of
//! JSON for each span and are read one by one, so that a page of 100,000 spans opens at once.

use super::json::{node, write as write_json};
use super::{MASK, Notes, is_secret};
use crate::analysis::{critical_path, handoff};
use crate::diagnostic::Code;
use crate::id::SpanId;
use crate::tree::{Top, TraceTree};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::io::{self, Write};

/// Spans that a page holds. Browsers draw no box that is much higher than their rows.
pub const MOST_SPANS: usize = 500_000;
/// Traces that a page holds.
pub const MOST_TRACES: usize = 1_000;

/// A page while it is being written.
pub struct Page<'w> {
    w: &'w mut dyn Write,
    /// Hide the values of keys that look like secrets.
    redact: bool,
    traces: usize,
    spans: usize,
}

impl<'w> Page<'w> {
    /// Writes its beginning; with `redact` the values of keys that look like secrets are hidden.
    pub fn begin(w: &'w mut dyn Write, redact: bool) -> io::Result<Page<'w>> {
        w.write_all(
            b"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
            <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
            <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
            img-src data:; base-uri 'none'; form-action 'none'\">\n\
            <title>spanglass</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n",
        )?;
        w.write_all(include_bytes!("page/page.css"))?;
        w.write_all(b"</style>\n</head>\n")?;
        w.write_all(include_bytes!("page/page.html"))?;
        Ok(Page { w, redact, traces: 0, spans: 0 })
    }

    /// Writes a trace, unless the page is full; whether it was. `findings` are those on its structure, `notes` what is told of a span.
    pub fn add(&mut self, tree: &TraceTree<'_, '_>, findings: &[(Code, SpanId)], notes: Notes<'_>) -> io::Result<bool> {
        if self.traces >= MOST_TRACES || self.spans + tree.len() > MOST_SPANS {
            return Ok(false);
        }
        self.traces += 1;
        self.spans += tree.len();
        let (index, title) = index(tree);
        self.w.write_all(b"<script type=\"application/json\" class=\"trace\" data-title=\"")?;
        self.w.write_all(title.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").as_bytes())?;
        self.w.write_all(b"\">")?;
        self.json(&index)?;
        self.w.write_all(b"</script>\n<script type=\"application/x-ndjson\" class=\"details\">\n")?;
        let mut of_span: HashMap<SpanId, Vec<&str>> = HashMap::new();
        for (code, span) in findings {
            of_span.entry(*span).or_default().push(code.id());
        }
        for at in tree.walk() {
            let Some(span) = tree.span(at.index) else { continue };
            let mut details = node(span, tree.self_time(at.index));
            if self.redact {
                hide(&mut details);
            }
            details["findings"] = json!(of_span.get(&span.span_id()).map_or(&[][..], Vec::as_slice));
            details["notes"] = json!(notes(at.index));
            self.json(&details)?;
            self.w.write_all(b"\n")?;
        }
        self.w.write_all(b"</script>\n")?;
        Ok(true)
    }

    /// Writes its end.
    pub fn end(self) -> io::Result<()> {
        self.w.write_all(b"<script>\n")?;
        self.w.write_all(include_bytes!("page/page.js"))?;
        self.w.write_all(b"</script>\n</body>\n</html>\n")
    }

    /// JSON in which no text can end the element that it stands in.
    fn json(&mut self, value: &Json) -> io::Result<()> {
        let mut bytes = Vec::new();
        write_json(&mut bytes, value)?;
        let mut parts = bytes.split(|byte| *byte == b'<');
        self.w.write_all(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| {
            self.w.write_all(b"\\u003c")?;
            self.w.write_all(part)
        })
    }
}

/// Texts by the number of their first use.
#[derive(Default)]
struct Table<'b> {
    texts: Vec<&'b str>,
    numbers: HashMap<&'b str, usize>,
}

impl<'b> Table<'b> {
    fn number(&mut self, text: &'b str) -> usize {
        let next = self.texts.len();
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        number
    }
}

/// What is drawn of a trace, in columns, and what it is called where there are several.
fn index(tree: &TraceTree<'_, '_>) -> (Json, String) {
    let (start, end) = tree.extent().unwrap_or_default();
    let (mut services, mut names) = (Table::default(), Table::default());
    let order: Vec<usize> = tree.walk().map(|at| at.index).collect();
    let mut place = vec![None; tree.len()];
    for (row, at) in order.iter().enumerate() {
        if let Some(place) = place.get_mut(*at) {
            *place = Some(row);
        }
    }
    let row_of = |at: usize| place.get(at).copied().flatten();
    let mut columns: [Vec<i64>; 6] = Default::default();
    let (mut error, mut gap, mut overhang, mut orphan) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (row, at) in order.iter().enumerate() {
        let Some(span) = tree.span(*at) else { continue };
        let parent = tree.parent(*at).and_then(row_of).filter(|parent| *parent < row);
        let values = [
            parent.map_or(-1, |parent| parent as i64),
            (span.start() - start).0,
            span.duration().0,
            services.number(span.service()) as i64,
            names.number(span.name()) as i64,
            names.number(span.resource()) as i64,
        ];
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        if span.error() {
            error.push(row);
        }
        if tree.top(*at) == Some(Top::Orphan) {
            orphan.push(row);
        }
        gap.extend(tree.gap(*at).map(|ns| json!([row, ns.0, handoff(span)])));
        overhang.extend(tree.overhang(*at).map(|ns| json!([row, ns.0])));
    }
    let mut row_of_span = HashMap::new();
    for (row, at) in order.iter().enumerate() {
        if let Some(span) = tree.span(*at) {
            row_of_span.entry(span.span_id()).or_insert(row);
        }
    }
    let path: Vec<usize> = critical_path(tree).iter().filter_map(|(span, _)| row_of_span.get(span).copied()).collect();
    let first = order.first().and_then(|at| tree.span(*at));
    let title = first.map_or_else(String::new, |span| {
        format!("{}: {} ({} spans, {})", span.service(), span.name(), tree.len(), tree.trace().id())
    });
    let [parent, starts, duration, service, name, resource] = columns;
    let index = json!({
        "trace_id": tree.trace().id().to_string(),
        // Beyond what a number of a browser holds.
        "start_ns": start.0.to_string(),
        "duration_ns": (end - start).0,
        "services": services.texts,
        "names": names.texts,
        "parent": parent,
        "start": starts,
        "duration": duration,
        "service": service,
        "name": name,
        "resource": resource,
        "error": error,
        "orphan": orphan,
        "gap": gap,
        "overhang": overhang,
        "path": path,
    });
    (index, title)
}

/// Hides the values of keys that look like secrets, however deep.
fn hide(value: &mut Json) {
    match value {
        Json::Object(members) => {
            for (key, value) in members.iter_mut() {
                match value {
                    Json::Object(_) | Json::Array(_) => hide(value),
                    _ if is_secret(key) => *value = MASK.into(),
                    _ => {}
                }
            }
        }
        Json::Array(values) => values.iter_mut().for_each(hide),
        _ => {}
    }
}
