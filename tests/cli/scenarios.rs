//! The documented traces of five systems through the whole program: encoded for the wire that each speaks, read, drawn as
//! a tree, and found by queries (seeds-scenarios.md).

use crate::support::process::spanglass;
use crate::support::{fixture, read};
use serde_json::Value;
use spanglass::synth::Scenario;
use spanglass::time::Timestamp;
use spanglass::wire::{self, Losses, Protocol};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// 2026-01-01T00:00:00Z
const BASE: Timestamp = Timestamp(1_767_225_600_000_000_000);

pub(crate) struct Case {
    scenario: Scenario,
    /// As it stands in the table.
    value: Value,
    pub(crate) body: PathBuf,
    /// Key by span id.
    keys: BTreeMap<String, String>,
}

pub(crate) fn cases(folder: &Path) -> Vec<Case> {
    let text = read(&fixture("scenarios.json"));
    let scenarios = Scenario::parse_all(&text).unwrap();
    let values: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let case = |(scenario, value): (Scenario, Value)| {
        let (protocol, ending) = match scenario.wire.as_str() {
            "otlp" => (Protocol::OtlpProto, "otlp-proto"),
            _ => (Protocol::V04, "v0.4"),
        };
        let mut lost = Losses::default();
        let request = wire::encode(protocol, scenario.batch(BASE).view(&[]), &mut lost).unwrap();
        assert!(lost.is_empty(), "{}: {lost:?}", scenario.id);
        let body = folder.join(format!("{}.{ending}.bin", scenario.id));
        std::fs::write(&body, request.body).unwrap();
        let keys = scenario.spans().map(|(key, id)| (id.to_string(), key.to_owned())).collect();
        Case { scenario, value, body, keys }
    };
    scenarios.into_iter().zip(values).map(case).collect()
}

fn keys_of(case: &Case, lines: &str) -> Vec<String> {
    let key = |line: &str| {
        let span: Value = serde_json::from_str(line).unwrap();
        case.keys[span["span_id"].as_str().unwrap()].clone()
    };
    let mut keys: Vec<String> = lines.lines().map(key).collect();
    keys.sort();
    keys
}

