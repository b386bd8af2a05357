//! Every number that is known about samplers: decisions, thresholds, tags, patterns and limits of `fixtures/sampling/`,
//! most of them produced by running the samplers themselves; and what must hold for all ids and rates.

#![allow(clippy::unwrap_used)]

mod support;

use proptest::prelude::*;
use serde_json::Value;
use spanglass::id::{SpanId, TraceId};
use spanglass::rule::{Glob, Rate, SamplingRule, Subject, TagValue};
use spanglass::sampling::datadog::{self, Tracer};
use spanglass::sampling::decision::{Root, decide};
use spanglass::sampling::limiter::Limiter;
use spanglass::sampling::otel::{self, Ot};
use spanglass::sampling::{By, Incoming, SamplingAnswer, disagreements, explain, samplers};
use spanglass::time::Timestamp;
use std::collections::BTreeMap;
use support::{fixture, read, read_json};

/// The samplers whose names the command line promises, in its order.
const NAMES: [&str; 13] = [
    "dd",
    "dd-strict",
    "otel-go",
    "otel-python",
    "otel-js",
    "otel-java",
    "otel-dotnet",
    "agent",
    "agent-full-id",
    "xmtpd",
    "flowbot",
    "codeq",
    "dd-trace-cpp",
];

fn vectors(file: &str, member: &str) -> Vec<Value> {
    let document = read_json(&fixture("sampling").join(file));
    let rows = document[member].as_array().cloned().unwrap_or_default();
    assert!(!rows.is_empty(), "{file} has no {member}");
    rows
}

fn rate(row: &Value) -> Rate {
    row.as_str().unwrap_or_else(|| panic!("{row} is not a rate in quotes")).parse().unwrap()
}

fn id(row: &Value) -> TraceId {
    TraceId(u128::from_str_radix(row.as_str().unwrap(), 16).unwrap())
}

fn low(row: &Value) -> TraceId {
    TraceId(u128::from(row.as_u64().unwrap()))
}

fn bare(trace_id: TraceId) -> Incoming<'static> {
    Incoming { trace_id, ..Incoming::default() }
}

