//! `sw8` of Apache SkyWalking ("SkyWalking Cross Process Propagation Headers Protocol", version 3).
//!
//! ```text
//! 1-TRACEID-SEGMENTID-3-PARENT_SERVICE-PARENT_INSTANCE-PARENT_ENDPOINT-IPPORT
//! │ │       │         │ └ base64 of texts
//! │ │       │         └ span index in the segment
//! │ └ base64 └ base64
//! └ sample: 0 or 1
//! ```
//! Its ids are texts, not 128 and 64 bits, so nothing is extracted.

use super::carrier::{Carrier, Name, Value, shown, split};
use super::{Yield, codes};
use base64::Engine as _;

const FIELDS: [&str; 8] =
    ["sample", "trace id", "segment id", "span index", "service", "instance", "endpoint", "target address"];

/// Looks at `sw8`.
pub(super) fn extract(carrier: &mut Carrier) -> Yield {
    let Some(value) = carrier.single(Name::Sw8).given() else { return Yield::Nothing };
    match read(carrier, &value) {
        Some([trace, segment, index, service]) => {
            carrier.fault(codes::SW8_IDS_NOT_CONVERTIBLE, &value, 0..value.text.len(), || {
                let message =
                    format!("trace {trace:?}, span {index} of segment {segment:?} of {service:?}: texts, no numbers");
                (message, "send traceparent too, to be joined with Datadog or W3C traces".into())
            });
        }
        None => carrier.reject(&value),
    }
    Yield::Nothing
}

/// Trace id, segment id, span index and service, decoded.
fn read(carrier: &mut Carrier, value: &Value<'_>) -> Option<[String; 4]> {
    let text = value.text;
    let count = split(text, b'-').count();
    if count != FIELDS.len() {
        carrier.fault(codes::SW8_MALFORMED, value, 0..text.len(), || {
            let s = if count == 1 { "" } else { "s" };
            (format!("sw8 {} has {count} field{s}, not 8", shown(text)), "sw8 has 8 fields joined by `-`".into())
        });
        return None;
    }
    let mut fields: [String; 8] = Default::default();
    let mut sound = true;
    for (at, (start, field)) in split(text, b'-').enumerate() {
        let (Some(read), Some(name)) = (fields.get_mut(at), FIELDS.get(at)) else { break };
        let (fits, what) = match at {
            0 => (matches!(field, "0" | "1"), "0 or 1"),
            3 => (field.parse::<u32>().is_ok() && !field.starts_with('+'), "a number"),
            _ => {
                let decoded = base64::engine::general_purpose::STANDARD.decode(field).ok();
                *read = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
                (!read.is_empty(), "base64 of a text")
            }
        };
        if matches!(at, 0 | 3) {
            field.clone_into(read);
        }
        if !fits {
            sound = false;
            carrier.fault(codes::SW8_MALFORMED, value, start..start + field.len(), || {
                (format!("{name} {} of sw8 is not {what}", shown(field)), format!("{name} is {what}"))
            });
        }
    }
    let [_, trace, segment, index, service, ..] = fields;
    sound.then_some([trace, segment, index, service])
}

#[cfg(test)]
mod tests {
    use super::super::tests::codes_of;
    use crate::context::PropagationStyle::Sw8;

    fn read(value: &str) -> Vec<(&'static str, std::ops::Range<usize>)> {
        codes_of(&[("sw8", value)], &[Sw8]).into_iter().map(|(code, range, _)| (code, range)).collect()
    }

    #[test]
    fn ids_are_texts() {
        let value = "1-dHJhY2U=-c2VnbWVudA==-3-c2VydmljZQ==-aW5zdA==-L2FwaQ==-MTI3LjAuMC4xOjgw";
        assert_eq!(read(value), [("sw8-ids-not-convertible", 0..73)]);
    }

    #[test]
    fn every_field_is_looked_at() {
        assert_eq!(read(""), [("sw8-malformed", 0..0)]);
        assert_eq!(read("1-a-b"), [("sw8-malformed", 0..5)]);
        let value = "2-dHJhY2U=-c2VnbWVudA-x-c2VydmljZQ==-aW5zdA==-L2FwaQ==-MTI3LjAuMC4xOjgw";
        assert_eq!(read(value), [("sw8-malformed", 0..1), ("sw8-malformed", 11..21), ("sw8-malformed", 22..23)]);
    }
}
