//! What must not be printed: values of variables that are marked so, and texts that look like a secret.
//!
//! [`masked`] is the one way by which a value of a variable gets into a message.

use super::parse;
use super::registry;
use std::borrow::Cow;
use std::ops::Range;

/// What stands for a secret.
pub const MASK: &str = "****";

/// Words of a key that make its value a secret.
const WORDS: &[&str] = &[
    "apikey",
    "appkey",
    "auth",
    "authorization",
    "bearer",
    "credential",
    "credentials",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "secrets",
    "token",
];

/// Pairs of words that do so together.
const PAIRS: &[(&str, &str)] = &[
    ("access", "key"),
    ("api", "key"),
    ("app", "key"),
    ("application", "key"),
    ("private", "key"),
    ("signing", "key"),
    ("encryption", "key"),
    ("account", "key"),
    ("shared", "key"),
    ("connection", "string"),
];

/// How known tokens begin, with how long they are at least.
const TOKENS: &[(&str, usize)] = &[
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 35),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("ghu_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xoxa-", 20),
    ("xapp-", 20),
    ("sk_live_", 20),
    ("rk_live_", 20),
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("dop_v1_", 30),
    ("npm_", 30),
    ("pypi-", 30),
    ("ddp_", 30),
    ("hvs.", 20),
    ("-----BEGIN ", 20),
    ("Bearer ", 15),
    ("Basic ", 14),
];

/// Whether a key's name says that its value is a secret: `api_key`, `dbPassword`, `x-auth-token`.
pub fn secret_key(key: &str) -> bool {
    let mut words: Vec<String> = Vec::new();
    let mut lower = false;
    for c in key.chars() {
        if !c.is_alphanumeric() {
            words.push(String::new());
            lower = false;
            continue;
        }
        // `dbPassword` has two words, `APIKEY` one.
        if words.is_empty() || (c.is_uppercase() && lower) {
            words.push(String::new());
        }
        lower = c.is_lowercase();
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words.iter().any(|word| WORDS.contains(&word.as_str()))
        || words.windows(2).any(|pair| PAIRS.iter().any(|(a, b)| pair[0] == *a && pair[1] == *b))
}

/// Whether a text has the form of a token that gives access to something.
pub fn token_shape(value: &str) -> bool {
    let known = TOKENS.iter().any(|(start, least)| value.starts_with(start) && value.len() >= *least);
    // A JSON web token: three parts, the first two of which begin with `{"` in base64.
    known || (value.starts_with("eyJ") && value.split('.').count() == 3 && value.contains(".eyJ"))
}

/// Whether the value of `key` is a probable secret (TC604).
pub fn probable(key: &str, value: &str) -> bool {
    token_shape(value) || (value.chars().count() >= 8 && secret_key(key))
}

/// The bytes of a URL that are a password, or a secret of its query.
pub fn in_url(url: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let start = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(start..).unwrap_or_default();
    let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    if let Some(user) = authority.rfind('@') {
        let from = authority[..user].find(':').map_or(0, |colon| colon + 1);
        found.push(start + from..start + user);
    }
    if let Some(query) = url.find('?') {
        let mut at = query + 1;
        for pair in url[at..].split('&') {
            if let Some((key, value)) = pair.split_once('=')
                && probable(key, value)
            {
                found.push(at + key.len() + 1..at + pair.len());
            }
            at += pair.len() + 1;
        }
    }
    found
}

/// Tags of a text in the grammar of `DD_TAGS` or of `key=value` lists: the bytes of values that are probable secrets.
pub fn in_pairs(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for tag in parse::tags(text) {
        let entry = text.get(tag.at.clone()).unwrap_or_default();
        let Some(mark) = entry.find([':', '=']) else {
            continue;
        };
        let (key, value) = (parse::trimmed(&entry[..mark]), parse::trimmed(&entry[mark + 1..]));
        if probable(key, value) {
            let lead = entry[mark + 1..].len() - entry[mark + 1..].trim_start().len();
            let from = tag.at.start + mark + 1 + lead;
            found.push(from..from + value.len());
        }
    }
    found
}

/// The bytes of the value of the variable (or dotted key) `name` that must not be printed, in order, none overlapping
/// another.
pub fn parts(name: &str, value: &str) -> Vec<Range<usize>> {
    let sensitive = registry::find(name).is_some_and(|variable| variable.sensitive()) || secret_key(name);
    if !value.is_empty() && (sensitive || token_shape(parse::trimmed(value))) {
        return std::iter::once(0..value.len()).collect();
    }
    let mut ranges = if value.contains("://") { in_url(value) } else { Vec::new() };
    ranges.extend(in_pairs(value));
    ranges.sort_by_key(|range| range.start);
    let mut behind = 0;
    for range in &mut ranges {
        range.start = range.start.max(behind);
        behind = behind.max(range.end);
    }
    ranges.retain(|range| range.start < range.end);
    ranges
}

/// The value of the variable (or dotted key) `name`, with everything replaced that must not be printed.
pub fn masked<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    let ranges = parts(name, value);
    if ranges.is_empty() {
        return Cow::Borrowed(value);
    }
    let (mut out, mut at) = (String::new(), 0);
    for range in ranges {
        out.push_str(value.get(at..range.start).unwrap_or_default());
        out.push_str(MASK);
        at = range.end;
    }
    out.push_str(value.get(at..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_words() {
        for key in
            ["api_key", "DD_API_KEY", "dbPassword", "x-auth-token", "client.secret", "APIKEY", "aws_access_key_id"]
        {
            assert!(secret_key(key), "{key}");
        }
        for key in ["author", "tokenizer", "keyboard", "primary_key", "team", "monkey", "env", "tokens_used"] {
            assert!(!secret_key(key), "{key}");
        }
    }

    #[test]
    fn secrets_are_masked_and_nothing_else() {
        let same = |name: &str, value: &str| assert_eq!(masked(name, value), value);
        same("DD_TAGS", "team:payments,url:http://example.test:81/x");
        same("DD_TRACE_AGENT_URL", "http://agent:8126");
        same("DD_SERVICE", "checkout");
        same("DD_TAGS", "api_key:short");
        assert_eq!(masked("DD_API_KEY", "0123456789abcdef"), MASK);
        assert_eq!(masked("DD_TAGS", "team:a, api_key: not-a-real-key-000000 ,b:c"), "team:a, api_key: **** ,b:c");
        assert_eq!(masked("DD_TAGS", "x:ghp_0123456789012345678901234567890123456789"), "x:****");
        assert_eq!(masked("DD_TRACE_AGENT_URL", "http://user:hunter2@agent:8126/"), "http://user:****@agent:8126/");
        assert_eq!(masked("DD_TRACE_AGENT_URL", "http://a/?api_key=0123456789&x=1"), "http://a/?api_key=****&x=1");
        assert_eq!(masked("OTEL_EXPORTER_OTLP_HEADERS", "a=b"), MASK);
        assert_eq!(masked("OTEL_RESOURCE_ATTRIBUTES", "a=b,db.password=0123456789"), "a=b,db.password=****");
        assert_eq!(masked("DD_SERVICE", "AKIAIOSFODNN7EXAMPLE"), MASK);
    }
}