/// Every scenario, through the real path: encoded for its wire, decoded, analysed, and all that its document expects of it.
#[test]
fn every_scenario_is_what_its_document_says() {
    let folder = TempDir::new().unwrap();
    let cases = cases(folder.path());
    assert_eq!(cases.len(), 44);
    let mut faults = faults_of_trees(&cases, None);
    faults.extend(faults_beside_the_trees(&cases, folder.path()));
    faults.extend(faults_of_queries(&cases));
    faults.extend(faults_of_profiles(&cases));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Queries that find other spans than they should.
fn faults_of_queries(cases: &[Case]) -> Vec<String> {
    let mut asked = 0;
    let mut faults = Vec::new();
    for case in cases {
        for query in case.value["expect"]["queries"].as_array().into_iter().flatten() {
            let text = query["q"].as_str().unwrap();
            let ran = spanglass("replay-capture --decoded jsonl --query").args([text]).args([&case.body]).run();
            let mut wanted: Vec<String> =
                query["match"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect();
            wanted.sort();
            let found = keys_of(case, &ran.stdout);
            if found != wanted || ran.status != i32::from(wanted.is_empty()) {
                faults.push(format!(
                    "{}: {text}\n  found  {found:?}\n  wanted {wanted:?}\n{}",
                    case.scenario.id, ran.stderr
                ));
            }
            asked += 1;
        }
    }
    assert!(asked >= 100, "only {asked} queries");
    faults
}

/// Preorder and self times that are not as the documents expect them, in `capture`, or in the body of each case.
pub(crate) fn faults_of_trees(cases: &[Case], capture: Option<&Path>) -> Vec<String> {
    let mut faults = Vec::new();
    for case in cases {
        let ids: BTreeSet<String> = case.scenario.traces().map(|id| id.to_string()).collect();
        let traces = ids.iter().flat_map(|id| ["--trace", id]);
        let input = capture.unwrap_or(&case.body);
        let ran = spanglass("flamegraph-text --format jsonl --all").args(traces).args([input]).run();
        let documents: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut found: Vec<Vec<(String, usize)>> = Vec::new();
        let mut own = BTreeMap::new();
        for document in &documents {
            let mut order = Vec::new();
            let mut open: Vec<(&Value, usize)> =
                document["roots"].as_array().unwrap().iter().rev().map(|root| (root, 0)).collect();
            while let Some((node, depth)) = open.pop() {
                let key = case.keys[node["span_id"].as_str().unwrap()].clone();
                own.insert(key.clone(), node["self_ns"].as_i64().unwrap());
                order.push((key, depth));
                open.extend(node["children"].as_array().unwrap().iter().rev().map(|child| (child, depth + 1)));
            }
            found.push(order);
        }
        let pair = |pair: &Value| (pair[0].as_str().unwrap().to_owned(), pair[1].as_u64().unwrap() as usize);
        let traces = case.value["expect"]["traces"].as_array().unwrap().iter();
        let mut wanted: Vec<Vec<(String, usize)>> =
            traces.map(|trace| trace["preorder"].as_array().unwrap().iter().map(pair).collect()).collect();
        found.sort();
        wanted.sort();
        if found != wanted {
            faults.push(format!("{}: tree\n  found  {found:?}\n  wanted {wanted:?}\n{}", case.scenario.id, ran.stderr));
        }
        for (key, us) in case.value["expect"]["self_us"].as_object().into_iter().flatten() {
            let wanted = us.as_i64().unwrap() * 1000;
            if own.get(key) != Some(&wanted) {
                faults.push(format!("{}: self time of {key} is {:?}, wanted {wanted}", case.scenario.id, own.get(key)));
            }
        }
    }
    faults
}

/// The documents of all traces of a case, drawn with these flags.
fn documents(case: &Case, flags: &[&str]) -> Vec<Value> {
    let ran = spanglass("flamegraph-text --format jsonl --all").args(flags).args([&case.body]).run();
    ran.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {ran:?}")))
        .collect()
}

/// Gaps, overhangs, segments, errors, exceptions, joined lines and stitched relations that are not as the documents expect them.
fn faults_beside_the_trees(cases: &[Case], folder: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let mut compared = BTreeMap::<&str, usize>::new();
    for case in cases {
        let (value, expect) = (&case.value, &case.value["expect"]);
        let mut flags = vec!["--segments".to_owned()];
        let logs = folder.join(format!("{}.log", case.scenario.id));
        if let Some(lines) = value["artifacts"]["log_lines"].as_array() {
            let lines: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
            std::fs::write(&logs, lines.join("\n")).unwrap();
            flags.extend(["--logs".to_owned(), logs.to_str().unwrap().to_owned()]);
        }
        for stitch in expect["stitch"].as_array().into_iter().flatten() {
            let by = stitch["by"].as_str().unwrap().replace("+route", "");
            if !flags.contains(&by) {
                flags.extend(["--stitch".to_owned(), by]);
            }
        }
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let documents = documents(case, &flags);
        let key = |id: &Value| id.as_str().and_then(|id| case.keys.get(id)).cloned().unwrap_or_default();
        let of = |value: &Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
        let members = |name: &str| {
            documents
                .iter()
                .flat_map(|document| document[name].as_array().cloned().unwrap_or_default())
                .collect::<Vec<Value>>()
        };
        let mut check = |what: &'static str, found: Vec<String>, wanted: Vec<String>| {
            let sorted = |mut all: Vec<String>| {
                all.sort();
                all
            };
            let (found, wanted) = (sorted(found), sorted(wanted));
            *compared.entry(what).or_default() += wanted.len();
            if found != wanted {
                faults.push(format!("{} {what}:\n  found  {found:?}\n  wanted {wanted:?}", case.scenario.id));
            }
        };
        for (what, name) in [("gaps", "gap_us"), ("overhangs", "overhang_us")] {
            let found = members(what)
                .iter()
                .map(|gap| format!("{} {} {}", key(&gap["from"]), key(&gap["to"]), gap["ns"].as_i64().unwrap() / 1000))
                .collect();
            let wanted = expect[what].as_array().into_iter().flatten();
            let wanted = wanted
                .map(|gap| format!("{} {} {}", of(gap, "parent"), of(gap, "child"), gap[name].as_i64().unwrap()))
                .collect();
            check(what, found, wanted);
        }
        if let Some(segments) = expect["segments"].as_object() {
            let list = |keys: Vec<String>| {
                let mut keys = keys;
                keys.sort();
                keys.join(",")
            };
            let spans = |value: &Value| value.as_array().unwrap().clone();
            let found = members("segments");
            let found = found
                .iter()
                .map(|one| format!("{}: {}", key(&one["root"]), list(spans(&one["spans"]).iter().map(&key).collect())));
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let wanted =
                segments.iter().map(|(root, all)| format!("{root}: {}", list(spans(all).iter().map(text).collect())));
            check("segments", found.collect(), wanted.collect());
        }
        let mut nodes: Vec<Value> = members("roots");
        let (mut errors, mut exceptions) = (Vec::new(), Vec::new());
        while let Some(node) = nodes.pop() {
            nodes.extend(node["children"].as_array().unwrap().iter().cloned());
            if !node["error"].is_null() {
                errors.push(key(&node["span_id"]));
            }
            if node["events"].as_array().unwrap().iter().any(|event| event["name"] == "exception") {
                exceptions.push(key(&node["span_id"]));
            }
        }
        let texts = |name: &str| {
            expect[name].as_array().into_iter().flatten().map(|key| key.as_str().unwrap().to_owned()).collect()
        };
        check("errors", errors, texts("errors"));
        if expect["exceptions"].is_array() {
            check("exceptions", exceptions, texts("exceptions"));
        }
        if let Some(joins) = expect["log_join"].as_array() {
            let found =
                members("logs").iter().map(|line| format!("{} {}", line["line"], key(&line["span_id"]))).collect();
            let wanted = joins.iter().filter(|join| !join["trace"].is_null());
            let wanted = wanted.map(|join| format!("{} {}", join["line"], of(join, "span"))).collect();
            check("logs", found, wanted);
        }
        if let Some(stitches) = expect["stitch"].as_array() {
            let all = members("stitched");
            let found = all.iter().map(|stitch| {
                let reason = Some(of(stitch, "reason")).filter(|reason| reason != "contained-in").unwrap_or_default();
                format!(
                    "{} {} {} {} {reason}",
                    of(stitch, "by"),
                    of(stitch, "value"),
                    key(&stitch["from"]),
                    key(&stitch["to"])
                )
            });
            let wanted = stitches.iter().map(|stitch| {
                let from = of(stitch, "parent") + &of(stitch, "contained_in");
                format!(
                    "{} {} {from} {} {}",
                    of(stitch, "by"),
                    of(stitch, "value"),
                    of(stitch, "child"),
                    of(stitch, "reason")
                )
            });
            check("stitched", found.collect(), wanted.collect());
        }
    }
    let least = [("gaps", 20), ("segments", 10), ("errors", 10), ("exceptions", 3), ("logs", 5), ("stitched", 6)];
    assert!(least.iter().all(|(what, least)| compared[what] >= *least), "{compared:?}");
    faults
}

/// `(rule, key, severity)` of every finding of a profile.
fn linted(case: &Case, profile: &str) -> Vec<(String, String, String)> {
    let ran = spanglass("check-capture --json --profile").args([profile]).args([&case.body]).run();
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap_or_default().to_owned();
    let findings = document["findings"].as_array().unwrap().iter();
    let mut all: Vec<_> = findings
        .map(|finding| {
            let key = case.keys.get(&text(finding, "span_id")).cloned().unwrap_or_default();
            (text(finding, "code"), key, text(finding, "severity"))
        })
        .collect();
    all.sort();
    all
}

/// Findings that are not as expected: where a document is complete (its lint variant), exactly what it lists is found; elsewhere
/// all of it, no further error, and in clean traces nothing above info.
fn faults_of_profiles(cases: &[Case]) -> Vec<String> {
    let mut faults = Vec::new();
    for case in cases {
        let value = &case.value;
        let system = value["system"].as_str().unwrap();
        let profile = match system {
            "dd-trace-cpp" => "dd",
            other => other,
        };
        let found = linted(case, profile);
        let text = |finding: &Value, member: &str| finding[member].as_str().unwrap().replace("warn", "warning");
        let mut wanted: Vec<_> = case.value["expect"]["lint"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|finding| (text(finding, "rule"), text(finding, "span"), text(finding, "severity")))
            .collect();
        wanted.sort();
        let complete = value["variant"] == "lint";
        let as_wanted = match complete {
            true => found == wanted,
            false => {
                let beyond = found.iter().filter(|finding| !wanted.contains(finding) && finding.2 != "info");
                wanted.iter().all(|finding| found.contains(finding)) && beyond.count() == 0
            }
        };
        if !as_wanted {
            faults.push(format!("{} lint:\n  found  {found:?}\n  wanted {wanted:?}", case.scenario.id));
        }
    }
    faults
}

/// The queries that xmtpd's own document gives, over all of its traces.
#[test]
fn queries_of_the_xmtpd_document() {
    type Fits = fn(&Value) -> bool;
    let queries: [(&str, Fits); 7] = [
        ("service:xmtpd @trigger:timer_fallback", |span| span["tags"]["trigger"] == "timer_fallback"),
        ("service:xmtpd operation_name:xmtpd.node.query_envelopes @zero_results:true", |span| {
            span["name"] == "xmtpd.node.query_envelopes" && span["tags"]["zero_results"] == true
        }),
        ("service:xmtpd resource_name:pgx.query @duration:>100ms", |span| {
            span["resource"] == "pgx.query" && span["duration_us"].as_i64() > Some(100_000)
        }),
        ("service:xmtpd resource_name:pgx.query @db.role:reader", |span| {
            span["resource"] == "pgx.query" && span["tags"]["db.role"] == "reader"
        }),
        ("service:xmtpd operation_name:xmtpd.subscribe_worker.listener_closed @reason:channel_full", |span| {
            span["name"] == "xmtpd.subscribe_worker.listener_closed" && span["tags"]["reason"] == "channel_full"
        }),
        ("service:xmtpd operation_name:xmtpd.sync.* @error:true", |span| {
            span["name"].as_str().unwrap().starts_with("xmtpd.sync.") && span["error"].is_object()
        }),
        ("service:xmtpd @out_of_order:true", |span| span["tags"]["out_of_order"] == true),
    ];
    let folder = TempDir::new().unwrap();
    let xmtpd: Vec<Case> =
        cases(folder.path()).into_iter().filter(|case| case.scenario.id.starts_with("xmtpd-")).collect();
    let values: Vec<Value> = serde_json::from_slice(&read(&fixture("scenarios.json"))).unwrap();
    let all = values.iter().filter(|value| value["system"] == "xmtpd");
    let spans: Vec<&Value> = all.flat_map(|value| value["spans"].as_array().unwrap()).collect();
    for (query, fits) in queries {
        let bodies = xmtpd.iter().map(|case| &case.body);
        let ran = spanglass("replay-capture --decoded jsonl --query").args([query]).args(bodies).run();
        let mut found: Vec<String> = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["span_id"].as_str().unwrap().to_owned())
            .collect();
        let mut wanted: Vec<String> = spans
            .iter()
            .filter(|span| span["service"] == "xmtpd" && fits(span))
            .map(|span| span["span_id"].as_str().unwrap().to_owned())
            .collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{query}: {}", ran.stderr);
        assert!(!wanted.is_empty(), "{query} is tested by nothing");
    }
}
