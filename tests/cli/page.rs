//! `flamegraph-text --out html` in a browser: Chromium, driven by playwright-core (tests/peers/page.js).

use crate::support::peers::{Language, peers, skipped};
use crate::support::process::spanglass;
use serde_json::Value;
use spanglass::id::{SpanId, TraceId};
use spanglass::time::{Nanos, Timestamp};
use spanglass::trace::{Batch, ChunkDraft, OwnedValue, SpanDraft};
use spanglass::wire::{self, Losses, Protocol};
use std::path::{Path, PathBuf};

const START: Timestamp = Timestamp(1_767_225_600_000_000_000);
/// What would run, were it ever taken for more than text.
const HOSTILE: &str =
    "</script><script>window.pwned = 1</script><img src=http://127.0.0.1:9/x onerror='window.pwned = 2'>";

fn span(trace: u128, id: u64, parent: u64, name: &str, ms: (i64, i64)) -> SpanDraft {
    SpanDraft {
        trace_id: TraceId(trace),
        span_id: SpanId(id),
        parent_id: (parent > 0).then_some(SpanId(parent)),
        service: "shop".to_owned(),
        name: name.to_owned(),
        resource: name.to_owned(),
        start: Timestamp(START.0 + ms.0 * 1_000_000),
        duration: Nanos((ms.1 - ms.0) * 1_000_000),
        ..SpanDraft::default()
    }
}

fn tags(pairs: &[(&str, &str)]) -> Vec<(String, OwnedValue)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), OwnedValue::Str((*value).to_owned()))).collect()
}

/// The page of these traces, in `folder`.
fn page(folder: &Path, name: &str, traces: &[Vec<SpanDraft>]) -> PathBuf {
    let mut batch = Batch::default();
    for spans in traces {
        batch.begin_chunk(&ChunkDraft::default());
        spans.iter().for_each(|span| batch.push(span));
    }
    batch.finish();
    let request = wire::encode(Protocol::V04, batch.view(&[]), &mut Losses::default()).unwrap();
    let (body, page) = (folder.join(format!("{name}.bin")), folder.join(format!("{name}.html")));
    std::fs::write(&body, request.body).unwrap();
    let ran = spanglass("flamegraph-text --max-body 1GiB --out html").args([&page, &body]).run();
    assert!(ran.status == 0 && ran.stdout.is_empty(), "{ran:?}");
    page
}

fn shop() -> Vec<Vec<SpanDraft>> {
    let failed = SpanDraft {
        error: 1,
        attributes: tags(&[("error.message", "card declined"), ("api_token", "s3cr3t"), (HOSTILE, HOSTILE)]),
        ..span(1, 4, 3, "charge", (10, 40))
    };
    let first = vec![
        span(1, 1, 0, "checkout", (0, 100)),
        span(1, 2, 1, HOSTILE, (1, 5)),
        span(1, 3, 1, "pay", (5, 50)),
        failed,
        SpanDraft { service: HOSTILE.to_owned(), ..span(1, 5, 1, "mail", (150, 180)) },
    ];
    vec![first, vec![span(2, 6, 0, "health", (0, 1))]]
}

/// A trace of a hundred thousand spans, each with a tag of its own.
fn large() -> Vec<SpanDraft> {
    let mut spans = vec![span(3, 1, 0, "everything", (0, 100_000))];
    spans.extend((1..100_000u64).map(|at| SpanDraft {
        attributes: tags(&[("number", &format!("needle-{at};"))]),
        ..span(3, at + 1, if at % 10 == 0 { 1 } else { at / 10 * 10 + 1 }, &format!("step {}", at % 50), {
            let start = (at / 10 * 10) as i64;
            (start, start + 10)
        })
    }));
    spans
}

#[test]
fn nothing_in_a_page_is_more_than_text() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(page(folder.path(), "small", &shop())).unwrap();
    assert!(!text.contains("<img") && !text.contains("s3cr3t") && text.contains("********"));
    let scripts: Vec<&str> = text.match_indices("<script").map(|(at, _)| &text[at..at + 30]).collect();
    assert_eq!((scripts.len(), text.matches("</script>").count()), (5, 5), "{scripts:?}");
    for outside in ["src=", "@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML"] {
        assert!(!text.replace("src=http://127.0.0.1:9/x", "").contains(outside), "{outside}");
    }
}

#[test]
fn a_page_is_used_in_a_browser() {
    let Some(peers) = peers(&[(Language::Node, "playwright-core")]) else { return };
    let Some(chromium) =
        ["/usr/bin/chromium", "/usr/bin/chromium-browser"].into_iter().find(|path| Path::new(path).exists())
    else {
        return skipped("chromium is not installed: apt-get install chromium");
    };
    let folder = tempfile::tempdir().unwrap();
    let pages = [page(folder.path(), "small", &shop()), page(folder.path(), "large", &[large()])];
    let [small, large] = pages.each_ref().map(|page| page.to_str().unwrap());
    let said = peers.run("page.js", &[chromium, small, large], "");
    let said: Vec<Value> = said.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [small, large] = &said[..] else { panic!("{said:?}") };

    assert_eq!(small["title"], "shop: checkout");
    assert!(
        small["facts"].as_str().unwrap().contains("5 spans · 2 services · 1 error · 2026-01-01T00:00:00"),
        "{small}"
    );
    assert_eq!(
        [&small["theme_by_system"], &small["theme_by_key"], &small["theme_by_button"]],
        ["dark", "light", "dark"]
    );
    assert_eq!(
        (small["rows"].as_str(), small["folded"][0].as_str(), small["folded"][1].as_str()),
        (Some("5"), Some("1"), Some("false"))
    );
    assert_eq!(small["chosen"], serde_json::json!(["span-1", "true", "2"]));
    assert_eq!(small["hits"], "1 of 1 hit");
    assert!(small["hit"].as_str().unwrap().contains("shop: charge"), "{small}");
    let details = small["details"].as_str().unwrap();
    for part in ["charge", "card declined", "********", "0000000000000004 (4)", HOSTILE, "30 ms (30000000 ns)"] {
        assert!(details.contains(part), "no {part} in {details}");
    }
    assert_eq!((&small["closed"], &small["zooms"], &small["keys"]), (&true.into(), &true.into(), &true.into()));
    assert_eq!(small["error"], "span-3");
    assert_eq!(small["other"], "shop: health");
    assert_eq!(small["scripts"], serde_json::json!([0, "undefined"]));

    assert_eq!((large["rows"].as_str(), large["hits"].as_str()), (Some("100000"), Some("1 of 1 hit")), "{large}");
    assert!(large["hit"].as_str().unwrap().contains("step 42"), "{large}");
    assert_eq!(large["last"], "span-99999");
    // Only what is seen is in the document.
    assert!(large["nodes"].as_u64().unwrap() < 2_000, "{large}");
    for page in [small, large] {
        // The page itself, and what stands in it.
        assert!(page["requests"].as_u64().unwrap() <= 2 && page["errors"] == serde_json::json!([]), "{page}");
    }
}
