//! Propagation headers: what they carry, what is wrong with them, and what a child would send on.
//!
//! [`extract`] runs the wanted styles over a header set, joins their contexts into one and reports every fault with
//! its place; [`inject`] writes a context in any style that is written. Each header family is a file of its own, with
//! reading and writing side by side.
//!
//! ```
//! use spanglass::context::PropagationStyle;
//! use spanglass::diagnostic::Diagnostics;
//! use spanglass::http::Headers;
//! use spanglass::id::{SpanId, TraceId};
//! use spanglass::propagation::{ExtractOptions, Extraction, InjectOptions, extract, inject};
//!
//! let mut headers = Headers::default();
//! headers.push("traceparent", "00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01");
//! headers.push("tracestate", "dd=s:2;o:rum,acme=1");
//!
//! // One extraction is filled again and again: a service that handles many requests allocates nothing for it.
//! let (mut extraction, mut found) = (Extraction::default(), Diagnostics::default());
//! extract(&headers, &ExtractOptions::default(), &mut extraction, &mut found);
//! let context = extraction.context().expect("a trace to continue");
//! assert_eq!(context.origin.as_deref(), Some("rum"));
//! assert!(found.is_empty());
//!
//! let child = extraction.child(SpanId(7), TraceId(1));
//! let options = InjectOptions { styles: vec![PropagationStyle::TraceContext], ..InjectOptions::default() };
//! let sent = inject(&child, extraction.baggage(), &options, &mut found).headers;
//! assert_eq!(sent.get("tracestate"), Some("dd=s:2;p:0000000000000007;o:rum,acme=1"));
//! ```

mod b3;
mod baggage;
mod carrier;
pub mod codes;
mod compose;
mod datadog;
mod dd;
mod gcp;
mod jaeger;
mod number;
mod ottrace;
pub mod pasted;
mod place;
mod plain;
mod sw8;
mod tags;
mod traceparent;
mod tracestate;
pub mod verdict;
mod xray;

pub use carrier::{HeaderStatus, HeaderUse};
pub use plain::plain_style;
pub use traceparent::plain_traceparent;

use crate::context::{Baggage, ContextLink, PropagationStyle, SamplingPriority, SpanContext, Tracestate};
use crate::diagnostic::{Diagnostic, Diagnostics, TextScope};
use crate::http::Headers;
use crate::id::{SpanId, TraceId};
use carrier::Carrier;
use compose::{Seen, Wanted, join, link, report_ignored, report_not_enabled, report_other_trace, report_restart};

/// What is done with a context that comes in (`DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Behavior {
    /// The trace goes on.
    #[default]
    Continue,
    /// A new trace begins, with a link to the old one. Baggage is kept.
    Restart,
    /// Nothing is read.
    Ignore,
}

impl Behavior {
    /// Every behaviour.
    pub const ALL: [Behavior; 3] = [Behavior::Continue, Behavior::Restart, Behavior::Ignore];

    /// The name used in configuration and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Behavior::Continue => "continue",
            Behavior::Restart => "restart",
            Behavior::Ignore => "ignore",
        }
    }

    /// The behaviour of that name.
    pub fn from_name(name: &str) -> Option<Behavior> {
        Behavior::ALL.into_iter().find(|behavior| behavior.name().eq_ignore_ascii_case(name))
    }
}

/// How headers are read.
#[derive(Clone, Debug, Default)]
pub struct ExtractOptions {
    /// The styles in the order in which they are tried. Empty: every style of which a header is present, in the order
    /// of [`PropagationStyle::ALL`].
    pub styles: Vec<PropagationStyle>,
    /// Stop after the first style that yields a context. Baggage is read all the same.
    pub first_only: bool,
    /// What is done with the context.
    pub behavior: Behavior,
    /// Discard a whole tracestate that has an invalid member or more than 32.
    pub w3c_strict: bool,
    /// Unix seconds, for the hint that a time inside a trace id lies ahead; without it that is not judged.
    pub now: Option<u64>,
}

