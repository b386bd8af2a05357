//! The profile codeq (config.md section 7.3): CodeQ's YAML file, its variables, and the OpenTelemetry variables it reads.
//!
//! `tracingOtlpEndpoint: otel:4317`. yaml.v3 fills a Go struct, variables replace its fields, then the tracing package
//! corrects what it does not like.

use super::codes::seeds::{
    CODEQ_BOOLEAN, CODEQ_ENDPOINT, CODEQ_HTTP_PORT, CODEQ_INSECURE, CODEQ_NAME_NOT_EXPORTED, CODEQ_RATIO,
    CODEQ_RATIO_IGNORED, CODEQ_SCHEME, CODEQ_TYPE, CODEQ_UNKNOWN_KEY,
};
use super::document::{Data, Node};
use super::go::{parse_float, parse_url, percent_decode};
use super::rows::Rows;
use super::secret::masked;
use super::vars::{Candidate, Candidates, Var, filled, nearest, underscored};
use super::{Checked, Finalized, Finding, Mode, Origin, Profile, ReadFile, Setting, Shown, Target, names};
use serde_json::Value;

const ENABLED: &str = "tracingEnabled";
const NAME: &str = "tracingServiceName";
const ENDPOINT: &str = "tracingOtlpEndpoint";
const INSECURE: &str = "tracingOtlpInsecure";
const RATIO: &str = "tracingSampleRatio";
const KEYS: [&str; 5] = [ENABLED, NAME, ENDPOINT, INSECURE, RATIO];
const OTEL_INSECURE: &str = "OTEL_EXPORTER_OTLP_INSECURE";
const OTEL_NAME: &str = "OTEL_SERVICE_NAME";
const OTEL_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Faults of one file that are told.
const MAX_FAULTS: usize = 100;

/// Keys of a file that are compared with the known ones.
const MAX_KEYS: usize = 10_000;

/// The configuration with which CodeQ would run. A setting that depends on a variable which cannot be known here is `None`.
#[derive(Debug)]
#[non_exhaustive]
pub struct FinalizedCodeqConfig {
    /// Whether spans are exported.
    pub enabled: Option<Setting<bool>>,
    /// The configured service name.
    pub service_name: Option<Setting<String>>,
    /// The service name that the backend sees.
    pub exported_service_name: Option<Setting<String>>,
    /// Host and port that the gRPC exporter dials.
    pub endpoint: Option<Setting<String>>,
    /// Whether it dials without TLS.
    pub insecure: Option<Setting<bool>>,
    /// Share of traces kept by the parent-based ratio sampler; NaN is kept by the code and means what the CPU makes of it.
    pub sample_ratio: Option<Setting<f64>>,
}

