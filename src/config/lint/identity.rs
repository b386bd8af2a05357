//! TC6xx: service, env, version, tags, secrets.

use super::{about, about_part};
use crate::config::codes::lint;
use crate::config::datadog::Settled;
use crate::config::parse::{self, Tag};
use crate::config::secret::{in_url, masked, probable, token_shape};
use crate::config::{Entry, Finding, Origin, Target};
use std::collections::HashMap;
use std::ops::Range;

/// Tags of which findings are made; a text of thousands of tags says nothing new after that.
const TAGS: usize = 100;

pub(super) fn check(target: &Target, settled: &Settled, out: &mut Vec<Finding>) {
    unnamed(settled, out);
    if let Some(entry) = target.get("DD_TAGS") {
        let tags = parse::tags(&entry.value);
        disagreeing(entry, &tags, settled, out);
        separators(entry, &tags, out);
        let mut first: HashMap<&str, ()> = HashMap::new();
        for tag in tags.iter().take(TAGS) {
            written(entry, tag, out);
            if !tag.key.is_empty() && first.insert(tag.key, ()).is_some() {
                let message = format!("DD_TAGS has {} twice; the last one counts", tag.key);
                out.push(about_part(entry, trimmed(entry, tag), lint::TAG_TWICE, message).help("remove one of them"));
            }
        }
    }
    tags_of_code(target, out);
    secrets(target, out);
    for name in ["DD_SERVICE", "DD_ENV"] {
        if let Some(entry) = target.get(name) {
            normalised(entry, 0..entry.value.len(), &entry.value, out);
        }
    }
    api_keys(target, out);
}

fn unnamed(settled: &Settled, out: &mut Vec<Finding>) {
    let c = &settled.config;
    if settled.knows("service") && c.service.origin == Origin::Default {
        let message = "no service is set: spans get the name of the process";
        out.push(Finding::new(lint::NO_SERVICE, "DD_SERVICE", message).help("DD_SERVICE=the service's name"));
    }
    for (key, name, setting) in [("environment", "DD_ENV", &c.environment), ("version", "DD_VERSION", &c.version)] {
        if settled.knows(key) && setting.value.is_empty() {
            let message = format!("{name} is not set: deployments cannot be told apart by it");
            out.push(Finding::new(lint::NO_ENV_OR_VERSION, name, message).help(format!("set {name}")));
        }
    }
}

