//! CodeQ: `codeq.noun.verb`, attributes of known families, and nothing of the users' content.

use super::Site;
use super::codes::{
    CODEQ_ATTRIBUTE, CODEQ_FORBIDDEN, CODEQ_NAME, CODEQ_REQUIRED, CODEQ_SECRET, CODEQ_TYPE, CODEQ_UNBOUNDED,
};
use crate::diagnostic::Severity;
use crate::lint::site::shown;
use crate::trace::{Attributes, Dialect, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use std::hash::BuildHasher;

/// Families of attributes.
const FAMILIES: [&str; 6] = ["codeq.", "http.", "rpc.", "db.", "error.", "otel."];
/// Different values of one attribute in a capture before it counts as unbounded.
const MOST_VALUES: usize = 100;
/// Attributes whose values are counted; what comes after them is not.
const MOST_KEYS: usize = 1_000;
/// A longer reason is a free text.
const LONGEST_REASON: usize = 40;

/// Different values of attributes, as hashes, over all traces of a capture.
#[derive(Default)]
pub(super) struct Values {
    seen: FxHashMap<Box<str>, FxHashSet<u64>>,
    hasher: rustc_hash::FxBuildHasher,
}

impl Values {
    /// Whether this value is the one that is one too many.
    fn is_one_too_many(&mut self, key: &str, value: &str) -> bool {
        let hash = self.hasher.hash_one(value);
        if !self.seen.contains_key(key) && self.seen.len() < MOST_KEYS {
            self.seen.insert(key.into(), FxHashSet::default());
        }
        let Some(seen) = self.seen.get_mut(key) else { return false };
        seen.len() <= MOST_VALUES && seen.insert(hash) && seen.len() == MOST_VALUES + 1
    }
}

pub(super) fn span(site: &mut Site<'_, '_, '_, '_>, values: &mut Values) {
    name(site);
    families(site);
    forbidden(site);
    types(site);
    required(site);
    secret(site);
    unbounded(site, values);
}

fn name(site: &mut Site<'_, '_, '_, '_>) {
    let name = site.span.name();
    let verb = ["codeq.task.", "codeq.webhook."].iter().find_map(|start| name.strip_prefix(start));
    let documented =
        verb.is_some_and(|verb| !verb.is_empty() && verb.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    let mut words = name.split(' ');
    let http = words.next() == Some("HTTP")
        && words
            .next()
            .is_some_and(|method| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()))
        && words.next().is_some_and(|route| !route.is_empty())
        && words.next().is_none();
    if !documented && !http {
        site.report(CODEQ_NAME, "write codeq.task.VERB, codeq.webhook.VERB, or HTTP METHOD ROUTE", || {
            format!("{} is neither codeq.task.VERB, codeq.webhook.VERB nor HTTP METHOD ROUTE", shown(name))
        });
    }
}

fn families(site: &mut Site<'_, '_, '_, '_>) {
    // What Datadog's protocols and tracers add is no attribute of CodeQ.
    let of_tracer = |key: &str| {
        site.span.dialect() != Dialect::Otlp
            && (key.starts_with('_') || ["span.kind", "env", "version", "language", "runtime-id"].contains(&key))
    };
    let known = |key: &str| FAMILIES.iter().any(|family| key.starts_with(family)) || of_tracer(key);
    let foreign: Vec<String> =
        site.span.attributes().iter().map(|(key, _)| key).filter(|key| !known(key)).map(shown).collect();
    if !foreign.is_empty() {
        site.report(CODEQ_ATTRIBUTE, "name attributes codeq.*", || {
            format!("{} outside codeq.*, http.*, rpc.*, db.*, error.* and otel.*", foreign.join(", "))
        });
    }
}

fn forbidden(site: &mut Site<'_, '_, '_, '_>) {
    let found = site.span.attributes().iter().find_map(|(key, value)| Some((key, what_of(key, value)?)));
    if let Some((key, what)) = found {
        site.report(CODEQ_FORBIDDEN, "say that there is one (codeq.has_webhook), and not which", || {
            format!("{} holds {what}", shown(key))
        });
    }
}

/// What must not be on a span, by the name of an attribute or by how its value looks.
fn what_of(key: &str, value: Value<'_>) -> Option<&'static str> {
    let plain = key.to_ascii_lowercase().replace(['.', '-'], "_");
    let text = if let Value::Str(text) = value { text.trim() } else { "" };
    let is_url = text.starts_with("http://") || text.starts_with("https://");
    let is_json = (text.starts_with('{') && text.ends_with('}')) || (text.starts_with('[') && text.ends_with(']'));
    match () {
        () if plain.contains("_has_") => None,
        () if plain.contains("payload") => Some("the payload"),
        () if plain.contains("idempotency_key") => Some("the idempotency key"),
        () if plain.contains("webhook_url") || plain.contains("callback_url") => Some("the webhook's URL"),
        () if key.starts_with("codeq.") && is_url => Some("a URL"),
        () if key.starts_with("codeq.") && is_json => Some("a JSON document"),
        () => None,
    }
}

fn types(site: &mut Site<'_, '_, '_, '_>) {
    let datadog = site.span.dialect() != Dialect::Otlp;
    let wrong = [
        ("codeq.priority", "an integer"),
        ("codeq.has_webhook", "a boolean"),
        ("codeq.has_idempotency_key", "a boolean"),
    ]
    .into_iter()
    .find(|(key, wanted)| match (site.value(key), *wanted) {
        (None, _) | (Some(Value::Int(_)), "an integer") | (Some(Value::Bool(_)), "a boolean") => false,
        // Datadog's protocols have neither.
        (Some(Value::Float(number)), "an integer") => !datadog || number.fract() != 0.0,
        (Some(Value::Str(text)), "a boolean") => !datadog || !["true", "false"].contains(&text),
        _ => true,
    });
    if let Some((key, wanted)) = wrong {
        let got = site.shown(key);
        site.report(CODEQ_TYPE, "set it with its own type", || format!("{key} is {got}, not {wanted}"));
    }
}

fn required(site: &mut Site<'_, '_, '_, '_>) {
    let name = site.span.name();
    let keys: &[&str] = match name {
        "codeq.task.create" => &["command", "priority", "has_webhook", "has_idempotency_key", "tenant_id"],
        "codeq.task.claim" => &["task_id", "command", "tenant_id", "worker_id", "lease_seconds"],
        "codeq.task.heartbeat" => &["extend_seconds"],
        "codeq.task.nack" => &["delay_seconds", "reason"],
        "codeq.task.submit_result" => &["submit.status"],
        _ if name.starts_with("codeq.webhook.") => &["webhook.kind", "webhook.host"],
        _ => &[],
    };
    let missing: Vec<String> =
        keys.iter().map(|key| format!("codeq.{key}")).filter(|key| !site.has(&[key.as_str()])).collect();
    if !missing.is_empty() {
        site.report(CODEQ_REQUIRED, "set what the documents require of this span", || {
            format!("without {}", missing.join(", "))
        });
    }
}

fn secret(site: &mut Site<'_, '_, '_, '_>) {
    let texts = |attributes: Attributes<'_>| {
        attributes.iter().find_map(|(key, value)| match value {
            Value::Str(text) => Some((key.to_owned(), secret_in(text)?)),
            _ => None,
        })
    };
    let span = site.span;
    let found = texts(span.attributes())
        .or_else(|| Some(("the status message".to_owned(), secret_in(span.status_message())?)))
        .or_else(|| span.events().find_map(|event| texts(event.attributes())));
    if let Some((place, what)) = found {
        site.report(CODEQ_SECRET, "take it out before the span ends; who has the trace has the secret", || {
            format!("{} holds {what}", shown(&place))
        });
    }
}

/// What in a text looks like a secret.
fn secret_in(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    for (mark, what) in [
        ("-----begin ", "a PEM block"),
        ("token=", "a token"),
        ("password=", "a password"),
        ("secret=", "a secret"),
        ("authorization: bearer ", "a bearer token"),
    ] {
        if lower.contains(mark) {
            return Some(what);
        }
    }
    let words = || text.split(|c: char| c.is_whitespace() || "\"'<>,;".contains(c));
    let schemes = words().zip(words().skip(1));
    if schemes.clone().any(|(scheme, word)| scheme.eq_ignore_ascii_case("bearer") && looks_like_token(word)) {
        return Some("a bearer token");
    }
    let aws = |word: &str| {
        word.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| {
            part.len() == 20
                && (part.starts_with("AKIA") || part.starts_with("ASIA"))
                && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
    };
    if words().any(aws) {
        return Some("an AWS key");
    }
    let url = |word: &str| {
        let rest = word.split_once("://")?.1;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        match () {
            () if authority.contains('@') => Some("a URL with credentials"),
            () if rest.contains('?') => Some("a URL with a query"),
            () => None,
        }
    };
    words().find_map(url)
}

/// Whether a word after `Bearer` is a token (RFC 6750 section 2.1) and not a word of a sentence about one: `missing bearer token`.
fn looks_like_token(word: &str) -> bool {
    let of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let word = word.trim_end_matches(['.', ':', '!', '?']);
    let prose = word.len() < 20 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    !word.is_empty() && word.bytes().all(of_token) && !prose
}

fn unbounded(site: &mut Site<'_, '_, '_, '_>, values: &mut Values) {
    let plain = |c: char| c.is_alphanumeric() || " _-./".contains(c);
    let free = site
        .text("codeq.reason")
        .is_some_and(|reason| reason.chars().count() > LONGEST_REASON || !reason.chars().all(plain));
    if free {
        let reason = site.shown("codeq.reason");
        site.report(CODEQ_UNBOUNDED, "give reasons out of a fixed list", || {
            format!("codeq.reason {reason} is a free text")
        });
        return;
    }
    let many = site.span.attributes().iter().find_map(|(key, value)| match value {
        Value::Str(text) if key.starts_with("codeq.") && values.is_one_too_many(key, text) => Some(key),
        _ => None,
    });
    if let Some(key) = many {
        // CodeQ's own code sets these on purpose.
        let meant = ["codeq.task_id", "codeq.worker_id"].contains(&key);
        let severity = if meant { Severity::Note } else { CODEQ_UNBOUNDED.severity() };
        site.report_as(CODEQ_UNBOUNDED, severity, "keep identifiers out of attributes that are grouped by", || {
            format!("{} has more than {MOST_VALUES} different values", shown(key))
        });
    }
}
