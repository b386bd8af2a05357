//! The profile flowbot (config.md section 7.2): the block `tracing:` of flowbot.yaml.
//!
//! ```yaml
//! tracing:
//!   enabled: true
//!   endpoint: ${OTLP_URL}
//! ```
//! The whole text goes through `os.ExpandEnv` and is parsed then; viper lowers the keys, mapstructure converts the values
//! weakly, go-playground's validator judges them, also while tracing is off.

use super::codes::seeds::{
    FLOWBOT_DEFAULT_UNREACHABLE, FLOWBOT_ENDPOINT_HOST, FLOWBOT_ENDPOINT_NOT_URL, FLOWBOT_ENDPOINT_PATH,
    FLOWBOT_ENDPOINT_REQUIRED, FLOWBOT_EXPANDS_TO_NOTHING, FLOWBOT_OFF, FLOWBOT_RATE_RANGE, FLOWBOT_RATE_ZERO,
    FLOWBOT_TYPE, FLOWBOT_UNKNOWN_KEY,
};
use super::document::{self, Data, Node};
use super::go::{self, Expanded, parse_bool, parse_float, parse_url};
use super::rows::Rows;
use super::secret::masked;
use super::vars::{Var, nearest, underscored, var};
use super::{Checked, Finalized, Finding, Mode, Origin, Profile, ReadFile, Setting, Shown, Target, names};
use crate::diagnostic::{Place, Source};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use std::ops::Range;

const DEFAULT_ENDPOINT: &str = "http://localhost:4318/v1/traces";
/// Faults of one file that are told.
const MAX_FAULTS: usize = 100;

const KEYS: [&str; 5] = ["enabled", "endpoint", "service_name", "environment", "sample_rate"];

/// The configuration with which flowbot would run. A setting that depends on a variable which cannot be known here is `None`.
#[derive(Debug)]
#[non_exhaustive]
pub struct FinalizedFlowbotConfig {
    /// Whether spans are exported.
    pub enabled: Option<Setting<bool>>,
    /// URL of the collector, as it is configured.
    pub endpoint: Option<Setting<String>>,
    /// The attribute `service.name`.
    pub service_name: Option<Setting<String>>,
    /// The attribute `deployment.environment`.
    pub environment: Option<Setting<String>>,
    /// Share of traces kept by the parent-based ratio sampler.
    pub sample_rate: Option<Setting<f64>>,
    /// What the exporter makes of the endpoint; `None` while tracing is off.
    pub export: Option<Export>,
}

/// Where the exporter sends to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Host and port; empty when the endpoint has none.
    pub host: String,
    /// Path of the request.
    pub path: String,
    /// Whether it dials without TLS.
    pub insecure: bool,
}

impl FinalizedFlowbotConfig {
    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        rows.add_known("enabled", self.enabled.as_ref());
        if let Some(endpoint) = &self.endpoint {
            rows.add_as(
                "endpoint",
                endpoint,
                Value::from(endpoint.value.as_str()),
                masked("endpoint", &endpoint.value),
            );
        }
        rows.add_known("service_name", self.service_name.as_ref());
        rows.add_known("environment", self.environment.as_ref());
        rows.add_known("sample_rate", self.sample_rate.as_ref());
        if let (Some(endpoint), Some(export)) = (&self.endpoint, &self.export) {
            rows.add_as("export.host", endpoint, Value::from(export.host.as_str()), export.host.as_str());
            rows.add_as("export.path", endpoint, Value::from(export.path.as_str()), export.path.as_str());
            rows.add_as("export.insecure", endpoint, Value::from(export.insecure), export.insecure.to_string());
        }
        rows
    }

    /// The finalized values, as `final` of cli.md section 3.
    pub fn to_json(&self) -> Value {
        self.rows().to_json()
    }

    /// Every setting as text, in the order in which they are shown.
    pub fn settings(&self) -> Vec<Shown> {
        self.rows().shown()
    }
}

