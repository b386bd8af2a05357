//! What the profiles otel, xmtpd, flowbot and codeq make of configurations: finalized values and findings with the text that
//! each finding marks, beyond the cases of the table in `config.rs`.

use serde_json::{Value, json};
use spanglass::config::{self, Entry, Finalized, Mode, Profile, Target, document};
use spanglass::diagnostic::{Place, Severity, Source};
use std::io;
use std::path::Path;

/// A configuration: variables in lines `NAME=value`, and perhaps a file.
struct Case<'c> {
    profile: Profile,
    mode: Mode,
    env: &'c str,
    file: Option<&'c str>,
    unresolved: &'c [&'c str],
}

impl Case<'_> {
    fn target(&self) -> Target {
        let mut target = Target { name: "process".into(), ..Target::default() };
        target.unresolved = self.unresolved.iter().map(|name| (*name).to_owned()).collect();
        for line in self.env.lines().map(|line| line.trim_start()).filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once('=').expect("NAME=value");
            let value = value.replace("\\n", "\n");
            let range = 0..value.len();
            target.env.push(Entry {
                name: name.into(),
                value,
                name_place: None,
                value_place: Some(Place::Text { source: Source::Env(name.into()), range, line: None }),
                verbatim: true,
            });
        }
        if let Some(text) = self.file {
            let documents = document::parse(Source::File("config.yaml".into()), text).expect("YAML");
            target.file = documents.into_iter().next();
        }
        target
    }

    /// The finalized values, or null; then one line per finding: severity, code, about, and in backquotes what is marked.
    fn run(&self) -> (Value, Vec<String>) {
        let target = self.target();
        let read = |path: &Path| match (path.to_str(), self.file) {
            (Some("config.yaml"), Some(text)) => Ok(text.as_bytes().to_vec()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        let checked = config::check(self.profile, self.mode, &target, &read);
        let mut lines = Vec::new();
        for finding in &checked.findings {
            let letter = match finding.severity() {
                Severity::Error => 'E',
                Severity::Warning => 'W',
                Severity::Note => 'N',
            };
            let marked = match finding.diagnostic.place() {
                Some(Place::Text { source: Source::Env(name), range, .. }) => {
                    let value = target.get(name).map(|entry| entry.value.clone()).unwrap_or_default();
                    format!(" `{}`", value.get(range.clone()).expect("a range of the value"))
                }
                Some(Place::Text { source: Source::File(_), range, line }) => {
                    let text = self.file.unwrap_or_default();
                    let before = text.get(..range.start).expect("a place in the file");
                    assert_eq!(*line, Some(before.matches('\n').count() as u64 + 1), "line of {finding:?}");
                    format!(" `{}`", text.get(range.clone()).expect("a range of the file"))
                }
                _ => String::new(),
            };
            let message = finding.diagnostic.message();
            assert!(!message.is_empty() && !message.ends_with('.'), "{message}");
            lines.push(format!("{letter} {} {}{marked}", finding.code(), finding.about));
        }
        (checked.finalized.as_ref().map_or(Value::Null, Finalized::to_json), lines)
    }
}

/// Compares findings, and the members of `wanted` with those of the finalized values.
#[track_caller]
fn expect(case: &Case<'_>, wanted: Value, findings: &[&str]) {
    let (found, lines) = case.run();
    assert_eq!(lines, findings, "findings of {:?} {:?}", case.env, case.file);
    match wanted.as_object() {
        None => assert_eq!(found, wanted, "final of {:?} {:?}", case.env, case.file),
        Some(members) => {
            for (key, value) in members {
                let path = format!("/{}", key.replace('.', "/"));
                let found = if key.contains("[") { found.get(key) } else { found.pointer(&path) };
                assert_eq!(found, Some(value), "{key} of {:?} {:?}", case.env, case.file);
            }
        }
    }
}

fn env(profile: Profile, env: &str) -> Case<'_> {
    Case { profile, mode: Mode::Strict, env, file: None, unresolved: &[] }
}

fn file<'c>(profile: Profile, env: &'c str, file: &'c str) -> Case<'c> {
    Case { profile, mode: Mode::Strict, env, file: Some(file), unresolved: &[] }
}

fn xmtpd(text: &str) -> Case<'_> {
    env(Profile::Xmtpd, text)
}

fn otel(text: &str) -> Case<'_> {
    env(Profile::Otel, text)
}

fn codeq(text: &str) -> Case<'_> {
    env(Profile::Codeq, text)
}

fn codeq_file(text: &str) -> Case<'_> {
    file(Profile::Codeq, "OTEL_SERVICE_NAME=n", text)
}

