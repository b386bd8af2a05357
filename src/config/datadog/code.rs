//! The code-level configuration of a file (config.md section 3.7): known keys, their types, and getters by dotted key.
//!
//! `{"service": "web", "agent": {"url": "http://agent:8126"}, "trace_sampler": {"sample_rate": 0.5}}`. Non-finite
//! numbers are the strings `NaN`, `Infinity`, `-Infinity`. A null is a key that is not set.

use super::run::Given;
use crate::config::Finding;
use crate::config::codes::forms::{UNKNOWN_KEY, WRONG_TYPE};
use crate::config::document::{Data, Node};

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Texts,
    Boolean,
    Unsigned,
    Integer,
    Number,
    List,
    Rules,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Text => "a string",
            Kind::Texts => "an object of strings",
            Kind::Boolean => "true or false",
            Kind::Unsigned => "an integer from 0 on",
            Kind::Integer => "an integer",
            Kind::Number => "a number",
            Kind::List => "an array of strings",
            Kind::Rules => "an array of objects",
        }
    }
}

const KEYS: &[(&str, Kind)] = &[
    ("service", Kind::Text),
    ("environment", Kind::Text),
    ("version", Kind::Text),
    ("service_type", Kind::Text),
    ("name", Kind::Text),
    ("integration_name", Kind::Text),
    ("integration_version", Kind::Text),
    ("tags", Kind::Texts),
    ("process_tags", Kind::Texts),
    ("report_traces", Kind::Boolean),
    ("log_on_startup", Kind::Boolean),
    ("generate_128bit_trace_ids", Kind::Boolean),
    ("tracing_enabled", Kind::Boolean),
    ("resource_renaming_enabled", Kind::Boolean),
    ("resource_renaming_always_simplified_endpoint", Kind::Boolean),
    ("report_hostname", Kind::Boolean),
    ("max_tags_header_size", Kind::Unsigned),
    ("extraction_styles", Kind::List),
    ("injection_styles", Kind::List),
    ("propagation_behavior_extract", Kind::Text),
    ("baggage_max_items", Kind::Unsigned),
    ("baggage_max_bytes", Kind::Unsigned),
    ("agent.url", Kind::Text),
    ("agent.flush_interval_milliseconds", Kind::Integer),
    ("agent.request_timeout_milliseconds", Kind::Integer),
    ("agent.shutdown_timeout_milliseconds", Kind::Integer),
    ("agent.remote_configuration_enabled", Kind::Boolean),
    ("agent.remote_configuration_poll_interval_seconds", Kind::Number),
    ("trace_sampler.sample_rate", Kind::Number),
    ("trace_sampler.max_per_second", Kind::Number),
    ("trace_sampler.rules", Kind::Rules),
    ("span_sampler.rules", Kind::Rules),
    ("telemetry.enabled", Kind::Boolean),
    ("telemetry.report_metrics", Kind::Boolean),
    ("telemetry.report_logs", Kind::Boolean),
    ("telemetry.metrics_interval_seconds", Kind::Number),
    ("telemetry.heartbeat_interval_seconds", Kind::Number),
    ("telemetry.extended_heartbeat_interval_seconds", Kind::Number),
    ("telemetry.integration_name", Kind::Text),
    ("telemetry.integration_version", Kind::Text),
];

const GROUPS: [&str; 4] = ["agent", "trace_sampler", "span_sampler", "telemetry"];

/// The keys of a code-level configuration that have a value of their type.
#[derive(Default)]
pub(super) struct Code<'t> {
    values: Vec<(&'static str, &'t Node)>,
}

