//! Header sets out of whatever somebody pastes: header lines, a raw HTTP request, `curl -v`, JSON, HAR, `env`, message
//! metadata, task records, log lines, or one bare value.
//!
//! ```text
//! > GET /checkout HTTP/1.1                         one set
//! > traceparent: 00-640cfd8d...-01
//!
//! TRACEPARENT=00-640cfd8d...-01                    one set
//!
//! 12:00:01 INFO traceparent=00-640c... done        one set a line
//! ```
//! Text in which nothing is known yields one set without headers: the answer to "what does this carry" is "nothing".

use super::carrier::{cut, position, split};
use crate::context::PropagationStyle;
use crate::http::Headers;
use serde_json::Value;
use smallvec::SmallVec;

/// Headers that carry trace context, lower-case, with the style that reads them.
const KNOWN: &[(&str, PropagationStyle)] = &[
    ("traceparent", PropagationStyle::TraceContext),
    ("tracestate", PropagationStyle::TraceContext),
    ("traceresponse", PropagationStyle::TraceContext),
    ("x-datadog-trace-id", PropagationStyle::Datadog),
    ("x-datadog-parent-id", PropagationStyle::Datadog),
    ("x-datadog-sampling-priority", PropagationStyle::Datadog),
    ("x-datadog-origin", PropagationStyle::Datadog),
    ("x-datadog-tags", PropagationStyle::Datadog),
    ("x-b3-traceid", PropagationStyle::B3Multi),
    ("x-b3-spanid", PropagationStyle::B3Multi),
    ("x-b3-parentspanid", PropagationStyle::B3Multi),
    ("x-b3-sampled", PropagationStyle::B3Multi),
    ("x-b3-flags", PropagationStyle::B3Multi),
    ("b3", PropagationStyle::B3),
    ("baggage", PropagationStyle::Baggage),
    ("uber-trace-id", PropagationStyle::Jaeger),
    ("x-amzn-trace-id", PropagationStyle::XRay),
    ("x-cloud-trace-context", PropagationStyle::Gcp),
    ("ot-tracer-traceid", PropagationStyle::OtTrace),
    ("ot-tracer-spanid", PropagationStyle::OtTrace),
    ("ot-tracer-sampled", PropagationStyle::OtTrace),
    ("sw8", PropagationStyle::Sw8),
    ("sw8-correlation", PropagationStyle::Sw8),
    ("sw8-x", PropagationStyle::Sw8),
    ("sentry-trace", PropagationStyle::None),
    ("newrelic", PropagationStyle::None),
    ("elastic-apm-traceparent", PropagationStyle::None),
];

/// Prefixes of header families with names of their own.
const FAMILIES: [&str; 5] = ["ot-baggage-", "uberctx-", "x-datadog-", "x-b3-", "ot-tracer-"];

/// Whether a header carries trace context in some style.
pub fn is_known(name: &str) -> bool {
    let known = |known: &str| known.eq_ignore_ascii_case(name);
    KNOWN.iter().any(|(name, _)| known(name))
        || FAMILIES
            .iter()
            .any(|family| name.get(..family.len()).is_some_and(|start| start.eq_ignore_ascii_case(family)))
}

/// The header sets of a text: at least one, possibly without headers.
pub fn header_sets(text: &str) -> Vec<Headers> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let sets = [json, curl, message, lines, env, bare, log].iter().find_map(|read| read(text));
    sets.filter(|sets: &Vec<Headers>| !sets.is_empty()).unwrap_or_else(|| vec![Headers::default()])
}

/// One argument: `Name: value`, or a bare value whose style shows.
pub fn argument(text: &str) -> Headers {
    let mut headers = Headers::default();
    argument_into(text, &mut headers);
    headers
}

/// The same into headers that are emptied first.
pub fn argument_into(text: &str, headers: &mut Headers) {
    headers.clear();
    let (name, value) = argument_field(text);
    headers.push_copy(name, value);
}

