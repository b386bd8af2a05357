//! `validate-config` as a process: the visible cases as conformance/README.md runs them, and its machine formats.

use crate::support::configuration::{differences, differences_of_findings};
use crate::support::process::{Ran, Spanglass, spanglass};
use crate::support::{fixture, read_json, root};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const FILES: &str = "fixtures/config/files";

/// The whole environment of a run is what is set here; not even a locale is inherited.
fn validate(args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = Spanglass::new(["validate-config"]).args(args);
    command.0.env_clear().envs(env.iter().copied());
    command.run()
}

/// Findings of all targets, in their order.
fn all<'d>(document: &'d Value, member: &str) -> Vec<&'d Value> {
    let targets = document["targets"].as_array().expect("targets");
    targets.iter().flat_map(|target| target[member].as_array().expect("a list")).collect()
}

// ---- conformance ----------------------------------------------------------------------------------------------

/// What differs in one case.
fn run_case(case: &Value, folder: &Path) -> Vec<String> {
    let mut args = vec!["--profile".to_owned(), case["profile"].as_str().expect("a profile").to_owned()];
    if case["mode"] == "lenient" {
        args.push("--lenient".to_owned());
    }
    args.extend(["--format".to_owned(), "json".to_owned()]);
    let mut path = String::new();
    if let Some(file) = case["file"].as_object() {
        path = folder.join(file["name"].as_str().expect("a name")).display().to_string();
        fs::write(&path, file["content"].as_str().expect("content")).expect("a file");
        match file["format"].as_str().expect("a format") {
            "tracer-config-json" | "tracer-config-yaml" => args.extend(["--config".to_owned(), path.clone()]),
            "span-rules-json" => {}
            _ => args.extend(["--with-env".to_owned(), path.clone()]),
        }
    }
    if !case["code_config"].is_null() {
        let path = folder.join("code.json");
        fs::write(&path, case["code_config"].to_string()).expect("a file");
        args.extend(["--config".to_owned(), path.display().to_string()]);
    }
    let env = case["env"].as_object().expect("an environment");
    let env: Vec<(&str, String)> = env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().expect("text").replace("{{file}}", &path)))
        .collect();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ran = validate(&args.iter().map(String::as_str).collect::<Vec<_>>(), &env);
    let Ok(document) = serde_json::from_str::<Value>(&ran.stdout) else {
        return vec![format!("no JSON: {ran:?}")];
    };

    let expect = &case["expect"];
    let mut faults = Vec::new();
    if document["ok"] != expect["ok"] {
        faults.push(format!("ok: {}, expected {}", document["ok"], expect["ok"]));
    }
    let status = if document["ok"] == true { 0 } else { 1 };
    if ran.status != status && ran.status != 2 {
        faults.push(format!("exit {}, expected {status}", ran.status));
    }
    let targets = document["targets"].as_array().expect("targets");
    let merged = |member: &str| {
        let mut all = serde_json::Map::new();
        targets.iter().filter_map(|target| target[member].as_object()).for_each(|one| all.extend(one.clone()));
        Value::Object(all)
    };
    if expect["ok"] == true {
        differences("", &expect["final"], &merged("final"), &mut faults);
    }
    if expect["ok"] == false && targets.len() == 1 && merged("final") != json!({}) {
        faults.push("final is not empty".to_owned());
    }
    let origins = merged("origins");
    for (key, origin) in expect["origins"].as_object().into_iter().flatten() {
        if &origins[key] != origin {
            faults.push(format!("origins.{key}: {}, expected {origin}", origins[key]));
        }
    }
    let found = |member: &str| -> Vec<Value> {
        let with_line = |finding: &Value| {
            let mut finding = finding.clone();
            finding["line"] = finding["location"]["line"].clone();
            finding
        };
        all(&document, member).into_iter().map(with_line).collect()
    };
    differences_of_findings(expect, &found("errors"), &found("warnings"), &mut faults);
    faults
}

#[test]
fn visible_cases() {
    let text = fs::read_to_string(fixture("config/config.jsonl")).expect("cases");
    let mut faults = Vec::new();
    let mut count = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).expect("a case");
        let folder = tempfile::tempdir().expect("a folder");
        for fault in run_case(&case, folder.path()) {
            faults.push(format!("{}: {fault}", case["id"].as_str().unwrap_or_default()));
        }
        count += 1;
    }
    assert!(count >= 155, "only {count} cases");
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

// ---- acceptance of the formats ----------------------------------------------------------------------------------

