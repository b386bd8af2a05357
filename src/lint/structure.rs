//! Stub.
use crate::diagnostic::{Code, Diagnostics};
use crate::id::SpanId;
use crate::tree::TraceTree;

/// Checks the tree of one trace.
pub fn trace(_: &TraceTree<'_, '_>, _: &[usize], _: &mut Diagnostics) {}

/// The T codes of one trace.
pub fn anomalies(_: &TraceTree<'_, '_>) -> Vec<(Code, SpanId)> {
    Vec::new()
}
