//! The decoders (and encoders of v0.4) under comparison, each behind the same [`Decoder`] closure.
//!
//! A decode takes a body in memory to a value from which every field can be read, and frees that value: strings are
//! checked to be UTF-8, lengths and types are checked, unknown keys are tolerated where the implementation can. In the
//! steady state our own decoder fills a batch that is cleared and reused, the way the library is used; cold, it makes
//! and frees one like everybody else.

mod encode;
mod libdd;
mod otlp_prost;
mod otlp_quick_protobuf;
mod otlp_sonic;
#[cfg(feature = "ours")]
mod ours;
mod serde_v04;
mod serde_v05;
mod zerompk;

use anyhow::{Result, bail};

/// What decoding a body must agree on, whoever does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Sums {
    /// Number of spans.
    pub spans: u64,
    /// Sum of the durations.
    pub duration: i64,
    /// Sum of the lengths of all meta keys and values, in bytes.
    pub meta_len: u64,
}

impl Sums {
    /// Adds one span.
    fn add<'s>(&mut self, duration: i64, meta: impl IntoIterator<Item = (&'s str, &'s str)>) {
        self.spans += 1;
        self.duration = self.duration.wrapping_add(duration);
        self.meta_len += meta.into_iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
    }
}

/// What is measured of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The first decode of a process, in fresh memory.
    Cold,
    /// One decode of many.
    Steady,
}

/// Decodes its body once and frees the result; adds up the spans before that when asked to.
pub type Decoder<'b> = Box<dyn FnMut(Option<&mut Sums>) -> Result<()> + 'b>;

/// The names [`decoder`] knows and the protocol each reads.
pub const NAMES: [(&str, Format); 19] = [
    ("spanglass", Format::V04),
    ("libdd-slice", Format::V04),
    ("libdd-bytes", Format::V04),
    ("zerompk", Format::V04),
    ("rmp-serde-owned", Format::V04),
    ("rmp-serde-borrowed", Format::V04),
    ("spanglass-v05", Format::V05),
    ("libdd-v05-slice", Format::V05),
    ("libdd-v05-bytes", Format::V05),
    ("rmp-serde-v05", Format::V05),
    ("spanglass-otlp", Format::Otlp),
    ("prost", Format::Otlp),
    ("quick-protobuf", Format::Otlp),
    ("spanglass-otlp-json", Format::OtlpJson),
    ("serde_json", Format::OtlpJson),
    ("sonic-rs", Format::OtlpJson),
    ("spanglass-encode", Format::V04),
    ("libdd-encode", Format::V04),
    ("memcpy", Format::V04),
];

/// The protocols that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Spans as maps.
    V04,
    /// Spans as arrays over a table of strings.
    V05,
    /// OTLP protobuf.
    Otlp,
    /// OTLP JSON, a request on each line; each line is decoded for itself.
    OtlpJson,
}

/// The lines of a body that are not empty.
fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// The decoder called `name` for `body`.
#[cfg_attr(not(feature = "ours"), expect(unused_variables, reason = "only our decoder keeps memory between decodes"))]
pub fn decoder<'b>(name: &str, body: &'b [u8], state: State) -> Result<Decoder<'b>> {
    Ok(match name {
        #[cfg(feature = "ours")]
        "spanglass" => ours::v04(body, state),
        #[cfg(feature = "ours")]
        "spanglass-v05" => ours::v05(body, state),
        #[cfg(feature = "ours")]
        "spanglass-otlp" => ours::otlp(body, state),
        #[cfg(feature = "ours")]
        "spanglass-otlp-json" => ours::otlp_json_lines(body, state),
        #[cfg(feature = "ours")]
        "spanglass-encode" => encode::ours(body)?,
        "libdd-encode" => encode::libdd(body)?,
        "memcpy" => encode::memcpy(body),
        "prost" => otlp_prost::protobuf(body),
        "quick-protobuf" => otlp_quick_protobuf::protobuf(body),
        "serde_json" => otlp_prost::json_lines(body),
        "sonic-rs" => otlp_sonic::json_lines(body),
        "libdd-slice" => libdd::v04_slice(body),
        "libdd-bytes" => libdd::v04_bytes(body),
        "libdd-v05-slice" => libdd::v05_slice(body),
        "libdd-v05-bytes" => libdd::v05_bytes(body),
        "zerompk" => zerompk::v04(body),
        "rmp-serde-owned" => serde_v04::owned(body),
        "rmp-serde-borrowed" => serde_v04::borrowed(body),
        "rmp-serde-v05" => serde_v05::borrowed(body),
        _ => bail!("no decoder {name:?} in this build"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::Workload;

    fn sums(name: &str, body: &[u8]) -> Sums {
        let sums = [State::Cold, State::Steady].map(|state| {
            let mut decode = decoder(name, body, state).unwrap();
            let mut sums = Sums::default();
            decode(None).unwrap();
            decode(Some(&mut sums)).unwrap();
            sums
        });
        assert_eq!(sums[0], sums[1], "{name}");
        sums[0]
    }

    fn body(workload: Workload) -> Vec<u8> {
        let mut body = Vec::new();
        workload.write(&mut body).unwrap();
        body
    }

    fn in_this_build(format: Format) -> impl Iterator<Item = &'static str> {
        let known = |name: &str| cfg!(feature = "ours") || !name.starts_with("spanglass");
        NAMES.iter().filter(move |(name, f)| *f == format && known(name)).map(|(name, _)| *name)
    }

    #[test]
    fn all_decoders_see_the_same_spans() {
        let expected = sums("libdd-slice", &body(Workload::W2));
        assert_eq!(expected.spans, 20_000);
        // W4 holds the spans of W2, W5 and W6 hold them with service and ids elsewhere than in tags.
        let [otlp, otlp_json] = [("prost", Workload::W5), ("serde_json", Workload::W6)].map(|(n, w)| sums(n, &body(w)));
        assert_eq!(otlp, Sums { duration: expected.duration, spans: 20_000, ..otlp });
        let formats = [
            (Format::V04, Workload::W2, expected),
            (Format::V05, Workload::W4, expected),
            (Format::Otlp, Workload::W5, otlp),
            (Format::OtlpJson, Workload::W6, otlp_json),
        ];
        for (format, workload, expected) in formats {
            let body = body(workload);
            for name in in_this_build(format) {
                assert_eq!(sums(name, &body), expected, "{name}");
            }
        }
    }

    #[test]
    fn a_cut_body_is_an_error() {
        let (w1, w4, w5, w6) = (body(Workload::W1), body(Workload::W4), body(Workload::W5), body(Workload::W6));
        let formats = [(Format::V04, &w1), (Format::V05, &w4), (Format::Otlp, &w5), (Format::OtlpJson, &w6)];
        for (format, body) in formats {
            for name in in_this_build(format).filter(|name| *name != "memcpy") {
                let cut = &body[..body.len() - 2];
                let decoded = decoder(name, cut, State::Steady).and_then(|mut decode| decode(None));
                assert!(decoded.is_err() || name == "spanglass-encode", "{name}");
            }
        }
    }
}
