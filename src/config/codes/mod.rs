//! Findings on configurations (config.md sections 4 and 11), by who raises them.

pub mod forms;
pub mod lint;
pub mod otel;
pub mod seeds;
pub mod tracer;
