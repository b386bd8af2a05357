//! Tracer configurations: every case of `fixtures/config/config.jsonl`, and that errors of several variables come in the
//! order in which dd-trace-cpp would meet them.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Map, Value};
use spanglass::config::{
    self, Checked, Dialect, Entry, Finalized, Finding, Form, Input, Mode, Profile, Target, document,
};
use spanglass::diagnostic::{Place, Severity, Source};
use std::io;
use std::path::Path;
use support::configuration::{differences, differences_of_findings, fits};
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

/// The target of a case. The form of its file is told by name and content, as on the command line.
fn target(case: &Value) -> Target {
    let (name, content) = (text(&case["file"], "name"), text(&case["file"], "content"));
    let process: Vec<(String, String)> = case["env"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().replace("{{file}}", text(&case["file"], "name"))))
        .collect();
    let input = |path: &str, text: &str, form| Input { path: path.into(), bytes: Ok(text.as_bytes().to_vec()), form };
    let mut inputs = Vec::new();
    match text(&case["file"], "format") {
        "" | "span-rules-json" => {}
        "tracer-config-json" => inputs.push(input(name, content, Some(Form::TracerJson))),
        "tracer-config-yaml" => inputs.push(input(name, content, Some(Form::TracerYaml))),
        _ => inputs.push(input(name, content, None)),
    }
    if !case["code_config"].is_null() {
        inputs.push(input("code.json", &case["code_config"].to_string(), Some(Form::TracerJson)));
    }
    let no_file = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let (mut targets, findings) = config::targets(&inputs, profile(case), Dialect::Dotenv, Some(&process), &no_file);
    assert!(findings.is_empty() && targets.len() == 1, "{}: {} targets, {findings:?}", text(case, "id"), targets.len());
    targets.remove(0)
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
        "severity": finding.severity().word(),
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
    let members_of = |findings: &[&Finding]| findings.iter().map(|finding| members(finding)).collect::<Vec<Value>>();
    differences_of_findings(expect, &members_of(&errors), &members_of(&warnings), &mut faults);
    let finalized = checked.finalized.as_ref();
    if ok {
        let found = finalized.map_or(Value::Object(Map::new()), Finalized::to_json);
        differences("", &expect["final"], &found, &mut faults);
    } else if finalized.is_some() && target.findings.is_empty() {
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
    let mut run = 0;
    for case in cases() {
        let target = target(&case);
        run += 1;
        let faults = faults(&case, &target, &check(&case, &target));
        if !faults.is_empty() {
            failed.push(format!("{}\n  {}", text(&case, "id"), faults.join("\n  ")));
        }
    }
    println!("{run} cases run");
    assert!(failed.is_empty(), "{} of {run} cases fail:\n{}", failed.len(), failed.join("\n"));
}

