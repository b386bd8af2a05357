//! The profile dd-trace-cpp 2.2.1 (config.md section 3): 42 variables, code-level settings and defaults become one
//! configuration, or errors in the order in which the tracer would meet them.

mod code;
mod finalize;
mod rules;
mod run;
mod show;
mod styles;
mod url;

pub(crate) use rules::Rule as WrittenRule;
pub(crate) use styles::Item as StyleItem;
pub use styles::name as style_name;
pub use url::AgentUrl;
pub(crate) use url::of_host_and_port;

use super::{Checked, Finalized, Mode, ReadFile, Setting, Shown, Target, lint, names};
use crate::context::PropagationStyle;
use crate::rule::{Rate, SamplingRule};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What happens to incoming trace context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behavior {
    /// The trace goes on.
    #[default]
    Continue,
    /// A new trace begins, linked to the incoming one.
    Restart,
    /// A new trace begins.
    Ignore,
}

impl Behavior {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Behavior::Continue => "continue",
            Behavior::Restart => "restart",
            Behavior::Ignore => "ignore",
        }
    }

    fn of(word: &str) -> Option<Behavior> {
        if word.is_empty() {
            return Some(Behavior::Continue);
        }
        let all = [Behavior::Continue, Behavior::Restart, Behavior::Ignore];
        all.into_iter().find(|behavior| word.eq_ignore_ascii_case(behavior.word()))
    }
}

/// Whether dd-trace-cpp knows a word for what happens to incoming context.
pub(crate) fn known_behavior(word: &str) -> bool {
    Behavior::of(word).is_some()
}

/// When resources of web spans get the name of their endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResourceRenaming {
    /// Never.
    #[default]
    Disabled,
    /// When there is no route.
    Fallback,
    /// Always.
    AlwaysCalculate,
}

impl ResourceRenaming {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            ResourceRenaming::Disabled => "disabled",
            ResourceRenaming::Fallback => "fallback",
            ResourceRenaming::AlwaysCalculate => "always_calculate",
        }
    }
}

/// The configuration with which dd-trace-cpp would run: every value legal, with where it came from. Only [`check`] makes
/// one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FinalizedTracerConfig {
    /// Service name; `None` for the name of the process, which is not known here.
    pub service: Setting<Option<String>>,
    /// Kind of service.
    pub service_type: Setting<String>,
    /// Default span name.
    pub name: Setting<String>,
    /// Environment.
    pub environment: Setting<String>,
    /// Version of the service.
    pub version: Setting<String>,
    /// Tags of every span.
    pub tags: Setting<BTreeMap<String, String>>,
    /// Tags of the process.
    pub process_tags: Setting<BTreeMap<String, String>>,
    /// Whether traces are sent.
    pub report_traces: Setting<bool>,
    /// Whether the configuration is logged at start.
    pub log_on_startup: Setting<bool>,
    /// Whether trace ids have 128 bits.
    pub generate_128bit_trace_ids: Setting<bool>,
    /// Whether APM tracing is on; when it is off, only traces of other products are kept.
    pub tracing_enabled: Setting<bool>,
    /// Whether resources are renamed.
    pub resource_renaming_mode: Setting<ResourceRenaming>,
    /// Whether spans carry the host's name.
    pub report_hostname: Setting<bool>,
    /// Largest `x-datadog-tags`, in bytes.
    pub tags_header_size: Setting<u64>,
    /// Name of the integration.
    pub integration_name: Setting<String>,
    /// Version of the integration; `None` for the tracer's.
    pub integration_version: Setting<Option<String>>,
    /// Styles that are looked for, in order.
    pub extraction_styles: Setting<Vec<PropagationStyle>>,
    /// Styles that are written.
    pub injection_styles: Setting<Vec<PropagationStyle>>,
    /// What happens to incoming context.
    pub propagation_behavior_extract: Setting<Behavior>,
    /// Most baggage items.
    pub baggage_max_items: Setting<u64>,
    /// Most bytes of baggage.
    pub baggage_max_bytes: Setting<u64>,
    /// Where the agent is.
    pub agent_url: Setting<AgentUrl>,
    /// What the admission controller says about the container.
    pub external_env: Setting<Option<String>>,
    /// Milliseconds between two flushes.
    pub flush_interval_ms: Setting<u64>,
    /// Milliseconds that a request may take.
    pub request_timeout_ms: Setting<u64>,
    /// Milliseconds that shutting down may take.
    pub shutdown_timeout_ms: Setting<u64>,
    /// Whether remote configuration is asked for.
    pub remote_configuration_enabled: Setting<bool>,
    /// Milliseconds between two such questions.
    pub remote_configuration_poll_interval_ms: Setting<u64>,
    /// Trace rules in order, the catch-all of the sample rate last.
    pub trace_rules: Setting<Vec<SamplingRule>>,
    /// The rate of that catch-all.
    pub sample_rate: Setting<Option<Rate>>,
    /// Traces per second that rules may keep.
    pub max_per_second: Setting<f64>,
    /// Span rules in order.
    pub span_rules: Setting<Vec<SamplingRule>>,
    /// Whether telemetry is sent.
    pub telemetry_enabled: Setting<bool>,
    /// Whether telemetry has metrics.
    pub telemetry_report_metrics: Setting<bool>,
    /// Whether telemetry has logs.
    pub telemetry_report_logs: Setting<bool>,
    /// Whether telemetry is marked as of a test.
    pub telemetry_debug: Setting<bool>,
    /// Milliseconds between two reports of metrics.
    pub metrics_interval_ms: Setting<u64>,
    /// Milliseconds between two heartbeats.
    pub heartbeat_interval_ms: Setting<u64>,
    /// Milliseconds between two extended heartbeats.
    pub extended_heartbeat_interval_ms: Setting<u64>,
    /// Id of the installation.
    pub install_id: Setting<Option<String>>,
    /// How it was installed.
    pub install_type: Setting<Option<String>>,
    /// When it was installed.
    pub install_time: Setting<Option<String>>,
    /// Name of the integration in telemetry.
    pub telemetry_integration_name: Setting<String>,
    /// Version of the integration in telemetry; `None` for the tracer's.
    pub telemetry_integration_version: Setting<Option<String>>,
    /// Keys whose value hangs on a variable that cannot be resolved here.
    unresolved: BTreeSet<&'static str>,
}

