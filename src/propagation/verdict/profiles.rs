//! The 27 configurations in which tracers are known: version, styles in order, and the table of its quirks.
//!
//! `dd-trace-py[tracecontext,datadog]` is dd-trace-py with that list of styles; a bare name is its default.

use super::Style::{ElasticLegacy, Known, Sentry};
use super::quirks::Quirks;
use super::tracers::{
    DD_TRACE_CPP, DD_TRACE_GO, DD_TRACE_JS, DD_TRACE_PY, DD_TRACE_RS, ELASTIC, NEW_RELIC, OTEL_GO, OTEL_JS,
    OTEL_PYTHON, OTEL_RUST, WSGI_ONLY,
};
use super::{Evidence, Profile, Style};
use crate::context::PropagationStyle;

const DATADOG: Style = Known(PropagationStyle::Datadog);
const W3C: Style = Known(PropagationStyle::TraceContext);
const MULTI: Style = Known(PropagationStyle::B3Multi);
const SINGLE: Style = Known(PropagationStyle::B3);
const BAGGAGE: Style = Known(PropagationStyle::Baggage);
const UBER: Style = Known(PropagationStyle::Jaeger);
const AMAZON: Style = Known(PropagationStyle::XRay);

/// Every known configuration.
pub(super) static PROFILES: [Profile; 27] = [
    row("dd-trace-py", "dd-trace-py", "4.16.0", &[DATADOG, W3C, BAGGAGE], &DD_TRACE_PY),
    row("dd-trace-py[tracecontext,datadog]", "dd-trace-py", "4.16.0", &[W3C, DATADOG], &DD_TRACE_PY),
    row("dd-trace-py[b3multi,b3,datadog]", "dd-trace-py", "4.16.0", &[MULTI, SINGLE, DATADOG], &DD_TRACE_PY),
    row("dd-trace-js", "dd-trace-js", "5.132.0", &[DATADOG, W3C, BAGGAGE], &DD_TRACE_JS),
    row("dd-trace-js[tracecontext,datadog]", "dd-trace-js", "5.132.0", &[W3C, DATADOG], &DD_TRACE_JS),
    row("dd-trace-js[b3multi,b3,datadog]", "dd-trace-js", "5.132.0", &[MULTI, SINGLE, DATADOG], &DD_TRACE_JS),
    row("dd-trace-cpp", "dd-trace-cpp", "2.2.1", &[DATADOG, W3C, BAGGAGE], &DD_TRACE_CPP),
    row("dd-trace-cpp[tracecontext,datadog]", "dd-trace-cpp", "2.2.1", &[W3C, DATADOG], &DD_TRACE_CPP),
    row("dd-trace-cpp[b3multi,datadog]", "dd-trace-cpp", "2.2.1", &[MULTI, DATADOG], &DD_TRACE_CPP),
    row("dd-trace-rs", "dd-trace-rs", "9d2fb0e", &[DATADOG, W3C, BAGGAGE], &DD_TRACE_RS),
    row("dd-trace-rs[tracecontext,datadog]", "dd-trace-rs", "9d2fb0e", &[W3C, DATADOG], &DD_TRACE_RS),
    row("dd-trace-rs[b3multi,b3,datadog]", "dd-trace-rs", "9d2fb0e", &[MULTI, SINGLE, DATADOG], &DD_TRACE_RS),
    partly_read("dd-trace-go", &[DATADOG, W3C, BAGGAGE]),
    partly_read("dd-trace-go[tracecontext,datadog]", &[W3C, DATADOG]),
    partly_read("dd-trace-go[b3multi,b3,datadog]", &[MULTI, SINGLE, DATADOG]),
    row("otel-python", "otel-python", "1.36.0", &[W3C, BAGGAGE], &OTEL_PYTHON),
    row("otel-python[b3]", "otel-python", "1.36.0", &[SINGLE, MULTI], &OTEL_PYTHON),
    row("otel-python[jaeger]", "otel-python", "1.36.0", &[UBER], &OTEL_PYTHON),
    row("otel-js", "otel-js", "2.12.0", &[W3C, BAGGAGE], &OTEL_JS),
    row("otel-js[b3]", "otel-js", "2.12.0", &[SINGLE, MULTI], &OTEL_JS),
    row("otel-js[jaeger]", "otel-js", "2.12.0", &[UBER], &OTEL_JS),
    row("otel-go", "otel-go", "1.45.0", &[W3C, BAGGAGE], &OTEL_GO),
    row("otel-rust", "otel-rust", "0.33.1", &[W3C, BAGGAGE], &OTEL_RUST),
    row("elastic-apm-python", "elastic-apm-python", "6.26.2", &[W3C, ElasticLegacy], &ELASTIC),
    row("newrelic-python", "newrelic-python", "14.1.0", &[W3C], &NEW_RELIC),
    row("sentry-python", "sentry-python", "2.75.0", &[Sentry], &WSGI_ONLY),
    row("aws-xray-python", "aws-xray-python", "2.15.0", &[AMAZON], &WSGI_ONLY),
];

const fn row(
    key: &'static str,
    tracer: &'static str,
    version: &'static str,
    styles: &'static [Style],
    quirks: &'static Quirks,
) -> Profile {
    Profile { key, tracer, version, styles, evidence: Evidence::Run, quirks }
}

/// dd-trace-go: its propagation was run, how a span starts from a context was read.
const fn partly_read(key: &'static str, styles: &'static [Style]) -> Profile {
    Profile {
        key,
        tracer: "dd-trace-go",
        version: "2.11.0-dev.1",
        styles,
        evidence: Evidence::Read,
        quirks: &DD_TRACE_GO,
    }
}
