//! The profile xmtpd (config.md section 7.1): the tracing package of xmtpd over dd-trace-go.
//!
//! `XMTPD_TRACING_ENABLE=true ENV=prod APM_SAMPLE_RATE=0.35`. The switch is a flag of go-flags, the rate is read by
//! `strconv.ParseFloat`, everything about the agent by the tracer itself.

use super::codes::lint::{HOST_NOT_A_HOST, PORT_INVALID, VALUE_IGNORED};
use super::codes::seeds::{
    XMTPD_ENABLE_EMPTY, XMTPD_ENV_RESEMBLES, XMTPD_NOT_BOOLEAN, XMTPD_OFF, XMTPD_RATE_NAN, XMTPD_RATE_UNUSABLE,
    XMTPD_SET_IN_CODE, XMTPD_TWO_STAGES,
};
use super::go::{parse_bool, parse_float, parse_url};
use super::rows::Rows;
use super::secret::masked;
use super::vars::{Var, filled, meant_rate, var};
use super::{Checked, Entry, Finalized, Finding, Mode, Origin, Profile, ReadFile, Setting, Shown, Target, lint, names};
use serde_json::Value;

const ENABLE: &str = "XMTPD_TRACING_ENABLE";
const RATE: &str = "APM_SAMPLE_RATE";

/// The configuration with which xmtpd would run. A setting that depends on a variable which cannot be known here is `None`.
#[derive(Debug)]
#[non_exhaustive]
pub struct FinalizedXmtpdConfig {
    /// Whether tracing is switched on.
    pub enabled: Option<Setting<bool>>,
    /// Name of the environment: the tag `env`, and the default of the rate.
    pub env: Option<Setting<String>>,
    /// Always `xmtpd`.
    pub service: Setting<String>,
    /// Share of traces that the program's own sampler keeps, also while tracing is off.
    pub sample_rate: Option<Setting<f64>>,
    /// Where the tracer sends to, unless a socket exists at the default location.
    pub agent_url: Option<Setting<String>>,
}

