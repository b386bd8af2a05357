//! Findings: reading inputs, TC0xx.

crate::diagnostic::codes! {}