/// The same where it stands.
pub fn argument_field(text: &str) -> (&str, &str) {
    header_line(text).unwrap_or_else(|| (header_of(text), text))
}

/// `Name: value`; the name must be a token, and known unless a blank follows the colon.
fn header_line(line: &str) -> Option<(&str, &str)> {
    let (name, value) = cut(line, b':')?;
    let name = name.trim();
    let token =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    let clear = is_known(name) || value.is_empty() || value.starts_with([' ', '\t']);
    (token && clear && (is_known(name) || !name.bytes().all(|byte| byte.is_ascii_hexdigit()))).then_some((name, value))
}

/// The header that a bare value most likely is.
pub fn header_of(value: &str) -> &'static str {
    let value = value.trim();
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fields: SmallVec<[&str; 8]> = split(value, b'-').map(|(_, part)| part).collect();
    let lower = || value.to_ascii_lowercase();
    if position(value.as_bytes(), b'=').is_some() {
        let lower = lower();
        let begins = lower.starts_with("root=") || lower.starts_with("self=");
        if begins || lower.contains(";root=") || lower.contains("parent=") {
            return "x-amzn-trace-id";
        }
    }
    if let ["1", time, unique] = fields.as_slice()
        && time.len() == 8
        && unique.len() == 24
        && hex(time)
    {
        return "x-amzn-trace-id";
    }
    if fields.len() == 8 && fields[0].len() == 1 && !hex(fields[1]) {
        return "sw8";
    }
    // B3's first field is the long one, traceparent's the short one.
    if let [first, second, ..] = fields.as_slice()
        && fields.len() <= 4
        && [16, 32].contains(&first.len())
        && hex(first)
        && second.len() <= 16
    {
        return "b3";
    }
    if fields.len() >= 3 && fields[0].len() <= 3 {
        return "traceparent";
    }
    let lower = lower();
    if lower.starts_with("_dd.p.") {
        return "x-datadog-tags";
    }
    if value.split(':').count() == 4 || lower.contains("%3a") {
        return "uber-trace-id";
    }
    if let Some((trace, rest)) = value.split_once('/')
        && hex(trace)
        && !rest.is_empty()
    {
        return "x-cloud-trace-context";
    }
    if value.contains('=') {
        let dd = lower
            .split(',')
            .any(|member| member.trim_start().starts_with("dd=") || member.trim_start().starts_with("ot="));
        return if dd { "tracestate" } else { "baggage" };
    }
    if matches!(lower.as_str(), "0" | "1" | "d") {
        return "b3";
    }
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+') {
        return "x-datadog-trace-id";
    }
    "traceparent"
}

/// Names and values where they stand in a text. Memory is taken only for more than sixteen.
pub type Fields<'t> = SmallVec<[(&'t str, &'t str); 16]>;

/// The fields of one line `{"name": "value", ...}`, for counting very many lines. Empty for a line that is anything
/// else, or has an escape: a JSON parser has to look at it.
pub fn plain_json_line(line: &[u8]) -> Fields<'_> {
    let mut fields = Fields::new();
    if std::str::from_utf8(line).ok().and_then(|line| plain_members(line, &mut fields)).is_none() {
        fields.clear();
    }
    fields
}

fn plain_members<'l>(line: &'l str, fields: &mut Fields<'l>) -> Option<()> {
    if line.bytes().fold(false, |any, byte| any | (byte < b' ') | (byte == b'\\')) {
        return None;
    }
    // Without escapes a string ends with the next quote.
    let mut at = behind(line, 0, b'{')?;
    loop {
        let (name, end) = string(line, at)?;
        let (value, end) = string(line, behind(line, end, b':')?)?;
        if name == "headers" {
            return None;
        }
        fields.push((name, value));
        if matches!(line.get(end..)?, "}" | " }") {
            return Some(());
        }
        at = behind(line, end, b',')?;
    }
}

