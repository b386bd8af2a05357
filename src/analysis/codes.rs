//! Findings of expectations: what somebody said must hold for a capture, and does not.

crate::diagnostic::codes! {
    ASSERTION_FAILED "A001" "assertion-failed" Error "an assertion does not hold";
    SNAPSHOT_DIFFERS "A002" "snapshot-differs" Error "a trace is not that of the snapshot";
}