fn lenient(case: Case<'_>) -> Case<'_> {
    Case { mode: Mode::Lenient, ..case }
}

#[test]
fn xmtpd_reads_as_go_does() {
    for on in ["1", "t", "T", "true", "True", "TRUE"] {
        expect(&xmtpd(&format!("XMTPD_TRACING_ENABLE={on}")), json!({"enabled": true}), &[]);
    }
    for off in ["0", "f", "F", "false", "False", "FALSE"] {
        expect(&xmtpd(&format!("XMTPD_TRACING_ENABLE={off}")), json!({"enabled": false}), &[]);
    }
    for bad in ["tRUE", "true ", "off", "2"] {
        let line = format!("E TC907 XMTPD_TRACING_ENABLE `{bad}`");
        expect(&xmtpd(&format!("XMTPD_TRACING_ENABLE={bad}")), Value::Null, &[&line]);
    }
    expect(
        &lenient(xmtpd("XMTPD_TRACING_ENABLE=yes")),
        json!({"enabled": false}),
        &["W TC907 XMTPD_TRACING_ENABLE `yes`"],
    );
    let on = "XMTPD_TRACING_ENABLE=1\n";
    for (rate, value) in
        [("0x1p-2", 0.25), ("0x_1p-2", 0.25), ("1e-400", 0.0), ("0_1.0", 1.0), (".5", 0.5), ("-0", 0.0)]
    {
        let text = format!("{on}ENV=prod\nAPM_SAMPLE_RATE={rate}");
        let (found, lines) = xmtpd(&text).run();
        assert_eq!(found["sample_rate"].as_f64(), Some(value), "{rate}");
        assert!(lines.is_empty(), "{lines:?}");
    }
    for rate in ["0.5 ", "-0.1", "1.5", "Inf", "1e400", "0,5", "0x1"] {
        let line = format!("W TC901 APM_SAMPLE_RATE `{rate}`");
        let text = format!("{on}APM_SAMPLE_RATE={rate}\nENV=staging");
        expect(&xmtpd(&text), json!({"sample_rate": 0.1}), &[&line]);
    }
    expect(&xmtpd("XMTPD_TRACING_ENABLE=1\nAPM_SAMPLE_RATE=\nENV="), json!({"env": "test", "sample_rate": 1.0}), &[]);
    for name in [" prod", "PROD", "prd", "Live", "preprod", "stg"] {
        let (found, lines) = xmtpd(&format!("{on}ENV={name}")).run();
        assert_eq!(found["env"], name);
        assert_eq!(lines, [format!("W TC906 ENV `{name}`")]);
    }
    expect(&xmtpd("ENV=production-eu"), json!({"env": "production-eu", "sample_rate": 1.0}), &[]);
}

#[test]
fn xmtpd_finds_the_agent_as_the_tracer_does() {
    let url = |text: &str| env(Profile::Xmtpd, &format!("XMTPD_TRACING_ENABLE=1\n{text}")).run().0["agent_url"].clone();
    assert_eq!(url(""), "http://localhost:8126");
    assert_eq!(url("DD_TRACE_AGENT_PORT=1"), "http://localhost:1");
    assert_eq!(url("DD_AGENT_HOST=::1"), "http://[::1]:8126");
    assert_eq!(url("DD_AGENT_HOST=[::1]"), "http://[[::1]]:8126");
    assert_eq!(url("DD_AGENT_HOST=\nDD_TRACE_AGENT_PORT="), "http://localhost:8126");
    assert_eq!(url("DD_TRACE_AGENT_URL=unix:///a.sock\nDD_AGENT_HOST=h"), "unix:///a.sock");
    assert_eq!(url("DD_TRACE_AGENT_URL=https://a:1/x\nDD_AGENT_HOST=h"), "https://a:1/x");
    assert_eq!(url("DD_TRACE_AGENT_URL=tcp://a:1\nDD_AGENT_HOST=h"), "http://h:8126");
    assert_eq!(url("DD_TRACE_AGENT_URL=:\nDD_AGENT_HOST=h"), "http://h:8126");
}

#[test]
fn xmtpd_settings_without_effect_are_told() {
    expect(
        &env(Profile::Xmtpd, "APM_SAMPLE_RATE=0.5\nDD_AGENT_HOST=h"),
        json!({"enabled": false, "sample_rate": 0.5}),
        &["N TC905 XMTPD_TRACING_ENABLE `0.5`"],
    );
    expect(
        &env(
            Profile::Xmtpd,
            "XMTPD_TRACING_ENABLE=1\nENV=prod\nDD_TRACE_SAMPLE_RATE=0.05\nDD_SERVICE=x\nDD_VERSION=2\nDD_TRACE_ENABLED=false",
        ),
        json!({"service": "xmtpd", "sample_rate": 0.1}),
        &[
            "W TC904 DD_SERVICE `x`",
            "W TC904 DD_VERSION `2`",
            "W TC908 DD_TRACE_SAMPLE_RATE `0.05`",
            "N TC905 DD_TRACE_ENABLED `false`",
        ],
    );
    let unknown = Case { unresolved: &["ENV"], ..env(Profile::Xmtpd, "XMTPD_TRACING_ENABLE=1") };
    let (found, lines) = unknown.run();
    assert_eq!(found, json!({"enabled": true, "service": "xmtpd", "agent_url": "http://localhost:8126"}));
    assert!(lines.is_empty());
}

const FLOWBOT: &str = "tracing:\n  enabled: true\n  endpoint: http://c:4318/v1/traces\n";

#[test]
fn flowbot_converts_weakly() {
    let block = |text: &str| format!("tracing:\n  endpoint: http://c:4318/v1/traces\n  {text}\n");
    for (text, value) in [
        ("enabled: True", true),
        ("enabled: \"true\"", true),
        ("enabled: 1", true),
        ("enabled: 0.5", true),
        ("enabled: \"T\"", true),
        ("ENABLED: true", true),
        ("enabled: 0", false),
        ("enabled: \"\"", false),
        ("enabled: ~", false),
        ("enabled: {}", false),
    ] {
        let (found, lines) = file(Profile::Flowbot, "", &block(text)).run();
        assert_eq!(found["enabled"], value, "{text}: {lines:?}");
    }
    for (text, marked) in [("enabled: on", "on"), ("enabled: \"yes\"", "yes"), ("enabled: [true]", "[true]")] {
        let line = format!("E TC927 tracing.enabled `{marked}`");
        expect(&file(Profile::Flowbot, "", &block(text)), Value::Null, &[&line]);
    }
    for (text, value) in [("\"0.3\"", 0.3), ("0x1p-2", 0.25), ("true", 1.0), ("\"\"", 1.0), ("1", 1.0), (".5", 0.5)] {
        let (found, _) = file(Profile::Flowbot, "", &format!("{FLOWBOT}  sample_rate: {text}\n")).run();
        assert_eq!(found["sample_rate"].as_f64(), Some(value), "{text}");
    }
    for (text, line) in [
        ("10", "E TC923 tracing.sample_rate `10`"),
        ("-0.1", "E TC923 tracing.sample_rate `-0.1`"),
        (".nan", "E TC923 tracing.sample_rate `.nan`"),
        ("\"NaN\"", "E TC923 tracing.sample_rate `NaN`"),
        ("half", "E TC927 tracing.sample_rate `half`"),
        ("[1]", "E TC927 tracing.sample_rate `[1]`"),
    ] {
        expect(&file(Profile::Flowbot, "", &format!("{FLOWBOT}  sample_rate: {text}\n")), Value::Null, &[line]);
    }
    let names = format!("{FLOWBOT}  service_name: 12\n  environment: true\n  sample_rate: 0\n");
    expect(
        &file(Profile::Flowbot, "", &names),
        json!({"service_name": "12", "environment": "1", "sample_rate": 1.0}),
        &["W TC924 tracing.sample_rate `0`"],
    );
    expect(&file(Profile::Flowbot, "", "tracing: on\n"), Value::Null, &["E TC927 tracing `on`"]);
    expect(&file(Profile::Flowbot, "", "tracing:\n"), json!({"enabled": false}), &[]);
    expect(&file(Profile::Flowbot, "", "Tracing.Enabled: false\n"), json!({"enabled": false}), &[]);
    let twice = "tracing:\n  enabled: true\n  enabled: false\n";
    let (found, lines) = file(Profile::Flowbot, "", twice).run();
    assert!(found.is_null() && lines.contains(&"E TC927 tracing.enabled `enabled`".to_owned()), "{lines:?}");
}

#[test]
fn flowbot_judges_endpoints_as_its_validator() {
    let endpoint = |text: &str| format!("tracing:\n  enabled: true\n  endpoint: \"{text}\"\n");
    for bad in ["collector", "10.0.0.1:4318", "http://", "http://h:port", "//h/v1/traces", " ", "http:///v1/traces"] {
        let line = format!("E TC922 tracing.endpoint `{bad}`");
        expect(&file(Profile::Flowbot, "", &endpoint(bad)), Value::Null, &[&line]);
    }
    for odd in ["collector:4318", "mailto:x", "file:///x", "http:#f"] {
        let line = format!("W TC925 tracing.endpoint `{odd}`");
        expect(&file(Profile::Flowbot, "", &endpoint(odd)), json!({"endpoint": odd, "export.host": ""}), &[&line]);
    }
    expect(
        &file(Profile::Flowbot, "", &endpoint("ftp://h/v1/traces")),
        json!({"export": {"host": "h", "path": "/v1/traces", "insecure": true}}),
        &["W TC925 tracing.endpoint `ftp://h/v1/traces`"],
    );
    expect(
        &file(Profile::Flowbot, "", &endpoint("HTTPS://h/otlp//v1/traces/")),
        json!({"export": {"host": "h", "path": "/otlp/v1/traces", "insecure": false}}),
        &[],
    );
    expect(
        &file(Profile::Flowbot, "", &endpoint("http://h/otlp")),
        json!({"export.path": "/otlp"}),
        &["W TC926 tracing.endpoint `http://h/otlp`"],
    );
    expect(
        &file(Profile::Flowbot, "", "tracing:\n  endpoint: x\n"),
        Value::Null,
        &["E TC922 tracing.endpoint `x`", "N TC928 tracing.enabled `tracing`"],
    );
    expect(
        &file(Profile::Flowbot, "", "tracing:\n  enabled: true\n"),
        Value::Null,
        &["E TC921 tracing.endpoint `tracing`", "N TC930 tracing.endpoint `tracing`"],
    );
    expect(
        &lenient(file(Profile::Flowbot, "", "tracing:\n  enabled: true\n  endpoint: x\n  sample_rate: 7\n  nope: 1\n")),
        json!({"enabled": true, "endpoint": "http://localhost:4318/v1/traces", "sample_rate": 1.0}),
        &["W TC922 tracing.endpoint `x`", "W TC923 tracing.sample_rate `7`", "W TC929 tracing.nope `nope`"],
    );
}

#[test]
fn flowbot_expands_the_whole_text_first() {
    let text = "# $COMMENT\ntracing:\n  enabled: ${ON}\n  endpoint: \"http://$HOST/v1/traces\"\n  sample_rate: ${RATE}\n  service_name: a$$b\n";
    expect(
        &file(Profile::Flowbot, "ON=true\nHOST=c:4318\nRATE=0.5", text),
        json!({"enabled": true, "endpoint": "http://c:4318/v1/traces", "sample_rate": 0.5, "service_name": "ab"}),
        &["W TC931 $ `$$`"],
    );
    // What a variable holds may be structure, and moves the lines after it.
    let text = "# ${BLOCK}\ntracing:\n  enabled: true\n  endpoint: http://c/v1/traces\n  sample_rate: ${RATE}\n";
    expect(
        &file(Profile::Flowbot, "BLOCK=a\\nother: b\nRATE=5", text),
        Value::Null,
        &["E TC923 tracing.sample_rate `${RATE}`"],
    );
    let text = "tracing:\n  enabled: true\n  endpoint: ${URL}\n";
    expect(
        &file(Profile::Flowbot, "", text),
        Value::Null,
        &["E TC921 tracing.endpoint `tracing`", "W TC931 URL `${URL}`", "N TC930 tracing.endpoint `tracing`"],
    );
    expect(&file(Profile::Flowbot, "URL=a: b", text), Value::Null, &["E TC002 config.yaml `${URL}`"]);
    let unknown = Case { unresolved: &["URL"], ..file(Profile::Flowbot, "", text) };
    let (found, lines) = unknown.run();
    assert_eq!(found.get("endpoint"), None, "{found}");
    assert_eq!(found["enabled"], true);
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn codeq_reads_its_file_as_yaml_v3() {
    for (text, value) in [("yes", true), ("\"yes\"", true), ("On", true), ("n", false), ("~", false), ("true", true)] {
        let (found, lines) = codeq_file(&format!("tracingEnabled: {text}\n")).run();
        assert_eq!(found["enabled"], value, "{text}: {lines:?}");
    }
    for (text, line) in [
        ("tracingEnabled: \"true\"", "E TC949 tracingEnabled `true`"),
        ("tracingEnabled: 1", "E TC949 tracingEnabled `1`"),
        ("tracingSampleRatio: \"0.5\"", "E TC949 tracingSampleRatio `0.5`"),
        ("tracingSampleRatio: true", "E TC949 tracingSampleRatio `true`"),
        ("tracingServiceName: [a]", "E TC949 tracingServiceName `[a]`"),
    ] {
        expect(&codeq_file(text), Value::Null, &[line]);
    }
    expect(&codeq_file("tracingOtlpEndpoint: 4317\n"), json!({"endpoint": "4317"}), &[]);
    expect(
        &file(Profile::Codeq, "", "tracingServiceName: 1.50\n"),
        json!({"service_name": "1.50", "exported_service_name": "unknown_service:<binary>"}),
        &["W TC943 tracingServiceName `1.50`"],
    );
    expect(
        &codeq_file("port: 1\ntracing_enabled: true\ntracingFoo: 1\nanything: x\n"),
        json!({"enabled": false}),
        &["W TC950 tracing_enabled `tracing_enabled`", "W TC950 tracingFoo `tracingFoo`"],
    );
    expect(
        &lenient(codeq_file("tracingEnabled: maybe\ntracingSampleRatio: x\n")),
        json!({"enabled": false, "sample_ratio": 1.0}),
        &["W TC949 tracingEnabled `maybe`", "W TC949 tracingSampleRatio `x`"],
    );
    expect(&codeq_file("- a\n"), Value::Null, &["E TC949 config.yaml `- a`"]);
    expect(
        &codeq_file("tracingEnabled: true\ntracingEnabled: true\n"),
        Value::Null,
        &["E TC949 tracingEnabled `tracingEnabled`"],
    );
}

#[test]
fn codeq_takes_variables_by_its_truth_tables() {
    for (text, value) in [("TRUE", true), ("Yes", true), ("1", true), ("no", false), ("0", false)] {
        expect(&codeq(&format!("TRACING_ENABLED={text}\nOTEL_SERVICE_NAME=codeq")), json!({"enabled": value}), &[]);
    }
    for text in ["on", "y", " true", "2"] {
        let line = format!("W TC945 TRACING_ENABLED `{text}`");
        // The test's lines lose blanks at their start only.
        expect(&codeq(&format!("TRACING_ENABLED={text}")), json!({"enabled": false}), &[&line]);
    }
    expect(
        &codeq("OTEL_EXPORTER_OTLP_INSECURE= ON \nTRACING_OTLP_INSECURE=on"),
        json!({"insecure": true}),
        &["W TC945 TRACING_OTLP_INSECURE `on`", "W TC944 OTEL_EXPORTER_OTLP_INSECURE ` ON `"],
    );
    expect(&codeq("OTEL_EXPORTER_OTLP_INSECURE=  \nTRACING_OTLP_INSECURE=1"), json!({"insecure": true}), &[]);
    expect(&codeq("TRACING_SAMPLE_RATIO=NaN"), json!({"sample_ratio": "NaN"}), &["W TC941 TRACING_SAMPLE_RATIO `NaN`"]);
    expect(&codeq("TRACING_SAMPLE_RATIO=0x1p-1"), json!({"sample_ratio": 0.5}), &[]);
    expect(&codeq("TRACING_SAMPLE_RATIO=-1"), json!({"sample_ratio": 1.0}), &["W TC941 TRACING_SAMPLE_RATIO `-1`"]);
    expect(&codeq("TRACING_SAMPLE_RATIO=0.1 "), json!({"sample_ratio": 1.0}), &["W TC947 TRACING_SAMPLE_RATIO `0.1 `"]);
    expect(
        &codeq("OTEL_RESOURCE_ATTRIBUTES=bad,service.name=a%20b\nTRACING_SERVICE_NAME=x"),
        json!({"service_name": "x", "exported_service_name": "a b"}),
        &["W TC943 TRACING_SERVICE_NAME `x`"],
    );
    expect(
        &file(Profile::Codeq, "TRACING_SERVICE_NAME=  \nOTEL_SERVICE_NAME=o", "tracingServiceName: f\n"),
        json!({"service_name": "o", "exported_service_name": "o"}),
        &[],
    );
}

#[test]
fn codeq_reduces_endpoints() {
    for (text, endpoint, codes) in [
        ("otel:4317/", "otel:4317", ""),
        (" otel:4317 ", "otel:4317", ""),
        ("https://otel:4317/", "otel:4317", ""),
        ("https://otel:4317/x", "otel:4317", "TC946"),
        ("https://u:p@otel:4317", "otel:4317", "TC946"),
        ("HTTP://otel:4317", "HTTP://otel:4317", "TC946"),
        ("grpc://otel:4317", "grpc://otel:4317", "TC946"),
        ("otel:4317/x", "otel:4317/x", "TC946"),
        ("https://", "https:/", "TC946"),
        ("dns:///otel:4317", "dns:///otel:4317", ""),
        ("otel:4318", "otel:4318", "TC948"),
        ("http://otel:4318", "otel:4318", "TC948 TC942"),
    ] {
        let (found, lines) = env(Profile::Codeq, &format!("TRACING_OTLP_ENDPOINT={text}")).run();
        assert_eq!(found["endpoint"], endpoint, "{text}");
        let found: Vec<&str> = lines.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
        assert_eq!(found.join(" "), codes, "{text}: {lines:?}");
    }
    expect(
        &env(Profile::Codeq, "OTEL_EXPORTER_OTLP_ENDPOINT=https://o:4317\nTRACING_OTLP_INSECURE=1"),
        json!({"endpoint": "o:4317", "insecure": true}),
        &["W TC942 OTEL_EXPORTER_OTLP_ENDPOINT `https://o:4317`"],
    );
}

#[test]
fn otel_variables_are_read_by_their_types() {
    expect(
        &otel("OTEL_SDK_DISABLED= TRUE \nOTEL_SERVICE_NAME=x"),
        json!({"sdk_disabled": true, "service_name": "x"}),
        &["N TC818 OTEL_SDK_DISABLED ` TRUE `"],
    );
    expect(&otel("OTEL_SDK_DISABLED=yes"), json!({"sdk_disabled": false}), &["W TC803 OTEL_SDK_DISABLED `yes`"]);
    for (text, code) in
        [("5s", "TC802"), ("+5", "TC802"), ("1.5", "TC802"), ("99999999999999999999", "TC802"), ("0x5", "TC802")]
    {
        let line = format!("W {code} OTEL_BSP_SCHEDULE_DELAY `{text}`");
        expect(&otel(&format!("OTEL_BSP_SCHEDULE_DELAY={text}")), json!({"bsp.schedule_delay_ms": 5000}), &[&line]);
    }
    expect(&otel("OTEL_BSP_SCHEDULE_DELAY= 007 "), json!({"bsp.schedule_delay_ms": 7}), &[]);
    expect(
        &otel("OTEL_BSP_MAX_QUEUE_SIZE=0\nOTEL_BLRP_MAX_QUEUE_SIZE=5\nOTEL_EXPORTER_PROMETHEUS_PORT=70000"),
        json!({"bsp.max_queue_size": 2048}),
        &[
            "W TC802 OTEL_BSP_MAX_QUEUE_SIZE `0`",
            "W TC802 OTEL_EXPORTER_PROMETHEUS_PORT `70000`",
            "W TC808 OTEL_BLRP_MAX_EXPORT_BATCH_SIZE `5`",
        ],
    );
    expect(
        &otel("OTEL_EXPORTER_OTLP_TIMEOUT=0\nOTEL_EXPORTER_OTLP_TRACES_TIMEOUT=5000"),
        json!({"timeout_ms": 5000}),
        &["N TC822 OTEL_EXPORTER_OTLP_TIMEOUT `0`", "N TC823 OTEL_EXPORTER_OTLP_TRACES_TIMEOUT `5000`"],
    );
    expect(
        &otel("OTEL_PROPAGATORS= tracecontext, B3 ,bogus,,tracecontext"),
        json!({"propagators": ["tracecontext", "b3"]}),
        &[
            "N TC823 OTEL_PROPAGATORS ` tracecontext, B3 ,bogus,,tracecontext`",
            "W TC801 OTEL_PROPAGATORS `bogus`",
            "N TC821 OTEL_PROPAGATORS `tracecontext`",
        ],
    );
    expect(
        &otel("OTEL_PROPAGATORS=bogus\nOTEL_TRACES_EXPORTER=otpl"),
        json!({"propagators": ["tracecontext", "baggage"], "exporters": ["otlp"]}),
        &["W TC801 OTEL_PROPAGATORS `bogus`", "W TC801 OTEL_TRACES_EXPORTER `otpl`"],
    );
    expect(
        &otel("OTEL_TRACES_EXPORTER=zipkin,none\nOTEL_EXPORTER_JAEGER_ENDPOINT=http://j:14250"),
        json!({}),
        &[
            "W TC814 OTEL_TRACES_EXPORTER `zipkin`",
            "W TC816 OTEL_TRACES_EXPORTER `zipkin,none`",
            "W TC814 OTEL_EXPORTER_JAEGER_ENDPOINT `http://j:14250`",
        ],
    );
    expect(
        &otel("OTEL_PROPAGATORS= \nOTEL_BSP_SCHEDULE_DELAY="),
        json!({"propagators": ["tracecontext", "baggage"]}),
        &["N TC823 OTEL_PROPAGATORS ` `", "N TC823 OTEL_BSP_SCHEDULE_DELAY ``"],
    );
    expect(
        &otel("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=-5\nOTEL_ATTRIBUTE_COUNT_LIMIT=9\nOTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=0"),
        json!({"span_limits.attribute_count": 9, "span_limits.attribute_value_length": 0, "span_limits.link_count": 128}),
        &["W TC802 OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT `-5`"],
    );
    expect(
        &otel("OTEL_EXPORTER_OTLP_COMPRESSION=zstd\nOTEL_EXPORTER_OTLP_TRACES_COMPRESSION=GZIP"),
        json!({"compression": "gzip"}),
        &["W TC801 OTEL_EXPORTER_OTLP_COMPRESSION `zstd`"],
    );
}

#[test]
fn otel_samplers_take_their_arguments() {
    for (text, ratio) in [("0", 0.0), ("1", 1.0), (" 0.25 ", 0.25), (".5", 0.5), ("1e-1", 0.1)] {
        let text = format!("OTEL_TRACES_SAMPLER=TraceIdRatio\nOTEL_TRACES_SAMPLER_ARG={text}");
        let (found, lines) = otel(&text).run();
        assert_eq!(found["sampler_ratio"].as_f64(), Some(ratio), "{text}");
        assert!(lines.is_empty(), "{lines:?}");
    }
    for text in ["nan", "inf", "-0.1", "1.1", "10%", "0,1", "0x1p-1"] {
        let line = format!("W TC805 OTEL_TRACES_SAMPLER_ARG `{text}`");
        let text = format!("OTEL_TRACES_SAMPLER=parentbased_traceidratio\nOTEL_TRACES_SAMPLER_ARG={text}");
        expect(&otel(&text), json!({"sampler_ratio": 1.0}), &[&line]);
    }
    let (found, lines) = otel("OTEL_TRACES_SAMPLER=always_off\nOTEL_TRACES_SAMPLER_ARG=0.1").run();
    assert_eq!((found["sampler"].as_str(), found.get("sampler_ratio")), (Some("always_off"), None));
    assert_eq!(lines, ["W TC804 OTEL_TRACES_SAMPLER_ARG `0.1`"]);
    expect(&otel("OTEL_TRACES_SAMPLER=traceidratio"), json!({"sampler_ratio": 1.0}), &[]);
    expect(
        &otel(
            "OTEL_TRACES_SAMPLER=jaeger_remote\nOTEL_TRACES_SAMPLER_ARG=endpoint=http://j:14250,pollingIntervalMs=x,foo=1",
        ),
        json!({"sampler": "jaeger_remote"}),
        &["W TC805 OTEL_TRACES_SAMPLER_ARG `pollingIntervalMs=x`", "W TC805 OTEL_TRACES_SAMPLER_ARG `foo=1`"],
    );
}

#[test]
fn otel_attributes_and_headers() {
    expect(
        &otel("OTEL_RESOURCE_ATTRIBUTES=service.name=a,k=%,x\nOTEL_SERVICE_NAME="),
        json!({"service_name": "unknown_service", "resource_attributes": {"service.name": "unknown_service"}}),
        &["W TC806 OTEL_RESOURCE_ATTRIBUTES `k=%`", "W TC806 OTEL_RESOURCE_ATTRIBUTES `x`"],
    );
    expect(
        &otel("OTEL_RESOURCE_ATTRIBUTES=service.name=a, k = v%20w \nOTEL_SERVICE_NAME=b"),
        json!({"service_name": "b", "resource_attributes": {"service.name": "b", "k": "v w"}}),
        &["N TC817 OTEL_RESOURCE_ATTRIBUTES `service.name=a, k = v%20w `"],
    );
    expect(
        &otel(
            "OTEL_EXPORTER_OTLP_HEADERS=a=1\nOTEL_EXPORTER_OTLP_TRACES_HEADERS=b=%20x,c=1;p=2\nOTEL_EXPORTER_OTLP_LOGS_HEADERS=q",
        ),
        json!({"headers": {"b": " x"}}),
        &["W TC807 OTEL_EXPORTER_OTLP_TRACES_HEADERS `c=1;p=2`", "W TC807 OTEL_EXPORTER_OTLP_LOGS_HEADERS `q`"],
    );
}

#[test]
fn otel_endpoints_by_protocol() {
    expect(
        &otel("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317"),
        json!({"endpoint": "http://c:4317/v1/traces"}),
        &["W TC810 OTEL_EXPORTER_OTLP_ENDPOINT `4317`"],
    );
    expect(
        &otel(
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318/v1/metrics/\nOTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://t/v1/traces",
        ),
        json!({"endpoint": "https://t/v1/traces"}),
        &["W TC811 OTEL_EXPORTER_OTLP_ENDPOINT `/v1/metrics/`"],
    );
    expect(
        &otel("OTEL_EXPORTER_OTLP_PROTOCOL=GRPC"),
        json!({"protocol": "grpc", "endpoint": "http://localhost:4317", "insecure": true}),
        &[],
    );
    expect(
        &otel(
            "OTEL_EXPORTER_OTLP_PROTOCOL=grpc\nOTEL_EXPORTER_OTLP_ENDPOINT=c:4317\nOTEL_EXPORTER_OTLP_INSECURE=true\nOTEL_EXPORTER_OTLP_TRACES_INSECURE=false",
        ),
        json!({"endpoint": "c:4317", "insecure": false}),
        &[],
    );
    expect(
        &otel(
            "OTEL_EXPORTER_OTLP_PROTOCOL=grpc\nOTEL_EXPORTER_OTLP_ENDPOINT=https://c:4317\nOTEL_EXPORTER_OTLP_INSECURE=true",
        ),
        json!({"endpoint": "https://c:4317", "insecure": false}),
        &["N TC813 OTEL_EXPORTER_OTLP_INSECURE `true`"],
    );
    let (found, lines) = otel("OTEL_EXPORTER_OTLP_INSECURE=true").run();
    assert_eq!(found.get("insecure"), None);
    assert_eq!(lines, ["N TC813 OTEL_EXPORTER_OTLP_INSECURE `true`"]);
    for bad in ["http://", "ftp://h", "/v1/traces", "http://:4318"] {
        let (found, lines) = otel(&format!("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT={bad}")).run();
        assert_eq!(found.get("endpoint"), None, "{bad}");
        assert_eq!(lines, [format!("W TC809 OTEL_EXPORTER_OTLP_TRACES_ENDPOINT `{bad}`")]);
    }
    expect(
        &otel(
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://m:4317\nOTEL_EXPORTER_OTLP_LOGS_PROTOCOL=grpc\nOTEL_EXPORTER_OTLP_LOGS_ENDPOINT=l:4318",
        ),
        json!({"endpoint": "http://localhost:4318/v1/traces"}),
        &[
            "W TC810 OTEL_EXPORTER_OTLP_METRICS_ENDPOINT `4317`",
            "W TC812 OTEL_EXPORTER_OTLP_METRICS_ENDPOINT `http://m:4317`",
            "W TC810 OTEL_EXPORTER_OTLP_LOGS_ENDPOINT `4318`",
        ],
    );
}

#[test]
fn otel_and_datadog_disagree() {
    let codes = |text: &str| {
        let (_, lines) = env(Profile::Otel, text).run();
        let lines = lines.iter().filter(|line| line.contains(" TC7"));
        let codes: Vec<String> =
            lines.map(|line| line.split(' ').skip(1).take(2).collect::<Vec<_>>().join(" ")).collect();
        codes.join(", ")
    };
    assert_eq!(codes("OTEL_SERVICE_NAME=a\nDD_SERVICE=a"), "");
    assert_eq!(codes("OTEL_RESOURCE_ATTRIBUTES=deployment.environment=x\nDD_ENV=y"), "TC701 OTEL_RESOURCE_ATTRIBUTES");
    assert_eq!(codes("OTEL_RESOURCE_ATTRIBUTES=team=x\nDD_TAGS=team:y"), "TC701 OTEL_RESOURCE_ATTRIBUTES");
    assert_eq!(codes("OTEL_TRACES_SAMPLER=always_off\nDD_TRACE_SAMPLE_RATE=0.0"), "");
    assert_eq!(codes("OTEL_TRACES_SAMPLER=always_off\nDD_TRACE_SAMPLE_RATE=1"), "TC701 OTEL_TRACES_SAMPLER");
    assert_eq!(codes("OTEL_PROPAGATORS=tracecontext,b3multi\nDD_TRACE_PROPAGATION_STYLE=tracecontext, B3multi"), "");
    assert_eq!(codes("OTEL_PROPAGATORS=b3\nDD_TRACE_PROPAGATION_STYLE=b3multi"), "TC701 OTEL_PROPAGATORS");
    assert_eq!(codes("OTEL_TRACES_EXPORTER=none\nDD_TRACE_ENABLED=true"), "TC701 OTEL_TRACES_EXPORTER");
    assert_eq!(codes("OTEL_SDK_DISABLED=true\nDD_TRACE_OTEL_ENABLED=true"), "TC706 OTEL_SDK_DISABLED");
}

const DECLARATIVE: &str = "\
file_format: \"1.1\"
disabled: ${OFF:-false}
resource:
  attributes_list: a=1,service.name=list
  attributes:
    - name: service.name
      value: ${OTEL_SERVICE_NAME}
    - name: n
      value: 5
      type: int
propagator:
  composite:
    - tracecontext:
    - baggage:
  composite_list: b3,tracecontext
attribute_limits:
  attribute_count_limit: 64
tracer_provider:
  processors:
    - batch:
        max_queue_size: 100
        exporter:
          otlp_grpc:
            endpoint: https://c:4317
            compression: gzip
            headers:
              - name: x-key
                value: \"1\"
            headers_list: x-key=2,y=3
    - simple:
        exporter:
          console:
  sampler:
    parent_based:
      root:
        trace_id_ratio_based:
          ratio: 0.25
";

#[test]
fn declarative_files_are_finalized() {
    expect(
        &file(Profile::Otel, "OTEL_SERVICE_NAME=cart\nOTEL_TRACES_SAMPLER=always_on", DECLARATIVE),
        json!({
            "sdk_disabled": false,
            "service_name": "cart",
            "resource_attributes": {"a": "1", "service.name": "cart", "n": "5"},
            "propagators": ["tracecontext", "baggage", "b3"],
            "sampler": "parentbased_traceidratio",
            "sampler_ratio": 0.25,
            "exporters": ["otlp", "console"],
            "protocol": "grpc",
            "endpoint": "https://c:4317",
            "insecure": false,
            "headers": {"x-key": "1", "y": "3"},
            "compression": "gzip",
            "timeout_ms": 10000,
            "bsp.max_queue_size": 100,
            "bsp.max_export_batch_size": 512,
            "span_limits.attribute_count": 64,
        }),
        &[
            "W TC815 OTEL_TRACES_SAMPLER `always_on`",
            "W TC808 tracer_provider.processors[0].batch.max_export_batch_size `100`",
        ],
    );
    let named = Case { file: Some(DECLARATIVE), ..env(Profile::Otel, "OTEL_CONFIG_FILE=config.yaml") };
    let mut target = named.target();
    target.file = None;
    let read = |_: &Path| Ok(DECLARATIVE.as_bytes().to_vec());
    let checked = config::check(Profile::Otel, Mode::Strict, &target, &read);
    let found = checked.finalized.expect("a configuration").to_json();
    assert_eq!((&found["config_file"], &found["sampler_ratio"]), (&json!("config.yaml"), &json!(0.25)));
}

#[test]
fn declarative_files_are_validated() {
    let start = "file_format: \"1.0\"\n";
    let provider = "tracer_provider:\n  processors:\n    - simple:\n        exporter:\n          console:\n";
    for (text, findings) in [
        ("disabled: false\n", &["E TC820 file_format `disabled: false`"][..]),
        ("file_format: 1.0\n", &["E TC820 file_format `1.0`"]),
        ("file_format:\n", &["E TC820 file_format `file_format`"]),
        ("S disabled: maybe\n", &["E TC820 disabled `maybe`"]),
        ("S anything: {a: 1}\n", &[]),
        ("S tracer_provider:\n", &["E TC820 tracer_provider `tracer_provider`"]),
        ("S tracer_provider: {}\n", &["E TC820 tracer_provider.processors `tracer_provider`"]),
        ("S tracer_provider:\n  processors: []\n", &["E TC820 tracer_provider.processors `processors`"]),
        (
            "S tracer_provider:\n  processors:\n    - batch:\n        schedule_delay: -1\n        max_queue_size: 0\n        max_export_batch_size: \"5\"\n        exporter: {console: }\n",
            &[
                "E TC820 tracer_provider.processors[0].batch.schedule_delay `-1`",
                "E TC820 tracer_provider.processors[0].batch.max_queue_size `0`",
                "E TC820 tracer_provider.processors[0].batch.max_export_batch_size `5`",
            ],
        ),
        (
            "S tracer_provider:\n  processors:\n    - batch: {}\n",
            &["E TC820 tracer_provider.processors[0].batch.exporter `batch`"],
        ),
        (
            "S tracer_provider:\n  processors:\n    - bach: {exporter: {console: }}\n",
            &["E TC820 tracer_provider.processors[0].bach `bach`"],
        ),
        (
            "S tracer_provider:\n  processors:\n    - simple: {exporter: {otlp_http: {endpont: x, timeout: 1.5, encoding: protobf}}}\n",
            &[
                "E TC820 tracer_provider.processors[0].simple.exporter.otlp_http.endpont `endpont`",
                "E TC820 tracer_provider.processors[0].simple.exporter.otlp_http.timeout `1.5`",
                "E TC820 tracer_provider.processors[0].simple.exporter.otlp_http.encoding `protobf`",
            ],
        ),
        (
            "S P  sampler:\n    trace_id_ratio_based:\n      ratio: 1.5\n",
            &["E TC820 tracer_provider.sampler.trace_id_ratio_based.ratio `1.5`"],
        ),
        ("S P  sampler: {}\n", &["E TC820 tracer_provider.sampler `sampler`"]),
        ("S P  sampler: always_on\n", &["E TC820 tracer_provider.sampler `always_on`"]),
        ("S P  sampler: {my_sampler: {x: 1}}\n", &[]),
        ("S P  sampler: {alwayson: }\n", &["E TC820 tracer_provider.sampler.alwayson `alwayson`"]),
        ("S P  samplers: {}\n", &["E TC820 tracer_provider.samplers `samplers`"]),
        (
            "S resource:\n  attributes:\n    - name: a\n    - value: 1\n    - {name: b, value: x, type: int}\n    - {name: c, value: [1, x]}\n",
            &[
                "E TC820 resource.attributes[0].value `name: a`",
                "E TC820 resource.attributes[1].name `value: 1`",
                "E TC820 resource.attributes[2].value `x`",
                "E TC820 resource.attributes[3].value `x`",
            ],
        ),
        ("S propagator:\n  composite: [tracecontext]\n", &["E TC820 propagator.composite[0] `tracecontext`"]),
        ("S attribute_limits:\n  attribute_count_limit: ${N}\n", &[]),
        ("S disabled: \"${N:?no}\"\n", &["E TC819 disabled `${N:?no}`"]),
        ("S resource: {attributes_list: \"a=${} b\"}\n", &["E TC819 resource.attributes_list `${}`"]),
    ] {
        let text = text.replacen("S ", start, 1).replacen("P  ", &format!("{provider}  "), 1);
        let case = file(Profile::Otel, "N=", &text);
        let (found, lines) = case.run();
        let marked: Vec<String> = lines.iter().map(|line| line.trim_end_matches("\n`").to_owned()).collect();
        assert_eq!(marked, findings, "{text}");
        assert_eq!(found.is_null(), !findings.is_empty(), "{text}");
    }
    let short = file(Profile::Otel, "", "file_format: \"1.0\"\npropagator:\n  composite: [tracecontext, bagage, x]\n");
    let checked = config::check(Profile::Otel, Mode::Strict, &short.target(), &|_| Err(io::ErrorKind::NotFound.into()));
    let help: Vec<&str> = checked.findings.iter().filter_map(|finding| finding.diagnostic.help_text()).collect();
    assert_eq!(help[..2], ["write {tracecontext: {}}", "write {baggage: {}}"]);
    assert!(help[2].starts_with("write a mapping with one of tracecontext, "), "{help:?}");
    let unknown = Case { unresolved: &["N"], ..file(Profile::Otel, "", "file_format: \"1.0\"\ndisabled: ${N}\n") };
    let (found, lines) = unknown.run();
    assert!(lines.is_empty() && found.get("sdk_disabled").is_none(), "{lines:?} {found}");
}

#[test]
fn hostile_values_are_cheap() {
    let list = "x=1,bogus,none,".repeat(6_000);
    let pairs: String = (0..6_000).map(|n| format!("k{n}=v,")).collect();
    let url = format!("http://{}", "@:/[".repeat(25_000));
    let digits = "9".repeat(100_000);
    for name in
        ["OTEL_PROPAGATORS", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_TRACES_SAMPLER_ARG"]
    {
        for value in [&list, &pairs, &digits] {
            let text = format!("OTEL_TRACES_SAMPLER=jaeger_remote\n{name}={value}");
            assert!(otel(&text).run().1.len() < 60, "{name}");
        }
    }
    for name in ["OTEL_EXPORTER_OTLP_ENDPOINT", "TRACING_OTLP_ENDPOINT", "DD_TRACE_AGENT_URL", "TRACING_SAMPLE_RATIO"] {
        for profile in [Profile::Otel, Profile::Codeq, Profile::Xmtpd] {
            env(profile, &format!("{name}={url}")).run();
            env(profile, &format!("{name}={digits}")).run();
        }
    }
    let keys: String = (0..6_000).map(|n| format!("  key{n}: $A$B\n")).collect();
    for profile in [Profile::Flowbot, Profile::Codeq, Profile::Otel] {
        let text = format!("file_format: '1.0'\ntracing:\n{keys}\nresource:\n{keys}");
        let (_, lines) = file(profile, "", &text).run();
        assert!(lines.len() < 350, "{} findings", lines.len());
    }
}

#[test]
fn secrets_of_urls_and_headers_are_not_told() {
    let text = "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer hunter2hunter2,hunter2hunter2\nOTEL_EXPORTER_OTLP_TRACES_ENDPOINT=user:hunter2hunter2@c:4318";
    let case = env(Profile::Otel, text);
    let checked = config::check(Profile::Otel, Mode::Strict, &case.target(), &|_| Err(io::Error::other("none")));
    for finding in &checked.findings {
        let told =
            format!("{} {:?} {:?}", finding.diagnostic.message(), finding.diagnostic.help_text(), finding.replacement);
        let headers = finding.about == "OTEL_EXPORTER_OTLP_HEADERS";
        assert!(!told.contains("hunter2hunter2") || headers && told.matches("hunter2").count() == 2, "{told}");
    }
    for shown in checked.finalized.expect("a configuration").settings() {
        assert!(!shown.value.contains("hunter2"), "{shown:?}");
    }
}
