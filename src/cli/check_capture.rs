//! `spanglass check-capture`: what is wrong with the payloads and traces of a capture.

use super::findings::{Format, Threshold, one_of};
use super::output::Output;
use super::progress::Progress;
use super::rules::{self, Rule};
use super::select::{CaptureArgs, Captures, counts_line, end_of_input, file_namer, outcome_of_reading, report_refusal};
use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};
use spanglass::analysis::codes::{ASSERTION_FAILED, SNAPSHOT_DIFFERS};
use spanglass::analysis::{Difference, Snapshot};
use spanglass::diagnostic::{Diagnostic, Diagnostics, Outcome, Place, Severity, Source};
use spanglass::intake::{Note, Scanned};
use spanglass::lint::profile::{Checker, Profile};
use spanglass::lint::{self, payload::Context};
use spanglass::render::ci::{self, Item, Location, Suite};
use spanglass::render::json as document;
use spanglass::time::Timestamp;
use spanglass::trace::Keep;
use spanglass::tree::TraceTree;
use spanglass::wire::Options;
use std::collections::HashSet;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Report what is wrong with a capture.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    capture: CaptureArgs,
    /// Least severity that makes the answer bad
    #[arg(long, value_name = "SEVERITY", default_value = "error", value_parser = Threshold::parser("info"))]
    fail_on: Threshold,
    /// Reference time for starts in the future: RFC 3339, or nanoseconds since 1970
    /// [default: when the request was recorded, or now]
    #[arg(long, value_name = "TIME", value_parser = super::input::parse_time)]
    now: Option<Timestamp>,
    /// A capture without any trace is no failure
    #[arg(long)]
    allow_empty: bool,
    /// Hold the traces to the conventions of a system too
    ///
    /// xmtpd, flowbot and codeq add the rules of these systems, for spans of their service, and leave out what is said of requests and
    /// spans in general; dd and tutorial, and otel, keep what concerns their protocols. All add the general rules G.
    #[arg(long, value_name = "PROFILE", value_parser = one_of(Profile::ALL, Profile::name), help_heading = "Expectations")]
    profile: Option<Profile>,
    /// List the rules of the profile, and check nothing
    #[arg(long, requires = "profile", help_heading = "Expectations")]
    list: bool,
    /// What must hold: `service:web : count >= 1 and p95 < 200ms and no error`; repeatable
    ///
    /// A query, a colon between blanks, and assertions joined by `and`: count, errors OP N; p50, p95, p99, max, self OP
    /// DURATION; links OP N; has KEY; child_of(QUERY); no orphan; no error. OP is == != < <= > or >=. Without a query it
    /// is about all spans.
    #[arg(long, value_name = "EXPR", value_parser = rules::parse_expr, help_heading = "Expectations")]
    expr: Vec<Rule>,
    /// A YAML list of rules that must hold, each with name, expr and severity; repeatable
    #[arg(long, value_name = "FILE", help_heading = "Expectations")]
    rules: Vec<PathBuf>,
    /// The traces must be those of this file, in the form of the test agent's snapshots; ids and times are not compared
    #[arg(long, value_name = "FILE", help_heading = "Expectations")]
    snapshot: Option<PathBuf>,
    /// Write the snapshot anew instead of comparing
    #[arg(long, requires = "snapshot", help_heading = "Expectations")]
    update: bool,
    /// Findings of this earlier run (`--format json`) are known and left out
    #[arg(long, value_name = "FILE", help_heading = "Expectations")]
    baseline: Option<PathBuf>,
    /// How findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: Format,
    /// Same as --format json
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Outcome> {
    let format = if args.json { Format::Json } else { args.format };
    if let Some(profile) = args.profile.filter(|_| args.list) {
        return list(profile, format, output);
    }
    let mut rules = args.expr.clone();
    rules.extend(rules::read(&args.rules)?);
    let baseline = args.baseline.as_deref().map(Baseline::read).transpose()?;
    let expected = match &args.snapshot {
        Some(path) if !args.update => Some(read_snapshot(path)?),
        _ => None,
    };
    let mut found = Diagnostics::default();
    let mut captures = match args.capture.open(output, &mut found) {
        Ok(captures) => captures,
        Err(error) => {
            if format == Format::Json {
                report_refusal(&error, &mut found);
                print_json(false, None, &found, output)?;
            }
            return Err(error);
        }
    };
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    let options = Options { limits: args.capture.limits(), keep: Keep::All };
    let mut progress = Progress::new(output.quiet);
    let filter = args.capture.filter();
    let wanted = filter.as_ref().map(|filter| filter as _);
    let checked = |_: &mut (), scanned: &Scanned<'_>, found: &mut Diagnostics| {
        check(scanned, args.now.or(scanned.record.received).unwrap_or(Timestamp(clock)), found);
        scanned.payload.spans().len()
    };
    captures.scan(&options, Note::Places, wanted, &mut found, checked, |_, _, spans| {
        progress.step(spans as u64);
        ControlFlow::Continue(())
    });
    drop(progress);
    let mut selected = args.capture.selected(captures.traces());
    if let Some(limit) = args.capture.limit {
        selected.truncate(limit);
    }
    let mut shapes = Snapshot::default();
    let mut checker = args.profile.map(|profile| Checker::new(profile, args.now.unwrap_or(Timestamp(clock))));
    captures.visit(&selected, &options, |trace, records| {
        let records: Vec<usize> = records.iter().map(|record| *record as usize).collect();
        let tree = TraceTree::of(trace);
        lint::structure::trace(&tree, &records, &mut found);
        if let Some(checker) = &mut checker {
            checker.trace(&tree, &records, &mut found);
        }
        rules.iter_mut().for_each(|rule| rule.see(&tree));
        if args.snapshot.is_some() {
            shapes.add(&tree);
        }
        match shapes.spans() <= SNAPSHOT_SPANS {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    if let Some(path) = &args.snapshot {
        if shapes.spans() > SNAPSHOT_SPANS {
            bail!("a snapshot has {SNAPSHOT_SPANS} spans at most\nhelp: select what matters with --query or --limit");
        }
        shapes.sort();
        match &expected {
            Some(expected) => report_differences(&shapes.differences(expected), path, &mut found),
            None => {
                let text = shapes.text();
                std::fs::write(path, text).map_err(|error| anyhow!("cannot write {}: {error}", path.display()))?;
                output.note(&format!("{} holds {} spans now", path.display(), shapes.spans()));
            }
        }
    }
    if let Some(profile) = args.profile {
        found.retain(|code| profile.tells(code));
        let none = checker.is_some_and(|checker| checker.seen() == 0) && !selected.is_empty();
        if let Some(service) = profile.service().filter(|_| none) {
            output.note(&format!("no span is of the service {service}: the rules of its profile looked at nothing"));
        }
    }
    let held: Vec<bool> = rules.iter().map(|rule| rule.report(&mut found)).collect();
    if let Some(baseline) = &baseline {
        let known = baseline.leave_out(&mut found);
        if known > 0 {
            output.note(&format!("{known} findings of the baseline are left out"));
        }
    }
    let counts = captures.counts();
    let failing = args.fail_on.0.is_some_and(|least| found.reaches(least));
    let empty = selected.is_empty() && !args.allow_empty;
    let refused = counts.refused > 0 && args.fail_on.0.is_some();
    let ok = !failing && !empty && !refused;
    let reading = outcome_of_reading(&counts, &found);
    output.outcome = match (reading, ok) {
        (Outcome::Usage, _) => Outcome::Usage,
        (_, true) => Outcome::Good,
        (_, false) => Outcome::Bad,
    };
    let with_evidence = output.verbose > 0 && format == Format::Text;
    if with_evidence {
        captures.add_evidence(&mut found);
    }
    if format == Format::Json {
        print_json(ok, Some(&captures), &found, output)?;
    } else if format != Format::Text {
        let held: Vec<&Rule> = rules.iter().zip(&held).filter(|(_, held)| **held).map(|(rule, _)| rule).collect();
        print_ci(format, &captures, &found, &held, args.fail_on, output)?;
        if empty {
            let why = why_empty(&args.capture, &mut captures, &options)?;
            output.note(&why);
        }
    } else {
        let why = if empty { Some(why_empty(&args.capture, &mut captures, &options)?) } else { None };
        print_text(why.as_deref(), &captures, &found, output)?;
    }
    end_of_input(&captures, output)
}

/// Prints the rules of a profile.
fn list(profile: Profile, format: Format, output: &mut Output) -> Result<Outcome> {
    if format == Format::Text {
        for rule in profile.rules() {
            writeln!(output, "{:5} {:8} {:24} {}", rule.id(), rule.severity().word(), rule.name(), rule.title())?;
        }
        return Ok(Outcome::Good);
    }
    let rule = |rule: spanglass::diagnostic::Code| json!({"code": rule.id(), "name": rule.name(), "severity": rule.severity().word(), "title": rule.title()});
    document::write(output, &profile.rules().map(rule).collect::<Vec<_>>())?;
    writeln!(output)?;
    Ok(Outcome::Good)
}

/// Why there is no trace to judge, in words.
fn why_empty(args: &CaptureArgs, captures: &mut Captures, options: &Options<'_>) -> Result<String> {
    let counts = captures.counts();
    let accept = "(--allow-empty accepts it)";
    if args.selects() && !captures.traces().is_empty() {
        return args.nothing_matched(captures, options);
    }
    Ok(if counts.refused > 0 {
        format!("no traces: none of the payloads could be read {accept}")
    } else {
        format!("no traces: an empty capture proves nothing {accept}")
    })
}

/// Spans that a snapshot may have: it is compared in memory, and made to be read.
const SNAPSHOT_SPANS: usize = 100_000;

fn read_snapshot(path: &Path) -> Result<Snapshot> {
    let text = std::fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => anyhow!("there is no snapshot {}\nhelp: --update writes it", path.display()),
        _ => anyhow!("cannot read {}: {error}", path.display()),
    })?;
    Snapshot::parse(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
}

fn report_differences(differences: &[Difference], path: &Path, found: &mut Diagnostics) {
    for difference in differences {
        let finding = Diagnostic::new(SNAPSHOT_DIFFERS, difference.message.as_str());
        let finding =
            finding.help(format!("when it is right now, --snapshot {} --update takes it over", path.display()));
        found.report(match difference.span {
            Some((trace, span)) => finding.of_span(trace, span),
            None => finding,
        });
    }
}

/// Findings that are known and not to be told again.
struct Baseline(HashSet<(String, String)>);

impl Baseline {
    /// Reads what `--format json` printed.
    fn read(path: &Path) -> Result<Baseline> {
        let bad = |what: &str| {
            anyhow!("{}: {what}\nhelp: a baseline is what check-capture --format json printed", path.display())
        };
        let text = std::fs::read(path).map_err(|error| anyhow!("cannot read {}: {error}", path.display()))?;
        let document: Value = serde_json::from_slice(&text).map_err(|error| bad(&error.to_string()))?;
        let findings = document["findings"].as_array().ok_or_else(|| bad("it has no findings"))?;
        let key = |finding: &Value| Some((finding["code"].as_str()?.to_owned(), general(finding["message"].as_str()?)));
        Ok(Baseline(findings.iter().filter_map(key).collect()))
    }

    /// Takes what is known out; how many that were.
    fn leave_out(&self, found: &mut Diagnostics) -> u64 {
        let all = std::mem::take(found);
        let mut known = 0;
        for finding in all.iter() {
            if self.0.contains(&(finding.code().id().to_owned(), general(finding.message()))) {
                known += finding.count();
            } else {
                found.report(finding.clone());
            }
        }
        known
    }
}

/// A message without what differs from run to run: numbers and ids.
fn general(message: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric();
    let mut general = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| word(c) != word(first)).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        let number = word(first) && part.bytes().any(|byte| byte.is_ascii_digit());
        general.push_str(if number { "#" } else { part });
        rest = behind;
    }
    general
}

