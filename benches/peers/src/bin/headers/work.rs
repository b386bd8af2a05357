//! Propagation libraries under comparison: the header sets of W8, already split, to contexts ([`Work::Extract`]), and
//! contexts to headers ([`Work::Inject`]).
//!
//! Every library gets the same list of names and values to look into, and writes into the same kind of list. Styles are
//! Datadog, then W3C; OpenTelemetry's propagator knows W3C alone and is compared with the same of ours.

#[cfg(feature = "ours")]
use crate::ours;
use crate::{datadog, otel};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;

/// Names and values of one message.
pub(crate) type Fields = Vec<(String, String)>;

/// What all implementations must agree on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Sums {
    /// Contexts found, or messages written to.
    pub(crate) count: u64,
    /// Sum of both halves of all trace ids, or of the bytes of all `traceparent` and `tracestate` values, without the
    /// field `t.tid` of `dd`, which repeats the trace id and which only one of the libraries writes.
    pub(crate) trace: u64,
    /// Sum of the span ids, or of the bytes of all `x-datadog-*` values.
    pub(crate) span: u64,
    /// Sum of the priorities (of W3C alone: of the sampled flags); 0 for messages written.
    pub(crate) decision: i64,
}

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Headers to contexts.
    Extract,
    /// Contexts to headers.
    Inject,
}

/// Does the work once for every set; adds up what came out when asked to.
pub(crate) type Pass<'s> = Box<dyn FnMut(Option<&mut Sums>) -> Result<()> + 's>;

/// The first `limit` sets of the lines of W8, for the implementation called `name`: opentelemetry_sdk takes the malformed
/// version `0`, so where it is compared, such sets are left out.
pub(crate) fn sets(text: &str, limit: usize, name: &str) -> Result<Vec<Fields>> {
    let parse = |line| -> Result<Fields> {
        let members: BTreeMap<String, String> = serde_json::from_str(line).context("a header set")?;
        Ok(members.into_iter().collect())
    };
    let mut sets = text.lines().take(limit).map(parse).collect::<Result<Vec<_>>>()?;
    if matches!(name, "spanglass-w3c" | "opentelemetry-sdk") {
        sets.retain(|set| !get(set, "traceparent").is_some_and(|value| value.starts_with("0-")));
    }
    ensure!(!sets.is_empty(), "no header sets");
    Ok(sets)
}

/// The implementation called `name` over `sets`.
pub(crate) fn pass<'s>(name: &str, work: Work, sets: &'s [Fields]) -> Result<Pass<'s>> {
    Ok(match (name, work) {
        #[cfg(feature = "ours")]
        ("spanglass", Work::Extract) => ours::extract(sets, &ours::BOTH),
        #[cfg(feature = "ours")]
        ("spanglass", Work::Inject) => ours::inject(sets, &ours::BOTH, false)?,
        #[cfg(feature = "ours")]
        ("spanglass-w3c", Work::Extract) => ours::extract(sets, &ours::W3C),
        #[cfg(feature = "ours")]
        ("spanglass-w3c", Work::Inject) => ours::inject(sets, &ours::W3C, true)?,
        ("datadog-opentelemetry", Work::Extract) => datadog::extract(sets),
        ("datadog-opentelemetry", Work::Inject) => datadog::inject(sets)?,
        ("opentelemetry-sdk", Work::Extract) => otel::extract(sets),
        ("opentelemetry-sdk", Work::Inject) => otel::inject(sets)?,
        _ => bail!("no implementation {name:?} in this build"),
    })
}

/// The value of `name`. Lists are short, and all names are in lower case.
pub(crate) fn get<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

impl Sums {
    pub(crate) fn add_context(&mut self, trace_id: u128, span_id: u64, decision: i64) {
        self.count += 1;
        self.trace = self.trace.wrapping_add(trace_id as u64).wrapping_add((trace_id >> 64) as u64);
        self.span = self.span.wrapping_add(span_id);
        self.decision += decision;
    }

    pub(crate) fn add_message<'f>(&mut self, fields: impl IntoIterator<Item = (&'f str, &'f str)>) {
        self.count += 1;
        for (name, value) in fields {
            let sum = if name.starts_with("trace") { &mut self.trace } else { &mut self.span };
            let repeated = value.find(";t.tid:").map_or(0, |_| ";t.tid:0123456789abcdef".len());
            *sum += (value.len() - repeated) as u64;
        }
    }
}

#[cfg(all(test, feature = "ours"))]
mod tests {
    use super::*;
    use spanglass_peers::workloads::Workload;

    fn sums(name: &str, work: Work, text: &str) -> Sums {
        let sets = sets(text, 10_000, name).unwrap();
        let mut sums = Sums::default();
        let mut pass = pass(name, work, &sets).unwrap();
        pass(None).unwrap();
        pass(Some(&mut sums)).unwrap();
        sums
    }

    #[test]
    fn all_implementations_agree() {
        let mut text = Vec::new();
        // Fails when the buffer is full, which is what stops the generator early.
        let _ = Workload::W8.write(&mut Limited(&mut text, 4 << 20));
        let text = String::from_utf8(text).unwrap();
        for work in [Work::Extract, Work::Inject] {
            let ours = sums("spanglass", work, &text);
            assert!(ours.count > 9_000);
            assert_eq!(sums("datadog-opentelemetry", work, &text), ours, "{work:?}");
            assert_eq!(sums("opentelemetry-sdk", work, &text), sums("spanglass-w3c", work, &text), "{work:?}");
        }
    }

    struct Limited<'t>(&'t mut Vec<u8>, usize);

    impl std::io::Write for Limited<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0.len() + bytes.len() > self.1 {
                return Err(std::io::ErrorKind::WriteZero.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