/// The styles of a comma-separated list such as that of `DD_TRACE_PROPAGATION_STYLE_EXTRACT`, in order. Names that are
/// no style are reported and left out.
pub fn parse_styles(list: &str, scope: &mut TextScope<'_>) -> Vec<PropagationStyle> {
    let mut styles = Vec::new();
    for (start, part) in carrier::split(list, b',') {
        let (blanks, name) = carrier::without_blanks(part);
        match PropagationStyle::from_name(name) {
            Some(style) => styles.push(style),
            None if name.is_empty() => {}
            None => {
                let all: Vec<&str> = PropagationStyle::ALL.iter().map(|style| style.name()).collect();
                let message = format!("{} is no propagation style", carrier::shown(name));
                let help = match name.to_ascii_lowercase().as_str() {
                    "b3 single header" | "b3single" => "the single header is `b3`".to_owned(),
                    "w3c" | "traceparent" | "trace_context" => "W3C trace context is `tracecontext`".to_owned(),
                    "x-ray" | "aws" => "the AWS header is `xray`".to_owned(),
                    _ => format!("styles are {}", all.join(", ")),
                };
                let at = start + blanks;
                scope.take(Diagnostic::new(codes::STYLE_UNKNOWN, message).help(help), at..at + name.len());
            }
        }
    }
    styles
}

/// What one style of a header set yielded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Yield {
    /// No context.
    #[default]
    Nothing,
    /// A sampling priority without ids.
    Decision,
    /// A context.
    Context,
}

/// What a header set says. Filled by [`extract`], which empties it first and keeps its memory.
#[derive(Clone, Debug, Default)]
pub struct Extraction {
    found: bool,
    style: Option<PropagationStyle>,
    context: SpanContext,
    baggage: Baggage,
    links: Vec<ContextLink>,
    headers: Vec<HeaderUse>,
    /// The styles that were run; beyond `run` there is memory for more.
    seen: Vec<Seen>,
    run: usize,
}

impl Extraction {
    /// Whether an incoming trace is continued.
    pub fn found(&self) -> bool {
        self.found
    }

    /// The context that is continued: the primary style's, joined with what the W3C headers of the same trace say.
    pub fn context(&self) -> Option<&SpanContext> {
        self.found.then_some(&self.context)
    }

    /// The style that supplied the identity of the trace.
    pub fn style(&self) -> Option<PropagationStyle> {
        self.style
    }

    /// The sampling decision, also one that came without ids.
    pub fn priority(&self) -> Option<SamplingPriority> {
        self.context.priority
    }

    /// Baggage, decoded.
    pub fn baggage(&self) -> &Baggage {
        &self.baggage
    }

    /// Contexts that were seen and are not continued.
    pub fn links(&self) -> &[ContextLink] {
        &self.links
    }

    /// What became of each header, in the order of the set.
    pub fn headers(&self) -> &[HeaderUse] {
        &self.headers
    }

    /// The contexts that single styles yielded, before they were joined.
    pub fn contexts(&self) -> impl Iterator<Item = (PropagationStyle, &SpanContext)> {
        let run = self.seen.get(..self.run).unwrap_or_default();
        run.iter().filter(|seen| seen.yielded == Yield::Context).map(|seen| (seen.style, &seen.context))
    }

    /// The context of a local span: a child of what was extracted, or the root of the trace `new_trace_id` when nothing
    /// is continued. Of a decision without ids the new trace takes the priority.
    pub fn child(&self, span_id: SpanId, new_trace_id: TraceId) -> SpanContext {
        let mut context = SpanContext::default();
        if self.found {
            context.copy_from(&self.context);
        } else {
            context.trace_id = new_trace_id;
            context.priority = self.context.priority;
        }
        context.span_id = span_id;
        context
    }

    fn clear(&mut self) {
        self.found = false;
        self.style = None;
        self.context.clear();
        self.baggage.clear();
        self.links.clear();
        self.headers.clear();
        self.run = 0;
    }
}

