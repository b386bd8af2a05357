//! Client statistics, `/v0.6/stats`: what a tracer counted itself, because it does not send every trace.
//!
//! ```text
//! {"Env": "dev", "Lang": "python", "Stats": [                     a bucket of time
//!   {"Start": ns, "Duration": ns, "Stats": [                      a group of spans that are alike
//!     {"Service": "web", "Name": "http.request", "Hits": 3, "Errors": 0, "Duration": ns, ...}]}]}
//! ```
//! A msgpack map with Go's names (wire.md section 9). It is shown and counted; the sketches of durations in it are not
//! decoded. Unknown and absent members, and nil in place of any, are no fault.

use crate::diagnostic::Diagnostic;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use std::collections::BTreeMap;

/// The code of a body that is no statistics.
const UNREADABLE: crate::diagnostic::Code = super::codes::WRONG_TYPE;

/// Statistics of any number of payloads, added up by what is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientStats {
    /// Payloads.
    pub payloads: u64,
    /// Buckets of time in them.
    pub buckets: u64,
    /// What was counted.
    pub groups: BTreeMap<StatsGroup, StatsCounts>,
}

/// What the spans of a group have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct StatsGroup {
    pub service: String,
    pub name: String,
    pub resource: String,
    pub type_: String,
    /// As the tag `span.kind`; empty when not said.
    pub kind: String,
    /// 0 for none.
    pub http_status: u32,
    /// Environment of the sender.
    pub env: String,
}

/// How many spans a group has, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatsCounts {
    /// Spans.
    pub hits: u64,
    /// Those that failed.
    pub errors: u64,
    /// Sum of their durations, ns.
    pub duration: u64,
}

impl StatsCounts {
    /// The mean duration in ns; 0 for no spans.
    pub fn mean(self) -> u64 {
        self.duration.checked_div(self.hits).unwrap_or_default()
    }
}

impl ClientStats {
    /// Reads one payload. The error says what cannot be read.
    pub fn read(body: &[u8]) -> Result<ClientStats, Diagnostic> {
        let payload: Payload = rmp_serde::from_slice(body).map_err(|error| {
            Diagnostic::new(UNREADABLE, format!("client statistics that cannot be read: {error}"))
                .help("it is a msgpack map of buckets, sent to /v0.6/stats")
        })?;
        let mut stats = ClientStats { payloads: 1, buckets: payload.stats.len() as u64, ..ClientStats::default() };
        for group in payload.stats.into_iter().flat_map(|bucket| bucket.stats) {
            let counts = StatsCounts { hits: group.hits, errors: group.errors, duration: group.duration };
            let key = StatsGroup {
                service: group.service,
                name: group.name,
                resource: group.resource,
                type_: group.type_,
                kind: group.span_kind,
                http_status: group.http_status,
                env: payload.env.clone(),
            };
            stats.add_group(key, counts);
        }
        Ok(stats)
    }

    /// Adds the statistics of further payloads.
    pub fn append(&mut self, other: ClientStats) {
        self.payloads += other.payloads;
        self.buckets += other.buckets;
        other.groups.into_iter().for_each(|(group, counts)| self.add_group(group, counts));
    }

    fn add_group(&mut self, group: StatsGroup, counts: StatsCounts) {
        let sum = self.groups.entry(group).or_default();
        sum.hits = sum.hits.saturating_add(counts.hits);
        sum.errors = sum.errors.saturating_add(counts.errors);
        sum.duration = sum.duration.saturating_add(counts.duration);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Payload {
    #[serde(default, deserialize_with = "or_default")]
    env: String,
    #[serde(default, deserialize_with = "or_default")]
    stats: Vec<Bucket>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Bucket {
    #[serde(default, deserialize_with = "or_default")]
    stats: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    #[serde(default, deserialize_with = "or_default")]
    service: String,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    resource: String,
    #[serde(default, rename = "Type", deserialize_with = "or_default")]
    type_: String,
    #[serde(default, deserialize_with = "or_default")]
    span_kind: String,
    #[serde(default, rename = "HTTPStatusCode", deserialize_with = "or_default")]
    http_status: u32,
    #[serde(default, deserialize_with = "or_default")]
    hits: u64,
    #[serde(default, deserialize_with = "or_default")]
    errors: u64,
    #[serde(default, deserialize_with = "or_default")]
    duration: u64,
}

/// Nil counts as absent.
fn or_default<'de, D: Deserializer<'de>, T: Default + DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_are_added_up_over_buckets_and_payloads() {
        let group = |hits: u64| json!({"Service": "web", "Name": "get", "Hits": hits, "Errors": 1, "Duration": 100 * hits, "OkSummary": [1], "New": {"a": null}});
        let payload = json!({"Env": "dev", "Hostname": null, "Unknown": 1, "Stats": [
            {"Start": 1, "Duration": 2, "Stats": [group(3), group(1)]},
            {"Start": 3, "Stats": null},
        ]});
        let body = rmp_serde::to_vec_named(&payload).expect("msgpack");
        let mut stats = ClientStats::read(&body).expect("statistics");
        stats.append(ClientStats::read(&body).expect("statistics"));
        assert_eq!((stats.payloads, stats.buckets, stats.groups.len()), (2, 4, 1));
        let (key, counts) = stats.groups.first_key_value().expect("a group");
        assert_eq!((key.service.as_str(), key.env.as_str()), ("web", "dev"));
        assert_eq!(*counts, StatsCounts { hits: 8, errors: 4, duration: 800 });
        assert_eq!((counts.mean(), StatsCounts::default().mean()), (100, 0));
    }

    #[test]
    fn what_is_no_statistics_is_said() {
        for body in [&b""[..], b"\x81\xa5Stats\x05", b"{", &[0xdf, 0xff, 0xff, 0xff, 0xff], &[0x91; 5_000]] {
            assert!(ClientStats::read(body).is_err(), "{body:?}");
        }
        assert_eq!(ClientStats::read(b"\x80").map(|stats| stats.payloads), Ok(1));
    }
}
