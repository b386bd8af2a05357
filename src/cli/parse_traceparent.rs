//! `spanglass parse-traceparent`: what propagation headers mean, and what every tracer would do with them.

use super::output::Output;
use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use serde_json::{Value, json};
use spanglass::context::PropagationStyle;
use spanglass::diagnostic::{Code, Diagnostics, Outcome, Severity, Source};
use spanglass::http::{Headers, is_credential};
use spanglass::id::{Notation, Reading, SpanId, TraceId};
use spanglass::propagation::verdict::{self, Profile};
use spanglass::propagation::{
    Behavior, ExtractOptions, Extraction, HeaderStatus, InjectOptions, extract, extract_fields, inject, parse_styles,
    pasted, plain_style, plain_traceparent,
};
use spanglass::render::context::{self, Answer};
use spanglass::render::{self, MASK, clean, diagnostic, header, table};
use spanglass::rule::Rate;
use spanglass::sampling::{self, Incoming, SamplingAnswer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, IsTerminal, Read, Write};
use std::time::SystemTime;

/// Explain propagation headers.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A value of any style, `Name: value`, @FILE, or `-`; files may be header lines, a raw HTTP request, `curl -v`
    /// output, JSON, HAR, `env` output, a message or task record, or log text
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    /// A header; repeatable, order kept
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Styles in the order in which they are tried [default: every style that is present]
    #[arg(long, value_name = "LIST", help_heading = "Extraction")]
    extract: Option<String>,
    /// What is done with the context that comes in
    #[arg(long, value_name = "BEHAVIOR", default_value = "continue", help_heading = "Extraction")]
    behavior: BehaviorArg,
    /// Stop after the first style that yields a context
    #[arg(long, help_heading = "Extraction")]
    extract_first: bool,
    /// Discard a whole tracestate that has an invalid member or more than 32
    #[arg(long, help_heading = "Extraction")]
    w3c_strict: bool,
    /// Also print what a child would send on, in these styles
    #[arg(long, value_name = "LIST", help_heading = "Injection")]
    inject: Option<String>,
    /// The id of the local span [default: random]
    #[arg(long, value_name = "HEX16", value_parser = parse_span_id, help_heading = "Injection")]
    span_id: Option<SpanId>,
    /// The trace id to use when no trace is continued [default: random]
    #[arg(long, value_name = "HEX32", value_parser = parse_new_trace_id, help_heading = "Injection")]
    new_trace_id: Option<TraceId>,
    /// Print only the injected headers, ready to paste
    #[arg(long, value_name = "FORM", help_heading = "Injection")]
    emit: Option<Emit>,
    /// Verdicts of these tracers only (`dd-trace-py`, `otel-js@2.12.0`, ...); `list` shows the known ones, `none` skips
    #[arg(long = "as", value_name = "TRACER,...")]
    as_: Option<String>,
    /// Print one id in every notation
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Say whether each sampler family would keep this trace at --rate, and why
    #[arg(long, requires = "rate", help_heading = "Sampling")]
    explain_sampling: bool,
    /// The sampling rate, 0 to 1
    #[arg(long, value_name = "R", value_parser = parse_rate, help_heading = "Sampling")]
    rate: Option<Rate>,
    /// Only this sampler
    #[arg(long, value_name = "NAME", help_heading = "Sampling")]
    sampler: Option<String>,
    /// Read the input as this rather than by its content
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<InputFormat>,
    /// Instead of one result per header set: counts of sets by style, outcome and code
    #[arg(long)]
    summary: bool,
    /// Print text, one JSON document (an array for several header sets), or one document per line
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: Format,
    /// Same as --format json
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum BehaviorArg {
    Continue,
    Restart,
    Ignore,
}