fn disagreeing(entry: &Entry, tags: &[Tag<'_>], settled: &Settled, out: &mut Vec<Finding>) {
    let c = &settled.config;
    let service = c.service.value.as_deref().unwrap_or_default();
    let all = [
        ("service", "service", service, &c.service.from),
        ("env", "environment", c.environment.value.as_str(), &c.environment.from),
        ("version", "version", c.version.value.as_str(), &c.version.from),
    ];
    for (tag_name, key, value, from) in all {
        // The last one of a name counts.
        let Some(tag) = tags.iter().rev().find(|tag| tag.key == tag_name) else {
            continue;
        };
        if from.is_empty() || !settled.knows(key) || tag.value == value {
            continue;
        }
        let message = format!("DD_TAGS says {tag_name}:{} and {from} says {value:?}", tag.value);
        let finding = about_part(entry, trimmed(entry, tag), lint::TAGS_DISAGREE, message);
        out.push(finding.overridden_by(from).help(format!("remove {tag_name}:{} from DD_TAGS", tag.value)));
    }
}

/// The bytes of an entry without the blanks around it.
fn trimmed(entry: &Entry, tag: &Tag<'_>) -> Range<usize> {
    let text = entry.value.get(tag.at.clone()).unwrap_or_default();
    let lead = text.bytes().take_while(|byte| parse::is_space(*byte)).count();
    let inner = parse::trimmed(text);
    tag.at.start + lead..tag.at.start + lead + inner.len()
}

/// A comma anywhere makes the comma the separator, so that spaces no longer separate.
fn separators(entry: &Entry, tags: &[Tag<'_>], out: &mut Vec<Finding>) {
    if parse::tag_separator(&entry.value) != ',' {
        return;
    }
    for tag in tags.iter().take(TAGS) {
        let second =
            tag.value.split_ascii_whitespace().skip(1).find(|word| {
                word.split_once(':').is_some_and(|(key, rest)| !key.is_empty() && !rest.starts_with("//"))
            });
        if let Some(word) = second {
            let word = masked("DD_TAGS", word);
            let message =
                format!("DD_TAGS has a comma, so the comma separates: {word:?} is a part of the value of {}", tag.key);
            let fixed = split_at_keys(entry.value.get(tag.at.clone()).unwrap_or_default());
            let finding = about_part(entry, trimmed(entry, tag), lint::COMMA_SEPARATES, message);
            let finding = finding.help(format!("separate all by commas: {}", masked("DD_TAGS", &fixed)));
            out.push(if entry.verbatim { finding.replacement(fixed) } else { finding });
        }
    }
}

/// `a:1 b:2` as `a:1,b:2`; a word without a colon stays with what is before it.
fn split_at_keys(entry: &str) -> String {
    let mut out = String::new();
    for word in entry.split_ascii_whitespace() {
        if !out.is_empty() {
            out.push(if word.contains(':') { ',' } else { ' ' });
        }
        out.push_str(word);
    }
    out
}

/// One tag as it is written.
fn written(entry: &Entry, tag: &Tag<'_>, out: &mut Vec<Finding>) {
    let at = trimmed(entry, tag);
    let text = masked("DD_TAGS", entry.value.get(at.clone()).unwrap_or_default()).into_owned();
    if tag.key.is_empty() {
        if !tag.value.is_empty() {
            let message = format!("DD_TAGS has {text:?}, which has no key and is dropped");
            out.push(about_part(entry, at, lint::TAG_WITHOUT_KEY, message).help(format!("key{text}")));
        }
        return;
    }
    if !tag.colon && tag.key.contains('=') {
        let message =
            format!("DD_TAGS has {text:?}: the sign between key and value is a colon, so this is a key without value");
        let fixed = tag.key.replacen('=', ":", 1);
        let help = format!("DD_TAGS={}", masked("DD_TAGS", &fixed));
        let finding = about_part(entry, at.clone(), lint::TAG_WITH_EQUALS, message).help(help);
        out.push(if entry.verbatim { finding.replacement(fixed) } else { finding });
    }
    if !tag.colon && !tag.key.contains('=') {
        let message = format!(
            "DD_TAGS has {text:?} without a colon: dd-trace-cpp makes it a tag with an empty value, other tracers drop it"
        );
        out.push(about_part(entry, at.clone(), lint::NOT_PORTABLE, message).help(format!("{text}:VALUE")));
    }
    if tag.key.starts_with("_dd.") {
        let message = format!("DD_TAGS has {}: the prefix _dd. is for the tracer's own tags", tag.key);
        out.push(
            about_part(entry, at.start..at.start + tag.key.len(), lint::RESERVED_TAG, message).help("another name"),
        );
    } else if !tag.key.contains('=') {
        normalised(entry, at.start..at.start + tag.key.len(), tag.key, out);
    }
}

/// What the backend makes of a name.
fn normalised(entry: &Entry, at: Range<usize>, text: &str, out: &mut Vec<Finding>) {
    let kept = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | ':' | '.' | '/');
    let plain: String =
        text.to_lowercase().chars().map(|c| if kept(c) || c.is_alphabetic() { c } else { '_' }).collect();
    if plain == text || text.is_empty() || token_shape(text) {
        return;
    }
    let message = format!("{}: {text:?} is shown as {plain:?}", entry.name);
    out.push(about_part(entry, at, lint::NORMALISED_CHARACTERS, message));
}

fn tags_of_code(target: &Target, out: &mut Vec<Finding>) {
    for key in ["tags", "process_tags"] {
        let Some(node) = target.code.as_ref().and_then(|code| code.get(key)) else {
            continue;
        };
        for (name, value) in node.entries().iter().take(TAGS) {
            let (Some(tag), Some(text)) = (name.text(), value.text()) else {
                continue;
            };
            if probable(tag, text) {
                let message = format!("{key}.{tag} looks like a secret, and is sent with every span");
                out.push(
                    Finding::new(lint::PROBABLE_SECRET, key, message)
                        .path(tag)
                        .at(Some(value.place()))
                        .help("remove it"),
                );
            }
            if tag.starts_with("_dd.") {
                let message = format!("{key}.{tag}: the prefix _dd. is for the tracer's own tags");
                out.push(
                    Finding::new(lint::RESERVED_TAG, key, message)
                        .path(tag)
                        .at(Some(name.place()))
                        .help("another name"),
                );
            }
        }
    }
}

fn secrets(target: &Target, out: &mut Vec<Finding>) {
    if let Some(entry) = target.get("DD_TAGS") {
        for tag in parse::tags(&entry.value).iter().take(TAGS) {
            let (key, value) = match tag.colon {
                true => (tag.key, tag.value),
                false => tag.key.split_once('=').unwrap_or((tag.key, "")),
            };
            if probable(key, value) {
                let message = format!("DD_TAGS: the value of {key} looks like a secret, and is sent with every span");
                let finding = about_part(entry, trimmed(entry, tag), lint::PROBABLE_SECRET, message);
                out.push(finding.help(format!("remove {key} from DD_TAGS, and change the secret")));
            }
        }
    }
    if let Some(entry) = target.get("DD_TRACE_AGENT_URL") {
        // A password is TC306; here the secrets of a query.
        let query = entry.value.find('?').unwrap_or(entry.value.len());
        for at in in_url(&entry.value).into_iter().filter(|at| at.start > query) {
            let message = "DD_TRACE_AGENT_URL: a value of its query looks like a secret; URLs end up in logs";
            out.push(about_part(entry, at, lint::PROBABLE_SECRET, message).help("remove it"));
        }
    }
    for name in ["DD_SERVICE", "DD_ENV", "DD_VERSION"] {
        if let Some(entry) = target.get(name).filter(|entry| token_shape(&entry.value)) {
            let message = format!("{name} looks like a secret, and is sent with every span");
            out.push(about(entry, lint::PROBABLE_SECRET, message).help("remove it, and change the secret"));
        }
    }
}

fn api_keys(target: &Target, out: &mut Vec<Finding>) {
    for name in ["DD_API_KEY", "DATADOG_API_KEY", "DD_APP_KEY", "DD_APPLICATION_KEY"] {
        if let Some(entry) = target.get(name).filter(|entry| !entry.value.is_empty()) {
            let message =
                format!("{name} is given to a process that sends its traces to an agent, which has the key itself");
            out.push(
                about(entry, lint::API_KEY_NOT_NEEDED, message)
                    .help(format!("remove {name}; set it on the Agent alone")),
            );
        }
    }
}
