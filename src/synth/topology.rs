//! Services that call each other, as a YAML file describes them.
//!
//! ```yaml
//! root: web                    # the service that a trace begins in; the first one when it is not said
//! services:
//!   web:
//!     name: web.request        # operation; SERVICE.request when it is not said
//!     resource: GET /checkout
//!     type: web
//!     duration: 5ms..20ms      # its own time, beside that of the calls that it waits for
//!     calls:
//!       - api                  # waited for, one after the other
//!       - {to: mailer, async: true, times: 1..3, probability: 0.5}
//!   api:
//!     duration: 10ms
//!     error_rate: 0.1
//!     error: out of stock
//!     attrs: {db.system: postgresql, rows: 3}
//!   mailer:
//!     skew: -2ms               # how far its clock is off
//! ```
//! A call may also be a trace of its own that links back (`link: true`), lose its span on the way (`drop: 0.2`), or point to a parent
//! that nobody sent (`orphan: 0.2`); the numbers are probabilities.

use super::Random;
use super::sketch::{Failure, Sketch, Writer};
use crate::config::Finding;
use crate::config::document::{self, Data, Node};
use crate::diagnostic::Source;
use crate::id::{SpanId, TraceId};
use crate::time::{Nanos, Timestamp};
use crate::trace::{Batch, ChunkDraft, LinkDraft, OwnedValue, SpanDraft, SpanKind};
use std::fmt;

/// Most services between the root and the last one called.
const MAX_DEPTH: usize = 100;
/// Most spans of a trace.
const MAX_SPANS: usize = 100_000;
/// The own time of a service that says none.
const DURATION: (Nanos, Nanos) = (Nanos(1_000_000), Nanos(10_000_000));

/// Services that call each other.
#[derive(Clone, Debug)]
pub struct Topology {
    services: Vec<Service>,
    root: usize,
}

#[derive(Clone, Debug)]
struct Service {
    name: String,
    operation: String,
    resource: String,
    type_: String,
    kind: Option<SpanKind>,
    duration: (Nanos, Nanos),
    error_rate: f64,
    error: String,
    attributes: Vec<(String, OwnedValue)>,
    skew: i64,
    calls: Vec<Call>,
}

#[derive(Clone, Debug)]
struct Call {
    to: usize,
    asynchronous: bool,
    link: bool,
    times: (u64, u64),
    probability: f64,
    drop: f64,
    orphan: f64,
}

/// Why a file is no topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyError {
    /// The line in the file, from 1; 0 for the whole.
    pub line: u64,
    /// What is wrong and what to write.
    pub message: String,
}

impl fmt::Display for TopologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "line {line}: {}", self.message),
        }
    }
}

impl std::error::Error for TopologyError {}

fn wrong<T>(node: &Node, message: impl Into<String>) -> Result<T, TopologyError> {
    Err(TopologyError { line: node.line, message: message.into() })
}

/// The members of a mapping, all of which are known.
fn members<'n>(node: &'n Node, what: &str, known: &[&str]) -> Result<Vec<(&'n str, &'n Node)>, TopologyError> {
    if !matches!(node.data, Data::Map(_)) {
        return wrong(node, format!("{what} is a mapping with {}", known.join(", ")));
    }
    let mut all = Vec::new();
    for (key, value) in node.entries() {
        match key.text() {
            Some(name) if known.contains(&name) => all.push((name, value)),
            other => {
                let name = other.unwrap_or("?");
                return wrong(key, format!("{name:?} is no member of {what}; members are {}", known.join(", ")));
            }
        }
    }
    Ok(all)
}

fn text(node: &Node) -> Result<String, TopologyError> {
    match node.text() {
        Some(text) => Ok(text.to_owned()),
        None => wrong(node, format!("a text belongs here, not a value of type {}", node.type_word())),
    }
}

fn yes_or_no(node: &Node) -> Result<bool, TopologyError> {
    match node.data {
        Data::Bool(value) => Ok(value),
        _ => wrong(node, "true or false belongs here"),
    }
}

/// A probability.
fn probability(node: &Node) -> Result<f64, TopologyError> {
    let number = match node.data {
        Data::Int(number) => number as f64,
        Data::Float(number) => number,
        Data::Bool(value) => f64::from(u8::from(value)),
        _ => f64::NAN,
    };
    if (0.0..=1.0).contains(&number) { Ok(number) } else { wrong(node, "a probability from 0 to 1 belongs here") }
}