impl<'t> Code<'t> {
    /// Sorts the file's keys; also answers with what has the wrong type, and with what is unknown.
    pub fn read(root: Option<&'t Node>) -> (Code<'t>, Vec<Finding>, Vec<Finding>) {
        let (mut code, mut errors, mut warnings) = (Code::default(), Vec::new(), Vec::new());
        let Some(root) = root else {
            return (code, errors, warnings);
        };
        match &root.data {
            Data::Null => {}
            Data::Map(_) => code.group(root, "", &mut errors, &mut warnings),
            _ => {
                let about = root.source.to_string();
                let message = format!("{about} holds {}, not an object of settings", with_article(root.type_word()));
                errors.push(Finding::new(WRONG_TYPE, about, message).at(Some(root.place())));
            }
        }
        (code, errors, warnings)
    }

    fn group(&mut self, group: &'t Node, prefix: &str, errors: &mut Vec<Finding>, warnings: &mut Vec<Finding>) {
        for (key, value) in group.entries() {
            let name = scalar_text(key);
            let dotted = format!("{prefix}{name}");
            if let Some((known, kind)) = KEYS.iter().find(|(known, _)| *known == dotted) {
                if value.data == Data::Null {
                    continue;
                }
                match ill_typed(*kind, value) {
                    None => self.values.push((known, value)),
                    Some(node) => errors.push(wrong_type(&dotted, *kind, node)),
                }
            } else if prefix.is_empty() && GROUPS.contains(&dotted.as_str()) {
                match value.data {
                    Data::Map(_) => self.group(value, &format!("{dotted}."), errors, warnings),
                    Data::Null => {}
                    _ => {
                        let found = with_article(value.type_word());
                        let message = format!("{dotted} must be an object, found {found}");
                        errors.push(Finding::new(WRONG_TYPE, dotted, message).at(Some(value.place())));
                    }
                }
            } else {
                warnings.push(unknown_key(&dotted, prefix, key));
            }
        }
    }

    /// The value of a key, when it is set and of its type; the last one when it stands twice.
    pub fn get(&self, key: &str) -> Option<&'t Node> {
        self.values.iter().rev().find(|(known, _)| *known == key).map(|(_, node)| *node)
    }

    fn given<T>(&self, key: &str, read: impl Fn(&'t Node) -> Option<T>) -> Option<Given<T>> {
        let node = self.get(key)?;
        Some(Given::code(key, Some(node.place()), read(node)?, &scalar_text(node)))
    }

    pub fn text(&self, key: &str) -> Option<Given<String>> {
        self.given(key, |node| node.text().map(str::to_owned))
    }

    pub fn boolean(&self, key: &str) -> Option<Given<bool>> {
        self.given(key, |node| match node.data {
            Data::Bool(value) => Some(value),
            _ => None,
        })
    }

    pub fn unsigned(&self, key: &str) -> Option<Given<u64>> {
        self.given(key, whole)
    }

    pub fn integer(&self, key: &str) -> Option<Given<i64>> {
        self.given(key, |node| match node.data {
            Data::Int(value) => Some(value),
            _ => None,
        })
    }

    pub fn number(&self, key: &str) -> Option<Given<f64>> {
        self.given(key, number)
    }
}

