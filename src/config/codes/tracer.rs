//! Findings: dd-trace-cpp's own errors, with its permanent names and numbers.

crate::diagnostic::codes! {}
