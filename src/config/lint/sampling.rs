//! TC5xx: sampling rules, rates and limits.

use super::{about, about_setting, code_place};
use crate::config::codes::lint;
use crate::config::datadog::{Settled, WrittenRule};
use crate::config::{Finding, Origin, Setting, Target, effect};
use std::collections::HashMap;

/// Findings of one kind about the rules of one setting; more of them say nothing new.
const OF_A_KIND: usize = 100;

const RULES: &str = "trace_sampler.rules";
const SPAN_RULES: &str = "span_sampler.rules";

pub(super) fn check(target: &Target, settled: &Settled, out: &mut Vec<Finding>) {
    if settled.knows("tracing_enabled") && !settled.config.tracing_enabled.value {
        discarded(target, settled, out);
    } else if settled.knows("report_traces") && !settled.config.report_traces.value {
        reporting_off(target, settled, out);
    }
    let (rules, spans) = (&settled.trace_rules, &settled.span_rules);
    for (key, list) in [(RULES, rules), (SPAN_RULES, spans)] {
        unreachable(key, list, out);
        twice(key, list, out);
        without_rate(key, list, out);
        regex(key, list, out);
        kept_from_code(target, key, list, out);
    }
    let unnamed = spans.value.iter().filter(|rule| rule.service.is_none() && rule.name.is_none());
    for rule in unnamed.take(OF_A_KIND) {
        let message = format!("{}[{}] has neither service nor name", spans.from, rule.index);
        let finding = about_rule(SPAN_RULES, spans, rule, lint::NOT_PORTABLE, message);
        out.push(finding.effect(effect::SPAN_RULE_FITS_ALL));
    }
    if settled.knows(RULES) && settled.knows("trace_sampler.sample_rate") && settled.config.tracing_enabled.value {
        rate_behind_rules(settled, out);
        everything_dropped(settled, out);
        limit_without_rules(settled, out);
    }
}

/// A finding about a rule of a setting.
fn about_rule(
    key: &str,
    list: &Setting<Vec<WrittenRule>>,
    rule: &WrittenRule,
    code: crate::diagnostic::Code,
    message: String,
) -> Finding {
    about_setting(key, list, code, message).path(format!("[{}]", rule.index)).at(rule.place.clone())
}

/// Only stars: fits everything.
fn fits_all(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
}

fn catches_all(rule: &WrittenRule) -> bool {
    rule.tags.is_empty() && rule.patterns().all(|(_, part)| fits_all(&part.value))
}

fn catch_all(rules: &[WrittenRule]) -> Option<&WrittenRule> {
    rules.iter().find(|rule| catches_all(rule))
}

fn rate(rule: &WrittenRule) -> f64 {
    rule.rate.as_ref().map_or(1.0, |rate| rate.value)
}

fn unreachable(key: &str, list: &Setting<Vec<WrittenRule>>, out: &mut Vec<Finding>) {
    let Some(first) = catch_all(&list.value) else {
        return;
    };
    for rule in list.value.iter().filter(|rule| rule.index > first.index).take(OF_A_KIND) {
        let message =
            format!("{}[{}] is never reached: rule [{}] before it fits everything", list.from, rule.index, first.index);
        let finding = about_rule(key, list, rule, lint::RULE_UNREACHABLE, message);
        out.push(finding.help(format!("move rule [{}] to the end, or remove this one", first.index)));
    }
}

fn twice(key: &str, list: &Setting<Vec<WrittenRule>>, out: &mut Vec<Finding>) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut reported = 0;
    for rule in &list.value {
        let pattern = |name: &str| {
            let part = match name {
                "service" => &rule.service,
                "name" => &rule.name,
                _ => &rule.resource,
            };
            let pattern = part.as_ref().map_or("*", |part| part.value.as_str());
            if fits_all(pattern) { "*".to_owned() } else { pattern.to_ascii_lowercase() }
        };
        let mut matcher = format!("{:?} {:?} {:?}", pattern("service"), pattern("name"), pattern("resource"));
        for (tag, part) in &rule.tags {
            matcher.push_str(&format!(" {tag:?} {:?}", part.value.to_ascii_lowercase()));
        }
        match seen.get(&matcher) {
            None => {
                seen.insert(matcher, rule.index);
            }
            Some(first) if reported < OF_A_KIND => {
                reported += 1;
                let message = format!(
                    "{}[{}] has the patterns of rule [{first}], which wins: this one never applies",
                    list.from, rule.index
                );
                out.push(about_rule(key, list, rule, lint::MATCHER_TWICE, message).help("remove one of them"));
            }
            Some(_) => {}
        }
    }
}