impl From<BehaviorArg> for Behavior {
    fn from(argument: BehaviorArg) -> Behavior {
        match argument {
            BehaviorArg::Continue => Behavior::Continue,
            BehaviorArg::Restart => Behavior::Restart,
            BehaviorArg::Ignore => Behavior::Ignore,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Emit {
    Header,
    Curl,
    Env,
    Json,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum InputFormat {
    /// One JSON object with headers per line
    Jsonl,
    /// One bare value per line
    Lines,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Jsonl,
}

fn parse_span_id(text: &str) -> Result<SpanId> {
    let hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u64::from_str_radix(text, 16).ok().filter(|id| hex && *id != 0);
    id.map(SpanId).ok_or_else(|| anyhow!("a span id is 16 hex digits, not all zero"))
}

fn parse_new_trace_id(text: &str) -> Result<TraceId> {
    let hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u128::from_str_radix(text, 16).ok().filter(|id| hex && *id != 0);
    id.map(TraceId).ok_or_else(|| anyhow!("a trace id is 32 hex digits, not all zero"))
}

fn parse_rate(text: &str) -> Result<Rate> {
    let rate: f64 = text.parse().map_err(|_| anyhow!("a rate is a number from 0 to 1"))?;
    Ok(Rate::new(rate)?)
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Outcome> {
    if let Some(id) = &args.id {
        return print_id(id, &args, output);
    }
    if args.as_.as_deref() == Some("list") {
        return list_tracers(&args, output);
    }
    let plan = Plan::of(&args)?;
    let mut runner = Runner::new(&args, output);
    if let Some(format) = args.input_format {
        for mut reader in readers(&args.inputs)? {
            runner.stream(&mut *reader, format, &plan)?;
        }
    } else {
        for headers in header_sets(&args)? {
            runner.answer(&headers, &plan)?;
        }
    }
    runner.finish()
}

// ---- what is asked ------------------------------------------------------------------------------------------------

/// How one header set is read and what is made of it. Lines of a stream may ask differently.
#[derive(Clone)]
struct Plan {
    extract: ExtractOptions,
    inject: Option<Vec<PropagationStyle>>,
    span_id: Option<SpanId>,
    new_trace_id: Option<TraceId>,
    /// The tracers to judge.
    tracers: Vec<&'static Profile>,
    /// Findings on the lists of styles themselves.
    found: Diagnostics,
}

impl Plan {
    fn of(args: &Args) -> Result<Plan> {
        // A summary counts codes; texts would be made for nobody.
        let mut found = if args.summary { Diagnostics::counting() } else { Diagnostics::default() };
        let mut styles = |list: &str, name| parse_styles(list, &mut found.text(Source::Argument(name)));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).ok();
        let extract = ExtractOptions {
            styles: args.extract.as_deref().map(|list| styles(list, "--extract")).unwrap_or_default(),
            first_only: args.extract_first,
            behavior: args.behavior.into(),
            w3c_strict: args.w3c_strict,
            now,
        };
        let inject = match (&args.inject, args.emit) {
            (Some(list), _) => Some(styles(list, "--inject")),
            (None, Some(_)) => Some(vec![PropagationStyle::Datadog, PropagationStyle::TraceContext]),
            (None, None) => None,
        };
        let tracers = match args.as_.as_deref() {
            None => verdict::profiles().iter().collect(),
            Some(list) => tracers(list)?,
        };
        Ok(Plan { extract, inject, span_id: args.span_id, new_trace_id: args.new_trace_id, tracers, found })
    }

    /// What a line of `--input-format jsonl` asks for beside its headers.
    fn of_line(&self, line: &serde_json::Map<String, Value>) -> Plan {
        let mut plan = self.clone();
        let list = |value: &Value| match value {
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        if let Some(value) = line.get("extract") {
            plan.extract.styles = parse_styles(&list(value), &mut plan.found.text(Source::Argument("extract")));
        }
        if let Some(behavior) = line.get("behavior").and_then(Value::as_str).and_then(Behavior::from_name) {
            plan.extract.behavior = behavior;
        }
        if let Some(first) = line.get("extract_first").and_then(Value::as_bool) {
            plan.extract.first_only = first;
        }
        if let Some(strict) = line.get("w3c_strict").and_then(Value::as_bool) {
            plan.extract.w3c_strict = strict;
        }
        if let Some(value) = line.get("inject").filter(|value| !value.is_null()) {
            plan.inject = Some(parse_styles(&list(value), &mut plan.found.text(Source::Argument("inject"))));
        }
        let id = |name: &str| line.get(name).and_then(Value::as_str);
        plan.span_id = id("inject_span_id").and_then(|id| parse_span_id(id).ok()).or(plan.span_id);
        plan.new_trace_id = id("new_trace_id").and_then(|id| parse_new_trace_id(id).ok()).or(plan.new_trace_id);
        plan
    }
}

/// The tracers of `--as`: names with versions and configurations, whose brackets may hold commas.
fn tracers(list: &str) -> Result<Vec<&'static Profile>> {
    let mut found = Vec::new();
    if list.trim() == "none" {
        return Ok(found);
    }
    let mut open = false;
    let names = list.split(|c: char| {
        open = c == '[' || (open && c != ']');
        c == ',' && !open
    });
    for name in names.filter(|name| !name.trim().is_empty()) {
        found.extend(verdict::select(name).map_err(|error| anyhow!("{error}\nhelp: --as list shows every tracer"))?);
    }
    Ok(found)
}

fn list_tracers(args: &Args, output: &mut Output) -> Result<Outcome> {
    if args.json || args.format != Format::Text {
        let entry = |profile: &Profile| {
            let styles: Vec<&str> = profile.styles.iter().map(|style| style.name()).collect();
            let evidence = profile.evidence.name();
            json!({"tracer": profile.key, "version": profile.version, "styles": styles, "evidence": evidence})
        };
        let list: Vec<Value> = verdict::profiles().iter().map(entry).collect();
        render::json::write(output, &list)?;
        writeln!(output)?;
        return Ok(Outcome::Good);
    }
    for profile in verdict::profiles() {
        let styles: Vec<&str> = profile.styles.iter().map(|style| style.name()).collect();
        let line = format!("{:36} {:20} {}", profile.key, profile.version, styles.join(","));
        writeln!(output, "{}", line.trim_end())?;
    }
    Ok(Outcome::Good)
}

/// Random bits for ids: from the standard library's seeding of hash maps, which is all that an example id needs.
fn random() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish().max(1)
}

// ---- what is read -------------------------------------------------------------------------------------------------

/// The header sets of the arguments: single headers join into one set, files may hold several.
fn header_sets(args: &Args) -> Result<Vec<Headers>> {
    let mut own = Headers::default();
    for line in &args.header {
        let Some((name, value)) = line.split_once(':') else {
            bail!("no header: {line:?}\nhelp: write -H 'traceparent: 00-...'");
        };
        own.push(name, value);
    }
    let mut sets = Vec::new();
    for input in &args.inputs {
        if input == "-" || input.starts_with('@') {
            sets.extend(pasted::header_sets(&read_text(input)?));
        } else {
            pasted::argument(input).iter().for_each(|(name, value)| own.push(name, value));
        }
    }
    if args.inputs.is_empty() && own.is_empty() {
        if io::stdin().is_terminal() {
            bail!(
                "no headers\nhelp: give a value, -H 'Name: value', @FILE, or headers on standard input; --help shows more"
            );
        }
        return Ok(pasted::header_sets(&read_text("-")?));
    }
    if !own.is_empty() || sets.is_empty() {
        sets.insert(0, own);
    }
    Ok(sets)
}

fn read_text(input: &str) -> Result<String> {
    let mut bytes = Vec::new();
    match input.strip_prefix('@') {
        Some(path) if path != "-" => {
            let mut file = File::open(path).with_context(|| format!("cannot open {path}"))?;
            file.read_to_end(&mut bytes).with_context(|| format!("cannot read {path}"))?;
        }
        _ => {
            io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
        }
    }
    // Bytes that are no text count as illegal characters wherever they stand; they are shown, not dropped.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn readers(inputs: &[String]) -> Result<Vec<Box<dyn Read>>> {
    if inputs.is_empty() {
        return Ok(vec![Box::new(io::stdin().lock())]);
    }
    let open = |input: &String| -> Result<Box<dyn Read>> {
        let path = input.strip_prefix('@').unwrap_or(input);
        if path == "-" {
            return Ok(Box::new(io::stdin().lock()));
        }
        let file = File::open(path).with_context(|| format!("cannot open {path}"))?;
        Ok(Box::new(file))
    };
    inputs.iter().map(open).collect()
}

/// Text of bytes that should be UTF-8.
fn lossy(text: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed)
}

/// Bytes of a traceparent of version 00.
const TRACEPARENT: usize = 55;

/// The first line of a block, without its end, and what comes behind it.
fn first_line(block: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'\n', block).and_then(|end| block.split_at_checked(end)) {
        Some((line, behind)) => (line, behind.get(1..).unwrap_or_default()),
        None => (block, &[]),
    }
}

/// Hands whole lines to `take`, as many as were read at once.
fn each_block_of_lines(input: &mut dyn Read, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    /// As much as the nearer cache holds.
    const BLOCK: usize = 256 << 10;
    /// No header set is longer.
    const LONGEST: usize = 64 << 20;
    let mut buffer = vec![0; BLOCK];
    // How much was read and not taken yet.
    let mut held = 0;
    loop {
        let read = match buffer.get_mut(held..).map_or(Ok(0), |free| input.read(free)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.context("cannot read the input")?,
        };
        let text = buffer.get(..held + read).unwrap_or_default();
        if read == 0 {
            return take(text);
        }
        // What was held before has no line end.
        let ends = memchr::memrchr(b'\n', text.get(held..).unwrap_or_default());
        let whole = ends.map_or(0, |end| held + end + 1);
        take(text.get(..whole).unwrap_or_default())?;
        held = text.len() - whole;
        if held > LONGEST {
            bail!("a line is longer than {} MiB\nhelp: give one header set per line", LONGEST >> 20);
        }
        buffer.copy_within(whole..whole + held, 0);
        if held * 2 > buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
    }
}

// ---- what is answered ---------------------------------------------------------------------------------------------

struct Runner<'r> {
    args: &'r Args,
    output: &'r mut Output,
    format: Format,
    extraction: Extraction,
    /// The findings on a set that is only counted.
    found: Diagnostics,
    /// Documents that `--format json` holds back: one stands alone, several in an array.
    held: Option<Value>,
    printed: u64,
    summary: Summary,
}

