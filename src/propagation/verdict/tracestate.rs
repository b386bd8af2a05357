//! `vendor=1,dd=s:2;o:rum;p:00f067aa0ba902b7`: the sampling priority in the member `dd`, held against the flag of
//! traceparent. Nothing else in tracestate decides.

use super::Cause;
use super::causes::Causes;
use super::number::blank;
use super::quirks::{Members, Tracestate, WhichDd, WhichS};

/// What traceparent and tracestate together decide.
pub(super) struct Decided {
    pub priority: Option<i64>,
    /// `dd` has a last Datadog parent that is not empty.
    pub last_parent: bool,
}

/// The decision of `value`, where `flag` is that of traceparent.
pub(super) fn decided(value: &str, flag: i64, grammar: &Tracestate, causes: &mut Causes) -> Decided {
    let mut decided = Decided { priority: Some(flag), last_parent: false };
    let text = grammar.trim.apply(value);
    if text.is_empty() {
        return decided;
    }
    if text.len() > grammar.max_bytes {
        causes.bends("tracestate-over-512-bytes");
        return decided;
    }
    let parts = text.split(',').take(grammar.max_members);
    let Some(members) = dd_members(parts, grammar.members, causes) else { return decided };
    if members.is_empty() && text.split(',').skip(grammar.max_members).any(|part| part.trim().starts_with("dd=")) {
        causes.bends("tracestate-too-many-members");
    }
    if members.windows(2).any(|pair| pair[0] != pair[1]) {
        causes.bends("tracestate-duplicate-key");
    }
    let chosen = match grammar.dd {
        WhichDd::First => members.get(..1),
        WhichDd::Last => members.len().checked_sub(1).and_then(|last| members.get(last..)),
        WhichDd::Each => Some(&members[..]),
    };
    for dd in chosen.unwrap_or_default() {
        if dd.len() > grammar.max_dd {
            causes.bends("dd-member-too-long");
            break;
        }
        fields(dd, flag, grammar, &mut decided, causes);
    }
    decided
}

/// The values of all members `dd`; `None` when the whole header is ignored.
fn dd_members<'v>(parts: impl Iterator<Item = &'v str>, rule: Members, causes: &mut Causes) -> Option<Vec<&'v str>> {
    if let Members::Printable(trim) = rule {
        let members: Vec<&str> = parts.map(|part| trim.apply(part)).filter(|member| !member.is_empty()).collect();
        let kept = within_limits(&members);
        if kept.iter().any(|member| member.contains(|c| !matches!(c, ' '..='~'))) {
            causes.bends("tracestate-value-invalid");
            return None;
        }
        return Some(members.iter().filter_map(|member| member.strip_prefix("dd=")).collect());
    }
    let mut found = Vec::new();
    for part in parts {
        match rule {
            Members::Loose(trim) | Members::Printable(trim) => found.extend(trim.apply(part).strip_prefix("dd=")),
            Members::Dropped { trim, max_value } => {
                let Some((key, value)) = part.split_once('=') else { continue };
                let (key, value) = (trim.apply(key), trim.apply_end(value));
                if key != "dd" || value.is_empty() {
                    continue;
                }
                if value.encode_utf16().count() > max_value {
                    causes.bends("dd-member-too-long");
                } else if value.contains('\t') {
                    causes.bends("tracestate-value-invalid");
                } else {
                    found.push(value);
                }
            }
            Members::Strict { max_value } => {
                if let Some(fault) = strict_fault(part, max_value) {
                    causes.bends(fault);
                    return None;
                }
                found.extend(part.strip_prefix("dd="));
            }
        }
    }
    Some(found)
}

/// The members that dd-trace-py goes on with: the last `dd` and `ot`, then others up to 32 members and 512 bytes; of
/// those that are too many, the ones of more than 128 characters go first.
fn within_limits<'v>(members: &[&'v str]) -> Vec<&'v str> {
    let prefixes = ["dd=", "ot="];
    let last = |prefix: &str| members.iter().rev().find(|member| member.starts_with(prefix)).copied();
    let mut kept: Vec<&str> = prefixes.into_iter().filter_map(last).collect();
    let own = kept.len();
    let big = |member: &str| member.chars().count() > 128;
    let mut others: Vec<&str> =
        members.iter().copied().filter(|member| !prefixes.iter().any(|prefix| member.starts_with(prefix))).collect();
    let mut excess = others.len().saturating_sub(32 - own);
    others.retain(|member| {
        let dropped = excess > 0 && big(member);
        excess -= usize::from(dropped);
        !dropped
    });
    others.truncate(32 - own);
    kept.extend(others);

    let mut packed: Vec<&str> = Vec::new();
    let mut bytes = 0;
    for (place, member) in kept.into_iter().enumerate() {
        let size = member.len() + usize::from(!packed.is_empty());
        if bytes + size <= 512 || (place == 0 && own > 0) {
            packed.push(member);
            bytes += size;
        } else if place < own || !big(member) {
            break;
        }
    }
    packed
}