impl FinalizedCodeqConfig {
    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        rows.add_known("enabled", self.enabled.as_ref());
        rows.add_known("service_name", self.service_name.as_ref());
        rows.add_known("exported_service_name", self.exported_service_name.as_ref());
        if let Some(endpoint) = &self.endpoint {
            rows.add_as(
                "endpoint",
                endpoint,
                Value::from(endpoint.value.as_str()),
                masked("endpoint", &endpoint.value),
            );
        }
        rows.add_known("insecure", self.insecure.as_ref());
        match &self.sample_ratio {
            Some(ratio) if ratio.value.is_nan() => rows.add_as("sample_ratio", ratio, Value::from("NaN"), "NaN"),
            ratio => rows.add_known("sample_ratio", ratio.as_ref()),
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
    let text = target.file_text(read);
    let (file, mut errors) = load(target.file.as_ref(), text.as_deref());
    let mut findings = Vec::new();
    if let Some(root) = &target.file {
        unknown_keys(root, &mut findings);
    }
    let enabled = enabled(target, &file, &mut findings);
    let service_name = service_name(target, &file);
    let exported_service_name = exported_name(target);
    let endpoint = endpoint(target, &file, &mut findings);
    let insecure = insecure(target, &file, &mut findings);
    let sample_ratio = sample_ratio(target, &file, &mut findings);
    if let (Some(endpoint), Some(insecure)) = (&endpoint, &insecure) {
        scheme_and_tls(endpoint, insecure, &mut findings);
    }
    let on = enabled.as_ref().is_some_and(|enabled| enabled.value);
    if let (Some(configured), Some(exported)) = (&service_name, &exported_service_name) {
        name_reaches_backend(configured, exported, on, &mut findings);
    }
    names::check(Profile::Codeq, target, &mut findings);
    let refused = mode == Mode::Strict && !errors.is_empty();
    let config = FinalizedCodeqConfig {
        enabled,
        service_name,
        exported_service_name,
        endpoint: endpoint.map(|endpoint| endpoint.reduced),
        insecure,
        sample_ratio,
    };
    if mode == Mode::Lenient {
        errors = errors.into_iter().map(Finding::substituted).collect();
    }
    errors.append(&mut findings);
    Checked { finalized: (!refused).then(|| Finalized::Codeq(Box::new(config))), findings: errors }
}

/// What the file says, as far as it fits.
#[derive(Default)]
struct File {
    enabled: Option<Setting<bool>>,
    insecure: Option<Setting<bool>>,
    name: Option<Setting<String>>,
    endpoint: Option<Setting<String>>,
    ratio: Option<Setting<f64>>,
}

/// yaml.v3 into a struct: keys exactly as they are written, a value of another type is an error.
fn load(root: Option<&Node>, text: Option<&str>) -> (File, Vec<Finding>) {
    let mut file = File::default();
    let mut errors = Vec::new();
    let Some(root) = root else { return (file, errors) };
    match &root.data {
        Data::Map(_) | Data::Null => {}
        _ => {
            let about = root.source.to_string();
            let message =
                format!("the file holds {} {}, not a mapping: CodeQ does not start", article(root), root.type_word());
            errors.push(Finding::new(CODEQ_TYPE, about, message).at(Some(root.place())));
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for (key, value) in root.entries() {
        let Some(name) = key.text().and_then(|text| KEYS.into_iter().find(|name| *name == text)) else { continue };
        if seen.contains(&name) {
            if errors.len() >= MAX_FAULTS {
                break;
            }
            let message = format!("{name} stands twice: yaml.v3 refuses the file, and CodeQ does not start");
            errors
                .push(Finding::new(CODEQ_TYPE, name, message).at(Some(key.place())).help(format!("remove one {name}")));
            continue;
        }
        seen.push(name);
        let fits = match name {
            ENABLED => boolean(value).map(|found| file.enabled = setting(name, value, found)),
            INSECURE => boolean(value).map(|found| file.insecure = setting(name, value, found)),
            RATIO => float(value).map(|found| file.ratio = setting(name, value, found)),
            NAME => string(value, text).map(|found| file.name = setting(name, value, found)),
            _ => string(value, text).map(|found| file.endpoint = setting(name, value, found)),
        };
        if let Err(wanted) = fits {
            errors.push(misfit(name, value, wanted));
        }
    }
    (file, errors)
}

fn setting<T>(name: &str, node: &Node, value: Option<T>) -> Option<Setting<T>> {
    let value = value?;
    Some(Setting {
        value,
        origin: Origin::Code,
        from: name.to_owned(),
        place: Some(node.place()),
        overridden: Vec::new(),
    })
}

fn article(node: &Node) -> &'static str {
    if matches!(node.data, Data::Seq(_) | Data::Map(_)) { "an" } else { "a" }
}

fn misfit(name: &str, value: &Node, wanted: &'static str) -> Finding {
    let message = match value.text() {
        Some(text) => {
            format!("{name} is the text {text:?}, not {wanted}: yaml.v3 refuses the file, and CodeQ does not start")
        }
        None => format!(
            "{name} is {} {}, not {wanted}: yaml.v3 refuses the file, and CodeQ does not start",
            article(value),
            value.type_word()
        ),
    };
    let finding = Finding::new(CODEQ_TYPE, name, message).at(Some(value.place()));
    let text = value.text().map(str::trim).unwrap_or_default();
    let unquoted = match wanted {
        "a boolean" => super::go::parse_bool(&text.to_ascii_lowercase()).map(|meant| meant.to_string()),
        "a number" => text.parse::<f64>().ok().map(|_| text.to_owned()),
        _ => None,
    };
    match (unquoted, wanted) {
        (Some(meant), _) => finding.help(format!("write {name}: {meant}")),
        (None, "a boolean") => finding.help(format!("write {name}: true or {name}: false")),
        (None, "a number") => finding.help(format!("write a number without quotes, for example {name}: 0.1")),
        (None, _) => finding.help(format!("write one text: {name}: VALUE")),
    }
}

/// A Go bool: YAML 1.1's words too, also in quotes. Null leaves the field as it is.
fn boolean(node: &Node) -> Result<Option<bool>, &'static str> {
    match &node.data {
        Data::Null => Ok(None),
        Data::Bool(value) => Ok(Some(*value)),
        Data::Str(text) => match text.as_str() {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Ok(Some(true)),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Ok(Some(false)),
            _ => Err("a boolean"),
        },
        _ => Err("a boolean"),
    }
}

/// A Go float64: a number that is not quoted, with `_` between digits.
fn float(node: &Node) -> Result<Option<f64>, &'static str> {
    match &node.data {
        Data::Null => Ok(None),
        Data::Int(value) => Ok(Some(*value as f64)),
        Data::Float(value) => Ok(Some(*value)),
        _ => underscored(node).map(Some).ok_or("a number"),
    }
}