/// Finalizes `target`, and reports what is wrong or surprising.
pub fn check(mode: Mode, target: &Target, read: ReadFile<'_>) -> Checked {
    let mut loader = Loader::default();
    if let Some(file) = &target.file {
        loader.load(target, file, target.file_text(read).as_deref());
    }
    let config = loader.finalize();
    names::check(Profile::Flowbot, target, &mut loader.findings);
    let refused = mode == Mode::Strict && !loader.errors.is_empty();
    let Loader { mut errors, mut findings, .. } = loader;
    if mode == Mode::Lenient {
        errors = errors.into_iter().map(Finding::substituted).collect();
    }
    errors.append(&mut findings);
    Checked { finalized: (!refused).then(|| Finalized::Flowbot(Box::new(config))), findings: errors }
}

/// A value of the block.
#[derive(Clone, Debug, Default)]
enum Field<T> {
    /// Not there, or null.
    #[default]
    Absent,
    /// Its text holds a variable that cannot be known here.
    Unknown,
    /// It did not convert, which was reported.
    Faulty,
    /// There.
    Given(T, Place),
}

impl<T: Clone> Field<T> {
    /// The setting of `key`; `None` when it cannot be known.
    fn setting(&self, key: &str, default: T) -> Option<Setting<T>> {
        match self {
            Field::Absent | Field::Faulty => Some(Setting::default_of(default)),
            Field::Unknown => None,
            Field::Given(value, place) => Some(Setting {
                value: value.clone(),
                origin: Origin::Code,
                from: format!("tracing.{key}"),
                place: Some(place.clone()),
                overridden: Vec::new(),
            }),
        }
    }

    fn is_set(&self) -> bool {
        !matches!(self, Field::Absent)
    }
}

#[derive(Default)]
struct Loader {
    enabled: Field<bool>,
    endpoint: Field<String>,
    service_name: Field<String>,
    environment: Field<String>,
    sample_rate: Field<f64>,
    /// Where the block's name stands.
    block: Option<Place>,
    /// The text before and after expansion, when it is at hand.
    text: Option<(String, Expanded)>,
    /// References to variables that cannot be known here, in the text before expansion.
    unknown: Vec<Range<usize>>,
    errors: Vec<Finding>,
    findings: Vec<Finding>,
}

impl Loader {
    fn load(&mut self, target: &Target, file: &Node, text: Option<&str>) {
        let Some(text) = text else { return self.read(file) };
        // The last one of a name counts.
        let values: FxHashMap<&str, &str> =
            target.env.iter().map(|entry| (entry.name.as_str(), entry.value.as_str())).collect();
        let expanded = match go::expand(text, |name| values.get(name).copied().unwrap_or_default()) {
            Ok(expanded) => expanded,
            Err(at) => {
                let message = format!(
                    "more than {} references to variables, or more than 16 MiB in them: the file was not expanded",
                    go::MAX_REFERENCES
                );
                let place = text_place(&file.source, text, &(at..at + 1));
                self.errors.push(Finding::new(FLOWBOT_TYPE, file.source.to_string(), message).at(Some(place)));
                return;
            }
        };
        self.references(target, file, text, &expanded);
        let changed = !expanded.references.is_empty() || expanded.text != text;
        let parsed = if changed { Some(document::parse((*file.source).clone(), &expanded.text)) } else { None };
        self.text = changed.then(|| (text.to_owned(), expanded));
        match parsed {
            None => self.read(file),
            // yaml.v3 reads the first document only.
            Some(Ok(documents)) => documents.first().into_iter().for_each(|root| self.read(root)),
            Some(Err(mut fault)) => {
                if let Some(Place::Text { range, .. }) = fault.diagnostic.place().cloned() {
                    let place = self.place_of(&range, &file.source);
                    fault = fault.at(Some(place)).help("quote the value, or look at what the variables hold");
                }
                self.errors.push(fault);
            }
        }
    }

