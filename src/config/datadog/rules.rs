//! Sampling rules out of JSON (config.md section 3.5), and out of the code-level file.
//!
//! `[{"service": "web", "name": "http.*", "tags": {"tier": "?"}, "sample_rate": 0.1}]`. The checks come in the tracer's
//! order: the text, then per rule its members in byte order of their names, then the ranges of all rules.

use super::code::{nearest, number, scalar_text, with_article};
use super::run::{clipped, neat};
use crate::config::codes::forms::{UNKNOWN_KEY, WRONG_TYPE};
use crate::config::codes::{lint, tracer};
use crate::config::document::{Data, Node};
use crate::config::json::{self, Json, Member};
use crate::config::{Finding, effect};
use crate::diagnostic::{Code, Place};
use crate::rule::{Glob, Rate, SamplingRule};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;

/// Trace rules or span rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Trace,
    Span,
}

impl Kind {
    fn invalid_json(self) -> Code {
        [tracer::TRACE_SAMPLING_RULES_INVALID_JSON, tracer::SPAN_SAMPLING_RULES_INVALID_JSON][self as usize]
    }

    fn no_array(self) -> Code {
        [tracer::TRACE_SAMPLING_RULES_WRONG_TYPE, tracer::SPAN_SAMPLING_RULES_WRONG_TYPE][self as usize]
    }

    fn rate_type(self) -> Code {
        let codes =
            [tracer::TRACE_SAMPLING_RULES_SAMPLE_RATE_WRONG_TYPE, tracer::SPAN_SAMPLING_RULES_SAMPLE_RATE_WRONG_TYPE];
        codes[self as usize]
    }

    fn unknown(self) -> Code {
        [tracer::TRACE_SAMPLING_RULES_UNKNOWN_PROPERTY, tracer::SPAN_SAMPLING_RULES_UNKNOWN_PROPERTY][self as usize]
    }

    fn members(self) -> &'static [&'static str] {
        const MEMBERS: [&str; 6] = ["name", "resource", "sample_rate", "service", "tags", "max_per_second"];
        &MEMBERS[..if self == Kind::Trace { 5 } else { 6 }]
    }

    fn word(self) -> &'static str {
        ["trace", "span"][self as usize]
    }
}

/// A part of a rule, with where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part<T> {
    pub value: T,
    pub place: Option<Place>,
}

/// A rule as it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rule {
    /// Its position in the array.
    pub index: usize,
    pub place: Option<Place>,
    pub service: Option<Part<String>>,
    pub name: Option<Part<String>>,
    pub resource: Option<Part<String>>,
    /// In byte order of their names.
    pub tags: BTreeMap<String, Part<String>>,
    pub rate: Option<Part<f64>>,
    pub limit: Option<Part<f64>>,
}

