//! A propagation header drawn with its fields labelled underneath.
//!
//! ```text
//! 00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01
//! ┬─ ┬─────────────────────────────── ┬─────────────── ┬─
//! │  │                                │                └ flags 01: sampled
//! │  │                                └ parent-id, decimal 987654321
//! │  └ trace-id
//! └ version
//! ```

use super::{Theme, clean, paint, spaces, time};
use crate::id::{SpanId, TraceId};
use crate::time::Timestamp;
use std::io::{self, Write};
use std::ops::Range;

/// A part of a value and what it means, in one or more lines.
pub struct Field {
    /// Bytes of the value.
    pub range: Range<usize>,
    /// What stands there.
    pub lines: Vec<String>,
}

/// Draws a value with its fields underneath; as a list where it is too long or not plain.
pub fn labelled(w: &mut dyn Write, value: &str, fields: &[Field], theme: &Theme) -> io::Result<()> {
    let faint = theme.palette.faint;
    let fits = super::is_simple(value.as_bytes()) && value.len() + 8 <= theme.width;
    if !fits {
        writeln!(w, "{}", clean(value, theme.ascii))?;
        for field in fields {
            let text = clean(value.get(field.range.clone()).unwrap_or_default(), theme.ascii);
            let mut lines = field.lines.iter().map(|line| clean(line, theme.ascii));
            let first = lines.next().unwrap_or_default();
            writeln!(w, "  {} {}", paint(text, theme.palette.strong), paint(first, faint))?;
            lines.try_for_each(|line| writeln!(w, "    {}", paint(line, faint)))?;
        }
        return Ok(());
    }
    let (tee, bar, pipe, corner) = if theme.ascii { ('+', "-", '|', '`') } else { ('┬', "─", '│', '└') };
    writeln!(w, "{}", paint(value, theme.palette.strong))?;
    let mut fields: Vec<&Field> = fields.iter().filter(|field| !field.range.is_empty()).collect();
    fields.sort_by_key(|field| field.range.start);
    let mut line = String::new();
    for field in &fields {
        line.push_str(&spaces(field.range.start.saturating_sub(line.chars().count())));
        line.push(tee);
        line.push_str(&bar.repeat(field.range.len() - 1));
    }
    writeln!(w, "{}", paint(line, faint))?;
    for at in (0..fields.len()).rev() {
        let mut guides = String::new();
        for field in &fields[..at] {
            guides.push_str(&spaces(field.range.start.saturating_sub(guides.chars().count())));
            guides.push(pipe);
        }
        let indent = fields[at].range.start.saturating_sub(guides.chars().count());
        for (number, text) in fields[at].lines.iter().enumerate() {
            let end = if number == 0 { corner } else { ' ' };
            let line = format!("{guides}{}{end}", spaces(indent));
            writeln!(w, "{} {}", paint(line, faint), clean(text, theme.ascii))?;
        }
    }
    Ok(())
}

/// The fields of a header's value, by its name. A value that does not have the header's form has fewer fields.
pub fn fields(name: &str, value: &str) -> Vec<Field> {
    match name.to_ascii_lowercase().as_str() {
        "traceparent" | "traceresponse" => {
            positional(value, '-', &[Part::Named("version"), Part::TraceId, Part::SpanId("parent-id"), Part::Flags])
        }
        "b3" => {
            positional(value, '-', &[Part::TraceId, Part::SpanId("span-id"), Part::Sampled, Part::SpanId("parent-id")])
        }
        "x-b3-traceid" | "ot-tracer-traceid" => positional(value, '\0', &[Part::TraceId]),
        "x-b3-spanid" | "ot-tracer-spanid" => positional(value, '\0', &[Part::SpanId("span-id")]),
        "x-b3-parentspanid" => positional(value, '\0', &[Part::SpanId("parent-id")]),
        "x-b3-sampled" | "ot-tracer-sampled" => positional(value, '\0', &[Part::Sampled]),
        "uber-trace-id" => {
            let separator = if value.contains(':') { ':' } else { '\0' };
            positional(
                value,
                separator,
                &[Part::TraceId, Part::SpanId("span-id"), Part::Named("parent-id, unused"), Part::Flags],
            )
        }
        "x-datadog-trace-id" => positional(value, '\0', &[Part::DecimalTrace]),
        "x-datadog-parent-id" => positional(value, '\0', &[Part::DecimalSpan]),
        "x-datadog-sampling-priority" => positional(value, '\0', &[Part::Priority]),
        "x-datadog-origin" => positional(value, '\0', &[Part::Named("origin")]),
        "tracestate" => tracestate(value),
        "x-datadog-tags" => pairs(value, ',', '=', dd_tag),
        "baggage" => pairs(value, ',', '=', |key, _| format!("baggage item {key}")),
        "x-amzn-trace-id" => pairs(value, ';', '=', xray),
        _ => Vec::new(),
    }
}

