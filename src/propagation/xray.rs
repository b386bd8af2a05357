//! `X-Amzn-Trace-Id` of AWS X-Ray (AWS X-Ray developer guide, "Tracing header").
//!
//! ```text
//! Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1
//!      │ │        └ 24 hex digits          └ 16 hex digits         └ 0, 1, or ? for "you decide"
//!      │ └ Unix seconds, 8 hex digits
//!      └ version
//! ```
//! Items stand in any order; `Self`, `Lineage` and others are passed over.

use super::carrier::{Carrier, Name, Value, shown, split, without_blanks};
use super::place::report_open;
use super::{Yield, codes, number};
use crate::context::{PropagationStyle, SamplingPriority, SpanContext};
use crate::id::{SpanId, TraceId};

/// Reads `x-amzn-trace-id`.
pub(super) fn extract(carrier: &mut Carrier, context: &mut SpanContext) -> Yield {
    let Some(value) = carrier.single(Name::XRay).given() else { return Yield::Nothing };
    let yielded = read(carrier, context, &value);
    if yielded == Yield::Nothing {
        carrier.reject(&value);
    }
    yielded
}

fn read(carrier: &mut Carrier, context: &mut SpanContext, value: &Value<'_>) -> Yield {
    let text = value.text;
    let (mut root, mut parent, mut sampled) = (None, None, None);
    for (start, item) in split(text, b';') {
        let (blanks, item) = without_blanks(item);
        let start = start + blanks;
        let Some((key, given)) = item.split_once('=') else {
            carrier.fault(codes::XRAY_MALFORMED_FIELD, value, start..start + item.len(), || {
                let message = format!("item {} has no `=`; OpenTelemetry Python then rejects the header", shown(item));
                (message, "items are key=value, joined by one semicolon".into())
            });
            continue;
        };
        let place = Some((start + key.len() + 1, given));
        match key {
            "Root" => root = place,
            "Parent" => parent = place,
            "Sampled" => sampled = place,
            _ => {}
        }
    }
    let trace_id = match root {
        Some((start, given)) => {
            let id = root_id(given);
            if id.is_none() {
                carrier.fault(codes::XRAY_ROOT_MALFORMED, value, start..start + given.len(), || {
                    let message = format!("Root {} is not 1-<8 hex digits>-<24 hex digits>, or zero", shown(given));
                    let help = match number::hex(given).filter(|(id, _)| given.len() == 32 && *id != 0) {
                        Some((id, _)) => format!("Root=1-{:08x}-{:024x}", id >> 96, id & (u128::MAX >> 32)),
                        None => "write Root=1-<8 hex digits>-<24 hex digits>".into(),
                    };
                    (message, help)
                });
            }
            id
        }
        None => {
            carrier.fault(codes::XRAY_ROOT_MISSING, value, 0..text.len(), || {
                (format!("{} has no Root", shown(text)), "write Root=1-<8 hex digits>-<24 hex digits>".into())
            });
            None
        }
    };
    let span_id = match parent {
        Some((start, given)) => {
            let id = number::hex64(given).filter(|(id, _)| given.len() == 16 && *id != 0).map(|(id, _)| id);
            if id.is_none() {
                carrier.fault(codes::XRAY_PARENT_MALFORMED, value, start..start + given.len(), || {
                    let message = format!("Parent {} is zero or not 16 hex digits", shown(given));
                    (message, "write Parent=<16 hex digits of the active span>".into())
                });
            }
            id
        }
        None => {
            carrier.fault(codes::XRAY_PARENT_MISSING, value, 0..text.len(), || {
                let message = format!("{} has no Parent: a load balancer began this trace", shown(text));
                (message, "nothing at the edge; behind an instrumented service, add Parent=<16 hex digits>".into())
            });
            None
        }
    };
    let priority = match sampled {
        Some((_, "1")) => Some(SamplingPriority(1)),
        Some((_, "0")) => Some(SamplingPriority(0)),
        Some((_, "?")) | None => None,
        Some((start, given)) => {
            carrier.fault(codes::XRAY_SAMPLED_INVALID, value, start..start + given.len(), || {
                (format!("Sampled {} is none of 0, 1 and ?; there is no decision", shown(given)), "Sampled=1".into())
            });
            None
        }
    };
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else { return Yield::Nothing };
    if priority.is_none() {
        report_open(carrier, PropagationStyle::XRay, "Sampled=1");
    }
    context.trace_id = TraceId(trace_id);
    context.span_id = SpanId(span_id);
    context.priority = priority;
    Yield::Context
}

/// `1-<8 hex digits>-<24 hex digits>`, not zero.
fn root_id(text: &str) -> Option<u128> {
    let (time, unique) = text.strip_prefix("1-")?.split_once('-')?;
    if time.len() != 8 || unique.len() != 24 {
        return None;
    }
    let id = (number::hex(time)?.0 << 96) | number::hex(unique)?.0;
    (id != 0).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{context_of, only_codes};
    use crate::context::PropagationStyle::XRay;

    const ROOT: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";
    const PARENT: &str = "Parent=53995c3f42cd8ad8";

    #[test]
    fn items_stand_in_any_order() {
        for (value, priority, codes) in [
            (format!("Sampled=0; {PARENT} ;Self=1-x;{ROOT}"), Some(0), &[][..]),
            (format!("{ROOT};{PARENT};Sampled=?"), None, &["sampling-priority-absent"]),
            (format!("{ROOT};{PARENT}"), None, &["sampling-priority-absent"]),
            (format!("{ROOT};{PARENT};Sampled=yes"), None, &["xray-sampled-invalid", "sampling-priority-absent"]),
            (format!("{ROOT};{PARENT};Sampled=1;"), Some(1), &["xray-malformed-field"]),
            (format!("{};{PARENT};x;Sampled=1", ROOT.replace("bd", "BD")), Some(1), &["xray-malformed-field"]),
        ] {
            let headers = [("x-amzn-trace-id", value.as_str())];
            let context = context_of(&headers, &[XRay]).expect("a context");
            assert_eq!(context.trace_id.to_string(), "5759e988bd862e3fe1be46a994272793");
            assert_eq!(
                (context.priority.map(|p| p.0), only_codes(&headers, &[XRay])),
                (priority, codes.to_vec()),
                "{value}"
            );
        }
    }

    #[test]
    fn without_ids_there_is_no_context() {
        for (value, codes) in [
            (PARENT, &["xray-root-missing"][..]),
            (ROOT, &["xray-parent-missing"]),
            ("", &["xray-malformed-field", "xray-root-missing", "xray-parent-missing"]),
            ("root=1;parent=2", &["xray-root-missing", "xray-parent-missing"]),
            (
                "Root=2-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000",
                &["xray-root-malformed", "xray-parent-malformed"],
            ),
            ("Root=1-00000000-000000000000000000000000;Parent=x", &["xray-root-malformed", "xray-parent-malformed"]),
            ("Root=1-5759e98-8bd862e3fe1be46a994272793;Parent=1", &["xray-root-malformed", "xray-parent-malformed"]),
        ] {
            let headers = [("x-amzn-trace-id", value)];
            assert_eq!(
                (context_of(&headers, &[XRay]), only_codes(&headers, &[XRay])),
                (None, codes.to_vec()),
                "{value}"
            );
        }
    }
}