fn tracer(row: &Value) -> Tracer {
    match row.as_str().unwrap() {
        "cpp" => Tracer::Cpp,
        "go" => Tracer::Go,
        "js" => Tracer::Js,
        "py" => Tracer::Python,
        other => panic!("no tracer {other}"),
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.000_000_6
}

fn one(input: &Incoming<'_>, rate: Rate, sampler: &str) -> SamplingAnswer {
    let mut answers = explain(input, rate, Some(sampler));
    assert_eq!(answers.len(), 1, "{sampler}");
    answers.remove(0)
}

// ---- the tables ----------------------------------------------------------------------------------------------

#[test]
fn thresholds() {
    for row in vectors("decisions.json", "thresholds") {
        assert_eq!(datadog::threshold(rate(&row["rate"])), row["threshold"].as_u64().unwrap(), "{row}");
    }
    for row in vectors("decisions.json", "boundaries") {
        let (rate, id) = (rate(&row["rate"]), low(&row["low"]));
        assert_eq!(datadog::hash(id), datadog::threshold(rate), "{row}");
        assert!(datadog::keeps(id, rate) && !datadog::keeps_strict(id, rate), "{row}");
    }
}

#[test]
fn every_sampler_decides_as_the_real_one() {
    let rates: Vec<Rate> = vectors("decisions.json", "rates of the columns").iter().map(rate).collect();
    let mut faults = Vec::new();
    for row in vectors("decisions.json", "traces") {
        let id = id(&row["trace_id"]);
        assert_eq!(
            (id.low(), datadog::hash(id)),
            (row["low"].as_u64().unwrap(), row["hash"].as_u64().unwrap()),
            "{id}"
        );
        for name in NAMES {
            let system = match name {
                "xmtpd" => "dd-strict",
                "flowbot" | "codeq" => "otel-go",
                "dd-trace-cpp" => "dd",
                family => family,
            };
            let expected = row[system].as_str().unwrap();
            let answers: Vec<SamplingAnswer> = rates.iter().map(|rate| one(&bare(id), *rate, name)).collect();
            let bits: String = answers.iter().map(|a| if a.keep == Some(true) { '1' } else { '0' }).collect();
            if bits != expected || answers.iter().any(|answer| answer.by != By::Formula) {
                faults.push(format!("{id} {name}: {bits}, expected {expected}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn ten_thousand_ids_are_kept_in_the_known_numbers() {
    let mut state: u64 = 42;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let ids: Vec<TraceId> = (0..10_000).map(|_| TraceId::from_halves(next(), next())).collect();
    assert_eq!(ids[0].to_string(), "bdd732262feb6e9528efe333b266f103");
    for row in vectors("decisions.json", "counts of 10000 ids, splitmix64 seeded with 42") {
        let rate = rate(&row["rate"]);
        let count = |keeps: &dyn Fn(TraceId) -> bool| ids.iter().filter(|id| keeps(**id)).count() as u64;
        let (dd, go) = (|id| datadog::keeps(id, rate), |id| otel::go_keeps(id, rate));
        for (name, counted) in [
            ("dd", count(&dd)),
            ("otel-go", count(&go)),
            ("otel-js", count(&|id| otel::js_keeps(id, rate))),
            ("otel-java", count(&|id| otel::java_keeps(id, rate))),
            ("otel-dotnet", count(&|id| otel::dotnet_keeps(id, rate) == Some(true))),
            ("dd and otel-go", count(&|id| dd(id) && go(id))),
        ] {
            assert_eq!(counted, row[name].as_u64().unwrap(), "{name} of {row}");
        }
        assert!(ids.iter().all(|id| otel::python_keeps(*id, rate) == go(*id)), "{row}");
    }
}

#[test]
fn a_parent_decides_for_codeq_and_flowbot() {
    for row in vectors("decisions.json", "parent based") {
        let input = Incoming { sampled: row["sampled"].as_bool(), ..bare(id(&row["trace_id"])) };
        for name in ["codeq", "flowbot"] {
            let answer = one(&input, rate(&row["rate"]), name);
            assert_eq!(answer.keep, row["keep"].as_bool(), "{row}");
            assert_eq!(serde_json::to_value(answer.by).unwrap(), row["by"], "{row}");
            assert!(answer.detail.contains(row["detail"].as_str().unwrap()), "{row}: {}", answer.detail);
        }
    }
}

#[test]
fn tags_that_a_decision_leaves() {
    for row in vectors("tags.json", "ksr") {
        assert_eq!(datadog::ksr(rate(&row["rate"])), row["text"].as_str().unwrap(), "{row}");
    }
    for row in vectors("tags.json", "decisions for service svc in env prod") {
        let (tracer, now) = (tracer(&row["tracer"]), Timestamp(0));
        let span = Subject { service: "svc", ..Subject::default() };
        let root = Root { trace_id: low(&row["low"]), env: "prod", span };
        let rules: Vec<SamplingRule> = row
            .get("rule")
            .map(|rule| SamplingRule { rate: rate(rule), ..SamplingRule::default() })
            .into_iter()
            .collect();
        let mut agent_rates = BTreeMap::new();
        if let Some(rates) = row.get("agent").and_then(Value::as_object) {
            agent_rates.extend(rates.iter().map(|(key, value)| (key.clone(), rate(value))));
        }
        let limit = row.get("limit").map_or(100.0, |limit| limit.as_str().unwrap().parse().unwrap());
        let mut limiter = Limiter::new(tracer, limit, now).unwrap();
        for _ in 0..row.get("requests before").and_then(Value::as_u64).unwrap_or(0) {
            limiter.request(now);
        }
        let decision = decide(tracer, root, &rules, &agent_rates, Some(&mut limiter), now);
        assert_eq!(Some(i64::from(decision.priority)), row["priority"].as_i64(), "{row}");
        assert_eq!(decision.decision_maker.as_deref(), row["dm"].as_str(), "{row}");
        assert_eq!(decision.ksr.as_deref(), row["ksr"].as_str(), "{row}");
        let metrics: BTreeMap<&str, f64> = decision.metrics.iter().copied().collect();
        let expected: BTreeMap<&str, f64> =
            row["metrics"].as_object().unwrap().iter().map(|(k, v)| (k.as_str(), v.as_f64().unwrap())).collect();
        assert_eq!(metrics, expected, "{row}");
    }
}

#[test]
fn patterns() {
    for row in vectors("globs.json", "texts") {
        let (pattern, subject) = (Glob::new(row["pattern"].as_str().unwrap()), row["subject"].as_str().unwrap());
        assert_eq!(Some(pattern.matches(subject)), row["unicode"].as_bool(), "{row}");
        assert_eq!(Some(pattern.matches_bytes(subject)), row["bytes"].as_bool(), "{row}");
    }
    for row in vectors("globs.json", "numeric tags") {
        let pattern = Glob::new(row["pattern"].as_str().unwrap());
        let rule = SamplingRule { tags: vec![("n".into(), pattern)], ..SamplingRule::default() };
        let tags = [("n", TagValue::Number(row["number"].as_f64().unwrap()))];
        let span = Subject { tags: &tags, ..Subject::default() };
        assert_eq!(Some(rule.matches(span)), row["match"].as_bool(), "{row}");
        assert!(!rule.matches_bytes(span), "{row}");
    }
}

#[test]
fn limits() {
    for tracer in ["cpp", "py"] {
        let limit = read_json(&fixture("sampling/limiter.json"))["limit"].as_str().unwrap().parse().unwrap();
        let mut limiter = Limiter::new(self::tracer(&tracer.into()), limit, Timestamp(0)).unwrap();
        for row in vectors("limiter.json", "requests") {
            let answer = limiter.request(Timestamp(row["at_ns"].as_i64().unwrap()));
            assert_eq!(Some(answer.allowed), row["allowed"].as_bool(), "{tracer} {row}");
            let expected = row[tracer].as_f64().unwrap();
            assert!(near(answer.effective_rate, expected), "{tracer} {row}: {}", answer.effective_rate);
        }
    }
}

#[test]
fn tracestate() {
    for row in vectors("tracestate.json", "sent") {
        let (id, rate, keep) = (low(&row["low"]), rate(&row["rate"]), row["keep"].as_bool().unwrap());
        assert_eq!(datadog::keeps(id, rate), keep, "{row}");
        let sent = datadog::ot_after(None, id, rate, keep, true);
        assert_eq!(sent.as_deref(), row["ot"].as_str(), "{row}");
        if let Some(sent) = sent {
            assert_eq!(Ot::parse(&sent).keeps(id), Some(keep), "{row}");
        }
    }
    for row in vectors("tracestate.json", "thresholds") {
        let th = row["th"].as_str().unwrap();
        assert_eq!(otel::threshold_text(otel::threshold(rate(&row["rate"]))), th, "{row}");
    }
}

#[test]
fn explanations() {
    for row in vectors("explain.json", "checks") {
        let given = &row["input"];
        let text = |member: &str| given.get(member).and_then(Value::as_str);
        let input = Incoming {
            trace_id: id(&given["trace_id"]),
            parent_id: text("parent_id").map(|id| SpanId(u64::from_str_radix(id, 16).unwrap())),
            priority: given.get("priority").and_then(Value::as_i64).map(|priority| priority as i32),
            sampled: given.get("sampled").and_then(Value::as_bool),
            random: None,
            ot: text("ot"),
            decision_maker: text("decision_maker"),
            ksr: text("ksr"),
        };
        let answers = explain(&input, rate(&row["rate"]), None);
        for (name, expected) in row["expect"].as_object().unwrap() {
            let answer = answers.iter().find(|answer| answer.sampler == name).unwrap();
            assert_eq!(answer.keep, expected[0].as_bool(), "{name} of {row}");
            assert_eq!(serde_json::to_value(answer.by).unwrap(), expected[1], "{name} of {row}");
            if let Some(lowest) = expected[2].as_f64() {
                assert!(answer.keeps_from_rate.is_some_and(|rate| near(rate, lowest)), "{name} of {row}: {answer:?}");
            }
            assert!(answer.detail.contains(expected[3].as_str().unwrap()), "{name} of {row}: {}", answer.detail);
        }
        let found = disagreements(&answers).join("\n");
        for expected in row.get("disagreements").and_then(Value::as_array).into_iter().flatten() {
            assert!(found.contains(expected.as_str().unwrap()), "{row}: {found}");
        }
    }
}

// ---- whole answers -------------------------------------------------------------------------------------------

#[test]
fn the_whole_answer_for_one_id() {
    let inputs = [
        ("families.txt", bare(TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736)), "0.75"),
        ("boundary.txt", bare(TraceId(1 << 63)), "0.5"),
        (
            "contradiction.txt",
            Incoming {
                parent_id: Some(SpanId(2)),
                priority: Some(2),
                sampled: Some(true),
                ot: Some("rv:65cd67504a538e;th:e6666666666668"),
                decision_maker: Some("-3"),
                ksr: Some("0.1"),
                ..bare(TraceId(1))
            },
            "0.1",
        ),
    ];
    for (file, input, rate) in inputs {
        let answers = explain(&input, rate.parse().unwrap(), None);
        let mut shown = String::new();
        for answer in &answers {
            shown += &format!("{}: {}\n", answer.sampler, answer.detail);
        }
        for text in disagreements(&answers) {
            shown += &format!("! {text}\n");
        }
        let file = fixture("sampling").join(file);
        assert_eq!(shown, String::from_utf8_lossy(&read(&file)), "{}", file.display());
    }
}

#[test]
fn answers_have_the_members_of_the_contract() {
    let answer = one(&bare(TraceId(1)), Rate::ONE, "agent");
    let json = serde_json::to_value(&answer).unwrap();
    let members: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(members, ["sampler", "keep", "by", "keeps_from_rate", "detail"]);
    assert_eq!((&json["by"], &json["keep"]), (&"formula".into(), &true.into()));
    let names: Vec<&str> = explain(&bare(TraceId(1)), Rate::ONE, None).iter().map(|answer| answer.sampler).collect();
    assert_eq!(names, NAMES);
    assert_eq!(samplers().iter().map(|sampler| sampler.name).collect::<Vec<_>>()[..NAMES.len()], NAMES);
    assert_eq!(one(&bare(TraceId(1)), Rate::ONE, "DD-Strict").sampler, "dd-strict");
    assert_eq!(explain(&bare(TraceId(1)), Rate::ONE, Some("bogus")), []);
}

#[test]
fn who_follows_what() {
    let none = bare(TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736));
    let rate: Rate = "0.1".parse().unwrap();
    let by = |input: &Incoming<'_>| -> Vec<(By, Option<bool>)> {
        ["dd", "xmtpd", "codeq", "otel-go", "agent"]
            .map(|name| one(input, rate, name))
            .map(|answer| (answer.by, answer.keep))
            .to_vec()
    };
    let (formula, dropped) = ((By::Formula, Some(false)), Some(false));
    assert_eq!(by(&none), [formula; 5]);
    // Datadog headers: no parent for an OpenTelemetry service.
    let datadog = Incoming { priority: Some(2), ..none };
    assert_eq!(by(&datadog), [(By::Priority, Some(true)), (By::Priority, Some(true)), formula, formula, formula]);
    assert!(
        one(&datadog, rate, "codeq").detail.starts_with("codeq reads traceparent alone, here is none that is valid")
    );
    // traceparent: the flag is a priority for a Datadog tracer.
    let w3c = Incoming { sampled: Some(false), ..none };
    assert_eq!(by(&w3c), [(By::Priority, dropped), (By::Priority, dropped), (By::Parent, dropped), formula, formula]);
    // A parent that OpenTelemetry takes for invalid.
    let invalid = Incoming { sampled: Some(true), parent_id: Some(SpanId(0)), ..none };
    assert_eq!(by(&invalid)[2], formula);
    for answer in explain(&w3c, rate, None) {
        assert_eq!(answer.keeps_from_rate.is_some(), answer.by == By::Formula, "{answer:?}");
    }
}

#[test]
fn zero_is_not_zero_for_everybody() {
    for name in ["codeq", "flowbot"] {
        let answer = one(&bare(TraceId(u128::from(u64::MAX))), Rate::ZERO, name);
        assert_eq!((answer.keep, answer.keeps_from_rate), (Some(true), Some(1.0)));
        assert!(answer.detail.starts_with(&format!("{name} takes rate 0 for 1; ")), "{}", answer.detail);
    }
    // .NET cannot take the amount of the smallest number.
    let dotnet = one(&bare(TraceId(1 << 127)), Rate::ONE, "otel-dotnet");
    assert_eq!((dotnet.keep, dotnet.keeps_from_rate), (None, None));
}

// ---- what holds for all --------------------------------------------------------------------------------------

fn any_rate() -> impl Strategy<Value = Rate> {
    let float = prop_oneof![
        0.0..=1.0_f64,
        (0..=1.0_f64.to_bits()).prop_map(f64::from_bits),
        (0..=16_384_u32).prop_map(|k| f64::from(k) / 16_384.0),
        Just(0.0),
        Just(1.0),
        Just(5e-324),
    ];
    float.prop_map(|rate| Rate::new(rate).unwrap())
}

fn any_id() -> impl Strategy<Value = TraceId> {
    let half = prop_oneof![any::<u64>(), 0..4_u64, Just(1 << 63), Just((1 << 63) - 1), Just(u64::MAX)];
    // Ids whose hash lies on or beside the threshold of a rate.
    let close = (any_rate(), 0..3_u64).prop_map(|(rate, off)| {
        datadog::threshold(rate).wrapping_add(off).wrapping_sub(1).wrapping_mul(3_396_998_997_810_348_023)
    });
    (half.clone(), prop_oneof![half, close]).prop_map(|(high, low)| TraceId::from_halves(high, low))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// What a sampler keeps at a rate it keeps at every higher one, and from `keeps_from_rate` up to the last bit.
    #[test]
    fn more_is_kept_at_higher_rates(id in any_id(), a in any_rate(), b in any_rate()) {
        let (lower, higher) = if a.get() <= b.get() { (a, b) } else { (b, a) };
        for name in samplers().iter().map(|sampler| sampler.name) {
            if matches!(name, "codeq" | "flowbot") && lower == Rate::ZERO {
                continue;
            }
            let [low, high] = [lower, higher].map(|rate| one(&bare(id), rate, name));
            prop_assert!(low.keep <= high.keep, "{name} {id} {lower} {higher}");
            prop_assert_eq!(low.keeps_from_rate, high.keeps_from_rate);
            let from = low.keeps_from_rate;
            if low.keep.is_some() {
                let expected = from.is_some_and(|from| lower.get() >= from);
                prop_assert_eq!(low.keep, Some(expected), "{} {}", name, id);
            }
            if let Some(from) = from.filter(|from| *from > 0.0) {
                let keep_at = |rate: f64| one(&bare(id), Rate::new(rate).unwrap(), name).keep;
                prop_assert_eq!(keep_at(from), Some(true), "{} {} {}", name, id, from);
                let below = f64::from_bits(from.to_bits() - 1);
                if below > 0.0 {
                    prop_assert_eq!(keep_at(below), Some(false), "{} {} {}", name, id, below);
                }
            }
        }
    }

    /// The two comparators differ at one hash only.
    #[test]
    fn strict_differs_where_the_hash_is_the_threshold(id in any_id(), rate in any_rate()) {
        let equal = rate != Rate::ONE && datadog::hash(id) == datadog::threshold(rate);
        prop_assert_eq!(datadog::keeps(id, rate) != datadog::keeps_strict(id, rate), equal);
        let answers = explain(&bare(id), rate, None);
        let said = disagreements(&answers).iter().any(|text| text.starts_with("the hash equals the threshold"));
        prop_assert_eq!(said, equal);
    }

    /// What is sent in tracestate says what was decided, and is read as it was sent.
    #[test]
    fn tracestate_agrees_with_the_decision(id in any_id(), rate in any_rate()) {
        let keep = datadog::keeps(id, rate);
        match datadog::ot_after(None, id, rate, keep, true) {
            None => prop_assert_eq!(rate, Rate::ZERO),
            Some(sent) => {
                let ot = Ot::parse(&sent);
                prop_assert_eq!(ot.keeps(id), Some(keep), "{}", &sent);
                prop_assert_eq!(datadog::ot_after(Some(&sent), id, rate, keep, true), Some(sent.clone()));
            }
        }
    }

    /// Nothing that stands in headers stops an explanation; a decision is followed by those who honour one.
    #[test]
    fn any_headers_can_be_explained(
        id in any_id(),
        parent in proptest::option::of(any::<u64>()),
        priority in proptest::option::of(any::<i32>()),
        sampled in proptest::option::of(any::<bool>()),
        random in proptest::option::of(any::<bool>()),
        ot in proptest::option::of("((rv|th|x):?[0-9a-f]{0,15};?){0,3}|\\PC{0,20}"),
        decision_maker in proptest::option::of("-?[0-9]{0,4}|\\PC{0,6}"),
        ksr in proptest::option::of("[01]?\\.?[0-9]{0,7}|\\PC{0,6}"),
        rate in any_rate(),
    ) {
        let input = Incoming {
            trace_id: id,
            parent_id: parent.map(SpanId),
            priority,
            sampled,
            random,
            ot: ot.as_deref(),
            decision_maker: decision_maker.as_deref(),
            ksr: ksr.as_deref(),
        };
        let answers = explain(&input, rate, None);
        prop_assert!(answers.len() >= NAMES.len());
        for answer in &answers {
            prop_assert!(!answer.detail.is_empty());
            if answer.by == By::Priority {
                prop_assert_eq!(answer.keep, priority.map(|p| p > 0).or(sampled));
            }
        }
        disagreements(&answers);
    }

    /// A pattern made of a text by wildcards fits that text, read either way; patterns of any kind end.
    #[test]
    fn a_text_fits_its_own_pattern(
        parts in proptest::collection::vec("[a-zA-Z.é*?]{0,4}", 1..6),
        noise in "\\PC{0,30}",
    ) {
        let text = parts.concat();
        for glob in [Glob::new(parts.join("*")), Glob::new(&text), Glob::new(format!("*{text}*"))] {
            prop_assert!(glob.matches(&text) && glob.matches_bytes(&text), "{glob:?} {text}");
            prop_assert!(glob.matches(&text.to_lowercase()), "{glob:?} {text}");
            glob.matches(&noise);
        }
    }
}
