//! Header sets in which there is nothing to report, told without reading them into a context: for counting very many.
//!
//! Every check here is narrower than the one of [`super::extract`], never wider: a set that is not plain may still be
//! sound, and is looked at again.
//!
//! ```text
//! traceparent: 00-68e065af00000000f15cc873eb8feb91-d11cc9fb75511541-01
//! tracestate: dd=s:1;p:d11cc9fb75511541;t.dm:-1,congo=t61rcWkgMzE
//! x-datadog-trace-id: 17391593264416050065      the low half, decimal
//! x-datadog-tags: _dd.p.dm=-1,_dd.p.tid=68e065af00000000
//! ```

use super::carrier::{cut, is_visible, split};
use super::number::{lower_hex, sixteen_lower, unsigned};
use super::traceparent::plain_traceparent;
use crate::context::PropagationStyle;
use crate::id::TraceId;

/// The style whose trace [`super::extract`] would continue when it tries all styles, of a set of W3C and Datadog headers
/// in which it would find nothing to report. `None` says that it has to look. `now` is that of its options. This
/// allocates nothing.
pub fn plain_style(fields: &[(&str, &str)], now: Option<u64>) -> Option<PropagationStyle> {
    let mut set = Set::default();
    for (name, value) in fields {
        match *name {
            "traceparent" => once(&mut set.traceparent, value)?,
            "tracestate" => once(&mut set.tracestate, value)?,
            "x-datadog-trace-id" => once(&mut set.trace_id, value)?,
            "x-datadog-parent-id" => once(&mut set.parent_id, value)?,
            "x-datadog-sampling-priority" => once(&mut set.priority, value)?,
            "x-datadog-tags" => once(&mut set.tags, value)?,
            _ => return None,
        }
    }
    let w3c = match (set.traceparent, set.tracestate) {
        (Some(parent), state) => Some(w3c(parent, state, now)?),
        (None, None) => None,
        (None, Some(_)) => return None,
    };
    match (set.trace_id, set.parent_id, set.priority, set.tags) {
        (None, None, None, None) => w3c.map(|_| PropagationStyle::TraceContext),
        (Some(trace_id), Some(parent_id), Some(priority), Some(tags)) => {
            let own = datadog(trace_id, parent_id, priority, tags, now)?;
            (w3c.is_none() || w3c == Some(own)).then_some(PropagationStyle::Datadog)
        }
        _ => None,
    }
}

#[derive(Default)]
struct Set<'h> {
    traceparent: Option<&'h str>,
    tracestate: Option<&'h str>,
    trace_id: Option<&'h str>,
    parent_id: Option<&'h str>,
    priority: Option<&'h str>,
    tags: Option<&'h str>,
}

fn once<'h>(slot: &mut Option<&'h str>, value: &'h str) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

/// Trace, parent and decision.
type Identity = (TraceId, u64, i32);

fn w3c(traceparent: &str, tracestate: Option<&str>, now: Option<u64>) -> Option<Identity> {
    let (trace_id, parent_id, flags) = plain_traceparent(traceparent.as_bytes(), now)?;
    let mut decision = i32::from(flags);
    if let Some(tracestate) = tracestate {
        // Fewer and shorter members than any limit; `dd` comes first, and others have simple keys.
        if tracestate.len() > 256 {
            return None;
        }
        let mut members = split(tracestate, b',').map(|(_, member)| member);
        let first = members.next()?;
        let mut seen = ["", ""];
        decision = dd_decision(first.strip_prefix("dd=")?, flags)?;
        for (number, member) in members.enumerate() {
            let (key, value) = cut(member, b'=')?;
            let simple = key.len() > 2 && key.bytes().all(|byte| byte.is_ascii_lowercase());
            let sound = !value.is_empty() && is_visible(value, b'!') && cut(value, b'=').is_none();
            if !simple || !sound || seen.contains(&key) {
                return None;
            }
            *seen.get_mut(number)? = key;
        }
    }
    Some((trace_id, parent_id.0, decision))
}

/// `s:N;p:HEX;t.dm:-N`, with a decision that agrees with the flag.
fn dd_decision(dd: &str, flags: u8) -> Option<i32> {
    let dd = dd.strip_prefix("s:")?;
    let (decision, dd) = cut(dd, b';')?;
    let decision = priority(decision)?;
    let (parent, dd) = dd.strip_prefix("p:")?.split_at_checked(16)?;
    lower_hex(parent, 16)?;
    is_decision_maker(dd.strip_prefix(";t.dm:")?).then_some(())?;
    ((decision > 0) == (flags == 1)).then_some(decision)
}

fn datadog(trace_id: &str, parent_id: &str, decision: &str, tags: &str, now: Option<u64>) -> Option<Identity> {
    let low = decimal(trace_id)?;
    let parent_id = decimal(parent_id)?;
    let decision = priority(decision)?;
    let (maker, tid) = cut(tags.strip_prefix("_dd.p.dm=")?, b',')?;
    let tid = tid.strip_prefix("_dd.p.tid=")?;
    let high = sixteen_lower(tid.as_bytes().try_into().ok()?)?;
    let sound = is_decision_maker(maker) && high != 0 && !super::traceparent::is_time_implausible(high, now);
    sound.then_some((TraceId::from_halves(high, low), parent_id, decision))
}

/// A number other than zero, without a plus.
fn decimal(text: &str) -> Option<u64> {
    unsigned(text).ok().filter(|(number, plus)| *number != 0 && !plus).map(|(number, _)| number)
}

fn priority(text: &str) -> Option<i32> {
    Some(match text {
        "-1" => -1,
        "0" => 0,
        "1" => 1,
        "2" => 2,
        _ => return None,
    })
}

fn is_decision_maker(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', b'0'..=b'9'])
}