/// Where an error of dd-trace-cpp stands in its order of evaluation (config.md section 3.6).
fn rank(about: &str, code: &str) -> usize {
    const ORDER: &[(&str, &str)] = &[
        ("DD_TRACE_BAGGAGE_MAX_ITEMS", "*"),
        ("DD_TRACE_BAGGAGE_MAX_BYTES", "*"),
        ("DD_TRACE_PROPAGATION_STYLE", "UNKNOWN_PROPAGATION_STYLE"),
        ("DD_TRACE_PROPAGATION_STYLE", "DUPLICATE_PROPAGATION_STYLE"),
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "UNKNOWN_PROPAGATION_STYLE"),
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "DUPLICATE_PROPAGATION_STYLE"),
        ("DD_TRACE_PROPAGATION_STYLE_INJECT", "UNKNOWN_PROPAGATION_STYLE"),
        ("DD_TRACE_PROPAGATION_STYLE_INJECT", "DUPLICATE_PROPAGATION_STYLE"),
        ("*", "MISSING_SPAN_EXTRACTION_STYLE"),
        ("*", "MISSING_SPAN_INJECTION_STYLE"),
        ("DD_REMOTE_CONFIG_POLL_INTERVAL_SECONDS", "INVALID_DOUBLE"),
        ("agent.flush_interval_milliseconds", "*"),
        ("agent.request_timeout_milliseconds", "*"),
        ("agent.shutdown_timeout_milliseconds", "*"),
        ("DD_REMOTE_CONFIG_POLL_INTERVAL_SECONDS", "*"),
        ("DD_TRACE_AGENT_URL", "*"),
        ("agent.url", "*"),
        // Ranges of trace rules come after the numbers are parsed.
        ("DD_TRACE_SAMPLING_RULES", "RATE_OUT_OF_RANGE"),
        ("DD_TRACE_SAMPLING_RULES", "*"),
        ("DD_TRACE_SAMPLE_RATE", "INVALID_DOUBLE"),
        ("DD_TRACE_RATE_LIMIT", "INVALID_DOUBLE"),
        ("DD_TRACE_SAMPLE_RATE", "*"),
        ("DD_TRACE_RATE_LIMIT", "*"),
        ("DD_SPAN_SAMPLING_RULES", "*"),
        ("DD_SPAN_SAMPLING_RULES_FILE", "*"),
        ("DD_TELEMETRY_METRICS_INTERVAL_SECONDS", "INVALID_DOUBLE"),
        ("DD_TELEMETRY_HEARTBEAT_INTERVAL", "INVALID_DOUBLE"),
        ("DD_TELEMETRY_EXTENDED_HEARTBEAT_INTERVAL", "INVALID_DOUBLE"),
        ("DD_TELEMETRY_METRICS_INTERVAL_SECONDS", "*"),
        ("DD_TELEMETRY_HEARTBEAT_INTERVAL", "*"),
        ("DD_TELEMETRY_EXTENDED_HEARTBEAT_INTERVAL", "*"),
    ];
    let at = ORDER.iter().position(|row| [about, "*"].contains(&row.0) && [code, "*"].contains(&row.1));
    let at = at.unwrap_or_else(|| panic!("{code} about {about} has no place in the order"));
    // The row of rule ranges stands first only so that it is found: its turn comes before the overall rate.
    if ORDER[at] == ("DD_TRACE_SAMPLING_RULES", "RATE_OUT_OF_RANGE") { 205 } else { at * 10 }
}

/// Visible cases of one fault, with what sets them apart: no two of one setting go together.
fn single_faults() -> Vec<Value> {
    let is_fault = |case: &Value| {
        profile(case) == Profile::DdTraceCpp
            && case["mode"].is_null()
            && case["file"].is_null()
            && text(case, "id") != "v-dd-multi"
            && !case["expect"]["errors"].as_array().unwrap().is_empty()
    };
    let faults: Vec<Value> = cases().into_iter().filter(is_fault).collect();
    assert!(faults.len() > 25, "{}", faults.len());
    faults
}

/// The setting that a fault is of.
fn setting(case: &Value) -> String {
    let about = text(&case["expect"]["errors"][0], "about");
    let group =
        [("STYLE", "styles"), ("styles", "styles"), ("AGENT_URL", "url"), ("agent.url", "url"), ("SPAN_", "spans")];
    group.iter().find(|(part, _)| about.contains(part)).map_or(about, |(_, group)| group).to_owned()
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]
    /// All independent errors are reported, in the order in which the tracer would meet them, whatever the order of the
    /// variables; the first is what the tracer would return.
    #[test]
    fn errors_come_in_the_order_of_the_tracer(picked in proptest::sample::subsequence(single_faults(), 1..=6)) {
        let mut target = Target::default();
        let mut code = Map::new();
        let mut wanted: Vec<Value> = Vec::new();
        let mut settings = Vec::new();
        for case in picked.iter().rev() {
            if settings.contains(&setting(case)) || settings.len() == 4 {
                continue;
            }
            settings.push(setting(case));
            for (name, value) in case["env"].as_object().unwrap() {
                target.env.push(variable(name, value.as_str().unwrap()));
            }
            for (key, value) in case["code_config"].as_object().into_iter().flatten() {
                match (code.get_mut(key), value) {
                    (Some(Value::Object(group)), Value::Object(more)) => group.extend(more.clone()),
                    _ => {
                        code.insert(key.clone(), value.clone());
                    }
                }
            }
            wanted.extend(case["expect"]["errors"].as_array().unwrap().iter().cloned());
        }
        target.code = Some(node("code.json", &Value::Object(code).to_string()));
        wanted.sort_by_key(|error| rank(text(error, "about"), text(error, "code")));
        let refuse = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
        let checked = config::check(Profile::DdTraceCpp, Mode::Strict, &target, &refuse);
        let errors: Vec<Value> =
            checked.findings.iter().filter(|finding| finding.severity() == Severity::Error).map(members).collect();
        let fit = wanted.len() == errors.len() && wanted.iter().zip(&errors).all(|(wanted, found)| fits(wanted, found));
        proptest::prop_assert!(fit, "errors {}\nexpected {}", Value::from(errors), Value::from(wanted));
        // Lenient mode tells the same, and goes on.
        let lenient = config::check(Profile::DdTraceCpp, Mode::Lenient, &target, &refuse);
        let substituted: Vec<Value> =
            lenient.findings.iter().filter(|finding| finding.substituted).map(members).collect();
        for wanted in &wanted {
            let told = substituted.iter().any(|found| found["code"] == wanted["code"] && found["about"] == wanted["about"]);
            proptest::prop_assert!(told, "lenient mode is silent about {wanted}");
        }
        proptest::prop_assert!(lenient.finalized.is_some());
        let grave = lenient.findings.iter().any(|finding| finding.severity() == Severity::Error);
        proptest::prop_assert!(!grave);
    }
}