/// File, code, and the text that its line and columns stand for.
const FAULTS: [(&str, &str, &str); 6] = [
    ("four-services.yaml", "RATE_OUT_OF_RANGE", "1.5"),
    ("four-services.yaml", "URL_UNSUPPORTED_SCHEME", "tcp"),
    ("four-services.yaml", "UNKNOWN_PROPAGATION_STYLE", "b33"),
    ("four-services.yaml", "INVALID_INTEGER", " items"),
    ("k8s.yaml", "INVALID_DOUBLE", "10%"),
    ("prod.env", "INVALID_DOUBLE", "100/s"),
];

fn paths() -> Vec<String> {
    ["four-services.yaml", "k8s.yaml", "prod.env"].map(|name| format!("{FILES}/{name}")).to_vec()
}

fn with(format: &str) -> Ran {
    let paths = paths();
    let mut args: Vec<&str> = paths.iter().map(String::as_str).collect();
    args.extend(["--format", format]);
    validate(&args, &[]).exits(1)
}

/// What stands between two columns of a line, which count characters from 1.
fn text_at(file: &str, line: &Value, column: &Value, end_column: &Value) -> String {
    let text = fs::read_to_string(root().join(file)).expect("a file");
    let number = |value: &Value| value.as_u64().expect("a number") as usize;
    let line = text.lines().nth(number(line) - 1).expect("a line");
    line.chars().skip(number(column) - 1).take(number(end_column) - number(column)).collect()
}

#[test]
fn places_point_at_the_values() {
    let document = with("json").json();
    let errors = all(&document, "errors");
    assert_eq!(errors.len(), FAULTS.len(), "{errors:#?}");
    for ((file, code, value), error) in FAULTS.iter().zip(errors) {
        let place = &error["location"];
        let found =
            text_at(place["file"].as_str().expect("a file"), &place["line"], &place["column"], &place["end_column"]);
        assert_eq!(place["line"], place["end_line"]);
        assert!(place["file"] == format!("{FILES}/{file}") && error["code"] == *code, "{error}");
        assert!(found.contains(value) || value.contains(&found), "{code} is at {found:?}, not at {value:?}");
        assert!(!found.is_empty());
    }
    assert_eq!(document["schema"], "spanglass.config/1");
    assert!(document["targets"].as_array().is_some_and(|targets| targets.len() == 7), "4 + 2 + 1 targets");
}

/// The mistakes with which real tracers start without a word, or die: each is found at its line in one run.
#[test]
fn ten_mistakes_in_one_file() {
    let document = validate(&[&format!("{FILES}/mistakes.yaml"), "--json"], &[]).exits(1).json();
    let found: Vec<&Value> = all(&document, "errors").into_iter().chain(all(&document, "warnings")).collect();
    for (line, about, code) in [
        (12, "DD_TRACE_SAMPLE_RATEE", "TC101"),
        (13, "DD_TRACE_SAMPLE_RATE", "RATE_OUT_OF_RANGE"),
        (14, "DD_TRACE_SAMPLING_RULES", "RATE_OUT_OF_RANGE"),
        (15, "DD_TRACE_AGENT_URL", "URL_UNSUPPORTED_SCHEME"),
        (16, "DD_TRACE_PROPAGATION_STYLE", "UNKNOWN_PROPAGATION_STYLE"),
        (17, "OTEL_TRACES_SAMPLER", "TC703"),
        (18, "DD_TRACE_RATE_LIMIT", "INVALID_DOUBLE"),
        (19, "DD_TAGS", "TC612"),
        (24, "DD_TRACE_SAMPLING_RULES", "TRACE_SAMPLING_RULES_INVALID_JSON"),
        (25, "DD_AGENT_HOST", "TC302"),
    ] {
        let at_it = |one: &&&Value| one["about"] == about && one["code"] == code && one["location"]["line"] == line;
        assert!(found.iter().find(at_it).is_some(), "{about} at line {line}: {found:#?}");
    }
}

fn sarif_schema() -> jsonschema::Validator {
    let mut schema = read_json(&fixture("schemas/sarif-2.1.0.json"));
    // The published schema has a bracket too many in the pattern of two members that are not written here.
    for definition in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][definition]["properties"]["language"];
        assert_eq!(language["pattern"], "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$");
        language["pattern"] = "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$".into();
    }
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
}