/// Where the next token begins after `byte`, which must stand at `at`, and one blank.
#[inline]
fn behind(line: &str, at: usize, byte: u8) -> Option<usize> {
    let bytes = line.as_bytes();
    (*bytes.get(at)? == byte).then_some(at + 1 + usize::from(bytes.get(at + 1) == Some(&b' ')))
}

/// The string at `at` and where it ends.
#[inline]
fn string(line: &str, at: usize) -> Option<(&str, usize)> {
    let start = behind(line, at, b'"').map(|_| at + 1)?;
    let end = start + position(line.as_bytes().get(start..)?, b'"')?;
    Some((line.get(start..end)?, end + 1))
}

/// The headers of one JSON object: its member `headers` (an object, or pairs), else its own members.
pub fn json_headers(members: &serde_json::Map<String, Value>) -> Headers {
    match members.get("headers") {
        Some(headers) => headers_of(headers),
        None => {
            let mut headers = Headers::default();
            members
                .iter()
                .filter_map(|(name, value)| Some((name, scalar(value)?)))
                .for_each(|(n, v)| headers.push(n, v));
            headers
        }
    }
}

// ---- whole texts, most telling form first -------------------------------------------------------------------------

fn json(text: &str) -> Option<Vec<Headers>> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let values: Vec<Value> = serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().ok()?;
    Some(values.iter().flat_map(json_sets).collect())
}

fn json_sets(value: &Value) -> Vec<Headers> {
    if let Some(Value::Array(entries)) = value.pointer("/log/entries") {
        let request = |entry: &Value| entry.pointer("/request/headers").map(headers_of);
        return entries.iter().filter_map(request).collect();
    }
    match value {
        Value::Object(members) if members.contains_key("headers") => vec![headers_of(&value["headers"])],
        Value::Array(items) if items.iter().all(|item| pair(item).is_some()) => vec![headers_of(value)],
        Value::Array(items) => items.iter().flat_map(json_sets).collect(),
        Value::Object(members) => {
            let plain = members.values().all(Value::is_string) && members.keys().any(|name| is_known(name));
            if plain {
                return vec![headers_of(value)];
            }
            let mut found = Headers::default();
            search(value, &mut found);
            vec![found]
        }
        Value::String(text) => vec![argument(text)],
        _ => vec![Headers::default()],
    }
}

/// `["name", "value"]` or `{"name": ..., "value": ...}`.
fn pair(item: &Value) -> Option<(&str, String)> {
    match item {
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(name), value] => Some((name, scalar(value)?)),
            _ => None,
        },
        Value::Object(members) => {
            let name = members.get("name").or_else(|| members.get("key"))?.as_str()?;
            Some((name, scalar(members.get("value")?)?))
        }
        _ => None,
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Headers as pairs, or as an object whose values are texts or lists of texts.
fn headers_of(value: &Value) -> Headers {
    let mut headers = Headers::default();
    match value {
        Value::Array(items) => items.iter().filter_map(pair).for_each(|(name, value)| headers.push(name, value)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::Array(values) => {
                        values.iter().filter_map(scalar).for_each(|value| headers.push(name, value))
                    }
                    value => scalar(value).into_iter().for_each(|value| headers.push(name, value)),
                }
            }
        }
        _ => {}
    }
    headers
}

/// The names under which records carry a context, in any nesting: message metadata, task records, structured logs.
fn search(value: &Value, found: &mut Headers) {
    // serde_json bounds the nesting of what it reads.
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let name = match key.as_str() {
                    "traceParent" | "trace_parent" => "traceparent",
                    "traceState" | "trace_state" => "tracestate",
                    key if is_known(key) => key,
                    _ => {
                        search(value, found);
                        continue;
                    }
                };
                if let Some(value) = scalar(value).filter(|value| !value.is_empty()) {
                    found.push(name, value);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| search(item, found)),
        _ => {}
    }
}

