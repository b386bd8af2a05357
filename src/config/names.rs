//! Names of variables (config.md section 5): unknown, misspelt, deprecated, not read by the profile. For every profile.

use super::codes::lint;
use super::finding::Findings;
use super::registry::{self, Readers, Variable};
use super::{Entry, Finding, Profile, Target};
use crate::diagnostic::Place;
use std::collections::BTreeSet;

/// Names of unknown variables for which a similar known one is looked for; a target with more of them is no environment
/// that a person wrote.
const SUGGESTED: usize = 200;

/// Whether a process of the profile reads a known variable.
pub(super) fn reads(profile: Profile, variable: &Variable) -> bool {
    let mapped = variable.readers.any_of(Readers::OTEL) && variable.counterpart().next().is_some();
    match profile {
        Profile::DdTraceCpp => variable.cpp_reads(),
        Profile::Otel | Profile::Flowbot | Profile::Codeq => variable.readers.any_of(Readers::OTEL),
        Profile::Xmtpd => variable.readers.any_of(Readers::GO) || mapped,
    }
}

/// The place of a variable's name; of the process environment, where names have none, that of its value.
pub(super) fn place_of_name(entry: &Entry) -> Option<Place> {
    entry.name_place.clone().or_else(|| entry.place_of(0..entry.value.len()))
}

/// Reports on the names of a target's variables, each once, and a bounded number of each code.
pub(super) fn check(profile: Profile, target: &Target, out: &mut Vec<Finding>) {
    let mut found = Findings::default();
    let mut seen = BTreeSet::new();
    let mut suggested = 0;
    for entry in &target.env {
        let name = entry.name.as_str();
        if !seen.insert(name) {
            continue;
        }
        if let Some(variable) = registry::find(name) {
            known(profile, entry, &variable, &mut found);
        } else if let Some(what) = registry::family(name) {
            // For dd-trace-cpp every OTEL variable is TC702.
            if !(name.starts_with("OTEL_")) {
                let message = format!("{name} is not read by {}: it is {what}", profile.name());
                found.push(Finding::new(lint::NOT_READ_HERE, name, message).at(place_of_name(entry)));
            }
        } else {
            unknown(profile, entry, suggested < SUGGESTED, &mut found);
            suggested += 1;
        }
    }
    if profile != Profile::DdTraceCpp {
        aliases_together(profile, target, &mut found);
    }
    out.extend(found.finish());
}

fn known(profile: Profile, entry: &Entry, variable: &Variable, out: &mut Findings) {
    let (name, reads_it) = (variable.name, reads(profile, variable));
    let is_otel = variable.readers.any_of(Readers::OTEL);
    if profile == Profile::DdTraceCpp && variable.readers.any_of(Readers::CPP) && !reads_it {
        let code = match name {
            "DD_TRACE_REPORT_HOSTNAME" => "set report_hostname in code",
            "DD_TRACE_TAGS_PROPAGATION_MAX_LENGTH" => "set max_tags_header_size in code",
            _ => "remove it",
        };
        let message = format!("{name} is registered by dd-trace-cpp 2.2.1 and never read");
        out.push(Finding::new(lint::NEVER_READ, name, message).at(place_of_name(entry)).help(code));
        return;
    }
    // An OTEL variable is TC702 for dd-trace-cpp; what the otel profile thinks of old names is TC814.
    if is_otel && (profile == Profile::DdTraceCpp || reads_it) {
        return;
    }
    let instead = variable.use_instead().or_else(|| {
        variable.alias_of().find(|other| registry::find(other).is_some_and(|other| reads(profile, &other)))
    });
    let renamed = variable.deprecated() || (!reads_it && instead.is_some());
    if renamed {
        let why = if variable.why.is_empty() { "another name of it" } else { variable.why };
        let message = match instead {
            Some(instead) => format!("{name} is an old or other name of {instead} ({why})"),
            None => format!("{name} is deprecated ({why})"),
        };
        let mut finding = Finding::new(lint::DEPRECATED_NAME, name, message).at(place_of_name(entry));
        if let Some(instead) = instead {
            finding = finding.suggest(instead).help(format!("rename it to {instead}"));
            if entry.name_place.is_some() {
                finding = finding.replacement(instead);
            }
        }
        out.push(finding);
    }
    if !reads_it {
        let readers = listed(variable.readers);
        let message = format!(
            "{name} is not read by {}; {readers} {}",
            profile.name(),
            if variable.readers.names().count() == 1 { "reads it" } else { "read it" }
        );
        let finding = Finding::new(lint::NOT_READ_HERE, name, message).at(place_of_name(entry));
        out.push(match variable.readers == Readers::AGENT {
            true => finding.help("set it on the Agent, not on the traced process"),
            false => finding,
        });
    }
}