/// A number of a file, non-finite ones as words.
pub(super) fn number(node: &Node) -> Option<f64> {
    match &node.data {
        Data::Int(value) => Some(*value as f64),
        Data::Float(value) => Some(*value),
        Data::Str(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn whole(node: &Node) -> Option<u64> {
    match node.data {
        Data::Int(value) => u64::try_from(value).ok(),
        // An integer above 2^63 comes as a float.
        Data::Float(value) if value.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&value) => {
            Some(value as u64)
        }
        _ => None,
    }
}

/// The part of `node` that is not of the kind: itself, or an element.
fn ill_typed(kind: Kind, node: &Node) -> Option<&Node> {
    let fits = match kind {
        Kind::Text => node.text().is_some(),
        Kind::Boolean => matches!(node.data, Data::Bool(_)),
        Kind::Unsigned => whole(node).is_some(),
        Kind::Integer => matches!(node.data, Data::Int(_)),
        Kind::Number => number(node).is_some(),
        Kind::Texts => match &node.data {
            Data::Map(entries) => {
                return entries.iter().map(|(_, value)| value).find(|value| value.text().is_none());
            }
            _ => false,
        },
        Kind::List => match &node.data {
            Data::Seq(items) => return items.iter().find(|item| item.text().is_none()),
            _ => false,
        },
        Kind::Rules => match &node.data {
            Data::Seq(items) => return items.iter().find(|item| !matches!(item.data, Data::Map(_))),
            _ => false,
        },
    };
    (!fits).then_some(node)
}

fn wrong_type(key: &str, kind: Kind, node: &Node) -> Finding {
    let found = match node.data {
        Data::Null | Data::Seq(_) | Data::Map(_) => with_article(node.type_word()),
        _ => format!("the {} {}", node.type_word(), scalar_text(node)),
    };
    let message = format!("{key} must be {}, found {found}", kind.word());
    let finding = Finding::new(WRONG_TYPE, key, message).at(Some(node.place()));
    // A string of the right content needs only its quotes removed, and the other way round.
    let text = scalar_text(node);
    match (kind, &node.data) {
        (Kind::Text | Kind::Texts | Kind::List, Data::Int(_) | Data::Float(_) | Data::Bool(_)) => {
            finding.help(format!("\"{text}\" with quotes")).replacement(format!("\"{text}\""))
        }
        (Kind::Number, Data::Str(_)) if text.parse::<f64>().is_ok() => finding.help(format!("{text} without quotes")),
        (Kind::Unsigned | Kind::Integer, Data::Str(_)) if text.parse::<i64>().is_ok() => {
            finding.help(format!("{text} without quotes"))
        }
        (Kind::Boolean, Data::Str(_)) if matches!(text.as_str(), "true" | "false") => {
            finding.help(format!("{text} without quotes"))
        }
        _ => finding,
    }
}

/// A key that is not known, with the known one that resembles it.
fn unknown_key(dotted: &str, prefix: &str, key: &Node) -> Finding {
    let siblings = KEYS.iter().map(|(known, _)| *known).chain(GROUPS).filter(|known| known.starts_with(prefix));
    let near = nearest(dotted, siblings)
        // The right name in the wrong group.
        .or_else(|| {
            KEYS.iter().map(|(known, _)| *known).find(|known| known.rsplit('.').next() == Some(&scalar_text(key)))
        });
    let finding =
        Finding::new(UNKNOWN_KEY, dotted, format!("{dotted} is no setting of dd-trace-cpp and has no effect"));
    let finding = finding.at(Some(key.place()));
    match near {
        None => finding,
        Some(near) => {
            let finding = finding.suggest(near).help(format!("did you mean {near}?"));
            match near.strip_prefix(prefix) {
                Some(bare) if !bare.contains('.') && key.verbatim => finding.replacement(bare),
                _ => finding,
            }
        }
    }
}

/// The one of `known` that `name` is probably meant to be.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > 100 {
        return None;
    }
    let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '-'], "");
    let limit = (name.chars().count() / 4).max(2);
    let distance = |known: &str| {
        strsim::damerau_levenshtein(name, known).min(strsim::damerau_levenshtein(&plain(name), &plain(known)))
    };
    known.map(|known| (distance(known), known)).filter(|(distance, _)| *distance <= limit).min().map(|(_, known)| known)
}

/// `an array`, `a string`; null has none.
pub(super) fn with_article(word: &str) -> String {
    match word {
        "null" => word.to_owned(),
        _ if word.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {word}"),
        _ => format!("a {word}"),
    }
}

/// A scalar as text; what is no scalar by its type.
pub(super) fn scalar_text(node: &Node) -> String {
    match &node.data {
        Data::Null => "null".to_owned(),
        Data::Bool(value) => value.to_string(),
        Data::Int(value) => value.to_string(),
        Data::Float(value) => value.to_string(),
        Data::Str(text) => text.clone(),
        Data::Seq(items) => format!("[{}]", items.iter().map(scalar_text).collect::<Vec<_>>().join(", ")),
        Data::Map(_) => "{...}".to_owned(),
    }
}
