//! Traces of unusual shape: very deep, very wide, broken in every way that a parent id can be broken, with ids chosen to
//! collide and times at the ends of their range. Every view draws them, and the counts add up.
#![cfg(feature = "render")]

mod support;

use serde_json::Value;
use spanglass::analysis::Grouping;
use spanglass::diagnostic::Diagnostics;
use spanglass::id::TraceId;
use spanglass::lint;
use spanglass::render::table::SpanOrder;
use spanglass::render::{self, Shown, Theme, Timeline, TreeOptions, table};
use spanglass::time::Nanos;
use spanglass::trace::{Trace, TraceJoin};
use spanglass::tree::{Top, TraceTree};
use spanglass::wire::Protocol;
use std::collections::BTreeMap;
use support::body::{Decoded, Made, NOW, chain, fan, v04};

/// Runs `look` over the tree of `spans`.
fn with_tree<T>(spans: &[Made], look: impl FnOnce(&TraceTree<'_, '_>) -> T) -> T {
    let decoded = Decoded::of(Protocol::V04, v04(spans));
    assert_eq!(decoded.findings(), [""; 0]);
    assert_eq!(decoded.payload().spans().len(), spans.len());
    let trace = Trace::whole(TraceId(7), decoded.payload());
    look(&TraceTree::of(&trace))
}

fn plain(width: usize) -> Theme {
    Theme::plain(width)
}

/// The rows of a tree with or without a timeline.
fn rows(tree: &TraceTree<'_, '_>, options: Options, theme: &Theme) -> (Shown, String) {
    let mut out = Vec::new();
    let options = TreeOptions {
        timeline: options.timeline,
        depth: options.depth,
        min: options.min,
        tags: &[],
        details: options.details,
        collapse: options.collapse,
        mark: None,
        notes: None,
    };
    let shown = render::tree(&mut out, tree, &options, theme).expect("a drawing");
    (shown, text(out))
}

#[derive(Clone, Copy)]
struct Options {
    timeline: Timeline,
    depth: Option<usize>,
    min: Option<Nanos>,
    details: bool,
    collapse: bool,
}

const WATERFALL: Options =
    Options { timeline: Timeline::Drawn, depth: None, min: None, details: false, collapse: false };
const TREE: Options = Options { timeline: Timeline::None, ..WATERFALL };

fn text(out: Vec<u8>) -> String {
    String::from_utf8(out).expect("UTF-8")
}

fn flame(tree: &TraceTree<'_, '_>, theme: &Theme) -> (Shown, String) {
    let mut out = Vec::new();
    let shown = render::flame(&mut out, tree, None, None, theme).expect("a drawing");
    (shown, text(out))
}

fn spans_table(tree: &TraceTree<'_, '_>, order: SpanOrder, theme: &Theme) -> (Shown, String) {
    let mut out = Vec::new();
    let shown = table::spans(&mut out, tree, None, None, order, theme).expect("a table");
    (shown, text(out))
}

fn summary(tree: &TraceTree<'_, '_>, theme: &Theme) -> String {
    let mut out = Vec::new();
    table::summary(&mut out, tree, &Grouping::Operation, theme).expect("a table");
    text(out)
}

/// Nodes that are parsed; of the others only the id is read.
const PARSED: usize = 6_000;

