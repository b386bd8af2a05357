//! flowbot: HTTP, events, pipelines, abilities and databases, in their documented and their real names.

use super::codes::{
    FLOWBOT_ATTRIBUTES, FLOWBOT_CAPABILITY, FLOWBOT_LIBRARY_NAME, FLOWBOT_PIPELINE_NAME, FLOWBOT_PROBE_PATH,
    FLOWBOT_RECEIVE_PARENT, FLOWBOT_ROUTE, FLOWBOT_STATUS, FLOWBOT_TOPIC_MISSING,
};
use super::{Sink, Site};
use crate::diagnostic::Severity;
use crate::lint::site::shown;
use crate::trace::{Span, SpanKind};
use crate::tree::TraceTree;
use std::collections::HashMap;

/// Paths that make no spans.
const PROBES: [&str; 4] = ["/livez", "/readyz", "/healthz", "/metrics"];

/// An attribute under the names that it may have.
type Attribute = &'static [&'static str];

const METHOD: Attribute = &["http.method", "http.request.method"];
const STATUS: Attribute = &["http.status_code", "http.response.status_code"];
const HTTP_SERVER: [Attribute; 5] = [
    METHOD,
    &["http.target", "url.path"],
    &["net.host.name", "server.address"],
    &["http.scheme", "url.scheme"],
    STATUS,
];
const HTTP_CLIENT: [Attribute; 4] = [METHOD, &["http.url", "url.full"], &["net.peer.name", "server.address"], STATUS];
const PUBLISH: [Attribute; 2] = [&["messaging.destination", "messaging.destination.name"], &["messaging.message.id"]];
const RECEIVE: [Attribute; 3] = [PUBLISH[0], PUBLISH[1], &["messaging.operation", "messaging.operation.type"]];
const EXECUTE: [Attribute; 3] = [&["pipeline.name"], &["event.id"], &["event.type"]];
const STEP: [Attribute; 3] = [&["pipeline.step.name"], &["pipeline.step.capability"], &["pipeline.step.operation"]];
const ABILITY: [Attribute; 2] = [&["capability.name"], &["capability.operation"]];
const REDIS: [Attribute; 2] = [&["db.system", "db.system.name"], &["db.statement", "db.query.text"]];
const GORM: [Attribute; 3] = [REDIS[0], REDIS[1], &["db.rows_affected", "db.response.returned_rows"]];

pub(super) fn span(site: &mut Site<'_, '_, '_, '_>) {
    if !probe_path(site) {
        route(site);
    }
    names(site);
    required(site);
    status(site);
}

fn kind_is(span: Span<'_>, kind: SpanKind) -> bool {
    span.kind() == kind || span.attributes().text("span.kind") == kind.word()
}

fn is_http_server(site: &Site<'_, '_, '_, '_>) -> bool {
    kind_is(site.span, SpanKind::Server) && (site.span.name().starts_with("HTTP ") || site.has(METHOD))
}

fn probe_path(site: &mut Site<'_, '_, '_, '_>) -> bool {
    let of_name = site.span.name().rsplit(' ').next().unwrap_or_default().to_owned();
    let paths = ["http.route", "http.target", "url.path"].map(|key| site.text(key).unwrap_or_default().into_owned());
    let probe = PROBES.iter().find(|probe| of_name == **probe || paths.iter().any(|path| path == *probe));
    if let Some(probe) = probe {
        site.report(
            FLOWBOT_PROBE_PATH,
            "the tracing middleware skips probes: it is not the one in use, or stands too early",
            || format!("a span for {probe}, which is skipped"),
        );
    }
    probe.is_some()
}

fn route(site: &mut Site<'_, '_, '_, '_>) {
    let name = site.span.name();
    let identifier = name.split(['/', '.', ' ', ':']).find(|segment| looks_like_identifier(segment));
    let without = is_http_server(site) && !site.has(&["http.route"]);
    if without || identifier.is_some() {
        site.report(FLOWBOT_ROUTE, "name server spans by their route: HTTP GET /service/:id", || match identifier {
            Some(identifier) => format!("{} in the name looks like an identifier", shown(identifier)),
            None => "a server span without http.route".to_owned(),
        });
    }
}

/// A UUID, a number, or 16 hex digits and more.
fn looks_like_identifier(segment: &str) -> bool {
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let uuid =
        segment.len() == 36 && segment.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && segment.split('-').all(hex);
    let number = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    uuid || number || segment.len() >= 16 && hex(segment)
}

