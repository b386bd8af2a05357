//! Log lines and the spans that they were written in (seeds-scenarios.md section 8).
//!
//! ```text
//! {"level":"info","trace_id":"e3d4...af5","span_id":"b0a7...57a","message":"calling provider"}
//! {"level":"INFO","dd.trace_id":4887087011255144808,"dd.span_id":18305093704486291568,"message":"received request"}
//! ```

use crate::id::{Reading, SpanId, TraceId};
use rustc_hash::FxHashMap;
use serde_json::{Map, Value};
use std::io::{self, BufRead, Read};

/// Longest line that is read; what is beyond is cut off, and the line is no JSON then.
const MOST_LINE: u64 = 1 << 20;
/// Longest message that is kept.
const MOST_MESSAGE: usize = 500;

/// A line that belongs to a trace of the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its number in the file, from 0.
    pub line: usize,
    /// Position of its trace among those asked for.
    pub trace: usize,
    /// Ways of reading its span id; the one that the trace has counts.
    spans: Vec<SpanId>,
    /// What it is ordered by.
    moment: Moment,
    /// Its level, when it says one.
    pub level: String,
    /// Its message.
    pub message: String,
}

impl LogLine {
    /// The span that it was written in, of those that `has` knows.
    pub fn span(&self, has: impl Fn(SpanId) -> bool) -> Option<SpanId> {
        self.spans.iter().copied().find(|id| has(*id))
    }
}

/// When a line was written. Lines that do not say it come first, those whose time cannot be read next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Unsaid,
    Text(String),
    /// Nanoseconds since 1970.
    At(i128),
}

impl Moment {
    /// RFC 3339, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size: each
    /// unit reaches from 1973 to the year 5138.
    fn of(value: &Value) -> Moment {
        if value.is_null() {
            return Moment::Unsaid;
        }
        let text = as_text(value);
        if let Ok(time) = chrono::DateTime::parse_from_rfc3339(&text) {
            let nanos = i128::from(time.timestamp_subsec_nanos());
            return Moment::At(i128::from(time.timestamp()) * 1_000_000_000 + nanos);
        }
        let per_unit = |number: f64| match number.abs() {
            size if size < 1e11 => 1_000_000_000,
            size if size < 1e14 => 1_000_000,
            size if size < 1e17 => 1_000,
            _ => 1,
        };
        match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(whole), _) => Moment::At(i128::from(whole) * per_unit(whole as f64)),
            (_, Ok(number)) if number.is_finite() => Moment::At((number * per_unit(number) as f64) as i128),
            _ => Moment::Text(text),
        }
    }
}

/// The lines of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// Those of the traces asked for, by time, ties in the order of the file.
    pub joined: Vec<LogLine>,
    /// Lines in all.
    pub read: u64,
    /// Of traces that were not asked for.
    pub foreign: u64,
    /// JSON without ids.
    pub without_ids: u64,
    /// No JSON object.
    pub not_json: u64,
}

impl Logs {
    /// Reads a file, and keeps the lines of `traces`.
    pub fn read(mut input: impl BufRead, traces: &[TraceId]) -> io::Result<Logs> {
        let mut logs = Logs::default();
        let mut by_low: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
        for (at, trace) in traces.iter().enumerate() {
            by_low.entry(trace.low()).or_default().push(at);
        }
        let find = |id: TraceId| {
            let same = |at: &usize| traces.get(*at).is_some_and(|trace| is_same(id, *trace));
            by_low.get(&id.low())?.iter().copied().find(same)
        };
        let mut bytes = Vec::new();
        for line in 0.. {
            bytes.clear();
            if input.by_ref().take(MOST_LINE).read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            if bytes.len() as u64 == MOST_LINE && !bytes.ends_with(b"\n") {
                skip_line(&mut input)?;
            }
            logs.read += 1;
            let document: Option<Map<String, Value>> = serde_json::from_slice(&bytes).ok();
            let Some(document) = document else {
                logs.not_json += 1;
                continue;
            };
            match logged(line, &document, &find) {
                Found::Line(line) => logs.joined.push(*line),
                Found::Foreign => logs.foreign += 1,
                Found::NoIds => logs.without_ids += 1,
            }
        }
        logs.joined.sort_by(|a, b| a.moment.cmp(&b.moment).then(a.line.cmp(&b.line)));
        Ok(logs)
    }
}

/// Reads to the end of a line and keeps nothing.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (length, end) = match memchr::memchr(b'\n', buffer) {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(length);
        if end {
            return Ok(());
        }
    }
}

enum Found {
    Line(Box<LogLine>),
    Foreign,
    NoIds,
}

