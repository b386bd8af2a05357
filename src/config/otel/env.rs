//! The variables: each read by its type (config.md section 6.1), then finalized.

use super::super::codes::otel::{
    BATCH_OVER_QUEUE, DUPLICATE, HEADER_MALFORMED, INSECURE_UNUSED, NAME_TWICE, NO_LIMIT, NONE_COMBINED, NOT_BOOLEAN,
    NUMBER_IGNORED, OBSOLETE, RESOURCE_MALFORMED, SAMPLER_ARG_INVALID, SAMPLER_ARG_UNUSED, SDK_DIFFERS, SDK_DISABLED,
    UNKNOWN_ENUM,
};
use super::endpoint::{Endpoint, Use};
use super::pairs::{self, Pairs};
use super::sdk::{When, effect};
use super::variables::{DEPRECATED_VALUES, Kind, VARIABLES};
use super::{FinalizedOtelConfig, SpanLimits, SpanProcessor};
use crate::config::parse::trimmed;
use crate::config::secret::{MASK, masked};
use crate::config::vars::{Var, nearest, var};
use crate::config::{Entry, Finding, Setting, Target};
use rustc_hash::FxHashMap;
use std::ops::Range;

/// Faults of one list that are told one by one.
const KEPT: usize = 20;

/// A value that was read by the type of its variable.
#[derive(Clone, Debug)]
enum Parsed {
    Bool(bool),
    Number(u64),
    Word(String),
    Words(Vec<String>),
}

/// The variables of a target, as the specification reads them.
pub struct Env<'t> {
    target: &'t Target,
    values: FxHashMap<&'static str, Parsed>,
    /// Lists that contradict themselves.
    undefined: Vec<&'static str>,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// The variable `name`: white space around its value does not count, and nothing is as good as unset.
pub fn given<'t>(target: &'t Target, name: &str) -> Var<'t> {
    match var(target, name) {
        Var::Set(entry) if trimmed(&entry.value).is_empty() => Var::Unset,
        found => found,
    }
}

/// The value of a variable without white space around it, and where it starts.
fn value(entry: &Entry) -> (usize, &str) {
    (entry.value.len() - entry.value.trim_ascii_start().len(), trimmed(&entry.value))
}

impl<'t> Env<'t> {
    /// Reads every variable by its type.
    pub fn read(target: &'t Target) -> Self {
        let mut env = Env { target, values: FxHashMap::default(), undefined: Vec::new(), findings: Vec::new() };
        for variable in VARIABLES {
            let Var::Set(entry) = var(target, variable.name) else { continue };
            if trimmed(&entry.value).is_empty() {
                env.differs(variable.name, entry, When::Blank, "empty is as good as unset by the specification");
                continue;
            }
            if let Some((instead, why)) = variable.obsolete {
                let finding = Finding::new(OBSOLETE, variable.name, format!("{} is obsolete: {why}", variable.name))
                    .at(entry.name_place.clone().or_else(|| entry.place()));
                env.findings.push(match instead {
                    Some(instead) => finding.suggest(instead).help(format!("use {instead}")),
                    None => finding.help(format!("remove {}", variable.name)),
                });
            }
            let parsed = match variable.kind {
                Kind::Bool => env.boolean(entry).map(Parsed::Bool),
                Kind::Int { min, max } => env.number(entry, min, max).map(Parsed::Number),
                Kind::Duration => env.number(entry, 0, i64::MAX as u64).map(Parsed::Number),
                Kind::Timeout => env.timeout(entry).map(Parsed::Number),
                Kind::Enum(known) => env.word(entry, known).map(Parsed::Word),
                Kind::List(known) => env.words(variable.name, entry, known).map(Parsed::Words),
                Kind::Attributes | Kind::Headers | Kind::Url | Kind::SamplerArg | Kind::Text => None,
            };
            if let Some(parsed) = parsed {
                env.values.insert(variable.name, parsed);
            }
        }
        env
    }

    fn differs(&mut self, name: &'static str, entry: &Entry, when: When, by_specification: &str) {
        if let Some(effect) = effect(name, when) {
            let message = format!("{name}: {by_specification}, but {effect}");
            self.findings.push(Finding::new(SDK_DIFFERS, name, message).at(entry.place()).effect(effect));
        }
    }

