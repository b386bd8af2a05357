//! What the targets of whole inputs do with them: all that the commands over captures do, up to the drawing.

use spanglass::capture::pcap::Ports;
use spanglass::capture::{Capture, CaptureLimits};
use spanglass::diagnostic::{Diagnostics, Place};
use spanglass::encoding;
use spanglass::intake::{Intake, Note, Scanned, Settings};
use spanglass::lint::{self, payload::Context};
use spanglass::time::Timestamp;
use spanglass::tree::TraceTree;
use spanglass::wire::{Limits, Options};
use std::io::Cursor;
use std::ops::ControlFlow;

/// Small, so that limits are met.
pub fn limits() -> CaptureLimits {
    CaptureLimits { body: 4096, bare_body: 1 << 20, force: false, ports: Ports::All }
}

/// Reads, checks, draws trees, and looks findings up.
pub fn take_in(capture: Capture<Cursor<&[u8]>>) {
    let encoding = encoding::Limits { decoded: 1 << 20, ..encoding::Limits::default() };
    let mut intake = Intake::new(vec![("input".into(), capture)], Settings { encoding, ..Settings::default() });
    let options = Options { limits: Limits { depth: 40, spans: 1000 }, ..Options::default() };
    let mut found = Diagnostics::default();
    let judge = |_: &mut (), scanned: &Scanned<'_>, found: &mut Diagnostics| {
        let context = Context { now: Some(Timestamp(1_795_168_000_000_000_000)), ..Context::default() };
        lint::payload::request(scanned.number, &scanned.record.request, scanned.protocol, scanned.payload, found);
        lint::payload::spans(scanned.number, scanned.payload, &context, found);
    };
    intake.scan(&options, Note::Places, None, &mut found, judge, |_, _, ()| ControlFlow::Continue(()));
    let counts = intake.counts();
    assert_eq!(counts.read, counts.decoded + counts.skipped);
    let wanted: Vec<usize> = (0..intake.traces().len()).collect();
    let mut drawn = 0;
    let visited = intake.visit(&wanted, &options, |trace, records| {
        let records: Vec<usize> = records.iter().map(|record| *record as usize).collect();
        let tree = TraceTree::of(trace);
        drawn += tree.walk().count() as u64;
        lint::structure::trace(&tree, &records, &mut found);
        ControlFlow::Continue(())
    });
    assert!(visited.is_ok(), "{visited:?}");
    assert_eq!(drawn, counts.spans);
    intake.add_evidence(&mut found);
    for finding in found.iter() {
        if let Some(Place::Body { record, .. }) = finding.place() {
            assert!((*record as u64) < counts.read.max(1), "{finding}");
        }
    }
}