/// Reads a header set. `into` is emptied and filled; every fault goes to `out`, with the byte range in the value as
/// given. Where a name stands in several fields, a finding's line is the number of the field in the set, from 1.
pub fn extract(headers: &Headers, options: &ExtractOptions, into: &mut Extraction, out: &mut Diagnostics) {
    extract_fields(&headers.iter().collect::<pasted::Fields>(), options, into, out);
}

/// [`extract`] from names and values that stand somewhere else than in [`Headers`]: nothing is copied.
pub fn extract_fields(fields: &[(&str, &str)], options: &ExtractOptions, into: &mut Extraction, out: &mut Diagnostics) {
    into.clear();
    let mut carrier = Carrier::new(fields, &mut into.headers, out);
    let wanted = Wanted::of(&options.styles, &carrier);
    if !wanted.only_none() {
        report_not_enabled(&mut carrier, &wanted);
    }
    if options.behavior == Behavior::Ignore {
        report_ignored(&mut carrier);
        return;
    }
    if wanted.has(PropagationStyle::None) && !wanted.only_none() {
        carrier.fault_overall(codes::STYLE_NONE_IGNORED, || {
            ("the style none stands beside others and is skipped".into(), "remove none from the list".into())
        });
    }
    let mut context_found = false;
    for style in wanted.iter() {
        if style == PropagationStyle::Baggage {
            baggage::extract(&mut carrier, &mut into.baggage);
            continue;
        }
        if context_found && options.first_only {
            continue;
        }
        if into.seen.len() == into.run {
            into.seen.push(Seen { style, yielded: Yield::Nothing, context: SpanContext::default() });
        }
        let Some(seen) = into.seen.get_mut(into.run) else { break };
        into.run += 1;
        seen.style = style;
        seen.context.clear();
        seen.yielded = read(style, options, &mut carrier, &mut seen.context);
        if seen.yielded == Yield::Context {
            context_found = true;
            traceparent::report_id(&mut carrier, style, seen.context.trace_id, options.now);
        }
    }
    let Some(run) = into.seen.get(..into.run) else { return };
    let Some(primary) = run.iter().position(|seen| seen.yielded == Yield::Context) else {
        if options.behavior == Behavior::Continue
            && let Some(seen) = run.iter().find(|seen| seen.yielded == Yield::Decision)
        {
            into.context.priority = seen.context.priority;
            carrier.mark_used(seen.style);
        }
        return;
    };
    let style = run[primary].style;
    into.context.copy_from(&run[primary].context);
    carrier.mark_used(style);
    let datadog = run.iter().find(|seen| seen.style == PropagationStyle::Datadog && seen.yielded == Yield::Context);
    for later in run.iter().skip(primary + 1).filter(|seen| seen.yielded == Yield::Context) {
        if later.context.trace_id == into.context.trace_id {
            join(&mut carrier, (style, &mut into.context), later, datadog);
        } else {
            report_other_trace(&mut carrier, (style, &into.context), later);
            into.links.extend(link(later.style, &later.context, "terminated_context"));
            carrier.mark_used(later.style);
        }
    }
    if options.behavior == Behavior::Restart {
        into.links.clear();
        into.links.extend(link(style, &into.context, "propagation_behavior_extract"));
        report_restart(&mut carrier, style, &into.context);
        into.context.clear();
    } else {
        into.found = true;
        into.style = Some(style);
    }
}

/// Runs one style.
fn read(style: PropagationStyle, options: &ExtractOptions, carrier: &mut Carrier, context: &mut SpanContext) -> Yield {
    match style {
        PropagationStyle::Datadog => datadog::extract(carrier, context),
        PropagationStyle::TraceContext => traceparent::extract(carrier, context, options.w3c_strict),
        PropagationStyle::B3Multi => b3::extract_multi(carrier, context),
        PropagationStyle::B3 => b3::extract_single(carrier, context),
        PropagationStyle::Jaeger => jaeger::extract(carrier, context),
        PropagationStyle::XRay => xray::extract(carrier, context),
        PropagationStyle::Gcp => gcp::extract(carrier, context),
        PropagationStyle::OtTrace => ottrace::extract(carrier, context),
        PropagationStyle::Sw8 => sw8::extract(carrier),
        PropagationStyle::Baggage | PropagationStyle::None => Yield::Nothing,
    }
}

