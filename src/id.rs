//! Trace and span identifiers, and every notation people paste them in.
//!
//! W3C Trace Context writes a trace id as 32 lower-case hex digits and a span id as 16; Datadog logs and
//! headers write the low 64 bits in decimal; X-Ray writes `1-8hex-24hex`; protobuf's JSON printer writes
//! base64. Zero and malformed ids are representable on purpose: this crate inspects broken data, so validity
//! is a finding, not a constructor.
//!
//! ```
//! use spanglass::id::{Notation, Reading, TraceId};
//!
//! let readings = Reading::all("12379814468735227512");
//! assert_eq!(readings[0].notation, Notation::Decimal);
//! assert_eq!(readings[0].trace_id, TraceId(0xabcd_efab_1234_5678));
//! assert_eq!(readings[0].trace_id.notations().base64, "AAAAAAAAAACrze+rEjRWeA==");
//! ```

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

    /// When the trace began, in seconds since 1970, if the id has Datadog's 128-bit layout
    /// `<32 bits seconds><32 bits zero><64 bits random>`.
    pub fn datadog_seconds(self) -> Option<u32> {
        let high = self.high();
        (high != 0 && high as u32 == 0).then_some((high >> 32) as u32)
    }

    /// The id in every notation.
    pub fn notations(self) -> Notations {
        use base64::Engine as _;
        let hex128 = self.to_string();
        Notations {
            hex64: format!("{:016x}", self.low()),
            decimal64: self.low().to_string(),
            base64: base64::engine::general_purpose::STANDARD.encode(self.0.to_be_bytes()),
            xray: format!("1-{}-{}", &hex128[..8], &hex128[8..]),
            seconds: self.datadog_seconds(),
            hex128,
        }
    }
}

/// One trace id as each system would show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notations {
    /// 32 hex digits: W3C, OpenTelemetry.
    pub hex128: String,
    /// The low half, 16 hex digits: 64-bit B3, logs.
    pub hex64: String,
    /// The low half in decimal: `x-datadog-trace-id`, `dd.trace_id` of logs.
    pub decimal64: String,
    /// The 16 bytes in base64: protobuf's own JSON.
    pub base64: String,
    /// `1-8hex-24hex`: AWS X-Ray.
    pub xray: String,
    /// [`TraceId::datadog_seconds`].
    pub seconds: Option<u32>,
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

/// Spreads the bits of a number over all of another; no two become the same (the finalizer of splitmix64).
pub(crate) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// How a text was read as an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// A traceparent, `00-32hex-16hex-flags`.
    Traceparent,
    /// `1-8hex-24hex`.
    XRay,
    /// 32 hex digits with the dashes of a UUID.
    Uuid,
    /// Base64 of 16 or 8 bytes.
    Base64,
    /// 32 hex digits, or any number of them behind `0x`.
    Hex128,
    /// 16 hex digits: a trace with a 64-bit id.
    Hex64,
    /// Decimal digits.
    Decimal,
    /// 1 to 31 hex digits otherwise: an id without its leading zeros, or the beginning of one.
    HexPart,
}

/// One way of reading a text as an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The trace it stands for.
    pub trace_id: TraceId,
    /// The span beside it, of a traceparent.
    pub parent_id: Option<SpanId>,
    /// In which notation.
    pub notation: Notation,
}

impl Reading {
    /// Every way of reading `text`, the likeliest first; empty when it is no id at all. No two are of the same
    /// trace.
    ///
    /// `1234567890123456` is both 16 hex digits and a decimal number; digits in a number that ids have are taken
    /// for hex first, others for decimal.
    pub fn all(text: &str) -> Vec<Reading> {
        let text = text.trim();
        let bare = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let whole = [
            traceparent(text),
            xray(text),
            uuid(text),
            base64_id(text),
            hex(bare.unwrap_or(text), bare.is_some()),
            decimal(text),
            hex_part(text),
        ];
        let mut readings: Vec<Reading> = Vec::new();
        for reading in whole.into_iter().flatten() {
            if readings.iter().all(|other| other.trace_id != reading.trace_id) {
                readings.push(reading);
            }
        }
        readings
    }

    fn of(notation: Notation, id: u128) -> Reading {
        Reading { trace_id: TraceId(id), parent_id: None, notation }
    }
}

