//! Header sets through everything that `parse-traceparent` does with them: extraction, sampling, what a child sends on,
//! the verdicts of all profiles, and the drawing. The text is read twice: as header lines, and as something pasted.
//!
//! The first byte chooses how to extract; `Name: value` lines follow.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spanglass::context::{PropagationStyle, SpanContext};
use spanglass::diagnostic::{Diagnostics, Place, Severity, Source};
use spanglass::http::Headers;
use spanglass::id::{SpanId, TraceId};
use spanglass::propagation::verdict::{Outcome, judge, profiles};
use spanglass::propagation::{
    Behavior, ExtractOptions, Extraction, InjectOptions, extract, inject, pasted, plain_style, plain_traceparent,
};
use spanglass::render::context::{Answer, document};
use spanglass::render::diagnostic::{DiagnosticOptions, diagnostics};
use spanglass::render::{Theme, header, table};
use spanglass::rule::Rate;
use spanglass::sampling::{self, Incoming};

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else { return };
    let options = options(*choice);
    let text = String::from_utf8_lossy(text);
    let mut set = Headers::default();
    for line in text.split('\n') {
        let (name, value) = line.split_once(':').unwrap_or(("traceparent", line));
        set.push(name, value);
    }
    let mut extraction = Extraction::default();
    look_at(&set, &options, &mut extraction);

    let known = pasted::header_sets(&text);
    assert!(!known.is_empty(), "pasted text is one set at least");
    // A pasted log may have many lines that say the same.
    for set in known.iter().take(8) {
        look_at(set, &options, &mut extraction);
    }
    let _ = pasted::argument(&text);
    let mut plain = Headers::default();
    pasted::plain_json_line(text.as_bytes()).iter().for_each(|(name, value)| plain.push(*name, *value));
    look_at(&plain, &options, &mut extraction);
});

fn options(choice: u8) -> ExtractOptions {
    use PropagationStyle::{B3, B3Multi, Baggage, Datadog, TraceContext};
    let styles = match choice & 7 {
        1 => vec![Datadog, TraceContext, Baggage],
        2 => vec![TraceContext, Datadog],
        3 => vec![B3Multi, B3, Datadog],
        4 => PropagationStyle::ALL.into_iter().rev().collect(),
        _ => Vec::new(),
    };
    ExtractOptions {
        styles,
        first_only: choice & 8 != 0,
        behavior: Behavior::ALL[usize::from(choice >> 4) % 3],
        w3c_strict: choice & 64 != 0,
        now: (choice & 128 != 0).then_some(1_795_168_000),
    }
}

fn look_at(set: &Headers, options: &ExtractOptions, extraction: &mut Extraction) {
    let mut found = Diagnostics::default();
    extract(set, options, extraction, &mut found);
    places(set, &found);
    let mut counted = Diagnostics::counting();
    extract(set, options, extraction, &mut counted);
    assert_eq!(counted.codes().collect::<Vec<_>>(), found.codes().collect::<Vec<_>>());
    assert_eq!(extraction.headers().len(), set.iter().count());
    if let Some(context) = extraction.context() {
        assert_ne!(context.trace_id, TraceId(0), "a trace that goes on has an id");
    }
    plain(set);

    let verdicts: Vec<_> = profiles().iter().map(|profile| (profile, judge(profile, set))).collect();
    for (profile, verdict) in &verdicts {
        let goes_on = matches!(verdict.outcome, Outcome::Continue | Outcome::ContinueNoParent);
        assert_eq!(goes_on, verdict.trace_id.is_some() || verdict.raw_trace_id.is_some(), "{}", profile.key);
        assert_eq!(goes_on, verdict.style.is_some(), "{}", profile.key);
    }

    let child = extraction.child(SpanId(7), TraceId(9));
    let all = InjectOptions { styles: PropagationStyle::ALL.to_vec(), ..InjectOptions::default() };
    let sent = inject(&child, extraction.baggage(), &all, &mut found).headers;
    reads_back(&child, &sent, extraction);

    draw(set, extraction, &found, &sent, &verdicts);
}

/// Every finding lies inside the value that it is about.
fn places(set: &Headers, found: &Diagnostics) {
    for finding in found.iter() {
        assert!(!finding.message().is_empty() && finding.help_text().is_some_and(|help| !help.is_empty()), "{finding}");
        let Some(Place::Text { source: Source::Header(name), range, line }) = finding.place() else { continue };
        let field = match line {
            Some(line) => set.iter().nth(*line as usize - 1),
            None => set.iter().find(|(given, _)| given.trim_ascii() == name.as_str()),
        };
        assert!(field.is_some_and(|(_, value)| value.get(range.clone()).is_some()), "{finding}: {range:?}");
    }
}