/// A Go string: any scalar, as it is written.
fn string(node: &Node, text: Option<&str>) -> Result<Option<String>, &'static str> {
    let written = text.filter(|_| node.verbatim).and_then(|text| text.get(node.range.clone()));
    Ok(match (&node.data, written) {
        (Data::Null, _) => None,
        (Data::Str(text), _) => Some(text.clone()),
        (Data::Seq(_) | Data::Map(_), _) => return Err("a text"),
        (_, Some(written)) => Some(written.to_owned()),
        (Data::Bool(value), None) => Some(value.to_string()),
        (Data::Int(value), None) => Some(value.to_string()),
        (Data::Float(value), None) => Some(value.to_string()),
    })
}

/// Keys that look as if they were about tracing, and are read by nothing.
fn unknown_keys(root: &Node, out: &mut Vec<Finding>) {
    for (key, _) in root.entries().iter().take(MAX_KEYS) {
        let Some(name) = key.text().filter(|name| !KEYS.contains(name)) else { continue };
        if out.len() >= MAX_FAULTS {
            break;
        }
        let lower = name.to_lowercase();
        let about_tracing = ["trac", "otlp", "otel", "sampl", "span"].iter().any(|part| lower.contains(part));
        let meant = nearest(name, &KEYS).or_else(|| nearest(&format!("tracing{name}"), &KEYS));
        if meant.is_none() && !about_tracing {
            continue;
        }
        let message = format!("{name} is no key of CodeQ's configuration and is ignored");
        let mut finding = Finding::new(CODEQ_UNKNOWN_KEY, name, message).at(Some(key.place()));
        finding = match meant {
            Some(meant) => finding.suggest(meant).replacement(meant).help(format!("did you mean {meant}?")),
            None => finding.help(format!("the keys are {}", KEYS.join(", "))),
        };
        out.push(finding);
    }
}

/// `true`, `yes` in any case and `1`; nothing is trimmed.
fn own_boolean(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("yes") || text == "1"
}

/// The table of the tracing package, which trims.
fn otel_boolean(text: &str) -> bool {
    matches!(text.trim().to_lowercase().as_str(), "true" | "1" | "yes" | "y" | "on")
}

/// Warns of a text that reads as false and does not say so.
fn false_on_purpose(name: &str, text: &str, place: Option<crate::diagnostic::Place>, out: &mut Vec<Finding>) {
    let plain = text.trim().to_ascii_lowercase();
    if matches!(plain.as_str(), "false" | "no" | "0" | "off" | "n" | "f") {
        return;
    }
    let truthy = matches!(plain.as_str(), "true" | "yes" | "1" | "on" | "y" | "t" | "enable" | "enabled");
    let message = format!("{name} {text:?} reads as false: only true, yes and 1 are true, and nothing is trimmed");
    let finding = Finding::new(CODEQ_BOOLEAN, name, message).at(place);
    out.push(match truthy {
        true => finding.help(format!("write {name}=true")).replacement("true"),
        false => finding.help(format!("write {name}=true or {name}=false")),
    });
}

