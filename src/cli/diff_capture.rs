//! `spanglass diff-capture`: what is different between two captures, or two traces.

use super::output::Output;
use super::select::{CaptureArgs, Captures, end_of_input, file_namer, outcome_of_reading};
use anyhow::{Result, anyhow, bail};
use clap::ValueEnum;
use serde_json::{Map, Value, json};
use spanglass::analysis::{Change, Matching, Operations, changes, critical_path};
use spanglass::diagnostic::{Diagnostics, Outcome};
use spanglass::id::SpanId;
use spanglass::intake::{Located, Note, Scanned};
use spanglass::render::table::{Delta, deltas};
use spanglass::render::{clean, json as document, time::duration};
use spanglass::rule::Glob;
use spanglass::time::Nanos;
use spanglass::trace::{Keep, Span};
use spanglass::tree::TraceTree;
use spanglass::wire::Options;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::Write;
use std::ops::ControlFlow;

/// Compare two captures, or two traces.
///
/// Traces are matched by service, name and resource of their root, in the order of their times, and their spans by service, name, resource
/// and position. Ids, times and what differs from run to run (process ids, runtime ids) are not compared; lengths are, per
/// operation. Of two --trace the first is of A and the second of B.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    capture: CaptureArgs,
    /// How far lengths (p50 and p95 of an operation, and the critical path) may be apart
    #[arg(long, value_name = "PCT", default_value = "10%", value_parser = parse_share, help_heading = "Comparison")]
    tolerance: f64,
    /// Leave out members that fit (resource, type, kind, error, parent, meta.KEY, metrics.KEY, or KEY alone); repeatable
    #[arg(long, value_name = "GLOB", help_heading = "Comparison")]
    ignore: Vec<String>,
    /// Print text or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: Format,
    /// Same as --format json
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
}

/// `10%`, `0.1`.
fn parse_share(text: &str) -> Result<f64> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
        None => text.parse(),
    };
    share
        .ok()
        .filter(|share| share.is_finite() && *share >= 0.0)
        .ok_or_else(|| anyhow!("no tolerance; write for example 10%"))
}

/// One of the two, with what was added up over its traces.
#[derive(Default)]
struct Side {
    operations: Operations,
    critical: Nanos,
}

impl Side {
    fn add(&mut self, tree: &TraceTree<'_, '_>) {
        for node in tree.walk() {
            let Some(span) = tree.span(node.index) else { continue };
            self.operations.add(span.service(), span.name(), span.duration(), Nanos(0), span.error());
        }
        self.critical = critical_path(tree).into_iter().fold(self.critical, |sum, (_, length)| sum + length);
    }
}

/// What is different.
#[derive(Default)]
struct Differences {
    added: Vec<Lone>,
    removed: Vec<Lone>,
    changed: Vec<Changed>,
}

/// A span that only one side has.
struct Lone {
    node: Value,
    line: String,
}

struct Changed {
    ids: (SpanId, SpanId),
    line: String,
    changes: Vec<Change>,
}

impl Lone {
    fn of(tree: &TraceTree<'_, '_>, number: usize) -> Option<Lone> {
        let span = tree.span(number)?;
        Some(Lone { node: document::node(span, tree.self_time(number)), line: line_of(span) })
    }
}