impl FinalizedTracerConfig {
    /// The finalized values, as `final` of cli.md section 3. What hangs on an unresolved variable is left out.
    pub fn to_json(&self) -> Value {
        show::rows(self).to_json()
    }

    /// Every setting as text, secrets masked, in the order in which they are shown.
    pub fn settings(&self) -> Vec<Shown> {
        show::rows(self).shown()
    }
}

/// A pass over a target for those who look further: what was settled, also where errors refuse the whole, and what the
/// values look like as they are written.
pub(crate) struct Settled {
    /// The configuration; keys of `unknown` hold defaults.
    pub config: FinalizedTracerConfig,
    /// Keys that an error or an unresolved variable decides.
    pub unknown: BTreeSet<&'static str>,
    /// The winning style lists, before baggage is taken out of them.
    pub extraction: Setting<Vec<StyleItem>>,
    /// See [`Settled::extraction`].
    pub injection: Setting<Vec<StyleItem>>,
    /// The winning trace rules as written, without the catch-all.
    pub trace_rules: Setting<Vec<WrittenRule>>,
    /// The overall rate.
    pub sample_rate: Setting<Option<f64>>,
    /// The limit.
    pub max_per_second: Setting<f64>,
    /// The winning span rules as written.
    pub span_rules: Setting<Vec<WrittenRule>>,
}

impl Settled {
    /// Whether the value of a key is known and without error.
    pub fn knows(&self, key: &str) -> bool {
        !self.unknown.contains(key)
    }
}

/// Finalizes `target`, and reports what is wrong or surprising.
pub fn check(mode: Mode, target: &Target, read: ReadFile<'_>) -> Checked {
    let mut run = run::Run::new(mode, target, read);
    let settled = finalize::finalize(&mut run);
    let mut findings = std::mem::take(&mut run.errors);
    let refused = !findings.is_empty();
    findings.append(&mut run.logged);
    names::check(super::Profile::DdTraceCpp, target, &mut findings);
    findings.append(&mut run.notes);
    lint::check(target, &settled, &mut findings);
    let finalized = (!refused).then(|| Finalized::Datadog(Box::new(settled.config)));
    Checked { finalized, findings }
}
