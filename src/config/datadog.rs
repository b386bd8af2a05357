//! The profile dd-trace-cpp (config.md section 3).

use super::{Checked, Mode, ReadFile, Shown, Target};
use serde_json::Value;

/// The configuration with which dd-trace-cpp would run.
#[derive(Debug)]
#[non_exhaustive]
pub struct FinalizedTracerConfig {}

impl FinalizedTracerConfig {
    /// The finalized values, as `final` of cli.md section 3.
    pub fn to_json(&self) -> Value {
        Value::Null
    }

    /// Every setting as text, in the order in which they are shown.
    pub fn settings(&self) -> Vec<Shown> {
        Vec::new()
    }
}

/// Finalizes `target`, and reports what is wrong or surprising.
pub fn check(_mode: Mode, _target: &Target, _read: ReadFile<'_>) -> Checked {
    Checked::default()
}
