//! TC2xx: values that mean something else than they seem to.

use super::{about, about_part, about_setting, refused};
use crate::config::codes::lint;
use crate::config::datadog::{Settled, known_behavior};
use crate::config::effect;
use crate::config::parse;
use crate::config::registry;
use crate::config::secret::masked;
use crate::config::{Entry, Finding, Setting, Target};

/// Variables of which an empty value is the same as none.
const EMPTY_IS_UNSET: [&str; 4] =
    ["DD_TRACE_AGENT_URL", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT", "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT"];

pub(super) fn check(target: &Target, settled: &Settled, out: &mut Vec<Finding>) {
    for variable in registry::read_by_cpp() {
        let Some(entry) = target.get(variable.name) else {
            continue;
        };
        // The lists of other tracers are merged in; these are the types of dd-trace-cpp.
        let kind = match variable.name {
            "DD_TRACE_RATE_LIMIT" | "DD_TELEMETRY_EXTENDED_HEARTBEAT_INTERVAL" => "decimal",
            "DD_TRACE_AGENT_PORT" => "string",
            _ => variable.kind,
        };
        if entry.value.is_empty() {
            empty(entry, kind, out);
            continue;
        }
        if matches!(kind, "boolean" | "int" | "decimal" | "string") {
            blanks(entry, kind, out);
        }
        if kind == "boolean" {
            boolean(entry, out);
        }
        if !refused(out, variable.name) {
            portable(entry, kind, out);
        }
    }
    behavior(target, out);
    unused(target, settled, out);
    intervals(settled, out);
}

fn empty(entry: &Entry, kind: &str, out: &mut Vec<Finding>) {
    let name = entry.name.as_str();
    if EMPTY_IS_UNSET.contains(&name) {
        return;
    }
    let what = match (kind, name) {
        ("boolean", _) => "which counts as true",
        ("map", _) => "which clears the tags that code sets",
        (_, "DD_SPAN_SAMPLING_RULES_FILE") => "which is the name of no file",
        ("string", _) => "which is used as the value",
        _ => "which is refused",
    };
    let message = format!("{name} is set to the empty text, {what}; it is not the same as unset");
    let finding = about(entry, lint::EMPTY_IS_NOT_UNSET, message);
    out.push(effect::of(finding.help(format!("unset {name}, or give it a value")), &entry.value));
}

/// White space around a value is a part of it.
fn blanks(entry: &Entry, kind: &str, out: &mut Vec<Finding>) {
    let trimmed = parse::trimmed(&entry.value);
    if trimmed.len() == entry.value.len() {
        return;
    }
    let why = match kind {
        "boolean" if parse::falsy(trimmed) => "so it is not a word for false: the setting is true",
        "boolean" => "which changes nothing here",
        "int" | "decimal" => "which is refused at the end of a number, and before an integer",
        _ => "which becomes a part of the value",
    };
    let message = format!("{}={:?} has white space around it, {why}", entry.name, masked(&entry.name, &entry.value));
    let lead = entry.value.bytes().take_while(|byte| parse::is_space(*byte)).count();
    let at = if lead > 0 { 0..lead } else { trimmed.len()..entry.value.len() };
    let finding = about_part(entry, at, lint::BLANK_AROUND_VALUE, message);
    out.push(finding.help(format!("{}={}", entry.name, masked(&entry.name, trimmed))));
}

fn boolean(entry: &Entry, out: &mut Vec<Finding>) {
    const FALSE: [&str; 7] = ["off", "n", "f", "none", "never", "disable", "disabled"];
    const TRUE: [&str; 8] = ["1", "true", "yes", "y", "t", "on", "enable", "enabled"];
    let (name, word) = (entry.name.as_str(), parse::trimmed(&entry.value));
    let among = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if among(&FALSE) {
        let message = format!("{name}={word} is true for dd-trace-cpp: only 0, false and no are false");
        let finding = about(entry, lint::LOOKS_FALSE, message).help(format!("{name}=false")).replacement("false");
        out.push(effect::of(finding, word));
    } else if !parse::falsy(word) && !among(&TRUE) {
        let message = format!("{name}={word:?} is no usual boolean; dd-trace-cpp takes it for true");
        out.push(about(entry, lint::UNUSUAL_BOOLEAN, message).help(format!("{name}=true, or {name}=false")));
    }
}

/// What other tracers read differently (TC206).
fn portable(entry: &Entry, kind: &str, out: &mut Vec<Finding>) {
    let (name, value) = (entry.name.as_str(), entry.value.as_str());
    let mut note = |why: &str, effect: Option<&'static str>| {
        let message = format!("{name}={:?} is fine for dd-trace-cpp, and not portable: {why}", masked(name, value));
        let finding = about(entry, lint::NOT_PORTABLE, message);
        out.push(match effect {
            Some(effect) => finding.effect(effect),
            None => finding,
        });
    };
    if kind == "array" && name.contains("PROPAGATION_STYLE") {
        let inner = parse::trimmed(value);
        let blank = inner.bytes().any(parse::is_space);
        if blank && parse::list(value).iter().all(|at| !at.is_empty()) {
            match inner.contains(',') {
                true => note("a blank stands in the list", Some(effect::BLANK_AFTER_COMMA)),
                false => note("the list is separated by blanks alone", Some(effect::BLANK_ONLY)),
            }
        }
        return;
    }
    if name == "DD_AGENT_HOST" && value.starts_with('[') && value.ends_with(']') {
        note("the address is in brackets", Some(effect::HOST_IN_BRACKETS));
    }
    let Some(number) = (kind == "decimal").then(|| parse::decimal(value).ok()).flatten() else {
        return;
    };
    if value.bytes().next().is_some_and(parse::is_space) {
        note("a blank stands before the number", None);
    }
    if parse::trimmed(value).starts_with('+') {
        note("a plus stands before the number", None);
    }
    if name == "DD_TRACE_RATE_LIMIT" && number.fract() != 0.0 && number > 0.0 {
        note("the limit is a fraction, and other tracers read an integer", None);
    }
    if name == "DD_TRACE_SAMPLE_RATE" && (0.0..=1.0).contains(&number) {
        note("not every tracer applies it", Some(effect::RATE_NOT_APPLIED));
    }
}