#[derive(Clone, Copy)]
enum Part {
    Named(&'static str),
    TraceId,
    SpanId(&'static str),
    Flags,
    Sampled,
    DecimalTrace,
    DecimalSpan,
    Priority,
}

fn positional(value: &str, separator: char, parts: &[Part]) -> Vec<Field> {
    let mut start = 0;
    let split: Vec<&str> = if separator == '\0' { vec![value] } else { value.split(separator).collect() };
    let mut fields = Vec::new();
    for (position, text) in split.into_iter().enumerate() {
        let range = start..start + text.len();
        start += text.len() + 1;
        if range.is_empty() {
            continue;
        }
        let lines = parts.get(position).map_or_else(|| vec!["more data".to_owned()], |part| part.lines(text));
        fields.push(Field { range, lines });
    }
    fields
}

impl Part {
    fn lines(self, text: &str) -> Vec<String> {
        match self {
            Part::Named(name) => vec![name.to_owned()],
            Part::TraceId => match u128::from_str_radix(text, 16) {
                Ok(id) if text.len() <= 32 => trace_id("trace-id", TraceId(id)),
                _ => vec!["trace-id".to_owned()],
            },
            Part::SpanId(name) => match u64::from_str_radix(text, 16) {
                Ok(id) if text.len() <= 16 => vec![format!("{name}  decimal {id}")],
                _ => vec![name.to_owned()],
            },
            Part::Flags => match u8::from_str_radix(text, 16) {
                Ok(bits) => {
                    let on = |bit: u8| if bits & bit != 0 { "on" } else { "off" };
                    let sampled = if bits & 1 != 0 { "sampled" } else { "not sampled" };
                    vec![format!("flags 0x{bits:02x}: {sampled}; random bit {}", on(2))]
                }
                Err(_) => vec!["flags".to_owned()],
            },
            Part::Sampled => vec![match text {
                "1" => "sampled: keep".to_owned(),
                "0" => "not sampled: drop".to_owned(),
                "d" => "debug: keep".to_owned(),
                _ => "sampling state".to_owned(),
            }],
            Part::DecimalTrace => match text.parse::<u64>() {
                Ok(id) => vec![format!("trace-id, low 64 bits  hex {id:016x}")],
                Err(_) => vec!["trace-id, low 64 bits, decimal".to_owned()],
            },
            Part::DecimalSpan => match text.parse::<u64>() {
                Ok(id) => vec![format!("parent-id  hex {}", SpanId(id))],
                Err(_) => vec!["parent-id, decimal".to_owned()],
            },
            Part::Priority => vec![format!("sampling priority{}", priority(text))],
        }
    }
}

/// The halves of a trace id, in the notations in which logs and headers write them.
pub fn trace_id(name: &str, id: TraceId) -> Vec<String> {
    let (high, low) = (id.high(), id.low());
    if high == 0 {
        return vec![format!("{name}  64 bits, decimal {low} (x-datadog-trace-id)")];
    }
    let seconds = (high >> 32) as i64;
    let dated = high as u32 == 0 && (946_684_800..4_102_444_800).contains(&seconds);
    let date = if dated {
        format!(" = {} (Datadog 128-bit layout)", time::date(Timestamp(seconds * 1_000_000_000)))
    } else {
        String::new()
    };
    let indent = spaces(name.len());
    vec![
        format!("{name}  high {high:016x}{date}, _dd.p.tid"),
        format!("{indent}  low  {low:016x} = decimal {low} (x-datadog-trace-id)"),
    ]
}

fn priority(text: &str) -> &'static str {
    match text {
        "-1" => ": user drop",
        "0" => ": automatic drop",
        "1" => ": automatic keep",
        "2" => ": user keep",
        _ => "",
    }
}

fn tracestate(value: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut start = 0;
    for member in value.split(',') {
        let lead = member.len() - member.trim_start().len();
        let range = start + lead..start + lead + member.trim().len();
        start += member.len() + 1;
        let member = member.trim();
        let Some((key, inside)) = member.split_once('=') else {
            fields.push(Field { range, lines: vec!["no member".to_owned()] });
            continue;
        };
        let lines = match key {
            "dd" => inside.split(';').filter(|field| !field.is_empty()).map(dd_field).collect(),
            "ot" => vec!["OpenTelemetry probability sampling".to_owned()],
            other => vec![format!("of {other}, passed on")],
        };
        fields.push(Field { range, lines });
    }
    fields
}

fn dd_field(field: &str) -> String {
    match field.split_once(':') {
        Some(("s", text)) => format!("s:{text}  sampling priority{}", priority(text)),
        Some(("o", _)) => format!("{field}  origin"),
        Some(("p", _)) => format!("{field}  last Datadog span"),
        Some(("t.dm", text)) => format!("{field}  decided by{}", mechanism(text)),
        Some((key, _)) if key.starts_with("t.") => format!("{field}  trace tag _dd.p.{}", &key[2..]),
        _ => field.to_owned(),
    }
}

fn dd_tag(key: &str, text: &str) -> String {
    match key {
        "_dd.p.tid" => "high half of the trace id".to_owned(),
        "_dd.p.dm" => format!("decided by{}", mechanism(text)),
        "_dd.p.ts" => "products that want the trace".to_owned(),
        other => format!("trace tag {other}"),
    }
}

/// Who decided about sampling: the number behind the last hyphen of `_dd.p.dm`.
fn mechanism(text: &str) -> &'static str {
    match text.rsplit('-').next().unwrap_or_default() {
        "0" => ": default",
        "1" => ": agent rate",
        "3" => ": local rule",
        "4" => ": manual",
        "5" => ": app security",
        "6" => ": remote user rate",
        "8" => ": single span rule",
        "9" => ": OTLP ingest",
        "10" => ": data jobs",
        "11" => ": remote user rule",
        "12" => ": remote adaptive rule",
        "13" => ": AI guard",
        _ => "",
    }
}