#[derive(Default)]
struct Summary {
    read: u64,
    usable: u64,
    /// Of no style, then by style in the order of [`PropagationStyle::ALL`].
    styles: [u64; 1 + PropagationStyle::ALL.len()],
    /// In the order of their first mention.
    codes: Vec<(Code, u64)>,
}

impl<'r> Runner<'r> {
    fn new(args: &'r Args, output: &'r mut Output) -> Self {
        let format = if args.json { Format::Json } else { args.format };
        Runner {
            args,
            output,
            format,
            extraction: Extraction::default(),
            found: Diagnostics::counting(),
            held: None,
            printed: 0,
            summary: Summary::default(),
        }
    }

    /// One result per line, in order.
    fn stream(&mut self, input: &mut dyn Read, format: InputFormat, plan: &Plan) -> Result<()> {
        let mut headers = Headers::default();
        // A set in which nothing is wrong says all there is to count.
        let plain = self.args.summary
            && plan.extract.styles.is_empty()
            && plan.extract.behavior == Behavior::Continue
            && !plan.extract.first_only
            && plan.found.is_empty();
        let mut number = 0u64;
        each_block_of_lines(input, |mut block| {
            while !block.is_empty() {
                if plain && format == InputFormat::Lines {
                    block = self.count_plain_lines(block, plan);
                    if block.is_empty() {
                        break;
                    }
                }
                let (line, behind) = first_line(block);
                block = behind;
                number += 1;
                let text = line.trim_ascii_end();
                match format {
                    InputFormat::Lines if self.args.summary => {
                        self.count(&[pasted::argument_field(&lossy(text))], plan);
                    }
                    InputFormat::Lines => {
                        pasted::argument_into(&lossy(text), &mut headers);
                        self.answer(&headers, plan)?;
                    }
                    InputFormat::Jsonl if text.trim_ascii().is_empty() => {}
                    InputFormat::Jsonl => {
                        let fields = pasted::plain_json_line(text);
                        if fields.is_empty() {
                            self.answer_object(text, number, plan)?;
                        } else if self.args.summary {
                            match plain_style(&fields, plan.extract.now).filter(|_| plain) {
                                Some(style) => self.summary.add_plain(style, 1),
                                None => self.count(&fields, plan),
                            }
                        } else {
                            headers.clear();
                            fields.iter().for_each(|(name, value)| headers.push_copy(name, value));
                            self.answer(&headers, plan)?;
                        }
                    }
                }
            }
            Ok(())
        })
    }