fn without_rate(key: &str, list: &Setting<Vec<WrittenRule>>, out: &mut Vec<Finding>) {
    for rule in list.value.iter().filter(|rule| rule.rate.is_none() && rule.limit.is_none()).take(OF_A_KIND) {
        let message = format!("{}[{}] has no sample_rate and keeps everything that it fits", list.from, rule.index);
        let finding = about_rule(key, list, rule, lint::RULE_WITHOUT_RATE, message);
        out.push(finding.help("\"sample_rate\": 1 says so"));
    }
}

/// Signs that mean something in a regular expression and stand for themselves in a glob.
fn regex(key: &str, list: &Setting<Vec<WrittenRule>>, out: &mut Vec<Finding>) {
    const SIGNS: [char; 9] = ['^', '$', '[', ']', '(', ')', '|', '\\', '{'];
    let mut reported = 0;
    for rule in &list.value {
        for (member, part) in rule.patterns() {
            let Some(sign) = part.value.chars().find(|c| SIGNS.contains(c)) else {
                continue;
            };
            reported += 1;
            if reported > OF_A_KIND {
                return;
            }
            let path = format!("[{}].{member}", rule.index);
            let message = format!(
                "{}{path} is {:?}: {sign} stands for itself, patterns know only * and ?",
                list.from, part.value
            );
            let finding = about_setting(key, list, lint::REGEX_IN_GLOB, message).path(path).at(part.place.clone());
            out.push(finding.help(format!("{:?}", glob_of(&part.value))));
        }
    }
}

/// A glob in place of a simple regular expression.
fn glob_of(pattern: &str) -> String {
    let mut out = String::new();
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        let piece = match c {
            '.' if chars.peek() == Some(&'*') || chars.peek() == Some(&'+') => "*".to_owned(),
            '*' | '+' | '?' if out.ends_with('*') => String::new(),
            '[' | '(' | '{' => {
                let close = match c {
                    '[' => ']',
                    '(' => ')',
                    _ => '}',
                };
                chars.by_ref().find(|next| *next == close);
                "*".to_owned()
            }
            '\\' => chars.next().filter(|next| !next.is_alphanumeric()).map_or("*".to_owned(), String::from),
            '^' | '$' | ']' | ')' | '|' | '}' => "*".to_owned(),
            other => other.to_string(),
        };
        if !(piece == "*" && out.ends_with('*')) {
            out.push_str(&piece);
        }
    }
    out
}

/// An empty array in the variable leaves the rules of code in force.
fn kept_from_code(target: &Target, key: &str, list: &Setting<Vec<WrittenRule>>, out: &mut Vec<Finding>) {
    let name = if key == RULES { "DD_TRACE_SAMPLING_RULES" } else { "DD_SPAN_SAMPLING_RULES" };
    let empty = |text: &str| {
        text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|rest| rest.trim().is_empty())
    };
    if list.origin != Origin::Code || list.value.is_empty() {
        return;
    }
    if let Some(entry) = target.get(name).filter(|entry| empty(&entry.value)) {
        let message = format!("{name}=[] does not clear the {} rules of {key}", list.value.len());
        let finding = about(entry, lint::EMPTY_RULES_KEEP_CODE, message).overridden_by(key);
        out.push(finding.help("a rule that fits everything replaces them: [{\"sample_rate\": 1}]"));
    }
}

/// Settings of the trace sampler, as variable and as key.
const SAMPLING: [(&str, &str); 3] = [
    ("DD_TRACE_SAMPLING_RULES", RULES),
    ("DD_TRACE_SAMPLE_RATE", "trace_sampler.sample_rate"),
    ("DD_TRACE_RATE_LIMIT", "trace_sampler.max_per_second"),
];

/// Without APM tracing a sampler of its own takes the place of what was set.
fn discarded(target: &Target, settled: &Settled, out: &mut Vec<Finding>) {
    let by = &settled.config.tracing_enabled.from;
    let message = |name: &str| format!("{name} has no effect, because {by} switches APM tracing off");
    for (name, key) in SAMPLING {
        if let Some(entry) = target.get(name) {
            out.push(about(entry, lint::SAMPLING_DISCARDED, message(name)).overridden_by(by));
        }
        if let Some(place) = code_place(target, key) {
            out.push(Finding::new(lint::SAMPLING_DISCARDED, key, message(key)).at(Some(place)).overridden_by(by));
        }
    }
}

