//! `spanglass validate-config`: what is wrong with a tracer's configuration, where it is written.

use super::findings::{Format, Selection, Threshold, one_of};
use super::output::Output;
use super::target::TrustArgs;
use super::{explain, input, live};
use anyhow::Result;
use spanglass::config::codes::forms::{NOTHING, SYNTAX, UNREADABLE};
use spanglass::config::codes::lint::OFF_BY_DEFAULT;
use spanglass::config::{self, Dialect, Finding, Form, Ignores, Input, Mode, Profile, Target};
use spanglass::diagnostic::{Code, Diagnostics, Outcome, Place, Severity, Source};
use spanglass::encoding;
use spanglass::render::config::{self as document, Judged, Report, TextOptions};
use spanglass::render::{Region, ci};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Largest file that is read as a configuration.
const LARGEST: u64 = 64 << 20;

/// Check tracer configuration where it is written.
///
/// Every error is reported at once, in the order in which the tracer would meet them, with dd-trace-cpp's number where it
/// has one, and with the line and column of the value. Nothing is dialled (without --live), written or executed: only the
/// named files are read, and those that they name (a compose env_file, DD_SPAN_SAMPLING_RULES_FILE, OTEL_CONFIG_FILE).
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Files to check, or `-` for standard input [default: the process environment]
    ///
    /// The form is told by the content: dotenv files, compose and Kubernetes manifests, Helm values, stable configuration,
    /// OpenTelemetry declarative configuration; with --profile flowbot or codeq their own YAML. Each service, container or
    /// .env file is a target of its own.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Whose rules to apply
    #[arg(long, value_name = "PROFILE", default_value = "dd-trace-cpp", value_parser = one_of(Profile::ALL, Profile::name), help_heading = "Configuration")]
    profile: Profile,
    /// Code-level settings, JSON or YAML, which the environment overrides
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// Put the process environment on top of the files
    #[arg(long, help_heading = "Configuration")]
    with_env: bool,
    /// Take the next source's value for a faulty one; errors become warnings
    #[arg(long, help_heading = "Configuration")]
    lenient: bool,
    /// Read every file as this form rather than by its content
    #[arg(long, value_name = "FORM", value_parser = one_of(Form::ALL, Form::name), help_heading = "Configuration")]
    input_format: Option<Form>,
    /// How .env files are read; docker keeps quotes and comments as part of the value
    #[arg(long, value_name = "DIALECT", default_value = "dotenv", value_parser = one_of([Dialect::Dotenv, Dialect::Docker], dialect_name), help_heading = "Configuration")]
    dotenv_dialect: Dialect,
    /// Only the service or container of this name; repeatable
    #[arg(long, value_name = "NAME", help_heading = "Configuration")]
    target: Vec<String>,
    /// Connect to where the traces would be sent, and say how far that went; exit 3 where it fails
    #[arg(long, help_heading = "Configuration")]
    live: bool,
    #[command(flatten)]
    trust: TrustArgs,

    /// Least severity that makes the answer bad
    #[arg(long, value_name = "SEVERITY", default_value = "error", value_parser = Threshold::parser("note"), help_heading = "Findings")]
    fail_on: Threshold,
    /// Only findings of these codes, beginnings of codes (TC4), slugs or numbers; separated by commas, repeatable
    #[arg(long, value_name = "CODE", value_delimiter = ',', help_heading = "Findings")]
    select: Vec<String>,
    /// No findings of these codes; a comment `# tc:ignore TC308` on a line or above it does so for that line
    #[arg(long, value_name = "CODE", value_delimiter = ',', help_heading = "Findings")]
    ignore: Vec<String>,
    /// Say what a code means, what causes it and what helps; nothing is checked
    #[arg(long, value_name = "CODE", value_delimiter = ',', help_heading = "Findings")]
    explain: Vec<String>,

    /// How findings are printed
    ///
    /// Lines and columns count from 1, columns in characters; an end column is that behind the last character.
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: Format,
    /// Same as --format json
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Print every value that would be used, where it was set, and what it won over
    #[arg(long, help_heading = "Output")]
    show_final: bool,
}

fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Dotenv => "dotenv",
        Dialect::Docker => "docker",
    }
}

