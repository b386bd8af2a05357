//! What is legal and surprising (config.md section 11): TC2xx values, TC3xx agent, TC4xx styles, TC5xx sampling, TC6xx
//! identity and tags, TC7xx Datadog beside OpenTelemetry.
//!
//! A check looks at the target as it is written and at what was settled; it is silent about settings that an error or an
//! unresolved variable decides.

mod agent;
mod identity;
mod otel;
mod sampling;
mod styles;
mod values;

pub(super) use otel::check as counterparts;

use super::datadog::Settled;
use super::{Entry, Finding, Origin, Profile, Setting, Target};
use crate::diagnostic::{Code, Place, Severity};
use std::ops::Range;

/// Reports on a target that was settled for dd-trace-cpp.
pub(super) fn check(target: &Target, settled: &Settled, out: &mut Vec<Finding>) {
    values::check(target, settled, out);
    agent::check(target, settled, out);
    styles::check(target, settled, out);
    sampling::check(target, settled, out);
    identity::check(target, settled, out);
    otel::check(Profile::DdTraceCpp, target, out);
}

/// Whether an error about a variable is among the findings so far; what follows from its value is then not reported.
fn refused(found: &[Finding], name: &str) -> bool {
    let error = |finding: &Finding| finding.severity() == Severity::Error || finding.substituted;
    found.iter().any(|finding| finding.about == name && error(finding))
}

/// A finding about a variable, at its whole value.
fn about(entry: &Entry, code: Code, message: impl Into<String>) -> Finding {
    Finding::new(code, &entry.name, message).at(entry.place_of(0..entry.value.len()))
}

/// A finding about a variable, at a part of its value.
fn about_part(entry: &Entry, at: Range<usize>, code: Code, message: impl Into<String>) -> Finding {
    Finding::new(code, &entry.name, message).at(entry.place_of(at))
}

/// A finding about a setting, at what gave it; a built-in value is called by its key.
fn about_setting<T>(key: &str, setting: &Setting<T>, code: Code, message: impl Into<String>) -> Finding {
    let name = if setting.origin == Origin::Default { key } else { &setting.from };
    Finding::new(code, name, message).at(setting.place.clone())
}

/// The place of a part of what gave a setting, when that is a variable.
fn part_of<T>(target: &Target, setting: &Setting<T>, at: Range<usize>) -> Option<Place> {
    match target.get(&setting.from).filter(|_| setting.origin == Origin::Env) {
        Some(entry) => entry.place_of(at),
        None => setting.place.clone(),
    }
}

/// Code-level settings that are set, by dotted key.
fn code_place(target: &Target, key: &str) -> Option<Place> {
    let mut node = target.code.as_ref()?;
    for part in key.split('.') {
        node = node.get(part)?;
    }
    Some(node.place())
}
