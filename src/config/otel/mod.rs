//! The profile otel (config.md section 6): the variables of the OpenTelemetry specification, or a declarative configuration
//! file, which silences them.

mod declarative;
mod endpoint;
mod env;
mod pairs;
mod schema;
mod sdk;
mod substitute;
mod variables;

use super::codes::forms::UNREADABLE;
use super::codes::otel::SHADOWED_BY_FILE;
use super::document::{self, Node};
use super::rows::Rows;
use super::secret::{MASK, masked, probable};
use super::vars::Var;
use super::{Checked, Finalized, Finding, Mode, Profile, ReadFile, Setting, Shown, Target, lint, names};
use crate::diagnostic::{Severity, Source};
use env::{Env, given, with_value};
use pairs::Pairs;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value};
use std::path::Path;

/// The configuration with which an OpenTelemetry SDK would run. `None` for what the specification leaves undefined, what a
/// configuration file does not say, and what depends on a variable that cannot be known here.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct FinalizedOtelConfig {
    /// Whether the SDK does nothing.
    pub sdk_disabled: Option<Setting<bool>>,
    /// Name of the service.
    pub service_name: Option<Setting<String>>,
    /// Attributes of the resource, `service.name` among them.
    pub resource_attributes: Option<Setting<Pairs>>,
    /// Propagators in order.
    pub propagators: Option<Setting<Vec<String>>>,
    /// Name of the sampler.
    pub sampler: Option<Setting<String>>,
    /// Its ratio, when it has one.
    pub sampler_ratio: Option<Setting<f64>>,
    /// Exporters of traces.
    pub exporters: Option<Setting<Vec<String>>>,
    /// OTLP's protocol: `grpc`, `http/protobuf`, `http/json`.
    pub protocol: Option<Setting<String>>,
    /// URL that traces are sent to.
    pub endpoint: Option<Setting<String>>,
    /// Whether gRPC runs without TLS.
    pub insecure: Option<Setting<bool>>,
    /// Headers sent along.
    pub headers: Option<Setting<Pairs>>,
    /// Compression, when one is set.
    pub compression: Option<Setting<Option<String>>>,
    /// Milliseconds that an export may take; 0 for no limit.
    pub timeout_ms: Option<Setting<u64>>,
    /// The batching processor.
    pub bsp: SpanProcessor,
    /// Limits of spans.
    pub span_limits: SpanLimits,
    /// The declarative configuration file.
    pub config_file: Option<Setting<String>>,
}

/// The batching span processor.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SpanProcessor {
    /// Milliseconds between two exports.
    pub schedule_delay_ms: Option<Setting<u64>>,
    /// Milliseconds that an export may take; 0 for no limit.
    pub export_timeout_ms: Option<Setting<u64>>,
    /// Spans that may wait.
    pub max_queue_size: Option<Setting<u64>>,
    /// Spans in an export.
    pub max_export_batch_size: Option<Setting<u64>>,
}

/// Limits of spans.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SpanLimits {
    /// Attributes of a span.
    pub attribute_count: Option<Setting<u64>>,
    /// Characters of an attribute's value; `None` for no limit.
    pub attribute_value_length: Option<Setting<Option<u64>>>,
    /// Events of a span.
    pub event_count: Option<Setting<u64>>,
    /// Links of a span.
    pub link_count: Option<Setting<u64>>,
    /// Attributes of an event.
    pub event_attribute_count: Option<Setting<u64>>,
    /// Attributes of a link.
    pub link_attribute_count: Option<Setting<u64>>,
}

impl FinalizedOtelConfig {
    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        rows.add_known("sdk_disabled", self.sdk_disabled.as_ref());
        rows.add_known("service_name", self.service_name.as_ref());
        if let Some(attributes) = &self.resource_attributes {
            let shown = attributes.value.entries.iter().map(|(key, value)| match probable(key, value) {
                true => format!("{key}={MASK}"),
                false => format!("{key}={value}"),
            });
            let shown: Vec<String> = shown.collect();
            rows.add_as("resource_attributes", attributes, object(&attributes.value), shown.join(","));
        }
        rows.add_known("propagators", self.propagators.as_ref());
        rows.add_known("sampler", self.sampler.as_ref());
        rows.add_known("sampler_ratio", self.sampler_ratio.as_ref());
        rows.add_known("exporters", self.exporters.as_ref());
        rows.add_known("protocol", self.protocol.as_ref());
        if let Some(endpoint) = &self.endpoint {
            let shown = masked("endpoint", &endpoint.value);
            rows.add_as("endpoint", endpoint, Value::from(endpoint.value.as_str()), shown);
        }
        rows.add_known("insecure", self.insecure.as_ref());
        if let Some(headers) = &self.headers {
            // The registry marks the variables as secret.
            let shown: Vec<String> = headers.value.entries.iter().map(|(name, _)| format!("{name}={MASK}")).collect();
            rows.add_as("headers", headers, object(&headers.value), shown.join(","));
        }
        rows.add_known("compression", self.compression.as_ref());
        rows.add_known("timeout_ms", self.timeout_ms.as_ref());
        rows.add_known("bsp.schedule_delay_ms", self.bsp.schedule_delay_ms.as_ref());
        rows.add_known("bsp.export_timeout_ms", self.bsp.export_timeout_ms.as_ref());
        rows.add_known("bsp.max_queue_size", self.bsp.max_queue_size.as_ref());
        rows.add_known("bsp.max_export_batch_size", self.bsp.max_export_batch_size.as_ref());
        let limits = &self.span_limits;
        rows.add_known("span_limits.attribute_count", limits.attribute_count.as_ref());
        rows.add_known("span_limits.attribute_value_length", limits.attribute_value_length.as_ref());
        rows.add_known("span_limits.event_count", limits.event_count.as_ref());
        rows.add_known("span_limits.link_count", limits.link_count.as_ref());
        rows.add_known("span_limits.event_attribute_count", limits.event_attribute_count.as_ref());
        rows.add_known("span_limits.link_attribute_count", limits.link_attribute_count.as_ref());
        rows.add_known("config_file", self.config_file.as_ref());
        rows
    }

    /// The finalized values, as `final` of cli.md section 3. Values of headers are in it.
    pub fn to_json(&self) -> Value {
        self.rows().to_json()
    }

    /// Every setting as text, in the order in which they are shown.
    pub fn settings(&self) -> Vec<Shown> {
        self.rows().shown()
    }
}

