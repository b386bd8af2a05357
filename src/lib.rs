//! Trace inspection: propagation headers, agent payloads, captures, trees and their drawing. The binary `spanglass` is the command line over this library.
//!
//! Modules stand on floors and name only modules of lower floors; `tests/floors.rs` holds them to it.
//!
//! | floor | modules | what |
//! |---|---|---|
//! | 7 surface | `agent`, `render` | HTTP in and out, text and JSON out |
//! | 6 judgement | [`analysis`], [`lint`] | what the trees mean, what is wrong with them |
//! | 5 assembly | [`intake`], [`query`], [`rewrite`], [`sampling`], [`synth`], [`tree`] | records become traces, traces become trees; chosen, changed, made up; kept or dropped |
//! | 4 formats | [`capture`], [`config`], [`propagation`], [`wire`] | bytes to records, settings, contexts, spans |
//! | 3 model | [`trace`] | spans, payloads, trace sets |
//! | 2 vocabulary | [`context`], [`encoding`], [`endpoint`], [`rule`] | propagated context, content encodings, addresses, sampling rules |
//! | 1 findings | [`diagnostic`] | codes, severities, places |
//! | 0 values | [`http`], [`id`], [`time`] | plain data |
//!
//! The core reads no environment, clock, randomness or terminal: callers pass those in.
//!
//! ```
//! use spanglass::{diagnostic::Diagnostics, trace::Batch, wire};
//!
//! let body = b"\x91\x91\x83\xa4name\xa3get\xa8trace_id\x05\xa7span_id\x06";
//! let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
//! wire::decode(wire::Protocol::V04, body, &wire::Options::default(), &mut batch, &mut found.body(0));
//! let span = batch.view(body).spans().next().expect("one span");
//! assert_eq!((span.name(), span.span_id().to_string().as_str()), ("get", "0000000000000006"));
//! ```
#![forbid(unsafe_code)]

#[cfg(feature = "agent")]
pub mod agent;
pub mod analysis;
pub mod capture;
pub mod config;
pub mod context;
pub mod diagnostic;
pub mod encoding;
pub mod endpoint;
pub mod http;
pub mod id;
pub mod intake;
pub mod lint;
pub mod propagation;
pub mod query;
#[cfg(feature = "render")]
pub mod render;
pub mod rewrite;
pub mod rule;
pub mod sampling;
pub mod synth;
pub mod time;
pub mod trace;
pub mod tree;
pub mod wire;

/// Every code that this version can report, in the order of the catalogue.
pub fn codes() -> Vec<diagnostic::Code> {
    [
        wire::codes::ALL,
        encoding::codes::ALL,
        capture::codes::ALL,
        propagation::codes::ALL,
        lint::codes::ALL,
        lint::profile::codes::ALL,
        analysis::codes::ALL,
        config::codes::tracer::ALL,
        config::codes::forms::ALL,
        config::codes::lint::ALL,
        config::codes::otel::ALL,
        config::codes::seeds::ALL,
    ]
    .concat()
}
