//! The finalized configuration as rows: dotted key, value as JSON, value as text.

use super::rules::{Kind, to_json};
use super::{FinalizedTracerConfig, style_name};
use crate::config::Setting;
use crate::config::rows::Rows;
use crate::config::secret::{MASK, masked, probable};
use crate::context::PropagationStyle;
use crate::rule::SamplingRule;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every setting, in the order in which they are shown.
pub(super) fn rows(config: &FinalizedTracerConfig) -> Rows {
    let c = config;
    let mut out = Out { rows: Rows::default(), config };
    out.optional("service", &c.service, "the name of the process");
    out.text("environment", &c.environment);
    out.text("version", &c.version);
    out.tags("tags", &c.tags);
    out.tags("process_tags", &c.process_tags);
    out.text("service_type", &c.service_type);
    out.text("name", &c.name);
    out.json("report_traces", &c.report_traces);
    out.json("tracing_enabled", &c.tracing_enabled);
    out.url();
    out.optional("agent.external_env", &c.external_env, "none");
    out.json("agent.flush_interval_ms", &c.flush_interval_ms);
    out.json("agent.request_timeout_ms", &c.request_timeout_ms);
    out.json("agent.shutdown_timeout_ms", &c.shutdown_timeout_ms);
    out.json("agent.remote_configuration_enabled", &c.remote_configuration_enabled);
    out.json("agent.remote_configuration_poll_interval_ms", &c.remote_configuration_poll_interval_ms);
    out.styles("extraction_styles", &c.extraction_styles);
    out.styles("injection_styles", &c.injection_styles);
    out.json("propagation_behavior_extract", &c.propagation_behavior_extract.with(|behavior| behavior.word()));
    out.json("baggage.max_items", &c.baggage_max_items);
    out.json("baggage.max_bytes", &c.baggage_max_bytes);
    out.rules("trace_sampler.rules", &c.trace_rules, Kind::Trace);
    let rate = c.sample_rate.with(|rate| rate.map(|rate| rate.get()));
    let shown = rate.value.map_or("the agent decides".to_owned(), |rate| rate.to_string());
    out.add("trace_sampler.sample_rate", &rate, json!(rate.value), shown);
    out.json("trace_sampler.max_per_second", &c.max_per_second);
    out.rules("span_sampler.rules", &c.span_rules, Kind::Span);
    out.json("generate_128bit_trace_ids", &c.generate_128bit_trace_ids);
    out.json("tags_header_size", &c.tags_header_size);
    out.json("report_hostname", &c.report_hostname);
    out.json("resource_renaming_mode", &c.resource_renaming_mode.with(|mode| mode.word()));
    out.json("log_on_startup", &c.log_on_startup);
    out.text("integration_name", &c.integration_name);
    out.optional("integration_version", &c.integration_version, "the tracer's");
    out.json("telemetry.enabled", &c.telemetry_enabled);
    out.json("telemetry.report_metrics", &c.telemetry_report_metrics);
    out.json("telemetry.report_logs", &c.telemetry_report_logs);
    out.json("telemetry.debug", &c.telemetry_debug);
    out.json("telemetry.metrics_interval_ms", &c.metrics_interval_ms);
    out.json("telemetry.heartbeat_interval_ms", &c.heartbeat_interval_ms);
    out.json("telemetry.extended_heartbeat_interval_ms", &c.extended_heartbeat_interval_ms);
    out.optional("telemetry.install_id", &c.install_id, "none");
    out.optional("telemetry.install_type", &c.install_type, "none");
    out.optional("telemetry.install_time", &c.install_time, "none");
    out.text("telemetry.integration_name", &c.telemetry_integration_name);
    out.optional("telemetry.integration_version", &c.telemetry_integration_version, "the tracer's");
    out.rows
}

struct Out<'c> {
    rows: Rows,
    config: &'c FinalizedTracerConfig,
}

impl Out<'_> {
    fn add<T>(&mut self, key: &str, setting: &Setting<T>, value: Value, shown: String) {
        if !self.config.unresolved.contains(key) {
            self.rows.add_as(key, setting, value, shown);
        }
    }

    fn json<T: Clone + Into<Value>>(&mut self, key: &str, setting: &Setting<T>) {
        let value: Value = setting.value.clone().into();
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.add(key, setting, value, shown);
    }

    fn text(&mut self, key: &str, setting: &Setting<String>) {
        let shown = masked(key, &setting.value).into_owned();
        self.add(key, setting, json!(setting.value), shown);
    }

    fn optional(&mut self, key: &str, setting: &Setting<Option<String>>, none: &str) {
        let shown = setting.value.as_ref().map_or(none.to_owned(), |text| masked(key, text).into_owned());
        self.add(key, setting, json!(setting.value), shown);
    }

    fn tags(&mut self, key: &str, setting: &Setting<BTreeMap<String, String>>) {
        let shown = setting.value.iter().map(|(name, value)| match probable(name, value) {
            true => format!("{name}:{MASK}"),
            // A tag without a colon may hold `key=secret`.
            false => masked(key, &format!("{name}:{value}")).into_owned(),
        });
        let shown = shown.collect::<Vec<_>>().join(",");
        self.add(key, setting, json!(setting.value), shown);
    }

    fn url(&mut self) {
        let setting = &self.config.agent_url;
        let shown = masked("agent.url", &setting.value.to_string()).into_owned();
        self.add("agent.url", setting, setting.value.to_json(), shown);
    }

    fn styles(&mut self, key: &str, setting: &Setting<Vec<PropagationStyle>>) {
        let names: Vec<&str> = setting.value.iter().map(|style| style_name(*style)).collect();
        self.add(key, setting, json!(names), names.join(","));
    }

    fn rules(&mut self, key: &str, setting: &Setting<Vec<SamplingRule>>, kind: Kind) {
        let rules: Vec<Value> = setting.value.iter().map(|rule| to_json(rule, kind)).collect();
        let shown = setting.value.iter().map(shown_rule).collect::<Vec<_>>().join("; ");
        let shown = if shown.is_empty() { "none".to_owned() } else { shown };
        self.add(key, setting, Value::Array(rules), shown);
    }
}

/// A rule in a few words: what it asks for, and its rate.
fn shown_rule(rule: &SamplingRule) -> String {
    let mut parts = Vec::new();
    for (name, glob) in [("service", &rule.service), ("name", &rule.name), ("resource", &rule.resource)] {
        if glob.as_str() != "*" {
            parts.push(format!("{name}={}", glob.as_str()));
        }
    }
    parts.extend(rule.tags.iter().map(|(name, glob)| format!("{name}:{}", glob.as_str())));
    let what = if parts.is_empty() { "*".to_owned() } else { parts.join(" ") };
    match rule.max_per_second {
        Some(limit) => format!("{what} {}, {limit}/s", rule.rate),
        None => format!("{what} {}", rule.rate),
    }
}
