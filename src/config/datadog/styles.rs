//! Lists of propagation styles (config.md section 3.3): `datadog, tracecontext b3multi`.
//!
//! Five variables set two lists. For each direction the newer specific variable wins over the older one, that over the
//! generic one, that over code.

use super::code::{nearest, scalar_text};
use super::run::{Given, Run, Var, clipped, quoted};
use crate::config::codes::tracer;
use crate::config::document::Node;
use crate::config::secret::masked;
use crate::config::{Entry, Finding, Setting, effect, parse};
use crate::context::PropagationStyle as Style;
use crate::diagnostic::Place;
use std::ops::Range;

/// Both lists.
pub(super) const GENERIC: &str = "DD_TRACE_PROPAGATION_STYLE";
/// The older and the newer variable of extraction.
pub(super) const EXTRACT: [&str; 2] = ["DD_PROPAGATION_STYLE_EXTRACT", "DD_TRACE_PROPAGATION_STYLE_EXTRACT"];
/// The older and the newer variable of injection.
pub(super) const INJECT: [&str; 2] = ["DD_PROPAGATION_STYLE_INJECT", "DD_TRACE_PROPAGATION_STYLE_INJECT"];

/// Pairs of which the second wins, in the order in which the tracer looks at them.
const PAIRS: [[&str; 2]; 6] =
    [[GENERIC, EXTRACT[1]], [GENERIC, EXTRACT[0]], [GENERIC, INJECT[1]], [GENERIC, INJECT[0]], EXTRACT, INJECT];

pub(super) const DEFAULT: [Style; 3] = [Style::Datadog, Style::TraceContext, Style::Baggage];

/// The words that dd-trace-cpp knows, with what they mean.
const WORDS: [(&str, Style); 6] = [
    ("datadog", Style::Datadog),
    ("b3", Style::B3Multi),
    ("b3multi", Style::B3Multi),
    ("tracecontext", Style::TraceContext),
    ("baggage", Style::Baggage),
    ("none", Style::None),
];

/// The style that a word in any case stands for.
pub(super) fn style(word: &str) -> Option<Style> {
    WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|(_, style)| *style)
}

/// Its name in the finalized configuration.
pub fn name(style: Style) -> &'static str {
    match style {
        Style::Datadog => "Datadog",
        Style::B3Multi | Style::B3 => "B3",
        Style::TraceContext => "tracecontext",
        Style::Baggage => "baggage",
        Style::None => "none",
        other => other.name(),
    }
}

/// One item of a list, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// What it means.
    pub style: Style,
    /// As written.
    pub word: String,
    /// Where.
    pub place: Option<Place>,
}

/// The lists before baggage is taken out of them.
pub(super) struct Lists {
    pub extraction: Setting<Vec<Item>>,
    pub injection: Setting<Vec<Item>>,
}

/// Reads what is set and decides which list wins, in the order of the tracer.
pub(super) fn resolve(run: &mut Run<'_>) -> Lists {
    for [loser, winner] in PAIRS {
        if let (Some(loser), Some(winner)) = (run.entry(loser), run.entry(winner)) {
            run.logged.push(both_set(loser, winner));
        }
    }
    let generic = source(run, GENERIC);
    let extraction = direction(run, EXTRACT, &generic, "extraction_styles");
    let injection = direction(run, INJECT, &generic, "injection_styles");
    let extraction = extraction.settle(run, tracer::MISSING_SPAN_EXTRACTION_STYLE, "extraction");
    let injection = injection.settle(run, tracer::MISSING_SPAN_INJECTION_STYLE, "injection");
    Lists { extraction, injection }
}

/// What one variable or key gives.
#[derive(Clone)]
enum Source {
    Unset,
    /// It is set, and cannot be read or known.
    Lost {
        unresolved: bool,
    },
    Given(Given<Vec<Item>>),
}

fn source(run: &mut Run<'_>, name: &str) -> Source {
    match run.var(name) {
        Var::Unset => Source::Unset,
        Var::Unresolved => Source::Lost { unresolved: true },
        Var::Set(entry) => match items(entry) {
            Ok(items) => Source::Given(Given::env(entry, items)),
            Err(finding) => {
                run.fail(*finding);
                Source::Lost { unresolved: false }
            }
        },
    }
}