    /// Reports references that expand to nothing. Those outside of every scalar stand in comments.
    fn references(&mut self, target: &Target, file: &Node, text: &str, expanded: &Expanded) {
        let mut scalars = Vec::new();
        scalar_ranges(file, &mut scalars);
        scalars.sort_unstable_by_key(|range| range.start);
        for (name, range) in &expanded.references {
            let name = text.get(name.clone()).unwrap_or_default();
            let before = scalars.partition_point(|scalar| scalar.start <= range.start);
            let in_scalar = before.checked_sub(1).and_then(|at| scalars.get(at)).is_some_and(|s| s.end >= range.end);
            if !in_scalar {
                continue;
            }
            let what = match var(target, name) {
                Var::Unknown => {
                    self.unknown.push(range.clone());
                    continue;
                }
                _ if self.findings.len() >= MAX_FAULTS => continue,
                Var::Unset => "not set",
                Var::Set(entry) if entry.value.is_empty() => "empty",
                Var::Set(_) => continue,
            };
            let written = text.get(range.clone()).unwrap_or_default();
            let message = format!("{written} expands to nothing: the variable {name} is {what}");
            let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let help = match name.bytes().all(valid) && !name.starts_with(|first: char| first.is_ascii_digit()) {
                true => format!("set {name}, or write the value itself"),
                // `$$`, `$1` and `${A:-b}` are taken for variables of that name.
                false => format!(
                    "{name:?} is taken for the name of a variable: there are no defaults and no escape for a dollar"
                ),
            };
            let place = text_place(&file.source, text, range);
            self.findings.push(Finding::new(FLOWBOT_EXPANDS_TO_NOTHING, name, message).at(Some(place)).help(help));
        }
    }

    /// The place in the file of bytes of the expanded text.
    fn place_of(&self, range: &Range<usize>, source: &Source) -> Place {
        match &self.text {
            Some((text, expanded)) => text_place(source, text, &expanded.original(range.clone())),
            None => Place::Text { source: source.clone(), range: range.clone(), line: None },
        }
    }

    fn place(&self, node: &Node) -> Place {
        match &self.text {
            Some(_) => self.place_of(&node.range, &node.source),
            None => node.place(),
        }
    }

    /// The block, in any case of its name, and dotted keys, which viper reads as keys of the block.
    fn read(&mut self, root: &Node) {
        let mut seen = Vec::new();
        for (key, value) in root.entries() {
            let Some(written) = key.text() else { continue };
            let name = written.to_lowercase();
            if name == "tracing" {
                self.block = Some(self.place(key));
                if seen.contains(&written) {
                    self.twice("tracing", key);
                    continue;
                }
                seen.push(written);
                match &value.data {
                    Data::Map(entries) => self.block(entries),
                    Data::Null => {}
                    _ => self.misfit("tracing", value, "a mapping"),
                }
            } else if let Some(inner) = name.strip_prefix("tracing.") {
                self.field(inner, key, value);
            }
        }
        if !matches!(root.data, Data::Map(_) | Data::Null) {
            let about = root.source.to_string();
            self.misfit(&about, root, "a mapping");
        }
    }

    fn block(&mut self, entries: &[(Node, Node)]) {
        let mut seen = FxHashSet::default();
        for (key, value) in entries {
            let Some(written) = key.text() else { continue };
            if !seen.insert(written) {
                self.twice(&format!("tracing.{written}"), key);
                continue;
            }
            self.field(&written.to_lowercase(), key, value);
        }
    }

    fn twice(&mut self, about: &str, key: &Node) {
        if self.errors.len() >= MAX_FAULTS {
            return;
        }
        let message = format!("{about} stands twice: yaml.v3 refuses the file, and flowbot does not start");
        let finding = Finding::new(FLOWBOT_TYPE, about, message).at(Some(self.place(key)));
        self.errors.push(finding.help(format!("remove one {about}")));
    }

    fn field(&mut self, name: &str, key: &Node, value: &Node) {
        match name {
            "enabled" => self.enabled = self.convert(name, key, value, boolean, "a boolean"),
            "endpoint" => self.endpoint = self.convert(name, key, value, string, "a text"),
            "service_name" => self.service_name = self.convert(name, key, value, string, "a text"),
            "environment" => self.environment = self.convert(name, key, value, string, "a text"),
            "sample_rate" => self.sample_rate = self.convert(name, key, value, float, "a number"),
            _ if self.findings.len() >= MAX_FAULTS => {}
            _ => {
                let about = format!("tracing.{}", key.text().unwrap_or(name));
                let message = format!("{about} is no key of flowbot's tracing block and is ignored");
                let mut finding = Finding::new(FLOWBOT_UNKNOWN_KEY, about, message).at(Some(self.place(key)));
                finding = match nearest(name, &KEYS) {
                    Some(meant) => {
                        finding.suggest(meant).replacement(meant).help(format!("did you mean tracing.{meant}?"))
                    }
                    None => finding.help(format!("the keys are {}", KEYS.join(", "))),
                };
                self.findings.push(finding);
            }
        }
    }

