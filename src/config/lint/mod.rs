//! What is legal and surprising (config.md section 11, TC2xx to TC7xx).

use super::datadog::Settled;
use super::{Finding, Target};

/// Reports on a target that was settled for dd-trace-cpp.
pub(super) fn check(_target: &Target, _settled: &Settled, _out: &mut Vec<Finding>) {}