fn line_of(span: Span<'_>) -> String {
    let resource = if span.resource() == span.name() { "" } else { span.resource() };
    format!("{} {} {resource}", span.service(), span.name()).trim_end().to_owned()
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Outcome> {
    let [one, other] = &args.capture.inputs[..] else {
        bail!("two captures are compared\nhelp: spanglass diff-capture before.jsonl after.jsonl");
    };
    let mut of_a = CaptureArgs { inputs: vec![one.clone()], ..args.capture.clone() };
    let mut of_b = CaptureArgs { inputs: vec![other.clone()], ..args.capture.clone() };
    if let [first, second] = &args.capture.trace[..] {
        (of_a.trace, of_b.trace) = (vec![first.clone()], vec![second.clone()]);
    }
    let (mut found_a, mut found_b) = (Diagnostics::default(), Diagnostics::default());
    let mut a = of_a.open(output, &mut found_a)?;
    let mut b = of_b.open(output, &mut found_b)?;
    let options = Options { limits: args.capture.limits(), keep: Keep::All };
    let selected_a = scan(&of_a, &mut a, &options, &mut found_a);
    let selected_b = scan(&of_b, &mut b, &options, &mut found_b);
    output.outcome = outcome_of_reading(&a.counts(), &found_a).or(outcome_of_reading(&b.counts(), &found_b));
    for (captures, selected, of) in [(&a, &selected_a, "A"), (&b, &selected_b, "B")] {
        if selected.is_empty() {
            output.note(&format!("{of} has no traces to compare, of {}", captures.traces().len()));
        }
    }
    let ignore: Vec<Glob> = args.ignore.iter().map(|glob| Glob::new(glob.as_str())).collect();
    let (mut before, mut after) = (Side::default(), Side::default());
    let mut found = Differences::default();
    let (pairs, rest_a, rest_b) = pair(&a, &selected_a, &b, &selected_b);
    for (of_a, of_b) in pairs {
        let mut inner = Ok(());
        a.visit(&[of_a], &options, |trace, _| {
            let tree_a = TraceTree::of(trace);
            before.add(&tree_a);
            inner = b.visit(&[of_b], &options, |trace, _| {
                let tree_b = TraceTree::of(trace);
                after.add(&tree_b);
                found.compare(&tree_a, &tree_b, &ignore);
                ControlFlow::Continue(())
            });
            ControlFlow::Continue(())
        })?;
        inner?;
    }
    for (captures, rest, side, lone) in
        [(&mut a, rest_a, &mut before, &mut found.removed), (&mut b, rest_b, &mut after, &mut found.added)]
    {
        captures.visit(&rest, &options, |trace, _| {
            let tree = TraceTree::of(trace);
            side.add(&tree);
            lone.extend((0..tree.len()).filter_map(|at| Lone::of(&tree, at)));
            ControlFlow::Continue(())
        })?;
    }
    let deltas = deltas_of(&before, &after, args.tolerance);
    let critical = (before.critical, after.critical);
    let equal = found.added.is_empty()
        && found.removed.is_empty()
        && found.changed.is_empty()
        && !deltas.iter().any(|delta| delta.apart)
        && !apart(critical.0, critical.1, args.tolerance);
    if args.json || args.format == Format::Json {
        document::write(output, &json_of(equal, &found, &deltas, critical))?;
        writeln!(output)?;
    } else {
        text(equal, &found, &deltas, critical, output)?;
    }
    output.findings_aside(&found_a, &file_namer(&a))?;
    output.findings_aside(&found_b, &file_namer(&b))?;
    if !equal {
        output.outcome = output.outcome.or(Outcome::Bad);
    }
    end_of_input(&a, output)?;
    end_of_input(&b, output)
}

/// Reads everything; the positions of the selected traces.
fn scan(args: &CaptureArgs, captures: &mut Captures, options: &Options<'_>, found: &mut Diagnostics) -> Vec<usize> {
    let filter = args.filter();
    let wanted = filter.as_ref().map(|filter| filter as _);
    let nothing = |_: &mut (), _: &Scanned<'_>, _: &mut Diagnostics| ();
    captures.scan(options, Note::Places, wanted, found, nothing, |_, _, ()| ControlFlow::Continue(()));
    let mut selected = args.selected(captures.traces());
    selected.truncate(args.limit.unwrap_or(usize::MAX));
    selected
}

/// Traces with roots of one kind, the first with the first; and what is left over. Two lone ones are a pair whatever they are.
fn pair(a: &Captures, of_a: &[usize], b: &Captures, of_b: &[usize]) -> (Vec<(usize, usize)>, Vec<usize>, Vec<usize>) {
    if let ([one], [other]) = (of_a, of_b) {
        return (vec![(*one, *other)], Vec::new(), Vec::new());
    }
    let in_time = |captures: &Captures, selected: &[usize]| {
        let mut sorted = selected.to_vec();
        sorted.sort_by_key(|at| captures.traces().get(*at).map(|trace| trace.start));
        sorted
    };
    fn top(captures: &Captures, at: usize) -> Option<&[String; 3]> {
        captures.traces().get(at).map(|trace: &Located| &trace.top)
    }
    let mut waiting: HashMap<Option<&[String; 3]>, VecDeque<usize>> = HashMap::new();
    for at in in_time(b, of_b) {
        waiting.entry(top(b, at)).or_default().push_back(at);
    }
    let (mut pairs, mut rest) = (Vec::new(), Vec::new());
    for at in in_time(a, of_a) {
        match waiting.get_mut(&top(a, at)).and_then(VecDeque::pop_front) {
            Some(other) => pairs.push((at, other)),
            None => rest.push(at),
        }
    }
    let left: Vec<usize> = waiting.into_values().flatten().collect();
    (pairs, rest, in_time(b, &left))
}

impl Differences {
    fn compare(&mut self, a: &TraceTree<'_, '_>, b: &TraceTree<'_, '_>, ignore: &[Glob]) {
        let matching = Matching::of(a, b);
        for (one, other) in matching.pairs {
            let changes = changes((a, one), (b, other), ignore);
            if let (false, Some(before), Some(after)) = (changes.is_empty(), a.span(one), b.span(other)) {
                let ids = (before.span_id(), after.span_id());
                self.changed.push(Changed { ids, line: line_of(before), changes });
            }
        }
        self.removed.extend(matching.removed.into_iter().filter_map(|at| Lone::of(a, at)));
        self.added.extend(matching.added.into_iter().filter_map(|at| Lone::of(b, at)));
    }
}

/// Whether two lengths are further apart than the share of the first.
fn apart(before: Nanos, after: Nanos, tolerance: f64) -> bool {
    before.0.abs_diff(after.0) as f64 > before.0.max(0) as f64 * tolerance
}

/// Operations of either side by service and name.
fn deltas_of(before: &Side, after: &Side, tolerance: f64) -> Vec<Delta> {
    let mut all: BTreeMap<(Box<str>, Box<str>), Delta> = BTreeMap::new();
    for (side, operations) in [&before.operations, &after.operations].into_iter().enumerate() {
        for (key, operation) in operations.sorted() {
            let delta = all.entry((key.service, key.name)).or_default();
            delta.count[side] = operation.count;
            delta.p50[side] = operation.quantile(50);
            delta.p95[side] = operation.quantile(95);
            delta.max[side] = operation.max();
        }
    }
    all.into_iter()
        .map(|((service, name), delta)| {
            let both = delta.count.iter().all(|count| *count > 0);
            let [p50, p95] = [delta.p50, delta.p95].map(|[before, after]| apart(before, after, tolerance));
            Delta { service: service.into(), name: name.into(), apart: both && (p50 || p95), ..delta }
        })
        .collect()
}

fn json_of(equal: bool, found: &Differences, deltas: &[Delta], critical: (Nanos, Nanos)) -> Value {
    let nodes = |all: &[Lone]| all.iter().map(|lone| lone.node.clone()).collect::<Vec<_>>();
    let changed = |changed: &Changed| {
        let members: Map<String, Value> =
            changed.changes.iter().map(|(member, a, b)| (member.clone(), json!([a, b]))).collect();
        json!({"a": changed.ids.0.to_string(), "b": changed.ids.1.to_string(), "members": members})
    };
    let operation = |delta: &Delta| {
        let ns = |pair: [Nanos; 2]| json!([pair[0].0, pair[1].0]);
        json!({
            "service": delta.service,
            "name": delta.name,
            "count": delta.count,
            "p50_ns": ns(delta.p50),
            "p95_ns": ns(delta.p95),
            "max_ns": ns(delta.max),
        })
    };
    json!({
        "schema": "spanglass.diff/1",
        "equal": equal,
        "added": nodes(&found.added),
        "removed": nodes(&found.removed),
        "changed": found.changed.iter().map(changed).collect::<Vec<_>>(),
        "operations": deltas.iter().map(operation).collect::<Vec<_>>(),
        "critical_path": {"a_ns": critical.0.0, "b_ns": critical.1.0},
    })
}

/// Most spans of a kind that text lists.
const SHOWN: usize = 20;

fn text(equal: bool, found: &Differences, all: &[Delta], critical: (Nanos, Nanos), output: &mut Output) -> Result<()> {
    let theme = output.theme.clone();
    let ascii = theme.ascii;
    let rest = |output: &mut Output, count: usize| match count.checked_sub(SHOWN) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(output, "  and {more} more"),
    };
    for (mark, word, lone) in [("-", "removed", &found.removed), ("+", "added", &found.added)] {
        if !lone.is_empty() {
            writeln!(output, "{} {word}", lone.len())?;
        }
        for lone in lone.iter().take(SHOWN) {
            writeln!(output, "  {mark} {}", clean(&lone.line, ascii))?;
        }
        rest(output, lone.len())?;
    }
    if !found.changed.is_empty() {
        writeln!(output, "{} changed", found.changed.len())?;
    }
    for changed in found.changed.iter().take(SHOWN) {
        writeln!(output, "  ~ {}", clean(&changed.line, ascii))?;
        for (member, a, b) in &changed.changes {
            let shown = |value: &Value| match value {
                Value::Null => "nothing".to_owned(),
                Value::String(text) => clean(text, ascii).into_owned(),
                other => other.to_string(),
            };
            let (a, b) = match theme.redact && spanglass::render::is_secret(member) {
                true => (spanglass::render::MASK.to_owned(), spanglass::render::MASK.to_owned()),
                false => (shown(a), shown(b)),
            };
            writeln!(output, "      {}: {a} {} {b}", clean(member, ascii), if ascii { "->" } else { "→" })?;
        }
    }
    rest(output, found.changed.len())?;
    if found.added.len() + found.removed.len() + found.changed.len() > 0 {
        writeln!(output)?;
    }
    deltas(output, all, &theme)?;
    let (a, b) = critical;
    writeln!(
        output,
        "critical path  {} {} {}",
        duration(a, ascii),
        if ascii { "->" } else { "→" },
        duration(b, ascii)
    )?;
    writeln!(output, "{}", if equal { "equal" } else { "different" })?;
    Ok(())
}