    /// Counts the sound traceparents with which a block begins; what comes behind them.
    fn count_plain_lines<'b>(&mut self, block: &'b [u8], plan: &Plan) -> &'b [u8] {
        let (lines, _) = block.as_chunks::<{ TRACEPARENT + 1 }>();
        let is_plain = |line: &&[u8; TRACEPARENT + 1]| {
            let [value @ .., end] = line;
            *end == b'\n' && plain_traceparent(value, plan.extract.now).is_some()
        };
        let count = lines.iter().take_while(is_plain).count();
        self.summary.add_plain(PropagationStyle::TraceContext, count as u64);
        block.get(count * (TRACEPARENT + 1)..).unwrap_or_default()
    }

    /// A line that is one JSON object, with options of its own or without.
    fn answer_object(&mut self, text: &[u8], number: u64, plan: &Plan) -> Result<()> {
        match serde_json::from_slice::<serde_json::Map<String, Value>>(text) {
            Ok(members) => {
                let headers = pasted::json_headers(&members);
                if members.contains_key("headers") {
                    self.answer(&headers, &plan.of_line(&members))
                } else {
                    self.answer(&headers, plan)
                }
            }
            Err(error) => {
                self.output.note(&format!("line {number} is no JSON object: {error}"));
                self.answer(&Headers::default(), plan)
            }
        }
    }

    /// Adds a header set to the summary.
    fn count(&mut self, fields: &[(&str, &str)], plan: &Plan) {
        if plan.found.is_empty() {
            self.found.clear();
        } else {
            self.found = plan.found.clone();
        }
        extract_fields(fields, &plan.extract, &mut self.extraction, &mut self.found);
        let usable = self.extraction.found() && !self.found.reaches(Severity::Error);
        if !usable {
            self.output.outcome = self.output.outcome.or(Outcome::Bad);
        }
        self.summary.add(&self.extraction, &self.found, usable);
    }

    fn answer(&mut self, headers: &Headers, plan: &Plan) -> Result<()> {
        if self.args.summary {
            self.count(&headers.iter().collect::<pasted::Fields>(), plan);
            return Ok(());
        }
        let mut found = plan.found.clone();
        extract(headers, &plan.extract, &mut self.extraction, &mut found);
        if !self.extraction.found() || found.reaches(Severity::Error) {
            self.output.outcome = self.output.outcome.or(Outcome::Bad);
        }
        let injected = plan.inject.as_ref().map(|styles| {
            let span = plan.span_id.unwrap_or_else(|| SpanId(random()));
            let trace = plan.new_trace_id.unwrap_or_else(|| TraceId::from_halves(random(), random()));
            let child = self.extraction.child(span, trace);
            let options = InjectOptions { styles: styles.clone(), ..InjectOptions::default() };
            inject(&child, self.extraction.baggage(), &options, &mut found).headers
        });
        if let (Some(form), Some(injected)) = (self.args.emit, &injected) {
            return emit(form, injected, self.output);
        }
        let sampling = self.args.rate.filter(|_| self.args.explain_sampling).map(|rate| self.sampling(rate));
        let ids = self.extraction.context().map(|context| {
            let parent = Some(context.span_id).filter(|id| *id != SpanId(0));
            (context.trace_id, parent)
        });
        let verdicts: Vec<_> =
            plan.tracers.iter().map(|profile| (*profile, verdict::judge(profile, headers))).collect();
        let answer = Answer {
            headers,
            extraction: Some(&self.extraction),
            found: &found,
            injected: injected.as_ref(),
            ids,
            sampling: sampling.as_deref(),
            verdicts: &verdicts,
            redact: self.output.theme.redact,
        };
        match self.format {
            Format::Text => {
                if self.printed > 0 {
                    writeln!(self.output)?;
                }
                print_text(&answer, self.args, self.output)?;
            }
            Format::Jsonl => {
                render::json::write(self.output, &context::document(&answer))?;
                writeln!(self.output)?;
            }
            Format::Json => {
                let document = context::document(&answer);
                if let Some(held) = self.held.replace(document) {
                    write!(self.output, "{}", if self.printed == 1 { "[" } else { ",\n" })?;
                    render::json::write(self.output, &held)?;
                }
            }
        }
        self.printed += 1;
        Ok(())
    }

    fn sampling(&self, rate: Rate) -> Vec<SamplingAnswer> {
        let nothing = spanglass::context::SpanContext::default();
        let context = self.extraction.context().unwrap_or(&nothing);
        let incoming = Incoming {
            trace_id: context.trace_id,
            parent_id: self.extraction.context().map(|context| context.span_id),
            priority: self.extraction.priority().map(|priority| priority.0),
            sampled: context.sampled(),
            random: context.random,
            ot: context.tracestate.get("ot"),
            decision_maker: context.trace_tags.get("_dd.p.dm"),
            ksr: context.trace_tags.get("_dd.p.ksr"),
        };
        sampling::explain(&incoming, rate, self.args.sampler.as_deref())
    }

    fn finish(self) -> Result<Outcome> {
        if self.args.summary {
            self.summary.print(self.format, self.output)?;
        } else if self.format == Format::Json {
            let several = self.printed > 1;
            write!(self.output, "{}", if several { ",\n" } else { "" })?;
            match &self.held {
                Some(held) => render::json::write(self.output, held)?,
                None => write!(self.output, "[")?,
            }
            writeln!(self.output, "{}", if several || self.held.is_none() { "]" } else { "" })?;
        }
        Ok(self.output.outcome)
    }
}