/// What the sources give for one direction, the winner first.
struct Direction {
    key: &'static str,
    sources: Vec<Source>,
}

fn direction(run: &mut Run<'_>, [older, newer]: [&str; 2], generic: &Source, key: &'static str) -> Direction {
    let mut sources = vec![source(run, newer)];
    // The tracer does not parse the older variable when the newer one is set; lenient mode needs it when that one fails.
    let needed = match &sources[0] {
        Source::Unset => true,
        Source::Lost { unresolved } => run.lenient && !unresolved,
        Source::Given(given) => run.lenient && given.value.is_empty(),
    };
    if needed {
        sources.push(source(run, older));
    } else if let Some(entry) = run.entry(older) {
        // Only to be shown as overridden.
        sources.push(Source::Given(Given::env(entry, Vec::new())));
    }
    sources.push(generic.clone());
    sources.push(match run.code.get(key) {
        None => Source::Unset,
        Some(node) => match code_items(key, node) {
            Ok(items) => Source::Given(Given::code(key, Some(node.place()), items, &scalar_text(node))),
            Err(finding) => {
                run.fail(*finding);
                Source::Lost { unresolved: false }
            }
        },
    });
    Direction { key, sources }
}

impl Direction {
    fn settle(self, run: &mut Run<'_>, empty: crate::diagnostic::Code, what: &str) -> Setting<Vec<Item>> {
        let default = DEFAULT.map(|style| Item { style, word: style.name().to_owned(), place: None }).to_vec();
        let mut sources = self.sources.into_iter();
        while let Some(source) = sources.next() {
            match source {
                Source::Unset => {}
                Source::Lost { unresolved } => {
                    if unresolved {
                        run.unresolved.insert(self.key);
                    }
                    if unresolved || !run.lenient {
                        run.unknown.insert(self.key);
                        return Setting::default_of(default);
                    }
                }
                Source::Given(given) if given.value.is_empty() => {
                    let message = format!("{} is an empty list: at least one {what} style is needed", given.from);
                    let finding = Finding::new(empty, &given.from, message).at(given.place.clone());
                    let finding = finding
                        .help(format!("unset it for the default, or {}=datadog,tracecontext,baggage", given.from));
                    run.fail(effect::of(finding, ""));
                    if !run.lenient {
                        run.unknown.insert(self.key);
                        return Setting::default_of(default);
                    }
                }
                Source::Given(Given { value, origin, from, place, .. }) => {
                    let lost = sources.filter_map(|source| match source {
                        Source::Given(given) => Some(given.shown),
                        _ => None,
                    });
                    return Setting { value, origin, from, place, overridden: lost.collect() };
                }
            }
        }
        Setting::default_of(default)
    }
}

/// The tracer logs it and goes on, also when both values are equal.
fn both_set(loser: &Entry, winner: &Entry) -> Finding {
    let message = format!(
        "{}={} and {}={} are both set; {} wins",
        loser.name,
        quoted(loser),
        winner.name,
        quoted(winner),
        winner.name
    );
    Finding::new(tracer::MULTIPLE_PROPAGATION_STYLE_ENVIRONMENT_VARIABLES, &loser.name, message)
        .at(loser.name_place.clone().or_else(|| loser.place_of(0..loser.value.len())))
        .overridden_by(&winner.name)
        .help(format!("remove {}, or set only {}", loser.name, winner.name))
}

/// The items of a variable; the first one that is unknown or stands twice refuses the list.
fn items(entry: &Entry) -> Result<Vec<Item>, Box<Finding>> {
    let value = entry.value.as_str();
    let mut found: Vec<Item> = Vec::new();
    for at in parse::list(value) {
        let word = value.get(at.clone()).unwrap_or_default();
        let fault = match style(word) {
            None => Some(tracer::UNKNOWN_PROPAGATION_STYLE),
            Some(style) if found.iter().any(|item| item.style == style) => Some(tracer::DUPLICATE_PROPAGATION_STYLE),
            Some(style) => {
                found.push(Item { style, word: word.to_owned(), place: entry.place_of(at.clone()) });
                None
            }
        };
        if let Some(code) = fault {
            let first = found.iter().find(|item| Some(item.style) == style(word)).map(|item| item.word.as_str());
            let (message, near) = refused(&entry.name, word, first, value);
            let finding = Finding::new(code, &entry.name, message).at(entry.place_of(narrowed(value, &at)));
            let finding = repaired(finding, entry, word, near);
            return Err(Box::new(effect::of(finding, value)));
        }
    }
    Ok(found)
}

