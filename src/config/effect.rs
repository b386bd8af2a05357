//! What other tracers do with a value (config.md section 5.1), as data: a value that one tracer refuses, another takes.
//!
//! Observed with dd-trace-py 4.16.0 and dd-trace-js 5.132, read in dd-trace-go 2.0.0.

use super::Finding;
use super::codes::{lint, tracer};
use crate::diagnostic::Code;

/// When a row applies.
#[derive(Clone, Copy)]
enum When {
    /// Any value with the finding.
    Any,
    /// The value is empty.
    Empty,
    /// The value's text is one of these, in any case.
    Is(&'static [&'static str]),
}

/// One row: the code, the variable that it is about (`*` for any), when, and what others do.
type Row = (Code, &'static str, When, &'static str);

const ROWS: &[Row] = &[
    (
        tracer::INVALID_DOUBLE,
        "DD_TRACE_SAMPLE_RATE",
        When::Any,
        "dd-trace-js 5.132 ignores it; ddtrace 4.16 does not apply DD_TRACE_SAMPLE_RATE at all; dd-trace-go 2.0.0 warns and ignores it",
    ),
    (
        tracer::RATE_OUT_OF_RANGE,
        "DD_TRACE_SAMPLE_RATE",
        When::Any,
        "dd-trace-js 5.132 clamps it to 1; ddtrace 4.16 does not apply DD_TRACE_SAMPLE_RATE at all; dd-trace-go 2.0.0 warns and ignores it",
    ),
    (
        tracer::INVALID_DOUBLE,
        "DD_TRACE_RATE_LIMIT",
        When::Any,
        "ddtrace 4.16 raises when it is imported; dd-trace-js 5.132 ignores it; dd-trace-go 2.0.0 warns and takes 100",
    ),
    (
        tracer::MAX_PER_SECOND_OUT_OF_RANGE,
        "DD_TRACE_RATE_LIMIT",
        When::Is(&["0", "0.0"]),
        "ddtrace 4.16, dd-trace-js 5.132 and dd-trace-go 2.0.0 take 0",
    ),
    (
        tracer::TRACE_SAMPLING_RULES_INVALID_JSON,
        "DD_TRACE_SAMPLING_RULES",
        When::Any,
        "ddtrace 4.16 and dd-trace-go 2.0.0 log it and run without rules; dd-trace-js 5.132 runs without rules",
    ),
    (
        tracer::RATE_OUT_OF_RANGE,
        "DD_TRACE_SAMPLING_RULES",
        When::Any,
        "dd-trace-js 5.132 keeps the rule; dd-trace-go 2.0.0 drops it",
    ),
    (
        tracer::TRACE_SAMPLING_RULES_UNKNOWN_PROPERTY,
        "*",
        When::Any,
        "ddtrace 4.16 raises; dd-trace-js 5.132 keeps the rule; dd-trace-go 2.0.0 ignores the member",
    ),
    (
        tracer::UNKNOWN_PROPAGATION_STYLE,
        "*",
        When::Any,
        "ddtrace 4.16 and dd-trace-go 2.0.0 warn and drop the unknown style; dd-trace-js 5.132 falls back to its defaults",
    ),
    (
        tracer::MISSING_SPAN_EXTRACTION_STYLE,
        "*",
        When::Any,
        "ddtrace 4.16 and dd-trace-js 5.132 run without propagation; dd-trace-go 2.0.0 takes it as unset",
    ),
    (
        tracer::MISSING_SPAN_INJECTION_STYLE,
        "*",
        When::Any,
        "ddtrace 4.16 and dd-trace-js 5.132 run without propagation; dd-trace-go 2.0.0 takes it as unset",
    ),
    (
        tracer::DUPLICATE_PROPAGATION_STYLE,
        "*",
        When::Any,
        "ddtrace 4.16, dd-trace-js 5.132 and dd-trace-go 2.0.0 keep the style twice",
    ),
    (
        tracer::URL_UNSUPPORTED_SCHEME,
        "DD_TRACE_AGENT_URL",
        When::Any,
        "ddtrace 4.16 raises; dd-trace-js 5.132 accepts it; dd-trace-go 2.0.0 warns and takes host and port",
    ),
    (
        lint::PORT_INVALID,
        "DD_TRACE_AGENT_PORT",
        When::Any,
        "ddtrace 4.16 raises; dd-trace-js 5.132 takes its default; dd-trace-go 2.0.0 accepts it",
    ),
    (
        lint::LOOKS_FALSE,
        "DD_TRACE_ENABLED",
        When::Is(&["off"]),
        "ddtrace 4.16 takes it for false; dd-trace-go 2.0.0 warns and takes it for true",
    ),
    (
        lint::EMPTY_IS_NOT_UNSET,
        "DD_SERVICE",
        When::Empty,
        "ddtrace 4.16 takes the empty name; dd-trace-js 5.132 takes its default name; dd-trace-go 2.0.0 takes it as unset",
    ),
];

/// Values that are fine for dd-trace-cpp and that others read differently: what they do, for TC206.
pub(crate) const RATE_NOT_APPLIED: &str =
    "ddtrace 4.16 lists DD_TRACE_SAMPLE_RATE and does not apply it; dd-trace-js 5.132 and dd-trace-go 2.0.0 apply it";
pub(crate) const BLANK_AFTER_COMMA: &str = "dd-trace-go 2.0.0 drops every style that follows a blank";
pub(crate) const BLANK_ONLY: &str = "ddtrace 4.16 knows no such style and has none left; dd-trace-js 5.132 and dd-trace-go 2.0.0 fall back to their defaults";
pub(crate) const HOST_IN_BRACKETS: &str = "dd-trace-go 2.0.0 puts a second pair of brackets around it";
pub(crate) const SPAN_RULE_FITS_ALL: &str = "ddtrace 4.16 logs and refuses a span rule without service and name";

/// Adds to a finding what other tracers do with the value.
pub(crate) fn of(finding: Finding, value: &str) -> Finding {
    let row = ROWS.iter().find(|(code, about, when, _)| {
        let fits = match when {
            When::Any => true,
            When::Empty => value.is_empty(),
            When::Is(texts) => texts.iter().any(|text| value.eq_ignore_ascii_case(text)),
        };
        *code == finding.code() && (*about == "*" || *about == finding.about) && fits
    });
    match row {
        Some((.., effect)) => finding.effect(*effect),
        None => finding,
    }
}
