//! What flamegraph-text tells beside a tree: segments, relations that no parent id says, and lines of logs.

use super::input;
use super::output::Output;
use super::select::Captures;
use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use spanglass::analysis::{By, Logs, Segment, Stitch, Stitcher, Task, failure, segments};
use spanglass::diagnostic::Diagnostics;
use spanglass::id::{Reading, SpanId, TraceId};
use spanglass::render::json::Beside;
use spanglass::render::{Theme, clean};
use spanglass::sampling::recorded;
use spanglass::tree::TraceTree;
use spanglass::wire::Options;
use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// What to tell.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Beside the tree")]
pub(crate) struct BesideArgs {
    /// Tell which part of a trace each process made
    #[arg(long)]
    segments: bool,
    /// Tell relations that no parent id says: tag:KEY[+KEY], links, task, time, none; the tree stays as it is
    ///
    /// tag: spans with the same values (tag:staged_id for xmtpd's publish worker, with the reason why the context was not there); links:
    /// span links; task: contexts in --tasks; time: calls whose headers were lost, and CodeQ's requests around its spans.
    #[arg(long, value_name = "BY,...", value_delimiter = ',', value_parser = parse_by)]
    stitch: Vec<Stitching>,
    /// Records of tasks with id, traceParent and traceState: a JSON object, an array, or JSON lines
    #[arg(long, value_name = "FILE")]
    tasks: Option<PathBuf>,
    /// JSON lines with trace_id and span_id (or dd.trace_id, traceparent, ...): each is printed under its span
    #[arg(long, value_name = "FILE")]
    logs: Option<PathBuf>,
}

#[derive(Clone, Debug)]
enum Stitching {
    None,
    By(By),
}

fn parse_by(text: &str) -> Result<Stitching> {
    match text {
        "none" => Ok(Stitching::None),
        _ => By::parse(text)
            .map(Stitching::By)
            .ok_or_else(|| anyhow!("write tag:KEY, tag:KEY+KEY, links, task, time or none")),
    }
}

impl BesideArgs {
    /// Whether tags must be read for it.
    pub(crate) fn needs_tags(&self) -> bool {
        self.segments || !self.stitch.is_empty() || self.tasks.is_some()
    }

    /// Reads what is asked for; relations are looked for in all traces.
    ///
    /// With `details` spans are told too how they were sampled and how they failed.
    pub(crate) fn read(
        &self,
        captures: &mut Captures,
        options: &Options<'_>,
        details: bool,
        output: &mut Output,
    ) -> Result<Known> {
        let by = |stitching: &Stitching| if let Stitching::By(by) = stitching { Some(by.clone()) } else { None };
        let mut all: Vec<By> = self.stitch.iter().filter_map(by).collect();
        if self.tasks.is_some() && !all.contains(&By::Task) {
            all.push(By::Task);
        }
        let traces: Vec<TraceId> = captures.traces().iter().map(|trace| trace.id).collect();
        let mut known = Known { segments: self.segments, details, ..Known::default() };
        if !all.is_empty() {
            let tasks = self.tasks.as_deref().map(|path| read_tasks(path, output)).transpose()?.unwrap_or_default();
            let mut stitcher = Stitcher::new(all, tasks);
            let every: Vec<usize> = (0..captures.traces().len()).collect();
            captures.visit(&every, options, |trace, _| {
                stitcher.see(&TraceTree::of(trace));
                ControlFlow::Continue(())
            })?;
            known.stitches = Some(stitcher.stitches());
        }
        if let Some(path) = &self.logs {
            let mut found = Diagnostics::default();
            let opened = input::open(path, Default::default(), &mut found)?;
            let logs = Logs::read(opened.reader, &traces).with_context(|| format!("cannot read {}", path.display()))?;
            output.note(&format!(
                "{}: {} lines, {} joined, {} of other traces, {} without ids, {} not JSON",
                path.display(),
                logs.read,
                logs.joined.len(),
                logs.foreign,
                logs.without_ids,
                logs.not_json
            ));
            known.logs = Some(logs);
        }
        known.index(&traces);
        Ok(known)
    }
}

/// Tasks with a context that can be read; of the others is told what is wrong.
fn read_tasks(path: &Path, output: &mut Output) -> Result<Vec<Task>> {
    let mut found = Diagnostics::default();
    let mut text = String::new();
    let mut opened = input::open(path, Default::default(), &mut found)?;
    opened.reader.read_to_string(&mut text).with_context(|| format!("cannot read {}", path.display()))?;
    let whole: Result<Value, _> = serde_json::from_str(&text);
    let records: Vec<Value> = match whole {
        Ok(Value::Array(records)) => records,
        Ok(record) => vec![record],
        Err(_) => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let lines: Result<Vec<Value>, _> = lines.map(serde_json::from_str).collect();
            lines.map_err(|error| anyhow!("{}: neither a JSON document nor JSON lines: {error}", path.display()))?
        }
    };
    let mut tasks = Vec::new();
    for record in &records {
        let text = |keys: [&str; 2]| keys.iter().find_map(|key| record[*key].as_str()).unwrap_or_default();
        let (id, header) = (text(["id", "taskId"]), text(["traceParent", "traceparent"]));
        let reading = Reading::all(header).into_iter().find_map(|reading| Some((reading.trace_id, reading.parent_id?)));
        match reading {
            Some((trace, span)) if !id.is_empty() => tasks.push(Task { id: id.to_owned(), trace, span }),
            _ => output.note(&format!(
                "{}: task {id:?} has no usable traceParent ({header:?}): its spans hang under their own requests",
                path.display()
            )),
        }
    }
    Ok(tasks)
}