/// `5ms..20ms`, or `5ms` for both ends.
fn lengths(node: &Node) -> Result<(Nanos, Nanos), TopologyError> {
    let told = text(node)?;
    let (least, most) = told.split_once("..").unwrap_or((&told, &told));
    match (Nanos::parse(least), Nanos::parse(most)) {
        (Some(least), Some(most)) if least <= most => Ok((least, most)),
        _ => wrong(node, format!("{told:?} is no length of time; write for example 5ms or 5ms..20ms")),
    }
}

/// `3`, or `1..3`.
fn times(node: &Node) -> Result<(u64, u64), TopologyError> {
    let told = match node.data {
        Data::Int(number) => number.to_string(),
        _ => text(node)?,
    };
    let (least, most) = told.split_once("..").unwrap_or((&told, &told));
    match (least.trim().parse(), most.trim().parse()) {
        (Ok(least), Ok(most)) if least <= most => Ok((least, most)),
        _ => wrong(node, format!("{told:?} is no number of calls; write for example 2 or 1..3")),
    }
}

/// A length with a sign.
fn skew(node: &Node) -> Result<i64, TopologyError> {
    let told = text(node)?;
    let (sign, length) = match told.strip_prefix('-') {
        Some(length) => (-1, length),
        None => (1, told.strip_prefix('+').unwrap_or(&told)),
    };
    match Nanos::parse(length) {
        Some(length) => Ok(sign * length.0),
        None => wrong(node, format!("{told:?} is no length of time; write for example 3ms or -3ms")),
    }
}

fn value(node: &Node) -> Result<OwnedValue, TopologyError> {
    Ok(match &node.data {
        Data::Bool(value) => OwnedValue::Bool(*value),
        Data::Int(value) => OwnedValue::Int(*value),
        Data::Float(value) => OwnedValue::Float(*value),
        Data::Str(text) => OwnedValue::Str(text.clone()),
        _ => return wrong(node, "a text, a number, true or false belongs here"),
    })
}

impl Topology {
    /// Reads a file. `source` is what it is called in findings.
    pub fn parse(source: Source, bytes: &[u8]) -> Result<Topology, TopologyError> {
        let unreadable = |finding: Finding| TopologyError { line: 0, message: finding.diagnostic.message().to_owned() };
        let text_of = document::text(&source, bytes).map_err(unreadable)?;
        let documents = document::parse(source.clone(), text_of).map_err(unreadable)?;
        let Some(node) = documents.first() else {
            return Err(TopologyError {
                line: 0,
                message: "nothing in it; write services: and what they call".to_owned(),
            });
        };
        let mut root = None;
        let mut nodes = None;
        for (name, node) in members(node, "a topology", &["root", "services"])? {
            match name {
                "root" => root = Some(node),
                _ => nodes = Some(node),
            }
        }
        let nodes = match nodes.map(|nodes| (nodes, nodes.entries())) {
            Some((_, nodes)) if !nodes.is_empty() => nodes,
            Some((nodes, _)) => return wrong(nodes, "services are a mapping of names to what they do"),
            None => return wrong(node, "a topology has services"),
        };
        let names = nodes.iter().map(|(name, _)| text(name)).collect::<Result<Vec<String>, _>>()?;
        let mut services = Vec::new();
        for (name, (_, node)) in names.iter().zip(nodes) {
            services.push(Service::parse(name, node, &names)?);
        }
        let root = match root {
            Some(node) => index_of(&names, node, &text(node)?)?,
            None => 0,
        };
        let topology = Topology { services, root };
        topology.no_circles(node)?;
        Ok(topology)
    }

    /// Refuses services that lead back to themselves.
    fn no_circles(&self, node: &Node) -> Result<(), TopologyError> {
        // Services on the way from the root, each with the number of its next call.
        let mut way = vec![(self.root, 0)];
        let mut done = vec![false; self.services.len()];
        while let Some((at, next)) = way.last_mut() {
            let call = self.services.get(*at).and_then(|service| service.calls.get(*next));
            *next += 1;
            let Some(call) = call else {
                if let Some((at, _)) = way.pop() {
                    done[at] = true;
                }
                continue;
            };
            if way.iter().any(|(other, _)| *other == call.to) {
                let names = way.iter().skip_while(|(other, _)| *other != call.to);
                let names: Vec<&str> = names.map(|(at, _)| self.services[*at].name.as_str()).collect();
                return wrong(node, format!("{} calls itself in a circle: {}", names[0], names.join(" > ")));
            }
            if way.len() == MAX_DEPTH {
                return wrong(node, format!("more than {MAX_DEPTH} services call each other in a row"));
            }
            if !done[call.to] {
                way.push((call.to, 0));
            }
        }
        Ok(())
    }

