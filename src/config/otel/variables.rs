//! The 87 variables of the OpenTelemetry specification (snapshot 1377f53b2, 2026-08-19) with what their values may be.

use self::Kind::*;

/// What the value of a variable may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true`, in any case, is true; `false` and nothing are false.
    Bool,
    /// Decimal digits.
    Int {
        /// Lowest value.
        min: u64,
        /// Highest value.
        max: u64,
    },
    /// Milliseconds.
    Duration,
    /// Milliseconds, 0 for no limit.
    Timeout,
    /// One of these, in any case.
    Enum(&'static [&'static str]),
    /// Some of these, in any case, separated by commas.
    List(&'static [&'static str]),
    /// `k=v,k=v`, percent-encoded; one fault discards everything.
    Attributes,
    /// `k=v,k=v`, values percent-encoded; a faulty entry is dropped.
    Headers,
    /// A URL.
    Url,
    /// What the sampler takes.
    SamplerArg,
    /// Any text.
    Text,
}

/// A variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// Why it should not be used any more, and what to use.
    pub obsolete: Option<(Option<&'static str>, &'static str)>,
}

const MAX: u64 = i64::MAX as u64;
const PROTOCOLS: &[&str] = &["grpc", "http/protobuf", "http/json"];
const COMPRESSIONS: &[&str] = &["gzip", "none"];

const fn current(name: &'static str, kind: Kind) -> Variable {
    Variable { name, kind, obsolete: None }
}

const fn obsolete(name: &'static str, kind: Kind, instead: Option<&'static str>, why: &'static str) -> Variable {
    Variable { name, kind, obsolete: Some((instead, why)) }
}

/// Values that still work and should be replaced.
pub const DEPRECATED_VALUES: &[(&str, &str, &str)] = &[
    ("OTEL_TRACES_EXPORTER", "zipkin", "otlp"),
    ("OTEL_TRACES_EXPORTER", "logging", "console"),
    ("OTEL_METRICS_EXPORTER", "logging", "console"),
    ("OTEL_LOGS_EXPORTER", "logging", "console"),
];