impl Rule {
    /// The member at a path inside the rule, for lints: `resource`, `tags.env`.
    pub fn patterns(&self) -> impl Iterator<Item = (String, &Part<String>)> {
        let members = [("service", &self.service), ("name", &self.name), ("resource", &self.resource)];
        let members = members.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part.as_ref()?)));
        members.chain(self.tags.iter().map(|(name, part)| (format!("tags.{name}"), part)))
    }

    /// The rule with which the tracer would run; `None` when a number is out of its range.
    pub fn finalized(&self) -> Option<SamplingRule> {
        let glob = |part: &Option<Part<String>>| {
            part.as_ref().map_or_else(Glob::default, |part| Glob::new(part.value.as_str()))
        };
        Some(SamplingRule {
            service: glob(&self.service),
            name: glob(&self.name),
            resource: glob(&self.resource),
            tags: self.tags.iter().map(|(name, part)| (name.clone(), Glob::new(part.value.as_str()))).collect(),
            rate: self.rate.as_ref().map_or(Ok(Rate::ONE), |part| Rate::new(part.value)).ok()?,
            max_per_second: self.limit.as_ref().map(|part| part.value),
        })
    }

    /// The first number that is out of its range, as an error about `source`.
    pub fn out_of_range(&self, source: &str, origin_is_env: bool) -> Option<Finding> {
        let index = self.index;
        if let Some(rate) = self.rate.as_ref().filter(|rate| Rate::new(rate.value).is_err()) {
            let path = format!("[{index}].sample_rate");
            let message = format!("{source}{path} is {}, a rate must be from 0 to 1", rate.value);
            let finding = Finding::new(tracer::RATE_OUT_OF_RANGE, source, message).path(path).at(rate.place.clone());
            let finding = match rate.value {
                x if x > 1.0 && x <= 100.0 => {
                    let fix = neat(x / 100.0);
                    finding.help(format!("\"sample_rate\": {fix}")).replacement(fix)
                }
                _ => finding.help("\"sample_rate\": a number from 0 to 1"),
            };
            return Some(if origin_is_env { effect::of(finding, "") } else { finding });
        }
        let limit = self.limit.as_ref().filter(|limit| !limit_fits(limit.value))?;
        let path = format!("[{index}].max_per_second");
        let message = format!("{source}{path} is {}, a limit must be a number above 0", limit.value);
        let finding = Finding::new(tracer::MAX_PER_SECOND_OUT_OF_RANGE, source, message).path(path);
        Some(finding.at(limit.place.clone()).help("\"max_per_second\": a number above 0; leave it out for no limit"))
    }
}

/// Whether a number is a limit per second: finite and above 0.
pub(crate) fn limit_fits(limit: f64) -> bool {
    limit.is_finite() && limit > 0.0
}

/// A rule as finalized JSON.
pub(super) fn to_json(rule: &SamplingRule, kind: Kind) -> Value {
    let tags: serde_json::Map<String, Value> =
        rule.tags.iter().map(|(name, glob)| (name.clone(), json!(glob.as_str()))).collect();
    let mut out = json!({
        "service": rule.service.as_str(),
        "name": rule.name.as_str(),
        "resource": rule.resource.as_str(),
        "tags": tags,
        "sample_rate": rule.rate.get(),
    });
    if kind == Kind::Span {
        out["max_per_second"] = json!(rule.max_per_second);
    }
    out
}

/// What reading rules found out.
#[derive(Default)]
pub(super) struct Read {
    /// The rules; `None` when the text is refused as a whole, which in strict mode any error does.
    pub rules: Option<Vec<Rule>>,
    /// Errors in order; one in strict mode.
    pub errors: Vec<Finding>,
    /// What is legal and surprising.
    pub notes: Vec<Finding>,
}

/// A JSON text of rules, and how its parts are named and placed.
pub(super) struct Text<'t> {
    pub kind: Kind,
    /// The variable.
    pub source: &'t str,
    /// What to add to the variable's name in messages, such as the file.
    pub suffix: String,
    pub text: &'t str,
    /// The place of bytes of the text.
    pub place_of: &'t dyn Fn(Range<usize>) -> Option<Place>,
    /// The bytes of a place are the text's own, so that a part of it can be replaced.
    pub verbatim: bool,
}