fn names(site: &mut Site<'_, '_, '_, '_>) {
    let name = site.span.name();
    if let Some(rest) = name.strip_prefix("pipeline.") {
        let execute = rest.strip_suffix(".execute").is_some_and(|name| !name.is_empty());
        let step = rest.split_once(".step.").is_some_and(|(name, step)| !name.is_empty() && !step.is_empty());
        if !execute && !step && !["cron", "webhook.async"].contains(&rest) {
            site.report(FLOWBOT_PIPELINE_NAME, "write pipeline.NAME.execute or pipeline.NAME.step.STEP", || {
                format!("{} is neither an execution nor a step", shown(name))
            });
        }
    }
    if name == "event.receive" {
        site.report(
            FLOWBOT_TOPIC_MISSING,
            "a retry: the middleware took the topic out of the message on the first attempt",
            || "event.receive without a topic".to_owned(),
        );
    }
    if name.starts_with("capability.") {
        site.report(FLOWBOT_CAPABILITY, "nothing: later versions write capability for ability", || {
            format!("{} is the later spelling of ability", shown(name))
        });
    }
    if site.has(REDIS[0]) && name.starts_with(|first: char| first.is_ascii_lowercase()) && !name.starts_with("gorm.") {
        site.report(FLOWBOT_LIBRARY_NAME, "nothing: the documents write gorm.Query, or GET", || {
            format!("{} is the name that the library gives", shown(name))
        });
    }
}

/// Attributes that a span of its kind has, and what its name says that they are.
fn required(site: &mut Site<'_, '_, '_, '_>) {
    let name = site.span.name();
    let mut named: Vec<(&str, &str)> = Vec::new();
    let wanted: &[Attribute] = if let Some(rest) = name.strip_prefix("pipeline.") {
        if let Some((pipeline, step)) = rest.split_once(".step.") {
            named.extend([("pipeline.name", pipeline), ("pipeline.step.name", step)]);
            &STEP
        } else if let Some(pipeline) = rest.strip_suffix(".execute") {
            named.push(("pipeline.name", pipeline));
            &EXECUTE
        } else {
            &[]
        }
    } else if let Some(topic) = name.strip_prefix("event.publish ") {
        named.push(("messaging.destination", topic));
        &PUBLISH
    } else if let Some(topic) = name.strip_prefix("event.receive ") {
        named.extend([("messaging.destination", topic), ("messaging.operation", "receive")]);
        &RECEIVE
    } else if let Some(rest) = name.strip_prefix("ability.").or_else(|| name.strip_prefix("capability.")) {
        if let Some((ability, operation)) = rest.rsplit_once('.') {
            named.extend([("capability.name", ability), ("capability.operation", operation)]);
        }
        &ABILITY
    } else if REDIS[0].iter().any(|key| site.text(key).as_deref() == Some("redis")) {
        &REDIS
    } else if name.starts_with("gorm.") || site.has(REDIS[0]) {
        &GORM
    } else if is_http_server(site) {
        &HTTP_SERVER
    } else if name.starts_with("HTTP ") && kind_is(site.span, SpanKind::Client) {
        &HTTP_CLIENT
    } else {
        &[]
    };
    let missing: Vec<&str> =
        wanted.iter().filter(|names| !site.has(names)).filter_map(|names| names.first().copied()).collect();
    let other = named.into_iter().find(|(key, wanted)| site.text(key).is_some_and(|text| text != *wanted));
    if !missing.is_empty() {
        site.report(FLOWBOT_ATTRIBUTES, "set what the documents require of this span", || {
            format!("without {}", missing.join(", "))
        });
    } else if let Some((key, wanted)) = other {
        let got = site.shown(key);
        site.report(FLOWBOT_ATTRIBUTES, "make attribute and name of one value", || {
            format!("{key} is {got}, the name says {}", shown(wanted))
        });
    }
}

fn status(site: &mut Site<'_, '_, '_, '_>) {
    if site.span.error() {
        return;
    }
    let code = STATUS.iter().find_map(|key| site.number(key)).filter(|code| *code >= 400.0);
    if let Some(code) = code.filter(|_| is_http_server(site)) {
        site.report_as(
            FLOWBOT_STATUS,
            Severity::Error,
            "set the error status, or no search for errors finds it",
            || format!("HTTP status {code} without an error status"),
        );
    } else if site.span.events().any(|event| event.name() == "exception") {
        site.report(
            FLOWBOT_STATUS,
            "RecordError sets no status: call SetStatus too, or no search for errors finds it",
            || "an exception event without an error status".to_owned(),
        );
    }
}

/// FB07, which looks at two spans.
pub(super) fn receives(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    let is = |span: Span<'_>, name: &str| span.service() == "flowbot" && span.name().split(' ').next() == Some(name);
    let mut published: HashMap<&str, usize> = HashMap::new();
    for index in 0..tree.len() {
        let Some(span) = tree.span(index).filter(|span| is(*span, "event.publish")) else { continue };
        if let Some(id) = span.attributes().text("messaging.message.id") {
            published.entry(id).or_insert(index);
        }
    }
    for index in 0..tree.len() {
        let Some(span) = tree.span(index).filter(|span| is(*span, "event.receive")) else { continue };
        let publish = span.attributes().text("messaging.message.id").and_then(|id| published.get(id));
        let Some(publish) = publish.filter(|publish| tree.parent(index) != Some(**publish)) else { continue };
        let id = tree.span(*publish).map(|span| span.span_id()).unwrap_or_default();
        sink.take(FLOWBOT_RECEIVE_PARENT, FLOWBOT_RECEIVE_PARENT.severity(), tree, index, || {
            let message = format!("the message was published by {id}, which is not its parent");
            (message, "the caller's context was injected instead of that of event.publish")
        });
    }
}
