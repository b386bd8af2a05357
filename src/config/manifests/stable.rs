//! Datadog's stable configuration (`application_monitoring.yaml`): a target for the defaults and one for each rule.

use super::{File, key_name, set};
use crate::config::codes::forms::{UNKNOWN_KEY, WRONG_TYPE};
use crate::config::codes::lint::NOT_READ_HERE;
use crate::config::document::{Data, Node, file_name};
use crate::config::environment::{Context, Environment};
use crate::config::finding::Finding;
use crate::config::target::Target;

/// The key of the settings that hold unless a rule says otherwise.
const DEFAULT: &str = "apm_configuration_default";

/// Keys at the top.
const KEYS: [&str; 4] = ["config_id", DEFAULT, "tags", "rules"];

/// Whether a document is a stable configuration.
pub fn recognised(document: &Node) -> bool {
    document.get(DEFAULT).is_some()
}

/// The defaults, then each rule's configuration over them. The first is told of unknown keys and, unless the profile's
/// tracer `reads` such files, that nothing of it counts.
pub fn targets(file: &File<'_>, reads: bool, context: &mut Context<'_>) -> Vec<(Target, String)> {
    let mut targets = Vec::new();
    for document in file.documents {
        let default = document.get(DEFAULT);
        let rules = document.get("rules").map(Node::items).unwrap_or_default();
        let named = rules.iter().enumerate().map(|(index, rule)| (rule_name(index, rule), rule.get("configuration")));
        let base = default.map(|default| (file_name(file.source), None, Some(default)));
        let rules = named.map(|(name, configuration)| (name, default, configuration));
        for (name, below, own) in base.into_iter().chain(rules) {
            if own.is_none() || !context.one_more() {
                continue;
            }
            let mut environment = Environment::default();
            if targets.is_empty() {
                about_file(file, reads, &mut environment);
            }
            for configuration in [below, own].into_iter().flatten() {
                environment.source();
                variables(file, configuration, &mut environment, context);
            }
            environment.overlay(context);
            let long = format!("{}/{name}", file_name(file.source));
            targets.push((environment.target(name, false), long));
        }
    }
    targets
}

/// What concerns the file as a whole.
fn about_file(file: &File<'_>, reads: bool, environment: &mut Environment) {
    let name = file_name(file.source);
    let keys = file.documents.iter().flat_map(|document| document.entries()).map(|(key, _)| key);
    for key in keys {
        let Some(written) = key.text() else { continue };
        if written == DEFAULT && !reads {
            let message =
                format!("the tracer of this profile reads no stable configuration: {name} has no effect on it");
            environment.report(Finding::new(NOT_READ_HERE, &*name, message).at(Some(key.place())));
        }
        if KEYS.contains(&written) {
            continue;
        }
        let mut finding = Finding::new(UNKNOWN_KEY, written, format!("{written} is no key of a stable configuration"))
            .at(Some(key.place()));
        let near =
            KEYS.iter().find(|known| strsim::damerau_levenshtein(known, written.get(..64).unwrap_or(written)) <= 2);
        if let Some(near) = near {
            finding = finding.suggest(*near).help(format!("did you mean {near}?")).replacement(*near);
        }
        environment.report(finding);
    }
}

/// Its own name when it has one; else its number and what it selects.
fn rule_name(index: usize, rule: &Node) -> String {
    if let Some(name) = rule.get("name").and_then(Node::text) {
        return name.to_owned();
    }
    let selectors = rule.get("selectors").map(Node::items).unwrap_or_default();
    let words = selectors.iter().flat_map(|selector| {
        let word = |key: &str| selector.get(key).and_then(Node::text).map(str::to_owned);
        let matches = selector.get("matches").map(Node::items).unwrap_or_default();
        let matches: Vec<&str> = matches.iter().filter_map(Node::text).collect();
        let matches = Some(matches.join(",")).filter(|matches| !matches.is_empty());
        [word("origin"), word("key"), word("operator"), matches]
    });
    let words: Vec<String> = words.flatten().collect();
    match words.is_empty() {
        true => format!("rules[{index}]"),
        false => format!("rules[{index}] ({})", words.join(" ")),
    }
}

fn variables(file: &File<'_>, configuration: &Node, environment: &mut Environment, context: &mut Context<'_>) {
    if !matches!(configuration.data, Data::Map(_) | Data::Null) {
        let message = format!("a configuration is a mapping of variables, not of type {}", configuration.type_word());
        environment.report(Finding::new(WRONG_TYPE, file_name(file.source), message).at(Some(configuration.place())));
    }
    for (key, value) in configuration.entries() {
        if environment.is_full() {
            return;
        }
        let Some(name) = key_name(file, key) else { continue };
        match (file.scalar(value), &value.data) {
            (Some(text), _) => set(environment, context, &name, key, value, text, file),
            (None, Data::Null) => {}
            (None, _) => {
                let message = format!("{name} takes text, a number or a boolean, not type {}", value.type_word());
                environment.report(Finding::new(WRONG_TYPE, &*name, message).at(Some(value.place())));
                environment.refused(&name, Some(key.place()), context);
            }
        }
    }
}