/// How a context is written.
#[derive(Clone, Debug)]
pub struct InjectOptions {
    /// The styles in the order in which they are written. xray, gcp, ottrace, sw8 and none write nothing.
    pub styles: Vec<PropagationStyle>,
    /// Most bytes of x-datadog-tags (`DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH`); 0 turns the header off.
    pub tags_limit: usize,
    /// Most bytes of tracestate.
    pub tracestate_limit: Option<usize>,
}

impl Default for InjectOptions {
    fn default() -> Self {
        InjectOptions { styles: Vec::new(), tags_limit: tags::LIMIT, tracestate_limit: None }
    }
}

/// What is sent on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Injected {
    /// The headers, names in lower case.
    pub headers: Headers,
    /// For the span tag `_dd.propagation_error`: `inject_max_size`, `encoding_error` or `disabled`.
    pub propagation_error: Option<&'static str>,
}

/// Writes the context of a local span ([`Extraction::child`]) and baggage into headers.
pub fn inject(context: &SpanContext, baggage: &Baggage, options: &InjectOptions, out: &mut Diagnostics) -> Injected {
    let mut injected = Injected::default();
    inject_into(context, baggage, options, &mut injected, out);
    injected
}

/// [`inject`] into what was injected before: it is emptied first and keeps its memory.
pub fn inject_into(
    context: &SpanContext,
    baggage: &Baggage,
    options: &InjectOptions,
    injected: &mut Injected,
    out: &mut Diagnostics,
) {
    injected.headers.clear();
    injected.propagation_error = None;
    let valid = context.trace_id != TraceId(0) && context.span_id != SpanId(0);
    if !valid && options.styles.iter().any(|style| !matches!(style, PropagationStyle::Baggage | PropagationStyle::None))
    {
        let (trace, span) = (context.trace_id, context.span_id);
        let message = format!("trace id {trace} with span id {span} cannot be sent");
        out.report(
            Diagnostic::new(codes::INJECT_INVALID_CONTEXT, message)
                .help("give a trace id and a span id other than zero"),
        );
    }
    for style in &options.styles {
        let headers = &mut injected.headers;
        match style {
            PropagationStyle::Baggage => baggage::inject(baggage, headers, out),
            _ if !valid => {}
            PropagationStyle::Datadog => {
                if let Some(error) = datadog::inject(context, options.tags_limit, headers, out) {
                    injected.propagation_error = Some(error);
                }
            }
            PropagationStyle::TraceContext => {
                traceparent::inject(context, headers);
                tracestate::inject(context, options.tracestate_limit, headers, out);
            }
            PropagationStyle::B3Multi => b3::inject_multi(context, headers),
            PropagationStyle::B3 => b3::inject_single(context, headers),
            PropagationStyle::Jaeger => jaeger::inject(context, headers),
            PropagationStyle::XRay
            | PropagationStyle::Gcp
            | PropagationStyle::OtTrace
            | PropagationStyle::Sw8
            | PropagationStyle::None => {}
        }
    }
}