pub(crate) fn run(args: Args, variables: &[(OsString, OsString)], output: &mut Output) -> Result<Outcome> {
    if !args.explain.is_empty() {
        return explain::explain(&args.explain, output);
    }
    let selection = Selection::of(&args.select, &args.ignore)?;
    let files = Files::default();
    let mode = if args.lenient { Mode::Lenient } else { Mode::Strict };
    let profile = args.profile;
    let targets = targets(&args, variables, &files, output);
    let read = targets.len();
    let names: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
    let targets = targets.into_iter().filter(|target| args.target.is_empty() || args.target.contains(&target.name));
    let judged: Vec<Judging> = targets.map(|target| judge(target, profile, mode, &selection, &files)).collect();

    // What cannot be read is no configuration, whatever was selected; nor is a set of files without any.
    let unreadable = judged.iter().any(|judging| judging.unreadable);
    let nothing = !judged.is_empty() && judged.iter().all(|judging| judging.nothing);
    let texts = files.into_texts();
    let ignores = texts.iter().map(|(path, text)| (path.as_path(), Ignores::of(text))).collect();
    let judged: Vec<Judged> = judged.into_iter().map(|judging| judging.select(&selection, &texts, &ignores)).collect();
    let ok = !judged.is_empty() && judged.iter().all(|judged| judged.ok);
    let failing = |severity: Severity| args.fail_on.is_reached_by(severity);
    let bad = judged.iter().flat_map(|judged| &judged.findings).any(|finding| failing(finding.severity()));
    output.outcome = match (unreadable || nothing, bad || judged.is_empty()) {
        (true, _) => Outcome::Usage,
        (false, true) => Outcome::Bad,
        (false, false) => Outcome::Good,
    };
    let report = Report { profile, mode, ok, targets: &judged, texts: &texts };
    let format = if args.json { Format::Json } else { args.format };
    let probes = if args.live { live::probe(&judged, &args.trust)? } else { Vec::new() };
    print(&report, format, &failing, args.show_final, &probes, output)?;
    live::tell(&probes, format == Format::Text, output)?;
    if judged.is_empty() && read > 0 {
        output.note(&format!("no target is named {}; there are {}", args.target.join(" or "), names.join(", ")));
    }
    Ok(output.outcome)
}

fn print(
    report: &Report<'_>,
    format: Format,
    failing: &dyn Fn(Severity) -> bool,
    show_final: bool,
    probes: &[live::Probe],
    output: &mut Output,
) -> Result<()> {
    // Code scanning and annotations want paths from the root of the checkout, which is where they run.
    let base = std::env::current_dir().ok();
    let suites = report.suites(failing, base.as_deref());
    match format {
        Format::Text => {
            let options = TextOptions { show_final, verbose: output.verbose > 0 };
            let theme = output.theme.clone();
            document::text(output, report, options, &theme)?;
        }
        Format::Json => {
            let mut document = document::document(report);
            live::add(&mut document, probes);
            spanglass::render::json::write(output, &document)?;
            writeln!(output)?;
        }
        Format::Sarif => ci::sarif(output, &suites)?,
        Format::Github => ci::github(output, &suites)?,
        Format::Junit => ci::junit(output, "spanglass validate-config", &suites)?,
    }
    let machine = matches!(format, Format::Json | Format::Sarif | Format::Junit);
    if machine && output.outcome == Outcome::Usage {
        output.flush()?;
        for item in suites.iter().flat_map(|suite| &suite.items).filter(|item| is_unreadable(item.code)) {
            output.note(&item.one_line());
        }
    }
    Ok(())
}

/// A target and what its findings mean for the exit code, before any was deselected.
struct Judging {
    judged: Judged,
    unreadable: bool,
    nothing: bool,
}

fn is_unreadable(code: Code) -> bool {
    code == UNREADABLE || code == SYNTAX
}

fn judge(mut target: Target, profile: Profile, mode: Mode, selection: &Selection, files: &Files) -> Judging {
    let read = |path: &Path| files.read(path);
    let mut findings = std::mem::take(&mut target.findings);
    let unreadable = findings.iter().any(|finding| is_unreadable(finding.code()));
    let nothing = findings.iter().any(|finding| finding.code() == NOTHING);
    if mode == Mode::Lenient {
        let softened = |finding: Finding| match finding.severity() {
            Severity::Error if !is_unreadable(finding.code()) => finding.substituted(),
            _ => finding,
        };
        findings = findings.into_iter().map(softened).collect();
    }
    let (mut finalized, mut assumed) = (None, None);
    if !unreadable && !nothing {
        let checked = config::check_all(profile, mode, &target, &read);
        let wanted = |code: Code| !OFF_BY_DEFAULT.contains(&code) || selection.asks_for(code);
        findings.extend(checked.findings.into_iter().filter(|finding| wanted(finding.code())));
        finalized = checked.finalized;
    }
    // A file that has an error is not used either, even where the tracer itself would not have seen it.
    if findings.iter().any(|finding| finding.severity() == Severity::Error) {
        assumed = finalized.take();
    }
    if finalized.is_none() && assumed.is_none() && !unreadable && !nothing {
        assumed = config::check(profile, Mode::Lenient, &target, &read).finalized;
    }
    let judged = Judged { target, skipped: unreadable || nothing, ok: !unreadable, finalized, assumed, findings };
    Judging { judged, unreadable, nothing }
}