impl Summary {
    /// Sets that are continued by a style and in which nothing was found.
    fn add_plain(&mut self, style: PropagationStyle, sets: u64) {
        self.read += sets;
        self.usable += sets;
        self.styles[Self::place(Some(style))] += sets;
    }

    fn place(style: Option<PropagationStyle>) -> usize {
        style.and_then(|style| PropagationStyle::ALL.iter().position(|other| *other == style)).map_or(0, |at| at + 1)
    }

    fn add(&mut self, extraction: &Extraction, found: &Diagnostics, usable: bool) {
        self.read += 1;
        self.usable += u64::from(usable);
        self.styles[Self::place(extraction.style())] += 1;
        // A code counts once for each set.
        for (code, _) in found.codes() {
            match self.codes.iter_mut().find(|(other, _)| *other == code) {
                Some((_, count)) => *count += 1,
                None => self.codes.push((code, 1)),
            }
        }
    }

    fn styles(&self) -> BTreeMap<&'static str, u64> {
        let names = std::iter::once("none").chain(PropagationStyle::ALL.iter().map(|style| style.name()));
        let mut counts = BTreeMap::new();
        for (name, count) in names.zip(self.styles).filter(|(_, count)| *count > 0) {
            *counts.entry(name).or_default() += count;
        }
        counts
    }

    fn codes(&self) -> BTreeMap<&'static str, u64> {
        self.codes.iter().map(|(code, count)| (code.id(), *count)).collect()
    }

    fn print(&self, format: Format, output: &mut Output) -> Result<()> {
        if format != Format::Text {
            let document = json!({
                "schema": "spanglass.contexts/1",
                "read": self.read,
                "usable": self.usable,
                "styles": self.styles(),
                "codes": self.codes(),
            });
            render::json::write(output, &document)?;
            writeln!(output)?;
            return Ok(());
        }
        writeln!(output, "{} header sets read, {} usable, {} not", self.read, self.usable, self.read - self.usable)?;
        for (title, counts) in [("style", self.styles()), ("code", self.codes())] {
            for (name, count) in counts {
                writeln!(output, "{count:>10}  {title} {name}")?;
            }
        }
        Ok(())
    }
}