/// Nothing is sent, so nothing that says what to send has an effect.
fn reporting_off(target: &Target, settled: &Settled, out: &mut Vec<Finding>) {
    let by = &settled.config.report_traces.from;
    let more = [
        ("DD_SPAN_SAMPLING_RULES", SPAN_RULES),
        ("DD_SPAN_SAMPLING_RULES_FILE", SPAN_RULES),
        ("DD_TRACE_AGENT_URL", "agent.url"),
        ("DD_AGENT_HOST", "agent.url"),
        ("DD_TRACE_AGENT_PORT", "agent.url"),
    ];
    for (name, _) in SAMPLING.into_iter().chain(more) {
        if let Some(entry) = target.get(name).filter(|entry| !entry.value.is_empty()) {
            let message = format!("{name} is set, and {by} lets no trace be reported");
            out.push(about(entry, lint::REPORTING_OFF, message).overridden_by(by));
        }
    }
}

fn rate_behind_rules(settled: &Settled, out: &mut Vec<Finding>) {
    let (rules, overall) = (&settled.trace_rules, &settled.sample_rate);
    let Some(value) = overall.value else {
        return;
    };
    if let Some(first) = catch_all(&rules.value) {
        let message =
            format!("{}={value} is never used: rule [{}] of {} fits everything", overall.from, first.index, rules.from);
        let finding = about_setting("trace_sampler.sample_rate", overall, lint::RULE_UNREACHABLE, message);
        out.push(finding.overridden_by(&rules.from).help(format!("remove {}, or that rule", overall.from)));
    } else if value == 0.0 && rules.value.iter().any(|rule| rate(rule) > 0.0) {
        let message = format!("{}=0 drops every trace that no rule of {} fits", overall.from, rules.from);
        let finding = about_setting("trace_sampler.sample_rate", overall, lint::ZERO_BEHIND_RULES, message);
        out.push(finding.help(format!("{}=0.01 still shows that such traces exist", overall.from)));
    }
}

fn everything_dropped(settled: &Settled, out: &mut Vec<Finding>) {
    let (rules, overall) = (&settled.trace_rules, &settled.sample_rate);
    let last = rules.value.iter().position(catches_all);
    let reached = &rules.value[..last.map_or(rules.value.len(), |last| last + 1)];
    if reached.iter().any(|rule| rate(rule) > 0.0) {
        return;
    }
    if let Some(last) = last {
        let rule = &rules.value[last];
        let message =
            format!("{}[{}] drops every trace that reaches it, and no rule before keeps one", rules.from, rule.index);
        let finding = about_rule(RULES, rules, rule, lint::EVERYTHING_DROPPED, message);
        out.push(finding.help("a rate above 0, or DD_TRACE_ENABLED=false to switch tracing off"));
    } else if overall.value == Some(0.0) {
        let message = format!("{}=0 drops every trace", overall.from);
        let finding = about_setting("trace_sampler.sample_rate", overall, lint::EVERYTHING_DROPPED, message);
        out.push(finding.help("a rate above 0, or DD_TRACE_ENABLED=false to switch tracing off"));
    }
}

fn limit_without_rules(settled: &Settled, out: &mut Vec<Finding>) {
    let limit = &settled.max_per_second;
    let limited = limit.origin != Origin::Default && settled.knows("trace_sampler.max_per_second");
    if limited && settled.trace_rules.value.is_empty() && settled.sample_rate.value.is_none() {
        let message = format!(
            "{} limits only what a rule or DD_TRACE_SAMPLE_RATE keeps, and there is neither: the agent decides",
            limit.from
        );
        let finding = about_setting("trace_sampler.max_per_second", limit, lint::LIMIT_WITHOUT_RULES, message);
        out.push(finding.help("DD_TRACE_SAMPLE_RATE=1 lets the limit count"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_become_globs() {
        assert_eq!(glob_of("^GET /users/[0-9]+$"), "GET /users/*");
        assert_eq!(glob_of("^web.*"), "web*");
        assert_eq!(glob_of("(a|b)c"), "*c");
        assert_eq!(glob_of("a\\.b\\d+"), "a.b*");
        assert_eq!(glob_of("x{2}"), "x*");
    }
}
