//! Findings: OpenTelemetry variables and files, TC8xx.

crate::diagnostic::codes! {}