/// A word that the tracer passes over without saying so.
fn behavior(target: &Target, out: &mut Vec<Finding>) {
    let name = "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT";
    let right = "continue, restart or ignore";
    if let Some(entry) = target.get(name).filter(|entry| !known_behavior(&entry.value)) {
        let message = format!("{name}={:?} is silently passed over: known are {right}", masked(name, &entry.value));
        let finding = about(entry, lint::VALUE_IGNORED, message);
        let near = ["continue", "restart", "ignore"]
            .into_iter()
            .find(|word| strsim::damerau_levenshtein(&parse::trimmed(&entry.value).to_ascii_lowercase(), word) <= 2);
        out.push(match near {
            Some(word) => finding.help(format!("{name}={word}")).suggest(word).replacement(word),
            None => finding.help(format!("{name}={right}")),
        });
    }
    let key = "propagation_behavior_extract";
    let code = target.code.as_ref().and_then(|code| code.get(key));
    if let Some((node, word)) =
        code.and_then(|node| Some((node, node.text()?))).filter(|(_, word)| !known_behavior(word))
    {
        let message = format!("{key} {word:?} has no effect: known are {right}");
        out.push(Finding::new(lint::VALUE_IGNORED, key, message).at(Some(node.place())).help(right));
    }
}

/// Switches that another switch makes meaningless.
fn unused(target: &Target, settled: &Settled, out: &mut Vec<Finding>) {
    let on = |name: &str| target.get(name).filter(|entry| !entry.value.is_empty() && !parse::falsy(&entry.value));
    if settled.knows("telemetry.enabled") && !settled.config.telemetry_enabled.value {
        for name in ["DD_TELEMETRY_METRICS_ENABLED", "DD_TELEMETRY_LOG_COLLECTION_ENABLED"] {
            if let Some(entry) = on(name) {
                let by = &settled.config.telemetry_enabled.from;
                let message = format!("{name} has no effect, because {by} switches telemetry off");
                out.push(about(entry, lint::VALUE_IGNORED, message).overridden_by(by));
            }
        }
    }
    let always = "DD_TRACE_RESOURCE_RENAMING_ALWAYS_SIMPLIFIED_ENDPOINT";
    let renaming = &settled.config.resource_renaming_mode;
    if let Some(entry) =
        on(always).filter(|_| settled.knows("resource_renaming_mode") && renaming.value.word() == "disabled")
    {
        let message = format!("{always} has no effect without DD_TRACE_RESOURCE_RENAMING_ENABLED");
        out.push(about(entry, lint::VALUE_IGNORED, message).help("DD_TRACE_RESOURCE_RENAMING_ENABLED=true"));
    }
}

fn intervals(settled: &Settled, out: &mut Vec<Finding>) {
    let c = &settled.config;
    let all: [(&str, &Setting<u64>); 4] = [
        ("agent.remote_configuration_poll_interval_ms", &c.remote_configuration_poll_interval_ms),
        ("telemetry.metrics_interval_ms", &c.metrics_interval_ms),
        ("telemetry.heartbeat_interval_ms", &c.heartbeat_interval_ms),
        ("telemetry.extended_heartbeat_interval_ms", &c.extended_heartbeat_interval_ms),
    ];
    for (key, setting) in all {
        if !settled.knows(key) {
            continue;
        }
        let from = &setting.from;
        let message = match setting.value {
            0 => format!("{from} comes to 0 ms: there is no pause at all"),
            86_400_001.. => format!("{from} comes to {} ms, more than a day", setting.value),
            _ => continue,
        };
        let finding = about_setting(key, setting, lint::INTERVAL_EXTREME, message);
        out.push(finding.help("the unit is seconds; fractions of a millisecond are cut off"));
    }
}