fn enabled(target: &Target, file: &File, out: &mut Vec<Finding>) -> Option<Setting<bool>> {
    let lower = file.enabled.clone();
    let entry = match filled(target, "TRACING_ENABLED") {
        Var::Unknown => return None,
        Var::Unset => return Some(lower.unwrap_or(Setting::default_of(false))),
        Var::Set(entry) => entry,
    };
    let value = own_boolean(&entry.value);
    if !value {
        false_on_purpose("TRACING_ENABLED", &entry.value, entry.place(), out);
    }
    let mut setting = entry.setting(value);
    setting.overridden.extend(lower.map(|lower| format!("{ENABLED}={}", lower.value)));
    Some(setting)
}

fn choose(
    target: &Target,
    variables: [&str; 2],
    key: &str,
    file: Option<&Setting<String>>,
) -> Option<(Candidate, Vec<String>)> {
    let mut candidates = Candidates::default();
    for name in variables {
        candidates.variable(target, name);
    }
    if let Some(setting) = file.filter(|setting| !setting.value.is_empty()) {
        candidates.file(key, setting.value.clone(), setting.place.clone());
    }
    candidates.choose("")
}

/// A text setting as the tracing package takes it: trimmed, and when nothing is left the OpenTelemetry variable.
fn trimmed(
    target: &Target,
    chosen: Option<(Candidate, Vec<String>)>,
    otel: &str,
    default: &str,
) -> Option<Setting<String>> {
    let (chosen, overridden) = chosen?;
    if !chosen.value.trim().is_empty() {
        let (value, from) = (chosen.value.trim().to_owned(), chosen.name);
        return Some(Setting { value, origin: chosen.origin, from, place: chosen.place, overridden });
    }
    match filled(target, otel) {
        Var::Unknown => None,
        Var::Set(entry) if !entry.value.trim().is_empty() => Some(entry.setting(entry.value.trim().to_owned())),
        _ => Some(Setting::default_of(default.to_owned())),
    }
}

fn service_name(target: &Target, file: &File) -> Option<Setting<String>> {
    let chosen = choose(target, ["TRACING_SERVICE_NAME", OTEL_NAME], NAME, file.name.as_ref());
    trimmed(target, chosen, OTEL_NAME, "codeq")
}

/// The name in the SDK's default resource, which is what is exported: merging the configured one into it fails.
fn exported_name(target: &Target) -> Option<Setting<String>> {
    match filled(target, OTEL_NAME) {
        Var::Unknown => return None,
        Var::Set(entry) if !entry.value.trim().is_empty() => return Some(entry.setting(entry.value.trim().to_owned())),
        _ => {}
    }
    let unknown = || Some(Setting::default_of("unknown_service:<binary>".to_owned()));
    let entry = match filled(target, "OTEL_RESOURCE_ATTRIBUTES") {
        Var::Unknown => return None,
        Var::Unset => return unknown(),
        Var::Set(entry) => entry,
    };
    // opentelemetry-go keeps the good entries beside bad ones, and the raw text of what it cannot decode.
    let named = entry.value.split(',').rev().find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim() == "service.name").then_some(value.trim())
    });
    match named {
        Some(name) => {
            let decoded = percent_decode(name).and_then(|bytes| String::from_utf8(bytes).ok());
            Some(entry.setting(decoded.unwrap_or_else(|| name.to_owned())))
        }
        None => unknown(),
    }
}

fn name_reaches_backend(configured: &Setting<String>, exported: &Setting<String>, on: bool, out: &mut Vec<Finding>) {
    if configured.value == exported.value || (configured.origin == Origin::Default && !on) {
        return;
    }
    let about = if configured.from.is_empty() { NAME } else { &configured.from };
    let message = format!(
        "the service name {:?} never reaches the backend, which sees {:?}: CodeQ falls back to the SDK's default resource",
        configured.value, exported.value
    );
    out.push(
        Finding::new(CODEQ_NAME_NOT_EXPORTED, about, message)
            .at(configured.place.clone())
            .help(format!("set {OTEL_NAME}={}", configured.value))
            .overridden_by(OTEL_NAME),
    );
}

/// An endpoint before and after what CodeQ does to it.
struct Endpoint {
    /// As it is configured, trimmed.
    configured: Setting<String>,
    /// As it is dialled.
    reduced: Setting<String>,
}

impl Endpoint {
    fn about(&self) -> &str {
        if self.configured.from.is_empty() { ENDPOINT } else { &self.configured.from }
    }
}

