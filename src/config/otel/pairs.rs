//! `k=v,k=v`: resource attributes and headers, as W3C baggage without properties, with the place of every fault.

use crate::config::go::percent_decode;
use crate::config::parse::trimmed;
use rustc_hash::FxHashMap;
use std::ops::Range;

/// A fault of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairFault {
    /// Where the entry stands in the text.
    pub range: Range<usize>,
    /// Its number, from 0.
    pub index: usize,
    /// Its key; empty when there is none. Never its value.
    pub key: String,
    /// What is wrong.
    pub why: &'static str,
}

impl PairFault {
    /// The entry in words.
    pub fn entry(&self) -> String {
        match self.key.is_empty() {
            true => format!("entry {}", self.index + 1),
            false => format!("the entry {:?}", self.key),
        }
    }

    /// Where it is inside of the value.
    pub fn path(&self) -> String {
        if self.key.is_empty() { format!("[{}]", self.index) } else { self.key.clone() }
    }
}

/// The entries of a list in order, and what is wrong with the others. Of a key that stands twice the last value counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Keys and decoded values.
    pub entries: Vec<(String, String)>,
    /// The first of the other entries.
    pub faults: Vec<PairFault>,
    /// How many there are.
    pub faulty: usize,
}

impl Pairs {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Sets `key`, in its place when it is there already.
    pub fn set(&mut self, key: &str, value: String) {
        match self.entries.iter_mut().find(|(name, _)| name == key) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key.to_owned(), value)),
        }
    }
}

/// Faults of one text that are kept.
const KEPT: usize = 20;

/// Collects entries and faults.
#[derive(Default)]
struct Collector {
    pairs: Pairs,
    /// Where each key is.
    known: FxHashMap<String, usize>,
}

impl Collector {
    fn add(&mut self, key: &str, value: String) {
        match self.known.get(key) {
            Some(at) => self.pairs.entries[*at].1 = value,
            None => {
                self.known.insert(key.to_owned(), self.pairs.entries.len());
                self.pairs.entries.push((key.to_owned(), value));
            }
        }
    }

    fn fault(&mut self, range: Range<usize>, index: usize, key: &str, why: &'static str) {
        self.pairs.faulty += 1;
        if self.pairs.faults.len() < KEPT {
            let key = key.chars().take(40).collect();
            self.pairs.faults.push(PairFault { range, index, key, why });
        }
    }
}

/// The entries between commas with their places, white space around them cut off.
fn entries(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut start = 0;
    text.split(',').map(move |part| {
        let at = start + (part.len() - part.trim_ascii_start().len());
        start += part.len() + 1;
        let part = trimmed(part);
        (at..at + part.len(), part)
    })
}

/// `OTEL_RESOURCE_ATTRIBUTES`: keys and values percent-decoded. Any fault discards all of it, which is the caller's part.
pub fn attributes(text: &str) -> Pairs {
    let mut out = Collector::default();
    for (index, (range, entry)) in entries(text).enumerate() {
        let (key, value) = entry.split_once('=').unwrap_or((entry, ""));
        let (key, value) = (trimmed(key), trimmed(value));
        let why = match (decoded(key), decoded(value)) {
            _ if entry.is_empty() => "is empty",
            _ if !entry.contains('=') => "has no equals sign",
            _ if key.is_empty() => "has no key",
            (Some(key), Some(value)) => {
                out.add(&key, value);
                continue;
            }
            _ => "is not percent-encoded UTF-8",
        };
        out.fault(range, index, key, why);
    }
    out.pairs
}

/// Headers of the OTLP exporter: values percent-decoded, keys as they are. Nothing between two commas is no fault.
pub fn headers(text: &str) -> Pairs {
    let mut out = Collector::default();
    for (index, (range, entry)) in entries(text).enumerate().filter(|(_, (_, entry))| !entry.is_empty()) {
        let (key, value) = entry.split_once('=').unwrap_or((entry, ""));
        let (key, value) = (trimmed(key), trimmed(value));
        let why = match decoded(value) {
            _ if !entry.contains('=') => "has no equals sign",
            _ if key.is_empty() => "has no name",
            _ if !key.bytes().all(is_token) => "has a name that no header can have",
            _ if value.contains(';') => "has a semicolon: properties are not supported",
            _ if value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) => "has a control character",
            None => "is not percent-encoded UTF-8",
            Some(value) => {
                out.add(key, value);
                continue;
            }
        };
        // Without an equals sign the whole entry may be the value, which is secret.
        out.fault(range, index, if entry.contains('=') { key } else { "" }, why);
    }
    out.pairs
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(percent_decode(text)?).ok()
}

/// A character of an HTTP token.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_decode_and_report_every_fault() {
        let pairs = attributes(" a = b%2Cc , k%3D=v=w,x,=1,y=%zz,a=2");
        let want: Vec<_> = [("a", "2"), ("k=", "v=w")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(pairs.entries, want);
        let faults: Vec<_> = pairs.faults.iter().map(|fault| (fault.range.clone(), fault.why)).collect();
        assert_eq!(
            faults,
            [(22..23, "has no equals sign"), (24..26, "has no key"), (27..32, "is not percent-encoded UTF-8")]
        );
        assert_eq!(attributes("a=b,").faults.len(), 1);
    }

    #[test]
    fn headers_drop_what_is_faulty() {
        let pairs = headers("x-team=core,authorization,,a b=c,p=1;q=2,v=%ff,auth=Basic%20x=");
        let want = [("x-team", "core"), ("auth", "Basic x=")];
        assert_eq!(pairs.entries, want.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(pairs.faults.len(), 4);
        assert_eq!(pairs.faults[0].range, 12..25);
    }
}