    /// Whether the value holds a variable that cannot be known here. One that expands to nothing leaves no value: then what
    /// is written after the key counts.
    fn is_unknown(&self, key: &Node, node: &Node) -> bool {
        let Some((text, expanded)) = self.text.as_ref().filter(|_| !self.unknown.is_empty()) else { return false };
        let mut range = expanded.original(node.range.clone());
        if node.data == Data::Null {
            let start = expanded.original(key.range.clone()).end;
            let line = text.get(start..).unwrap_or_default().find('\n').map_or(text.len(), |end| start + end);
            range = start..line;
        }
        self.unknown.iter().any(|unknown| unknown.start < range.end && range.start < unknown.end)
    }

    /// mapstructure's weak conversion. Null and an empty mapping leave the field as it is.
    fn convert<T>(
        &mut self,
        name: &str,
        key: &Node,
        node: &Node,
        to: fn(&Node) -> Option<T>,
        wanted: &'static str,
    ) -> Field<T> {
        if self.is_unknown(key, node) {
            return Field::Unknown;
        }
        let place = self.place(node);
        match &node.data {
            Data::Null => Field::Absent,
            Data::Map(entries) if entries.is_empty() => Field::Absent,
            _ => match to(node) {
                Some(value) => Field::Given(value, place),
                None => {
                    self.misfit(&format!("tracing.{name}"), node, wanted);
                    Field::Faulty
                }
            },
        }
    }

    fn misfit(&mut self, about: &str, node: &Node, wanted: &'static str) {
        let found = match node.text() {
            Some(text) => format!("the text {text:?}"),
            None if matches!(node.data, Data::Seq(_) | Data::Map(_)) => format!("an {}", node.type_word()),
            None => format!("a {}", node.type_word()),
        };
        let message = format!("{about} is {found}, which does not convert to {wanted}: flowbot does not start");
        let mut finding = Finding::new(FLOWBOT_TYPE, about, message).at(Some(self.place(node)));
        let text = node.text().unwrap_or_default().trim().to_ascii_lowercase();
        let key = about.rsplit('.').next().unwrap_or(about);
        finding = match (wanted, text.as_str()) {
            ("a boolean", "yes" | "y" | "on" | "enable" | "enabled" | "true" | "t" | "1") => {
                finding.help(format!("write {key}: true")).replacement("true")
            }
            ("a boolean", "no" | "n" | "off" | "disable" | "disabled" | "false" | "f" | "0" | "none") => {
                finding.help(format!("write {key}: false")).replacement("false")
            }
            ("a boolean", _) => finding.help(format!("write {key}: true or {key}: false")),
            ("a number", text) => match super::vars::meant_rate(text) {
                Some(meant) => finding.help(format!("write {key}: {meant}")).replacement(meant),
                None => finding.help(format!("write a number from 0 to 1, for example {key}: 0.1")),
            },
            ("a text", _) => finding.help(format!("write one text: {key}: VALUE")),
            _ => finding.help("write the keys of the block below it, indented"),
        };
        self.errors.push(finding);
    }

    fn error(&mut self, code: crate::diagnostic::Code, key: &str, message: String, place: Option<Place>, help: String) {
        self.errors.push(Finding::new(code, format!("tracing.{key}"), message).at(place).help(help));
    }

    fn warn(&mut self, code: crate::diagnostic::Code, key: &str, message: String, place: Option<Place>, help: String) {
        self.findings.push(Finding::new(code, format!("tracing.{key}"), message).at(place).help(help));
    }

