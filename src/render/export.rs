//! Traces as files of other viewers: folded stacks, a flame graph as SVG, speedscope, and trace events for Perfetto.

use super::json::value;
use super::{MASK, is_secret};
use crate::analysis::Merged;
use crate::time::Timestamp;
use crate::tree::TraceTree;
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;
use std::io::{self, Write};

/// Writes a flame graph of merged traces, drawn by inferno.
pub fn svg(w: &mut dyn Write, merged: &Merged) -> io::Result<()> {
    let mut options = inferno::flamegraph::Options::default();
    options.title = format!("{} traces", merged.traces);
    options.count_name = "ns".to_owned();
    options.name_type = "Span:".to_owned();
    // Colours by name, the same every time.
    options.hash = true;
    let lines = merged.folded();
    inferno::flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), w).map_err(|error| {
        let nothing = error.to_string();
        io::Error::other(format!("no flame graph can be drawn: {nothing}"))
    })
}

/// Tracks on which the spans of a trace nest: a span is on its parent's where it fits, else on one of its own. The number of the track of each
/// span, by its number.
fn tracks(tree: &TraceTree<'_, '_>) -> Vec<usize> {
    // Of each track the spans that are open, as their ends.
    let mut open: Vec<Vec<Timestamp>> = Vec::new();
    let mut order: Vec<usize> = (0..tree.len()).collect();
    let start = |at: usize| tree.span(at).map(|span| (span.start(), std::cmp::Reverse(span.end())));
    order.sort_by_key(|at| (start(*at), *at));
    let mut of = vec![0; tree.len()];
    for at in order {
        let Some(span) = tree.span(at) else { continue };
        let fits = |track: &Vec<Timestamp>| track.last().is_none_or(|end| span.end() <= *end);
        for track in &mut open {
            while track.last().is_some_and(|end| *end <= span.start()) {
                track.pop();
            }
        }
        let wanted = tree.parent(at).and_then(|parent| of.get(parent).copied());
        let track = wanted
            .filter(|track| open.get(*track).is_some_and(fits))
            .or_else(|| open.iter().position(|track| track.is_empty() || fits(track) && wanted.is_none()))
            .unwrap_or_else(|| {
                open.push(Vec::new());
                open.len() - 1
            });
        open[track].push(span.end());
        of[at] = track;
    }
    of
}

fn label(tree: &TraceTree<'_, '_>, at: usize) -> String {
    let Some(span) = tree.span(at) else { return String::new() };
    let resource = if span.resource() == span.name() { "" } else { span.resource() };
    format!("{} {resource}", span.name()).trim_end().to_owned()
}

/// Profiles for speedscope: one for every track of every trace.
#[derive(Default)]
pub struct Speedscope {
    frames: Vec<Json>,
    by_name: HashMap<String, usize>,
    profiles: Vec<Json>,
}

impl Speedscope {
    /// Adds a trace.
    pub fn add(&mut self, tree: &TraceTree<'_, '_>) {
        let of = tracks(tree);
        let Some((begin, finish)) = tree.extent() else { return };
        let count = of.iter().max().map_or(0, |most| most + 1);
        // (time, closing before opening, inner before outer when closing)
        let mut events: Vec<Vec<(i64, bool, i64, usize)>> = vec![Vec::new(); count];
        for (at, track) in of.iter().enumerate() {
            let Some(span) = tree.span(at) else { continue };
            let name = format!("{}: {}", span.service(), label(tree, at));
            let next = self.frames.len();
            let frame = *self.by_name.entry(name.clone()).or_insert(next);
            if frame == next {
                self.frames.push(json!({"name": name}));
            }
            let (start, end) = (span.start().0 - begin.0, (span.end().0 - begin.0).max(span.start().0 - begin.0));
            if end == start {
                continue;
            }
            if let Some(events) = events.get_mut(*track) {
                events.push((start, true, -end, frame));
                events.push((end, false, -start, frame));
            }
        }
        for (track, mut events) in events.into_iter().enumerate() {
            if events.is_empty() {
                continue;
            }
            events.sort_unstable();
            let event = |(at, opens, _, frame): &(i64, bool, i64, usize)| json!({"type": if *opens { "O" } else { "C" }, "frame": frame, "at": at});
            let name = if track == 0 {
                format!("trace {}", tree.trace().id())
            } else {
                format!("trace {} beside it, {track}", tree.trace().id())
            };
            self.profiles.push(json!({
                "type": "evented",
                "name": name,
                "unit": "nanoseconds",
                "startValue": 0,
                "endValue": finish.0 - begin.0,
                "events": events.iter().map(event).collect::<Vec<_>>(),
            }));
        }
    }

    /// Writes the file.
    pub fn write(self, w: &mut dyn Write) -> io::Result<()> {
        let document = json!({
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "exporter": concat!("spanglass ", env!("CARGO_PKG_VERSION")),
            "shared": {"frames": self.frames},
            "profiles": self.profiles,
        });
        super::json::write(&mut *w, &document)?;
        w.write_all(b"\n")
    }
}

/// Trace events, as Perfetto and chrome://tracing read them: a process per service, a thread per track.
#[derive(Default)]
pub struct TraceEvents {
    events: Vec<Json>,
    processes: HashMap<String, usize>,
    threads: usize,
    /// Hide the values of keys that look like secrets.
    redact: bool,
    /// What times count from: they are microseconds as floating point numbers, which hold no nanoseconds since 1970.
    begin: Option<Timestamp>,
}

impl TraceEvents {
    /// No traces yet; with `redact` the values of keys that look like secrets are hidden.
    pub fn new(redact: bool) -> Self {
        TraceEvents { redact, ..TraceEvents::default() }
    }

    /// Adds a trace.
    pub fn add(&mut self, tree: &TraceTree<'_, '_>) {
        let of = tracks(tree);
        let begin = *self.begin.get_or_insert(tree.extent().map_or(Timestamp(0), |(begin, _)| begin));
        for (at, track) in of.iter().enumerate() {
            let Some(span) = tree.span(at) else { continue };
            let next = self.processes.len() + 1;
            let process = *self.processes.entry(span.service().to_owned()).or_insert(next);
            if process == next {
                let args = json!({"name": span.service()});
                self.events.push(json!({"name": "process_name", "ph": "M", "pid": process, "tid": 0, "args": args}));
            }
            let shown = |(key, of)| {
                let hidden = self.redact && is_secret(key);
                (key.to_owned(), if hidden { MASK.into() } else { value(of) })
            };
            let mut args: Map<String, Json> = span.attributes().iter().map(shown).collect();
            args.insert("trace_id".to_owned(), tree.trace().id().to_string().into());
            args.insert("span_id".to_owned(), span.span_id().to_string().into());
            if span.error() {
                args.insert("error".to_owned(), true.into());
            }
            self.events.push(json!({
                "name": label(tree, at),
                "cat": if span.type_().is_empty() { "span" } else { span.type_() },
                "ph": "X",
                // Microseconds, with what is below them behind the point.
                "ts": (span.start().0 - begin.0) as f64 / 1000.0,
                "dur": span.duration().0.max(0) as f64 / 1000.0,
                "pid": process,
                "tid": self.threads + track + 1,
                "args": args,
            }));
        }
        self.threads += of.iter().max().map_or(0, |most| most + 1);
    }

    /// Writes the file.
    pub fn write(self, w: &mut dyn Write) -> io::Result<()> {
        super::json::write(&mut *w, &json!({"traceEvents": self.events, "displayTimeUnit": "ns"}))?;
        w.write_all(b"\n")
    }
}