    /// Pushes a finding, with what a major SDK does with the same value.
    fn push(&mut self, finding: Finding, when: When) {
        let known = effect(&finding.about, when);
        self.findings.push(match known {
            Some(effect) => finding.effect(effect),
            None => finding,
        });
    }

    fn boolean(&mut self, entry: &Entry) -> Option<bool> {
        let (at, text) = value(entry);
        if text.eq_ignore_ascii_case("true") {
            return Some(true);
        }
        if !text.eq_ignore_ascii_case("false") {
            let name = entry.name.as_str();
            let meant = match text.to_ascii_lowercase().as_str() {
                "1" | "yes" | "y" | "on" | "t" | "enable" | "enabled" => Some("true"),
                "0" | "no" | "n" | "off" | "f" | "disable" | "disabled" => Some("false"),
                _ => None,
            };
            let message = format!("{name} {text:?} is neither true nor false and counts as false");
            let finding = Finding::new(NOT_BOOLEAN, name, message).at(entry.place_of(at..at + text.len()));
            self.findings.push(match meant {
                Some(meant) => finding.help(format!("write {name}={meant}")).replacement(meant),
                None => finding.help(format!("write {name}=true or {name}=false")),
            });
        }
        Some(false)
    }

    fn number(&mut self, entry: &Entry, min: u64, max: u64) -> Option<u64> {
        let (at, text) = value(entry);
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let parsed = text.parse::<u64>().ok().filter(|_| digits);
        let (why, when) = match parsed {
            Some(number) if (min..=max).contains(&number) => return Some(number),
            Some(number) if number < min => (format!("is below {min}"), When::TooSmall),
            _ if digits => (format!("is above {max}"), When::NotANumber),
            _ if text.strip_prefix('-').is_some_and(|rest| rest.parse::<u64>().is_ok()) => {
                ("is negative".to_owned(), When::TooSmall)
            }
            _ => ("is no number in decimal digits".to_owned(), When::NotANumber),
        };
        let name = entry.name.as_str();
        let message = format!("{name} {text:?} {why} and is ignored");
        let mut finding = Finding::new(NUMBER_IGNORED, name, message).at(entry.place_of(at..at + text.len()));
        // `5s` and `500ms` are durations of other programs.
        let milliseconds = text.strip_suffix("ms").and_then(|rest| rest.trim().parse::<u64>().ok()).or_else(|| {
            text.strip_suffix('s').and_then(|rest| rest.trim().parse::<u64>().ok()).and_then(|s| s.checked_mul(1000))
        });
        finding = match milliseconds.filter(|_| max == i64::MAX as u64 && min == 0) {
            Some(meant) => finding.help(format!("write milliseconds: {name}={meant}")).replacement(meant.to_string()),
            None => finding.help(format!("write a whole number from {min} on: {name}=N, or remove {name}")),
        };
        self.push(finding, when);
        None
    }

    fn timeout(&mut self, entry: &Entry) -> Option<u64> {
        let number = self.number(entry, 0, i64::MAX as u64)?;
        let name = entry.name.as_str();
        if number == 0 {
            let message = format!("{name} 0 means no limit, not no waiting");
            self.findings.push(Finding::new(NO_LIMIT, name, message).at(entry.place()));
        } else if let Some(effect) = effect(name, When::Milliseconds) {
            let message = format!("{name}={number} are milliseconds by the specification, but {effect}: {number} s");
            self.findings.push(Finding::new(SDK_DIFFERS, name, message).at(entry.place()).effect(effect));
        }
        Some(number)
    }

    fn unknown(&mut self, entry: &Entry, range: Range<usize>, text: &str, known: &[&str], rest: &str) {
        let name = entry.name.as_str();
        let message = format!("{name}: {text:?} is no known value{rest}");
        let mut finding = Finding::new(UNKNOWN_ENUM, name, message).at(entry.place_of(range));
        if text != trimmed(&entry.value) {
            finding = finding.path(text);
        }
        finding = match nearest(text, known) {
            Some(meant) => finding.suggest(meant).replacement(meant).help(format!("did you mean {meant}?")),
            None => finding.help(format!("known values: {}", known.join(", "))),
        };
        self.push(finding, When::Unknown);
    }