    /// Validates what was read, then applies the defaults. Lenient mode takes them also for what did not validate.
    fn finalize(&mut self) -> FinalizedFlowbotConfig {
        let enabled = self.enabled.setting("enabled", false);
        let on = enabled.as_ref().is_some_and(|enabled| enabled.value);
        self.validate_endpoint(on);
        self.validate_rate();
        let non_empty = |setting: Option<Setting<String>>, default: &str| {
            setting.map(|setting| match setting.value.is_empty() {
                true => Setting::default_of(default.to_owned()),
                false => setting,
            })
        };
        let endpoint = non_empty(self.endpoint.setting("endpoint", String::new()), DEFAULT_ENDPOINT);
        let sample_rate = self.sample_rate.setting("sample_rate", 1.0).map(|mut rate| {
            if rate.value <= 0.0 {
                rate.value = 1.0;
            }
            rate
        });
        if matches!(self.enabled, Field::Given(false, _) | Field::Absent) {
            self.while_off();
        }
        let export = endpoint.as_ref().filter(|_| on).map(|endpoint| export(&endpoint.value));
        FinalizedFlowbotConfig {
            enabled,
            endpoint,
            service_name: non_empty(self.service_name.setting("service_name", String::new()), "flowbot"),
            environment: non_empty(self.environment.setting("environment", String::new()), "development"),
            sample_rate,
            export,
        }
    }

    fn validate_endpoint(&mut self, on: bool) {
        let (endpoint, place) = match self.endpoint.clone() {
            Field::Unknown | Field::Faulty => return,
            Field::Absent => (String::new(), self.block.clone()),
            Field::Given(endpoint, place) => (endpoint, Some(place)),
        };
        if endpoint.is_empty() {
            if on {
                let message =
                    "tracing is enabled without an endpoint: validation fails, and flowbot does not start".to_owned();
                let help = format!("write endpoint: {DEFAULT_ENDPOINT}");
                self.error(FLOWBOT_ENDPOINT_REQUIRED, "endpoint", message, place.clone(), help.clone());
                let message = format!("the documented default {DEFAULT_ENDPOINT} applies only while tracing is off");
                self.warn(FLOWBOT_DEFAULT_UNREACHABLE, "endpoint", message, place, help);
            }
            return;
        }
        // The validator lowers the text first, and lets every file URL pass.
        let lowered = endpoint.to_lowercase();
        let parsed = parse_url(&lowered);
        let file = lowered.starts_with("file:/");
        let why = match &parsed {
            Err(why) => Some((*why).to_owned()),
            Ok(url) if url.scheme.is_empty() => Some("it has no scheme".to_owned()),
            Ok(url) if url.host.is_empty() && url.opaque.is_empty() && url.fragment.is_empty() && !file => {
                Some("it has no host".to_owned())
            }
            Ok(_) => None,
        };
        let host = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, rest)| rest).trim();
        let host = host.split(['/', '?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
        let port = |host: &str| if host.contains(':') { String::new() } else { ":4318".to_owned() };
        let better = match host {
            "" => format!("write endpoint: {DEFAULT_ENDPOINT}"),
            host => format!("write endpoint: http://{host}{}/v1/traces", port(host)),
        };
        if let Some(why) = why {
            let message = format!(
                "endpoint {:?} is no URL, {why}: validation fails, and flowbot does not start",
                masked("endpoint", &endpoint)
            );
            self.error(FLOWBOT_ENDPOINT_NOT_URL, "endpoint", message, place, better);
            self.endpoint = Field::Faulty;
            return;
        }
        let url = parse_url(&endpoint).unwrap_or_default();
        let told = masked("endpoint", &endpoint);
        if url.host.is_empty() {
            let message = format!(
                "endpoint {told:?} passes validation as a URL of the scheme {:?} and has no host: nothing can be exported",
                url.scheme
            );
            self.warn(FLOWBOT_ENDPOINT_HOST, "endpoint", message, place, better);
            return;
        }
        if !matches!(url.scheme.as_str(), "http" | "https") {
            let message = format!("the scheme {} of endpoint {told:?} is dialled as plain HTTP", url.scheme);
            self.warn(FLOWBOT_ENDPOINT_HOST, "endpoint", message, place.clone(), better);
        }
        let path = request_path(&url.path);
        if !path.ends_with("/v1/traces") {
            let message = format!("spans are posted to the path {path} of {}, without /v1/traces", url.host);
            let base = told.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
            let help = format!("write endpoint: {base}/v1/traces");
            self.warn(FLOWBOT_ENDPOINT_PATH, "endpoint", message, place, help);
        }
    }

    fn validate_rate(&mut self) {
        let Field::Given(rate, place) = self.sample_rate.clone() else { return };
        if rate == 0.0 {
            let message = "sample_rate 0 means 1: every trace is sampled, and \"none\" cannot be said".to_owned();
            let help = "to trace nothing write enabled: false".to_owned();
            self.warn(FLOWBOT_RATE_ZERO, "sample_rate", message, Some(place), help);
        } else if !(0.0..=1.0).contains(&rate) {
            let message =
                format!("sample_rate {rate} is not between 0 and 1: validation fails, and flowbot does not start");
            let help = match super::vars::meant_rate(&rate.to_string()) {
                Some(meant) => format!("write sample_rate: {meant}"),
                None => "write a number from 0 to 1, for example sample_rate: 0.1".to_owned(),
            };
            self.error(FLOWBOT_RATE_RANGE, "sample_rate", message, Some(place), help);
            self.sample_rate = Field::Faulty;
        }
    }

    fn while_off(&mut self) {
        let set = [
            ("endpoint", self.endpoint.is_set()),
            ("service_name", self.service_name.is_set()),
            ("environment", self.environment.is_set()),
            ("sample_rate", self.sample_rate.is_set()),
        ];
        let set: Vec<&str> = set.into_iter().filter(|(_, set)| *set).map(|(key, _)| key).collect();
        if set.is_empty() {
            return;
        }
        let place = match &self.enabled {
            Field::Given(_, place) => Some(place.clone()),
            _ => self.block.clone(),
        };
        let message =
            format!("tracing is off, so {} {} no effect", set.join(", "), if set.len() == 1 { "has" } else { "have" });
        self.warn(FLOWBOT_OFF, "enabled", message, place, "write enabled: true to export spans".to_owned());
    }
}