/// The short ways of counting sound sets say what the long one says.
fn plain(set: &Headers) {
    let fields: pasted::Fields = set.iter().collect();
    let style = plain_style(&fields, None);
    let parent = match fields.as_slice() {
        [("traceparent", value)] => plain_traceparent(value.as_bytes(), None),
        _ => None,
    };
    if style.is_none() && parent.is_none() {
        return;
    }
    let (mut extraction, mut found) = (Extraction::default(), Diagnostics::default());
    extract(set, &ExtractOptions::default(), &mut extraction, &mut found);
    assert!(found.is_empty());
    let context = extraction.context().expect("a context");
    assert!(style.is_none_or(|style| extraction.style() == Some(style)));
    assert!(parent.is_none_or(|(trace, parent, _)| (context.trace_id, context.span_id) == (trace, parent)));
}

/// extract(inject(c)) = c, in every style and in all of them together.
fn reads_back(child: &SpanContext, sent: &Headers, extraction: &Extraction) {
    use PropagationStyle::{B3, B3Multi, Datadog, Jaeger, TraceContext};
    let (mut next, mut found) = (Extraction::default(), Diagnostics::default());
    extract(sent, &ExtractOptions::default(), &mut next, &mut found);
    let problems: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(!found.reaches(Severity::Error), "{sent:?}: {problems:?}");
    let context = next.context().expect("what a child sends can be continued");
    assert_eq!((context.trace_id, context.span_id), (child.trace_id, child.span_id));
    assert_eq!(next.baggage().iter().count() == 0, extraction.baggage().iter().count() == 0 || sent.get("baggage").is_none());
    for style in [Datadog, TraceContext, B3Multi, B3, Jaeger] {
        let options = ExtractOptions { styles: vec![style], ..ExtractOptions::default() };
        extract(sent, &options, &mut next, &mut found);
        let context = next.context().expect("every style is read back");
        // Tags that are too long take the high half with them.
        let lost = style == Datadog && sent.get("x-datadog-tags").is_none();
        let id = if lost { TraceId(u128::from(child.trace_id.0 as u64)) } else { child.trace_id };
        assert_eq!((context.trace_id, context.span_id), (id, child.span_id), "{style:?}");
        if style != Datadog && child.priority.is_some() {
            assert_eq!(context.sampled(), child.sampled(), "{style:?}");
        }
    }
}

fn draw(
    set: &Headers,
    extraction: &Extraction,
    found: &Diagnostics,
    sent: &Headers,
    verdicts: &[(&'static spanglass::propagation::verdict::Profile, spanglass::propagation::verdict::Verdict)],
) {
    let theme = Theme::plain(80);
    let mut out = Vec::new();
    for (name, value) in set.iter() {
        header::labelled(&mut out, value.trim(), &header::fields(name, value.trim()), &theme).expect("memory");
    }
    let value_of = |source: &Source| match source {
        Source::Header(name) => set.get(name).map(str::to_owned),
        _ => None,
    };
    let options =
        DiagnosticOptions { file_of: &|_| None, text_of: &value_of, least: Severity::Note, every: true };
    diagnostics(&mut out, found, &options, &theme).expect("memory");
    table::verdicts(&mut out, verdicts, &theme).expect("memory");
    let text = String::from_utf8(out).expect("the drawing is text");
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(control), "control characters reach the terminal: {text:?}");

    let nothing = SpanContext::default();
    let context = extraction.context().unwrap_or(&nothing);
    let incoming = Incoming {
        trace_id: context.trace_id,
        parent_id: extraction.context().map(|context| context.span_id),
        priority: extraction.priority().map(|priority| priority.0),
        sampled: context.sampled(),
        random: context.random,
        ot: context.tracestate.get("ot"),
        decision_maker: context.trace_tags.get("_dd.p.dm"),
        ksr: context.trace_tags.get("_dd.p.ksr"),
    };
    let rate = Rate::new(0.25).expect("a rate");
    let sampling = sampling::explain(&incoming, rate, None);
    let _ = sampling::disagreements(&sampling);
    let ids = extraction.context().map(|context| (context.trace_id, Some(context.span_id).filter(|id| id.0 != 0)));
    let answer = Answer {
        headers: set,
        extraction: Some(extraction),
        found,
        injected: Some(sent),
        ids,
        sampling: Some(&sampling),
        verdicts,
        redact: true,
    };
    let _ = document(&answer).to_string();
}
