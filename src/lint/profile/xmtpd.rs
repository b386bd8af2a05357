//! xmtpd: `xmtpd.component.operation` and the tags of its spans.

use super::Site;
use super::codes::{
    XMTPD_CONNECT_FAILED, XMTPD_DB_TAGS, XMTPD_DUPLICATE_NO_GAP, XMTPD_LISTENER_REASON, XMTPD_NAME, XMTPD_NAME_UNKNOWN,
    XMTPD_RPC_NAME, XMTPD_TAG_TOO_LONG, XMTPD_TAG_TRUNCATED, XMTPD_TRACE_LINKED, XMTPD_TRIGGER,
};
use crate::diagnostic::Severity;
use crate::lint::site::shown;
use crate::trace::Value;

/// The names that xmtpd publishes, without `xmtpd.`.
const NAMES: [&str; 25] = [
    "db.query",
    "db_subscription.poll",
    "node.publish_payer_envelopes",
    "node.query_envelopes",
    "node.stage_transaction",
    "node.wait_gateway_publish",
    "publish_worker.calculate_fees",
    "publish_worker.delete_staged",
    "publish_worker.insert_gateway",
    "publish_worker.process",
    "publish_worker.sign_envelope",
    "subscribe_worker.broadcast",
    "subscribe_worker.dispatch",
    "subscribe_worker.listener_closed",
    "sync.connect_to_node",
    "sync.receive_batch",
    "sync.setup_stream",
    "sync.subscribe_envelopes",
    "sync.validate_envelope",
    "sync_worker.insert_gateway",
    "sync_worker.store_attestation",
    "sync_worker.store_envelope",
    "sync_worker.store_payer_report",
    "sync_worker.store_reserved_envelope",
    "sync_worker.verify_fees",
];

/// Characters of a tag, and what is put behind them when there were more.
const LONGEST_TAG: usize = 1024;
const TRUNCATED: &str = "...[truncated]";

pub(super) fn span(site: &mut Site<'_, '_, '_, '_>) {
    name(site);
    tag_lengths(site);
    trigger(site);
    let name = site.span.name();
    match name {
        "xmtpd.db.query" => db_tags(site),
        "xmtpd.publish_worker.process" => trace_linked(site),
        "xmtpd.subscribe_worker.listener_closed" => listener_reason(site),
        "xmtpd.sync.connect_to_node" if site.flag("connection_success") != Some(true) => {
            site.report(XMTPD_CONNECT_FAILED, "xmtpd flags no error here: look at the node's address and log", || {
                "connection_success is not set: the connection failed".to_owned()
            });
        }
        _ => {}
    }
    if site.flag("gap_detected") == Some(true) {
        let (got, expected) = (site.number("sequence_id"), site.number("expected_sequence_id"));
        if let (Some(got), Some(expected)) = (got, expected)
            && got < expected
        {
            site.report(XMTPD_DUPLICATE_NO_GAP, "an envelope came again; nothing is missing", || {
                format!("sequence_id {got} is before the expected {expected}: a duplicate, no gap")
            });
        }
    }
}

