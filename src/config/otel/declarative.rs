//! What a declarative configuration file makes an SDK run with: the settings that it says, under the names that the
//! variables have.

use super::super::codes::otel::{BATCH_OVER_QUEUE, HEADER_MALFORMED, NO_LIMIT, RESOURCE_MALFORMED};
use super::endpoint::{Endpoint, Use};
use super::pairs::{self, Pairs};
use super::substitute::Substituted;
use super::{FinalizedOtelConfig, SpanLimits, SpanProcessor};
use crate::config::document::{Data, Node};
use crate::config::{Finding, Origin, Setting};

/// Finalizes a file, as far as it fits the schema, and reports what is legal and surprising in it.
pub fn finalize(document: &Substituted, out: &mut Vec<Finding>) -> FinalizedOtelConfig {
    let file = File { document };
    let root = &document.root;
    let mut config = FinalizedOtelConfig { sdk_disabled: file.bool_of(root, "disabled"), ..Default::default() };
    if let Some(resource) = root.get("resource") {
        file.resource(resource, &mut config, out);
    }
    if let Some(propagator) = root.get("propagator") {
        config.propagators = file.propagators(propagator);
    }
    let provider = root.get("tracer_provider");
    let limits = provider.and_then(|provider| provider.get("limits"));
    config.span_limits = file.limits(root.get("attribute_limits"), limits);
    if let Some(provider) = provider {
        if let Some((sampler, ratio)) = provider.get("sampler").and_then(|node| file.sampler(node)) {
            config.sampler = Some(sampler);
            config.sampler_ratio = ratio;
        }
        file.processors(provider, &mut config, out);
    }
    config
}

struct File<'d> {
    document: &'d Substituted,
}

/// A setting that stands in the file.
fn said<T>(value: T, node: &Node, key: &str) -> Setting<T> {
    Setting { value, origin: Origin::Code, from: key.to_owned(), place: Some(node.place()), overridden: Vec::new() }
}

/// The only entry of a mapping.
fn only(node: &Node) -> Option<(&str, &Node)> {
    match node.entries() {
        [(key, value)] => Some((key.text()?, value)),
        _ => None,
    }
}