/// `curl -v`: `> ` before what was sent, `< ` before what came back.
fn curl(text: &str) -> Option<Vec<Headers>> {
    let of = |mark: &str| -> Vec<Headers> {
        let mut sets = Vec::new();
        let mut current = Headers::default();
        for line in text.lines() {
            let Some(line) = line.trim_start().strip_prefix(mark) else { continue };
            if line.trim().is_empty() || is_start_line(line) {
                if !current.is_empty() {
                    sets.push(std::mem::take(&mut current));
                }
            } else if let Some((name, value)) = header_line(line) {
                current.push(name, value);
            }
        }
        if !current.is_empty() {
            sets.push(current);
        }
        sets
    };
    let sent = of("> ");
    let known = |sets: &[Headers]| sets.iter().any(|set| set.iter().any(|(name, _)| is_known(name)));
    if sent.is_empty() {
        return None;
    }
    if known(&sent) {
        return Some(sent);
    }
    Some(of("< ")).filter(|back| known(back)).or(Some(sent))
}

fn is_start_line(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("HTTP/") || line.rsplit_once(' ').is_some_and(|(_, version)| version.starts_with("HTTP/"))
}

/// A raw HTTP message, or several one after the other without bodies.
fn message(text: &str) -> Option<Vec<Headers>> {
    if !is_start_line(text.trim_start().lines().next()?) {
        return None;
    }
    let mut sets: Vec<Headers> = Vec::new();
    let mut in_head = false;
    for line in text.trim_start().lines() {
        if is_start_line(line) {
            sets.push(Headers::default());
            in_head = true;
        } else if line.trim().is_empty() {
            in_head = false;
        } else if let (true, Some((name, value)), Some(set)) = (in_head, header_line(line), sets.last_mut()) {
            set.push(name, value);
        }
    }
    Some(sets)
}

/// `Name: value` lines, at least one of them known; blank lines part sets.
fn lines(text: &str) -> Option<Vec<Headers>> {
    let mut sets = Vec::new();
    let mut current = Headers::default();
    let mut known = false;
    for line in text.lines() {
        // Pasted out of a shell: -H 'Name: value'
        let line = line.trim().trim_end_matches('\\').trim_end();
        let line = line.strip_prefix("-H").or_else(|| line.strip_prefix("--header")).map_or(line, str::trim_start);
        let quoted = |quote: char| line.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let line = quoted('\'').or_else(|| quoted('"')).unwrap_or(line);
        if line.is_empty() {
            if !current.is_empty() {
                sets.push(std::mem::take(&mut current));
            }
        } else if let Some((name, value)) = header_line(line) {
            known |= is_known(name);
            current.push(name, value);
        }
    }
    if !current.is_empty() {
        sets.push(current);
    }
    known.then_some(sets)
}

/// `env` output: `TRACEPARENT=...`, `X_DATADOG_TRACE_ID=...`, with `export` before it or quotes around the value.
fn env(text: &str) -> Option<Vec<Headers>> {
    let mut headers = Headers::default();
    for line in text.lines() {
        let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
        let Some((variable, value)) = line.split_once('=') else { continue };
        if variable.is_empty() || !variable.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
            continue;
        }
        let name = variable.strip_prefix("HTTP_").unwrap_or(variable).replace('_', "-").to_ascii_lowercase();
        if is_known(&name) {
            headers.push(name, value.trim_matches(['"', '\'']));
        }
    }
    (!headers.is_empty()).then(|| vec![headers])
}

/// One line that is a value of some style.
fn bare(text: &str) -> Option<Vec<Headers>> {
    let text = text.trim_matches(['\r', '\n', ' ', '\t']);
    let one_word = !text.is_empty() && !text.contains(char::is_whitespace);
    let looks_like_id = text.bytes().filter(u8::is_ascii_hexdigit).count() * 2 > text.len();
    (one_word && looks_like_id).then(|| vec![argument(text)])
}

/// Log text: known names followed by `=`, `:` or `":` and a value, one set for each line that has any.
fn log(text: &str) -> Option<Vec<Headers>> {
    let sets: Vec<Headers> = text.lines().filter_map(log_line).collect();
    (!sets.is_empty()).then_some(sets)
}

