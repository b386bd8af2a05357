//! `diff-capture`: what changed is told, and nothing else.

use crate::support::process::{Ran, spanglass};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A capture of a scenario file.
fn made(folder: &Path, name: &str, spans: &str) -> PathBuf {
    let scenario = folder.join(format!("{name}.json"));
    std::fs::write(&scenario, format!(r#"[{{"id": "x", "wire": "datadog", "spans": [{spans}]}}]"#)).unwrap();
    let ran =
        spanglass("send-test-span --dry-run json --to http://localhost:8126 --start 2026-01-01T00:00:00Z --scenario")
            .args([&scenario])
            .run();
    assert_eq!(ran.status, 0, "{ran:?}");
    let path = folder.join(format!("{name}.jsonl"));
    std::fs::write(&path, ran.stdout).unwrap();
    path
}

fn span(key: &str, parent: &str, name: &str, start_us: u64, duration_us: u64, tags: &str) -> String {
    let parent = if parent.is_empty() { "null".to_owned() } else { format!("{parent:?}") };
    let id = key.bytes().fold(7u64, |id, byte| id * 31 + u64::from(byte));
    format!(
        r#"{{"key": {key:?}, "parent": {parent}, "service": "web", "name": {name:?}, "start_us": {start_us},
            "duration_us": {duration_us}, "tags": {{{tags}}}, "trace_id": "{:032x}", "span_id": "{id:016x}"}}"#,
        77
    )
}

fn diff(a: &Path, b: &Path, args: &str) -> (Ran, Value) {
    let ran = spanglass(&format!("diff-capture --json {args}")).args([a, b]).run();
    let document = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    (ran, document)
}

#[test]
fn what_changed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = |length| span("r", "", "root", 0, length, "");
    let base =
        [root(1000), span("a", "r", "get", 100, 200, r#""k": "1""#), span("b", "r", "put", 400, 300, "")].join(",");
    let a = made(folder.path(), "a", &base);
    let same = made(folder.path(), "same", &base);
    let (ran, document) = diff(&a, &same, "");
    assert!(ran.status == 0 && document["equal"] == true, "{ran:?}");
    assert_eq!(document["critical_path"]["a_ns"], 1_000_000);

    let tagged =
        [root(1000), span("a", "r", "get", 100, 200, r#""k": "2""#), span("b", "r", "put", 400, 300, "")].join(",");
    let (ran, document) = diff(&a, &made(folder.path(), "tagged", &tagged), "");
    assert_eq!((ran.status, document["changed"].as_array().unwrap().len()), (1, 1), "{ran:?}");
    assert_eq!(document["changed"][0]["members"], serde_json::json!({"meta.k": ["1", "2"]}));
    assert!(document["changed"][0]["a"].as_str() != document["changed"][0]["b"].as_str());
    let (ran, document) = diff(&a, &folder.path().join("tagged.jsonl"), "--ignore k");
    assert!(ran.status == 0 && document["equal"] == true, "{ran:?}");

    let more = [base.clone(), span("c", "a", "sql", 150, 50, "")].join(",");
    let (ran, document) = diff(&a, &made(folder.path(), "more", &more), "");
    assert!(ran.status == 1 && document["added"][0]["name"] == "sql", "{ran:?}");
    assert!(document["added"][0].get("children").is_none() && document["removed"] == serde_json::json!([]));
    let (ran, document) = diff(&folder.path().join("more.jsonl"), &a, "");
    assert!(ran.status == 1 && document["removed"][0]["name"] == "sql", "{ran:?}");

    let slower =
        [root(1000), span("a", "r", "get", 100, 250, r#""k": "1""#), span("b", "r", "put", 400, 300, "")].join(",");
    let slower = made(folder.path(), "slower", &slower);
    let (ran, document) = diff(&a, &slower, "");
    assert!(ran.status == 1 && document["equal"] == false && document["changed"] == serde_json::json!([]), "{ran:?}");
    let get = document["operations"].as_array().unwrap().iter().find(|operation| operation["name"] == "get").unwrap();
    assert_eq!(get["max_ns"], serde_json::json!([200_000, 250_000]));
    assert_eq!(get["count"], serde_json::json!([1, 1]));
    let (ran, document) = diff(&a, &slower, "--tolerance 30%");
    assert!(ran.status == 0 && document["equal"] == true, "{ran:?}");
}

#[test]
fn nothing_to_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let a = made(folder.path(), "a", &span("r", "", "root", 0, 10, ""));
    let ran = spanglass("diff-capture").args([&a, &folder.path().join("none")]).run();
    assert_eq!(ran.status, 2, "{ran:?}");
    let ran = spanglass("diff-capture").args([&a]).run();
    assert!(ran.status == 2 && ran.stderr.contains("two captures"), "{ran:?}");
}
