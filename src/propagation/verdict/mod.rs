//! What each real tracer does with a header set: continue the trace, continue it without a parent, start a new one,
//! or fail.
//!
//! A tracer is data: the order of its styles in `profiles.rs`, and one table of quirks in `tracers.rs`, which one
//! reader per header family interprets. Every quirk was found by running the implementation. [`judge`] answers for one
//! of the [`profiles()`], and [`select`] finds them by name.
//!
//! ```
//! use spanglass::http::Headers;
//! use spanglass::propagation::verdict::{Outcome, judge, select};
//!
//! let mut headers = Headers::default();
//! headers.push("traceparent", "00-640CFD8D00000000ABCDEFAB12345678-000000003ade68b1-01");
//! let outcome = |tracer| judge(select(tracer).expect("a known tracer")[0], &headers).outcome;
//! assert_eq!(outcome("dd-trace-js"), Outcome::Continue);
//! assert_eq!(outcome("otel-python"), Outcome::Restart);
//! ```

mod b3;
mod causes;
mod compose;
mod datadog;
mod delivery;
mod faults;
mod found;
mod grammar;
mod jaeger;
mod number;
mod profiles;
mod quirks;
mod select;
mod traceparent;
mod tracers;
mod tracestate;
mod vendor;

pub use select::{UnknownTracer, select};

use crate::context::PropagationStyle;
use crate::http::Headers;
use crate::id::{SpanId, TraceId};
use delivery::Delivered;
use std::fmt;

/// A tracer in one version and configuration.
#[derive(Debug)]
pub struct Profile {
    /// The name of the configuration: `dd-trace-py`, or `dd-trace-py[tracecontext,datadog]`.
    pub key: &'static str,
    /// The tracer: `dd-trace-py`.
    pub tracer: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it reads, in order.
    pub styles: &'static [Style],
    /// How its quirks are known.
    pub evidence: Evidence,
    quirks: &'static quirks::Quirks,
}

/// Where the knowledge about a tracer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// It was run.
    Run,
    /// A step of it was read in its source, not run.
    Read,
}

impl Evidence {
    /// `run` or `read`.
    pub fn name(self) -> &'static str {
        match self {
            Evidence::Run => "run",
            Evidence::Read => "read",
        }
    }
}

/// What a tracer reads: a style that can be configured, or the header of one vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// A style of the toolkit's own.
    Known(PropagationStyle),
    /// `elastic-apm-traceparent`.
    ElasticLegacy,
    /// `sentry-trace`.
    Sentry,
}

impl Style {
    /// `tracecontext`, `sentry`, ...
    pub fn name(self) -> &'static str {
        match self {
            Style::Known(style) => style.name(),
            Style::ElasticLegacy => "elastic",
            Style::Sentry => "sentry",
        }
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What becomes of the incoming trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Trace and parent are taken over.
    Continue,
    /// The trace is taken over, and has no parent.
    ContinueNoParent,
    /// A new trace.
    Restart,
    /// Extraction raises or returns an error; integrations then start a new trace.
    Drop,
}

impl Outcome {
    /// `continue`, `continue-no-parent`, `restart` or `drop`.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Continue => "continue",
            Outcome::ContinueNoParent => "continue-no-parent",
            Outcome::Restart => "restart",
            Outcome::Drop => "drop",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The code of a finding that made a tracer do what it does.
pub type Cause = &'static str;

/// What a tracer does with a header set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of the trace.
    pub outcome: Outcome,
    /// The style that supplied the trace id.
    pub style: Option<Style>,
    /// The trace id of the new span, when it is taken over. Some tracers take over zero.
    pub trace_id: Option<TraceId>,
    /// The parent of the new span.
    pub parent_id: Option<SpanId>,
    /// The decision taken over; `None` when the tracer samples by itself.
    pub sampled: Option<bool>,
    /// A text taken over as trace id though it is none.
    pub raw_trace_id: Option<String>,
    /// A text taken over as parent id though it is none.
    pub raw_parent_id: Option<String>,
    /// The findings that decided, in the order in which they did. Empty when nothing stood in the way.
    pub because: Vec<Cause>,
}

/// Every known tracer and configuration.
pub fn profiles() -> &'static [Profile] {
    &profiles::PROFILES
}

/// What the tracer does with the headers.
pub fn judge(profile: &Profile, headers: &Headers) -> Verdict {
    let delivered = Delivered { headers, rule: &profile.quirks.delivery };
    let mut verdict = compose::verdict(profile, &delivered);
    if verdict.style.is_none() {
        faults::unread(profile, &delivered, &mut verdict.because);
    }
    verdict
}

/// Adds a cause that is not there yet.
fn note(causes: &mut Vec<Cause>, cause: Cause) {
    if !causes.contains(&cause) {
        causes.push(cause);
    }
}
