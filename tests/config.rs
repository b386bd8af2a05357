//! Tracer configurations: every case of `fixtures/config/config.jsonl`, and that errors of several variables come in the
//! order in which dd-trace-cpp would meet them.

mod support;

use serde_json::{Map, Value};
use spanglass::config::{self, Checked, Entry, Finalized, Finding, Mode, Profile, Target, document};
use spanglass::diagnostic::{Place, Severity, Source};
use std::io;
use std::path::Path;
use support::{fixture, read};

/// The cases of the table.
fn cases() -> Vec<Value> {
    let text = String::from_utf8(read(&fixture("config/config.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'c>(value: &'c Value, key: &str) -> &'c str {
    value[key].as_str().unwrap_or_default()
}

fn profile(case: &Value) -> Profile {
    Profile::ALL.into_iter().find(|profile| profile.name() == text(case, "profile")).expect("a known profile")
}

/// A variable of the process environment.
fn variable(name: &str, value: &str) -> Entry {
    let source = Source::Env(name.to_owned());
    Entry {
        name: name.to_owned(),
        value: value.to_owned(),
        name_place: None,
        value_place: Some(Place::Text { source, range: 0..value.len(), line: None }),
        verbatim: true,
    }
}

fn node(name: &str, text: &str) -> document::Node {
    let mut documents = document::parse(Source::File(name.into()), text).expect("a document");
    documents.remove(0)
}

/// The target of a case, when its file is of a form that is read here: forms of environments are tested with their
/// readers.
fn target(case: &Value) -> Option<Target> {
    let mut target = Target { name: "process".into(), ..Target::default() };
    for (name, value) in case["env"].as_object().unwrap() {
        let value = value.as_str().unwrap().replace("{{file}}", text(&case["file"], "name"));
        target.env.push(variable(name, &value));
    }
    if !case["code_config"].is_null() {
        target.code = Some(node("code.json", &case["code_config"].to_string()));
    }
    let (name, content) = (text(&case["file"], "name"), text(&case["file"], "content"));
    match text(&case["file"], "format") {
        "" | "span-rules-json" => {}
        "tracer-config-json" | "tracer-config-yaml" => target.code = Some(node(name, content)),
        "yaml" | "otel-declarative" => target.file = Some(node(name, content)),
        _ => return None,
    }
    Some(target)
}

fn check(case: &Value, target: &Target) -> Checked {
    let mode = if text(case, "mode") == "lenient" { Mode::Lenient } else { Mode::Strict };
    let read = |path: &Path| match path.to_str() == case["file"]["name"].as_str() {
        true => Ok(text(&case["file"], "content").as_bytes().to_vec()),
        false => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    config::check(profile(case), mode, target, &read)
}

/// A finding with the members that cases name.
fn members(finding: &Finding) -> Value {
    let line = match finding.diagnostic.place() {
        Some(Place::Text { line, .. }) => *line,
        _ => None,
    };
    serde_json::json!({
        "code": finding.code().id(),
        "number": finding.code().number(),
        "about": finding.about,
        "path": finding.path,
        "suggest": finding.suggest,
        "overridden_by": finding.overridden_by,
        "substituted": finding.substituted,
        "line": line,
    })
}

/// Whether `found` has every member of `wanted`.
fn fits(wanted: &Value, found: &Value) -> bool {
    wanted.as_object().unwrap().iter().all(|(key, value)| found[key] == *value)
}

/// What is different in a finalized value: groups and rules by the members that are wanted, the rest exactly.
fn differences(path: &str, wanted: &Value, found: &Value, faults: &mut Vec<String>) {
    const GROUPS: [&str; 8] =
        ["", ".agent", ".agent.url", ".baggage", ".telemetry", ".trace_sampler", ".span_sampler", ".bsp"];
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found))
            if GROUPS.contains(&path) || [".span_limits", ".export"].contains(&path) || path.ends_with(']') =>
        {
            for (key, wanted) in wanted {
                differences(&format!("{path}.{key}"), wanted, found.get(key).unwrap_or(&Value::Null), faults);
            }
        }
        (Value::Array(wanted), Value::Array(found)) if path.ends_with("rules") && wanted.len() == found.len() => {
            for (at, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                differences(&format!("{path}[{at}]"), wanted, found, faults);
            }
        }
        (Value::Number(wanted), Value::Number(found)) if wanted.as_f64() == found.as_f64() => {}
        _ if wanted == found => {}
        _ => faults.push(format!("final{path} is {found}, expected {wanted}")),
    }
}

/// What is different from what a case expects.
fn faults(case: &Value, target: &Target, checked: &Checked) -> Vec<String> {
    let expect = &case["expect"];
    let mut faults = Vec::new();
    let all: Vec<&Finding> = target.findings.iter().chain(&checked.findings).collect();
    let (errors, warnings): (Vec<&Finding>, Vec<&Finding>) =
        all.into_iter().partition(|finding| finding.severity() == Severity::Error);
    let ok = errors.is_empty();
    if ok != expect["ok"].as_bool().unwrap() {
        faults.push(format!("ok is {ok}"));
    }
    let wanted = expect["errors"].as_array().unwrap();
    let found: Vec<Value> = errors.iter().map(|finding| members(finding)).collect();
    if wanted.len() != found.len() || !wanted.iter().zip(&found).all(|(wanted, found)| fits(wanted, found)) {
        faults.push(format!("errors are {}, expected {}", Value::from(found), expect["errors"]));
    }
    let found: Vec<Value> = warnings.iter().map(|finding| members(finding)).collect();
    for wanted in expect["warnings"].as_array().unwrap() {
        if !found.iter().any(|found| fits(wanted, found)) {
            faults.push(format!("no warning {wanted} among {}", Value::from(found.clone())));
        }
    }
    if expect["no_other_warnings"] == true {
        for (finding, found) in warnings.iter().zip(&found) {
            let listed = expect["warnings"].as_array().unwrap().iter().any(|wanted| fits(wanted, found));
            if finding.severity() == Severity::Warning && !listed {
                faults.push(format!("further warning {found}"));
            }
        }
    }
    let finalized = checked.finalized.as_ref();
    if ok {
        let found = finalized.map_or(Value::Object(Map::new()), Finalized::to_json);
        differences("", &expect["final"], &found, &mut faults);
    } else if finalized.is_some() {
        faults.push("finalized despite errors".into());
    }
    let origins = finalized.map(Finalized::origins).unwrap_or_default();
    for (key, wanted) in expect["origins"].as_object().into_iter().flatten() {
        match origins.iter().find(|(known, _)| known == key) {
            Some((_, origin)) if origin.word() == wanted => {}
            other => faults.push(format!("origin of {key} is {other:?}, expected {wanted}")),
        }
    }
    for finding in warnings.iter().chain(&errors) {
        let message = finding.diagnostic.message();
        if message.is_empty() || message.ends_with('.') || message.contains('\n') {
            faults.push(format!("message {message:?} of {}", finding.code()));
        }
    }
    faults
}

#[test]
fn cases_of_the_table_hold() {
    let mut failed = Vec::new();
    let (mut run, mut skipped) = (0, 0);
    for case in cases() {
        let Some(target) = target(&case).filter(|_| profile(&case) == Profile::DdTraceCpp) else {
            skipped += 1;
            continue;
        };
        run += 1;
        let faults = faults(&case, &target, &check(&case, &target));
        if !faults.is_empty() {
            failed.push(format!("{}\n  {}", text(&case, "id"), faults.join("\n  ")));
        }
    }
    println!("{run} cases run, {skipped} of other forms and profiles");
    assert!(failed.is_empty(), "{} of {run} cases fail:\n{}", failed.len(), failed.join("\n"));
}