fn endpoint(target: &Target, file: &File, out: &mut Vec<Finding>) -> Option<Endpoint> {
    let chosen = choose(target, ["TRACING_OTLP_ENDPOINT", OTEL_ENDPOINT], ENDPOINT, file.endpoint.as_ref());
    let configured = trimmed(target, chosen, OTEL_ENDPOINT, "localhost:4317")?;
    let raw = configured.value.as_str();
    let url = match raw.starts_with("http://") || raw.starts_with("https://") {
        true => parse_url(raw).ok().filter(|url| !url.host.is_empty()),
        false => None,
    };
    let (value, why) = match &url {
        Some(url) => {
            let dropped =
                !matches!(url.path.as_str(), "" | "/") || !url.query.is_empty() || !url.fragment.is_empty() || url.user;
            (url.host.clone(), dropped.then(|| format!("only {} of it is used: the exporter speaks gRPC", url.host)))
        }
        None => {
            let value = raw.strip_suffix('/').unwrap_or(raw).to_owned();
            // Schemes of gRPC's own resolvers are dialled.
            let resolved =
                ["dns:", "unix:", "unix-abstract:", "passthrough:"].iter().any(|scheme| value.starts_with(scheme));
            let broken = !resolved && (value.is_empty() || value.contains(['/', '?', '#', '@']));
            (value, broken.then(|| "it stays as it is, and gRPC cannot dial it".to_owned()))
        }
    };
    let endpoint = Endpoint { reduced: Setting { value, ..configured.clone() }, configured };
    let about = endpoint.about().to_owned();
    if let Some(why) = why {
        let mut finding = Finding::new(
            CODEQ_ENDPOINT,
            about.as_str(),
            format!("endpoint {:?}: {why}", masked(ENDPOINT, &endpoint.configured.value)),
        )
        .at(endpoint.configured.place.clone());
        if let Some(host) = host_and_port(&endpoint.configured.value) {
            finding = finding.help(format!("write {}", assign(&about, &host))).replacement(host);
        }
        out.push(finding);
    }
    if endpoint.reduced.value.ends_with(":4318") {
        let host = endpoint.reduced.value.trim_end_matches("4318");
        let message = format!("{:?} has the port of OTLP over HTTP; CodeQ speaks gRPC only", endpoint.reduced.value);
        out.push(
            Finding::new(CODEQ_HTTP_PORT, about.as_str(), message)
                .at(endpoint.configured.place.clone())
                .help(format!("write {}", assign(&about, &format!("{host}4317")))),
        );
    }
    Some(endpoint)
}

/// `NAME=value` for a variable, `key: value` for a key of the file.
fn assign(name: &str, value: &str) -> String {
    match KEYS.contains(&name) {
        true => format!("{name}: {value}"),
        false => format!("{name}={value}"),
    }
}

/// What of an endpoint is host and port, when that can be seen.
fn host_and_port(text: &str) -> Option<String> {
    let after = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = after.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    (!host.is_empty()).then(|| host.to_owned())
}

fn insecure(target: &Target, file: &File, out: &mut Vec<Finding>) -> Option<Setting<bool>> {
    let own = match filled(target, "TRACING_OTLP_INSECURE") {
        Var::Unknown => None,
        Var::Unset => Some(None),
        Var::Set(entry) => Some(Some(entry)),
    };
    if let Some(Some(entry)) = own
        && !own_boolean(&entry.value)
    {
        false_on_purpose(&entry.name, &entry.value, entry.place(), out);
    }
    let lower = own.map(|own| match own {
        Some(entry) => {
            let mut setting = entry.setting(own_boolean(&entry.value));
            setting.overridden.extend(file.insecure.as_ref().map(|lower| format!("{INSECURE}={}", lower.value)));
            setting
        }
        None => file.insecure.clone().unwrap_or(Setting::default_of(false)),
    });
    let entry = match filled(target, OTEL_INSECURE) {
        Var::Unknown => return None,
        Var::Set(entry) if !entry.value.trim().is_empty() => entry,
        _ => return lower,
    };
    let value = otel_boolean(&entry.value);
    if !value {
        false_on_purpose(OTEL_INSECURE, &entry.value, entry.place(), out);
    }
    let mut setting = entry.setting(value);
    if let Some(lower) = lower {
        if lower.origin == Origin::Env && lower.value != value {
            let tls = |insecure: bool| if insecure { "without TLS" } else { "with TLS" };
            let message = format!(
                "{OTEL_INSECURE}={} has the last word: CodeQ dials {}, although TRACING_OTLP_INSECURE says {}",
                entry.value.trim(),
                tls(value),
                tls(lower.value)
            );
            out.push(
                Finding::new(CODEQ_INSECURE, OTEL_INSECURE, message)
                    .at(entry.place())
                    .help("remove one of the two, or give both the same value"),
            );
        }
        if lower.origin != Origin::Default {
            setting.overridden.push(format!("{}={}", lower.from, lower.value));
            setting.overridden.extend(lower.overridden);
        }
    }
    Some(setting)
}