    fn deprecated(&mut self, entry: &Entry, range: Range<usize>, word: &str) {
        let row = DEPRECATED_VALUES.iter().find(|row| row.0 == entry.name && row.1 == word);
        if let Some((name, word, instead)) = row {
            let finding = Finding::new(OBSOLETE, *name, format!("{name}: the value {word} is deprecated"))
                .at(entry.place_of(range))
                .help(format!("use {instead}"));
            self.findings.push(finding.suggest(*instead).replacement(*instead));
        }
    }

    fn word(&mut self, entry: &Entry, known: &[&str]) -> Option<String> {
        let (at, text) = value(entry);
        let word = text.to_ascii_lowercase();
        if known.contains(&word.as_str()) {
            return Some(word);
        }
        self.unknown(entry, at..at + text.len(), text, known, " and is ignored");
        None
    }

    fn words(&mut self, name: &'static str, entry: &Entry, known: &[&str]) -> Option<Vec<String>> {
        let mut words: Vec<String> = Vec::new();
        let (mut start, mut told, mut silent) = (0, 0, 0);
        for part in entry.value.split(',') {
            let text = trimmed(part);
            let at = start + (part.len() - part.trim_ascii_start().len());
            start += part.len() + 1;
            if text.is_empty() {
                continue;
            }
            let range = at..at + text.len();
            let word = text.to_ascii_lowercase();
            let known_word = known.contains(&word.as_str());
            if (!known_word || words.contains(&word)) && told >= KEPT {
                silent += 1;
                continue;
            }
            told += usize::from(!known_word || words.contains(&word));
            if !known_word {
                self.unknown(entry, range, text, known, " and is left out");
            } else if words.contains(&word) {
                let message = format!("{name}: {word} stands twice and counts once");
                self.findings.push(Finding::new(DUPLICATE, name, message).at(entry.place_of(range)).path(text));
            } else {
                if word != text {
                    self.differs(name, entry, When::UpperCase, &format!("{text:?} is {word} by the specification"));
                }
                self.deprecated(entry, range, &word);
                words.push(word);
            }
        }
        if silent > 0 {
            let message = format!("{name}: {silent} further items are not known or stand twice");
            self.findings.push(Finding::new(UNKNOWN_ENUM, name, message).at(entry.place()));
        }
        if words.len() > 1 && words.iter().any(|word| word == "none") {
            let others: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "none").collect();
            let others = others.join(",");
            let message =
                format!("{name}: none together with {others} contradicts itself, and the result is undefined");
            let finding = Finding::new(NONE_COMBINED, name, message)
                .at(entry.place())
                .help(format!("write {name}=none or {name}={others}"));
            self.push(finding, When::NoneCombined);
            self.undefined.push(name);
        }
        (!words.is_empty()).then_some(words)
    }

    /// The first of `names` that has a value, as a setting; `None` when a source cannot be known here.
    fn pick<T: Clone>(
        &self,
        names: &[&'static str],
        default: T,
        of: impl Fn(&Parsed) -> Option<T>,
    ) -> Option<Setting<T>> {
        let mut found: Option<Setting<T>> = None;
        for name in names {
            match var(self.target, name) {
                Var::Unknown if found.is_none() => return None,
                Var::Set(entry) => {
                    let Some(value) = self.values.get(name).and_then(&of) else { continue };
                    match &mut found {
                        Some(found) => found.overridden.push(format!("{name}={}", trimmed(&entry.value))),
                        None => found = Some(entry.setting(value)),
                    }
                }
                _ => {}
            }
        }
        Some(found.unwrap_or_else(|| Setting::default_of(default)))
    }

    fn number_of(&self, names: &[&'static str], default: u64) -> Option<Setting<u64>> {
        self.pick(names, default, |parsed| match parsed {
            Parsed::Number(number) => Some(*number),
            _ => None,
        })
    }

    fn optional_number_of(&self, names: &[&'static str]) -> Option<Setting<Option<u64>>> {
        self.pick(names, None, |parsed| match parsed {
            Parsed::Number(number) => Some(Some(*number)),
            _ => None,
        })
    }

    fn bool_of(&self, names: &[&'static str]) -> Option<Setting<bool>> {
        self.pick(names, false, |parsed| match parsed {
            Parsed::Bool(value) => Some(*value),
            _ => None,
        })
    }

    fn word_of(&self, names: &[&'static str], default: &str) -> Option<Setting<String>> {
        self.pick(names, default.to_owned(), |parsed| match parsed {
            Parsed::Word(word) => Some(word.clone()),
            _ => None,
        })
    }

    fn words_of(&self, name: &'static str, default: &[&str]) -> Option<Setting<Vec<String>>> {
        if self.undefined.contains(&name) {
            return None;
        }
        let default = default.iter().map(|word| (*word).to_owned()).collect();
        self.pick(&[name], default, |parsed| match parsed {
            Parsed::Words(words) => Some(words.clone()),
            _ => None,
        })
    }

    /// What an SDK would run with.
    pub fn finalize(&mut self) -> FinalizedOtelConfig {
        let attributes = self.resource_attributes();
        let service_name = self.service_name(attributes.as_ref());
        let resource_attributes = match (attributes, &service_name) {
            (Some(mut attributes), Some(name)) => {
                attributes.value.set("service.name", name.value.clone());
                if attributes.origin < name.origin {
                    attributes = with_value(name, attributes.value);
                }
                Some(attributes)
            }
            _ => None,
        };
        let sampler = self.word_of(&["OTEL_TRACES_SAMPLER"], "parentbased_always_on");
        let sampler_ratio = self.sampler_argument(sampler.as_ref());
        let protocol =
            self.word_of(&["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"], "http/protobuf");
        let endpoint = protocol.as_ref().and_then(|protocol| self.traces_endpoint(&protocol.value));
        self.other_endpoints();
        let insecure = self.insecure(protocol.as_ref(), endpoint.as_ref());
        let processor = SpanProcessor {
            schedule_delay_ms: self.number_of(&["OTEL_BSP_SCHEDULE_DELAY"], 5000),
            export_timeout_ms: self.number_of(&["OTEL_BSP_EXPORT_TIMEOUT"], 30000),
            max_queue_size: self.number_of(&["OTEL_BSP_MAX_QUEUE_SIZE"], 2048),
            max_export_batch_size: self.number_of(&["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"], 512),
        };
        self.batches();
        let limits = SpanLimits {
            attribute_count: self.number_of(&["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"], 128),
            attribute_value_length: self
                .optional_number_of(&["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"]),
            event_count: self.number_of(&["OTEL_SPAN_EVENT_COUNT_LIMIT"], 128),
            link_count: self.number_of(&["OTEL_SPAN_LINK_COUNT_LIMIT"], 128),
            event_attribute_count: self.number_of(&["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"], 128),
            link_attribute_count: self.number_of(&["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"], 128),
        };
        let sdk_disabled = self.bool_of(&["OTEL_SDK_DISABLED"]);
        if sdk_disabled.as_ref().is_some_and(|disabled| disabled.value) {
            self.while_disabled();
        }
        let headers = self.headers();
        FinalizedOtelConfig {
            sdk_disabled,
            service_name,
            resource_attributes,
            propagators: self.words_of("OTEL_PROPAGATORS", &["tracecontext", "baggage"]),
            sampler,
            sampler_ratio,
            exporters: self.words_of("OTEL_TRACES_EXPORTER", &["otlp"]),
            protocol,
            endpoint,
            insecure,
            headers,
            compression: self.pick(
                &["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"],
                None,
                |parsed| match parsed {
                    Parsed::Word(word) => Some(Some(word.clone())),
                    _ => None,
                },
            ),
            timeout_ms: self.number_of(&["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"], 10000),
            bsp: processor,
            span_limits: limits,
            config_file: None,
        }
    }

    fn resource_attributes(&mut self) -> Option<Setting<Pairs>> {
        const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";
        let entry = match given(self.target, NAME) {
            Var::Unknown => return None,
            Var::Unset => return Some(Setting::default_of(Pairs::default())),
            Var::Set(entry) => entry,
        };
        let pairs = pairs::attributes(&entry.value);
        let discarded = !pairs.faults.is_empty();
        for fault in &pairs.faults {
            let message = format!("{NAME}: {} {}, so all of it is discarded", fault.entry(), fault.why);
            let finding = Finding::new(RESOURCE_MALFORMED, NAME, message)
                .at(entry.place_of(fault.range.clone()))
                .path(fault.path())
                .help("write key=value,key=value; a comma in a value is %2C, a percent sign %25");
            self.push(finding, When::Malformed);
        }
        Some(match discarded {
            true => Setting::default_of(Pairs::default()),
            false => entry.setting(pairs),
        })
    }

    fn service_name(&mut self, attributes: Option<&Setting<Pairs>>) -> Option<Setting<String>> {
        let named = attributes.map(|attributes| attributes.value.get("service.name").map(|name| (attributes, name)));
        match (given(self.target, "OTEL_SERVICE_NAME"), named) {
            (Var::Unknown, _) | (Var::Unset, None) => None,
            (Var::Unset, Some(None)) => Some(Setting::default_of("unknown_service".to_owned())),
            (Var::Unset, Some(Some((attributes, name)))) => Some(with_value(attributes, name.to_owned())),
            (Var::Set(entry), named) => {
                let mut setting = entry.setting(trimmed(&entry.value).to_owned());
                if let Some(Some((attributes, name))) = named {
                    let message = format!(
                        "service.name={name} in OTEL_RESOURCE_ATTRIBUTES is not used: OTEL_SERVICE_NAME={} wins",
                        setting.value
                    );
                    let finding = Finding::new(NAME_TWICE, "OTEL_RESOURCE_ATTRIBUTES", message)
                        .at(attributes.place.clone())
                        .path("service.name")
                        .overridden_by("OTEL_SERVICE_NAME")
                        .help("leave service.name out of OTEL_RESOURCE_ATTRIBUTES");
                    self.findings.push(finding);
                    setting.overridden.push(format!("OTEL_RESOURCE_ATTRIBUTES service.name={name}"));
                }
                Some(setting)
            }
        }
    }

    /// The ratio of a ratio sampler; `None` for others.
    fn sampler_argument(&mut self, sampler: Option<&Setting<String>>) -> Option<Setting<f64>> {
        const ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
        let sampler = sampler?;
        let ratio = matches!(sampler.value.as_str(), "traceidratio" | "parentbased_traceidratio");
        let entry = match given(self.target, ARG) {
            Var::Unknown => return None,
            Var::Unset => return ratio.then(|| Setting::default_of(1.0)),
            Var::Set(entry) => entry,
        };
        let (at, text) = value(entry);
        let place = entry.place_of(at..at + text.len());
        match sampler.value.as_str() {
            "jaeger_remote" | "parentbased_jaeger_remote" => {
                self.jaeger_remote(entry);
                return None;
            }
            "xray" => return None,
            _ if ratio => {}
            other => {
                let message = match sampler.from.is_empty() {
                    true => format!("{ARG} {text:?} is not used: no sampler is set, and {other} takes no argument"),
                    false => format!("{ARG} {text:?} is not used: the sampler {other} takes no argument"),
                };
                let fix = if other == "always_on" { "traceidratio" } else { "parentbased_traceidratio" };
                self.findings.push(
                    Finding::new(SAMPLER_ARG_UNUSED, ARG, message)
                        .at(place)
                        .help(format!("write OTEL_TRACES_SAMPLER={fix}, or remove {ARG}")),
                );
                return None;
            }
        }
        if let Some(ratio) = plain_ratio(text) {
            return Some(entry.setting(ratio));
        }
        let when = if text.eq_ignore_ascii_case("nan") { When::RatioNan } else { When::RatioRange };
        let message = format!("{ARG} {text:?} is no number from 0 to 1 and is ignored: the ratio is 1.0");
        let finding = Finding::new(SAMPLER_ARG_INVALID, ARG, message).at(place);
        let finding = match crate::config::vars::meant_rate(text) {
            Some(meant) => finding.help(format!("write {ARG}={meant}")).replacement(meant),
            None => finding.help(format!("write a number from 0 to 1, for example {ARG}=0.1")),
        };
        // Only numbers out of range were tried.
        match text.parse::<f64>() {
            Ok(_) => self.push(finding, when),
            Err(_) => self.findings.push(finding),
        }
        Some(Setting::default_of(1.0))
    }

    /// `endpoint=..,pollingIntervalMs=..,initialSamplingRate=..`.
    fn jaeger_remote(&mut self, entry: &Entry) {
        let name = entry.name.as_str();
        let mut start = 0;
        for part in entry.value.split(',').take(KEPT) {
            let range = start..start + part.len();
            start += part.len() + 1;
            let (key, argument) = part.split_once('=').map_or((trimmed(part), ""), |(k, v)| (trimmed(k), trimmed(v)));
            let why = match key {
                "endpoint" if argument.is_empty() => "names no endpoint",
                "endpoint" => continue,
                "pollingIntervalMs" if argument.parse::<u64>().is_ok() => continue,
                "pollingIntervalMs" => "is no number of milliseconds",
                "initialSamplingRate" if plain_ratio(argument).is_some() => continue,
                "initialSamplingRate" => "is no number from 0 to 1",
                _ => "is none of endpoint, pollingIntervalMs and initialSamplingRate",
            };
            let message = format!("{name}: {:?} {why}", trimmed(part));
            self.findings.push(
                Finding::new(SAMPLER_ARG_INVALID, name, message)
                    .at(entry.place_of(range))
                    .path(key)
                    .help("write endpoint=http://HOST:14250,pollingIntervalMs=5000,initialSamplingRate=0.25"),
            );
        }
    }

    fn headers(&mut self) -> Option<Setting<Pairs>> {
        let mut found: Option<Setting<Pairs>> = None;
        let mut unknown = false;
        let names = [
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
        ];
        for (at, name) in names.into_iter().enumerate() {
            let entry = match given(self.target, name) {
                Var::Unknown => {
                    unknown |= at < 2 && found.is_none();
                    continue;
                }
                Var::Unset => continue,
                Var::Set(entry) => entry,
            };
            let pairs = pairs::headers(&entry.value);
            for fault in &pairs.faults {
                let message = format!("{name}: {} {} and is left out", fault.entry(), fault.why);
                let finding = Finding::new(HEADER_MALFORMED, name, message)
                    .at(entry.place_of(fault.range.clone()))
                    .path(fault.path())
                    .help("write name=value,name=value with values percent-encoded: a comma is %2C, a semicolon %3B");
                self.findings.push(finding);
            }
            if at < 2 && !unknown {
                match &mut found {
                    // Values of headers are secret more often than not.
                    Some(found) => found.overridden.push(format!("{name}={MASK}")),
                    None => found = Some(entry.setting(pairs)),
                }
            }
        }
        match unknown {
            true => None,
            false => Some(found.unwrap_or_else(|| Setting::default_of(Pairs::default()))),
        }
    }

    /// The endpoint of traces. `None` when it is unusable, or cannot be known here.
    fn traces_endpoint(&mut self, protocol: &str) -> Option<Setting<String>> {
        let grpc = protocol == "grpc";
        let own = given(self.target, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let generic = given(self.target, "OTEL_EXPORTER_OTLP_ENDPOINT");
        let mut finalized: Option<Option<Setting<String>>> = None;
        for (var, used) in [(own, Use::Signal), (generic, Use::Base)] {
            let used = if grpc { Use::Grpc } else { used };
            match var {
                Var::Unset => {}
                Var::Unknown => {
                    finalized.get_or_insert(None);
                }
                Var::Set(entry) => {
                    let url = self.endpoint(entry, used, "traces").map(|url| entry.setting(url));
                    match &mut finalized {
                        Some(Some(higher)) => higher.overridden.push(format!(
                            "{}={}",
                            entry.name,
                            masked(&entry.name, trimmed(&entry.value))
                        )),
                        Some(None) => {}
                        None => finalized = Some(url),
                    }
                }
            }
        }
        let default = if grpc { "http://localhost:4317" } else { "http://localhost:4318/v1/traces" };
        finalized.unwrap_or_else(|| Some(Setting::default_of(default.to_owned())))
    }

    fn endpoint(&mut self, entry: &Entry, used: Use, signal: &str) -> Option<String> {
        let (at, text) = value(entry);
        let endpoint = Endpoint { about: &entry.name, text, used, signal };
        endpoint.findings(&|range| entry.place_of(at + range.start..at + range.end), &mut self.findings);
        endpoint.finalized()
    }

    /// Endpoints that traces do not use.
    fn other_endpoints(&mut self) {
        let signals = [
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "metrics"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "logs"),
        ];
        for (name, protocol, signal) in signals {
            let Var::Set(entry) = given(self.target, name) else { continue };
            let protocol = self.word_of(&[protocol, "OTEL_EXPORTER_OTLP_PROTOCOL"], "http/protobuf");
            let Some(protocol) = protocol else { continue };
            let used = if protocol.value == "grpc" { Use::Grpc } else { Use::Signal };
            self.endpoint(entry, used, signal);
        }
    }

    /// Whether gRPC runs without TLS; `None` over HTTP. The flag counts only where the endpoint has no scheme.
    fn insecure(
        &mut self,
        protocol: Option<&Setting<String>>,
        endpoint: Option<&Setting<String>>,
    ) -> Option<Setting<bool>> {
        const NAMES: [&str; 3] =
            ["OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_SPAN_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE"];
        let protocol = protocol?;
        let scheme = endpoint.and_then(|endpoint| {
            let text = endpoint.value.as_str();
            Endpoint { about: "", text, used: Use::Grpc, signal: "traces" }.tls().map(|tls| (endpoint, tls))
        });
        let grpc = protocol.value == "grpc";
        let why = match (&scheme, grpc) {
            (_, false) => format!("the protocol is {}", protocol.value),
            (Some((endpoint, _)), true) => {
                format!("the scheme of {} decides", masked("endpoint", &endpoint.value))
            }
            (None, true) => return self.bool_of(&NAMES),
        };
        // Another signal may speak gRPC, where the generic flag counts.
        let others = ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"]
            .into_iter()
            .any(|name| matches!(self.values.get(name), Some(Parsed::Word(word)) if word == "grpc"));
        for name in NAMES {
            let Var::Set(entry) = given(self.target, name) else { continue };
            if name == "OTEL_EXPORTER_OTLP_INSECURE" && others {
                continue;
            }
            let message = format!("{name} has no effect: {why}");
            let finding = Finding::new(INSECURE_UNUSED, name, message)
                .at(entry.place())
                .help(format!("remove {name}; over gRPC the scheme http or https says it"));
            self.findings.push(finding);
        }
        let (endpoint, tls) = scheme.filter(|_| grpc)?;
        Some(with_value(endpoint, !tls))
    }

    fn batches(&mut self) {
        let processors = [
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_MAX_QUEUE_SIZE"),
            ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "OTEL_BLRP_MAX_QUEUE_SIZE"),
        ];
        for (batch_name, queue_name) in processors {
            let sizes = (self.number_of(&[batch_name], 512), self.number_of(&[queue_name], 2048));
            let (Some(batch), Some(queue)) = sizes else { continue };
            if batch.value <= queue.value {
                continue;
            }
            let place = batch.place.clone().or_else(|| queue.place.clone());
            let message = format!(
                "{batch_name} is {}{}, which is more than {queue_name}={}: a batch never fills",
                batch.value,
                if batch.from.is_empty() { " by default" } else { "" },
                queue.value
            );
            let mut finding = Finding::new(BATCH_OVER_QUEUE, batch_name, message)
                .at(place)
                .help(format!("write {batch_name}={} or less", queue.value));
            if let Some(effect) = effect(queue_name, When::OverQueue) {
                finding = finding.effect(effect);
            }
            self.findings.push(finding);
        }
    }

    fn while_disabled(&mut self) {
        let without_effect = |name: &str| {
            !matches!(name, "OTEL_SDK_DISABLED" | "OTEL_PROPAGATORS" | "OTEL_LOG_LEVEL" | "OTEL_CONFIG_FILE")
        };
        let set: Vec<&str> = VARIABLES
            .iter()
            .map(|variable| variable.name)
            .filter(|name| without_effect(name) && matches!(given(self.target, name), Var::Set(_)))
            .collect();
        let Some(entry) = self.target.get("OTEL_SDK_DISABLED").filter(|_| !set.is_empty()) else { return };
        let message = format!(
            "the SDK is disabled, so {} {} no effect",
            set.join(", "),
            if set.len() == 1 { "has" } else { "have" }
        );
        let finding = Finding::new(SDK_DISABLED, "OTEL_SDK_DISABLED", message)
            .at(entry.place())
            .help("remove OTEL_SDK_DISABLED to trace; propagators work without the SDK");
        self.findings.push(finding);
    }
}

/// `value` with the origin of another setting.
pub fn with_value<T, U>(like: &Setting<T>, value: U) -> Setting<U> {
    Setting {
        value,
        origin: like.origin,
        from: like.from.clone(),
        place: like.place.clone(),
        overridden: like.overridden.clone(),
    }
}

/// A decimal number from 0 to 1.
fn plain_ratio(text: &str) -> Option<f64> {
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    text.parse::<f64>().ok().filter(|ratio| decimal && (0.0..=1.0).contains(ratio))
}