/// The ranges of all scalars below `node`, keys included.
fn scalar_ranges(node: &Node, out: &mut Vec<Range<usize>>) {
    let mut todo = vec![node];
    while let Some(node) = todo.pop() {
        match &node.data {
            Data::Map(entries) => entries.iter().for_each(|(key, value)| todo.extend([key, value])),
            Data::Seq(items) => todo.extend(items),
            _ => out.push(node.range.clone()),
        }
    }
}

/// A place in a file, with the line counted.
fn text_place(source: &Source, text: &str, range: &Range<usize>) -> Place {
    let before = text.as_bytes().get(..range.start.min(text.len())).unwrap_or_default();
    let line = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    Place::Text { source: source.clone(), range: range.clone(), line: Some(line) }
}

fn boolean(node: &Node) -> Option<bool> {
    match &node.data {
        Data::Bool(value) => Some(*value),
        Data::Int(value) => Some(*value != 0),
        Data::Float(value) => Some(*value != 0.0),
        Data::Str(text) if text.is_empty() => Some(false),
        Data::Str(text) => parse_bool(text).or_else(|| underscored(node).map(|number| number != 0.0)),
        _ => None,
    }
}

fn string(node: &Node) -> Option<String> {
    match &node.data {
        Data::Str(text) => Some(underscored(node).map_or_else(|| text.clone(), |number| number.to_string())),
        Data::Bool(value) => Some(if *value { "1" } else { "0" }.to_owned()),
        Data::Int(value) => Some(value.to_string()),
        Data::Float(value) => Some(match *value {
            value if value == f64::INFINITY => "+Inf".to_owned(),
            value if value == f64::NEG_INFINITY => "-Inf".to_owned(),
            value => value.to_string(),
        }),
        _ => None,
    }
}

fn float(node: &Node) -> Option<f64> {
    match &node.data {
        Data::Bool(value) => Some(f64::from(*value)),
        Data::Int(value) => Some(*value as f64),
        Data::Float(value) => Some(*value),
        Data::Str(text) if text.is_empty() => Some(0.0),
        Data::Str(text) => parse_float(text).ok(),
        _ => None,
    }
}

/// `otlptracehttp.WithEndpointURL`.
fn export(endpoint: &str) -> Export {
    let url = parse_url(endpoint).unwrap_or_default();
    let path = request_path(&url.path);
    Export { insecure: url.scheme != "https", host: url.host, path }
}

fn request_path(path: &str) -> String {
    go::clean_path(path.trim())
}