fn scheme_and_tls(endpoint: &Endpoint, insecure: &Setting<bool>, out: &mut Vec<Finding>) {
    let raw = endpoint.configured.value.as_str();
    let (scheme, dialled, flag) = match insecure.value {
        false if raw.starts_with("http://") => ("http", "with TLS", true),
        true if raw.starts_with("https://") => ("https", "without TLS", false),
        _ => return,
    };
    let message = format!(
        "the scheme {scheme} of {:?} does not decide on TLS: CodeQ dials {} {dialled}, as {} says",
        masked(ENDPOINT, raw),
        endpoint.reduced.value,
        if insecure.from.is_empty() { "the default of tracingOtlpInsecure" } else { &insecure.from }
    );
    let flag = match insecure.origin {
        Origin::Env => format!("{}={flag}", insecure.from),
        _ => format!("{INSECURE}: {flag}"),
    };
    out.push(
        Finding::new(CODEQ_SCHEME, endpoint.about(), message)
            .at(endpoint.configured.place.clone())
            .help(format!("write {flag}, or leave the scheme away")),
    );
}

fn sample_ratio(target: &Target, file: &File, out: &mut Vec<Finding>) -> Option<Setting<f64>> {
    const VARIABLE: &str = "TRACING_SAMPLE_RATIO";
    let lower = file.ratio.clone();
    let chosen = match filled(target, VARIABLE) {
        Var::Unknown => return None,
        Var::Unset => lower,
        Var::Set(entry) => match parse_float(&entry.value) {
            Ok(value) => {
                let mut setting = entry.setting(value);
                setting.overridden.extend(lower.map(|lower| format!("{RATIO}={}", lower.value)));
                Some(setting)
            }
            Err(_) => {
                let instead =
                    lower.as_ref().map_or("the default 1".to_owned(), |lower| format!("{RATIO} {}", lower.value));
                let message =
                    format!("{VARIABLE} {:?} is no number for Go and is ignored: {instead} stays", entry.value);
                let finding = Finding::new(CODEQ_RATIO_IGNORED, VARIABLE, message).at(entry.place());
                out.push(match super::vars::meant_rate(&entry.value) {
                    Some(meant) => finding.help(format!("write {VARIABLE}={meant}")).replacement(meant),
                    None => finding.help(format!("write a number above 0 and up to 1, for example {VARIABLE}=0.1")),
                });
                lower
            }
        },
    };
    let Some(mut setting) = chosen else { return Some(Setting::default_of(1.0)) };
    let value = setting.value;
    if value > 0.0 && value <= 1.0 {
        return Some(setting);
    }
    let message = if value.is_nan() {
        format!("{} is NaN, which passes the check: what the sampler keeps depends on the CPU", setting.from)
    } else if value <= 0.0 {
        format!("{} {value} becomes 1: every trace is kept, not none", setting.from)
    } else {
        format!("{} {value} is above 1 and becomes 1: every trace is kept", setting.from)
    };
    let finding = Finding::new(CODEQ_RATIO, setting.from.as_str(), message).at(setting.place.clone());
    out.push(match super::vars::meant_rate(&value.to_string()).filter(|_| value > 1.0) {
        Some(meant) => finding.help(format!("write {}", assign(&setting.from, &meant))).replacement(meant),
        None if value <= 0.0 => finding.help(format!("to trace nothing write {ENABLED}: false")),
        None => finding.help(format!("write {}", assign(&setting.from, "0.1"))),
    });
    if !value.is_nan() {
        setting.value = 1.0;
    }
    Some(setting)
}