/// What is known of all traces.
#[derive(Default)]
pub(crate) struct Known {
    segments: bool,
    details: bool,
    stitches: Option<Vec<Stitch>>,
    logs: Option<Logs>,
    /// By the low half of a trace's id, the positions of its stitches and of its lines.
    by_trace: HashMap<u64, (Vec<usize>, Vec<usize>)>,
}

impl Known {
    /// Notes which trace each stitch and line belongs to; `traces` are those by whose position the lines go.
    fn index(&mut self, traces: &[TraceId]) {
        for (at, stitch) in self.stitches.iter().flatten().enumerate() {
            self.by_trace.entry(stitch.trace.low()).or_default().0.push(at);
        }
        for (at, line) in self.logs.iter().flat_map(|logs| &logs.joined).enumerate() {
            let Some(trace) = traces.get(line.trace) else { continue };
            self.by_trace.entry(trace.low()).or_default().1.push(at);
        }
    }

    /// What is known of one trace.
    pub(crate) fn of(&self, tree: &TraceTree<'_, '_>) -> Told {
        let nothing = (Vec::new(), Vec::new());
        let (stitches, lines) = self.by_trace.get(&tree.trace().id().low()).unwrap_or(&nothing);
        let mut told = Told { details: self.details, ..Told::default() };
        if self.segments {
            let all = segments(tree);
            for segment in &all {
                let Some(span) = tree.span(segment.root) else { continue };
                let count = segment.spans.len();
                let spans = if count == 1 { "1 span".to_owned() } else { format!("{count} spans") };
                told.under(span.span_id(), "segment", format!("of {}, {spans}", span.service()));
            }
            told.segments = Some(all);
        }
        if let Some(all) = &self.stitches {
            let stitches: Vec<Stitch> = stitches.iter().filter_map(|at| all.get(*at)).cloned().collect();
            for stitch in &stitches {
                let from = stitch.from.map_or_else(|| "a span that is not known".to_owned(), |id| id.to_string());
                let value = stitch.value.as_ref().map(|value| format!("={value}")).unwrap_or_default();
                let sure = stitch.confidence.word();
                told.under(
                    stitch.to,
                    "stitched",
                    format!("to {from} by {}{value}: {} ({sure})", stitch.by, stitch.reason),
                );
            }
            told.stitches = Some(stitches);
        }
        if let Some(logs) = &self.logs {
            let ids: HashSet<SpanId> = match lines.is_empty() {
                true => HashSet::new(),
                false => tree.trace().spans().map(|span| span.span_id()).collect(),
            };
            let mut joined = Vec::new();
            for line in lines.iter().filter_map(|at| logs.joined.get(*at)) {
                let span = line.span(|id| ids.contains(&id));
                let text = format!("{} {}", line.level, line.message).trim().to_owned();
                match span {
                    Some(span) => told.under(span, "log", text),
                    None => told.unattached.push(format!("unattached log, line {}: {text}", line.line)),
                }
                joined.push((line.line, span));
            }
            told.logs = Some(joined);
        }
        told
    }
}

/// What is told of one trace.
#[derive(Default)]
pub(crate) struct Told {
    details: bool,
    segments: Option<Vec<Segment>>,
    stitches: Option<Vec<Stitch>>,
    logs: Option<Vec<(usize, Option<SpanId>)>>,
    /// What is printed under a span.
    under: HashMap<SpanId, Vec<(&'static str, String)>>,
    unattached: Vec<String>,
}

impl Told {
    fn under(&mut self, span: SpanId, word: &'static str, text: String) {
        self.under.entry(span).or_default().push((word, text));
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.details && self.under.is_empty()
    }

    pub(crate) fn document(&self) -> Beside<'_> {
        Beside { segments: self.segments.as_deref(), stitched: self.stitches.as_deref(), logs: self.logs.as_deref() }
    }

    /// What is printed under a span.
    pub(crate) fn notes(&self, tree: &TraceTree<'_, '_>, at: usize) -> Vec<(&'static str, String)> {
        let Some(span) = tree.span(at) else { return Vec::new() };
        let mut notes = Vec::new();
        if self.details {
            notes.extend(recorded(span).into_iter().map(|said| ("sampling", said)));
            notes.extend(failure::in_words(&failure::signs(span)).map(|words| ("failure", words)));
        }
        notes.extend(self.under.get(&span.span_id()).into_iter().flatten().cloned());
        notes
    }

    /// Lines of the trace whose span is not there.
    pub(crate) fn unattached(&self, output: &mut Output, theme: &Theme) -> Result<()> {
        for line in &self.unattached {
            writeln!(output, "{}", clean(line, theme.ascii))?;
        }
        Ok(())
    }
}