// ---- forms of printing --------------------------------------------------------------------------------------------

fn emit(form: Emit, headers: &Headers, output: &mut Output) -> Result<()> {
    match form {
        Emit::Header => headers.iter().try_for_each(|(name, value)| writeln!(output, "{name}: {value}"))?,
        Emit::Curl => {
            let quoted = |value: &str| value.replace('\'', "'\\''");
            let parts: Vec<String> =
                headers.iter().map(|(name, value)| format!("-H '{name}: {}'", quoted(value))).collect();
            writeln!(output, "{}", parts.join(" "))?;
        }
        Emit::Env => headers.iter().try_for_each(|(name, value)| {
            let variable = name.to_ascii_uppercase().replace('-', "_");
            writeln!(output, "export {variable}='{}'", value.replace('\'', "'\\''"))
        })?,
        Emit::Json => {
            render::json::write(output, &context::object(headers))?;
            writeln!(output)?;
        }
    }
    Ok(())
}

fn print_id(text: &str, args: &Args, output: &mut Output) -> Result<Outcome> {
    let readings = Reading::all(text);
    let machine = args.json || args.format != Format::Text;
    let first = readings.first();
    if machine {
        let (headers, found) = (Headers::default(), Diagnostics::default());
        let answer = Answer {
            headers: &headers,
            extraction: None,
            found: &found,
            injected: None,
            ids: first.map(|reading| (reading.trace_id, reading.parent_id)),
            sampling: None,
            verdicts: &[],
            redact: true,
        };
        render::json::write(output, &context::document(&answer))?;
        writeln!(output)?;
    }
    if readings.is_empty() {
        let help = "help: give hex (16 or 32 digits), decimal, base64, X-Ray or a traceparent";
        output.outcome = Outcome::Bad;
        eprintln!("error: {} is no id\n{help}", clean(text, output.error_theme.ascii));
        return Ok(Outcome::Bad);
    }
    if !machine {
        for (number, reading) in readings.iter().enumerate() {
            if number > 0 {
                writeln!(output)?;
            }
            let palette = output.theme.palette.clone();
            writeln!(output, "{}", palette.faint.style(format!("read as {}", notation(reading.notation))))?;
            let ids = context::ids(reading.trace_id, reading.parent_id);
            let names = [
                ("hex128", "hex, 128 bits"),
                ("hex64", "hex, low 64 bits"),
                ("decimal64", "decimal, low 64 bits"),
                ("base64", "base64"),
                ("xray", "X-Ray"),
                ("time", "begun"),
            ];
            for (member, label) in names {
                if let Some(text) = ids["trace_id"][member].as_str() {
                    writeln!(output, "  {label:22}{text}")?;
                }
            }
        }
    }
    Ok(Outcome::Good)
}