/// An empty item has no bytes to underline: the comma beside it has.
fn narrowed(value: &str, at: &Range<usize>) -> Range<usize> {
    if !at.is_empty() {
        return at.clone();
    }
    match value.get(at.start..).and_then(|rest| rest.chars().next()) {
        Some(next) => at.start..at.start + next.len_utf8(),
        None => at.start.saturating_sub(1)..at.start,
    }
}

/// Message and suggestion for an item that refuses its list.
fn refused(source: &str, word: &str, first: Option<&str>, list: &str) -> (String, Option<&'static str>) {
    let list = clipped(&masked(source, list));
    if let Some(first) = first {
        let also =
            if first.eq_ignore_ascii_case(word) { String::new() } else { format!(", the same style as {first}") };
        return (format!("{source} has the style {word:?} twice{also}, in {list:?}"), None);
    }
    let what = match word {
        "" => "has an empty item".to_owned(),
        word => format!("has the unknown style {:?}", clipped(word)),
    };
    let supported = "supported are datadog, b3 (also b3multi), tracecontext, baggage and none";
    let single = match word.to_ascii_lowercase().as_str() {
        "b3single" | "b3-single" | "b3_single" => "; there is no style for the single b3 header",
        _ => "",
    };
    (format!("{source} {what} in {list:?}; {supported}{single}"), meant(word))
}

/// The known style that an unknown word probably means.
fn meant(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "" | "b3single" | "b3-single" | "b3_single" => None,
        "w3c" | "trace_context" | "trace-context" | "traceparent" => Some("tracecontext"),
        "dd" => Some("datadog"),
        word => nearest(word, WORDS.iter().map(|(known, _)| *known)),
    }
}

/// The list without the items that refuse it, or with what they were probably meant to be.
fn repaired(finding: Finding, entry: &Entry, word: &str, near: Option<&'static str>) -> Finding {
    let finding = match near {
        Some(near) if entry.verbatim => finding.suggest(near).replacement(near),
        Some(near) => finding.suggest(near),
        None if word.is_empty() && entry.verbatim => finding.replacement(""),
        None => finding,
    };
    let items = parse::list(&entry.value);
    let mut fixed: Vec<&str> = Vec::new();
    let mut seen: Vec<Style> = Vec::new();
    // A longer list is none that a person wrote.
    for at in items.into_iter().take(50) {
        let word = entry.value.get(at).unwrap_or_default();
        let known = if style(word).is_some() { Some(word) } else { meant(word) };
        if let Some((known, style)) = known.and_then(|word| Some((word, style(word)?)))
            && !seen.contains(&style)
        {
            seen.push(style);
            fixed.push(known);
        }
    }
    match fixed.is_empty() {
        true => finding.help(format!("{}=datadog,tracecontext,baggage", entry.name)),
        false => finding.help(format!("{}={}", entry.name, fixed.join(","))),
    }
}

/// The items of a key. Code may name a style twice.
fn code_items(key: &str, node: &Node) -> Result<Vec<Item>, Box<Finding>> {
    let mut found = Vec::new();
    for item in node.items() {
        let word = item.text().unwrap_or_default();
        match style(word) {
            Some(style) => found.push(Item { style, word: word.to_owned(), place: Some(item.place()) }),
            None => {
                let (message, near) = refused(key, word, None, &scalar_text(node));
                let finding = Finding::new(tracer::UNKNOWN_PROPAGATION_STYLE, key, message).at(Some(item.place()));
                let finding = match near {
                    Some(near) => finding.suggest(near).help(format!("did you mean {near}?")),
                    None => finding.help("one of datadog, b3, tracecontext, baggage, none"),
                };
                return Err(Box::new(finding));
            }
        }
    }
    Ok(found)
}
