//! The profile flowbot (config.md section 7.2).

use super::{Checked, Mode, ReadFile, Shown, Target};
use serde_json::Value;

/// The configuration with which flowbot would run.
#[derive(Debug)]
#[non_exhaustive]
pub struct FinalizedFlowbotConfig {}

impl FinalizedFlowbotConfig {
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
