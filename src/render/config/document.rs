//! The document `spanglass.config/1`.

use super::{Judged, Report, place};
use crate::config::{Finalized, Finding, Mode};
use crate::diagnostic::Severity;
use serde_json::{Map, Value, json};

/// The whole document. Lines and columns count from 1, columns in characters; the end column is that behind the last
/// character.
pub fn document(report: &Report<'_>) -> Value {
    json!({
        "schema": "spanglass.config/1",
        "profile": report.profile.name(),
        "mode": match report.mode {
            Mode::Strict => "strict",
            Mode::Lenient => "lenient",
        },
        "ok": report.ok,
        "targets": report.targets.iter().map(|judged| target(report, judged)).collect::<Vec<_>>(),
    })
}

fn target(report: &Report<'_>, judged: &Judged) -> Value {
    let (errors, others): (Vec<&Finding>, Vec<&Finding>) =
        judged.findings.iter().partition(|finding| finding.severity() == Severity::Error);
    let list = |findings: Vec<&Finding>| findings.into_iter().map(|one| finding(report, one)).collect::<Vec<_>>();
    let origins: Map<String, Value> =
        judged.finalized.iter().flat_map(Finalized::origins).map(|(key, origin)| (key, origin.word().into())).collect();
    json!({
        "name": judged.target.name,
        "ok": judged.ok,
        "final": judged.finalized.as_ref().map_or_else(|| json!({}), Finalized::to_json),
        "origins": origins,
        "errors": list(errors),
        "warnings": list(others),
    })
}

fn finding(report: &Report<'_>, finding: &Finding) -> Value {
    let location = place(report, finding).map(|(file, region)| {
        json!({
            "file": file.display().to_string(),
            "line": region.map(|region| region.line),
            "column": region.map(|region| region.column),
            "end_line": region.map(|region| region.end_line),
            "end_column": region.map(|region| region.end_column),
        })
    });
    json!({
        "code": finding.code().id(),
        "name": finding.code().name(),
        "number": finding.code().number(),
        "severity": severity(finding.severity()),
        "about": finding.about,
        "path": finding.path,
        "message": finding.diagnostic.message(),
        "help": finding.diagnostic.help_text(),
        "effect": finding.effect,
        "suggest": finding.suggest,
        "overridden_by": finding.overridden_by,
        "substituted": finding.substituted,
        "location": location,
    })
}

/// The word for a severity, as configurations have it.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        other => other.word(),
    }
}
