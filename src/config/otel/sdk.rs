//! Where SDKs do something else than the specification with the same value (config.md section 6.3), as data.
//!
//! Observed by running opentelemetry-python 1.36; opentelemetry-go 1.43 from its source.

/// What is special about a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Set and empty, or white space.
    Blank,
    /// An item that is not known.
    Unknown,
    /// Letters in upper case.
    UpperCase,
    /// `none` beside others.
    NoneCombined,
    /// A ratio outside 0 to 1.
    RatioRange,
    /// A ratio that is not a number: `nan`.
    RatioNan,
    /// A number below the minimum.
    TooSmall,
    /// Text where a number belongs.
    NotANumber,
    /// A batch over the queue's size.
    OverQueue,
    /// A timeout that is valid.
    Milliseconds,
    /// An endpoint without scheme.
    NoScheme,
    /// Some entry is malformed.
    Malformed,
}

const TIMEOUTS: &[&str] = &["OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"];
const ENDPOINTS: &[&str] = &["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
const COMPRESSIONS: &[&str] = &["OTEL_EXPORTER_OTLP_COMPRESSION", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"];

const PYTHON_RAISES: &str = "opentelemetry-python raises and the program does not start";

const DIFFERENCES: &[(&[&str], When, &str)] = &[
    (
        &["OTEL_TRACES_SAMPLER_ARG"],
        When::RatioRange,
        "opentelemetry-python raises; opentelemetry-go warns and takes 1.0",
    ),
    (&["OTEL_TRACES_SAMPLER_ARG"], When::RatioNan, "opentelemetry-python raises; opentelemetry-go accepts it"),
    (&["OTEL_PROPAGATORS"], When::Blank, PYTHON_RAISES),
    (&["OTEL_PROPAGATORS"], When::Unknown, PYTHON_RAISES),
    (&["OTEL_PROPAGATORS"], When::UpperCase, PYTHON_RAISES),
    (&["OTEL_PROPAGATORS"], When::NoneCombined, "opentelemetry-python disables all propagators"),
    (&["OTEL_BSP_MAX_QUEUE_SIZE"], When::TooSmall, PYTHON_RAISES),
    (&["OTEL_BSP_MAX_QUEUE_SIZE"], When::OverQueue, PYTHON_RAISES),
    (&["OTEL_BSP_SCHEDULE_DELAY"], When::Blank, "opentelemetry-python logs a stack trace and takes the default"),
    (TIMEOUTS, When::Milliseconds, "opentelemetry-python reads seconds, a thousand times as long"),
    (TIMEOUTS, When::NotANumber, "opentelemetry-python raises; opentelemetry-go logs it and goes on"),
    (COMPRESSIONS, When::Unknown, "opentelemetry-python raises; opentelemetry-go logs it and does not compress"),
    (
        ENDPOINTS,
        When::NoScheme,
        "opentelemetry-python posts to it as it is; opentelemetry-go is left with an empty host",
    ),
    (
        &["OTEL_RESOURCE_ATTRIBUTES"],
        When::Malformed,
        "opentelemetry-python and opentelemetry-go keep the entries that are well formed",
    ),
    (&["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"], When::TooSmall, PYTHON_RAISES),
];

/// What a major SDK does with such a value of `variable`, when it is not what the specification says.
pub fn effect(variable: &str, when: When) -> Option<&'static str> {
    let fits = |row: &&(&[&str], When, &str)| row.1 == when && row.0.contains(&variable);
    DIFFERENCES.iter().find(fits).map(|row| row.2)
}