/// 1 to 32 hex digits of either case as a number.
fn hex_digits(text: &str) -> Option<u128> {
    let digits = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if digits { u128::from_str_radix(text, 16).ok() } else { None }
}

/// `00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01`, read for its ids alone: what is wrong with the rest is
/// for `propagation` to say.
fn traceparent(text: &str) -> Option<Reading> {
    let mut fields = text.split('-');
    let (version, trace, parent) = (fields.next()?, fields.next()?, fields.next()?);
    if version.len() != 2 || trace.len() != 32 || parent.len() != 16 {
        return None;
    }
    hex_digits(version)?;
    let parent_id = Some(SpanId(hex_digits(parent)? as u64));
    Some(Reading { parent_id, ..Reading::of(Notation::Traceparent, hex_digits(trace)?) })
}

/// `1-58406520-a006649127e371903a2de979`
fn xray(text: &str) -> Option<Reading> {
    let (time, unique) = text.strip_prefix("1-")?.split_once('-')?;
    if time.len() != 8 || unique.len() != 24 {
        return None;
    }
    Some(Reading::of(Notation::XRay, (hex_digits(time)? << 96) | hex_digits(unique)?))
}

/// `640cfd8d-0000-0000-abcd-efab12345678`
fn uuid(text: &str) -> Option<Reading> {
    let lengths = text.split('-').map(str::len);
    if !lengths.eq([8, 4, 4, 4, 12]) {
        return None;
    }
    let joined: String = text.split('-').collect();
    hex_digits(&joined).map(|id| Reading::of(Notation::Uuid, id))
}

/// Base64 of the 16 bytes (24 characters, `==`) or 8 bytes (12 characters, `=`), as protobuf's JSON printer
/// writes ids; also in the alphabet for URLs.
fn base64_id(text: &str) -> Option<Reading> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    let padded = (text.len() == 24 && text.ends_with("==")) || (text.len() == 12 && text.ends_with('='));
    if !padded {
        return None;
    }
    let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()?;
    let id = bytes.iter().fold(0, |id, byte| (id << 8) | u128::from(*byte));
    Some(Reading::of(Notation::Base64, id))
}

/// 32 or 16 hex digits; any number of them where `0x` stood before.
fn hex(digits: &str, prefixed: bool) -> Option<Reading> {
    let notation = match digits.len() {
        16 => Notation::Hex64,
        32 => Notation::Hex128,
        _ if prefixed => Notation::Hex128,
        _ => return None,
    };
    hex_digits(digits).map(|id| Reading::of(notation, id))
}

fn decimal(text: &str) -> Option<Reading> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let id = text.parse().ok().filter(|_| digits)?;
    Some(Reading::of(Notation::Decimal, id))
}

fn hex_part(text: &str) -> Option<Reading> {
    let id = hex_digits(text).filter(|_| text.len() < 32)?;
    Some(Reading::of(Notation::HexPart, id))
}