impl File<'_> {
    fn value<'n>(&self, node: &'n Node, key: &str) -> Option<&'n Node> {
        node.get(key).filter(|value| value.data != Data::Null && !self.document.is_unknown(value))
    }

    fn bool_of(&self, node: &Node, key: &str) -> Option<Setting<bool>> {
        let value = self.value(node, key)?;
        match value.data {
            Data::Bool(on) => Some(said(on, value, key)),
            _ => None,
        }
    }

    fn text_of(&self, node: &Node, key: &str) -> Option<Setting<String>> {
        let value = self.value(node, key)?;
        Some(said(value.text()?.to_owned(), value, key))
    }

    fn number_of(&self, node: &Node, key: &str) -> Option<Setting<u64>> {
        let value = self.value(node, key)?;
        match value.data {
            Data::Int(number) => Some(said(u64::try_from(number).ok()?, value, key)),
            Data::Float(number) if number >= 0.0 && number.fract() == 0.0 => Some(said(number as u64, value, key)),
            _ => None,
        }
    }

    /// A number of a mapping that is there, with its default when it is left out; `None` when it cannot be known.
    fn number_or(&self, node: &Node, key: &str, default: u64) -> Option<Setting<u64>> {
        match node.get(key) {
            Some(value) if self.document.is_unknown(value) => None,
            _ => Some(self.number_of(node, key).unwrap_or(Setting::default_of(default))),
        }
    }

    fn resource(&self, resource: &Node, config: &mut FinalizedOtelConfig, out: &mut Vec<Finding>) {
        let mut attributes = Pairs::default();
        if let Some(list) = self.text_of(resource, "attributes_list") {
            let pairs = pairs::attributes(&list.value);
            match pairs.faults.first() {
                None => attributes = pairs,
                Some(fault) => {
                    let message =
                        format!("resource.attributes_list: {} {}, so all of it is discarded", fault.entry(), fault.why);
                    let finding = Finding::new(RESOURCE_MALFORMED, "resource.attributes_list", message)
                        .at(list.place.clone())
                        .path(fault.path())
                        .help("write key=value,key=value; a comma in a value is %2C, a percent sign %25");
                    out.push(finding);
                }
            }
        }
        let mut named = None;
        for item in self.value(resource, "attributes").map(Node::items).unwrap_or_default() {
            let Some(name) = self.text_of(item, "name") else { continue };
            let Some(node) = item.get("value") else { continue };
            if self.document.is_unknown(node) {
                continue;
            }
            let Some(text) = scalar_text(node) else { continue };
            if name.value == "service.name" {
                named = Some(said(text.clone(), node, "resource.attributes"));
            }
            attributes.set(&name.value, text);
        }
        config.service_name = named.or_else(|| {
            let name = attributes.get("service.name")?;
            Some(said(name.to_owned(), resource, "resource.attributes_list"))
        });
        config.resource_attributes = Some(said(attributes, resource, "resource"));
    }

    fn propagators(&self, propagator: &Node) -> Option<Setting<Vec<String>>> {
        let mut names: Vec<String> = Vec::new();
        let mut add = |name: &str| {
            if !name.is_empty() && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        };
        for item in self.value(propagator, "composite").map(Node::items).unwrap_or_default() {
            if let Some((name, _)) = only(item) {
                add(name);
            }
        }
        if let Some(list) = self.text_of(propagator, "composite_list") {
            list.value.split(',').for_each(|name| add(name.trim()));
        }
        Some(said(names, propagator, "propagator"))
    }

    /// The sampler under the name that OTEL_TRACES_SAMPLER has for it, and its ratio.
    fn sampler(&self, node: &Node) -> Option<(Setting<String>, Option<Setting<f64>>)> {
        let (kind, settings) = only(node)?;
        let from = "tracer_provider.sampler";
        Some(match kind {
            "trace_id_ratio_based" => (said("traceidratio".to_owned(), node, from), self.ratio(settings)),
            "jaeger_remote/development" => (said("jaeger_remote".to_owned(), node, from), None),
            "parent_based" => {
                let (root, settings) = settings.get("root").and_then(only).unwrap_or(("always_on", settings));
                let ratio = if root == "trace_id_ratio_based" { self.ratio(settings) } else { None };
                let root = match root {
                    "trace_id_ratio_based" => "traceidratio",
                    "jaeger_remote/development" => "jaeger_remote",
                    root => root,
                };
                (said(format!("parentbased_{root}"), node, from), ratio)
            }
            kind => (said(kind.to_owned(), node, from), None),
        })
    }

    fn ratio(&self, settings: &Node) -> Option<Setting<f64>> {
        match settings.get("ratio") {
            None => Some(Setting::default_of(1.0)),
            Some(node) if self.document.is_unknown(node) => None,
            Some(node) => match node.data {
                Data::Null => Some(Setting::default_of(1.0)),
                Data::Int(ratio) => Some(said(ratio as f64, node, "ratio")),
                Data::Float(ratio) => Some(said(ratio, node, "ratio")),
                _ => None,
            },
        }
    }

    fn limits(&self, general: Option<&Node>, span: Option<&Node>) -> SpanLimits {
        if general.is_none() && span.is_none() {
            return SpanLimits::default();
        }
        let own = |key: &str| span.and_then(|span| self.number_of(span, key));
        let either = |key: &str| own(key).or_else(|| general.and_then(|general| self.number_of(general, key)));
        let or_128 = |found: Option<Setting<u64>>| Some(found.unwrap_or(Setting::default_of(128)));
        SpanLimits {
            attribute_count: or_128(either("attribute_count_limit")),
            attribute_value_length: Some(match either("attribute_value_length_limit") {
                Some(limit) => super::env::with_value(&limit, Some(limit.value)),
                None => Setting::default_of(None),
            }),
            event_count: or_128(own("event_count_limit")),
            link_count: or_128(own("link_count_limit")),
            event_attribute_count: or_128(own("event_attribute_count_limit")),
            link_attribute_count: or_128(own("link_attribute_count_limit")),
        }
    }

    /// The first batching processor and the first OTLP exporter are finalized; all are looked at.
    fn processors(&self, provider: &Node, config: &mut FinalizedOtelConfig, out: &mut Vec<Finding>) {
        let Some(processors) = self.value(provider, "processors") else { return };
        let mut exporters: Vec<String> = Vec::new();
        let mut batch_seen = false;
        for (at, item) in processors.items().iter().enumerate() {
            let Some((kind, settings)) = only(item) else { continue };
            let path = format!("tracer_provider.processors[{at}].{kind}");
            if kind == "batch" {
                let processor = SpanProcessor {
                    schedule_delay_ms: self.number_or(settings, "schedule_delay", 5000),
                    export_timeout_ms: self.number_or(settings, "export_timeout", 30000),
                    max_queue_size: self.number_or(settings, "max_queue_size", 2048),
                    max_export_batch_size: self.number_or(settings, "max_export_batch_size", 512),
                };
                batch_fits(&processor, &path, out);
                no_limit(processor.export_timeout_ms.as_ref(), &format!("{path}.export_timeout"), out);
                if !std::mem::replace(&mut batch_seen, true) {
                    config.bsp = processor;
                }
            }
            let Some((exporter, settings)) = settings.get("exporter").and_then(only) else { continue };
            let name = match exporter {
                "otlp_http" | "otlp_grpc" | "otlp_file/development" => "otlp",
                name => name,
            };
            if !exporters.iter().any(|known| known == name) {
                exporters.push(name.to_owned());
            }
            if matches!(exporter, "otlp_http" | "otlp_grpc") {
                self.otlp(exporter == "otlp_grpc", settings, &format!("{path}.exporter.{exporter}"), config, out);
            }
        }
        if !exporters.is_empty() {
            config.exporters = Some(said(exporters, processors, "tracer_provider.processors"));
        }
    }

    fn otlp(&self, grpc: bool, node: &Node, path: &str, config: &mut FinalizedOtelConfig, out: &mut Vec<Finding>) {
        let endpoint = self.endpoint(grpc, node, path, out);
        let timeout = self.number_or(node, "timeout", 10000);
        no_limit(timeout.as_ref(), &format!("{path}.timeout"), out);
        let headers = self.headers(node, path, out);
        if config.protocol.is_some() {
            return;
        }
        let json = self.text_of(node, "encoding").is_some_and(|encoding| encoding.value == "json");
        let protocol = match (grpc, json) {
            (true, _) => "grpc",
            (false, true) => "http/json",
            (false, false) => "http/protobuf",
        };
        config.protocol = Some(said(protocol.to_owned(), node, path));
        if grpc {
            config.insecure = endpoint.as_ref().map(|endpoint| {
                let parsed = Endpoint { about: path, text: &endpoint.value, used: Use::Grpc, signal: "traces" };
                let flag = || node.get("tls").and_then(|tls| self.bool_of(tls, "insecure"));
                match parsed.tls() {
                    Some(tls) => super::env::with_value(endpoint, !tls),
                    None => flag().unwrap_or(Setting::default_of(false)),
                }
            });
        }
        config.endpoint = endpoint;
        config.timeout_ms = timeout;
        config.headers = Some(headers);
        config.compression = Some(match self.text_of(node, "compression") {
            Some(found) => super::env::with_value(&found, Some(found.value.clone())),
            None => Setting::default_of(None),
        });
    }

    fn endpoint(&self, grpc: bool, node: &Node, path: &str, out: &mut Vec<Finding>) -> Option<Setting<String>> {
        let default = if grpc { "http://localhost:4317" } else { "http://localhost:4318/v1/traces" };
        let Some(found) = node.get("endpoint").filter(|node| node.data != Data::Null) else {
            return Some(Setting::default_of(default.to_owned()));
        };
        if self.document.is_unknown(found) {
            return None;
        }
        let about = format!("{path}.endpoint");
        let used = if grpc { Use::Grpc } else { Use::Signal };
        let endpoint = Endpoint { about: &about, text: found.text()?, used, signal: "traces" };
        let place_of = |range: std::ops::Range<usize>| {
            let mut part = found.clone();
            if found.verbatim {
                part.range = found.range.start + range.start..(found.range.start + range.end).min(found.range.end);
            }
            Some(part.place())
        };
        endpoint.findings(&place_of, out);
        Some(said(endpoint.finalized()?, found, &about))
    }

    /// Entries of `headers` win over those of `headers_list`; one without a value is ignored.
    fn headers(&self, node: &Node, path: &str, out: &mut Vec<Finding>) -> Setting<Pairs> {
        let mut headers = Pairs::default();
        if let Some(list) = self.text_of(node, "headers_list") {
            headers = pairs::headers(&list.value);
            for fault in std::mem::take(&mut headers.faults) {
                let about = format!("{path}.headers_list");
                let message = format!("{about}: {} {} and is left out", fault.entry(), fault.why);
                let finding = Finding::new(HEADER_MALFORMED, about, message)
                    .at(list.place.clone())
                    .path(fault.path())
                    .help("write name=value,name=value with values percent-encoded");
                out.push(finding);
            }
        }
        for item in self.value(node, "headers").map(Node::items).unwrap_or_default() {
            if let (Some(name), Some(value)) = (self.text_of(item, "name"), self.text_of(item, "value")) {
                headers.set(&name.value, value.value);
            }
        }
        said(headers, node, path)
    }
}