    /// A trace that begins at `start`; fewer spans where there would be more than 100,000.
    pub fn batch(&self, otlp: bool, start: Timestamp, random: &mut Random) -> Batch {
        let trace_id = if otlp { random.trace_id() } else { random.datadog_trace_id(start) };
        let mut making = Making { topology: self, otlp, random, spans: Vec::new() };
        let caller = Caller { trace_id, span_id: None, link: None, asynchronous: false, dropped: false };
        making.visit(self.root, start, caller);
        let mut writer = Writer::new(otlp, Vec::new());
        for sketch in making.spans.into_iter().flatten() {
            let priority = (!otlp).then_some(1);
            let chunk = ChunkDraft { priority, trace_id: sketch.span.trace_id, ..ChunkDraft::default() };
            writer.chunk(chunk, [sketch]);
        }
        writer.finish()
    }
}

fn index_of(names: &[String], node: &Node, name: &str) -> Result<usize, TopologyError> {
    match names.iter().position(|other| other == name) {
        Some(at) => Ok(at),
        None => wrong(node, format!("{name:?} is no service; services are {}", names.join(", "))),
    }
}

impl Service {
    fn parse(name: &str, node: &Node, names: &[String]) -> Result<Service, TopologyError> {
        let mut service = Service {
            name: name.to_owned(),
            operation: format!("{name}.request"),
            resource: String::new(),
            type_: String::new(),
            kind: None,
            duration: DURATION,
            error_rate: 0.0,
            error: "failed on purpose".to_owned(),
            attributes: Vec::new(),
            skew: 0,
            calls: Vec::new(),
        };
        if node.data == Data::Null {
            return Ok(service);
        }
        let known = ["name", "resource", "type", "kind", "duration", "error_rate", "error", "attrs", "skew", "calls"];
        for (key, node) in members(node, "a service", &known)? {
            match key {
                "name" => service.operation = text(node)?,
                "resource" => service.resource = text(node)?,
                "type" => service.type_ = text(node)?,
                "kind" => match SpanKind::from_word(text(node)?.as_bytes()) {
                    Some(kind) => service.kind = Some(kind),
                    None => return wrong(node, "kinds are internal, server, client, producer, consumer"),
                },
                "duration" => service.duration = lengths(node)?,
                "error_rate" => service.error_rate = probability(node)?,
                "error" => service.error = text(node)?,
                "skew" => service.skew = skew(node)?,
                "attrs" => {
                    for (key, node) in node.entries() {
                        service.attributes.push((text(key)?, value(node)?));
                    }
                }
                _ => {
                    service.calls =
                        node.items().iter().map(|node| Call::parse(node, names)).collect::<Result<_, _>>()?
                }
            }
        }
        Ok(service)
    }
}

impl Call {
    fn parse(node: &Node, names: &[String]) -> Result<Call, TopologyError> {
        let mut call =
            Call { to: 0, asynchronous: false, link: false, times: (1, 1), probability: 1.0, drop: 0.0, orphan: 0.0 };
        if let Some(name) = node.text() {
            return Ok(Call { to: index_of(names, node, name)?, ..call });
        }
        let mut to = None;
        for (key, node) in members(node, "a call", &["to", "async", "link", "times", "probability", "drop", "orphan"])?
        {
            match key {
                "to" => to = Some(index_of(names, node, &text(node)?)?),
                "async" => call.asynchronous = yes_or_no(node)?,
                "link" => call.link = yes_or_no(node)?,
                "times" => call.times = times(node)?,
                "probability" => call.probability = probability(node)?,
                "drop" => call.drop = probability(node)?,
                _ => call.orphan = probability(node)?,
            }
        }
        match to {
            Some(to) => Ok(Call { to, ..call }),
            None => wrong(node, "a call says which service it goes to: to"),
        }
    }
}

