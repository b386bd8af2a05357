//! What send-test-span sends: a span out of flags, a scenario, or a topology, each time with ids of its own.

use anyhow::{Context, Result, anyhow, bail};
use spanglass::context::SpanContext;
use spanglass::diagnostic::{Diagnostics, Source};
use spanglass::id::{Reading, SpanId};
use spanglass::propagation::{ExtractOptions, Extraction, extract, pasted};
use spanglass::rewrite::{Ids, Rewrite};
use spanglass::rule::Glob;
use spanglass::synth::{Random, Recipe, Scenario, Topology, documented};
use spanglass::time::{Nanos, Timestamp};
use spanglass::trace::{Batch, LinkDraft, OwnedValue, SpanKind};
use std::path::{Path, PathBuf};

/// The span.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Span")]
pub(crate) struct SpanArgs {
    /// Service
    #[arg(long, value_name = "NAME", default_value = "spanglass")]
    service: String,
    /// Operation
    #[arg(long, value_name = "NAME", default_value = "spanglass.test")]
    name: String,
    /// Resource
    #[arg(long, value_name = "NAME", default_value = "send-test-span")]
    resource: String,
    /// Datadog's type: web, db, http, cache, worker, ...
    #[arg(long = "type", value_name = "TYPE", default_value = "custom")]
    type_: String,
    /// internal, server, client, producer or consumer
    #[arg(long, value_name = "KIND", default_value = "internal", value_parser = parse_kind)]
    kind: SpanKind,
    /// A tag; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    tag: Vec<(String, String)>,
    /// A number; repeatable
    #[arg(long, value_name = "KEY=N", value_parser = parse_metric)]
    metric: Vec<(String, f64)>,
    /// Mark it as failed, with this message
    #[arg(long, value_name = "MESSAGE")]
    error: Option<String>,
    /// Its length
    #[arg(long, value_name = "DURATION", default_value = "10ms", value_parser = parse_length)]
    duration: Nanos,
    /// When it begins, RFC 3339 or nanoseconds; the time 0 of a scenario [default: so that it ends now]
    #[arg(long, value_name = "TIME", value_parser = super::input::parse_time)]
    start: Option<Timestamp>,
    /// Spans below it
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=10_000))]
    children: u32,
    /// What it continues: a propagation header of any style, or a trace id in any notation
    #[arg(long, value_name = "HEADER", value_parser = parse_parent, allow_hyphen_values = true)]
    parent: Option<Parent>,
    /// What it points at, likewise; repeatable
    #[arg(long, value_name = "HEADER", value_parser = parse_parent, allow_hyphen_values = true)]
    link: Vec<Parent>,
    /// Sampling priority: -1, 0, 1 or 2 [default: that of the parent, or 1]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    priority: Option<i32>,
    /// Origin, for example synthetics
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// Send a documented trace of one of five systems (xmtpd-* for several), or those of a JSON file, or one of the services in a YAML file
    #[arg(long, value_name = "ID|FILE")]
    scenario: Option<String>,
    /// Keep the ids of the scenario instead of new ones
    #[arg(long, requires = "scenario")]
    canonical_ids: bool,
    /// What ids and chances follow from [default: random]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// A context that a flag gave.
#[derive(Clone, Debug)]
pub(crate) struct Parent(SpanContext);

fn parse_kind(text: &str) -> Result<SpanKind> {
    SpanKind::from_word(text.to_ascii_lowercase().as_bytes())
        .ok_or_else(|| anyhow!("kinds are internal, server, client, producer, consumer"))
}

