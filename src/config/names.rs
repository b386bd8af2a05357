//! Names of variables (config.md section 5): unknown, misspelt, deprecated, not read here. For every profile.

use super::{Finding, Profile, Target};

/// Reports on the names of a target's variables.
pub(super) fn check(_profile: Profile, _target: &Target, _out: &mut Vec<Finding>) {}
