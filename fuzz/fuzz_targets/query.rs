//! Queries and assertions: whatever is typed is read or refused, and what is read judges any span.
//!
//! The text is read as a query and as an assertion, over a span that has something of every kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spanglass::analysis::Assertion;
use spanglass::diagnostic::Diagnostics;
use spanglass::id::TraceId;
use spanglass::query::{Absence, Query};
use spanglass::trace::{Batch, Trace};
use spanglass::tree::TraceTree;
use spanglass::wire::{self, Options, Protocol};

const BODY: &[u8] = br#"[[{"trace_id":1,"span_id":2,"parent_id":0,"service":"web","name":"web.request","resource":"GET /a","type":"web",
"start":1795168000000000000,"duration":5000000,"error":1,"meta":{"http.status_code":"200","error.message":"boom"},"metrics":{"n":1.5}},
{"trace_id":1,"span_id":3,"parent_id":2,"service":"db","name":"db.query","resource":"SELECT 1","start":1795168000000000000,"duration":5}]]"#;

fuzz_target!(|text: &str| {
    let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
    wire::decode(Protocol::V04Json, BODY, &Options::default(), &mut batch, &mut found.body(0));
    let payload = batch.view(BODY);
    match Query::parse(text) {
        Ok(query) => {
            let mut absence = Absence::of(&query);
            let any = payload.spans().fold(false, |any, span| {
                absence.see(span);
                any | query.matches(span)
            });
            let _ = (absence.to_string(), query.keys(), query.text(), any);
        }
        Err(error) => {
            let columns = text.chars().count() + 1;
            assert!((1..=columns).contains(&error.column), "column {} of {columns}: {error}", error.column);
        }
    }
    if let Ok(mut assertion) = Assertion::parse(text) {
        let trace = Trace::of(TraceId(1), vec![payload], &[None]);
        assertion.see(&TraceTree::of(&trace));
        let _ = (assertion.broken(), assertion.keys());
    }
});
