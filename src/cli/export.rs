//! flamegraph-text with `--out` and `--merge`: all selected traces together, as a file of another viewer or as one chart.

use super::beside::Known;
use super::output::Output;
use super::select::Captures;
use anyhow::{Context, Result, anyhow};
use spanglass::analysis::{Grouping, Merged};
use spanglass::lint;
use spanglass::render::export::{Speedscope, TraceEvents, svg};
use spanglass::render::page::{MOST_SPANS, MOST_TRACES, Page};
use spanglass::trace::Trace;
use spanglass::tree::TraceTree;
use spanglass::wire::Options;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

/// Forms of `--out`.
const FORMS: &str = "folded, svg, html, speedscope, perfetto";

/// The traces that are written or merged.
#[derive(Clone, Copy)]
pub(crate) struct Chosen<'c> {
    /// Their numbers.
    pub(crate) traces: &'c [usize],
    /// How they are read again.
    pub(crate) options: &'c Options<'c>,
    /// What frames take together.
    pub(crate) by: &'c Grouping,
}

/// Merges the traces.
pub(crate) fn merge(captures: &mut Captures, chosen: Chosen<'_>) -> Result<Merged> {
    let mut merged = Merged::default();
    each(captures, chosen, |tree| merged.add(tree, chosen.by))?;
    merged.finish();
    Ok(merged)
}

/// Writes the traces in a form; `-` is standard output.
pub(crate) fn write(
    form: &str,
    path: &Path,
    captures: &mut Captures,
    chosen: Chosen<'_>,
    beside: &Known,
    output: &mut Output,
) -> Result<()> {
    let mut written = chosen.traces.len();
    let redact = output.theme.redact;
    let mut file: Box<dyn Write> = match path.as_os_str() == "-" {
        true => Box::new(&mut *output),
        false => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
    };
    match form {
        "folded" => merge(captures, chosen)?.folded().iter().try_for_each(|line| writeln!(file, "{line}"))?,
        "svg" => svg(&mut file, &merge(captures, chosen)?)?,
        "html" => written = page(&mut file, captures, chosen, beside, redact)?,
        "speedscope" => {
            let mut profiles = Speedscope::default();
            each(captures, chosen, |tree| profiles.add(tree))?;
            profiles.write(&mut file)?;
        }
        "perfetto" => {
            let mut events = TraceEvents::new(redact);
            each(captures, chosen, |tree| events.add(tree))?;
            events.write(&mut file)?;
        }
        _ => check_form(form)?,
    }
    file.flush().with_context(|| format!("cannot write {}", path.display()))?;
    drop(file);
    output.note(&format!("{written} traces in {}, {form}", path.display()));
    if written < chosen.traces.len() {
        output.note(&format!(
            "{} traces are left out: a page holds {MOST_TRACES} traces and {MOST_SPANS} spans\nhelp: select with --trace, --query or --limit",
            chosen.traces.len() - written
        ));
    }
    Ok(())
}

/// Writes the traces as a page, as many as one holds; how many they are.
fn page(
    file: &mut dyn Write,
    captures: &mut Captures,
    chosen: Chosen<'_>,
    beside: &Known,
    redact: bool,
) -> Result<usize> {
    let mut page = Page::begin(file, redact)?;
    let (mut written, mut result) = (0, Ok(()));
    captures.visit(chosen.traces, chosen.options, |trace: &Trace<'_>, _| {
        let tree = TraceTree::of(trace);
        let told = beside.of(&tree);
        match page.add(&tree, &lint::structure::anomalies(&tree), &|at| told.notes(&tree, at)) {
            Ok(added) => written += usize::from(added),
            Err(error) => result = Err(error),
        }
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    result?;
    page.end()?;
    Ok(written)
}

/// Refuses a form that there is none of, before anything is read.
pub(crate) fn check_form(form: &str) -> Result<()> {
    match FORMS.split(", ").any(|known| known == form) {
        true => Ok(()),
        false => Err(anyhow!("no form {form:?}; forms are {FORMS}\nhelp: --out svg traces.svg")),
    }
}

fn each(captures: &mut Captures, chosen: Chosen<'_>, mut take: impl FnMut(&TraceTree<'_, '_>)) -> Result<()> {
    captures.visit(chosen.traces, chosen.options, |trace: &Trace<'_>, _| {
        take(&TraceTree::of(trace));
        ControlFlow::Continue(())
    })?;
    Ok(())
}
