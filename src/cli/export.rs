//! flamegraph-text with `--out` and `--merge`: all selected traces together, as a file of another viewer or as one chart.

use super::output::Output;
use super::select::Captures;
use anyhow::{Context, Result, anyhow};
use spanglass::analysis::Merged;
use spanglass::render::export::{Speedscope, TraceEvents, svg};
use spanglass::trace::Trace;
use spanglass::tree::TraceTree;
use spanglass::wire::Options;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

/// Forms of `--out`.
const FORMS: &str = "folded, svg, speedscope, perfetto";

/// Merges the selected traces.
pub(crate) fn merge(captures: &mut Captures, selected: &[usize], options: &Options<'_>) -> Result<Merged> {
    let mut merged = Merged::default();
    each(captures, selected, options, |tree| merged.add(tree))?;
    merged.finish();
    Ok(merged)
}

/// Writes the selected traces in a form; `-` is standard output.
pub(crate) fn write(
    form: &str,
    path: &Path,
    captures: &mut Captures,
    selected: &[usize],
    options: &Options<'_>,
    output: &mut Output,
) -> Result<()> {
    let redact = output.theme.redact;
    let mut file: Box<dyn Write> = match path.as_os_str() == "-" {
        true => Box::new(&mut *output),
        false => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
    };
    match form {
        "folded" => {
            merge(captures, selected, options)?.folded().iter().try_for_each(|line| writeln!(file, "{line}"))?
        }
        "svg" => svg(&mut file, &merge(captures, selected, options)?)?,
        "speedscope" => {
            let mut profiles = Speedscope::default();
            each(captures, selected, options, |tree| profiles.add(tree))?;
            profiles.write(&mut file)?;
        }
        "perfetto" => {
            let mut events = TraceEvents::new(redact);
            each(captures, selected, options, |tree| events.add(tree))?;
            events.write(&mut file)?;
        }
        _ => check_form(form)?,
    }
    file.flush().with_context(|| format!("cannot write {}", path.display()))?;
    drop(file);
    output.note(&format!("{} traces in {}, {form}", selected.len(), path.display()));
    Ok(())
}

/// Refuses a form that there is none of, before anything is read.
pub(crate) fn check_form(form: &str) -> Result<()> {
    match FORMS.split(", ").any(|known| known == form) {
        true => Ok(()),
        false => Err(anyhow!("no form {form:?}; forms are {FORMS}\nhelp: --out svg traces.svg")),
    }
}

fn each(
    captures: &mut Captures,
    selected: &[usize],
    options: &Options<'_>,
    mut take: impl FnMut(&TraceTree<'_, '_>),
) -> Result<()> {
    captures.visit(selected, options, |trace: &Trace<'_>, _| {
        take(&TraceTree::of(trace));
        ControlFlow::Continue(())
    })?;
    Ok(())
}