fn object(pairs: &Pairs) -> Value {
    let entries = pairs.entries.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    Value::Object(entries.collect::<Map<_, _>>())
}

/// Finalizes `target`, and reports what is wrong or surprising.
pub fn check(mode: Mode, target: &Target, read: ReadFile<'_>) -> Checked {
    let named = match given(target, "OTEL_CONFIG_FILE") {
        Var::Set(entry) => Some(entry.setting(entry.value.trim().to_owned())),
        _ => None,
    };
    let mut errors = Vec::new();
    let mut findings = Vec::new();
    let mut config = match (&target.file, &named) {
        (Some(root), _) => from_file(target, root, &mut errors, &mut findings),
        (None, Some(path)) => match read_file(path, read) {
            Ok(Some(root)) => from_file(target, &root, &mut errors, &mut findings),
            Ok(None) => from_file(target, &nothing(path), &mut errors, &mut findings),
            Err(fault) => {
                let fault = *fault;
                // Whether it can be read where the program runs is not known, so this is no error of the configuration.
                match fault.code() == UNREADABLE {
                    true => {
                        findings.push(Finding { diagnostic: fault.diagnostic.severity_is(Severity::Warning), ..fault });
                    }
                    false => errors.push(fault),
                }
                shadowed(target, &FxHashSet::default(), &path.value, &mut findings);
                FinalizedOtelConfig::default()
            }
        },
        (None, None) => {
            let mut env = Env::read(target);
            let config = env.finalize();
            findings.append(&mut env.findings);
            lint::counterparts(Profile::Otel, target, &mut findings);
            config
        }
    };
    if let Some(path) = &named {
        config.config_file = Some(with_value(path, path.value.clone()));
    }
    names::check(Profile::Otel, target, &mut findings);
    let refused = mode == Mode::Strict && !errors.is_empty();
    if mode == Mode::Lenient {
        errors = errors.into_iter().map(Finding::substituted).collect();
    }
    errors.append(&mut findings);
    Checked { finalized: (!refused).then(|| Finalized::Otel(Box::new(config))), findings: errors }
}

fn from_file(
    target: &Target,
    root: &Node,
    errors: &mut Vec<Finding>,
    findings: &mut Vec<Finding>,
) -> FinalizedOtelConfig {
    let substituted = substitute::substitute(root, target, errors);
    if errors.is_empty() {
        schema::validate(&substituted, errors);
    }
    shadowed(target, &substituted.references, &root.source.to_string(), findings);
    let mut surprises = Vec::new();
    let config = declarative::finalize(&substituted, &mut surprises);
    // Nothing that follows from a faulty file is told.
    if errors.is_empty() {
        findings.append(&mut surprises);
    }
    config
}

/// The first document of a configuration file; `None` when there is none.
fn read_file(path: &Setting<String>, read: ReadFile<'_>) -> Result<Option<Node>, Box<Finding>> {
    let source = Source::File(Path::new(&path.value).to_owned());
    let bytes = read(Path::new(&path.value)).map_err(|error| {
        let message =
            format!("{}={} cannot be read here ({error}), so nothing in it was checked", path.from, path.value);
        Finding::new(UNREADABLE, path.from.as_str(), message)
            .at(path.place.clone())
            .help(format!("give the file itself: spanglass validate-config --profile otel {}", path.value))
    })?;
    let text = document::text(&source, &bytes)?;
    Ok(document::parse(source, text)?.into_iter().next())
}

/// An empty document, for a file without any.
fn nothing(path: &Setting<String>) -> Node {
    Node {
        data: document::Data::Null,
        range: 0..0,
        line: 1,
        verbatim: false,
        quoted: false,
        source: std::sync::Arc::new(Source::File(Path::new(&path.value).to_owned())),
    }
}

/// Variables that nothing reads because there is a configuration file.
fn shadowed(target: &Target, references: &FxHashSet<String>, file: &str, out: &mut Vec<Finding>) {
    for variable in variables::VARIABLES {
        if variable.name == "OTEL_CONFIG_FILE" || references.contains(variable.name) {
            continue;
        }
        let Var::Set(entry) = given(target, variable.name) else { continue };
        let message = format!("{} is ignored because the configuration file {file} is used", variable.name);
        out.push(
            Finding::new(SHADOWED_BY_FILE, variable.name, message)
                .at(entry.name_place.clone().or_else(|| entry.place()))
                .help(format!("say it in the file, or refer to it there: ${{{}}}", variable.name))
                .overridden_by(if target.get("OTEL_CONFIG_FILE").is_some() { "OTEL_CONFIG_FILE" } else { file }),
        );
    }
}