fn xray(key: &str, text: &str) -> String {
    match key.to_ascii_lowercase().as_str() {
        "root" => match text.split('-').nth(1).and_then(|seconds| i64::from_str_radix(seconds, 16).ok()) {
            Some(seconds) => {
                format!("trace-id, begun {}", time::date(Timestamp(seconds.saturating_mul(1_000_000_000))))
            }
            None => "trace-id".to_owned(),
        },
        "parent" => "parent-id".to_owned(),
        "sampled" => "sampling decision".to_owned(),
        other => other.to_owned(),
    }
}

fn pairs(value: &str, separator: char, equals: char, label: impl Fn(&str, &str) -> String) -> Vec<Field> {
    let mut start = 0;
    let mut fields = Vec::new();
    for part in value.split(separator) {
        let lead = part.len() - part.trim_start().len();
        let range = start + lead..start + lead + part.trim().len();
        start += part.len() + separator.len_utf8();
        if range.is_empty() {
            continue;
        }
        let (key, text) = part.trim().split_once(equals).unwrap_or((part.trim(), ""));
        fields.push(Field { range, lines: vec![label(key, text)] });
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(name: &str, value: &str, width: usize) -> String {
        let mut out = Vec::new();
        labelled(&mut out, value, &fields(name, value), &Theme::plain(width)).expect("a Vec takes everything");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_traceparent_is_drawn_field_by_field() {
        let value = "00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01";
        let expected = "\
00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01
┬─ ┬─────────────────────────────── ┬─────────────── ┬─
│  │                                │                └ flags 0x01: sampled; random bit off
│  │                                └ parent-id  decimal 987654321
│  └ trace-id  high 640cfd8d00000000 = 2023-03-11T22:15:41Z (Datadog 128-bit layout), _dd.p.tid
│              low  abcdefab12345678 = decimal 12379814468735227512 (x-datadog-trace-id)
└ version
";
        assert_eq!(drawn("traceparent", value, 100), expected);
    }

    #[test]
    fn nothing_panics_and_everything_is_cleaned() {
        for name in
            ["traceparent", "b3", "tracestate", "x-datadog-tags", "baggage", "x-amzn-trace-id", "uber-trace-id", "x"]
        {
            for value in ["", "-", "---", ",,;=", "\u{1b}[31m", "ä-ö-ü", "00-é", "dd=", "dd=s:1;;t.dm:-4,=,x"] {
                assert!(!drawn(name, value, 80).contains('\u{1b}'));
                drawn(name, value, 5);
            }
        }
    }
}
