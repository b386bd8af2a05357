//! Generated header sets through the real tracers and through the profiles: what becomes of the trace must be the same.
//!
//! The peers are ddtrace, dd-trace, and the OpenTelemetry SDKs for Python and JS in every configuration that has a
//! profile; `tests/peers/verdicts.py` and `verdicts.js` run them, one process per profile. `.ci/peers` installs them.
//! `SPANGLASS_SEED=N` draws other sets than those that are always compared.

mod support;

use serde_json::{Value, json};
use spanglass::http::Headers;
use spanglass::propagation::verdict::{Outcome, Profile, Verdict, judge, profiles};
use std::collections::BTreeMap;
use std::fmt::Write;
use support::headers::header_sets;
use support::peers::{Language, peers};

const SETS: usize = 4000;

/// Tracer, script, and the package that it needs.
const TRACERS: [(&str, &str, (Language, &str)); 4] = [
    ("dd-trace-py", "verdicts.py", (Language::Python, "ddtrace")),
    ("dd-trace-js", "verdicts.js", (Language::Node, "dd-trace")),
    ("otel-python", "verdicts.py", (Language::Python, "opentelemetry")),
    ("otel-js", "verdicts.js", (Language::Node, "@opentelemetry/core")),
];

/// Where a profile is known to differ from its tracer.
struct Exception {
    tracer: &'static str,
    concerns: fn(&Headers) -> bool,
    reason: &'static str,
}

const EXCEPTIONS: [Exception; 1] = [Exception {
    tracer: "dd-trace-py",
    concerns: has_both_spellings,
    reason: "it looks for `traceparent` and `http_traceparent` in the order of a Python set of strings, which is another \
             in every process; the profile takes the plain name",
}];

/// Whether a header is there under its own name and under that of CGI.
fn has_both_spellings(set: &Headers) -> bool {
    let names: Vec<String> = set.iter().map(|(name, _)| name.trim().to_lowercase().replace('-', "_")).collect();
    names.iter().any(|name| name.strip_prefix("http_").is_some_and(|plain| names.iter().any(|other| other == plain)))
}

#[test]
fn profiles_do_what_the_real_tracers_do() {
    let Some(peers) = peers(&TRACERS.map(|(_, _, package)| package)) else { return };
    let sets = header_sets(seed(), SETS);
    let mut input = String::new();
    for set in &sets {
        let pairs: Vec<_> = set.iter().collect();
        writeln!(input, "{}", json!(pairs)).expect("a string");
    }

    let mut report = String::new();
    for (tracer, script, _) in TRACERS {
        for profile in profiles().iter().filter(|profile| profile.tracer == tracer) {
            let answers = peers.run(script, &[profile.key], &input);
            assert_eq!(answers.len(), sets.len(), "{}: verdicts", profile.key);
            compare(profile, &sets, &answers, &mut report);
        }
    }
    assert!(report.is_empty(), "{report}");
}

fn compare(profile: &Profile, sets: &[Headers], answers: &[String], report: &mut String) {
    let (mut outcomes, mut excepted, mut differing) = (BTreeMap::<String, usize>::new(), 0, 0);
    for (set, answer) in sets.iter().zip(answers) {
        let real: Value = serde_json::from_str(answer).expect("a verdict");
        *outcomes.entry(real["outcome"].to_string()).or_default() += 1;
        let verdict = judge(profile, set);
        let ours = members(&verdict);
        if ours == real {
            continue;
        }
        if let Some(known) = EXCEPTIONS.iter().find(|known| known.tracer == profile.tracer && (known.concerns)(set)) {
            excepted += 1;
            println!("{} excepted: {}", profile.key, known.reason);
            continue;
        }
        differing += 1;
        if differing <= 5 {
            let because = &verdict.because;
            let lines: Vec<_> = set.iter().collect();
            writeln!(report, "{} {lines:?}\n  real {real}\n  ours {ours} {because:?}", profile.key).expect("a string");
        }
    }
    if differing > 0 {
        writeln!(report, "{}: {differing} of {} verdicts differ\n", profile.key, sets.len()).expect("a string");
    }
    println!("{}: {outcomes:?}", profile.key);
    assert!(excepted * 200 < sets.len(), "{}: {excepted} sets fall under exceptions", profile.key);
    // Sets that are all refused, or all taken, would compare nothing.
    for outcome in ["\"continue\"", "\"restart\""] {
        let count = outcomes.get(outcome).copied().unwrap_or_default();
        assert!(count * 20 > sets.len(), "{}: only {count} of {} are {outcome}", profile.key, sets.len());
    }
}

/// A verdict in what the scripts print.
fn members(verdict: &Verdict) -> Value {
    let outcome = if verdict.outcome == Outcome::Drop { "error" } else { verdict.outcome.name() };
    json!({
        "outcome": outcome,
        "trace_id": verdict.trace_id.map(|id| id.to_string()),
        "parent_id": verdict.parent_id.map(|id| id.to_string()),
        "sampled": verdict.sampled,
    })
}

#[expect(clippy::disallowed_methods, reason = "a test is a program of its own")]
fn seed() -> u64 {
    std::env::var("SPANGLASS_SEED").map_or(3, |seed| seed.parse().expect("SPANGLASS_SEED is a number"))
}