/// Every variable, in the order of the specification.
pub const VARIABLES: &[Variable] = &[
    current("OTEL_SDK_DISABLED", Bool),
    current("OTEL_ENTITIES", Text),
    current("OTEL_RESOURCE_ATTRIBUTES", Attributes),
    current("OTEL_SERVICE_NAME", Text),
    current("OTEL_LOG_LEVEL", Enum(&["debug", "info", "warn", "error", "none"])),
    current(
        "OTEL_PROPAGATORS",
        List(&["tracecontext", "baggage", "b3", "b3multi", "jaeger", "xray", "ottrace", "none"]),
    ),
    current(
        "OTEL_TRACES_SAMPLER",
        Enum(&[
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
            "jaeger_remote",
            "parentbased_jaeger_remote",
            "xray",
        ]),
    ),
    current("OTEL_TRACES_SAMPLER_ARG", SamplerArg),
    current("OTEL_TRACES_EXPORTER", List(&["otlp", "zipkin", "console", "logging", "none", "otlp/stdout"])),
    current("OTEL_METRICS_EXPORTER", List(&["otlp", "prometheus", "console", "logging", "none", "otlp/stdout"])),
    current("OTEL_LOGS_EXPORTER", List(&["otlp", "console", "logging", "none", "otlp/stdout"])),
    current("OTEL_BSP_SCHEDULE_DELAY", Duration),
    current("OTEL_BSP_EXPORT_TIMEOUT", Timeout),
    current("OTEL_BSP_MAX_QUEUE_SIZE", Int { min: 1, max: MAX }),
    current("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", Int { min: 1, max: MAX }),
    current("OTEL_BLRP_SCHEDULE_DELAY", Duration),
    current("OTEL_BLRP_EXPORT_TIMEOUT", Timeout),
    current("OTEL_BLRP_MAX_QUEUE_SIZE", Int { min: 1, max: MAX }),
    current("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", Int { min: 1, max: MAX }),
    current("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", Int { min: 0, max: MAX }),
    current("OTEL_ATTRIBUTE_COUNT_LIMIT", Int { min: 0, max: MAX }),
    current("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", Int { min: 0, max: MAX }),
    current("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", Int { min: 0, max: MAX }),
    current("OTEL_SPAN_EVENT_COUNT_LIMIT", Int { min: 0, max: MAX }),
    current("OTEL_SPAN_LINK_COUNT_LIMIT", Int { min: 0, max: MAX }),
    current("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", Int { min: 0, max: MAX }),
    current("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", Int { min: 0, max: MAX }),
    current("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", Int { min: 0, max: MAX }),
    current("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", Int { min: 0, max: MAX }),
    current("OTEL_EXPORTER_OTLP_ENDPOINT", Url),
    current("OTEL_EXPORTER_OTLP_INSECURE", Bool),
    current("OTEL_EXPORTER_OTLP_CERTIFICATE", Text),
    current("OTEL_EXPORTER_OTLP_CLIENT_KEY", Text),
    current("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", Text),
    current("OTEL_EXPORTER_OTLP_HEADERS", Headers),
    current("OTEL_EXPORTER_OTLP_COMPRESSION", Enum(COMPRESSIONS)),
    current("OTEL_EXPORTER_OTLP_TIMEOUT", Timeout),
    current("OTEL_EXPORTER_OTLP_PROTOCOL", Enum(PROTOCOLS)),
    current("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", Url),
    current("OTEL_EXPORTER_OTLP_TRACES_INSECURE", Bool),
    current("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", Text),
    current("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", Text),
    current("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", Text),
    current("OTEL_EXPORTER_OTLP_TRACES_HEADERS", Headers),
    current("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", Enum(COMPRESSIONS)),
    current("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", Timeout),
    current("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", Enum(PROTOCOLS)),
    current("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", Url),
    current("OTEL_EXPORTER_OTLP_METRICS_INSECURE", Bool),
    current("OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", Text),
    current("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", Text),
    current("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", Text),
    current("OTEL_EXPORTER_OTLP_METRICS_HEADERS", Headers),
    current("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", Enum(COMPRESSIONS)),
    current("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", Timeout),
    current("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", Enum(PROTOCOLS)),
    current("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", Url),
    current("OTEL_EXPORTER_OTLP_LOGS_INSECURE", Bool),
    current("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", Text),
    current("OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", Text),
    current("OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", Text),
    current("OTEL_EXPORTER_OTLP_LOGS_HEADERS", Headers),
    current("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", Enum(COMPRESSIONS)),
    current("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", Timeout),
    current("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", Enum(PROTOCOLS)),
    current("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", Enum(&["cumulative", "delta", "lowmemory"])),
    current(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        Enum(&["explicit_bucket_histogram", "base2_exponential_bucket_histogram"]),
    ),
    obsolete("OTEL_EXPORTER_OTLP_SPAN_INSECURE", Bool, Some("OTEL_EXPORTER_OTLP_TRACES_INSECURE"), "obsolete spelling"),
    obsolete(
        "OTEL_EXPORTER_OTLP_METRIC_INSECURE",
        Bool,
        Some("OTEL_EXPORTER_OTLP_METRICS_INSECURE"),
        "obsolete spelling",
    ),
    obsolete(
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
        Url,
        Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        "the Zipkin exporter is deprecated",
    ),
    obsolete(
        "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
        Timeout,
        Some("OTEL_EXPORTER_OTLP_TIMEOUT"),
        "the Zipkin exporter is deprecated",
    ),
    obsolete("OTEL_EXPORTER_ZIPKIN_PROTOCOL", Text, None, "reserved, never specified"),
    obsolete(
        "OTEL_EXPORTER_JAEGER_AGENT_HOST",
        Text,
        Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        "the Jaeger exporter was removed from the specification",
    ),
    obsolete(
        "OTEL_EXPORTER_JAEGER_AGENT_PORT",
        Int { min: 0, max: MAX },
        Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        "the Jaeger exporter was removed from the specification",
    ),
    obsolete(
        "OTEL_EXPORTER_JAEGER_ENDPOINT",
        Url,
        Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        "the Jaeger exporter was removed from the specification",
    ),
    obsolete(
        "OTEL_EXPORTER_JAEGER_PROTOCOL",
        Text,
        Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        "the Jaeger exporter was removed from the specification",
    ),
    obsolete(
        "OTEL_EXPORTER_JAEGER_TIMEOUT",
        Timeout,
        Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        "the Jaeger exporter was removed from the specification",
    ),
    obsolete(
        "OTEL_EXPORTER_JAEGER_USER",
        Text,
        Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        "the Jaeger exporter was removed from the specification",
    ),
    obsolete(
        "OTEL_EXPORTER_JAEGER_PASSWORD",
        Text,
        Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        "the Jaeger exporter was removed from the specification",
    ),
    current("OTEL_EXPORTER_PROMETHEUS_HOST", Text),
    current("OTEL_EXPORTER_PROMETHEUS_PORT", Int { min: 0, max: 65535 }),
    current("OTEL_METRICS_EXEMPLAR_FILTER", Enum(&["always_on", "always_off", "trace_based"])),
    current("OTEL_METRIC_EXPORT_INTERVAL", Duration),
    current("OTEL_METRIC_EXPORT_TIMEOUT", Timeout),
    current("OTEL_CONFIG_FILE", Text),
    obsolete("OTEL_EXPERIMENTAL_CONFIG_FILE", Text, Some("OTEL_CONFIG_FILE"), "renamed on stabilisation"),
    current("OTEL_SEMCONV_STABILITY_OPT_IN", Text),
];