fn notation(notation: Notation) -> &'static str {
    match notation {
        Notation::Traceparent => "a traceparent",
        Notation::XRay => "an X-Ray trace id",
        Notation::Uuid => "a UUID",
        Notation::Base64 => "base64",
        Notation::Hex128 => "hex, 128 bits",
        Notation::Hex64 => "hex, 64 bits",
        Notation::Decimal => "decimal",
        Notation::HexPart => "hex without its leading zeros",
    }
}

fn print_text(answer: &Answer<'_>, args: &Args, output: &mut Output) -> Result<()> {
    let theme = output.theme.clone();
    let uses = answer.extraction.map(|extraction| extraction.headers()).unwrap_or_default();
    let mut shown = 0;
    for (index, (name, value)) in answer.headers.iter().enumerate() {
        let status = uses.get(index).map(|used| used.status);
        if status.is_none_or(|status| status == HeaderStatus::Unknown) {
            continue;
        }
        shown += 1;
        let word = status.map_or("", |status| status.word());
        let name_shown = clean(name, theme.ascii);
        writeln!(
            output,
            "{} {}",
            theme.palette.strong.style(name_shown),
            theme.palette.faint.style(format!("({word})"))
        )?;
        let value = value.trim();
        let value = if answer.redact && is_credential(name) { MASK } else { value };
        header::labelled(output, value, &header::fields(name, value), &theme)?;
    }
    if shown == 0 {
        writeln!(output, "no propagation header among {}", answer.headers.iter().count())?;
    }
    let value_of = |source: &Source| match source {
        Source::Header(name) => answer.headers.get(name).map(str::to_owned),
        _ => None,
    };
    let options =
        diagnostic::DiagnosticOptions { file_of: &|_| None, text_of: &value_of, least: Severity::Note, every: true };
    if !answer.found.is_empty() {
        writeln!(output)?;
        diagnostic::diagnostics(output, answer.found, &options, &theme)?;
    }
    if let Some(extraction) = answer.extraction {
        print_context(extraction, output)?;
    }
    if let Some(injected) = answer.injected {
        writeln!(output, "{}", theme.palette.faint.style("a child would send"))?;
        injected.iter().try_for_each(|(name, value)| writeln!(output, "  {name}: {value}"))?;
    }
    if let Some(answers) = answer.sampling {
        print_sampling(answers, output)?;
    }
    if !answer.verdicts.is_empty() {
        writeln!(output)?;
        // Other configurations than the default ones fill a screen: they are shown when asked for.
        let asked = args.as_.is_some() || output.verbose > 0;
        let shown: Vec<_> = answer.verdicts.iter().filter(|(p, _)| asked || !p.key.contains('[')).cloned().collect();
        table::verdicts(output, &shown, &theme)?;
        let more = answer.verdicts.len() - shown.len();
        if more > 0 {
            let text = format!("{more} more configurations with -v");
            writeln!(output, "{}", theme.palette.faint.style(text))?;
        }
    }
    Ok(())
}

