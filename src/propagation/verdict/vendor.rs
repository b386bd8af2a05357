//! Headers that only one library reads: `sentry-trace: {trace}-{span}-{0 or 1}` (sentry-python) and
//! `X-Amzn-Trace-Id: Root=1-{8}-{24};Parent={16};Sampled=1` (aws-xray-python).

use super::causes::Causes;
use super::delivery::Delivered;
use super::found::{Found, Parent, Read};
use super::grammar::{hex, is_hex};
use super::number::Trim;

/// The context of `sentry-trace`. Every part is optional; an all-zero trace id is taken over.
pub(super) fn read_sentry(headers: &Delivered, causes: &mut Causes) -> Read {
    let Some(value) = headers.value("sentry-trace") else { return Read::Nothing };
    headers.note_repeated("sentry-trace", false, causes);
    let mut text: &str = &value;
    if text.contains(',') {
        // Lines that a server joined: the first that is not blank counts.
        text = text.split(',').map(|item| Trim::Python.apply(item)).find(|item| !item.is_empty()).unwrap_or_default();
    }
    if text.is_empty() {
        return Read::Nothing;
    }
    if let Some(inner) = text.strip_prefix("00-").and_then(|rest| rest.strip_suffix("-00")) {
        text = inner;
    }
    let mut rest = Trim::BlankAndNewline.apply(text);
    let trace_id = take_id(&mut rest, 32);
    rest = rest.strip_prefix('-').unwrap_or(rest);
    let span = take_id(&mut rest, 16);
    rest = rest.strip_prefix('-').unwrap_or(rest);
    let priority = match rest {
        "0" => Some(0),
        "1" => Some(1),
        "" => None,
        _ => return Read::Nothing,
    };
    Read::Found(Found { trace_id, parent: span.map_or(Parent::Absent, Parent::of), priority, ..Found::default() })
}

/// Takes so many lower-case hex digits off the front.
fn take_id(rest: &mut &str, digits: usize) -> Option<u128> {
    let (id, after) = rest.split_at_checked(digits).filter(|(id, _)| is_hex(id, false))?;
    *rest = after;
    hex(id)
}

/// The context of `X-Amzn-Trace-Id`. Ids are taken over as they are.
pub(super) fn read_xray(headers: &Delivered, causes: &mut Causes) -> Read {
    let Some(value) = headers.value("x-amzn-trace-id").filter(|value| !value.is_empty()) else { return Read::Nothing };
    headers.note_repeated("x-amzn-trace-id", false, causes);
    let (mut root, mut parent, mut sampled) = (None, None, None);
    for item in Trim::Python.apply(&value).split(';') {
        let mut parts = item.split('=');
        let key = parts.next().unwrap_or_default();
        let value = parts.next();
        if key == "Self" {
            continue;
        }
        let Some(value) = value else {
            headers.note_repeated("x-amzn-trace-id", true, causes);
            causes.stops("xray-malformed-field");
            return Read::Nothing;
        };
        match key {
            "Root" => root = Some(value),
            "Parent" => parent = Some(value),
            "Sampled" => sampled = Some(value),
            // Keys are not trimmed, so a space after `;` hides the item.
            _ => {}
        }
    }
    if sampled.is_some_and(|sampled| !matches!(sampled, "0" | "1" | "?")) {
        causes.bends("xray-sampled-invalid");
    }
    let priority = match sampled {
        Some("0") => Some(0),
        Some("1") => Some(1),
        _ => None,
    };
    let root = root.filter(|root| !root.is_empty());
    let Some(root) = root.filter(|_| priority != Some(0)) else {
        // Not sampled: a dummy segment that has the zero id takes the place of the trace.
        causes.bends(if root.is_none() { "xray-root-missing" } else { "tracers-disagree" });
        return Read::Found(Found { priority, ..Found::default() });
    };
    let trace_id = root_id(root);
    if trace_id.is_none_or(|id| id == 0) {
        causes.bends("xray-root-malformed");
    }
    let parent = parent.unwrap_or_default();
    let blank = parent.bytes().all(|b| b == b'0');
    let span = Some(parent).filter(|parent| parent.len() == 16 && is_hex(parent, true)).and_then(hex);
    if parent.is_empty() {
        causes.bends("xray-parent-missing");
    } else if blank || span.is_none() {
        causes.bends("xray-parent-malformed");
    }
    Read::Found(Found {
        trace_id,
        raw_trace_id: trace_id.is_none().then(|| root.to_owned()),
        parent: if blank { Parent::Absent } else { span.map_or(Parent::Absent, Parent::of) },
        raw_parent_id: (span.is_none() && !blank).then(|| parent.to_owned()),
        priority,
        ..Found::default()
    })
}

/// `1-` 8 hex digits `-` 24 hex digits.
fn root_id(root: &str) -> Option<u128> {
    let (time, unique) = root.strip_prefix("1-")?.split_once('-')?;
    let shaped = time.len() == 8 && unique.len() == 24 && is_hex(time, true) && is_hex(unique, true);
    if shaped { Some(hex(time)? << 96 | hex(unique)?) } else { None }
}
