//! What travels between services: the propagated context, in the vocabulary of every style.

use std::fmt;

/// A way of writing a trace context into headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PropagationStyle {
    /// `x-datadog-*` headers.
    Datadog,
    /// W3C `traceparent` and `tracestate`.
    TraceContext,
    /// `x-b3-*` headers.
    B3Multi,
    /// The single `b3` header.
    B3,
    /// W3C `baggage`.
    Baggage,
    /// Nothing.
    None,
    /// `uber-trace-id`.
    Jaeger,
    /// `x-amzn-trace-id`.
    XRay,
    /// `x-cloud-trace-context`.
    Gcp,
    /// `ot-tracer-*`.
    OtTrace,
    /// SkyWalking's `sw8`.
    Sw8,
}

impl PropagationStyle {
    /// Every style, in the order in which those present are tried by default.
    pub const ALL: [PropagationStyle; 11] = [
        PropagationStyle::Datadog,
        PropagationStyle::TraceContext,
        PropagationStyle::B3Multi,
        PropagationStyle::B3,
        PropagationStyle::Baggage,
        PropagationStyle::None,
        PropagationStyle::Jaeger,
        PropagationStyle::XRay,
        PropagationStyle::Gcp,
        PropagationStyle::OtTrace,
        PropagationStyle::Sw8,
    ];

    /// The name used in configuration and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            PropagationStyle::Datadog => "datadog",
            PropagationStyle::TraceContext => "tracecontext",
            PropagationStyle::B3Multi => "b3multi",
            PropagationStyle::B3 => "b3",
            PropagationStyle::Baggage => "baggage",
            PropagationStyle::None => "none",
            PropagationStyle::Jaeger => "jaeger",
            PropagationStyle::XRay => "xray",
            PropagationStyle::Gcp => "gcp",
            PropagationStyle::OtTrace => "ottrace",
            PropagationStyle::Sw8 => "sw8",
        }
    }

    /// The style of that name.
    pub fn from_name(name: &str) -> Option<PropagationStyle> {
        PropagationStyle::ALL.into_iter().find(|style| style.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for PropagationStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
