//! TC7xx, and TC406: OpenTelemetry variables beside Datadog's (config.md section 6.4).
//!
//! Tracers that map read `OTEL_SERVICE_NAME` when `DD_SERVICE` is not set. dd-trace-cpp maps nothing; OpenTelemetry SDKs
//! read no DD variable. The mapping is the same wherever it is looked at.

use super::{about, refused};
use crate::config::codes::lint;
use crate::config::parse;
use crate::config::registry::{self, Readers};
use crate::config::secret::masked;
use crate::config::vars::meant_rate;
use crate::config::{Entry, Finding, Profile, Target};
use std::collections::BTreeSet;

/// What an OTEL variable comes to for a tracer that maps it.
enum Mapped {
    /// These DD variables would have these values.
    To(Vec<(&'static str, String)>),
    /// No DD variable can say it: the part that is lost.
    Nothing(String),
    /// The value is the default, or is passed over by all.
    Silent,
}

/// Reports on OTEL variables beside DD ones. For every profile whose process may see both.
pub(in crate::config) fn check(profile: Profile, target: &Target, out: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for entry in target.env.iter().filter(|entry| entry.name.starts_with("OTEL_")) {
        // The last one of a name counts.
        let Some(entry) = target.get(&entry.name).filter(|_| seen.insert(entry.name.as_str())) else {
            continue;
        };
        let name = entry.name.as_str();
        let known = registry::find(name).is_some_and(|variable| variable.readers.any_of(Readers::OTEL));
        if !known && registry::family(name).is_none() {
            continue;
        }
        let mapped = if parse::trimmed(&entry.value).is_empty() { Mapped::Silent } else { map(target, entry) };
        if profile == Profile::DdTraceCpp {
            not_read(target, entry, &mapped, out);
        }
        match &mapped {
            Mapped::To(pairs) => {
                for (dd, value) in pairs {
                    disagree(profile, target, entry, dd, value, out);
                }
            }
            Mapped::Nothing(part) if profile != Profile::Otel => {
                let message = format!("{name}={:?}: {part} has no Datadog equivalent", masked(name, &entry.value));
                out.push(about(entry, lint::OTEL_WITHOUT_DD, message).help("tracers that map OTEL variables drop it"));
            }
            _ => {}
        }
        if profile != Profile::Otel {
            details(target, entry, out);
        }
    }
}

/// `key=value` pairs of resource attributes, percent-encoding left alone.
fn attributes(text: &str) -> Vec<(&str, &str)> {
    text.split(',').filter_map(|pair| pair.split_once('=')).map(|(key, value)| (key.trim(), value.trim())).collect()
}

fn map(target: &Target, entry: &Entry) -> Mapped {
    let value = parse::trimmed(&entry.value);
    let lower = value.to_ascii_lowercase();
    match entry.name.as_str() {
        "OTEL_SERVICE_NAME" => Mapped::To(vec![("DD_SERVICE", value.to_owned())]),
        "OTEL_RESOURCE_ATTRIBUTES" => {
            let pairs = attributes(value).into_iter().filter_map(|(key, value)| {
                let dd = match key {
                    // OTEL_SERVICE_NAME wins over the attribute.
                    "service.name" if target.get("OTEL_SERVICE_NAME").is_none() => "DD_SERVICE",
                    "deployment.environment" | "deployment.environment.name" => "DD_ENV",
                    "service.version" => "DD_VERSION",
                    // Set already as OTEL_SERVICE_NAME.
                    "service.name" => return None,
                    _ => return Some(("DD_TAGS", format!("{key}:{value}"))),
                };
                Some((dd, value.to_owned()))
            });
            Mapped::To(pairs.collect())
        }
        "OTEL_TRACES_SAMPLER" => match lower.strip_prefix("parentbased_").unwrap_or(&lower) {
            "always_on" => Mapped::To(vec![("DD_TRACE_SAMPLE_RATE", "1".to_owned())]),
            "always_off" => Mapped::To(vec![("DD_TRACE_SAMPLE_RATE", "0".to_owned())]),
            "traceidratio" => {
                let arg = target.get("OTEL_TRACES_SAMPLER_ARG").map(|arg| parse::trimmed(&arg.value));
                Mapped::To(vec![("DD_TRACE_SAMPLE_RATE", arg.filter(|arg| !arg.is_empty()).unwrap_or("1").to_owned())])
            }
            _ => Mapped::Nothing(format!("the sampler {value}")),
        },
        "OTEL_PROPAGATORS" => {
            let mut kept = Vec::new();
            for item in lower.split(',').map(str::trim) {
                match item {
                    "tracecontext" | "b3multi" | "datadog" | "none" | "baggage" | "b3" => kept.push(item),
                    other => return Mapped::Nothing(format!("the propagator {other:?}")),
                }
            }
            Mapped::To(vec![("DD_TRACE_PROPAGATION_STYLE", kept.join(","))])
        }
        "OTEL_TRACES_EXPORTER" => match lower.as_str() {
            "none" => Mapped::To(vec![("DD_TRACE_ENABLED", "false".to_owned())]),
            "otlp" => Mapped::Silent,
            _ => Mapped::Nothing(format!("the exporter {value}")),
        },
        "OTEL_METRICS_EXPORTER" => match lower.as_str() {
            "none" => Mapped::To(vec![("DD_RUNTIME_METRICS_ENABLED", "false".to_owned())]),
            "otlp" => Mapped::Silent,
            _ => Mapped::Nothing(format!("the exporter {value}")),
        },
        "OTEL_LOG_LEVEL" if lower == "debug" => Mapped::To(vec![("DD_TRACE_DEBUG", "true".to_owned())]),
        "OTEL_SDK_DISABLED" => {
            Mapped::To(vec![("DD_TRACE_OTEL_ENABLED", if lower == "true" { "false" } else { "true" }.to_owned())])
        }
        _ => Mapped::Silent,
    }
}

fn not_read(target: &Target, entry: &Entry, mapped: &Mapped, out: &mut Vec<Finding>) {
    let name = entry.name.as_str();
    let mut message = format!("{name} is not read by dd-trace-cpp");
    let mut help = None;
    if let Mapped::To(pairs) = mapped {
        // OTEL_SDK_DISABLED has a counterpart that dd-trace-cpp does not read either.
        let read = pairs.iter().find(|(dd, _)| registry::find(dd).is_some_and(|dd| dd.cpp_reads()));
        if let Some((dd, value)) = read {
            match target.get(dd) {
                Some(set) => {
                    message = format!("{message}; {dd}={} counts", masked(dd, &set.value));
                    help = Some(format!("remove {name}, if nothing else in the process reads it"));
                }
                None => help = pasted(dd, value).map(|value| format!("{dd}={}", masked(dd, &value))),
            }
        }
    }
    let finding = Finding::new(lint::OTEL_NOT_READ, name, message).at(crate::config::names::place_of_name(entry));
    out.push(match help {
        Some(help) => finding.help(help),
        None => finding,
    });
}

/// A value that may be set as it stands, or what was meant by it.
fn pasted(dd: &str, value: &str) -> Option<String> {
    let rate = |text: &str| text.parse::<f64>().is_ok_and(|rate| (0.0..=1.0).contains(&rate));
    if dd == "DD_TRACE_SAMPLE_RATE" && !rate(value) { meant_rate(value) } else { Some(value.to_owned()) }
}

fn disagree(profile: Profile, target: &Target, entry: &Entry, dd: &'static str, value: &str, out: &mut Vec<Finding>) {
    let Some(other) = target.get(dd) else {
        return;
    };
    let set = parse::trimmed(&other.value);
    if same(dd, value, set) || refused(out, dd) {
        return;
    }
    let (name, shown) = (entry.name.as_str(), masked(&entry.name, &entry.value));
    if dd == "DD_TRACE_OTEL_ENABLED" {
        let message = format!("{name}={shown} and {dd}={set} contradict each other");
        let finding = about(entry, lint::OTEL_SWITCHES_CONTRADICT, message).overridden_by(dd);
        out.push(finding.help(format!("{dd}={value}, or remove {name}")));
        return;
    }
    let wins = match profile {
        Profile::Otel | Profile::Flowbot | Profile::Codeq => {
            format!("an OpenTelemetry SDK takes {name}, a Datadog tracer {dd}")
        }
        _ => format!("tracers that read both take {dd}"),
    };
    let message = format!("{name}={shown} and {dd}={} disagree: {wins}", masked(dd, set));
    let finding = about(entry, lint::DD_OTEL_DISAGREE, message);
    let finding = match profile {
        Profile::Otel | Profile::Flowbot | Profile::Codeq => finding,
        _ => finding.overridden_by(dd),
    };
    out.push(finding.help(format!("make them agree: {dd}={}", masked(dd, value))));
}

/// Whether a mapped value and that of the DD variable say the same.
fn same(dd: &str, mapped: &str, set: &str) -> bool {
    match dd {
        "DD_TRACE_SAMPLE_RATE" => match (parse::decimal(mapped), parse::decimal(set)) {
            (Ok(mapped), Ok(set)) => mapped == set,
            // What is no number is reported as that.
            _ => true,
        },
        "DD_TRACE_PROPAGATION_STYLE" => {
            let items =
                |text: &str| -> Vec<String> { parse::list(text).into_iter().map(|at| text[at].to_owned()).collect() };
            // Tracers call the single header, which is OpenTelemetry's `b3`, by several names, one of them with blanks.
            let set = set.to_ascii_lowercase().replace("b3 single header", "b3").replace("b3single", "b3");
            items(mapped) == items(&set)
        }
        "DD_TRACE_ENABLED" | "DD_RUNTIME_METRICS_ENABLED" | "DD_TRACE_DEBUG" | "DD_TRACE_OTEL_ENABLED" => {
            parse::falsy(mapped) == parse::falsy(set)
        }
        // Other tags are no contradiction.
        "DD_TAGS" => parse::tags(mapped).first().is_none_or(|tag| {
            parse::tags(set)
                .iter()
                .rev()
                .find(|other| other.key == tag.key)
                .is_none_or(|other| other.value == tag.value)
        }),
        _ => mapped == set,
    }
}

/// What a mapping tracer makes of values that it can map.
fn details(target: &Target, entry: &Entry, out: &mut Vec<Finding>) {
    let (name, lower) = (entry.name.as_str(), parse::trimmed(&entry.value).to_ascii_lowercase());
    match name {
        "OTEL_TRACES_SAMPLER" if matches!(lower.as_str(), "always_on" | "always_off" | "traceidratio") => {
            let message = format!("{name}={lower}: Datadog tracers that map it run it as parentbased_{lower}");
            out.push(
                about(entry, lint::SAMPLER_RUNS_PARENT_BASED, message).help(format!("{name}=parentbased_{lower}")),
            );
        }
        "OTEL_RESOURCE_ATTRIBUTES" => {
            let count = attributes(&entry.value).len();
            if count > 10 {
                let message = format!("{name} has {count} attributes; Datadog tracers that map it keep the first ten");
                out.push(about(entry, lint::TEN_RESOURCE_ATTRIBUTES, message).help("put the most important first"));
            }
        }
        "OTEL_PROPAGATORS" if lower.split(',').any(|item| item.trim() == "b3") => {
            let message = format!(
                "{name}: b3 means the single b3 header for OpenTelemetry, and the x-b3-* headers for dd-trace-cpp, which has \
                 no style for the single one"
            );
            let finding = about(entry, lint::B3_IS_MULTI, message);
            let dd = target.get("DD_TRACE_PROPAGATION_STYLE").is_none();
            out.push(if dd { finding.help("b3multi says the same everywhere") } else { finding });
        }
        _ => {}
    }
}