/// Checks an environment in the default profile.
fn of_env(mode: Mode, env: &[(&str, &str)]) -> Checked {
    let target = Target { env: env.iter().map(|(name, value)| variable(name, value)).collect(), ..Target::default() };
    config::check(Profile::DdTraceCpp, mode, &target, &|_| Err(io::Error::from(io::ErrorKind::NotFound)))
}

/// `CODE about` of every finding of a severity.
fn told(checked: &Checked, severity: Severity) -> Vec<String> {
    let found = checked.findings.iter().filter(|finding| finding.severity() == severity);
    found.map(|finding| format!("{} {}", finding.code(), finding.about)).collect()
}

#[test]
fn lists_of_styles_fail_in_their_order() {
    let env = [
        ("DD_TRACE_PROPAGATION_STYLE_INJECT", "b3 b3multi"),
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "datadog,,b3"),
        ("DD_PROPAGATION_STYLE_EXTRACT", "nonsense"),
        ("DD_TRACE_PROPAGATION_STYLE", "w3c"),
    ];
    let checked = of_env(Mode::Strict, &env);
    // The older variable is not parsed when the newer is set.
    assert_eq!(
        told(&checked, Severity::Error),
        [
            "UNKNOWN_PROPAGATION_STYLE DD_TRACE_PROPAGATION_STYLE",
            "UNKNOWN_PROPAGATION_STYLE DD_TRACE_PROPAGATION_STYLE_EXTRACT",
            "DUPLICATE_PROPAGATION_STYLE DD_TRACE_PROPAGATION_STYLE_INJECT",
        ]
    );
    let empty =
        of_env(Mode::Strict, &[("DD_TRACE_PROPAGATION_STYLE", " "), ("DD_TRACE_PROPAGATION_STYLE_INJECT", "b3")]);
    assert_eq!(told(&empty, Severity::Error), ["MISSING_SPAN_EXTRACTION_STYLE DD_TRACE_PROPAGATION_STYLE"]);
}