fn name(site: &mut Site<'_, '_, '_, '_>) {
    let name = site.span.name();
    let Some(rest) = name.strip_prefix("xmtpd.") else {
        if !name.starts_with("panic: ") {
            site.report(XMTPD_NAME, "write xmtpd.component.operation", || {
                format!("{} does not begin with xmtpd.", shown(name))
            });
        }
        return;
    };
    if rest.strip_prefix("api.").is_some_and(is_rpc) {
        site.report(XMTPD_RPC_NAME, "nothing: the RPC interceptor names spans by their method", || {
            format!("{} is named by its RPC method", shown(name))
        });
        return;
    }
    let parts: Vec<&str> = rest.split('.').collect();
    let snake = |part: &&str| {
        part.starts_with(|first: char| first.is_ascii_lowercase())
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if parts.len() != 2 || !parts.iter().all(snake) {
        site.report(XMTPD_NAME, "write xmtpd.component.operation, both in lower_snake_case", || {
            format!("{} is not xmtpd.component.operation in lower_snake_case", shown(name))
        });
    } else if !NAMES.contains(&rest) {
        site.report(XMTPD_NAME_UNKNOWN, "use one of the published names, or publish it", || {
            format!("{} is none of the {} published names", shown(name), NAMES.len())
        });
    }
}

/// `Method`, or `Method.stream`.
fn is_rpc(method: &str) -> bool {
    let method = method.strip_suffix(".stream").unwrap_or(method);
    method.starts_with(|first: char| first.is_ascii_uppercase())
        && method.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn tag_lengths(site: &mut Site<'_, '_, '_, '_>) {
    let (mut too_long, mut truncated) = (None, None);
    for (key, value) in site.span.attributes().iter() {
        let Value::Str(text) = value else { continue };
        if text.len() <= LONGEST_TAG {
            continue;
        }
        match text.strip_suffix(TRUNCATED).map(|kept| kept.chars().count()) {
            Some(LONGEST_TAG) => truncated = truncated.or(Some(key)),
            _ => {
                let length = text.chars().count();
                if length > LONGEST_TAG {
                    too_long = too_long.or(Some((key, length)));
                }
            }
        }
    }
    if let Some((key, length)) = too_long {
        site.report(XMTPD_TAG_TOO_LONG, "set tags through the tracing package, which truncates them", || {
            format!("{} has {length} characters, more than {LONGEST_TAG}, and was not truncated", shown(key))
        });
    }
    if let Some(key) = truncated {
        site.report(XMTPD_TAG_TRUNCATED, "nothing; the rest of the value is lost", || {
            format!("{} was cut at {LONGEST_TAG} characters", shown(key))
        });
    }
}

fn trigger(site: &mut Site<'_, '_, '_, '_>) {
    let trigger = site.text("trigger");
    let known =
        trigger.as_deref().is_none_or(|trigger| ["notification", "timer_fallback", "startup"].contains(&trigger));
    let missed = site.flag("notification_miss") == Some(true);
    let honest = trigger.as_deref() == Some("notification") && site.number("num_results") == Some(0.0);
    if !known {
        let shown = site.shown("trigger");
        site.report(XMTPD_TRIGGER, "triggers are notification, timer_fallback, startup", || {
            format!("the trigger {shown} is none")
        });
    } else if missed && !honest {
        let (trigger, results) = (site.shown("trigger"), site.shown("num_results"));
        site.report(XMTPD_TRIGGER, "only a notification that finds nothing is a miss", || {
            format!("notification_miss with trigger {trigger} and num_results {results}")
        });
    }
}

fn db_tags(site: &mut Site<'_, '_, '_, '_>) {
    let missing: Vec<&str> =
        ["db.system", "db.service", "db.role", "db.statement"].into_iter().filter(|key| !site.has(&[key])).collect();
    let role = site.text("db.role");
    if role.as_deref().is_some_and(|role| !["reader", "writer"].contains(&role)) {
        let role = site.shown("db.role");
        site.report(XMTPD_DB_TAGS, "roles are reader and writer", || {
            format!("db.role {role} is neither reader nor writer")
        });
    } else if !missing.is_empty() {
        site.report(XMTPD_DB_TAGS, "query through the instrumented pool", || format!("without {}", missing.join(", ")));
    }
}

fn trace_linked(site: &mut Site<'_, '_, '_, '_>) {
    let missing: Vec<&str> = ["trace_linked", "staged_id"].into_iter().filter(|key| !site.has(&[key])).collect();
    let has_parent = site.span.parent_id().is_some();
    if !missing.is_empty() {
        site.report(XMTPD_TRACE_LINKED, "start the span through the trace context store", || {
            format!("without {}", missing.join(", "))
        });
        return;
    }
    match (site.flag("trace_linked"), has_parent) {
        (Some(true), false) => site.report(XMTPD_TRACE_LINKED, "start it as a child of the stored context", || {
            "trace_linked is true, and the span has no parent".to_owned()
        }),
        (Some(false), true) => site.report(XMTPD_TRACE_LINKED, "say trace_linked=true of a span with a parent", || {
            "trace_linked is false, and the span has a parent".to_owned()
        }),
        _ => {}
    }
}

fn listener_reason(site: &mut Site<'_, '_, '_, '_>) {
    match site.text("reason").as_deref() {
        Some("context_done") => {}
        Some("channel_full") if site.has(&["dropped_envelopes"]) => {}
        Some("channel_full") => {
            site.report_as(XMTPD_LISTENER_REASON, Severity::Warning, "say how many were dropped", || {
                "channel_full without dropped_envelopes".to_owned()
            });
        }
        _ => {
            let reason = site.shown("reason");
            site.report(XMTPD_LISTENER_REASON, "reasons are channel_full and context_done", || {
                format!("the reason {reason} is neither channel_full nor context_done")
            });
        }
    }
}