#[test]
fn sarif_is_valid_and_has_the_same_places() {
    let log = with("sarif").json();
    let validator = sarif_schema();
    let faults: Vec<String> =
        validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    for rule in rules {
        for member in ["id", "shortDescription", "helpUri", "defaultConfiguration"] {
            assert!(!rule[member].is_null(), "{rule} has no {member}");
        }
    }
    let results = run["results"].as_array().expect("results");
    let errors: Vec<&Value> = results.iter().filter(|result| result["level"] == "error").collect();
    assert_eq!(errors.len(), FAULTS.len());
    for ((file, code, _), result) in FAULTS.iter().zip(errors) {
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(
            (&result["ruleId"], &place["artifactLocation"]["uri"]),
            (&json!(code), &json!(format!("{FILES}/{file}")))
        );
        assert!(place["region"]["startLine"].is_u64() && place["region"]["endColumn"].is_u64(), "{place}");
        assert!(result["partialFingerprints"].as_object().is_some_and(|prints| !prints.is_empty()));
        let rule = &rules[result["ruleIndex"].as_u64().expect("an index") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
    }
}

#[test]
fn sarif_of_the_environment_and_of_nothing_is_valid() {
    let validator = sarif_schema();
    for env in [&[("DD_TRACE_SAMPLE_RATE", "2")][..], &[("DD_SERVICE", "a"), ("DD_ENV", "b"), ("DD_VERSION", "1")]] {
        let log = validate(&["--format", "sarif"], env).json();
        assert!(validator.is_valid(&log), "{log}");
    }
}

#[test]
fn github_annotations_are_escaped() {
    let ran = with("github");
    let errors: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), FAULTS.len(), "{}", ran.stdout);
    for line in ran.stdout.lines() {
        let (properties, text) = line.strip_prefix("::").and_then(|rest| rest.split_once("::")).expect("a command");
        let (command, properties) = properties.split_once(' ').expect("properties");
        assert!(["error", "warning", "notice"].contains(&command), "{line}");
        for property in properties.split(',') {
            let (name, value) = property.split_once('=').expect("a property");
            assert!(["file", "line", "col", "endLine", "endColumn", "title"].contains(&name), "{line}");
            assert!(!value.contains(':'), "{line}");
        }
        for (at, _) in text.match_indices('%') {
            assert!(["25", "0D", "0A"].iter().any(|code| text[at + 1..].starts_with(code)), "{line}");
        }
    }
    let percent = errors.iter().find(|line| line.contains("10%25")).expect("the rate of 10%");
    assert!(percent.contains("file=fixtures/config/files/k8s.yaml,line=6,col=12,"), "{percent}");
    assert!(percent.contains(",title=INVALID_DOUBLE (42)::"), "{percent}");
}

#[test]
fn junit_has_a_suite_per_target() {
    let ran = with("junit");
    let report = quick_junit::Report::deserialize_from_str(&ran.stdout).expect("JUnit");
    let names: Vec<&str> = report.test_suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    assert!(["gateway", "orders", "stock", "mail"].iter().all(|name| names.contains(name)), "{names:?}");
    assert_eq!(report.failures, FAULTS.len());
    let never = validate(&[&paths()[2], "--format", "junit", "--fail-on", "never"], &[]).exits(0);
    let report = quick_junit::Report::deserialize_from_str(&never.stdout).expect("JUnit");
    assert_eq!((report.failures, report.tests > 0), (0, true));
}

// ---- exit codes and choice ----------------------------------------------------------------------------------

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("a file");
    }
    folder
}

fn in_folder(folder: &TempDir, line: &str) -> Ran {
    let mut command = spanglass(line);
    command.0.current_dir(folder.path());
    command.run()
}