#[test]
fn places_are_narrow_and_help_can_be_pasted() {
    let at = |name: &str, value: &str| {
        let checked = of_env(Mode::Strict, &[(name, value)]);
        let finding =
            checked.findings.into_iter().find(|finding| finding.severity() == Severity::Error).expect("an error");
        let range = match finding.diagnostic.place() {
            Some(Place::Text { range, .. }) => range.clone(),
            other => panic!("{other:?}"),
        };
        let mended = finding.replacement.map(|text| format!("{}{text}{}", &value[..range.start], &value[range.end..]));
        (
            value[range].to_owned(),
            mended.unwrap_or_default(),
            finding.diagnostic.help_text().unwrap_or_default().to_owned(),
        )
    };
    let of = |place: &str, mended: &str, help: &str| (place.to_owned(), mended.to_owned(), help.to_owned());
    assert_eq!(at("DD_TRACE_SAMPLE_RATE", "0,25"), of(",25", "0.25", "DD_TRACE_SAMPLE_RATE=0.25"));
    assert_eq!(at("DD_TRACE_SAMPLE_RATE", "20%"), of("%", "", "DD_TRACE_SAMPLE_RATE=0.2"));
    assert_eq!(at("DD_TRACE_SAMPLE_RATE", "20"), of("20", "0.2", "DD_TRACE_SAMPLE_RATE=0.2"));
    assert_eq!(
        at("DD_REMOTE_CONFIG_POLL_INTERVAL_SECONDS", "5s"),
        of("s", "5", "DD_REMOTE_CONFIG_POLL_INTERVAL_SECONDS=5")
    );
    assert_eq!(
        at("DD_REMOTE_CONFIG_POLL_INTERVAL_SECONDS", "500ms"),
        of("ms", "", "DD_REMOTE_CONFIG_POLL_INTERVAL_SECONDS=0.5")
    );
    assert_eq!(at("DD_TRACE_BAGGAGE_MAX_ITEMS", "+5"), of("+", "5", "DD_TRACE_BAGGAGE_MAX_ITEMS=5"));
    assert_eq!(
        at("DD_TRACE_AGENT_URL", "agent:8126"),
        of("agent:8126", "http://agent:8126", "DD_TRACE_AGENT_URL=http://agent:8126")
    );
    assert_eq!(at("DD_TRACE_AGENT_URL", "HTTP://a:1"), of("HTTP", "http://a:1", "DD_TRACE_AGENT_URL=http://a:1"));
    assert_eq!(at("DD_TRACE_AGENT_URL", "unix://a/b"), of("a/b", "unix:///a/b", "DD_TRACE_AGENT_URL=unix:///a/b"));
    assert_eq!(
        at("DD_TRACE_PROPAGATION_STYLE", "datadog, tracecontex"),
        of("tracecontex", "datadog, tracecontext", "DD_TRACE_PROPAGATION_STYLE=datadog,tracecontext")
    );
    assert_eq!(at("DD_TRACE_PROPAGATION_STYLE", "b3,").0, ",");
    assert_eq!(
        at("DD_TRACE_SAMPLING_RULES", r#"[{"sample_rate":"0.5"}]"#),
        of("\"0.5\"", r#"[{"sample_rate":0.5}]"#, "remove the quotes: \"sample_rate\": 0.5")
    );
    assert_eq!(
        at("DD_TRACE_SAMPLING_RULES", r#"[{"samplerate":0.5}]"#),
        of("\"samplerate\"", r#"[{"sample_rate":0.5}]"#, "\"sample_rate\": 0.5")
    );
    // What stands in another variable is not taken over as it is when it is wrong.
    for (arg, help) in
        [("10%", Some("DD_TRACE_SAMPLE_RATE=0.1")), ("0.5", Some("DD_TRACE_SAMPLE_RATE=0.5")), ("x", None)]
    {
        let checked =
            of_env(Mode::Strict, &[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", arg)]);
        let finding =
            checked.findings.iter().find(|finding| finding.about == "OTEL_TRACES_SAMPLER").expect("a finding");
        assert_eq!(finding.diagnostic.help_text(), help, "{arg}");
    }
}

#[test]
fn rules_are_checked_in_byte_order_of_their_members() {
    let error = |rules: &str| {
        let checked = of_env(Mode::Strict, &[("DD_TRACE_SAMPLING_RULES", rules)]);
        let finding =
            checked.findings.into_iter().find(|finding| finding.severity() == Severity::Error).expect("an error");
        format!("{} {}", finding.code().number().unwrap_or_default(), finding.path.unwrap_or_default())
    };
    assert_eq!(error(r#"[{"zz":1,"tags":{"b":1,"a":2},"service":1,"name":2}]"#), "25 [0].name");
    assert_eq!(error(r#"[{"zz":1,"tags":{"b":1,"a":2},"sample_rate":"x"}]"#), "26 [0].tags.a");
    assert_eq!(error(r#"[{"zz":1,"aa":2,"sample_rate":null}]"#), "30 [0].sample_rate");
    assert_eq!(error(r#"[{"zz":1,"aa":2,"max_per_second":5}]"#), "31 [0].aa");
    assert_eq!(error(r#"[{"name":1,"name":"x","sample_rate":2},{"tags":[]}]"#), "25 [1].tags");
    assert_eq!(error(r#"[{"sample_rate":1e999}]"#), "28 ");
    assert_eq!(error("[1]"), "27 [0]");
    let escaped =
        of_env(Mode::Strict, &[("DD_TRACE_SAMPLING_RULES", "\u{feff}[{\"\\u006eame\":\"x\",\"sample_rate\":-0}]")]);
    assert!(escaped.finalized.is_some(), "{:?}", escaped.findings);
}

#[test]
fn secrets_stay_secret() {
    let secret = "hunter2-hunter2";
    let env = [
        ("DD_API_KEY", secret.to_owned()),
        ("DD_TAGS", format!("password:{secret},env:x,env:y,db_token={secret},api_key:{secret} b:c")),
        ("DD_ENV", "z".to_owned()),
        ("DD_TRACE_AGENT_URL", format!("ftp://user:{secret}@agent/?token={secret}")),
        ("OTEL_EXPORTER_OTLP_HEADERS", format!("authorization={secret}")),
        ("OTEL_RESOURCE_ATTRIBUTES", format!("deployment.environment=q,client_secret={secret}")),
    ];
    let mut runs = vec![env.clone()];
    runs.push(env);
    runs[1][3].1 = format!("http://user:{secret}@agent/?token={secret}");
    for env in runs {
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let checked = of_env(Mode::Lenient, &env);
        for finding in &checked.findings {
            let text =
                format!("{} {:?} {:?}", finding.diagnostic.message(), finding.diagnostic.help_text(), finding.effect);
            assert!(!text.contains("hunter2"), "{}: {text}", finding.code());
        }
        for shown in checked.finalized.expect("lenient").settings() {
            let text = format!("{} {:?}", shown.value, shown.overridden);
            assert!(!text.contains("hunter2"), "{}: {text}", shown.key);
        }
    }
}

#[test]
fn hostile_values_are_cheap() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let many = format!("[{}{{}}]", "{\"service\":\"a[\"},".repeat(15_000));
    let commas = ",".repeat(300_000);
    let tags = "a:1 b:2,".repeat(40_000);
    for (name, value) in [
        ("DD_TRACE_SAMPLING_RULES", deep.as_str()),
        ("DD_SPAN_SAMPLING_RULES", many.as_str()),
        ("DD_TRACE_PROPAGATION_STYLE", commas.as_str()),
        ("DD_TAGS", tags.as_str()),
        ("DD_SERVICE", tags.as_str()),
        ("DD_TRACE_SAMPLE_RATE", tags.as_str()),
        ("DD_TRACE_AGENT_URL", commas.as_str()),
    ] {
        let checked = of_env(Mode::Lenient, &[(name, value)]);
        assert!(checked.findings.len() < 1000, "{name}: {} findings", checked.findings.len());
        let longest = checked.findings.iter().map(|finding| finding.diagnostic.message().len()).max();
        assert!(longest < Some(2000), "{name}: a message of {longest:?} bytes");
    }
}

/// Every lint of the catalogue, raised and not raised: `fixtures/config/lints.jsonl` says for each environment all that is
/// told, `CODE about path`, errors first. The notes about missing names (TC601, TC602) are left out unless they are all.
#[test]
fn lints_are_raised_where_they_should() {
    let path = fixture("config/lints.jsonl");
    let rows = String::from_utf8(read(&path)).unwrap();
    let (mut faults, mut written, mut raised) = (Vec::new(), String::new(), std::collections::BTreeSet::new());
    for line in rows.lines() {
        let mut row: Value = serde_json::from_str(line).unwrap();
        let env = row["env"].as_object().unwrap();
        let mut target = Target {
            env: env.iter().map(|(name, value)| variable(name, value.as_str().unwrap())).collect(),
            container: row["container"] == true,
            ..Target::default()
        };
        if !row["code"].is_null() {
            target.code = Some(node("code.json", &row["code"].to_string()));
        }
        let mode = if row["lenient"] == true { Mode::Lenient } else { Mode::Strict };
        let profile = if row["profile"].is_null() { Profile::DdTraceCpp } else { profile(&row) };
        let checked = config::check_all(profile, mode, &target, &|_| Err(io::Error::from(io::ErrorKind::NotFound)));
        raised.extend(checked.findings.iter().map(|finding| finding.code()));
        let missing = |finding: &&Finding| ["TC601", "TC602"].contains(&finding.code().id());
        let all_missing = checked.findings.iter().all(|finding| missing(&finding));
        let found = checked.findings.iter().filter(|finding| all_missing || !missing(finding));
        let found: Vec<Value> = found
            .map(|finding| {
                let path = finding.path.as_deref().map(|path| format!(" {path}")).unwrap_or_default();
                Value::from(format!("{} {}{path}", finding.code(), finding.about))
            })
            .collect();
        if row["findings"] != Value::from(found.clone()) {
            faults.push(format!("{}: {}", text(&row, "about"), Value::from(found.clone())));
        }
        row["findings"] = found.into();
        written.push_str(&format!("{row}\n"));
    }
    if !faults.is_empty() && support::updating() {
        std::fs::write(&path, written).unwrap();
    } else {
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
    // TC106 is for other profiles.
    let silent = config::codes::lint::ALL.iter().filter(|code| code.id() != "TC106" && !raised.contains(code));
    let silent: Vec<_> = silent.collect();
    assert!(silent.is_empty(), "no row raises {silent:?}");
}

#[test]
fn what_hangs_on_unresolved_variables_is_left_out() {
    let target = Target {
        env: vec![variable("DD_SERVICE", "web"), variable("DD_TRACE_PROPAGATION_STYLE", "")],
        unresolved: ["DD_AGENT_HOST", "DD_TRACE_SAMPLE_RATE", "DD_PROPAGATION_STYLE_EXTRACT", "DD_ENV"]
            .map(str::to_owned)
            .to_vec(),
        code: Some(node("code.json", r#"{"trace_sampler":{"sample_rate":2},"agent":{"url":"nonsense"}}"#)),
        ..Target::default()
    };
    let read = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let checked = config::check(Profile::DdTraceCpp, Mode::Strict, &target, &read);
    // What code gives for these is overridden by whatever the variables hold.
    assert_eq!(told(&checked, Severity::Error), ["MISSING_SPAN_INJECTION_STYLE DD_TRACE_PROPAGATION_STYLE"]);
    let checked = config::check(Profile::DdTraceCpp, Mode::Lenient, &target, &read);
    let json = checked.finalized.expect("lenient").to_json();
    for path in
        ["/agent/url", "/trace_sampler/rules", "/trace_sampler/sample_rate", "/extraction_styles", "/environment"]
    {
        assert_eq!(json.pointer(path), None, "{path}");
    }
    for path in ["/service", "/injection_styles", "/trace_sampler/max_per_second"] {
        assert!(json.pointer(path).is_some(), "{path}");
    }
    assert!(!checked.findings.iter().any(|finding| finding.code().id() == "TC602" && finding.about == "DD_ENV"));
}

#[test]
fn another_source_is_named_where_it_wins() {
    let target = Target {
        env: vec![
            variable("DD_SERVICE", "web"),
            variable("DD_TRACE_AGENT_URL", "http://u:hunter2@a:8126"),
            variable("DD_AGENT_HOST", "b"),
        ],
        code: Some(node("code.json", r#"{"service":"coded","agent":{"url":"http://c:1"}}"#)),
        ..Target::default()
    };
    let read = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let checked = config::check(Profile::DdTraceCpp, Mode::Strict, &target, &read);
    let settings = checked.finalized.expect("no error").settings();
    let shown = |key: &str| {
        let shown = settings.iter().find(|shown| shown.key == key).expect("a known key");
        format!("{} {} {} {:?}", shown.value, shown.origin.word(), shown.from, shown.overridden)
    };
    assert_eq!(shown("service"), r#"web env DD_SERVICE ["service=coded"]"#);
    let url = r#"http://u:****@a:8126 env DD_TRACE_AGENT_URL ["DD_AGENT_HOST=b", "agent.url=http://c:1"]"#;
    assert_eq!(shown("agent.url"), url);
    assert_eq!(shown("version"), " default  []");
}