fn parse_pair(text: &str) -> Result<(String, String)> {
    let (key, value) =
        text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| anyhow!("write KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

fn parse_metric(text: &str) -> Result<(String, f64)> {
    let (key, value) = parse_pair(text)?;
    let number = value.parse().map_err(|_| anyhow!("{value:?} is no number"))?;
    Ok((key, number))
}

fn parse_length(text: &str) -> Result<Nanos> {
    Nanos::parse(text).ok_or_else(|| anyhow!("no length of time; write for example 1.5s or 200ms"))
}

fn parse_parent(text: &str) -> Result<Parent> {
    let mut extraction = Extraction::default();
    let mut found = Diagnostics::default();
    extract(&pasted::argument(text), &ExtractOptions::default(), &mut extraction, &mut found);
    if let Some(context) = extraction.context() {
        return Ok(Parent(context.clone()));
    }
    let reading = Reading::all(text).into_iter().next();
    match reading {
        Some(reading) => {
            let span_id = reading.parent_id.unwrap_or(SpanId(0));
            Ok(Parent(SpanContext { trace_id: reading.trace_id, span_id, ..SpanContext::default() }))
        }
        None => {
            Err(anyhow!("no header of a trace and no id; `spanglass parse-traceparent` says what is wrong with it"))
        }
    }
}

/// Where traces come from, one after the other.
pub(crate) struct Maker {
    kind: Kind,
    start: Option<Timestamp>,
    seed: u64,
    random: Random,
    made: u64,
}

enum Kind {
    Span(Box<Recipe>),
    Scenarios { all: Vec<Scenario>, canonical: bool },
    Topology(Topology),
}

impl Maker {
    pub(crate) fn new(args: &SpanArgs, random: impl FnOnce() -> u64) -> Result<Maker> {
        let seed = args.seed.unwrap_or_else(random);
        let kind = match &args.scenario {
            Some(name) => scenario(name, args.canonical_ids)?,
            None => Kind::Span(Box::new(args.recipe())),
        };
        Ok(Maker { kind, start: args.start, seed, random: Random::new(seed), made: 0 })
    }

    /// Whether the real system speaks OTLP; `None` when it may be either.
    pub(crate) fn speaks_otlp(&self) -> Option<bool> {
        match &self.kind {
            Kind::Scenarios { all, .. } => Some(all.iter().all(Scenario::is_otlp)),
            _ => None,
        }
    }

    /// What the next request carries, in the form of OTLP or Datadog's; it ends at `now` unless a start was said.
    pub(crate) fn next(&mut self, otlp: bool, now: Timestamp) -> Vec<Batch> {
        let number = self.made;
        self.made += 1;
        let start = |length: Nanos| self.start.unwrap_or(Timestamp(now.0.saturating_sub(length.0)));
        match &self.kind {
            Kind::Span(recipe) => vec![recipe.batch(otlp, start(recipe.duration), &mut self.random)],
            Kind::Topology(topology) => {
                // How long it becomes is known when it is made; with the same numbers it becomes the same again.
                let length = self
                    .start
                    .map_or_else(|| length_of(&topology.batch(otlp, now, &mut self.random.clone())), |_| Nanos(0));
                vec![topology.batch(otlp, start(length), &mut self.random)]
            }
            Kind::Scenarios { all, canonical } => {
                let ids = (!canonical || number > 0).then(|| Ids::of(self.seed.wrapping_add(number)));
                let rewrite = Rewrite { ids, ..Rewrite::default() };
                all.iter().map(|scenario| rewrite.apply(scenario.batch(start(scenario.length())).view(&[]))).collect()
            }
        }
    }
}

fn length_of(batch: &Batch) -> Nanos {
    let spans = || batch.view(&[]).spans();
    let start = spans().map(|span| span.start().0).min().unwrap_or_default();
    Nanos(spans().map(|span| span.end().0).max().unwrap_or_default().saturating_sub(start))
}

impl SpanArgs {
    /// The start that was said.
    pub(crate) fn start(&self) -> Option<Timestamp> {
        self.start
    }

    fn recipe(&self) -> Recipe {
        let mut attributes: Vec<(String, OwnedValue)> =
            self.tag.iter().map(|(key, value)| (key.clone(), OwnedValue::Str(value.clone()))).collect();
        attributes.extend(self.metric.iter().map(|(key, number)| (key.clone(), OwnedValue::Float(*number))));
        let link = |Parent(context): &Parent| LinkDraft {
            trace_id: context.trace_id,
            span_id: context.span_id,
            tracestate: context.tracestate.as_str().to_owned(),
            ..LinkDraft::default()
        };
        Recipe {
            service: self.service.clone(),
            name: self.name.clone(),
            resource: self.resource.clone(),
            type_: self.type_.clone(),
            kind: self.kind,
            attributes,
            error: self.error.clone(),
            duration: self.duration,
            children: self.children,
            parent: self.parent.clone().map(|Parent(context)| context),
            links: self.link.iter().map(link).collect(),
            priority: self.priority,
            origin: self.origin.clone(),
        }
    }
}

/// A documented scenario, or a file: scenarios in JSON, services in YAML.
fn scenario(name: &str, canonical: bool) -> Result<Kind> {
    let path = Path::new(name);
    if name == "-" || path.exists() {
        return read(path, canonical);
    }
    let known = documented()?;
    let wanted = Glob::new(name);
    let ids: Vec<String> = known.iter().map(|scenario| scenario.id.clone()).collect();
    let all: Vec<Scenario> =
        known.into_iter().filter(|scenario| name == "all" || wanted.matches(&scenario.id)).collect();
    if all.is_empty() {
        let near = ids.iter().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
        let near = near.map(String::as_str).unwrap_or_default();
        bail!("no scenario and no file {name:?}\nhelp: did you mean {near}? --list-scenarios lists all");
    }
    Ok(Kind::Scenarios { all, canonical })
}

fn read(path: &Path, canonical: bool) -> Result<Kind> {
    let shown = path.display();
    let mut found = Diagnostics::default();
    let mut bytes = Vec::new();
    let opened = super::input::open(&PathBuf::from(path), Default::default(), &mut found)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(opened.reader, MOST), &mut bytes)
        .with_context(|| format!("cannot read {shown}"))?;
    if bytes.trim_ascii_start().starts_with(b"[") {
        let all = Scenario::parse_all(&bytes).map_err(|error| anyhow!("{shown}: {error}"))?;
        if all.is_empty() {
            bail!("{shown}: no scenarios");
        }
        return Ok(Kind::Scenarios { all, canonical });
    }
    let topology = Topology::parse(Source::File(path.to_owned()), &bytes);
    let topology = topology.map_err(|error| match error.line {
        0 => anyhow!("{shown}: {}", error.message),
        line => anyhow!("{shown}:{line}: {}", error.message),
    })?;
    Ok(Kind::Topology(topology))
}

/// Most bytes of a file of scenarios.
const MOST: u64 = 16 << 20;