/// `a, b and c`.
fn listed(readers: Readers) -> String {
    let names: Vec<&str> = readers.names().collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "nobody".to_owned(),
    }
}

fn unknown(profile: Profile, entry: &Entry, suggest: bool, out: &mut Findings) {
    let name = entry.name.as_str();
    if registry::injected_by_kubernetes(name) {
        return;
    }
    let meant = registry::normalised(name);
    if meant != name && (registry::find(&meant).is_some() || registry::family(&meant).is_some()) {
        let message = format!("{name} is not read: the variable is called {meant}");
        let finding = Finding::new(lint::NAME_SPELLING, name, message).at(place_of_name(entry));
        out.push(renaming(finding, entry, &meant));
        return;
    }
    if !["DD_", "OTEL_", "DATADOG_"].iter().any(|start| name.starts_with(start)) {
        return;
    }
    let near = if suggest { registry::suggestion(name, |variable| reads(profile, variable)) } else { None };
    let message = format!("{name} is read by no tracer that is known here, nor by the Agent or OpenTelemetry");
    let finding = Finding::new(lint::UNKNOWN_VARIABLE, name, message).at(place_of_name(entry));
    out.push(match near {
        Some(near) => renaming(finding, entry, near),
        None => finding.help("remove it, or rename it if it is your own"),
    });
}

fn renaming(finding: Finding, entry: &Entry, name: &str) -> Finding {
    let finding = finding.suggest(name).help(format!("did you mean {name}?"));
    if entry.name_place.is_some() { finding.replacement(name) } else { finding }
}

/// Two names of one setting, both read: which of them wins is up to the tracer.
fn aliases_together(profile: Profile, target: &Target, out: &mut Findings) {
    let mut seen = BTreeSet::new();
    for entry in &target.env {
        // The generic list of styles is listed as an alias of the specific ones and is a setting of its own.
        let Some(variable) = registry::find(&entry.name)
            .filter(|found| reads(profile, found) && found.name != "DD_TRACE_PROPAGATION_STYLE")
        else {
            continue;
        };
        for other in variable.alias_of() {
            let both = target.get(other).is_some() && registry::find(other).is_some_and(|other| reads(profile, &other));
            if both && seen.insert((variable.name, other)) {
                let message = format!("{} and {other} are two names of one setting, and both are set", variable.name);
                let finding = Finding::new(lint::ALIASES_TOGETHER, variable.name, message).at(place_of_name(entry));
                out.push(finding.overridden_by(other).help(format!("remove {}", variable.name)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(profile: Profile, names: &[&str]) -> Vec<String> {
        let entry = |name: &&str| Entry {
            name: (*name).to_owned(),
            value: "x".to_owned(),
            name_place: None,
            value_place: None,
            verbatim: true,
        };
        let target = Target { env: names.iter().map(entry).collect(), ..Target::default() };
        let mut out = Vec::new();
        check(profile, &target, &mut out);
        out.iter().map(|finding| format!("{} {}", finding.code(), finding.about)).collect()
    }

    #[test]
    fn a_hundred_faults_of_a_kind_are_enough() {
        let names: Vec<String> = (0..5_000).map(|number| format!("DD_NAME_{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(told(Profile::DdTraceCpp, &names).len(), 100);
    }

    #[test]
    fn every_profile_has_names_of_its_own() {
        let names = ["DD_SERVICE", "OTEL_SERVICE_NAME", "DD_TRACE_PROPAGATION_STYLE", "PATH", "OTEL_SERVICE_NAM"];
        assert_eq!(told(Profile::DdTraceCpp, &names), ["TC101 OTEL_SERVICE_NAM"]);
        assert_eq!(told(Profile::Xmtpd, &names), ["TC101 OTEL_SERVICE_NAM"]);
        let otel = ["TC102 DD_SERVICE", "TC102 DD_TRACE_PROPAGATION_STYLE", "TC101 OTEL_SERVICE_NAM"];
        assert_eq!(told(Profile::Otel, &names), otel);
    }

    #[test]
    fn two_names_of_one_setting_are_told_of_where_both_are_read() {
        let names = ["DD_APPSEC_STACK_TRACE_ENABLE", "DD_APPSEC_STACK_TRACE_ENABLED"];
        assert_eq!(told(Profile::Xmtpd, &names), ["TC106 DD_APPSEC_STACK_TRACE_ENABLE"]);
        let styles = ["DD_TRACE_PROPAGATION_STYLE", "DD_TRACE_PROPAGATION_STYLE_EXTRACT"];
        assert!(told(Profile::Xmtpd, &styles).is_empty());
    }
}