impl Text<'_> {
    /// Reads the rules. In lenient mode a bad rule is reported and left out.
    pub fn read(&self, lenient: bool) -> Read {
        let mut read = Read::default();
        let root = match json::read(self.text) {
            Ok(root) => root,
            Err(fault) => {
                self.invalid(fault, &mut read);
                return read;
            }
        };
        let Some(items) = root.items() else {
            let (source, found) = (self.named(), with_article(root.type_word()));
            let message = format!("{source} must be an array of rules, found {found}");
            let finding = Finding::new(self.kind.no_array(), self.source, message).at((self.place_of)(root.range()));
            let finding = match root.type_word() {
                "object" => {
                    self.replaced(finding.help("put the rule in brackets: [{...}]"), format!("[{}]", root.text()))
                }
                _ => finding.help(format!("{}=[{{\"service\": \"web\", \"sample_rate\": 0.1}}]", self.source)),
            };
            read.errors.push(effect::of(finding, self.text));
            return read;
        };
        let mut rules = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            match self.rule(index, item, &mut read.notes) {
                Ok(rule) => rules.push(rule),
                Err(finding) => {
                    read.errors.push(*finding);
                    if !lenient {
                        return read;
                    }
                }
            }
        }
        read.rules = Some(rules);
        read
    }

    fn named(&self) -> String {
        format!("{}{}", self.source, self.suffix)
    }

    fn invalid(&self, fault: json::JsonFault, read: &mut Read) {
        let before = self.text.get(..fault.at.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let near = excerpt(self.text, &fault.at);
        let blank = self.text.trim().is_empty();
        let why = if blank { "the text is empty" } else { &fault.why };
        let message = format!("{} is no JSON: {why} at line {line}, column {column}, near {near:?}", self.named());
        let place = (self.place_of)(fault.at.clone());
        let finding = Finding::new(self.kind.invalid_json(), self.source, message).at(place.clone());
        let before = before.trim_end();
        let after = self.text.get(fault.at.start..).unwrap_or_default();
        let finding = if blank {
            finding.help(format!("unset {} when there are no rules, or []", self.source))
        } else if before.ends_with(',') && after.starts_with([']', '}']) {
            finding.help("remove the comma before the closing bracket")
        } else if after.starts_with('\'') {
            finding.help("JSON strings have double quotes")
        } else if fault.overflow {
            finding.help("a number from 0 to 1")
        } else {
            finding.help(format!("{}=[{{\"service\": \"web\", \"sample_rate\": 0.1}}]", self.source))
        };
        read.errors.push(effect::of(finding, self.text));
        if fault.overflow {
            let number = self.text.get(fault.at).unwrap_or_default();
            let message = format!(
                "{}: {} does not fit a double; dd-trace-cpp 2.2.1 lets the exception of its JSON parser escape, which ends \
                 the process",
                self.named(),
                clipped(number)
            );
            read.notes.push(Finding::new(lint::OVERFLOW_CRASH, self.source, message).at(place));
        }
    }

    /// One element.
    fn rule(&self, index: usize, item: Json<'_>, notes: &mut Vec<Finding>) -> Result<Rule, Box<Finding>> {
        let at = format!("[{index}]");
        let Some(written) = item.members() else {
            let message = format!(
                "{}{at} must be an object, found the {} {}",
                self.named(),
                item.type_word(),
                clipped(item.text())
            );
            let finding = Finding::new(tracer::RULE_WRONG_TYPE, self.source, message).path(at);
            let finding = finding.at((self.place_of)(item.range()));
            return Err(Box::new(finding.help("each rule is an object: {\"service\": \"web\", \"sample_rate\": 0.1}")));
        };
        let mut members: BTreeMap<&str, &Member<'_>> = BTreeMap::new();
        for member in &written {
            // The last one counts, as in nlohmann's parser.
            if members.insert(&member.name, member).is_some() {
                let message =
                    format!("{}{at} has the member {:?} twice; the last one counts", self.named(), member.name);
                let finding = Finding::new(lint::MEMBER_TWICE, self.source, message);
                notes.push(finding.path(format!("{at}.{}", member.name)).at((self.place_of)(member.name_at.clone())));
            }
        }
        let mut rule = Rule { index, place: (self.place_of)(item.range()), ..Rule::default() };
        for name in ["name", "resource", "service"] {
            let part = match members.get(name) {
                None => continue,
                Some(member) => self.string(tracer::RULE_PROPERTY_WRONG_TYPE, &format!("{at}.{name}"), member.value)?,
            };
            match name {
                "name" => rule.name = Some(part),
                "resource" => rule.resource = Some(part),
                _ => rule.service = Some(part),
            }
        }
        if let Some(tags) = members.get("tags") {
            let path = format!("{at}.tags");
            let Some(written) = tags.value.members() else {
                return Err(self.wrong_type(
                    tracer::RULE_PROPERTY_WRONG_TYPE,
                    &path,
                    "an object of strings",
                    tags.value,
                ));
            };
            let sorted: BTreeMap<&str, Json<'_>> = written.iter().map(|tag| (tag.name.as_str(), tag.value)).collect();
            for (tag, value) in sorted {
                let part = self.string(tracer::RULE_TAG_WRONG_TYPE, &format!("{path}.{tag}"), value)?;
                rule.tags.insert(tag.to_owned(), part);
            }
        }
        rule.rate = self.number(self.kind.rate_type(), &at, "sample_rate", &members)?;
        if self.kind == Kind::Span {
            let code = tracer::SPAN_SAMPLING_RULES_MAX_PER_SECOND_WRONG_TYPE;
            rule.limit = self.number(code, &at, "max_per_second", &members)?;
        }
        if let Some((_, member)) = members.iter().find(|(name, _)| !self.kind.members().contains(*name)) {
            return Err(self.unknown(&at, member, notes));
        }
        Ok(rule)
    }

    fn string(&self, code: Code, path: &str, value: Json<'_>) -> Result<Part<String>, Box<Finding>> {
        match value.string() {
            Some(text) => Ok(Part { value: text, place: (self.place_of)(value.inner()) }),
            None => Err(self.wrong_type(code, path, "a string", value)),
        }
    }

    fn number(
        &self,
        code: Code,
        at: &str,
        name: &str,
        members: &BTreeMap<&str, &Member<'_>>,
    ) -> Result<Option<Part<f64>>, Box<Finding>> {
        let Some(member) = members.get(name) else {
            return Ok(None);
        };
        match member.value.number() {
            Some(number) => Ok(Some(Part { value: number, place: (self.place_of)(member.value.range()) })),
            None => Err(self.wrong_type(code, &format!("{at}.{name}"), "a number", member.value)),
        }
    }

    fn wrong_type(&self, code: Code, path: &str, wanted: &str, value: Json<'_>) -> Box<Finding> {
        let found = format!("the {} {}", value.type_word(), clipped(value.text()));
        let message = format!("{}{path} must be {wanted}, found {found}", self.named());
        let finding = Finding::new(code, self.source, message).path(path).at((self.place_of)(value.range()));
        let member = path.rsplit('.').next().unwrap_or(path);
        let finding = match (wanted, value.type_word()) {
            ("a string", "number" | "boolean") => {
                let fix = format!("\"{}\"", value.text());
                self.replaced(finding.help(format!("{member:?}: {fix}")), fix)
            }
            ("a number", "string") => match value.string().filter(|text| text.trim().parse::<f64>().is_ok()) {
                Some(text) => {
                    let fix = text.trim().to_owned();
                    self.replaced(finding.help(format!("remove the quotes: {member:?}: {fix}")), fix)
                }
                None => finding.help(format!("{member:?}: a number without quotes")),
            },
            ("a number", _) => finding.help(format!("{member:?}: a number, or leave it out")),
            ("a string", _) => finding.help(format!("{member:?}: \"a pattern with * and ?\", one rule for each")),
            _ => finding.help("\"tags\": {\"key\": \"pattern\"}"),
        };
        Box::new(finding)
    }

    fn unknown(&self, at: &str, member: &Member<'_>, notes: &mut Vec<Finding>) -> Box<Finding> {
        let (name, kind) = (member.name.as_str(), self.kind);
        let path = format!("{at}.{name}");
        let place = (self.place_of)(member.name_at.clone());
        let value = clipped(member.value.text());
        let message = format!(
            "{}{path} (value {value}) is no member of a {} sampling rule; known are {}",
            self.named(),
            kind.word(),
            kind.members().join(", ")
        );
        let finding = Finding::new(kind.unknown(), self.source, message).path(&*path).at(place.clone());
        if let Some(whose) = foreign(kind, name) {
            let message = format!("{}{path}: {whose}", self.named());
            notes.push(Finding::new(lint::FOREIGN_RULE_MEMBER, self.source, message).path(path).at(place));
        }
        let near = nearest(name, kind.members().iter().copied());
        let finding = match near {
            Some(near) => {
                let finding = finding.suggest(near).help(format!("\"{near}\": {value}"));
                self.replaced(finding, format!("\"{near}\""))
            }
            None => finding.help(format!("remove {name:?}")),
        };
        Box::new(effect::of(finding, self.text))
    }

    fn replaced(&self, finding: Finding, text: String) -> Finding {
        if self.verbatim { finding.replacement(text) } else { finding }
    }
}