fn logged(line: usize, document: &Map<String, Value>, find: &dyn Fn(TraceId) -> Option<usize>) -> Found {
    let Some((of_trace, spans)) = ids(document) else { return Found::NoIds };
    let Some(trace) = of_trace.into_iter().find_map(find) else { return Found::Foreign };
    let member = |keys: &[&str]| keys.iter().find_map(|key| document.get(*key));
    let text = |keys: &[&str]| member(keys).map(as_text).unwrap_or_default();
    let mut message = text(&["message", "msg", "event"]);
    if let Some((end, _)) = message.char_indices().nth(MOST_MESSAGE) {
        message.truncate(end);
    }
    let moment = member(&["time", "ts", "timestamp", "@timestamp"]).map_or(Moment::Unsaid, Moment::of);
    let level = text(&["level", "severity", "lvl", "status"]);
    Found::Line(Box::new(LogLine { line, trace, spans, moment, level, message }))
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An id of 64 bits stands for the low half.
fn is_same(id: TraceId, trace: TraceId) -> bool {
    id == trace || (id.high() == 0 && id.low() == trace.low())
}

/// The ids of a line, each in every way that it can be read.
fn ids(document: &Map<String, Value>) -> Option<(Vec<TraceId>, Vec<SpanId>)> {
    let member = |key: &str| document.get(key).map(as_text);
    let below = |object: &str, key: &str| document.get(object)?.get(key).map(as_text);
    let pairs = [
        (member("trace_id"), member("span_id")),
        (
            member("dd.trace_id").or_else(|| below("dd", "trace_id")),
            member("dd.span_id").or_else(|| below("dd", "span_id")),
        ),
        (member("traceID"), member("spanID")),
        (member("traceId"), member("spanId")),
    ];
    for (trace, span) in pairs {
        let Some(trace) = trace else { continue };
        let traces: Vec<TraceId> = Reading::all(&trace).into_iter().map(|reading| reading.trace_id).collect();
        if traces.is_empty() {
            continue;
        }
        let spans = span.map(|span| Reading::all(&span)).unwrap_or_default();
        let spans =
            spans.into_iter().filter_map(|reading| u64::try_from(reading.trace_id.0).ok()).map(SpanId).collect();
        return Some((traces, spans));
    }
    let header = ["traceparent", "traceParent"].into_iter().find_map(member)?;
    let reading = Reading::all(&header).into_iter().find(|reading| reading.parent_id.is_some())?;
    Some((vec![reading.trace_id], reading.parent_id.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3d45c40746700a92af4bf78cbb96af5";

    #[test]
    fn lines_are_joined_in_every_notation() {
        let trace = TraceId(u128::from_str_radix(HEX, 16).unwrap());
        let (low, span) = (trace.low(), SpanId(0xb0a7_0b1f_d9d2_b57a));
        let lines = [
            format!(r#"{{"trace_id":"{HEX}","span_id":"{span}","time":"2","message":"b"}}"#),
            format!(r#"{{"dd.trace_id":{low},"dd.span_id":{},"time":"1","msg":"a"}}"#, span.0),
            format!(r#"{{"dd.trace_id":"{low}","dd.span_id":"{}"}}"#, span.0),
            format!(r#"{{"dd":{{"trace_id":"{HEX}","span_id":"{}"}}}}"#, span.0),
            format!(r#"{{"traceID":"{HEX}","spanID":"{span}"}}"#),
            format!(r#"{{"traceparent":"00-{HEX}-{span}-01"}}"#),
            format!(r#"{{"traceParent":"00-{HEX}-0000000000000001-01"}}"#),
            r#"{"trace_id":"00000000000000000000000000000001"}"#.to_owned(),
            r#"{"message":"no ids"}"#.to_owned(),
            "plain text".to_owned(),
            "[1]".to_owned(),
            String::new(),
        ];
        let logs = Logs::read(lines.join("\n").as_bytes(), &[TraceId(9), trace]).unwrap();
        assert_eq!((logs.read, logs.foreign, logs.without_ids, logs.not_json), (11, 1, 1, 2));
        let found: Vec<_> = logs.joined.iter().map(|line| (line.line, line.span(|id| id == span))).collect();
        let of_span = |line| (line, Some(span));
        // Those without a time come first.
        assert_eq!(found, [of_span(2), of_span(3), of_span(4), of_span(5), (6, None), of_span(1), of_span(0)]);
        assert!(logs.joined.iter().all(|line| line.trace == 1));
    }

    #[test]
    fn lines_are_in_the_order_of_their_times() {
        // The same moment, half a second later each, in every notation, and backwards.
        let times = [
            "\"2025-10-09T08:53:23.5Z\"",
            "1760000003",
            "\"2025-10-09T09:53:22.500+01:00\"",
            "1760000002.0",
            "1760000001500",
            "\"1760000001\"",
            "1760000000500000",
            "1760000000000000000",
            "\"yesterday\"",
            "null",
        ];
        let lines = times.map(|time| format!(r#"{{"trace_id":"{HEX}","ts":{time}}}"#)).join("\n");
        let trace = TraceId(u128::from_str_radix(HEX, 16).unwrap());
        let logs = Logs::read(format!(r#"{lines}{}{{"trace_id":"{HEX}"}}"#, "\n").as_bytes(), &[trace]).unwrap();
        let order: Vec<usize> = logs.joined.iter().map(|line| line.line).collect();
        assert_eq!(order, [9, 10, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut text = vec![b'x'; 3 << 20];
        text.extend_from_slice(b"\n{\"message\":\"next\"}\n");
        let logs = Logs::read(&text[..], &[]).unwrap();
        assert_eq!((logs.read, logs.not_json, logs.without_ids), (2, 1, 1));
    }
}