/// Everything that one record alone can show.
fn check(scanned: &Scanned<'_>, now: Timestamp, found: &mut Diagnostics) {
    let request = &scanned.record.request;
    if !scanned.record.bare {
        lint::payload::request(scanned.number, request, scanned.protocol, scanned.payload, found);
    }
    let context = Context { now: Some(now), lang: request.headers.get("datadog-meta-lang") };
    lint::payload::spans(scanned.number, scanned.payload, &context, found);
}

fn print_json(ok: bool, captures: Option<&Captures>, found: &Diagnostics, output: &mut Output) -> Result<()> {
    let counts = captures.map(|captures| captures.counts()).unwrap_or_default();
    let file_of =
        |record| captures.and_then(|captures| captures.file_of(record)).map(|file| file.display().to_string());
    let document = json!({
        "schema": "spanglass.check/1",
        "ok": ok,
        "records": {"read": counts.read, "decoded": counts.decoded, "skipped": counts.skipped},
        "traces": captures.map_or(0, |captures| captures.traces().len()),
        "spans": counts.spans,
        "findings": document::findings(found, &file_of),
    });
    document::write(output, &document)?;
    writeln!(output)?;
    Ok(())
}

/// Findings for the tools of a CI, one suite per file; for JUnit the rules that hold are cases too.
fn print_ci(
    format: Format,
    captures: &Captures,
    found: &Diagnostics,
    held: &[&Rule],
    fail_on: Threshold,
    output: &mut Output,
) -> Result<()> {
    let file_of = |record| captures.file_of(record).map(|file| file.display().to_string());
    let items: Vec<(Option<String>, Item<'_>)> = found
        .iter()
        .map(|finding| {
            let (file, subject) = match finding.place() {
                Some(Place::Body { record, offset, path }) => {
                    let offset = offset.map(|offset| format!(", byte {offset}")).unwrap_or_default();
                    let path = if path.is_empty() { String::new() } else { format!(", {path}") };
                    (file_of(*record), format!("record {record}{offset}{path}"))
                }
                Some(Place::Text { source: Source::File(file), range, .. }) => {
                    (Some(file.display().to_string()), format!("byte {}", range.start))
                }
                _ => (None, finding.trace_id().map(|id| format!("trace {id}")).unwrap_or_default()),
            };
            let location = file.clone().map(|file| Location { file, region: None });
            let item = Item {
                code: finding.code(),
                severity: finding.severity(),
                message: finding.message(),
                help: finding.help_text(),
                subject: subject.into(),
                location,
                replacement: None,
                count: finding.count(),
                failing: fail_on.is_reached_by(finding.severity()),
            };
            (file, item)
        })
        .collect();
    let mut suites: Vec<Suite<'_>> = Vec::new();
    for (file, item) in &items {
        let name = file.as_deref().unwrap_or("traces");
        match suites.iter_mut().find(|suite| suite.name == name) {
            Some(suite) => suite.items.push(item.clone()),
            None => suites.push(Suite { name, items: vec![item.clone()] }),
        }
    }
    match format {
        Format::Sarif => ci::sarif(output, &suites)?,
        Format::Github => ci::github(output, &suites)?,
        _ => {
            let case = |rule: &&Rule| Item {
                code: ASSERTION_FAILED,
                severity: Severity::Note,
                message: "holds",
                help: None,
                subject: rule.name.clone().into(),
                location: None,
                replacement: None,
                count: 1,
                failing: false,
            };
            if !held.is_empty() {
                suites.push(Suite { name: "rules", items: held.iter().map(case).collect() });
            }
            ci::junit(output, "spanglass check-capture", &suites)?;
        }
    }
    Ok(())
}

fn print_text(why_empty: Option<&str>, captures: &Captures, found: &Diagnostics, output: &mut Output) -> Result<()> {
    output.findings(found, &file_namer(captures))?;
    let theme = output.theme.clone();
    let plural = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    if let Some(text) = why_empty {
        writeln!(output, "{}", theme.palette.error.style(text))?;
    }
    let infos = found.total(Severity::Note);
    let hint = if infos > 0 && output.verbose == 0 { " (-v shows them)" } else { "" };
    writeln!(
        output,
        "{}, {}, {}{hint}",
        plural(found.total(Severity::Error), "error", "errors"),
        plural(found.total(Severity::Warning), "warning", "warnings"),
        plural(infos, "info", "infos"),
    )?;
    let line = counts_line(&captures.counts(), captures.trace_count(), &theme);
    writeln!(output, "{}", theme.palette.faint.style(line))?;
    Ok(())
}