/// What is wrong with a member for dd-trace-rs. An empty key passes.
fn strict_fault(part: &str, max_value: usize) -> Option<Cause> {
    let Some((key, value)) = part.split_once('=') else {
        return Some(if part.is_empty() { "tracestate-empty-member" } else { "tracestate-member-malformed" });
    };
    if key.len() > 256 {
        return Some("tracestate-key-too-long");
    }
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = key.as_bytes();
    let legal = bytes.iter().all(|b| alphanumeric(*b) || matches!(b, b'_' | b'-' | b'*' | b'/' | b'@'));
    let starts = bytes.first().is_none_or(|b| alphanumeric(*b));
    let system = key.split_once('@').is_none_or(|(_, system)| {
        system.len() <= 13 && !system.contains('@') && system.bytes().next().is_none_or(alphanumeric)
    });
    if !legal || !starts || !system {
        return Some("tracestate-key-invalid");
    }
    match value {
        "" => Some("tracestate-value-empty"),
        _ if value.len() > max_value => Some("tracestate-value-too-long"),
        _ if value.contains('=') => Some("tracestate-value-invalid"),
        _ => None,
    }
}

/// Reads the fields of one `dd` into `decided`.
fn fields(dd: &str, flag: i64, grammar: &Tracestate, decided: &mut Decided, causes: &mut Causes) {
    let (mut priorities, mut origin, mut parent) = (Vec::new(), "", "");
    for field in grammar.trim_dd.apply(dd).split(';') {
        let Some((key, value)) = field.split_once(':') else {
            if grammar.strict_dd {
                causes.bends("dd-field-malformed");
                return;
            }
            continue;
        };
        let (key, value) = match grammar.trim_field {
            Some(trim) => (trim.apply(key), trim.apply_end(value)),
            None => (key, value),
        };
        if grammar.trim_field.is_some() && (value.is_empty() || key.contains(blank)) {
            continue;
        }
        match key {
            "s" => priorities.push(value),
            "o" => origin = value,
            "p" => parent = value,
            _ => {}
        }
    }
    if priorities.windows(2).any(|pair| pair[0] != pair[1]) {
        causes.bends("dd-field-duplicate");
    }
    let read = |text: &&str| {
        let int = grammar.reader.read(text, 10)?;
        if grammar.bits == 0 { Some(int.clamped()) } else { int.signed(grammar.bits) }
    };
    let mut priority = decided.priority;
    let mut adopted = true;
    match grammar.s {
        WhichS::First | WhichS::Last => {
            let text = if grammar.s == WhichS::First { priorities.first() } else { priorities.last() };
            let number = text.and_then(read);
            if text.is_some() && number.is_none() {
                causes.bends("dd-sampling-priority-invalid");
                if grammar.strict_dd {
                    return;
                }
            }
            if grammar.rum && origin == "rum" && number.unwrap_or(0) == 0 {
                causes.bends("tracers-disagree");
                priority = number;
            } else if let Some(number) = number {
                adopted = (number > 0) == (flag > 0);
                priority = if adopted { Some(number) } else { priority };
            }
        }
        WhichS::Each | WhichS::EachUntilSet => {
            for text in &priorities {
                let Some(number) = read(text) else {
                    causes.bends("dd-sampling-priority-invalid");
                    continue;
                };
                let open = grammar.s == WhichS::Each || matches!(priority, Some(0 | 1));
                adopted = priority.is_some_and(|priority| (number > 0) == (priority > 0));
                if open && adopted {
                    priority = Some(number);
                }
            }
        }
    }
    if !adopted {
        causes.bends("dd-sampling-conflict");
    }
    decided.priority = priority;
    decided.last_parent = !parent.is_empty();
}

/// Whether `es=` is somewhere in the header but no member starts with it, which elastic-apm-python does not expect.
pub(super) fn raises_on_es(value: &str) -> bool {
    value.contains("es=") && !value.split(',').any(|member| member.trim_start().starts_with("es="))
}