/// What a span is called by.
struct Caller {
    trace_id: TraceId,
    span_id: Option<SpanId>,
    link: Option<LinkDraft>,
    asynchronous: bool,
    /// The span is made, and not sent.
    dropped: bool,
}

struct Making<'t> {
    topology: &'t Topology,
    otlp: bool,
    random: &'t mut Random,
    /// Callers before those whom they call; `None` for what is dropped.
    spans: Vec<Option<Sketch>>,
}

impl Making<'_> {
    /// Makes the span of a service and what it calls, and says when it ends. Calls itself at most as deep as services call
    /// each other.
    fn visit(&mut self, service: usize, start: Timestamp, caller: Caller) -> Timestamp {
        let Some(service) = self.topology.services.get(service).filter(|_| self.spans.len() < MAX_SPANS) else {
            return start;
        };
        let later = |time: Timestamp, length: i64| Timestamp(time.0.saturating_add(length));
        let own = self.random.length(service.duration.0, service.duration.1).0;
        let span_id = self.random.span_id();
        let failed = self.random.chance(service.error_rate);
        let place = self.spans.len();
        self.spans.push(None);
        let mut calls = Vec::new();
        for call in &service.calls {
            for _ in 0..self.random.between(call.times.0, call.times.1).min(MAX_SPANS as u64) {
                if self.random.chance(call.probability) {
                    calls.push(call);
                }
            }
        }
        // Its own time is spread evenly before, between and after the calls.
        let step = own / (calls.len() as i64 + 1);
        let mut now = start;
        for call in &calls {
            now = later(now, step);
            let called = self.caller(call, caller.trace_id, span_id, now);
            let waits = !called.asynchronous;
            let ended = self.visit(call.to, now, called);
            if waits {
                now = ended;
            }
        }
        let end = later(now, own - step * calls.len() as i64);
        if !caller.dropped {
            self.spans[place] = Some(self.sketch(service, (start, end), span_id, failed, caller));
        }
        end
    }

    fn caller(&mut self, call: &Call, trace_id: TraceId, span_id: SpanId, now: Timestamp) -> Caller {
        let dropped = self.random.chance(call.drop);
        let lost = self.random.chance(call.orphan);
        if call.link {
            let own = if self.otlp { self.random.trace_id() } else { self.random.datadog_trace_id(now) };
            let link = LinkDraft { trace_id, span_id, ..LinkDraft::default() };
            return Caller { trace_id: own, span_id: None, link: Some(link), asynchronous: true, dropped };
        }
        let parent = if lost { self.random.span_id() } else { span_id };
        Caller { trace_id, span_id: Some(parent), link: None, asynchronous: call.asynchronous, dropped }
    }

    fn sketch(
        &self,
        service: &Service,
        (start, end): (Timestamp, Timestamp),
        span_id: SpanId,
        failed: bool,
        caller: Caller,
    ) -> Sketch {
        let kind = if caller.asynchronous { SpanKind::Consumer } else { SpanKind::Server };
        let mut attributes = service.attributes.clone();
        if self.otlp {
            for (key, text) in [("resource.name", &service.resource), ("span.type", &service.type_)] {
                if !text.is_empty() {
                    attributes.push((key.to_owned(), OwnedValue::Str(text.clone())));
                }
            }
        } else {
            attributes.iter_mut().for_each(|(_, value)| *value = as_tag(value));
            attributes.push(("_sampling_priority_v1".to_owned(), OwnedValue::Float(1.0)));
        }
        let span = SpanDraft {
            trace_id: caller.trace_id,
            span_id,
            parent_id: caller.span_id,
            service: service.name.clone(),
            name: service.operation.clone(),
            resource: if self.otlp { String::new() } else { service.resource.clone() },
            type_: if self.otlp { String::new() } else { service.type_.clone() },
            kind: service.kind.unwrap_or(kind),
            start: Timestamp(start.0.saturating_add(service.skew)),
            duration: Nanos(end.0.saturating_sub(start.0)),
            attributes,
            links: caller.link.into_iter().collect(),
            flags: self.otlp.then_some(if caller.span_id.is_some() { 0x301 } else { 0x101 }),
            ..SpanDraft::default()
        };
        let error = failed.then(|| Failure { message: service.error.clone(), ..Failure::default() });
        Sketch { span, error, scope: "spanglass".to_owned() }
    }
}

