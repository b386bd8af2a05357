//! Trace and span identifiers, and every notation people paste them in.
//!
//! W3C Trace Context writes a trace id as 32 lower-case hex digits and a span id as 16; Datadog logs and
//! headers write the low 64 bits in decimal; X-Ray writes `1-8hex-24hex`; protobuf's JSON printer writes
//! base64. Zero and malformed ids are representable on purpose: this crate inspects broken data, so validity
//! is a finding, not a constructor.

use std::fmt;

/// A 128-bit trace identifier. Displays as 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub u128);

impl TraceId {
    /// Joins the two halves: `high` is what Datadog carries as `_dd.p.tid`.
    pub fn from_halves(high: u64, low: u64) -> Self {
        TraceId((u128::from(high) << 64) | u128::from(low))
    }

    /// The high 64 bits; 0 when the trace has a 64-bit id.
    pub fn high(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// The low 64 bits: `trace_id` of the Datadog protocols.
    pub fn low(self) -> u64 {
        self.0 as u64
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A 64-bit span identifier. Displays as 16 lower-case hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(pub u64);

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What somebody typed to mean a trace: hex (128 or 64 bits, or a prefix of it), decimal, X-Ray, UUID or
/// base64.
///
/// A text such as `1234567890123456` can be read as hex and as decimal; every reading counts, so a trace that
/// fits one of them matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceIdPattern {
    /// Whole ids that the text may stand for.
    ids: Vec<TraceId>,
    /// Lower-case hex digits when the text may be the beginning of an id.
    prefix: Option<String>,
}

/// Fewest hex digits that are taken as the beginning of a trace id.
pub const MIN_ID_PREFIX: usize = 4;

impl TraceIdPattern {
    /// Reads any notation; `None` when the text is no id at all.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
        let mut ids = Vec::new();
        let mut prefix = None;
        if let Some(xray) = xray(bare) {
            ids.push(xray);
        }
        let joined: String = bare.chars().filter(|c| *c != '-').collect();
        let uuid = bare.len() == 36 && joined.len() == 32;
        let hex = if uuid { joined.as_str() } else { bare };
        if !hex.is_empty() && hex.len() <= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            let lower = hex.to_ascii_lowercase();
            if let Ok(value) = u128::from_str_radix(&lower, 16)
                && (hex.len() == 32 || hex.len() == 16 || bare.len() != text.len())
            {
                ids.push(TraceId(value));
            }
            if lower.len() >= MIN_ID_PREFIX && lower.len() < 32 {
                prefix = Some(lower);
            }
        }
        if bare.len() == text.len()
            && text.bytes().all(|b| b.is_ascii_digit())
            && let Ok(value) = text.parse::<u128>()
        {
            ids.push(TraceId(value));
        }
        if let Some(id) = base64_id(text) {
            ids.push(id);
        }
        if ids.is_empty() && prefix.is_none() { None } else { Some(TraceIdPattern { ids, prefix }) }
    }

    /// Whether `id` is what the text means. An id given with 64 bits matches any trace with that low half.
    pub fn matches(&self, id: TraceId) -> bool {
        self.ids.iter().any(|wanted| *wanted == id || (wanted.high() == 0 && wanted.low() == id.low()))
            || self.prefix.as_ref().is_some_and(|prefix| {
                id.to_string().starts_with(prefix) || format!("{:016x}", id.low()).starts_with(prefix)
            })
    }
}

/// `1-58406520-a006649127e371903a2de979`
fn xray(text: &str) -> Option<TraceId> {
    let (time, unique) = text.strip_prefix("1-")?.split_once('-')?;
    if time.len() != 8 || unique.len() != 24 {
        return None;
    }
    u128::from_str_radix(&format!("{time}{unique}"), 16).ok().map(TraceId)
}

/// Base64 of the 16 bytes (24 characters, `==`) or 8 bytes (12 characters, `=`), as protobuf's JSON printer
/// writes ids.
fn base64_id(text: &str) -> Option<TraceId> {
    use base64::Engine as _;
    let padded = (text.len() == 24 && text.ends_with("==")) || (text.len() == 12 && text.ends_with('='));
    if !padded {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    Some(TraceId(bytes.iter().fold(0, |id, byte| (id << 8) | u128::from(*byte))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TraceId = TraceId(0x640c_fd8d_0000_0000_abcd_efab_1234_5678);

    #[test]
    fn every_notation_finds_the_trace() {
        for text in [
            "640cfd8d00000000abcdefab12345678",
            "640CFD8D00000000ABCDEFAB12345678",
            "0x640cfd8d00000000abcdefab12345678",
            "640cfd8d-0000-0000-abcd-efab12345678",
            "1-640cfd8d-00000000abcdefab12345678",
            "abcdefab12345678",
            "12379814468735227512",
            "132990249761594643618191745796992685688",
            "ZAz9jQAAAACrze+rEjRWeA==",
            "q83vqxI0Vng=",
            "640cfd8d",
            "abcdefab1",
        ] {
            assert!(TraceIdPattern::parse(text).is_some_and(|p| p.matches(ID)), "{text}");
        }
    }

    #[test]
    fn other_ids_and_other_texts_do_not() {
        assert!(!TraceIdPattern::parse("640cfd8e").is_some_and(|p| p.matches(ID)));
        assert!(!TraceIdPattern::parse("abcdefab12345679").is_some_and(|p| p.matches(ID)));
        for text in ["", "xyz", "640cfd8d00000000abcdefab123456789", "-1", "1-2-3"] {
            assert_eq!(TraceIdPattern::parse(text), None, "{text}");
        }
    }
}