fn print_context(extraction: &Extraction, output: &mut Output) -> Result<()> {
    let palette = output.theme.palette.clone();
    let ascii = output.theme.ascii;
    let Some(context) = extraction.context() else {
        let what = match extraction.priority() {
            Some(priority) => format!("no trace to continue; the sampling decision {priority} alone is taken over"),
            None => "no trace to continue: a new one would begin".to_owned(),
        };
        writeln!(output, "{}", palette.warning.style(what))?;
        return Ok(());
    };
    let style = extraction.style().map_or("?", |style| style.name());
    let priority =
        context.priority.map_or("no decision".to_owned(), |priority| format!("sampling priority {priority}"));
    let parent =
        if context.span_id == SpanId(0) { "no parent".to_owned() } else { format!("parent {}", context.span_id) };
    writeln!(
        output,
        "continues trace {} with {parent}, {priority}, from {style}",
        palette.strong.style(context.trace_id)
    )?;
    let mut line = |name: &str, value: &str| writeln!(output, "  {name:12} {}", clean(value, ascii));
    if let Some(origin) = context.origin.as_deref() {
        line("origin", origin)?;
    }
    for (key, value) in context.trace_tags.iter() {
        line("trace tag", &format!("{key}={value}"))?;
    }
    for (key, value) in extraction.baggage().iter() {
        line("baggage", &format!("{key}={value}"))?;
    }
    for link in extraction.links() {
        line("link", &format!("{} {} ({}, {})", link.trace_id, link.span_id, link.style, link.reason))?;
    }
    Ok(())
}

fn print_sampling(answers: &[SamplingAnswer], output: &mut Output) -> Result<()> {
    let palette = output.theme.palette.clone();
    writeln!(output, "{}", palette.faint.style("sampling"))?;
    for answer in answers {
        let verdict = match answer.keep {
            Some(true) => palette.note.style("keep"),
            Some(false) => palette.warning.style("drop"),
            None => palette.error.style("fails"),
        };
        writeln!(output, "  {:18} {verdict}  {}", answer.sampler, clean(&answer.detail, output.theme.ascii))?;
    }
    for line in sampling::disagreements(answers) {
        writeln!(output, "  {} {}", palette.warning.style("!"), clean(&line, output.theme.ascii))?;
    }
    Ok(())
}