#[test]
fn exit_codes() {
    let files = folder(&[
        ("good.env", b"DD_SERVICE=a\nDD_ENV=b\nDD_VERSION=1\n"),
        ("bad.env", b"DD_SERVICE=a\nDD_TRACE_SAMPLE_RATE=2\n"),
        ("warn.env", b"DD_SERVICE=a\nDD_TRACE_SAMPLE_RATEE=1\n"),
        ("broken.yaml", b"services: {web: [\n"),
        ("latin1.env", b"DD_SERVICE=caf\xe9\n"),
        ("none.yaml", b"kind: Service\nspec: {ports: []}\n"),
        ("good.env.gz", &gzip(b"DD_SERVICE=a\nDD_ENV=b\nDD_VERSION=1\n")),
    ]);
    for (status, line) in [
        (0, "good.env"),
        (0, "good.env.gz --input-format dotenv"),
        (1, "bad.env"),
        (1, "bad.env good.env"),
        (0, "bad.env --fail-on never"),
        (0, "bad.env --lenient"),
        (1, "bad.env --lenient --fail-on warning"),
        (0, "bad.env --ignore RATE_OUT_OF_RANGE"),
        (0, "bad.env --ignore 18"),
        (0, "bad.env --ignore rate-out-of-range"),
        (0, "bad.env --select TC1"),
        (1, "bad.env --select RATE"),
        (0, "warn.env"),
        (1, "warn.env --fail-on warning"),
        (0, "warn.env --fail-on warning --ignore TC101"),
        (1, "good.env --target nobody"),
        (2, "missing.env"),
        (2, "missing.env good.env"),
        (2, "missing.env --fail-on never"),
        (2, "missing.env --ignore TC001"),
        (2, "broken.yaml"),
        (2, "latin1.env"),
        (2, "none.yaml"),
        (2, "good.env --config missing.json"),
        (2, "good.env --config broken.yaml"),
        (2, "good.env --select NOTHING"),
        (2, "good.env --profile nobody"),
        (2, "good.env --fail-on sometimes"),
    ] {
        let ran = in_folder(&files, &format!("validate-config {line}"));
        assert_eq!(ran.status, status, "{line}\n{ran:?}");
    }
    for (line, code) in [
        ("missing.env", "TC001"),
        ("latin1.env", "TC001"),
        ("broken.yaml", "TC002"),
        ("none.yaml", "TC010"),
        ("good.env --config missing.json", "TC001"),
    ] {
        let ran = in_folder(&files, &format!("validate-config {line} --json")).exits(2);
        let document = ran.json();
        let codes: Vec<&Value> =
            all(&document, "errors").into_iter().chain(all(&document, "warnings")).map(|one| &one["code"]).collect();
        assert!(codes.contains(&&json!(code)), "{line}: {document}");
        assert_eq!(ran.stdout.lines().count(), 1);
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("gzip");
    encoder.finish().expect("gzip")
}

#[test]
fn comments_silence_findings() {
    let files = folder(&[
        ("a.env", b"DD_SERVICE=a\n# tc:ignore TC101\nDD_TRACE_SAMPLE_RATEE=1\n"),
        ("b.env", b"DD_SERVICE=a\nDD_TRACE_SAMPLE_RATEE=1\n"),
    ]);
    in_folder(&files, "validate-config a.env --fail-on warning --ignore TC6").exits(0);
    in_folder(&files, "validate-config b.env --fail-on warning --ignore TC6").exits(1);
}

#[test]
fn standard_input_and_variables_of_flags() {
    let ran = spanglass("validate-config - --json").with_input(b"DD_TRACE_SAMPLE_RATE=2\n").exits(1);
    assert_eq!(all(&ran.json(), "errors")[0]["location"]["file"], "-");
    let ran =
        spanglass("validate-config - --json").env("SPANGLASS_LENIENT", "1").with_input(b"DD_TRACE_SAMPLE_RATE=2\n");
    let document = ran.exits(0).json();
    assert_eq!((&document["mode"], &document["ok"]), (&json!("lenient"), &json!(true)));
    let ran = validate(&["--json"], &[("SPANGLASS_PROFILE", "otel"), ("OTEL_TRACES_SAMPLER", "bogus")]).exits(0);
    assert_eq!(ran.json()["profile"], "otel");
}

#[test]
fn the_process_environment_may_hold_anything() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = Spanglass::new(["validate-config", "--json"]);
    command.0.env("DD_SERVICE", std::ffi::OsStr::from_bytes(b"caf\xe9")).env("DD_ENV", "x\u{202e}\x1b[31m");
    let ran = command.run().exits(2);
    assert_eq!(all(&ran.json(), "errors")[0]["code"], "TC001");
    assert!(!ran.stdout.contains('\x1b') && !ran.stdout.contains('\u{202e}'));
}

/// No form of output may hold a secret, however it is written.
#[test]
fn secrets_are_masked_in_every_form() {
    let files = folder(&[
        ("a.yaml", b"services:\n  web:\n    environment: {DD_API_KEY: 0123456789abcdef0123456789abcdef, DD_TRACE_SAMPLE_RATE: \"2.0\"}\n"),
        ("b.env", b"DD_TAGS=\"team:a,db_password:hunter2hunter2,,x\"\nDD_TRACE_AGENT_URL=tcp://user:hunter2hunter2@dd:8126\n"),
    ]);
    for format in ["text", "sarif", "github", "junit"] {
        for (file, secret) in [("a.yaml", "0123456789abcdef"), ("b.env", "hunter2hunter2")] {
            let ran = in_folder(&files, &format!("validate-config {file} --format {format} --show-final -v"));
            assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{format}: {}", ran.stdout);
            assert!(ran.stdout.len() > 100, "{format}: {}", ran.stdout);
        }
    }
    let ran = in_folder(&files, "validate-config a.yaml b.env --json");
    assert!(!ran.stdout.contains("0123456789abcdef") && !ran.stdout.contains("hunter2hunter2"), "{}", ran.stdout);
    let shown = in_folder(&files, "validate-config a.yaml --no-redact");
    assert!(shown.stdout.contains("0123456789abcdef"), "{}", shown.stdout);
}