/// A value as a tag of Datadog: text or a number.
fn as_tag(value: &OwnedValue) -> OwnedValue {
    match value {
        OwnedValue::Bool(value) => OwnedValue::Str(value.to_string()),
        OwnedValue::Int(number) => OwnedValue::Float(*number as f64),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "root: web
services:
  web: {duration: 10ms, calls: [api, {to: mailer, async: true}, {to: audit, link: true}]}
  api: {name: api.get, resource: GET /, duration: 5ms..7ms, error_rate: 1, error: out of stock, attrs: {rows: 3, warm: true}}
  mailer: {skew: -2ms}
  audit:
";

    fn parse(text: &str) -> Result<Topology, TopologyError> {
        Topology::parse(Source::Argument("file"), text.as_bytes())
    }

    #[test]
    fn services_call_each_other() {
        let shop = parse(SHOP).unwrap();
        for otlp in [false, true] {
            let batch = shop.batch(otlp, Timestamp(1_000_000_000), &mut Random::new(1));
            let spans: Vec<_> = batch.view(&[]).spans().collect();
            let named: Vec<_> = spans.iter().map(|span| (span.service(), span.name())).collect();
            let wanted =
                [("web", "web.request"), ("api", "api.get"), ("mailer", "mailer.request"), ("audit", "audit.request")];
            assert_eq!(named, wanted);
            let [web, api, mailer, audit] = spans[..] else { panic!("{} spans", spans.len()) };
            assert_eq!(
                (api.parent_id(), mailer.parent_id(), audit.parent_id()),
                (Some(web.span_id()), Some(web.span_id()), None)
            );
            assert_ne!(audit.trace_id(), web.trace_id());
            assert_eq!(audit.links().next().map(|link| link.span_id()), Some(web.span_id()));
            assert!(api.error() && (5_000_000..=7_000_000).contains(&api.duration().0));
            // It waits for api, and for nothing else.
            assert_eq!(web.duration().0, 10_000_000 + api.duration().0);
            // A quarter of its own time later, by a clock that is behind.
            assert_eq!(mailer.start().0, api.end().0 + 2_500_000 - 2_000_000);
            let again = shop.batch(otlp, Timestamp(1_000_000_000), &mut Random::new(1));
            assert!(again.view(&[]).spans().zip(&spans).all(|(one, other)| one.span_id() == other.span_id()));
        }
    }

    #[test]
    fn spans_are_dropped_and_orphaned() {
        let text = "services:\n  a: {calls: [{to: b, drop: 1}, {to: c, orphan: 1}]}\n  b: {calls: [c]}\n  c:\n";
        let batch = parse(text).unwrap().batch(false, Timestamp(0), &mut Random::new(3));
        let spans: Vec<_> = batch.view(&[]).spans().collect();
        let services: Vec<_> = spans.iter().map(|span| span.service()).collect();
        assert_eq!(services, ["a", "c", "c"]);
        assert!(spans[1..].iter().all(|span| span.parent_id().is_some_and(|id| id != spans[0].span_id())));
    }

    #[test]
    fn faults_are_told_with_their_line() {
        for (text, line, words) in [
            ("", 0, "nothing in it"),
            ("services:\n  a: {calls: [b]}\n", 2, "\"b\" is no service"),
            ("services:\n  a: {colour: red}\n", 2, "no member of a service"),
            ("services:\n  a:\n    duration: 5\n", 3, "a text belongs here"),
            ("services:\n  a:\n    duration: 5ms..1ms\n", 3, "no length of time"),
            ("services:\n  a:\n    error_rate: 2\n", 3, "a probability"),
            ("services:\n  a: {calls: [b]}\n  b: {calls: [a]}\n", 1, "a calls itself in a circle: a > b"),
            ("services: 3", 1, "services are a mapping"),
            ("root: z\nservices:\n  a:\n", 1, "\"z\" is no service"),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!((error.line, error.message.contains(words)), (line, true), "{text}: {error}");
        }
        assert!(parse("services: [").is_err());
    }

    #[test]
    fn nothing_runs_away() {
        let mut text = "services:\n".to_owned();
        for at in 0..60 {
            text.push_str(&format!("  s{at}: {{calls: [{{to: s{}, times: 3}}]}}\n", at + 1));
        }
        text.push_str("  s60:\n");
        let batch = parse(&text).unwrap().batch(true, Timestamp(0), &mut Random::new(3));
        assert_eq!(batch.view(&[]).spans().len(), MAX_SPANS);
    }
}