impl Judging {
    /// Leaves out the findings that were not asked for: by the flags, and by comments in the files.
    fn select(
        self,
        selection: &Selection,
        texts: &BTreeMap<PathBuf, String>,
        ignores: &BTreeMap<&Path, Ignores>,
    ) -> Judged {
        let mut judged = self.judged;
        judged.findings.retain(|finding| selection.takes(finding.code()) && !is_ignored(finding, texts, ignores));
        judged.ok &= judged.findings.iter().all(|finding| finding.severity() != Severity::Error);
        judged
    }
}

/// Whether a comment on its line, or on the line above, says that it is known.
fn is_ignored(finding: &Finding, texts: &BTreeMap<PathBuf, String>, ignores: &BTreeMap<&Path, Ignores>) -> bool {
    let Some(Place::Text { source: Source::File(path), range, line }) = finding.diagnostic.place() else {
        return false;
    };
    let (Some(text), Some(ignores)) = (texts.get(path), ignores.get(path.as_path())) else { return false };
    let line = line.or_else(|| Region::of(text, range, None).map(|region| region.line as u64));
    line.is_some_and(|line| ignores.cover(line, finding.code()))
}

/// The files of a run: each is read once and kept, so that places in it can be shown.
#[derive(Default)]
struct Files(RefCell<BTreeMap<PathBuf, Vec<u8>>>);

impl Files {
    /// Reads a file, or standard input for `-`, with compression around it undone.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.0.borrow().get(path) {
            return Ok(bytes.clone());
        }
        let bytes = read(path)?;
        self.0.borrow_mut().insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    /// Those that are text.
    fn into_texts(self) -> BTreeMap<PathBuf, String> {
        let files = self.0.into_inner().into_iter();
        files.filter_map(|(path, bytes)| Some((path, String::from_utf8(bytes).ok()?))).collect()
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut found = Diagnostics::default();
    let limits = encoding::Limits { decoded: LARGEST, ..encoding::Limits::default() };
    let opened = input::open(path, limits, &mut found).map_err(|error| match error.downcast::<io::Error>() {
        Ok(error) => error,
        Err(error) => io::Error::other(format!("{error:#}")),
    })?;
    let mut bytes = Vec::new();
    opened.reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("larger than {} MiB", LARGEST >> 20)));
    }
    match opened.cut.as_ref().or(found.iter().next()) {
        Some(fault) => Err(io::Error::other(fault.message().to_owned())),
        None => Ok(bytes),
    }
}

/// The targets that the arguments name. Those of inputs that give none have only findings.
fn targets(args: &Args, variables: &[(OsString, OsString)], files: &Files, output: &mut Output) -> Vec<Target> {
    let form = args.input_format;
    let input = |path: &PathBuf, form| Input {
        path: path.clone(),
        bytes: files.read(path).map_err(|error| error.to_string()),
        form,
    };
    let mut inputs: Vec<Input> = args.files.iter().map(|path| input(path, form)).collect();
    if let Some(path) = &args.config {
        let json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        inputs.push(input(path, Some(if json { Form::TracerJson } else { Form::TracerYaml })));
    }
    if output.verbose > 0 {
        for input in &inputs {
            if let Some(form) = config::form_of(input, args.profile) {
                output.note(&format!("{}: read as {}", input.path.display(), form.name()));
            }
        }
    }
    let (mut process, mut unreadable) = (Vec::new(), Vec::new());
    if args.files.is_empty() || args.with_env {
        for (name, value) in variables {
            match (name.to_str(), value.to_str()) {
                (Some(name), Some(value)) => process.push((name.to_owned(), value.to_owned())),
                (Some(name), None) if ["DD_", "OTEL_"].iter().any(|start| name.starts_with(start)) => {
                    let message = format!("the value of {name} is not UTF-8");
                    unreadable.push(Finding::new(UNREADABLE, name, message).help(format!("unset {name}")));
                }
                _ => {}
            }
        }
    }
    let process_env = (args.files.is_empty() || args.with_env).then_some(&process[..]);
    let read = |path: &Path| files.read(path);
    let (mut targets, findings) = config::targets(&inputs, args.profile, args.dotenv_dialect, process_env, &read);
    for finding in unreadable.into_iter().chain(findings) {
        let name = match finding.diagnostic.place() {
            Some(Place::Text { source: Source::File(path), .. }) => path.display().to_string(),
            _ => finding.about.clone(),
        };
        targets.push(Target { name, findings: vec![finding], ..Target::default() });
    }
    targets
}