impl FinalizedXmtpdConfig {
    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        rows.add_known("enabled", self.enabled.as_ref());
        rows.add_known("env", self.env.as_ref());
        rows.add("service", &self.service);
        rows.add_known("sample_rate", self.sample_rate.as_ref());
        if let Some(url) = &self.agent_url {
            rows.add_as("agent_url", url, Value::from(url.value.as_str()), masked("agent_url", &url.value));
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
pub fn check(mode: Mode, target: &Target, _read: ReadFile<'_>) -> Checked {
    let mut errors = Vec::new();
    let mut findings = Vec::new();
    let enabled = enabled(target, &mut errors, &mut findings);
    let env = environment(target, &mut findings);
    let sample_rate = sample_rate(target, env.as_ref(), &mut findings);
    let agent_url = agent_url(target);
    agent(target, &mut findings);
    set_in_code(target, &mut findings);
    match &enabled {
        Some(Setting { value: true, .. }) => {
            second_stage(target, sample_rate.as_ref(), &mut findings);
            tracer_off(target, &mut findings);
        }
        Some(Setting { value: false, .. }) if errors.is_empty() => while_off(target, &mut findings),
        _ => {}
    }
    names::check(Profile::Xmtpd, target, &mut findings);
    lint::counterparts(Profile::Xmtpd, target, &mut findings);
    let refused = mode == Mode::Strict && !errors.is_empty();
    let service = Setting { origin: Origin::Code, ..Setting::default_of("xmtpd".to_owned()) };
    let config = FinalizedXmtpdConfig { enabled, env, service, sample_rate, agent_url };
    if mode == Mode::Lenient {
        errors = errors.into_iter().map(Finding::substituted).collect();
    }
    errors.append(&mut findings);
    Checked { finalized: (!refused).then(|| Finalized::Xmtpd(Box::new(config))), findings: errors }
}

/// The switch. go-flags turns a flag on when its variable is set to nothing.
fn enabled(target: &Target, errors: &mut Vec<Finding>, out: &mut Vec<Finding>) -> Option<Setting<bool>> {
    let entry = match var(target, ENABLE) {
        Var::Unset => return Some(Setting::default_of(false)),
        Var::Unknown => return None,
        Var::Set(entry) => entry,
    };
    if entry.value.is_empty() {
        let message = format!("{ENABLE} is set and empty, which turns tracing on");
        out.push(
            Finding::new(XMTPD_ENABLE_EMPTY, ENABLE, message)
                .at(entry.place())
                .help(format!("remove the variable, or write {ENABLE}=false")),
        );
        return Some(entry.setting(true));
    }
    if let Some(value) = parse_bool(&entry.value) {
        return Some(entry.setting(value));
    }
    let meant = match entry.value.trim().to_ascii_lowercase().as_str() {
        "yes" | "y" | "on" | "true" | "t" | "1" | "enable" | "enabled" => "true",
        "no" | "n" | "off" | "false" | "f" | "0" | "none" | "disable" | "disabled" => "false",
        _ => "",
    };
    let message =
        format!("{ENABLE} is {:?}, which is no Go boolean: xmtpd stops while it reads its flags", entry.value);
    let mut finding = Finding::new(XMTPD_NOT_BOOLEAN, ENABLE, message).at(entry.place());
    finding = match meant {
        "" => finding.help(format!("write {ENABLE}=true or {ENABLE}=false")),
        meant => finding.help(format!("write {ENABLE}={meant}")).replacement(meant),
    };
    errors.push(finding);
    Some(Setting::default_of(false))
}

/// Names that sample a tenth by default.
const PRODUCTION: [&str; 3] = ["production", "prod", "staging"];

fn environment(target: &Target, out: &mut Vec<Finding>) -> Option<Setting<String>> {
    let entry = match filled(target, "ENV") {
        Var::Unset => return Some(Setting::default_of("test".to_owned())),
        Var::Unknown => return None,
        Var::Set(entry) => entry,
    };
    let name = entry.value.as_str();
    let plain = name.trim().to_ascii_lowercase();
    let meant = match plain.as_str() {
        _ if PRODUCTION.contains(&name) => None,
        "production" | "prod" | "staging" => Some(plain.as_str()),
        "prd" => Some("prod"),
        "live" => Some("production"),
        "stg" | "stage" | "preprod" => Some("staging"),
        _ => None,
    };
    if let Some(meant) = meant {
        let message = format!(
            "ENV {name:?} is none of production, prod and staging, so the default sample rate is 1 instead of 0.1"
        );
        out.push(
            Finding::new(XMTPD_ENV_RESEMBLES, "ENV", message)
                .at(entry.place())
                .help(format!("write ENV={meant}, or set {RATE}=0.1"))
                .replacement(meant),
        );
    }
    Some(entry.setting(name.to_owned()))
}

fn sample_rate(target: &Target, env: Option<&Setting<String>>, out: &mut Vec<Finding>) -> Option<Setting<f64>> {
    let default = env.map(|env| match PRODUCTION.contains(&env.value.as_str()) {
        true => Setting::default_of(0.1),
        false => Setting::default_of(1.0),
    });
    let entry = match filled(target, RATE) {
        Var::Unset => return default,
        Var::Unknown => return None,
        Var::Set(entry) => entry,
    };
    let value = entry.value.as_str();
    let why = match parse_float(value) {
        Ok(rate) if rate.is_nan() => {
            let message =
                format!("{RATE} {value:?} passes the range check and counts as not below 1: every trace is sampled");
            out.push(
                Finding::new(XMTPD_RATE_NAN, RATE, message)
                    .at(entry.place())
                    .help(format!("write a number from 0 to 1, for example {RATE}=0.1")),
            );
            return Some(entry.setting(1.0));
        }
        Ok(rate) if (0.0..=1.0).contains(&rate) => return Some(entry.setting(rate)),
        Ok(_) => "is not between 0 and 1",
        Err(_) => "is no number for Go",
    };
    let instead = match &default {
        Some(default) => format!("the default {} of this environment", default.value),
        None => "the default of the environment".to_owned(),
    };
    let message = format!("{RATE} {value:?} {why}: xmtpd warns and takes {instead}");
    let mut finding = Finding::new(XMTPD_RATE_UNUSABLE, RATE, message).at(entry.place());
    finding = match meant_rate(value) {
        Some(meant) => finding.help(format!("write {RATE}={meant}")).replacement(meant),
        None => finding.help(format!("write a number from 0 to 1, for example {RATE}=0.1")),
    };
    out.push(finding);
    default
}

/// Where dd-trace-go sends to.
fn agent_url(target: &Target) -> Option<Setting<String>> {
    match filled(target, "DD_TRACE_AGENT_URL") {
        Var::Unknown => return None,
        Var::Set(entry) => {
            let scheme = parse_url(&entry.value).map(|url| url.scheme).unwrap_or_default();
            // Any other scheme is logged and the host and port variables apply.
            if matches!(scheme.as_str(), "http" | "https" | "unix") {
                let rest = entry.value.get(scheme.len()..).unwrap_or_default();
                let mut setting = entry.setting(format!("{scheme}{rest}"));
                for name in ["DD_AGENT_HOST", "DD_TRACE_AGENT_PORT"] {
                    if let Var::Set(lower) = filled(target, name) {
                        setting.overridden.push(format!("{name}={}", lower.value));
                    }
                }
                return Some(setting);
            }
        }
        Var::Unset => {}
    }
    let (host, port) = match (filled(target, "DD_AGENT_HOST"), filled(target, "DD_TRACE_AGENT_PORT")) {
        (Var::Unknown, _) | (_, Var::Unknown) => return None,
        (Var::Unset, Var::Unset) => return Some(Setting::default_of("http://localhost:8126".to_owned())),
        (host, port) => (host, port),
    };
    let value = |var: Var<'_>, default: &str| match var {
        Var::Set(entry) => entry.value.clone(),
        _ => default.to_owned(),
    };
    let (name, number) = (value(host, "localhost"), value(port, "8126"));
    // net.JoinHostPort: brackets around any colon, also a second pair.
    let url = match name.contains(':') {
        true => format!("http://[{name}]:{number}"),
        false => format!("http://{name}:{number}"),
    };
    match (host, port) {
        (Var::Set(entry), _) | (_, Var::Set(entry)) => Some(entry.setting(url)),
        _ => None,
    }
}

/// What dd-trace-go does without: a URL of a scheme it does not know, a host that is more than one, a port that is none.
fn agent(target: &Target, out: &mut Vec<Finding>) {
    if let Var::Set(entry) = filled(target, "DD_TRACE_AGENT_URL") {
        let scheme = parse_url(&entry.value).map(|url| url.scheme).unwrap_or_default();
        if matches!(scheme.as_str(), "http" | "https" | "unix") {
            // Host and port are not looked at then.
            return;
        }
        let shown = masked(&entry.name, &entry.value);
        let message = format!("{}={shown} is ignored: dd-trace-go takes http, https and unix URLs", entry.name);
        let finding = Finding::new(VALUE_IGNORED, &entry.name, message).at(entry.place());
        out.push(finding.help("write http://HOST:8126, or remove it"));
    }
    if let Var::Set(entry) = filled(target, "DD_AGENT_HOST")
        && entry.value.contains([':', '/'])
    {
        let shown = masked(&entry.name, &entry.value);
        let message = format!("{}={shown} is no host name: dd-trace-go puts all of it before the port", entry.name);
        // It adds the brackets of an IPv6 address itself.
        let bare = entry.value.trim_start_matches('[').trim_end_matches(']');
        if entry.value.parse::<std::net::Ipv6Addr>().is_err() {
            let finding = Finding::new(HOST_NOT_A_HOST, &entry.name, message).at(entry.place());
            out.push(match bare.parse::<std::net::Ipv6Addr>() {
                Ok(_) => finding.help(format!("write {}={bare}", entry.name)).replacement(bare),
                Err(_) => finding.help("write the host alone; the port goes into DD_TRACE_AGENT_PORT"),
            });
        }
    }
    if let Var::Set(entry) = filled(target, "DD_TRACE_AGENT_PORT")
        && !entry.value.parse::<u16>().is_ok_and(|port| port > 0)
    {
        let message = format!("{}={:?} is no port: it goes into the URL as it is", entry.name, entry.value);
        let finding = Finding::new(PORT_INVALID, &entry.name, message).at(entry.place());
        out.push(finding.help(format!("write {}=8126", entry.name)));
    }
}

/// `tracer.WithService`, `WithEnv` and `WithServiceVersion` win over the tracer's variables.
fn set_in_code(target: &Target, out: &mut Vec<Finding>) {
    let from = [
        ("DD_SERVICE", "the service is always xmtpd", "remove DD_SERVICE"),
        ("DD_ENV", "the environment comes from ENV", "set ENV"),
        ("DD_VERSION", "the version is that of the build", "remove DD_VERSION"),
    ];
    for (name, why, help) in from {
        if let Var::Set(entry) = filled(target, name) {
            let help = match name {
                "DD_ENV" => format!("{help}={} instead, and remove DD_ENV", entry.value),
                _ => help.to_owned(),
            };
            let mut finding =
                Finding::new(XMTPD_SET_IN_CODE, name, format!("{name} {:?} has no effect: {why}", entry.value))
                    .at(entry.place())
                    .help(help);
            if name == "DD_ENV" && target.get("ENV").is_some_and(|env| !env.value.is_empty()) {
                finding = finding.overridden_by("ENV");
            }
            out.push(finding);
        }
    }
}

/// The tracer's own rate and rules come after the program's sampler.
fn second_stage(target: &Target, rate: Option<&Setting<f64>>, out: &mut Vec<Finding>) {
    for name in ["DD_TRACE_SAMPLE_RATE", "DD_TRACE_SAMPLING_RULES"] {
        let Var::Set(entry) = filled(target, name) else { continue };
        let own = match name {
            "DD_TRACE_SAMPLE_RATE" => match parse_float(&entry.value) {
                Ok(own) if (0.0..=1.0).contains(&own) => Some(own),
                // dd-trace-go warns and ignores it.
                _ => continue,
            },
            _ => match entry.value.split_whitespace().collect::<String>() == "[]" {
                true => continue,
                false => None,
            },
        };
        let message = match (rate.map(|rate| rate.value), own) {
            (Some(rate), Some(own)) if rate < 1.0 => format!(
                "{name}={} is applied after the program's own rate {rate}: both use the same hash, so {} of the traces are \
                 kept",
                entry.value,
                rate.min(own)
            ),
            (Some(rate), _) if rate >= 1.0 => {
                format!("{name} decides: the program's own rate is 1, which installs no sampler")
            }
            _ => format!("{name} is applied after the program's own rate, and the smaller of the two wins"),
        };
        let finding = Finding::new(XMTPD_TWO_STAGES, name, message)
            .at(entry.place())
            .help(format!("set the rate in one place: {RATE}, and remove {name}"));
        out.push(finding);
    }
}

/// The tracer's own switch stops it although the program's is on.
fn tracer_off(target: &Target, out: &mut Vec<Finding>) {
    if let Some(entry) = target.get("DD_TRACE_ENABLED").filter(|entry| parse_bool(&entry.value) == Some(false)) {
        let message = format!("DD_TRACE_ENABLED={} stops the tracer although {ENABLE} turns it on", entry.value);
        out.push(
            Finding::new(XMTPD_OFF, "DD_TRACE_ENABLED", message).at(entry.place()).help("remove DD_TRACE_ENABLED"),
        );
    }
}

/// Settings that nothing reads while the switch is off.
fn while_off(target: &Target, out: &mut Vec<Finding>) {
    let for_tracing = |entry: &&Entry| {
        let name = entry.name.as_str();
        (name == RATE || name == "DD_AGENT_HOST" || name.starts_with("DD_TRACE_")) && !entry.value.is_empty()
    };
    let mut set: Vec<&Entry> = Vec::new();
    for entry in target.env.iter().filter(for_tracing) {
        if !set.iter().any(|known| known.name == entry.name) {
            set.push(entry);
        }
    }
    let Some(first) = set.first() else { return };
    let names: Vec<&str> = set.iter().map(|entry| entry.name.as_str()).collect();
    let have = if names.len() == 1 { "has" } else { "have" };
    let message = format!("tracing is off, so {} {have} no effect", names.join(", "));
    let place = target.get(ENABLE).map_or_else(|| first.name_place.clone().or_else(|| first.place()), Entry::place);
    out.push(Finding::new(XMTPD_OFF, ENABLE, message).at(place).help(format!("write {ENABLE}=true to send traces")));
}