/// Where a member that dd-trace-cpp does not know is known.
fn foreign(kind: Kind, name: &str) -> Option<&'static str> {
    match (kind, name) {
        (Kind::Trace, "max_per_second") => {
            Some("span rules and dd-trace-go have it; for traces set DD_TRACE_RATE_LIMIT, which all rules share")
        }
        (_, "target_span") => Some("dd-trace-java has it"),
        (_, "provenance" | "_provenance") => Some("rules that come by remote configuration have it"),
        (_, "sampleRate" | "maxPerSecond") => Some("dd-trace-js has it in code"),
        (_, "type" | "pattern") => Some("other tracers have had it"),
        _ => None,
    }
}

/// The text around bytes, on one line.
fn excerpt(text: &str, at: &Range<usize>) -> String {
    let start = text[..at.start.min(text.len())].char_indices().rev().nth(15).map_or(0, |(start, _)| start);
    let rest = text.get(start..).unwrap_or_default();
    rest.chars().take(32).collect()
}

/// The rules of a key of the code-level configuration: rules, wrong types, unknown members.
pub(super) fn of_code(kind: Kind, key: &str, node: &Node) -> (Vec<Rule>, Vec<Finding>, Vec<Finding>) {
    let (mut rules, mut errors, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    for (index, item) in node.items().iter().enumerate() {
        let before = errors.len();
        let mut rule = Rule { index, place: Some(item.place()), ..Rule::default() };
        let mut wrong = |path: String, wanted: &str, node: &Node| {
            let message = format!("{key}{path} must be {wanted}, found the {} {}", node.type_word(), scalar_text(node));
            errors.push(Finding::new(WRONG_TYPE, key, message).path(path).at(Some(node.place())));
        };
        for (name, value) in item.entries() {
            let member = scalar_text(name);
            let path = format!("[{index}].{member}");
            let text = || value.text().map(|text| Part { value: text.to_owned(), place: Some(value.place()) });
            let amount = || number(value).map(|number| Part { value: number, place: Some(value.place()) });
            if !kind.members().contains(&member.as_str()) {
                let message = format!("{key}{path} is no member of a {} sampling rule and has no effect", kind.word());
                let finding = Finding::new(UNKNOWN_KEY, key, message).path(path).at(Some(name.place()));
                warnings.push(match nearest(&member, kind.members().iter().copied()) {
                    Some(near) => finding.suggest(near).help(format!("did you mean {near}?")),
                    None => finding,
                });
                continue;
            }
            match member.as_str() {
                "tags" => match &value.data {
                    Data::Map(entries) => {
                        for (tag, value) in entries {
                            let tag = scalar_text(tag);
                            match value.text() {
                                Some(text) => {
                                    let part = Part { value: text.to_owned(), place: Some(value.place()) };
                                    rule.tags.insert(tag, part);
                                }
                                None => wrong(format!("{path}.{tag}"), "a string", value),
                            }
                        }
                    }
                    _ => wrong(path, "an object of strings", value),
                },
                "sample_rate" | "max_per_second" => match (amount(), member.as_str()) {
                    (Some(number), "sample_rate") => rule.rate = Some(number),
                    (Some(number), _) => rule.limit = Some(number),
                    (None, _) => wrong(path, "a number", value),
                },
                _ => match (text(), member.as_str()) {
                    (Some(text), "service") => rule.service = Some(text),
                    (Some(text), "name") => rule.name = Some(text),
                    (Some(text), _) => rule.resource = Some(text),
                    (None, _) => wrong(path, "a string", value),
                },
            }
        }
        if errors.len() == before {
            rules.push(rule);
        }
    }
    (rules, errors, warnings)
}
