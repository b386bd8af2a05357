//! What is wrong with decoded payloads and with the traces they make (wire.md section 12).
//!
//! Decoding reports what could not be read. The checks here begin where that ends: the bytes were sound, and the
//! question is what a Datadog Agent, a backend or a person will make of them. [`payload`] looks at one request and
//! its spans, [`structure`] at the tree of one trace, wherever its spans came from, and [`profile`] at the conventions of a system.
//!
//! ```
//! use spanglass::{diagnostic::Diagnostics, lint, trace::Batch, wire};
//!
//! let body = b"\x91\x91\x83\xa4name\xa3get\xa8trace_id\x05\xa7span_id\x06";
//! let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
//! wire::decode(wire::Protocol::V04, body, &wire::Options::default(), &mut batch, &mut found.body(0));
//! lint::payload::spans(0, batch.view(body), &lint::payload::Context::default(), &mut found);
//! assert_eq!(found.total_of(lint::codes::SERVICE_EMPTY), 1);
//! ```

pub mod codes;
mod otlp;
pub mod payload;
pub mod profile;
mod site;
pub mod structure;

/// `1 chunk`, `2 chunks`.
fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
