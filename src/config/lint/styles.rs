//! TC4xx: lists of propagation styles.

use super::about_setting;
use crate::config::codes::lint;
use crate::config::datadog::{Settled, StyleItem, style_name};
use crate::config::{Finding, Origin, Setting, Target};
use crate::context::PropagationStyle as Style;

const TRACES: [Style; 3] = [Style::Datadog, Style::TraceContext, Style::B3Multi];

pub(super) fn check(_target: &Target, settled: &Settled, out: &mut Vec<Finding>) {
    let (extraction, injection) = (&settled.extraction, &settled.injection);
    let known = [
        Some(("extraction_styles", extraction)).filter(|(key, _)| settled.knows(key)),
        Some(("injection_styles", injection)).filter(|(key, _)| settled.knows(key)),
    ];
    // A variable that sets both lists is looked at once.
    let mut lists: Vec<(&str, &Setting<Vec<StyleItem>>)> = known.into_iter().flatten().collect();
    lists.dedup_by(|a, b| a.1.from == b.1.from && a.1.origin == b.1.origin);
    let (items, bytes) = (&settled.config.baggage_max_items, &settled.config.baggage_max_bytes);
    let limits_known = settled.knows("baggage.max_items") && settled.knows("baggage.max_bytes");
    let limit = match (items.value, bytes.value) {
        _ if !limits_known => None,
        (0, _) => Some(items),
        (_, 0..3) => Some(bytes),
        _ => None,
    };
    for (key, list) in &lists {
        twice(key, list, out);
        none_combined(key, list, out);
        only_baggage(key, list, limit.is_some(), out);
        b3(list, out);
        no_tracecontext(key, list, out);
    }
    if known.iter().all(Option::is_some) {
        disjoint(extraction, injection, out);
    }
    if let Some(limit) = limit {
        baggage_off(limit, &lists, out);
    }
}

fn has(list: &[StyleItem], style: Style) -> bool {
    list.iter().any(|item| item.style == style)
}

fn names(list: &[StyleItem]) -> String {
    list.iter().map(|item| style_name(item.style)).collect::<Vec<_>>().join(",")
}

/// Legal in code only: a variable is refused for it.
fn twice(key: &str, list: &Setting<Vec<StyleItem>>, out: &mut Vec<Finding>) {
    for (at, item) in list.value.iter().enumerate() {
        if has(&list.value[..at], item.style) {
            let message = format!("{} has the style {} twice", list.from, style_name(item.style));
            let finding = about_setting(key, list, lint::STYLE_TWICE, message);
            out.push(finding.at(item.place.clone()).help(format!("remove one {}", item.word)));
        }
    }
}

fn none_combined(key: &str, list: &Setting<Vec<StyleItem>>, out: &mut Vec<Finding>) {
    if has(&list.value, Style::None) && list.value.len() > 1 {
        let message = format!("{} has none beside others: the others stay in force", list.from);
        let place = list.value.iter().find(|item| item.style == Style::None).and_then(|item| item.place.clone());
        out.push(
            about_setting(key, list, lint::NONE_COMBINED, message).at(place).help("none alone, or only the others"),
        );
    }
}

fn only_baggage(key: &str, list: &Setting<Vec<StyleItem>>, off: bool, out: &mut Vec<Finding>) {
    if list.value.is_empty() || list.value.iter().any(|item| item.style != Style::Baggage) {
        return;
    }
    let (code, message) = match off {
        true => (
            lint::STYLES_EMPTIED,
            format!("{} lists baggage alone, and its limits switch baggage off: nothing is left", list.from),
        ),
        false => (lint::ONLY_BAGGAGE, format!("{} lists baggage alone: traces are not carried on", list.from)),
    };
    out.push(about_setting(key, list, code, message).help(format!("{}=datadog,tracecontext,baggage", list.from)));
}

fn b3(list: &Setting<Vec<StyleItem>>, out: &mut Vec<Finding>) {
    if let Some(item) = list.value.iter().find(|item| item.word.eq_ignore_ascii_case("b3")) {
        let message = format!(
            "{}: b3 means the x-b3-* headers for dd-trace-cpp, and the single b3 header for OpenTelemetry and ddtrace",
            list.from
        );
        let finding = Finding::new(lint::B3_IS_MULTI, &list.from, message).at(item.place.clone());
        out.push(finding.help("b3multi says the same everywhere").replacement("b3multi"));
    }
}

fn no_tracecontext(key: &str, list: &Setting<Vec<StyleItem>>, out: &mut Vec<Finding>) {
    if list.origin != Origin::Default && !has(&list.value, Style::TraceContext) {
        let message = format!("{} lacks tracecontext, the format of OpenTelemetry and of most gateways", list.from);
        out.push(about_setting(key, list, lint::TRACECONTEXT_MISSING, message).help("add tracecontext"));
    }
}

fn disjoint(extraction: &Setting<Vec<StyleItem>>, injection: &Setting<Vec<StyleItem>>, out: &mut Vec<Finding>) {
    let traces = |list: &Setting<Vec<StyleItem>>| {
        TRACES.into_iter().filter(|style| has(&list.value, *style)).collect::<Vec<_>>()
    };
    let (from, to) = (traces(extraction), traces(injection));
    if from.is_empty() || to.is_empty() || from.iter().any(|style| to.contains(style)) {
        return;
    }
    let message = format!(
        "extraction knows {} and injection writes {}: services with this configuration do not continue each other's traces",
        names(&extraction.value),
        names(&injection.value)
    );
    let (key, list) = match injection.origin {
        Origin::Default => ("extraction_styles", extraction),
        _ => ("injection_styles", injection),
    };
    let word = |style: &Style| style_name(*style).to_ascii_lowercase();
    let shared = from.first().map(word).unwrap_or_default();
    out.push(
        about_setting(key, list, lint::STYLES_DISJOINT, message).help(format!("add {shared} to the injected styles")),
    );
}

/// `limit` is the setting that switches baggage off.
fn baggage_off(limit: &Setting<u64>, lists: &[(&str, &Setting<Vec<StyleItem>>)], out: &mut Vec<Finding>) {
    if lists.iter().any(|(_, list)| has(&list.value, Style::Baggage)) {
        let message = format!("{}={} switches baggage off, although it is among the styles", limit.from, limit.value);
        let finding = about_setting("baggage", limit, lint::BAGGAGE_SWITCHED_OFF, message);
        out.push(finding.help(format!("unset {}, or take baggage out of the styles", limit.from)));
    }
    if let Some((_, list)) = lists.iter().find(|(_, list)| !has(&list.value, Style::Baggage)) {
        let message = format!(
            "{}={} takes baggage out of the styles, and {} has none: dd-trace-cpp 2.2.1 then writes outside the list and \
             may crash",
            limit.from, limit.value, list.from
        );
        let finding = about_setting("baggage", limit, lint::BAGGAGE_LIMITS_CRASH, message);
        out.push(finding.help(format!("unset {}; leaving baggage out of the styles is enough", limit.from)));
    }
}