/// The fields of a tracestate's `dd` member that have no known meaning, as received; they are sent on.
pub fn unknown_dd_fields(tracestate: &Tracestate) -> impl Iterator<Item = (&str, &str)> {
    dd::unknown_fields(tracestate.get("dd").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Place;
    use std::ops::Range;

    pub(super) fn headers(fields: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in fields {
            headers.push(*name, *value);
        }
        headers
    }

    fn extracted(fields: &[(&str, &str)], styles: &[PropagationStyle]) -> (Extraction, Diagnostics) {
        let (mut extraction, mut out) = (Extraction::default(), Diagnostics::default());
        let options = ExtractOptions { styles: styles.to_vec(), ..ExtractOptions::default() };
        extract(&headers(fields), &options, &mut extraction, &mut out);
        (extraction, out)
    }

    /// The context of a header set.
    pub(super) fn context_of(fields: &[(&str, &str)], styles: &[PropagationStyle]) -> Option<SpanContext> {
        extracted(fields, styles).0.context().cloned()
    }

    /// Findings of a header set: code, range in the value as given, help.
    pub(super) fn codes_of(
        fields: &[(&str, &str)],
        styles: &[PropagationStyle],
    ) -> Vec<(&'static str, Range<usize>, Option<String>)> {
        let (_, out) = extracted(fields, styles);
        out.iter()
            .map(|found| {
                let range = match found.place() {
                    Some(Place::Text { range, .. }) => range.clone(),
                    _ => 0..0,
                };
                (found.code().id(), range, found.help_text().map(str::to_owned))
            })
            .collect()
    }

    /// The codes of the findings of a header set.
    pub(super) fn only_codes(fields: &[(&str, &str)], styles: &[PropagationStyle]) -> Vec<&'static str> {
        codes_of(fields, styles).into_iter().map(|(code, ..)| code).collect()
    }

    /// What one style writes, and the codes of what was found on the way.
    pub(super) fn injected(context: &SpanContext, style: PropagationStyle) -> (Headers, Vec<&'static str>) {
        let options = InjectOptions { styles: vec![style], ..InjectOptions::default() };
        let mut out = Diagnostics::default();
        let headers = inject(context, &Baggage::default(), &options, &mut out).headers;
        (headers, out.iter().map(|found| found.code().id()).collect())
    }

    use PropagationStyle::{B3, Datadog, None as NoStyle, TraceContext};

    const HIGH: &str = "_dd.p.tid=67f3a2b400000000";
    const W3C: (&str, &str) = ("traceparent", "00-67f3a2b400000000c0ffee1234abcd01-5eed5eed5eed0001-01");

    /// The context of [`W3C`] in Datadog's headers, with another parent.
    fn datadog() -> [(&'static str, &'static str); 4] {
        [
            ("x-datadog-trace-id", "13907095936303877377"),
            ("x-datadog-parent-id", "42"),
            ("x-datadog-sampling-priority", "1"),
            ("x-datadog-tags", HIGH),
        ]
    }

    fn statuses(extraction: &Extraction) -> Vec<&'static str> {
        extraction.headers().iter().map(|header| header.status.word()).collect()
    }

    #[test]
    fn names_of_styles_are_read_with_their_faults() {
        let mut out = Diagnostics::default();
        let styles = parse_styles("Datadog, w3c,,b3 ", &mut out.text(crate::diagnostic::Source::Argument("--extract")));
        assert_eq!(styles, [Datadog, B3]);
        let found: Vec<String> = out.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["error[style-unknown]: \"w3c\" is no propagation style (--extract, byte 9)"]);
    }

    #[test]
    fn the_parent_is_remembered_wherever_datadog_stands() {
        let mut fields = datadog().to_vec();
        fields.push(W3C);
        fields.push(("b3", "67f3a2b400000000c0ffee1234abcd01-0000000000000007-1"));
        for styles in [&[B3, Datadog, TraceContext][..], &[B3, TraceContext, Datadog]] {
            let context = context_of(&fields, styles).expect("a context");
            assert_eq!(context.span_id, SpanId(0x5eed_5eed_5eed_0001), "{styles:?}");
            assert_eq!(context.last_datadog_parent.as_deref(), Some("000000000000002a"), "{styles:?}");
        }
        // Without a Datadog context of the trace there is nothing to remember.
        let context = context_of(&fields, &[B3, TraceContext]).expect("a context");
        assert_eq!(context.last_datadog_parent.as_deref(), None);
    }

    #[test]
    fn a_later_context_supplies_no_decision() {
        let mut fields = datadog().to_vec();
        fields.remove(2);
        fields.push(W3C);
        fields.push(("tracestate", "dd=s:2;o:rum;t.dm:-4;x:1"));
        let context = context_of(&fields, &[Datadog, TraceContext]).expect("a context");
        assert_eq!((context.priority, context.origin.as_deref()), (None, None));
        assert!(context.trace_tags.is_empty());
        assert_eq!((context.random, unknown_dd_fields(&context.tracestate).next()), (Some(false), Some(("x", "1"))));
    }

    #[test]
    fn single_styles_can_be_looked_at() {
        let mut fields = datadog().to_vec();
        fields.push(W3C);
        let (extraction, _) = extracted(&fields, &[Datadog, TraceContext]);
        let parents: Vec<_> = extraction.contexts().map(|(style, context)| (style, context.span_id.0)).collect();
        assert_eq!(parents, [(Datadog, 42), (TraceContext, 0x5eed_5eed_5eed_0001)]);
    }

    #[test]
    fn a_zero_parent_makes_no_link() {
        let fields = [W3C, ("b3", "00000000000000000000000000000abc-0000000000000000-1")];
        let (extraction, out) = extracted(&fields, &[TraceContext, B3]);
        assert!(extraction.links().is_empty());
        assert!(out.iter().any(|found| found.code() == codes::TRACE_ID_MISMATCH));
        assert_eq!(statuses(&extraction), ["used", "used"]);
    }

    #[test]
    fn headers_say_what_became_of_them() {
        let fields = [
            ("accept", "*/*"),
            ("x-datadog-trace-id", "junk"),
            ("x-datadog-parent-id", "42"),
            W3C,
            ("traceresponse", "x"),
            ("b3", "0"),
            ("X-TraceParent", "x"),
        ];
        let (extraction, _) = extracted(&fields, &[]);
        assert_eq!(statuses(&extraction), ["unknown", "invalid", "unused", "used", "unused", "unused", "unused"]);
        assert_eq!(extraction.headers()[6].style, Some(TraceContext));
        assert_eq!(extraction.headers()[0].style, None);
    }

    #[test]
    fn lists_of_styles_have_their_oddities() {
        let fields = datadog();
        assert!(only_codes(&fields, &[NoStyle, NoStyle]).is_empty());
        assert_eq!(only_codes(&fields, &[Datadog, Datadog]), [""; 0]);
        assert_eq!(only_codes(&fields, &[NoStyle, B3]), ["style-not-enabled", "style-none-ignored"]);
    }

    #[test]
    fn a_restart_forgets_everything_but_one_link() {
        let fields = [("b3", "d"), ("x-b3-traceid", "abc"), ("x-b3-spanid", "0")];
        for (styles, links, codes) in [
            // A decision that came from outside does not reach the new trace.
            (&[B3][..], 0, &["style-not-enabled", "b3-sampling-only"][..]),
            (
                &[PropagationStyle::B3Multi],
                0,
                &[
                    "style-not-enabled",
                    "b3-id-nonstandard-length",
                    "b3-id-nonstandard-length",
                    "b3-span-id-zero",
                    "sampling-priority-absent",
                    "trace-id-64bit",
                    "behavior-restart",
                ],
            ),
        ] {
            let options =
                ExtractOptions { styles: styles.to_vec(), behavior: Behavior::Restart, ..ExtractOptions::default() };
            let (mut extraction, mut out) = (Extraction::default(), Diagnostics::default());
            extract(&headers(&fields), &options, &mut extraction, &mut out);
            assert_eq!((extraction.found(), extraction.priority(), extraction.links().len()), (false, None, links));
            assert_eq!(out.iter().map(|found| found.code().id()).collect::<Vec<_>>(), codes);
        }
    }

    #[test]
    fn nothing_is_written_for_a_context_without_ids() {
        let styles = PropagationStyle::ALL.to_vec();
        let baggage: Baggage = [("a", "1")].into_iter().collect();
        let mut out = Diagnostics::default();
        let options = InjectOptions { styles, ..InjectOptions::default() };
        let injected = inject(&SpanContext::default(), &baggage, &options, &mut out);
        assert_eq!(injected.headers.iter().collect::<Vec<_>>(), [("baggage", "a=1")]);
        assert_eq!(out.iter().map(|found| found.code()).collect::<Vec<_>>(), [codes::INJECT_INVALID_CONTEXT]);
    }
}