/// The document without its nodes, and the ids of the nodes in their order. They are parsed one by one: nested as deep as
/// the trace, they are more than a parser takes.
fn json(tree: &TraceTree<'_, '_>) -> (Value, Vec<String>) {
    let mut out = Vec::new();
    render::json::trace(&mut out, tree, &lint::structure::anomalies(tree), &render::json::Beside::default())
        .expect("a document");
    let document = text(out);
    let (head, rest) = document.split_once(r#","roots":["#).expect("roots");
    let end = rest.rfind(r#"],"gaps":"#).expect("gaps");
    let (roots, tail) = rest.split_at(end);
    let parse = |text: &str| -> Value { serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")) };
    let mut ids = Vec::new();
    let mut open = 0;
    // Inside of strings a quote is escaped, so this text stands between members only.
    let mut parts = roots.split(r#","children":["#).peekable();
    while let Some(part) = parts.next() {
        let node = part.trim_start_matches([']', '}', ',']);
        let closed = part[..part.len() - node.len()].matches(']').count();
        assert!(open >= closed, "closed more than was opened");
        open -= closed;
        if parts.peek().is_none() {
            assert_eq!(node, "", "text after the last node");
            break;
        }
        open += 1;
        let id = node.strip_prefix(r#"{"span_id":""#).and_then(|rest| rest.split('"').next()).expect("an id");
        if ids.len() < PARSED {
            assert_eq!(parse(&format!("{node}}}"))["span_id"], id);
        }
        ids.push(id.to_owned());
    }
    assert_eq!(open, 0, "nodes left open");
    (parse(&format!("{head},\"roots\":[{tail}")), ids)
}

/// Draws a tree in every view and checks what can be counted. No span of it may fail or begin after its parent ended.
fn every_view_adds_up(spans: &[Made], details: bool) {
    let count = spans.len();
    let themes = [plain(200), plain(40), plain(80), Theme { ascii: true, ..plain(100) }];
    with_tree(spans, |tree| {
        assert_eq!(tree.walk().count(), count);
        for theme in themes.iter().take(if count > PARSED { 2 } else { themes.len() }) {
            for options in [WATERFALL, TREE] {
                let (shown, drawn) = rows(tree, options, theme);
                assert_eq!(shown, Shown { drawn: count, of: count });
                if theme.width == 200 {
                    let extra = drawn.lines().filter(|line| line.starts_with("▒ after")).count();
                    assert_eq!(drawn.lines().count(), count + 2 + extra, "header, columns, one row a span");
                }
                let widest = drawn.lines().map(render::width_of).max().unwrap_or(0);
                assert!(widest <= theme.width.max(40), "{widest} columns of {}", theme.width);
            }
        }
        if details {
            let (shown, drawn) = rows(tree, Options { details: true, ..WATERFALL }, &plain(100));
            assert_eq!(shown.drawn, count);
            assert!(drawn.lines().count() > 3 * count);
        }
        let (shown, drawn) = flame(tree, &plain(120));
        let crowded: usize = number_before(&drawn, " spans overlap more than");
        assert_eq!((shown.drawn + crowded, shown.of), (count, count));
        let orders = [SpanOrder::Start, SpanOrder::Duration, SpanOrder::SelfTime, SpanOrder::Name, SpanOrder::Errors];
        for order in orders {
            let (shown, drawn) = spans_table(tree, order, &plain(120));
            assert_eq!(shown, Shown { drawn: count, of: count });
            assert_eq!(drawn.lines().count(), count + 2);
        }
        let drawn = summary(tree, &plain(120));
        let counted: usize = drawn
            .lines()
            .filter(|line| line.starts_with("shop "))
            .map(|line| line.split_whitespace().nth(2).and_then(|count| count.parse().ok()).unwrap_or(0))
            .sum();
        assert_eq!(counted, count, "{drawn}");
        let (document, nodes) = json(tree);
        assert_eq!(document["span_count"], count);
        assert_eq!(nodes.len(), count);
        for (id, walked) in nodes.iter().zip(tree.walk()) {
            assert_eq!(*id, tree.span(walked.index).expect("a span").span_id().to_string());
        }
    });
}

/// The number before `words` in a line of `text`; 0 when they are not there.
fn number_before(text: &str, words: &str) -> usize {
    let line = text.lines().find_map(|line| line.split_once(words));
    line.and_then(|(before, _)| before.split_whitespace().last()?.parse().ok()).unwrap_or(0)
}

/// Of siblings that are alike one row is drawn, with their times added up; one that failed, or is called otherwise, parts a run.
#[test]
fn repeats_are_one_row() {
    let mut spans = fan(5_000);
    spans[2_000].error = 1;
    spans[3_000] = spans[3_000].clone().named("other");
    spans.push(Made::new(9_000, 50, 400, 1).named("below"));
    with_tree(&spans, |tree| {
        let (shown, text) = rows(tree, Options { collapse: true, ..TREE }, &plain(100));
        let drawn: Vec<&str> = text.lines().filter(|line| line.contains("─ ")).collect();
        assert_eq!(drawn.len(), 5, "{text}");
        assert_eq!(shown, Shown { drawn: 5_001, of: 5_002 });
        assert!(drawn[0].contains("×1999 ") && drawn[0].contains("8ns avg") && drawn[0].contains("15.99µs"), "{text}");
        assert!(drawn[4].starts_with("└─ ×2000 "), "{text}");
        assert!(text.contains("--collapse-repeats hide the rest"), "{text}");
    });
}

#[test]
fn three_hundred_levels() {
    every_view_adds_up(&chain(300), true);
    with_tree(&chain(300), |tree| assert_eq!(tree.walk().map(|node| node.depth).max(), Some(299)));
}

#[test]
fn five_thousand_children() {
    every_view_adds_up(&fan(5_000), true);
}

#[test]
fn two_hundred_thousand_levels() {
    every_view_adds_up(&chain(200_000), false);
}

#[test]
fn one_span_and_none() {
    every_view_adds_up(&chain(1), true);
    let decoded = Decoded::of(Protocol::V04, v04(&[]));
    let trace = Trace::whole(TraceId(7), decoded.payload());
    let tree = TraceTree::of(&trace);
    assert!(tree.is_empty() && tree.extent().is_none());
    let (shown, _) = rows(&tree, WATERFALL, &plain(80));
    assert_eq!(shown, Shown::default());
    flame(&tree, &plain(80));
    summary(&tree, &plain(80));
    assert!(json(&tree).1.is_empty());
}

/// A trace of 300 spans with many depths and lengths.
fn varied() -> Vec<Made> {
    let mut spans = vec![Made::new(1, 0, 0, 1_000_000)];
    for id in 2..=300u64 {
        // Every parent is earlier and longer: children are always inside.
        let parent = (id * 7919) % (id - 1) + 1;
        let above = spans[parent as usize - 1].clone();
        let duration = above.duration * (id as i64 % 5 + 4) / 10;
        spans.push(Made { start: above.start + above.duration / 20, ..Made::new(id, parent, 0, duration) });
    }
    spans
}

#[test]
fn what_depth_and_min_hide_is_said() {
    let spans = varied();
    let depth_of = |index: usize| {
        let (mut depth, mut at) = (0, spans[index].parent_id);
        while at != 0 {
            depth += 1;
            at = spans[at as usize - 1].parent_id;
        }
        depth
    };
    with_tree(&spans, |tree| {
        for depth in [None, Some(1), Some(2), Some(3), Some(5), Some(300)] {
            for min in [None, Some(0), Some(1), Some(500), Some(20_000), Some(400_000), Some(1_000_001)] {
                // A span is drawn when it or something below it is long enough, down to the depth.
                let mut kept: Vec<bool> = spans.iter().map(|span| span.duration >= min.unwrap_or(0)).collect();
                for index in (1..spans.len()).rev() {
                    if kept[index] {
                        kept[spans[index].parent_id as usize - 1] = true;
                    }
                }
                let expected =
                    (0..spans.len()).filter(|i| kept[*i] && depth_of(*i) < depth.unwrap_or(usize::MAX)).count();
                let expected = Shown { drawn: expected, of: spans.len() };
                let options = Options { depth, min: min.map(Nanos), ..WATERFALL };
                let theme = plain(200);
                for options in [options, Options { timeline: Timeline::None, ..options }] {
                    let (shown, drawn) = rows(tree, options, &theme);
                    assert_eq!(shown, expected, "depth {depth:?} min {min:?}");
                    let said = drawn.lines().filter(|line| line.contains(" of 300 spans drawn")).count();
                    assert_eq!(said, usize::from(expected.drawn < expected.of));
                    assert_eq!(drawn.lines().count(), expected.drawn + 2 + said, "{drawn}");
                    if said > 0 {
                        assert!(drawn.contains(&format!("{} of 300 spans drawn", expected.drawn)));
                    }
                }
                let mut out = Vec::new();
                let order = SpanOrder::Start;
                let shown = table::spans(&mut out, tree, depth, min.map(Nanos), order, &theme).expect("a table");
                assert_eq!(shown, expected);
                let drawn = text(out);
                let said = drawn.contains(&format!("{} of 300 spans listed", expected.drawn));
                assert_eq!(said, expected.drawn < expected.of);
                assert_eq!(drawn.lines().count(), expected.drawn + 2 + usize::from(said));
                let mut out = Vec::new();
                let shown = render::flame(&mut out, tree, depth, min.map(Nanos), &theme).expect("a drawing");
                let drawn = text(out);
                let crowded: usize = number_before(&drawn, " spans overlap more than");
                assert_eq!(shown.drawn + crowded, expected.drawn);
                assert_eq!(
                    drawn.contains(&format!("{} of 300 spans drawn", expected.drawn)),
                    expected.drawn < expected.of
                );
            }
        }
    });
}

#[test]
fn broken_parents_are_drawn_and_marked() {
    let spans = [
        Made::new(1, 0, 0, 1_000).named("root"),
        Made::new(2, 1, 10, 100).named("child"),
        Made::new(2, 1, 20, 100).named("twin"),
        Made::new(3, 2, 30, 10).named("under-first"),
        Made::new(4, 77, 100, 50).named("lost"),
        Made::new(5, 5, 200, 50).named("own"),
        Made::new(6, 8, 300, 90).named("ring-a"),
        Made::new(7, 6, 310, 50).named("ring-b"),
        Made::new(8, 7, 320, 20).named("ring-c"),
        Made::new(9, 0, 400, 60).named("second-root"),
        Made::new(10, 5, 210, 10).named("under-own"),
        Made::new(11, 8, 325, 10).named("under-ring"),
    ];
    with_tree(&spans, |tree| {
        let tops: Vec<(&str, Top)> = tree
            .roots()
            .iter()
            .map(|root| (tree.span(*root as usize).expect("a span").name(), tree.top(*root as usize).expect("a top")))
            .collect();
        let expected = [
            ("root", Top::Root),
            ("lost", Top::Orphan),
            ("own", Top::SelfParent),
            ("ring-a", Top::Cycle),
            ("second-root", Top::Root),
        ];
        assert_eq!(tops, expected);
        let twins: Vec<&str> =
            tree.duplicates().iter().map(|twin| tree.span(*twin as usize).expect("a span").name()).collect();
        assert_eq!(twins, ["twin"]);
        for options in [WATERFALL, TREE] {
            let (shown, drawn) = rows(tree, options, &plain(120));
            assert_eq!(shown, Shown { drawn: 12, of: 12 });
            for row in [
                "\n[orphan] lost ",
                "\n[own parent] own ",
                "\n└─ under-own ",
                "\n[cycle cut] ring-a ",
                "\n└─ ring-b ",
                "\n   └─ ring-c ",
                "\n      └─ under-ring ",
                "\n└─ [same id] twin ",
                "\n├─ child ",
                "\n│  └─ under-first ",
                "\nsecond-root ",
            ] {
                assert_eq!(drawn.matches(row).count(), 1, "{row:?} in\n{drawn}");
            }
            let head = drawn.lines().next().unwrap_or_default();
            assert!(head.contains("5 roots") && head.contains("1 orphan"), "{head}");
        }
        for name in ["lost", "own", "ring-a", "ring-b", "ring-c", "twin", "second-root", "under-ring"] {
            let (_, drawn) = spans_table(tree, SpanOrder::Start, &plain(120));
            assert!(drawn.contains(&format!(" {name}\n")), "{name} in\n{drawn}");
        }
        let (document, nodes) = json(tree);
        assert_eq!(nodes.len(), 12);
        let anomalies: Vec<(&str, &str)> = document["anomalies"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|found| (found["code"].as_str().expect("a code"), found["span_id"].as_str().expect("an id")))
            .filter(|(code, _)| ["T001", "T002", "T003", "T004"].contains(code))
            .collect();
        assert_eq!(
            anomalies,
            [
                ("T001", "0000000000000002"),
                ("T002", "0000000000000004"),
                ("T003", "0000000000000005"),
                ("T004", "0000000000000006"),
            ]
        );
    });
}

#[test]
fn a_cycle_of_two_hundred_thousand() {
    let mut spans = chain(200_000);
    spans[0].parent_id = 200_000;
    with_tree(&spans, |tree| {
        let [(top, Top::Cycle)] = tree.cuts() else { panic!("{:?}", tree.cuts()) };
        assert_eq!(tree.span(*top as usize).expect("a span").span_id().0, 1);
        let (shown, _) = rows(tree, WATERFALL, &plain(100));
        assert_eq!(shown.drawn, 200_000);
        let mut found = Diagnostics::default();
        lint::structure::trace(tree, &[0], &mut found);
        assert_eq!(found.total_of(lint::codes::PARENT_CYCLE), 1);
        assert_eq!(json(tree).1.len(), 200_000);
    });
}

#[test]
fn many_cycles_and_self_parents() {
    // Pairs that are each other's parent, and spans that are their own: a trace made of nothing but cuts.
    let spans: Vec<Made> = (1..=40_000u64)
        .flat_map(|pair| {
            let (a, b) = (3 * pair, 3 * pair + 1);
            let own = 3 * pair + 2;
            let at = pair as i64;
            [Made::new(a, b, at, 5), Made::new(b, a, at, 3), Made::new(own, own, at, 4)]
        })
        .collect();
    with_tree(&spans, |tree| {
        assert_eq!(tree.cuts().len(), 80_000);
        assert_eq!(tree.roots().len(), 80_000);
        let (shown, drawn) = rows(tree, WATERFALL, &plain(100));
        assert_eq!(shown.drawn, 120_000);
        assert_eq!(drawn.matches("[cycle cut]").count(), 40_000);
        assert_eq!(drawn.matches("[own parent]").count(), 40_000);
        let mut found = Diagnostics::default();
        lint::structure::trace(tree, &[0], &mut found);
        assert_eq!(found.total_of(lint::codes::PARENT_CYCLE), 40_000);
        assert_eq!(found.total_of(lint::codes::SELF_PARENT), 40_000);
    });
}

/// The inverse of an odd number modulo 2^64.
fn inverse(odd: u64) -> u64 {
    let mut inverse = 1u64;
    for _ in 0..6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    assert_eq!(odd.wrapping_mul(inverse), 1);
    inverse
}

/// Constants that multiplicative hashes multiply with: Fibonacci hashing, and FxHash in both of its versions.
const MULTIPLIERS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0x517c_c1b7_2722_0a95, 0xf135_7aea_2e62_a9c5];

#[test]
fn span_ids_that_collide() {
    for multiplier in MULTIPLIERS {
        let inverse = inverse(multiplier);
        let id = |k: u64| k.wrapping_mul(inverse);
        let spans: Vec<Made> =
            (1..=50_000u64).map(|k| Made::new(id(k), id(k / 2), k as i64, (100_000 - k) as i64)).collect();
        with_tree(&spans, |tree| {
            assert_eq!(tree.roots(), [0]);
            assert_eq!(tree.walk().count(), 50_000);
            let (shown, _) = rows(tree, WATERFALL, &plain(100));
            assert_eq!(shown.drawn, 50_000);
            assert!(tree.duplicates().is_empty());
        });
        // With an id that stands twice, the earlier one has the children.
        let twice: Vec<Made> = spans.iter().chain(spans.iter().take(10)).cloned().collect();
        with_tree(&twice, |tree| {
            let mut twins: Vec<u64> =
                tree.duplicates().iter().map(|twin| tree.span(*twin as usize).expect("a span").span_id().0).collect();
            let mut expected: Vec<u64> = (1..=10).map(id).collect();
            twins.sort_unstable();
            expected.sort_unstable();
            assert_eq!(twins, expected);
            let [first, second] = tree.roots() else { panic!("{:?}", tree.roots()) };
            assert_eq!(tree.children(*first as usize).count(), 4);
            assert_eq!(tree.children(*second as usize).count(), 0);
        });
    }
}

/// More of them would be better; for now every further one costs as much as all before it.
const COLLIDING: u64 = 10_000;

#[test]
fn trace_ids_that_collide() {
    for multiplier in MULTIPLIERS {
        let inverse = inverse(multiplier);
        let mut join = TraceJoin::default();
        for k in 1..=COLLIDING {
            join.slot(TraceId::from_halves(0, k.wrapping_mul(inverse)));
        }
        assert_eq!(join.ids().len() as u64, COLLIDING);
    }
}

#[test]
fn trace_ids_with_one_low_half() {
    // 64-bit readers see one trace; with their high halves they are many.
    let mut join = TraceJoin::default();
    for high in 1..=COLLIDING {
        join.slot(TraceId::from_halves(high, 7));
    }
    assert_eq!(join.ids().len() as u64, COLLIDING);
}

#[test]
fn times_at_the_ends_of_their_range() {
    let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, NOW, i64::MAX - 1, i64::MAX];
    for start in ends {
        for child_start in ends {
            let mut spans = Vec::new();
            for (id, duration) in (1u64..).zip(ends) {
                spans.push(Made { start, ..Made::new(2 * id, 0, 0, duration) });
                spans.push(Made { start: child_start, ..Made::new(2 * id + 1, 2 * id, 0, duration) });
                spans.push(Made { start: child_start, ..Made::new(2 * id + 100, 2 * id + 1, 0, 0) });
            }
            with_tree(&spans, |tree| {
                for theme in [plain(40), plain(120)] {
                    let (shown, _) = rows(tree, Options { details: true, ..WATERFALL }, &theme);
                    assert_eq!(shown.drawn, spans.len());
                    flame(tree, &theme);
                    summary(tree, &theme);
                    spans_table(tree, SpanOrder::SelfTime, &theme);
                }
                assert_eq!(json(tree).1.len(), spans.len());
                let mut found = Diagnostics::default();
                lint::structure::trace(tree, &[0], &mut found);
                for node in tree.walk() {
                    let own = tree.self_time(node.index);
                    let span = tree.span(node.index).expect("a span");
                    assert!((0..=span.duration().0.max(0)).contains(&own.0), "{own:?} of {:?}", span.duration());
                }
            });
        }
    }
}

#[test]
fn every_width_is_kept() {
    let mut spans = varied();
    spans.truncate(60);
    let services = ["shop", "東京サービス", "🛒🛒🛒", "a-very-long-service-name-that-needs-cutting"];
    let resources = ["", "GET /a/{b}", "SELECT 名前 FROM 表 WHERE x = 1", "e\u{301}e\u{301}e\u{301} 👩‍👩‍👧‍👦"];
    for (index, span) in spans.iter_mut().enumerate() {
        span.service = services[index % 4].into();
        span.resource = resources[(index / 4) % 4].into();
        span.error = i32::from(index % 20 == 7);
        span.meta.insert("error.message".into(), "情報 could not be read ".repeat(20));
    }
    with_tree(&spans, |tree| {
        let mut faults: BTreeMap<(&str, String), (usize, String)> = BTreeMap::new();
        for width in (40..=250).chain([400, 1_000, 1_023, 1_024, 1_025, 2_000, 5_000]) {
            for ascii in [false, true] {
                let theme = Theme { ascii, ..plain(width) };
                let mut fits = |what, drawn: &str| {
                    for (fault, line) in drawn.lines().flat_map(|line| misfit(line, &theme)) {
                        faults.entry((what, fault)).or_insert((width, line));
                    }
                };
                for (what, options) in
                    [("waterfall", WATERFALL), ("tree", TREE), ("details", Options { details: true, ..WATERFALL })]
                {
                    let (shown, drawn) = rows(tree, options, &theme);
                    assert_eq!(shown.drawn, 60);
                    fits(what, &drawn);
                }
                fits("flame", &flame(tree, &theme).1);
                fits("table", &spans_table(tree, SpanOrder::Start, &theme).1);
                fits("summary", &summary(tree, &theme));
            }
        }
        let faults: Vec<String> = faults
            .into_iter()
            .map(|((what, fault), (width, line))| format!("{what} at width {width}: {fault}: {line:?}"))
            .collect();
        assert!(faults.is_empty(), "first of each kind:\n{}", faults.join("\n"));
    });
}

/// What is wrong with a drawn line.
fn misfit(line: &str, theme: &Theme) -> Option<(String, String)> {
    let fault = match line {
        _ if render::width_of(line) > theme.width => "wider than asked",
        _ if theme.ascii && !line.is_ascii() => "not ASCII",
        _ if line.ends_with(' ') => "blanks at its end",
        _ => return None,
    };
    // The first word tells what kind of line it is.
    let kind = line.trim_start().split(' ').next().unwrap_or_default();
    let kind = if kind.chars().all(|c| c.is_ascii_alphabetic()) { kind } else { "row" };
    Some((format!("{fault} ({kind})"), line.to_owned()))
}

/// Where a bar begins, in columns, among rows of the same layout.
#[test]
fn bars_stand_where_their_times_are() {
    let spans = [
        Made::new(1, 0, 0, 1_000).named("root"),
        Made::new(2, 1, 0, 500).named("first half"),
        Made::new(3, 1, 500, 500).named("second half"),
        Made::new(4, 1, 990, 10).named("last hundredth"),
    ];
    with_tree(&spans, |tree| {
        for width in [60, 80, 100, 200, 500, 1_000, 1_500, 3_000] {
            let (_, drawn) = rows(tree, WATERFALL, &plain(width));
            let bars: Vec<(usize, usize)> = drawn
                .lines()
                .filter(|line| spans.iter().any(|span| line.contains(&span.name)))
                .map(|line| {
                    let at = line.find(['█', '▏', '▎', '▍', '▌', '▋', '▊', '▉']).expect("a bar");
                    (render::width_of(&line[..at]), render::width_of(&line[at..]))
                })
                .collect();
            let [root, first, second, last] = bars.as_slice() else { panic!("{drawn}") };
            assert_eq!(root.0, first.0, "{width}\n{drawn}");
            assert!(second.0 + 1 >= root.0 + root.1 / 2 && second.0 <= root.0 + root.1 / 2 + 1, "{width}: {bars:?}");
            assert!(first.1.abs_diff(root.1 / 2) <= 1, "{width}: {bars:?}");
            assert!(
                last.0 >= root.0 + root.1 * 98 / 100 - 1 && last.0 + last.1 <= root.0 + root.1,
                "{width}: {bars:?}"
            );
        }
    });
}