/// What somebody typed to mean a trace: hex (128 or 64 bits, or a prefix of it), decimal, X-Ray, UUID,
/// base64 or a traceparent.
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
        let readings = Reading::all(text);
        let ids: Vec<TraceId> =
            readings.iter().filter(|r| r.notation != Notation::HexPart).map(|r| r.trace_id).collect();
        let text = text.trim();
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
        let prefix = (digits.len() >= MIN_ID_PREFIX && digits.len() < 32 && hex_digits(digits).is_some())
            .then(|| digits.to_ascii_lowercase());
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

    #[test]
    fn every_reading_is_named_the_likeliest_first() {
        let id = |text: &str| -> Vec<(Notation, u128)> {
            Reading::all(text).iter().map(|reading| (reading.notation, reading.trace_id.0)).collect()
        };
        let low = u128::from(ID.low());
        for (text, expected) in [
            ("640cfd8d00000000abcdefab12345678", vec![(Notation::Hex128, ID.0)]),
            (" 640CFD8D00000000ABCDEFAB12345678\n", vec![(Notation::Hex128, ID.0)]),
            ("0X640cfd8d00000000abcdefab12345678", vec![(Notation::Hex128, ID.0)]),
            ("0xabcdefab12345678", vec![(Notation::Hex64, low)]),
            ("0x10", vec![(Notation::Hex128, 16)]),
            ("640cfd8d-0000-0000-abcd-efab12345678", vec![(Notation::Uuid, ID.0)]),
            ("1-640cfd8d-00000000abcdefab12345678", vec![(Notation::XRay, ID.0)]),
            ("ZAz9jQAAAACrze+rEjRWeA==", vec![(Notation::Base64, ID.0)]),
            ("ZAz9jQAAAACrze-rEjRWeA==", vec![(Notation::Base64, ID.0)]),
            ("q83vqxI0Vng=", vec![(Notation::Base64, low)]),
            ("abcdefab12345678", vec![(Notation::Hex64, low)]),
            ("12379814468735227512", vec![(Notation::Decimal, low), (Notation::HexPart, 0x12379814468735227512)]),
            ("132990249761594643618191745796992685688", vec![(Notation::Decimal, ID.0)]),
            ("340282366920938463463374607431768211455", vec![(Notation::Decimal, u128::MAX)]),
            ("1234567890123456", vec![(Notation::Hex64, 0x1234567890123456), (Notation::Decimal, 1234567890123456)]),
            ("10", vec![(Notation::Decimal, 10), (Notation::HexPart, 16)]),
            ("1", vec![(Notation::Decimal, 1)]),
            ("0", vec![(Notation::Decimal, 0)]),
            ("5b8efff798038103d269b633813fc60", vec![(Notation::HexPart, 0x5b8efff798038103d269b633813fc60)]),
        ] {
            assert_eq!(id(text), expected, "{text}");
        }
        for text in ["", " ", "xyz", "-1", "+1", "0x", "1-2-3", "é", "q83vqxI0Vng", "640cfd8d00000000abcdefab123456789"]
        {
            assert_eq!(Reading::all(text), [], "{text}");
        }
        for text in [
            "340282366920938463463374607431768211456",
            "1-640cfd8d-+0000000abcdefab12345678",
            "640cfd8d-00000000-abcd-efab-12345678",
            "00-640cfd8d00000000abcdefab1234567g-000000003ade68b1-01",
        ] {
            assert_eq!(Reading::all(text), [], "{text}");
        }
    }

    #[test]
    fn a_traceparent_gives_both_its_ids() {
        for text in [
            "00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01",
            "00-640CFD8D00000000abcdefab12345678-000000003ADE68B1-1",
            "cc-640cfd8d00000000abcdefab12345678-000000003ade68b1",
        ] {
            let readings = Reading::all(text);
            assert_eq!(readings.len(), 1, "{text}");
            assert_eq!(readings[0].notation, Notation::Traceparent, "{text}");
            assert_eq!(readings[0].trace_id, ID, "{text}");
            assert_eq!(readings[0].parent_id, Some(SpanId(987_654_321)), "{text}");
            assert!(TraceIdPattern::parse(text).is_some_and(|p| p.matches(ID)), "{text}");
        }
    }

    #[test]
    fn every_notation_is_printed_and_read_again() {
        let notations = ID.notations();
        assert_eq!(
            notations,
            Notations {
                hex128: "640cfd8d00000000abcdefab12345678".into(),
                hex64: "abcdefab12345678".into(),
                decimal64: "12379814468735227512".into(),
                base64: "ZAz9jQAAAACrze+rEjRWeA==".into(),
                xray: "1-640cfd8d-00000000abcdefab12345678".into(),
                seconds: Some(1_678_572_941),
            }
        );
        for id in [TraceId(0), TraceId(1), ID, TraceId(u128::MAX)] {
            let notations = id.notations();
            for text in [&notations.hex128, &notations.base64, &notations.xray, &id.0.to_string()] {
                assert_eq!(Reading::all(text).first().map(|reading| reading.trace_id), Some(id), "{text}");
            }
            for text in [&notations.hex64, &notations.decimal64] {
                let low = Reading::all(text).first().map(|reading| reading.trace_id.0);
                assert_eq!(low, Some(u128::from(id.low())), "{text}");
            }
        }
    }

    #[test]
    fn a_time_is_read_from_the_layout_of_datadog_only() {
        for (high, seconds) in [
            (0x640c_fd8d_0000_0000, Some(0x640c_fd8d)),
            (0xffff_ffff_0000_0000, Some(u32::MAX)),
            (0, None),
            (1, None),
            (0x640c_fd8d_0000_0001, None),
        ] {
            assert_eq!(TraceId::from_halves(high, 7).datadog_seconds(), seconds, "{high:016x}");
        }
    }
}