fn batch_fits(processor: &SpanProcessor, path: &str, out: &mut Vec<Finding>) {
    let (Some(batch), Some(queue)) = (&processor.max_export_batch_size, &processor.max_queue_size) else { return };
    if batch.value > queue.value {
        let about = format!("{path}.max_export_batch_size");
        let message = format!(
            "{about} is {}, which is more than max_queue_size {}: a batch never fills",
            batch.value, queue.value
        );
        out.push(
            Finding::new(BATCH_OVER_QUEUE, about, message)
                .at(batch.place.clone().or_else(|| queue.place.clone()))
                .help(format!("write max_export_batch_size: {} or less", queue.value)),
        );
    }
}

fn no_limit(timeout: Option<&Setting<u64>>, about: &str, out: &mut Vec<Finding>) {
    if let Some(timeout) = timeout.filter(|timeout| timeout.value == 0) {
        let message = format!("{about} 0 means no limit, not no waiting");
        out.push(Finding::new(NO_LIMIT, about, message).at(timeout.place.clone()));
    }
}

/// The value of an attribute as text; lists as JSON.
fn scalar_text(node: &Node) -> Option<String> {
    Some(match &node.data {
        Data::Null | Data::Map(_) => return None,
        Data::Str(text) => text.clone(),
        Data::Bool(value) => value.to_string(),
        Data::Int(value) => value.to_string(),
        Data::Float(value) => value.to_string(),
        Data::Seq(items) => {
            let items: Vec<String> = items.iter().filter_map(scalar_text).collect();
            format!("[{}]", items.join(","))
        }
    })
}