fn log_line(line: &str) -> Option<Headers> {
    let mut headers = Headers::default();
    let lower = line.to_ascii_lowercase();
    let mut names: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
    names.push("trace_parent");
    let mut found: Vec<(usize, &str, &str)> = Vec::new();
    for name in names {
        for (at, _) in lower.match_indices(name) {
            let inside_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
            let (before, after) = (line[..at].chars().next_back(), &line[at + name.len()..]);
            let after = after.trim_start_matches(['"', '\'', '\\', ' ']);
            let Some(after) = after.strip_prefix([':', '=']) else { continue };
            if inside_word(before) {
                continue;
            }
            let after = after.trim_start_matches([' ', '\\']);
            let value = match after.strip_prefix(['"', '\'']) {
                Some(quoted) => quoted.split(['"', '\'', '\\']).next(),
                None => after.split([' ', '\t', '"', ']', '}', ')']).next(),
            };
            let value = value.unwrap_or_default().trim_end_matches([',', '.', ';']);
            found.push((at, if name == "trace_parent" { "traceparent" } else { name }, value));
        }
    }
    found.sort_unstable();
    found.into_iter().filter(|(.., value)| !value.is_empty()).for_each(|(_, name, value)| headers.push(name, value));
    (!headers.is_empty()).then_some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01";

    fn sets(text: &str) -> Vec<Vec<(String, String)>> {
        let pairs = |set: &Headers| set.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned())).collect();
        header_sets(text).iter().map(pairs).collect()
    }

    fn one(text: &str) -> Vec<(String, String)> {
        let sets = sets(text);
        assert_eq!(sets.len(), 1, "{text}: {sets:?}");
        sets.into_iter().next().unwrap_or_default()
    }

    #[test]
    fn every_form_gives_the_same_header() {
        for text in [
            format!("traceparent: {PARENT}"),
            format!("Host: example.com\r\nTraceparent: {PARENT}\r\n"),
            format!("GET /checkout HTTP/1.1\r\nHost: a\r\ntraceparent: {PARENT}\r\n\r\nbody: traceparent\n"),
            format!(
                "* Connected\n> GET / HTTP/1.1\n> Host: a\n> traceparent: {PARENT}\n>\n< HTTP/1.1 200 OK\n< Server: b\n"
            ),
            format!(r#"{{"traceparent": "{PARENT}"}}"#),
            format!(r#"{{"headers": {{"traceparent": "{PARENT}", "n": 1}}}}"#),
            format!(r#"[["Accept", "*/*"], ["traceparent", "{PARENT}"]]"#),
            format!(r#"[{{"name": "traceparent", "value": "{PARENT}"}}]"#),
            format!(r#"{{"id": "t1", "meta": {{"traceParent": "{PARENT}", "traceState": ""}}, "n": 5}}"#),
            format!(
                r#"{{"log":{{"entries":[{{"request":{{"headers":[{{"name":"traceparent","value":"{PARENT}"}}]}}}}]}}}}"#
            ),
            format!("HOME=/root\nTRACEPARENT={PARENT}\nPATH=/bin\n"),
            format!("export TRACEPARENT='{PARENT}'\n"),
            format!("12:00:01 INFO request done traceparent={PARENT}, status=200\n"),
            format!(r#"ts=1 msg="sent" headers="{{\"traceparent\":\"{PARENT}\"}}""#),
            format!("  -H 'traceparent: {PARENT}' \\\n"),
            format!("{PARENT}\n"),
        ] {
            assert!(one(&text).contains(&("traceparent".to_owned(), PARENT.to_owned())), "{text}\n{:?}", sets(&text));
        }
    }

    #[test]
    fn plain_lines_are_read_as_a_parser_reads_them() {
        for line in [
            r#"{"traceparent":"00-1","b3":""}"#,
            r#"{ "a": "b", "a":"c" }"#,
            r#"{"x":"{\"y\":1}"}"#.replace('\\', "").as_str(),
            r#"{"a":"\u0062"}"#,
            r#"{"a":"b",}"#,
            r#"{"a":"b"}x"#,
            r#"{"a":"b"},"#,
            r#"{"a":"b""c":"d"}"#,
            r#"{"a","b"}"#,
            r#"{"a":1,"b":"c"}"#,
            r#"{"a":"b","c":2}"#,
            r#"{"headers":"a"}"#,
            "{\"a\":\"\t\"}",
            r#"{"a":"b"#,
            r#"{"a"}"#,
            "{}",
            "",
        ] {
            let parsed = serde_json::from_str::<serde_json::Map<String, Value>>(line).ok();
            let plain = plain_json_line(line.as_bytes());
            if !plain.is_empty() {
                let parsed = parsed.unwrap_or_else(|| panic!("{line} is no object"));
                let last: serde_json::Map<String, Value> =
                    plain.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
                assert_eq!(last, parsed, "{line}");
            }
        }
        assert!(plain_json_line(br#"{"a":"b","c": "\u00e9"}"#).is_empty());
        let plain = plain_json_line("{\"a\":\"b\", \"c\": \"\u{e9}\"}".as_bytes());
        assert_eq!(plain.as_slice(), [("a", "b"), ("c", "\u{e9}")]);
    }

    #[test]
    fn logs_and_har_files_hold_several_sets() {
        assert_eq!(sets(&format!("a traceparent={PARENT}\nnothing\nb traceparent={PARENT}\n")).len(), 2);
        let entry = r#"{"request":{"headers":[{"name":"b3","value":"0"}]}}"#;
        assert_eq!(sets(&format!(r#"{{"log":{{"entries":[{entry},{entry}]}}}}"#)).len(), 2);
        assert_eq!(sets(&format!("traceparent: {PARENT}\n\nb3: 0\n")).len(), 2);
    }

    #[test]
    fn nothing_known_is_one_empty_set() {
        for text in ["", "\n\n", "hello world", "{}", "[]", "{\"a\": 1}"] {
            assert_eq!(sets(text), [vec![]], "{text:?}");
        }
    }

    #[test]
    fn bare_values_show_their_style() {
        for (value, header) in [
            (PARENT, "traceparent"),
            ("00-640CFD8D00000000abcdefab12345678-000000003ade68b1-1", "traceparent"),
            ("0-640cfd8d00000000abcdefab12345678-000000003ade68b1-01", "traceparent"),
            ("640cfd8d00000000abcdefab12345678-000000003ade68b1-1", "b3"),
            ("0", "b3"),
            ("640cfd8d00000000abcdefab12345678:000000003ade68b1:0:1", "uber-trace-id"),
            ("Root=1-640cfd8d-00000000abcdefab12345678;Parent=000000003ade68b1;Sampled=1", "x-amzn-trace-id"),
            ("1-640cfd8d-00000000abcdefab12345678", "x-amzn-trace-id"),
            ("640cfd8d00000000abcdefab12345678/987654321;o=1", "x-cloud-trace-context"),
            ("12379814468735227512", "x-datadog-trace-id"),
            ("_dd.p.dm=-1,_dd.p.tid=640cfd8d00000000", "x-datadog-tags"),
            ("dd=s:1;t.dm:-1,congo=t61", "tracestate"),
            ("userId=alice,serverNode=DF%2028", "baggage"),
            ("1-MTIzNA==-NTY3OA==-3-c2VydmljZQ==-aW5zdGFuY2U=-L2FwaQ==-MTI3LjAuMC4xOjgwODA=", "sw8"),
        ] {
            assert_eq!(header_of(value), header, "{value}");
        }
        assert_eq!(argument("b3:0").iter().next(), Some(("b3", "0")));
        assert_eq!(argument("abc:def:0:1").iter().next(), Some(("uber-trace-id", "abc:def:0:1")));
    }
}
